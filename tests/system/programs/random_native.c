/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Native kernel operations at random, from a Linux process: it may kill only itself. */
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t state = 42;
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t word(void)
{
	switch (next() % 5) {
	case 0:
		return next() % 64;
	case 1:
		return next();
	case 2:
		return ((next() % 64) << 32) | (next() % 300);
	case 3:
		return 0x100 * (next() % 32) + next() % 64;
	default:
		return next() & 0xffff;
	}
}

static void native(uint64_t number)
{
	uint64_t rax = 0x7e550000u + number, rdi = word(), rsi = word(), rdx = word();
	register uint64_t r10 __asm__("r10") = word();
	register uint64_t r8 __asm__("r8") = word();
	register uint64_t r9 __asm__("r9") = word();
	register uint64_t r12 __asm__("r12") = next() % 2 ? 0 : 1000; /* deadlines that have passed */
	__asm__ volatile("syscall" : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9), "+r"(r12) : : "rcx", "r11", "memory");
}

int main(void)
{
	for (int round = 0; round < 20; round++) {
		uint64_t seed = next() + (uint64_t)round;
		pid_t p = fork();
		if (p == 0) {
			state = seed | 1;
			alarm(5);
			for (int i = 0; i < 20000; i++) {
				static const uint16_t base[] = {1, 4, 6, 100, 200, 300, 500, 600, 610, 900};
				uint64_t number = base[next() % 10] + next() % 12;
				if (number != 2 && number != 3 && number != 5 && number != 7)
					native(number);
			}
			_exit(0);
		}
		waitpid(p, NULL, 0);
	}
	puts("done");
	return 0;
}
