/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: single instructions that C cannot say, as functions; and the memory functions the compiler calls.
 * lx_fpu_save and lx_fpu_load touch the program's stack and have fixups.
 */
	.section .text.cpu, "ax"

.macro FUNCTION name
	.globl \name
	.type \name, @function
\name:
.endm

FUNCTION lx_rdfsbase
	rdfsbase %rax
	ret
FUNCTION lx_wrfsbase
	wrfsbase %rdi
	ret
FUNCTION lx_rdgsbase
	rdgsbase %rax
	ret
FUNCTION lx_wrgsbase
	wrgsbase %rdi
	ret
FUNCTION lx_read_cs
	movl %cs, %eax
	ret
FUNCTION lx_read_ss
	movl %ss, %eax
	ret
FUNCTION lx_rdtsc
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	ret
/* uint32_t lx_cpuid1_edx(void): AT_HWCAP */
FUNCTION lx_cpuid1_edx
	pushq %rbx
	movl $1, %eax
	cpuid
	movl %edx, %eax
	popq %rbx
	ret

/* int lx_fpu_save(void *area, uint64_t mask): XSAVE with this mask, FXSAVE with 0; -1: fault */
FUNCTION lx_fpu_save
	movq %rsi, %rdx
	shrq $32, %rdx
	movl %esi, %eax
	testq %rsi, %rsi
	jz .Lfxsave
.Lxsave:
	xsave64 (%rdi)
	xorl %eax, %eax
	ret
.Lfxsave:
	fxsave64 (%rdi)
	xorl %eax, %eax
	ret
/* int lx_fpu_load(const void *area, uint64_t mask); -1: fault or an area the processor refuses */
FUNCTION lx_fpu_load
	movq %rsi, %rdx
	shrq $32, %rdx
	movl %esi, %eax
	testq %rsi, %rsi
	jz .Lfxrstor
.Lxrstor:
	xrstor64 (%rdi)
	xorl %eax, %eax
	ret
.Lfxrstor:
	fxrstor64 (%rdi)
	xorl %eax, %eax
	ret
/* void lx_fpu_reset(void): x87 control word and MXCSR as Linux starts programs */
FUNCTION lx_fpu_reset
	fninit
	pushq $0x1f80
	ldmxcsr (%rsp)
	addq $8, %rsp
	ret

FUNCTION memcpy
	movq %rdi, %rax
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
	rep movsq
	movl %edx, %ecx
	rep movsb
	ret
FUNCTION memset
	movq %rdi, %r8
	movzbl %sil, %eax
	movabsq $0x0101010101010101, %rcx
	imulq %rcx, %rax
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
	rep stosq
	movl %edx, %ecx
	rep stosb
	movq %r8, %rax
	ret
FUNCTION memmove
	movq %rdi, %rax
	movq %rdi, %r8
	subq %rsi, %r8
	cmpq %rdx, %r8
	jae memcpy
	movq %rdx, %rcx
	leaq -1(%rdi,%rdx), %rdi
	leaq -1(%rsi,%rdx), %rsi
	std
	rep movsb
	cld
	ret

	.section .rodata.fixup, "a"
.macro FIXUP at, to
7:	.long \at - 7b
	.long \to - 7b
.endm
	FIXUP .Lxsave, lx_minus_one
	FIXUP .Lfxsave, lx_minus_one
	FIXUP .Lxrstor, lx_minus_one
	FIXUP .Lfxrstor, lx_minus_one
	.section .rodata.fixup.end, "a"
	.long 0
	.long 0
