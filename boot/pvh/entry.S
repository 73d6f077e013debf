/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * PVH: the ELF note that says where to enter, and the way from there to 64-bit C.
 *
 * At entry (Xen's PVH boot ABI): 32-bit protected mode without paging, flat segments, interrupts off, EBX =
 * physical address of struct hvm_start_info.  The tables below map the first 4 GiB three times: at 0 while
 * this code runs, at the direct map, and (1 GiB) at the kernel's link address.  The kernel replaces them.
 */
#include "../../kernel/arch/x86_64/layout.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define CR0_PAGING_PROTECTION 0x80010001 /* PG WP PE */
#define CR4_PAE 0x20
#define MSR_EFER 0xc0000080
#define EFER_LONG_NX_SYSCALL 0x901
#define TABLE 0x3  /* present, writable */
#define LARGE 0x83 /* and 2 MiB */

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz "Xen"
	.quad boot_entry

	.section .boot.tables, "aw", @progbits
	.balign 4096
boot_root: /* entries 0 (identity), 256 (direct map), 511 (image) */
	.quad boot_first + TABLE
	.skip 255 * 8
	.quad boot_first + TABLE
	.skip 254 * 8
	.quad boot_image + TABLE
boot_first:
	.quad boot_pages + TABLE, boot_pages + 4096 + TABLE, boot_pages + 8192 + TABLE, boot_pages + 12288 + TABLE
	.skip 508 * 8
boot_image: /* entry 510: KERNEL_OFFSET */
	.skip 510 * 8
	.quad boot_pages + TABLE
	.skip 8
boot_pages:
	.set page, 0
	.rept 2048
	.quad page + LARGE
	.set page, page + 0x200000
	.endr

	.section .boot.data, "aw", @progbits
	.balign 8
boot_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff /* SEL_KERNEL_CODE */
	.quad 0x00cf93000000ffff /* SEL_KERNEL_DATA */
boot_gdt_pointer:
	.word boot_gdt_pointer - boot_gdt - 1
	.long boot_gdt

	/* From 32-bit protected mode with flat segments to 64-bit mode. */
	.macro enter_long_mode
	movl $boot_root, %eax
	movl %eax, %cr3
	movl %cr4, %eax
	orl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LONG_NX_SYSCALL, %eax
	wrmsr
	movl $CR0_PAGING_PROTECTION, %eax
	movl %eax, %cr0
	lgdt boot_gdt_pointer
	ljmpl $SEL_KERNEL_CODE, $1f
	.code64
1:	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	.endm

	.section .boot.text, "awx", @progbits
	/* Where the other CPUs begin, in real mode: smp.c copies this to a page below 1 MiB, which CS names. */
	.code16
	.globl boot_trampoline, boot_trampoline_end
boot_trampoline:
	cli
	cld
	lgdtl %cs:boot_flat_pointer - boot_trampoline
	movl $1, %eax /* protection on, and the caches */
	movl %eax, %cr0
	ljmpl $8, $boot_cpu_entry
boot_flat_pointer:
	.word 23
	.long boot_flat_gdt
boot_trampoline_end:

	.balign 8
boot_flat_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* code */
	.quad 0x00cf93000000ffff /* data */

	.code32
boot_cpu_entry:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	enter_long_mode
	movq $smp_entry, %rax
	jmp *%rax

	.code32
	.globl boot_entry
boot_entry:
	cld
	enter_long_mode
	movl %ebx, %edi
	movq $boot_stack_end, %rsp
	xorl %ebp, %ebp
	movq $pvh_start, %rax
	call *%rax
	ud2

	.section .note.GNU-stack, "", @progbits
