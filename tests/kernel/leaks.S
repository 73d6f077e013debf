/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Filling the whole state of a thread with markers, and storing the whole state it has: general registers, data segments, and
 * by XSAVE (else FXSAVE) all that the CPU knows of x87, SSE and AVX.  leaks.c has the structures and looks at segment bases.
 */
	.set MARKER, 0xbad5ec2e5ec2e700
	.set BASE_MARKER, 0x5ec2e7ba0000
	.set TIME_PAGE_XSAVE_MASK, 0x7fffffffd000 + 48 /* leaks.c asserts it */

	.text

/* Markers into everything but RSP and what the call at RDI (rax rdi rsi r12 flags) needs. flags 1: AVX, 2: bases by instruction. */
	.macro fill_all
	movabsq $MARKER, %rax
	movq 32(%rdi), %rcx
	testq $1, %rcx
	jz 1f
	vmovq %rax, %xmm0
	vpbroadcastq %xmm0, %ymm0
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqa %ymm0, %ymm\n
	.endr
	jmp 2f
1:	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq %rax, %xmm\n
	punpcklqdq %xmm\n, %xmm\n
	.endr
2:	pushq $0x3fff /* 80-bit numbers with the marker as mantissa */
	pushq %rax
	.rept 8
	fldt (%rsp)
	.endr
	movl $0x3f80, (%rsp)
	ldmxcsr (%rsp)
	movw $0x0b7f, (%rsp)
	fldcw (%rsp)
	addq $16, %rsp
	movl $0x2b, %edx
	movl %edx, %ds
	movl %edx, %es
	testq $2, %rcx
	jz 3f
	movabsq $BASE_MARKER, %rdx
	wrfsbase %rdx
	wrgsbase %rdx
3:	movq 0(%rdi), %r13
	movq 16(%rdi), %rsi
	movq 24(%rdi), %r12
	movq 8(%rdi), %rdi
	.irp r, rbx, rcx, rdx, rbp, r8, r9, r10, r11, r14, r15
	movq %rax, %\r
	.endr
	xchgq %rax, %r13
	.endm

/* void leak_call(const struct leak_call *call): the call, with markers in the rest. */
	.globl leak_call
	.type leak_call, @function
leak_call:
	.irp r, rbx, rbp, r12, r13, r14, r15
	pushq %\r
	.endr
	fill_all
	syscall
	.irp r, r15, r14, r13, r12, rbp, rbx
	popq %\r
	.endr
	cld
	ret
	.size leak_call, . - leak_call

/* void leak_fault(const struct leak_call *call): reads at the call's rdi. void leak_spin(...): for ever. */
	.globl leak_fault, leak_spin
	.type leak_fault, @function
leak_fault:
	fill_all
	movq (%rdi), %rdi
	ret
	.size leak_fault, . - leak_fault

	.type leak_spin, @function
leak_spin:
	fill_all
1:	jmp 1b
	.size leak_spin, . - leak_spin

/* Stores everything at the address that stands at (%rsp): 16 words, then (64-byte aligned, 128 on) XSAVE's image. */
	.macro store_all
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq %\r
	.endr
	movq 120(%rsp), %rdi
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
	popq \n * 8(%rdi)
	.endr
	movl %ds, %eax
	movl %es, %ecx
	orl %ecx, %eax
	movq %rax, 120(%rdi)
	movabsq $TIME_PAGE_XSAVE_MASK, %rcx
	movl $-1, %eax
	movl $-1, %edx
	cmpq $0, (%rcx)
	je 8f
	xsave64 128(%rdi)
	jmp 9f
8:	fxsave64 128(%rdi)
9:
	.endm

/* void leak_watch(const struct leak_call *call, struct leak_image *into): the call with everything else empty, then what it finds. */
	.globl leak_watch, leak_watch_spin, leak_start
	.type leak_watch, @function
leak_watch:
	.irp r, rbx, rbp, r12, r13, r14, r15, rsi
	pushq %\r
	.endr
	fninit
	testq $1, 32(%rdi)
	jz 1f
	vzeroall
1:	movq 0(%rdi), %rax
	movq 16(%rdi), %rsi
	movq 24(%rdi), %r12
	movq 8(%rdi), %rdi
	xorl %ebx, %ebx
	xorl %ebp, %ebp
	.irp r, rcx, rdx, r8, r9, r10, r11, r13, r14, r15
	movq $0, %\r
	.endr
	syscall
leak_watched:
	store_all
	.irp r, rcx, r15, r14, r13, r12, rbp, rbx
	popq %\r
	.endr
	ret
	.size leak_watch, . - leak_watch

/* void leak_watch_spin(volatile uint64_t *flag, struct leak_image *into): the same, waiting for the flag without a call. */
	.type leak_watch_spin, @function
leak_watch_spin:
	.irp r, rbx, rbp, r12, r13, r14, r15, rsi
	pushq %\r
	.endr
	fninit
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	pxor %xmm\n, %xmm\n
	.endr
	.irp r, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	movq $0, %\r
	.endr
1:	cmpq $0, (%rdi)
	je 1b
	jmp leak_watched
	.size leak_watch_spin, . - leak_watch_spin

/* Where a new thread starts; (%rsp): struct leak_image. Then it waits on the Notification behind that address. */
	.type leak_start, @function
leak_start:
	store_all
1:	movq 8(%rsp), %rdi
	movq $-1, %r12
	movl $0x7e550007, %eax
	syscall
	jmp 1b
	.size leak_start, . - leak_start
	.section .note.GNU-stack, "", @progbits
