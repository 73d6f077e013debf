/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the start of a program that runs instead of root, raw system calls with every register chosen and
 * seen, and markers in the FPU.  Offsets are those of struct user_regs (tessera/types.h).
 */
#define R_RAX 0
#define R_RBX 8
#define R_RCX 16
#define R_RDX 24
#define R_RSI 32
#define R_RDI 40
#define R_RBP 48
#define R_RSP 56
#define R_R8 64
#define R_R9 72
#define R_R10 80
#define R_R11 88
#define R_R12 96
#define R_R13 104
#define R_R14 112
#define R_R15 120
#define R_RIP 128
#define R_RFLAGS 136

	.text
	.globl _tessera_start
	.type _tessera_start, @function
_tessera_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	andq $-16, %rsp
	call program_start
	ud2
	.size _tessera_start, . - _tessera_start

/* void raw_call(struct user_regs *regs): loads all registers but RSP, executes SYSCALL, stores them all; RIP: behind it. */
	.globl raw_call
	.type raw_call, @function
raw_call:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi
	movq R_RAX(%rdi), %rax
	movq R_RBX(%rdi), %rbx
	movq R_RCX(%rdi), %rcx
	movq R_RDX(%rdi), %rdx
	movq R_RSI(%rdi), %rsi
	movq R_RBP(%rdi), %rbp
	movq R_R8(%rdi), %r8
	movq R_R9(%rdi), %r9
	movq R_R10(%rdi), %r10
	movq R_R11(%rdi), %r11
	movq R_R12(%rdi), %r12
	movq R_R13(%rdi), %r13
	movq R_R14(%rdi), %r14
	movq R_R15(%rdi), %r15
	movq R_RDI(%rdi), %rdi
	syscall
	.globl raw_call_return
raw_call_return:
	xchgq %rdi, (%rsp)
	movq %rax, R_RAX(%rdi)
	movq %rbx, R_RBX(%rdi)
	movq %rcx, R_RCX(%rdi)
	movq %rdx, R_RDX(%rdi)
	movq %rsi, R_RSI(%rdi)
	movq %rbp, R_RBP(%rdi)
	movq %r8, R_R8(%rdi)
	movq %r9, R_R9(%rdi)
	movq %r10, R_R10(%rdi)
	movq %r11, R_R11(%rdi)
	movq %r12, R_R12(%rdi)
	movq %r13, R_R13(%rdi)
	movq %r14, R_R14(%rdi)
	movq %r15, R_R15(%rdi)
	popq R_RDI(%rdi)
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
	.size raw_call, . - raw_call

/*
 * void store_all(struct user_regs *into): where a new thread starts that shall tell what it found; RSP: into.
 * Stores what the registers hold and then waits on the Notification whose address stands in RBX.
 */
	.globl store_all
	.type store_all, @function
store_all:
	movq %rax, R_RAX(%rsp)
	movq %rbx, R_RBX(%rsp)
	movq %rcx, R_RCX(%rsp)
	movq %rdx, R_RDX(%rsp)
	movq %rsi, R_RSI(%rsp)
	movq %rdi, R_RDI(%rsp)
	movq %rbp, R_RBP(%rsp)
	movq %rsp, R_RSP(%rsp)
	movq %r8, R_R8(%rsp)
	movq %r9, R_R9(%rsp)
	movq %r10, R_R10(%rsp)
	movq %r11, R_R11(%rsp)
	movq %r12, R_R12(%rsp)
	movq %r13, R_R13(%rsp)
	movq %r14, R_R14(%rsp)
	movq %r15, R_R15(%rsp)
store_all_wait:
	movq %rbx, %rdi
	movq $-1, %r12
	movl $0x7E550007, %eax
	syscall
	jmp store_all_wait
	.size store_all, . - store_all

/* void fpu_fill(uint64_t marker): XMM0-15 hold it in both halves, x87 st(0) is 1.0, MXCSR rounds down. */
	.globl fpu_fill
	.type fpu_fill, @function
fpu_fill:
	movq %rdi, %xmm0
	punpcklqdq %xmm0, %xmm0
	movdqa %xmm0, %xmm1
	movdqa %xmm0, %xmm2
	movdqa %xmm0, %xmm3
	movdqa %xmm0, %xmm4
	movdqa %xmm0, %xmm5
	movdqa %xmm0, %xmm6
	movdqa %xmm0, %xmm7
	movdqa %xmm0, %xmm8
	movdqa %xmm0, %xmm9
	movdqa %xmm0, %xmm10
	movdqa %xmm0, %xmm11
	movdqa %xmm0, %xmm12
	movdqa %xmm0, %xmm13
	movdqa %xmm0, %xmm14
	movdqa %xmm0, %xmm15
	pushq $0x3f80
	ldmxcsr (%rsp)
	popq %rax
	ret
	.size fpu_fill, . - fpu_fill

/* void fpu_store(struct fpu_image *into): XMM0-15 (256 bytes), MXCSR (4), x87 control word (2), tag word (2). */
	.globl fpu_store
	.type fpu_store, @function
fpu_store:
	movdqu %xmm0, (%rdi)
	movdqu %xmm1, 16(%rdi)
	movdqu %xmm2, 32(%rdi)
	movdqu %xmm3, 48(%rdi)
	movdqu %xmm4, 64(%rdi)
	movdqu %xmm5, 80(%rdi)
	movdqu %xmm6, 96(%rdi)
	movdqu %xmm7, 112(%rdi)
	movdqu %xmm8, 128(%rdi)
	movdqu %xmm9, 144(%rdi)
	movdqu %xmm10, 160(%rdi)
	movdqu %xmm11, 176(%rdi)
	movdqu %xmm12, 192(%rdi)
	movdqu %xmm13, 208(%rdi)
	movdqu %xmm14, 224(%rdi)
	movdqu %xmm15, 240(%rdi)
	stmxcsr 256(%rdi)
	subq $32, %rsp
	fnstenv (%rsp)
	movzwl (%rsp), %eax
	movw %ax, 260(%rdi)
	movzwl 8(%rsp), %eax
	movw %ax, 262(%rdi)
	fldenv (%rsp)
	addq $32, %rsp
	ret
	.size fpu_store, . - fpu_store

/* void fpu_push(void), void fpu_reset(void): a number on the x87 stack; the initial state of x87 and MXCSR. */
	.globl fpu_push
	.type fpu_push, @function
fpu_push:
	fldpi
	ret
	.size fpu_push, . - fpu_push

	.globl fpu_reset
	.type fpu_reset, @function
fpu_reset:
	fninit
	pushq $0x1f80
	ldmxcsr (%rsp)
	popq %rax
	ret
	.size fpu_reset, . - fpu_reset

/* void avx_fill(uint64_t marker), uint64_t avx_upper(void): the upper half of YMM7. */
	.globl avx_fill
	.type avx_fill, @function
avx_fill:
	movq %rdi, %xmm7
	vpbroadcastq %xmm7, %ymm7
	ret
	.size avx_fill, . - avx_fill

	.globl avx_upper
	.type avx_upper, @function
avx_upper:
	vextracti128 $1, %ymm7, %xmm6
	movq %xmm6, %rax
	ret
	.size avx_upper, . - avx_upper

/* Bases of the segments FS and GS, and the selectors DS and ES (DS in the low 16 bits). */
	.globl set_gs
	.type set_gs, @function
set_gs:
	wrgsbase %rdi
	ret
	.size set_gs, . - set_gs

	.globl get_gs
	.type get_gs, @function
get_gs:
	rdgsbase %rax
	ret
	.size get_gs, . - get_gs

	.globl set_fs
	.type set_fs, @function
set_fs:
	wrfsbase %rdi
	ret
	.size set_fs, . - set_fs

	.globl get_fs
	.type get_fs, @function
get_fs:
	rdfsbase %rax
	ret
	.size get_fs, . - get_fs

	.globl set_data_segments
	.type set_data_segments, @function
set_data_segments:
	movl %edi, %ds
	movl %edi, %es
	ret
	.size set_data_segments, . - set_data_segments

	.globl get_data_segments
	.type get_data_segments, @function
get_data_segments:
	movl %ds, %eax
	movl %es, %ecx
	shll $16, %ecx
	orl %ecx, %eax
	ret
	.size get_data_segments, . - get_data_segments
	.section .note.GNU-stack, "", @progbits
