/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Native kernel operations at random, from a Linux process, until there were as many as the argument says: it may kill
 * only itself. Operations that would wait for ever get a deadline that has passed or comes soon.
 */
#include "fuzz.h"

#define SOON_NS 200000

static volatile uint64_t *count;

/* Capabilities that a Linux process has, and all the addresses that it has not. */
static uint64_t address(void)
{
	switch (next() % 6) {
	case 0: return next() % 32;	     /* services */
	case 1: return 0x100 + next() % 70;  /* Notifications */
	case 2: return 0x800 + next() % 130; /* scratch */
	case 3: return 0x1000 + next() % 70; /* descriptors */
	case 4: return 0x100 * (next() % 64) + next() % 256;
	default: return next() & 0xffffffff;
	}
}

static uint64_t word(void)
{
	switch (next() % 7) {
	case 0: return next() % 64;
	case 1: return next();
	case 2: return (address() << 32) | address(); /* a slot designator: CNode, slot */
	case 3: return address();
	case 4: return (5ull << 32) | (next() % 128); /* a slot of the scratch leaf */
	case 5: return (6ull << 32) | (next() % 64);  /* of the descriptors */
	default: return next() & 0xffff;
	}
}

static uint64_t deadline(void)
{
	struct native time = {0};
	if (next() % 4)
		return next() % 2;
	native_operation(500, &time);
	return time.rdi + SOON_NS;
}

static void child(void)
{
	static const uint16_t base[] = {0, 1, 100, 100, 200, 300, 500, 600, 610, 900};
	for (;;) {
		struct native n = {address(), word(), word(), word(), word(), word(), 0};
		uint64_t number = base[next() % 10] + next() % 13;
		if (number == 7) /* wait: its deadline stands elsewhere */
			n.rsi = deadline();
		n.r9 = number < 10 ? deadline() : n.r9;
		n.r12 = number < 10 ? deadline() : word();
		++*count;
		native_operation((uint32_t)number, &n);
	}
}

int main(int argc, char **argv)
{
	count = shared_count();
	if (argc > 2)
		fuzz_state += strtoull(argv[2], NULL, 0) << 8;
	fuzz(count, argc > 1 ? strtoull(argv[1], NULL, 0) : 100000, 0, 1000, child);
	return 0;
}
