/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rename, link, unlink, rmdir: every error */
#include "twin.h"

int main(void)
{
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	mkdir("e", 0755);
	close(open("f", O_CREAT | O_WRONLY, 0600));
	close(open("e/x", O_CREAT | O_WRONLY, 0600));
	T(rename("d", "d/sub/in"));
	T(rename("d", "f"));
	T(rename("f", "d"));
	T(rename("d", "e"));
	T(rename("none", "x"));
	T(rename("f", "none/x"));
	T(rename("f", "f"));
	T(rename("f/", "g"));
	T(rename(".", "y"));
	T(rmdir("d"));
	T(rmdir("d/sub/."));
	T(rmdir("/"));
	T(rmdir("d/sub/.."));
	T(unlink("d"));
	T(unlink("f/"));
	T(link("d", "l"));
	T(link("none", "l"));
	T(link("f", "e"));
	T(link("f", "f"));
	T(mkdir("d", 0700));
	T(mkdir("none/x", 0700));
	T(mkdir("f/x", 0700));
	T(mkdir("/", 0700));
	T(mkdir("new/", 0700));
	T(symlink("", "s"));
	T(symlink("t", "f"));
	T(chdir("f"));
	T(chdir("none"));
	T(chdir("e"));
	char buf[200], small[3];
	T(getcwd(small, 3) == NULL);
	getcwd(buf, 200);
	puts(strrchr(buf, '/'));
	rmdir("../e");
	unlink("x");
	T(rmdir("../e"));
	T(getcwd(buf, 200) == NULL);
	T(open("y", O_CREAT | O_WRONLY, 0600));
	T(chdir(".."));
	T(truncate("f", 100));
	T(truncate("d", 100));
	T(truncate("none", 1));
	T(chmod("none", 0));
	T(access("f", X_OK));
	T(access("f", F_OK));
	T(access("f", 99));
	return 0;
}
