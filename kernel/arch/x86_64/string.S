/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the four functions that the compiler may call by itself, by words with REP, then by bytes; and zeroing pages.
 */
	.text

/*
 * void arch_zero_page(void *page): with AVX where REP STOS is not said to be fast (zero_by_vector).  The current thread's
 * YMM0 is kept.
 */
	.globl arch_zero_page
	.type arch_zero_page, @function
arch_zero_page:
	cmpb $0, zero_by_vector(%rip)
	je 2f
	subq $32, %rsp
	vmovdqu %ymm0, (%rsp)
	vpxor %xmm0, %xmm0, %xmm0
	leaq 4096(%rdi), %rax
1:
	.set offset, 0
	.rept 32
	vmovdqa %ymm0, offset(%rdi)
	.set offset, offset + 32
	.endr
	addq $1024, %rdi
	cmpq %rax, %rdi
	jne 1b
	vmovdqu (%rsp), %ymm0
	addq $32, %rsp
	ret
2:	xorl %eax, %eax
	movl $512, %ecx
	rep stosq
	ret
	.size arch_zero_page, . - arch_zero_page

	.globl memcpy
	.type memcpy, @function
memcpy:
	movq %rdi, %rax
	movq %rdx, %rcx
	shrq $3, %rcx
	rep movsq
	movl %edx, %ecx
	andl $7, %ecx
	rep movsb
	ret
	.size memcpy, . - memcpy

	.globl memset
	.type memset, @function
memset:
	movq %rdi, %r8
	movzbl %sil, %eax
	movabsq $0x0101010101010101, %rcx
	imulq %rcx, %rax
	movq %rdx, %rcx
	shrq $3, %rcx
	rep stosq
	movl %edx, %ecx
	andl $7, %ecx
	rep stosb
	movq %r8, %rax
	ret
	.size memset, . - memset

/* Forward if the destination lies below the source or behind its end, else backward by bytes. */
	.globl memmove
	.type memmove, @function
memmove:
	movq %rdi, %rax
	subq %rsi, %rax
	cmpq %rdx, %rax
	jae memcpy
	movq %rdi, %rax
	leaq -1(%rsi, %rdx), %rsi
	leaq -1(%rdi, %rdx), %rdi
	movq %rdx, %rcx
	std
	rep movsb
	cld
	ret
	.size memmove, . - memmove

	.globl memcmp
	.type memcmp, @function
memcmp:
	xorl %eax, %eax
	movq %rdx, %rcx
	cmpq %rcx, %rcx /* equal, if there is nothing to compare */
	repe cmpsb
	je 1f
	movzbl -1(%rdi), %eax
	movzbl -1(%rsi), %ecx
	subl %ecx, %eax
1:	ret
	.size memcmp, . - memcmp

	.section .note.GNU-stack, "", @progbits
