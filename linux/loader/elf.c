/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Judging an ELF file before anything is mapped: every number of the file is checked here once. No memory of the process
 * is touched and no service asked, so the host tests run this file as it is.
 */
#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/elf.h>

#include "lx/elf.h"

#define PAGE 4096ull
#define LOWEST_ADDRESS 0x10000ull
#ifndef EM_X86_64
#define EM_X86_64 62
#endif

static bool header_ok(const Elf64_Ehdr *h, uint64_t count)
{
	static const unsigned char magic[4] = {0x7f, 'E', 'L', 'F'};
	if (count < sizeof(*h))
		return false;
	for (unsigned int i = 0; i < 4; i++) {
		if (h->e_ident[i] != magic[i])
			return false;
	}
	/* Linux believes the machine and does not look at class and byte order. */
	return h->e_machine == EM_X86_64 && (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum > 0 && h->e_phoff <= count &&
	       h->e_phnum <= (count - h->e_phoff) / sizeof(Elf64_Phdr) && (h->e_phoff & 7) == 0;
}

static uint32_t segment_prot(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0u) | (flags & PF_W ? PROT_WRITE : 0u) |
	       (flags & PF_X ? PROT_EXEC : 0u);
}

static bool add_segment(struct elf_plan *plan, const Elf64_Phdr *p, uint64_t file_size, uint64_t limit)
{
	if (p->p_memsz == 0)
		return true;
	uint64_t end = p->p_vaddr + p->p_memsz;
	if (plan->segments == ELF_SEGMENTS_MAX || p->p_filesz > p->p_memsz || end < p->p_vaddr ||
	    end > limit || p->p_offset > file_size || p->p_filesz > file_size - p->p_offset ||
	    ((p->p_vaddr ^ p->p_offset) & (PAGE - 1)) != 0)
		return false;
	if (!plan->is_dynamic && p->p_vaddr < LOWEST_ADDRESS)
		return false;
	uint64_t low = p->p_vaddr & ~(PAGE - 1);
	if (plan->segments > 0 && low < plan->high)
		return false; /* overlapping, or not in ascending order */
	if (plan->segments == 0)
		plan->low = low;
	plan->high = (end + PAGE - 1) & ~(PAGE - 1);
	plan->end = end;
	plan->segment[plan->segments++] = (struct elf_segment){.offset = p->p_offset,
							       .address = p->p_vaddr,
							       .file_bytes = p->p_filesz,
							       .memory_bytes = p->p_memsz,
							       .prot = segment_prot(p->p_flags)};
	return true;
}

/* Where the program headers lie in memory, for AT_PHDR. */
static void find_headers(struct elf_plan *plan, uint64_t offset, uint64_t bytes)
{
	for (uint32_t i = 0; i < plan->segments; i++) {
		const struct elf_segment *s = &plan->segment[i];
		if (offset >= s->offset && offset - s->offset <= s->file_bytes &&
		    bytes <= s->file_bytes - (offset - s->offset))
			plan->headers = s->address + (offset - s->offset);
	}
}

static bool entry_ok(const struct elf_plan *plan)
{
	for (uint32_t i = 0; i < plan->segments; i++) {
		const struct elf_segment *s = &plan->segment[i];
		if (plan->entry >= s->address && plan->entry - s->address < s->memory_bytes)
			return true;
	}
	return false;
}

long elf_check(const void *bytes, uint64_t count, uint64_t file_size, uint64_t limit, struct elf_plan *plan)
{
	const Elf64_Ehdr *h = bytes;
	if (!header_ok(h, count))
		return -ENOEXEC;
	*plan = (struct elf_plan){
		.is_dynamic = h->e_type == ET_DYN, .entry = h->e_entry, .header_count = h->e_phnum};
	const Elf64_Phdr *p = (const Elf64_Phdr *)((const char *)bytes + h->e_phoff);
	for (uint32_t i = 0; i < h->e_phnum; i++) {
		if (p[i].p_type == PT_LOAD && !add_segment(plan, &p[i], file_size, limit))
			return -ENOEXEC;
		if (p[i].p_type == PT_GNU_STACK)
			plan->wants_exec_stack = p[i].p_flags & PF_X;
		if (p[i].p_type != PT_INTERP || plan->interpreter_bytes)
			continue;
		if (p[i].p_filesz < 2 || p[i].p_filesz > ELF_INTERPRETER_MAX || p[i].p_offset > file_size ||
		    p[i].p_filesz > file_size - p[i].p_offset)
			return -ENOEXEC;
		plan->interpreter_offset = p[i].p_offset;
		plan->interpreter_bytes = p[i].p_filesz;
	}
	if (plan->segments == 0 || !entry_ok(plan))
		return -ENOEXEC;
	find_headers(plan, h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr));
	return 0;
}
