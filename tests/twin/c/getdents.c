/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* directory reading: order does not count, cursor under removal does */
#include "twin.h"

#include <dirent.h>
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
int main(void)
{
	char name[300], *names[400];
	int n = 0;
	mkdir("d", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file-with-a-long-name-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	mkdir("d/sub", 0755);
	symlink("x", "d/link");
	DIR *d = opendir("d");
	for (struct dirent *e; (e = readdir(d));) {
		names[n] = malloc(300);
		snprintf(names[n++], 300, "%s %d", e->d_name, e->d_type);
	}
	qsort(names, (size_t)n, sizeof(*names), by_name);
	for (int i = 0; i < n; i += 17)
		puts(names[i]);
	printf("%d\n", n);
	rewinddir(d);
	int removed = 0;
	for (struct dirent *e; (e = readdir(d));) {
		snprintf(name, sizeof(name), "d/%s", e->d_name);
		if (e->d_type == DT_REG && unlink(name) == 0)
			removed++;
	}
	printf("removed %d\n", removed);
	closedir(d);
	char buf[10];
	int fd = open("d", O_RDONLY);
	T(syscall(SYS_getdents64, fd, buf, 10));
	T(syscall(SYS_getdents64, 99, buf, 10));
	T(read(fd, buf, 10));
	T(syscall(SYS_getdents64, 1, buf, 10));
	return 0;
}
