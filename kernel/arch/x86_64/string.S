/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the four functions that the compiler may call by itself.  By words with REP, then by bytes.
 */
	.text

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
