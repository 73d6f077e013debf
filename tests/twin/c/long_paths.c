// SPDX-License-Identifier: MIT OR Apache-2.0
/* Paths up to PATH_MAX, in every call that takes one or two; names of 255 and 256 bytes; too long by one. */
#include "twin.h"

#define DEPTH 15

static char deep[8192], padded[8192], name[300];

/* A path of exactly `length` bytes to the same place: slashes and dots in front. */
static const char *pad(const char *path, size_t length)
{
	size_t missing = length - strlen(path);
	memset(padded, '/', missing);
	for (size_t i = 1; i + 2 < missing && i < 2000; i += 2)
		padded[i] = '.';
	strcpy(padded + missing, path);
	return padded;
}

/* Results without the paths, which are long. */
#define R(text, call)                                                                        \
	do {                                                                                 \
		errno = 0;                                                                   \
		long r_ = (long)(call);                                                      \
		printf("%s: %d %s\n", text, r_ < 0 ? -1 : 0, r_ < 0 ? strerror(errno) : ""); \
	} while (0)

int main(void)
{
	char other[8192], target[100];
	struct stat st;
	memset(name, 'n', 255);
	strcpy(deep, "/tmp");
	for (int i = 0; i < DEPTH; i++) {
		strcat(strcat(deep, "/"), name);
		if (mkdir(deep, 0755) < 0)
			printf("%d: %s\n", i, strerror(errno));
	}
	printf("%zu bytes\n", strlen(deep));
	strcat(deep, "/f");
	int fd;
	R("create", fd = open(deep, O_CREAT | O_RDWR, 0644));
	R("write", write(fd, "deep", 4));
	R("stat", stat(deep, &st));
	printf("%ld\n", (long)st.st_size);
	R("4095", stat(pad(deep, 4095), &st));
	R("4096", stat(pad(deep, 4096), &st));
	R("open 4095", close(open(pad(deep, 4095), O_RDONLY)));
	R("access", access(deep, R_OK));
	R("chmod", chmod(deep, 0600));
	R("truncate", truncate(deep, 2));
	strcpy(other, deep);
	strcat(other, "2");
	R("rename", rename(deep, other));
	R("link", link(other, deep));
	R("link again", link(other, deep));
	R("unlink", unlink(other));
	R("symlink", symlink("target", other));
	R("readlink", readlink(other, target, sizeof(target)));
	R("lstat", lstat(other, &st));
	R("stat of it", stat(other, &st));
	R("slash", stat(strcat(strcpy(padded, deep), "/"), &st));
	R("below a file", stat(strcat(strcpy(padded, deep), "/x"), &st));
	R("slashes", mkdir(strcat(strcpy(padded, deep), "d///////"), 0755));
	R("rmdir", rmdir(strcat(strcpy(padded, deep), "d//")));
	R("unlink", unlink(other));
	R("unlink", unlink(deep));
	*strrchr(deep, '/') = '\0';
	R("chdir", chdir(deep));
	R("here", close(open("g", O_CREAT | O_RDWR, 0644)));
	R("from here", unlink("g"));
	R("up", chdir("/tmp"));
	memset(name, 'x', 256);
	R("256", mkdir(name, 0755));
	R("long name, long path", stat(pad(name, 3500), &st));
	memset(padded, 'y', 3500);
	padded[3500] = '\0';
	R("one long name", stat(padded, &st));
	strcpy(padded, "/missing");
	for (int i = 0; i < 1900; i++)
		strcat(padded, "/.");
	R("missing", stat(padded, &st));
	while (strlen(deep) > 4) {
		if (rmdir(deep) < 0)
			printf("rmdir: %s\n", strerror(errno));
		*strrchr(deep, '/') = '\0';
	}
	return 0;
}
