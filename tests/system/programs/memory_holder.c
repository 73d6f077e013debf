// SPDX-License-Identifier: MIT OR Apache-2.0
/* Takes nearly all memory there is, page by page, says so, and keeps it; with an argument: all there is, again and again. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages that programs can still have, and what mem keeps for itself (servers/mem/frames.c). */
static long left_over(void)
{
	unsigned long total = 0, left = 0;
	char line[100];
	FILE *f = fopen("/proc/tessera/objects", "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "mem.pages_total %lu", &total);
		sscanf(line, "mem.pages_free %lu", &left);
	}
	if (f)
		fclose(f);
	return (long)left - (long)(total / 128 + 32);
}

static void take(unsigned long bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (unsigned long i = 0; memory != MAP_FAILED && i < bytes; i += 4096)
		((volatile char *)memory)[i] = 1;
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		for (;;)
			take(1 << 20);
	while (left_over() > 64)
		take(left_over() > 512 ? 256 * 4096 : 16 * 4096);
	printf("holding\n");
	fflush(stdout);
	for (;;)
		pause();
}
