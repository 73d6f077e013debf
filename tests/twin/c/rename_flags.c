/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* renameat2: NOREPLACE, EXCHANGE, what cannot go together; utimensat and statx of what was moved */
#include "twin.h"

#include <sys/stat.h>

#define NOREPLACE 1
#define EXCHANGE 2
#define WHITEOUT 4

static long rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	write(fd, text, strlen(text));
	close(fd);
}

static void show(const char *name)
{
	struct stat s;
	char text[20] = "";
	if (lstat(name, &s) != 0) {
		printf("%s: %s\n", name, strerror(errno));
		return;
	}
	int fd = open(name, O_RDONLY);
	if (S_ISREG(s.st_mode))
		(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	printf("%s: %o links %ld %s\n", name, s.st_mode, (long)s.st_nlink, text);
}

int main(void)
{
	put("a", "A");
	put("b", "B");
	mkdir("d", 0700);
	mkdir("d/e", 0700);
	mkdir("empty", 0700);
	put("d/f", "F");
	symlink("a", "l");
	T(rename2("a", "b", NOREPLACE));
	T(rename2("a", "c", NOREPLACE));
	T(rename2("c", "a", NOREPLACE));
	T(rename2("a", "b", EXCHANGE));
	show("a");
	show("b");
	T(rename2("a", "d", EXCHANGE));
	show("a");
	show("d");
	T(rename2("a", "d", EXCHANGE));
	T(rename2("a", "missing", EXCHANGE));
	T(rename2("a", "b", NOREPLACE | EXCHANGE));
	T(rename2("a", "b", 8));
	T(rename2("a", "b", EXCHANGE | WHITEOUT));
	T(rename2("d", "d/e", EXCHANGE));
	T(rename2("d/e", "d", EXCHANGE));
	T(rename2("d", "d/e/x", 0));
	T(rename2("d", "d", 0));
	T(rename2("d", "empty", 0));
	T(rename2("empty", "a", 0));
	T(rename2("a", "empty", 0));
	T(rename2("a", "l", NOREPLACE));
	T(rename2("a", "l", 0));
	show("l");
	T(rename2("missing", "x", NOREPLACE));
	T(rename2(".", "x", 0));
	T(rename2("empty/.", "x", 0));
	T(rename2("empty/e/..", "x", 0));
	T(rename2("b", "new/", 0));
	T(rename2("empty", "b/", 0));
	T(rename2("empty", "new/", 0));
	show("new");
	T(link("b", "b2"));
	T(rename2("b", "b2", 0));
	show("b");
	T(rename2("b", "b2", EXCHANGE));
	T(rename2("b", "", 0));
	T(rename2("", "b", 0));
	return 0;
}
