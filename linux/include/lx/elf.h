/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ELF programs: what is read of them (System V ABI, x86-64 supplement), and the program's first stack.
 * elf_check and stack_plan_make are pure: host tests feed them hostile input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 24u
#define ELF_HEADER_BYTES 3040u /* what one message holds: ELF header and program headers lie in it */
#define ELF_INTERPRETER_MAX 256u

struct elf_segment {
	uint64_t offset, address, file_bytes, memory_bytes;
	uint32_t prot; /* PROT_* */
	uint32_t reserved;
};

struct elf_plan {
	bool is_dynamic; /* ET_DYN: addresses are relative */
	bool wants_exec_stack;
	uint32_t segments, header_count;
	uint64_t entry, headers; /* addresses, relative for ET_DYN; headers 0: not in a segment */
	uint64_t low, high;	 /* page-aligned range of all segments */
	uint64_t end;		 /* end of the last segment's memory, where brk starts */
	uint64_t interpreter_offset, interpreter_bytes; /* 0 bytes: none */
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* Judges the first bytes of a file. 0 and the plan, or -ENOEXEC. limit: first address a program may not have. */
long elf_check(const void *bytes, uint64_t count, uint64_t file_size, uint64_t limit, struct elf_plan *plan);

#define STACK_AUX_MAX 24u
struct stack_plan {
	uint64_t pointer;	   /* RSP at the entry: argc lies there; 16-byte aligned */
	uint64_t argv, envp, auxv; /* addresses of the arrays */
	uint64_t random, platform; /* 16 bytes; "x86_64" */
	uint64_t strings;	   /* argument and environment strings, as they come */
	uint64_t path;		   /* AT_EXECFN */
};

/* Where everything lies on a stack that ends (exclusive) at top. The whole takes top - pointer bytes. */
void stack_plan_make(struct stack_plan *plan, uint64_t top, uint64_t argc, uint64_t envc,
		     uint64_t strings_bytes, uint64_t path_bytes, uint64_t aux_count);
