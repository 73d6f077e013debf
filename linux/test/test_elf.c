/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Judging ELF files, good, damaged and random; and the first stack's layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <asm/errno.h>
#include <linux/elf.h>

#include "lx/elf.h"

#define LIMIT 0x7fff00000000ull
#define FILE_BYTES 0x5000u

struct small_elf {
	Elf64_Ehdr header;
	Elf64_Phdr segment[3];
};

/* Text and data segments as a linker makes them. */
static struct small_elf good_elf(uint16_t type, uint64_t base)
{
	struct small_elf elf = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = type,
			   .e_machine = 62,
			   .e_version = EV_CURRENT,
			   .e_entry = base + 0x1000,
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3}};
	elf.segment[0] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, base, base, 0x2345, 0x2345, 0x1000};
	elf.segment[1] = (Elf64_Phdr){PT_LOAD,	     PF_R | PF_W, 0x3010, base + 0x4010,
				      base + 0x4010, 0x500,	  0x3000, 0x1000};
	elf.segment[2] = (Elf64_Phdr){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
	return elf;
}

static long check(const struct small_elf *elf, struct elf_plan *plan)
{
	return elf_check(elf, sizeof(*elf), FILE_BYTES, LIMIT, plan);
}

static void test_good(void **state)
{
	(void)state;
	struct elf_plan plan;
	struct small_elf elf = good_elf(ET_EXEC, 0x400000);
	assert_int_equal(check(&elf, &plan), 0);
	assert_int_equal(plan.segments, 2);
	assert_int_equal(plan.entry, 0x401000);
	assert_int_equal(plan.headers, 0x400040);
	assert_int_equal(plan.low, 0x400000);
	assert_int_equal(plan.high, 0x408000);
	assert_int_equal(plan.end, 0x407010);
	assert_false(plan.is_dynamic);
	elf = good_elf(ET_DYN, 0);
	assert_int_equal(check(&elf, &plan), 0);
	assert_true(plan.is_dynamic);
}

#define REFUSED(...)                                                \
	do {                                                        \
		struct small_elf elf = good_elf(ET_EXEC, 0x400000); \
		struct elf_plan plan;                               \
		__VA_ARGS__;                                        \
		assert_int_equal(check(&elf, &plan), -ENOEXEC);     \
	} while (0)

static void test_damaged(void **state)
{
	(void)state;
	REFUSED(elf.header.e_ident[0] = 0);
	REFUSED(elf.header.e_machine = 3);
	REFUSED(elf.header.e_type = ET_REL);
	REFUSED(elf.header.e_phentsize = 32);
	REFUSED(elf.header.e_phnum = 0);
	REFUSED(elf.header.e_phnum = 4); /* beyond what was read */
	REFUSED(elf.header.e_phoff = ~0ull);
	REFUSED(elf.header.e_phoff = 65);
	REFUSED(elf.header.e_entry = 0x3fffff);
	REFUSED(elf.header.e_entry = 0x408000);
	REFUSED(elf.segment[0].p_filesz = 0x2346);  /* more than in memory */
	REFUSED(elf.segment[0].p_vaddr = 0x400001); /* not congruent */
	REFUSED(elf.segment[0].p_vaddr = 0x1000);   /* below the lowest address */
	REFUSED(elf.segment[1].p_vaddr = 0x402010); /* overlaps */
	REFUSED(elf.segment[1].p_vaddr = 0x300010); /* descends */
	REFUSED(elf.segment[1].p_memsz = ~0ull);
	REFUSED(elf.segment[1].p_memsz = LIMIT);
	REFUSED(elf.segment[1].p_offset = FILE_BYTES + 0x10); /* truncated file */
	REFUSED(elf.segment[1].p_filesz = FILE_BYTES; elf.segment[1].p_memsz = FILE_BYTES);
	REFUSED(elf.segment[0].p_type = elf.segment[1].p_type = PT_NULL);
	REFUSED(elf.segment[2] = (Elf64_Phdr){PT_INTERP, 0, 0, 0, 0, 1, 1, 1});
	REFUSED(elf.segment[2] = (Elf64_Phdr){PT_INTERP, 0, FILE_BYTES, 0, 0, 20, 20, 1});
}

/* Whatever the bytes are: no access outside, and an accepted plan keeps its promises. */
static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 200000; round++) {
		struct small_elf elf = good_elf(round & 1 ? ET_EXEC : ET_DYN, round & 1 ? 0x400000 : 0);
		unsigned char *bytes = (unsigned char *)&elf;
		for (int n = rand() % 6; n >= 0; n--)
			bytes[rand() % (int)sizeof(elf)] = (unsigned char)rand();
		struct elf_plan plan;
		uint64_t count = (uint64_t)rand() % (sizeof(elf) + 1);
		if (elf_check(&elf, round % 3 ? sizeof(elf) : count, FILE_BYTES, LIMIT, &plan) != 0)
			continue;
		uint64_t last = 0;
		for (uint32_t i = 0; i < plan.segments; i++) {
			const struct elf_segment *s = &plan.segment[i];
			assert_true(s->address >= last && s->address + s->memory_bytes <= LIMIT);
			assert_true(s->file_bytes <= s->memory_bytes &&
				    s->offset + s->file_bytes <= FILE_BYTES);
			last = (s->address + s->memory_bytes + 4095) & ~4095ull;
		}
		assert_true(plan.high == last);
	}
}

static void test_stack(void **state)
{
	(void)state;
	for (uint64_t argc = 1; argc < 6; argc++) {
		for (uint64_t strings = 0; strings < 40; strings += 7) {
			struct stack_plan p;
			stack_plan_make(&p, 0x7ffeffff0000, argc, 3, strings, 11, 19);
			assert_int_equal(p.pointer % 16, 0);
			assert_int_equal(p.random % 16, 0);
			assert_true(p.argv == p.pointer + 8);
			assert_true(p.envp == p.argv + (argc + 1) * 8);
			assert_true(p.auxv == p.envp + 4 * 8);
			assert_true(p.auxv + 20 * 16 <= p.random);
			assert_true(p.random + 16 <= p.platform);
			assert_true(p.platform + 7 <= p.strings);
			assert_true(p.strings + strings <= p.path);
			assert_true(p.path + 12 <= 0x7ffeffff0000 - 8);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_stack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
