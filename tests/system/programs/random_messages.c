/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Messages to the services past the personality: every operation of every protocol with random words, data and
 * capabilities, through every capability that a Linux process has. Run by an unprivileged user: nobody else may suffer.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define MESSAGE_PAGE 0x7fff60000000
#define WORDS 384u
#define SEND_SLOT 3072u
#define SEND_MODE 3104u
#define RECV_SLOT 3112u

static volatile uint64_t *count;

static uint64_t own_capability(void)
{
	switch (next() % 5) {
	case 0: return next() % 2 ? 1 : 2; /* mem, proc */
	case 1: return next() % 32;
	case 2: return 0x801 + next() % 3;    /* directories, executable */
	default: return 0x1000 + next() % 20; /* descriptors */
	}
}

static uint64_t slot(void)
{
	switch (next() % 4) {
	case 0: return (5ull << 32) | (next() % 128);
	case 1: return (6ull << 32) | (next() % 64);
	case 2: return own_capability();
	default: return next() % 8 ? 0 : next();
	}
}

static uint64_t value(void)
{
	static const uint64_t odd[] = {0,
				       1,
				       ~0ull,
				       0xffffffff,
				       0x80000000,
				       1ull << 63,
				       4096,
				       0x7fff00000000,
				       0x7ffeff000000,
				       0x10000,
				       1ull << 32,
				       0x555555554000,
				       0xffffffff80000000,
				       0x7fffffffffffffff,
				       511,
				       512,
				       1024};
	switch (next() % 5) {
	case 0: return odd[next() % (sizeof(odd) / sizeof(odd[0]))];
	case 1: return next() % 16;
	case 2: return next() % 0x4000;
	case 3: return (next() % 0x7fff0000) << 12;
	default: return next();
	}
}

static uint32_t operation(uint64_t capability)
{
	if (capability == 1)
		return (uint32_t)(0x300 + next() % 0x50);
	if (capability == 2)
		return (uint32_t)(0x400 + next() % 0x40);
	switch (next() % 8) {
	case 0: return (uint32_t)(next() & 0xffff);
	case 1:
	case 2:
	case 3: return (uint32_t)(0x200 + next() % 0x40);
	default: return (uint32_t)(0x100 + next() % 0x20);
	}
}

static void fill_page(void)
{
	volatile uint64_t *words = (volatile uint64_t *)MESSAGE_PAGE;
	for (unsigned i = 4; i < 40; i++)
		words[i] = value();
	if (next() % 2)
		strcpy((char *)MESSAGE_PAGE + 32 + next() % 64, "/tmp/../tmp/./name");
	for (unsigned i = 0; i < 4; i++) {
		*(volatile uint64_t *)(MESSAGE_PAGE + SEND_SLOT + 8 * i) = slot();
		*(volatile uint64_t *)(MESSAGE_PAGE + RECV_SLOT + 8 * i) = slot();
		*(volatile uint8_t *)(MESSAGE_PAGE + SEND_MODE + i) = (uint8_t)(next() % 4);
		*(volatile uint8_t *)(MESSAGE_PAGE + SEND_MODE + 4 + i) = (uint8_t)next();
	}
}

/* Something of everything that has a descriptor, but not what others use. */
static void open_descriptors(void)
{
	int p[2];
	for (int i = 0; i < 64; i++)
		close(i);
	(void)!open("/dev/null", O_RDWR);
	(void)!open("/tmp", O_RDONLY | O_DIRECTORY);
	(void)!open("/tmp", O_TMPFILE | O_RDWR, 0600);
	(void)!open("/bin/busybox", O_RDONLY);
	(void)!open("/proc/self/status", O_RDONLY);
	(void)!open("/proc", O_RDONLY | O_DIRECTORY);
	(void)!open("/dev/zero", O_RDWR);
	(void)!pipe2(p, O_NONBLOCK);
	(void)!open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
	(void)!eventfd(1, EFD_NONBLOCK);
	(void)!timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	(void)!open("/tmp/message-file", O_CREAT | O_RDWR, 0666);
	(void)!open("/dev/urandom", O_RDONLY);
}

static void child(void)
{
	open_descriptors();
	for (;;) {
		uint64_t capability = own_capability();
		uint64_t words = next() % 8 ? next() % 40 : next() % 0x400,
			 caps = next() % 3 ? 0 : next() % 8;
		struct native n = {.rdi = capability,
				   .rsi = operation(capability) | words << 16 | caps << 32,
				   .rdx = value(),
				   .r10 = value(),
				   .r8 = value(),
				   .r9 = value(),
				   .r12 = ~0ull};
		fill_page();
		++*count;
		native_operation(3, &n);
	}
}

int main(int argc, char **argv)
{
	count = shared_count();
	if (argc > 2)
		fuzz_state += strtoull(argv[2], NULL, 0) << 8;
	fuzz(count, argc > 1 ? strtoull(argv[1], NULL, 0) : 20000, 1000, 1000, child);
	return 0;
}
