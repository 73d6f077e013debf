/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* random mmap, munmap, mprotect, mremap, madvise, brk, fork in a fixed window: same results and contents on both */
#include "twin.h"

#include <setjmp.h>

#define WINDOW ((char *)0x100000000000)
#define PAGES 256
#define PAGE 4096l

static sigjmp_buf jump;
static uint64_t state, digest;
static int file;

static void on(int s)
{
	siglongjmp(jump, s);
}

static uint32_t next(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

static void note(long value)
{
	digest = (digest ^ (uint64_t)value) * 0x100000001b3ull;
}

static void note_call(long result)
{
	note(result < 0 ? -errno : 0);
}

/* Reads or writes a word of a page; notes what happened. */
static void touch(int page, int writes)
{
	volatile uint64_t *word = (volatile uint64_t *)(WINDOW + page * PAGE + 8 * next(512));
	int s = sigsetjmp(jump, 1);

	if (s) {
		note(1000 + s);
		return;
	}
	if (writes)
		*word = state;
	note((long)*word);
}

static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
			    PROT_READ | PROT_EXEC};

static void step(void)
{
	int page = (int)next(PAGES), count = 1 + (int)next(next(3) ? 6 : 40), prot = prots[next(5)],
	    other = (int)next(PAGES);
	char *at = WINDOW + page * PAGE;

	if (page + count > PAGES)
		count = PAGES - page;
	errno = 0;
	switch (next(24)) {
	case 0:
	case 1:
		note_call(mmap(at, (size_t)(count * PAGE), prot, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0) == MAP_FAILED
				  ? -1
				  : 0);
		break;
	case 2:
		note_call(mmap(at, (size_t)(count * PAGE), prot, MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1,
			       0) == MAP_FAILED
				  ? -1
				  : 0);
		break;
	case 3:
		note_call(mmap(at, (size_t)(count * PAGE), prot,
			       MAP_FIXED | (next(2) ? MAP_SHARED : MAP_PRIVATE), file,
			       PAGE * next(20)) == MAP_FAILED
				  ? -1
				  : 0);
		break;
	case 4: note_call(munmap(at, (size_t)(count * PAGE))); break;
	case 5:
	case 6: note_call(mprotect(at, (size_t)(count * PAGE), prot)); break;
	case 7: note_call(madvise(at, (size_t)(count * PAGE), MADV_DONTNEED)); break;
	case 8:
		/* One page: what is done before a failure over several areas differs between versions of Linux. */
		if ((page < other || other + 4 <= page) && other + 4 <= PAGES)
			note_call(mremap(at, PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
					 WINDOW + other * PAGE) == MAP_FAILED
					  ? -1
					  : 0);
		break;
	case 9:
		note_call(mmap(at, (size_t)(count * PAGE), prot,
			       MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
				  ? -1
				  : 0);
		break;
	default: touch(page, (int)next(2));
	}
}

static void all_pages(void)
{
	for (int page = 0; page < PAGES; page++) {
		volatile uint64_t *word = (volatile uint64_t *)(WINDOW + page * PAGE);
		int s = sigsetjmp(jump, 1);
		if (s) {
			note(s);
			continue;
		}
		for (int i = 0; i < 512; i++)
			note((long)word[i]);
	}
}

static void run(int depth)
{
	for (int i = 0; i < 400; i++)
		step();
	if (depth < 3) {
		fflush(stdout);
		pid_t child = fork();
		if (child == 0) {
			state += 77;
			run(depth + 1);
			all_pages();
			printf("child at %d: %016llx\n", depth, (unsigned long long)digest);
			fflush(stdout);
			_exit(depth);
		}
		note(wait_status(child));
	}
	for (int i = 0; i < 100; i++)
		step();
}

int main(void)
{
	char bytes[4096];

	signal(SIGSEGV, on);
	signal(SIGBUS, on);
	file = open("memory", O_RDWR | O_CREAT, 0600);
	for (int i = 0; i < 16; i++) {
		memset(bytes, 'a' + i, sizeof(bytes));
		write(file, bytes, sizeof(bytes));
	}
	for (int seed = 1; seed <= 12; seed++) {
		state = (uint64_t)seed * 12345;
		digest = 0xcbf29ce484222325ull;
		munmap(WINDOW, PAGES * PAGE);
		run(0);
		all_pages();
		printf("seed %d: %016llx\n", seed, (unsigned long long)digest);
		fflush(stdout);
	}
	return 0;
}
