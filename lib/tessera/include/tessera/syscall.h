/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The raw native system call with all seven registers, for conformance tests, fuzzers and bench programs.
 * Ordinary code uses tessera/invoke.h, which is generated and moves only the registers an operation has.
 */
#pragma once

#include <stdint.h>

#include <tessera/types.h>

struct ts_registers {
	uint64_t r[7]; /* arguments 0..6, replaced by results 0..6 */
};

/* Issues operation `number` (any number, also one that does not exist). Returns RAX. */
static inline uint64_t ts_syscall(uint32_t number, struct ts_registers *regs)
{
	uint64_t rax = TESSERA_SYSCALL_BASE + number;
	uint64_t rdi = regs->r[0], rsi = regs->r[1], rdx = regs->r[2];
	register uint64_t r10 __asm__("r10") = regs->r[3];
	register uint64_t r8 __asm__("r8") = regs->r[4];
	register uint64_t r9 __asm__("r9") = regs->r[5];
	register uint64_t r12 __asm__("r12") = regs->r[6];
	__asm__ volatile("syscall"
			 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9),
			   "+r"(r12)
			 :
			 : "rcx", "r11", "memory");
	*regs = (struct ts_registers){{rdi, rsi, rdx, r10, r8, r9, r12}};
	return rax;
}
