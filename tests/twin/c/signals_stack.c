/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sigaltstack, SA_ONSTACK, siginfo of faults, context */
#include "twin.h"

#include <ucontext.h>
static char stack[65536];
static void on(int s, siginfo_t *si, void *c)
{
	char here;
	ucontext_t *u = c;
	printf("sig %d code %d addr %lx on %d trap %ld\n", s, si->si_code, (unsigned long)si->si_addr,
	       &here > stack && &here < stack + sizeof(stack), (long)u->uc_mcontext.gregs[REG_TRAPNO]);
	fflush(stdout);
	u->uc_mcontext.gregs[REG_RIP] += u->uc_mcontext.gregs[REG_R12];
}
int main(void)
{
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
	T(sigaltstack(&ss, NULL));
	T(sigaltstack(NULL, &old));
	printf("%d %zu\n", old.ss_flags, old.ss_size);
	struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	__asm__ volatile("mov $8,%%r12; movb $0,0x10" ::: "r12", "memory");
	__asm__ volatile("mov $8,%%r12; movb $0,0x1000" ::: "r12", "memory");
	__asm__ volatile("mov $2,%%r12; ud2" ::: "r12");
	__asm__ volatile("mov $0,%%r12; int3" ::: "r12");
	__asm__ volatile("mov $2,%%r12; xor %%edx,%%edx; xor %%ecx,%%ecx; mov $1,%%eax; div %%ecx" ::
				 : "r12", "rax", "rdx", "rcx");
	__asm__ volatile("mov $1,%%r12; hlt" ::: "r12");
	ss.ss_size = 10;
	T(sigaltstack(&ss, NULL));
	ss.ss_flags = SS_DISABLE;
	T(sigaltstack(&ss, NULL));
	return 0;
}
