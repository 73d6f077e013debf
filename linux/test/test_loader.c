/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The judgement of ELF files, on good, damaged and random ones, and the layout of a program's first stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

#include "lx/elf.h"

#define LIMIT 0x7fff00000000ull
#define FILE_BYTES 0x10000ull

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr part[6];
};

static struct image good(void)
{
	struct image i = {.header = {.e_ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
				     .e_type = ET_EXEC,
				     .e_machine = EM_X86_64,
				     .e_version = 1,
				     .e_entry = 0x401000,
				     .e_phoff = sizeof(Elf64_Ehdr),
				     .e_phentsize = sizeof(Elf64_Phdr),
				     .e_phnum = 3}};
	i.part[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x400000, .p_filesz = 0x800, .p_memsz = 0x800};
	i.part[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = 0x401000, .p_filesz = 0x2000, .p_memsz = 0x2000};
	i.part[2] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x3010, .p_vaddr = 0x404010, .p_filesz = 0x100, .p_memsz = 0x5000};
	return i;
}

static long check(const struct image *i, struct elf_plan *plan)
{
	return elf_check(i, sizeof(*i), FILE_BYTES, LIMIT, plan);
}

static void a_good_file_is_planned(void **state)
{
	(void)state;
	struct image i = good();
	struct elf_plan plan;
	assert_int_equal(check(&i, &plan), 0);
	assert_int_equal(plan.segments, 3);
	assert_int_equal(plan.entry, 0x401000);
	assert_int_equal(plan.low, 0x400000);
	assert_int_equal(plan.high, 0x40a000);
	assert_int_equal(plan.end, 0x409010);
	assert_int_equal(plan.headers, 0x400000 + sizeof(Elf64_Ehdr));
	assert_int_equal(plan.segment[1].prot, PROT_READ | PROT_EXEC);
	assert_false(plan.is_dynamic);
}

/* One change, one refusal. */
static void damaged_files_are_refused(void **state)
{
	(void)state;
	struct elf_plan plan;
#define REFUSED(...)                                                                                                \
	do {                                                                                                           \
		struct image i = good();                                                                               \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(check(&i, &plan), -ENOEXEC);                                                          \
	} while (0)
	REFUSED(i.header.e_ident[1] = 'X');
	REFUSED(i.header.e_machine = EM_AARCH64);
	REFUSED(i.header.e_type = ET_REL);
	REFUSED(i.header.e_phentsize = 1);
	REFUSED(i.header.e_phnum = 0);
	REFUSED(i.header.e_phnum = 0xffff);
	REFUSED(i.header.e_phoff = ~0ull);
	REFUSED(i.header.e_phoff = 65);
	REFUSED(i.header.e_entry = 0);
	REFUSED(i.header.e_entry = LIMIT);
	REFUSED(i.part[1].p_filesz = i.part[1].p_memsz + 1);
	REFUSED(i.part[1].p_offset = FILE_BYTES + 0x1000);
	REFUSED(i.part[1].p_filesz = i.part[1].p_memsz = FILE_BYTES);
	REFUSED(i.part[1].p_vaddr = 0x401001);
	REFUSED(i.part[1].p_vaddr = 0x400000);
	REFUSED(i.part[2].p_memsz = ~0ull - 0x404000);
	REFUSED(i.part[2].p_vaddr = LIMIT + 0x10);
	REFUSED(i.part[0].p_vaddr = 0);
	REFUSED(i.header.e_phnum = 4; i.part[3] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 0, .p_filesz = ELF_INTERPRETER_MAX + 1});
	REFUSED(i.header.e_phnum = 4; i.part[3] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = FILE_BYTES, .p_filesz = 20});
}

static void truncated_files_are_refused(void **state)
{
	(void)state;
	struct image i = good();
	struct elf_plan plan;
	uint64_t needed = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
	for (uint64_t count = 0; count < needed; count++) {
		void *exact = malloc(count ? count : 1); /* ASan sees a read past the end */
		memcpy(exact, &i, count);
		assert_int_equal(elf_check(exact, count, FILE_BYTES, LIMIT, &plan), -ENOEXEC);
		free(exact);
	}
	assert_int_equal(elf_check(&i, needed, FILE_BYTES, LIMIT, &plan), 0);
	assert_int_equal(elf_check(&i, needed, 0x1000, LIMIT, &plan), -ENOEXEC);
}

static uint64_t state_word = 88172645463325252ull;
static uint64_t next(void)
{
	state_word ^= state_word << 13;
	state_word ^= state_word >> 7;
	return state_word ^= state_word << 17;
}

/* Whatever is accepted can be mapped: in order, without overlap, inside file and address space. */
static void whatever_is_accepted_can_be_mapped(void **state)
{
	(void)state;
	struct elf_plan plan;
	unsigned accepted = 0;
	for (unsigned round = 0; round < 300000; round++) {
		struct image i = good();
		unsigned char *bytes = (unsigned char *)&i;
		i.header.e_phnum = (Elf64_Half)(next() % 7);
		for (unsigned n = (unsigned)(next() % 6); n > 0; n--)
			bytes[16 + next() % (sizeof(i) - 16)] = (unsigned char)next();
		if (check(&i, &plan) != 0)
			continue;
		accepted++;
		uint64_t behind = 0;
		for (uint32_t k = 0; k < plan.segments; k++) {
			const struct elf_segment *s = &plan.segment[k];
			assert_true(s->address >= behind && s->address + s->memory_bytes <= LIMIT);
			assert_true(s->file_bytes <= s->memory_bytes && s->offset + s->file_bytes <= FILE_BYTES);
			assert_int_equal((s->address ^ s->offset) & 4095, 0);
			behind = (s->address + s->memory_bytes + 4095) & ~4095ull;
		}
		assert_true(plan.high == behind && plan.interpreter_bytes <= ELF_INTERPRETER_MAX);
	}
	assert_true(accepted > 1000);
}

static void the_stack_holds_everything_in_order(void **state)
{
	(void)state;
	for (uint64_t argc = 0; argc < 20; argc++) {
		struct stack_plan p;
		uint64_t strings = argc * 7 + 3, path = argc + 5, top = 0x7ffefffff000ull;
		stack_plan_make(&p, top, argc, argc * 2, strings, path, STACK_AUX_MAX);
		assert_int_equal(p.pointer % 16, 0);
		assert_int_equal(p.argv, p.pointer + 8);
		assert_int_equal(p.envp, p.argv + (argc + 1) * 8);
		assert_int_equal(p.auxv, p.envp + (argc * 2 + 1) * 8);
		assert_true(p.auxv + (STACK_AUX_MAX + 1) * 16 <= p.random);
		assert_true(p.random + 16 <= p.platform);
		assert_true(p.platform + sizeof("x86_64") <= p.strings);
		assert_true(p.strings + strings <= p.path);
		assert_true(p.path + path + 1 <= top - 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_is_planned),	      cmocka_unit_test(damaged_files_are_refused),
		cmocka_unit_test(truncated_files_are_refused),	      cmocka_unit_test(whatever_is_accepted_can_be_mapped),
		cmocka_unit_test(the_stack_holds_everything_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
