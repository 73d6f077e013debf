/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the only code that touches a program's memory. Each instruction that may fault has an entry in the fixup table
 * (offsets of the instruction and of where to go on, both relative to the entry); at a fixup RCX, RDX and RSP are as at the
 * fault. Callers have checked the address against PERSONALITY_BASE.
 */
	.section .text.copy, "ax"

/* uint64_t lx_copy(void *dst, const void *src, uint64_t n): bytes that were not copied. */
	.globl lx_copy
lx_copy:
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
.Lwords:
	rep movsq
	movl %edx, %ecx
.Lbytes:
	rep movsb
	xorl %eax, %eax
	ret
.Lwords_fixup:
	leaq (%rdx,%rcx,8), %rax
	ret
.Lbytes_fixup:
	movq %rcx, %rax
	ret

/* uint64_t lx_clear(void *dst, uint64_t n): bytes that were not cleared. */
	.globl lx_clear
lx_clear:
	xorl %eax, %eax
	movq %rsi, %rcx
	movl %esi, %edx
	shrq $3, %rcx
	andl $7, %edx
.Lclear_words:
	rep stosq
	movl %edx, %ecx
.Lclear_bytes:
	rep stosb
	ret

/* int64_t lx_copy_string(char *dst, const char *src, uint64_t max): length without NUL, max if there is none, -1: fault. */
	.globl lx_copy_string
lx_copy_string:
	xorl %eax, %eax
1:	cmpq %rdx, %rax
	jae 2f
.Lstring:
	movb (%rsi,%rax), %cl
	movb %cl, (%rdi,%rax)
	testb %cl, %cl
	je 2f
	incq %rax
	jmp 1b
2:	ret

/* int lx_touch(void *address): makes one page present for writing, changing nothing; -1: fault. */
	.globl lx_touch
lx_touch:
	xorl %eax, %eax
.Ltouch:
	lock orb $0, (%rdi)
	ret

/* int lx_load32(uint32_t *out, const uint32_t *src) */
	.globl lx_load32
lx_load32:
	xorl %eax, %eax
.Lload32:
	movl (%rsi), %ecx
	movl %ecx, (%rdi)
	ret

/* int lx_cmpxchg32(uint32_t *address, uint32_t *expected, uint32_t new): 0 done, 1 differs (*expected renewed), -1 fault. */
	.globl lx_cmpxchg32
lx_cmpxchg32:
	movl (%rsi), %eax
.Lcmpxchg:
	lock cmpxchgl %edx, (%rdi)
	movl %eax, (%rsi)
	setne %al
	movzbl %al, %eax
	ret
	.globl lx_minus_one
lx_minus_one:
	movq $-1, %rax
	ret

	.section .rodata.fixup, "a"
.macro FIXUP at, to
7:	.long \at - 7b
	.long \to - 7b
.endm
	FIXUP .Lwords, .Lwords_fixup
	FIXUP .Lbytes, .Lbytes_fixup
	FIXUP .Lclear_words, .Lwords_fixup
	FIXUP .Lclear_bytes, .Lbytes_fixup
	FIXUP .Lstring, lx_minus_one
	FIXUP .Ltouch, lx_minus_one
	FIXUP .Lload32, lx_minus_one
	FIXUP .Lcmpxchg, lx_minus_one
