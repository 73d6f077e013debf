/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the programs with random input share: a generator (xorshift64, Marsaglia 2003), a count kept in memory that
 * parent and children see, and raw native operations.
 */
#pragma once

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t fuzz_state = 88172645463325252ull;

static inline uint64_t next(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	return fuzz_state ^= fuzz_state << 17;
}

static inline volatile uint64_t *shared_count(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return page;
}

struct native {
	uint64_t rdi, rsi, rdx, r10, r8, r9, r12;
};

/* Operation `number` with these arguments; they hold the results afterwards. */
static inline uint64_t native_operation(uint32_t number, struct native *n)
{
	uint64_t rax = 0x7e550000u + number;
	register uint64_t r10 __asm__("r10") = n->r10;
	register uint64_t r8 __asm__("r8") = n->r8;
	register uint64_t r9 __asm__("r9") = n->r9;
	register uint64_t r12 __asm__("r12") = n->r12;
	__asm__ volatile("syscall"
			 : "+a"(rax), "+D"(n->rdi), "+S"(n->rsi), "+d"(n->rdx), "+r"(r10), "+r"(r8), "+r"(r9),
			   "+r"(r12)
			 :
			 : "rcx", "r11", "memory");
	n->r10 = r10;
	n->r8 = r8;
	n->r9 = r9;
	n->r12 = r12;
	return rax;
}

/* Waits for a process, which is ended after some time: it may have blocked every signal or stopped itself. */
static inline void wait_or_kill(pid_t p, unsigned milliseconds)
{
	for (unsigned i = 0; i < milliseconds / 10; i++) {
		if (waitpid(p, NULL, WNOHANG) != 0)
			return;
		usleep(10000);
	}
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
}

/* Ends everything that an unprivileged round has left. */
static inline void sweep(uid_t uid)
{
	pid_t p = fork();
	if (p == 0) {
		if (setuid(uid) == 0)
			kill(-1, SIGKILL);
		_exit(0);
	}
	waitpid(p, NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* Rounds of child() in processes of user `uid`, each of them at most `milliseconds` long, until the count is reached. */
static inline void fuzz(volatile uint64_t *count, uint64_t wanted, uid_t uid, unsigned milliseconds,
			void (*child)(void))
{
	int rounds = 0;
	while (*count < wanted && rounds < 3000) {
		uint64_t seed = next();
		pid_t p = fork();
		if (p < 0) {
			perror("fork");
			exit(2);
		}
		if (p == 0) {
			fuzz_state = seed | 1;
			if (uid == 0 || setuid(uid) == 0)
				child();
			_exit(0);
		}
		wait_or_kill(p, milliseconds);
		if (uid != 0)
			sweep(uid);
		rounds++;
	}
	printf("%llu calls in %d processes\ndone\n", (unsigned long long)*count, rounds);
}
