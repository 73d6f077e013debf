/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ELF checker: a good image, each kind of bad one, truncation at every byte, random damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <elf.h>

#include <elf_image.h>

#define LOW 0x10000u
#define HIGH 0x40000000u

static struct {
	Elf64_Ehdr header;
	Elf64_Phdr program[3];
	uint8_t bytes[8192];
} file;

static void build(void)
{
	memset(&file, 0, sizeof(file));
	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_ident[EI_DATA] = ELFDATA2LSB;
	file.header.e_version = EV_CURRENT;
	file.header.e_type = ET_EXEC;
	file.header.e_machine = EM_X86_64;
	file.header.e_phoff = sizeof(Elf64_Ehdr);
	file.header.e_phentsize = sizeof(Elf64_Phdr);
	file.header.e_phnum = 3;
	file.header.e_entry = 0x401000;
	file.program[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x400000, .p_filesz = 400, .p_memsz = 400};
	file.program[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				       .p_flags = PF_R | PF_X,
				       .p_offset = 4096,
				       .p_vaddr = 0x401000,
				       .p_filesz = 64,
				       .p_memsz = 64};
	file.program[2] = (Elf64_Phdr){.p_type = PT_LOAD,
				       .p_flags = PF_R | PF_W,
				       .p_offset = 4200,
				       .p_vaddr = 0x402068,
				       .p_filesz = 16,
				       .p_memsz = 9000};
}

static enum elf_error check(void)
{
	struct elf_image image;

	return elf_check(&file, sizeof(file), LOW, HIGH, &image);
}

static void good_image(void **state)
{
	struct elf_image image;

	(void)state;
	build();
	assert_int_equal(elf_check(&file, sizeof(file), LOW, HIGH, &image), ELF_OK);
	assert_int_equal(image.segment_count, 3);
	assert_int_equal(image.low, 0x400000);
	assert_int_equal(image.high, 0x405000);
	assert_int_equal(image.header_va, 0x400040);
	assert_int_equal(image.entry, 0x401000);
}

#define BAD(expected, change)                        \
	do {                                         \
		build();                             \
		change;                              \
		assert_int_equal(check(), expected); \
	} while (0)

static void bad_images(void **state)
{
	(void)state;
	BAD(ELF_NOT_ELF, file.header.e_ident[0] = 0);
	BAD(ELF_NOT_ELF, file.header.e_ident[EI_CLASS] = ELFCLASS32);
	BAD(ELF_WRONG_KIND, file.header.e_machine = EM_386);
	BAD(ELF_WRONG_KIND, file.header.e_type = ET_DYN);
	BAD(ELF_WRONG_KIND, file.header.e_phentsize = 12);
	BAD(ELF_WRONG_KIND, file.program[0].p_type = PT_INTERP);
	BAD(ELF_TRUNCATED, file.header.e_phnum = 60000);
	BAD(ELF_TRUNCATED, file.header.e_phoff = ~0ull);
	BAD(ELF_TRUNCATED, file.program[1].p_offset = ~0ull - 10);
	BAD(ELF_TRUNCATED, file.program[1].p_filesz = ~0ull);
	BAD(ELF_TOO_MANY, file.header.e_phnum = 0);
	BAD(ELF_BAD_SEGMENT, file.program[1].p_memsz = 3);
	BAD(ELF_BAD_SEGMENT, file.program[2].p_memsz = ~0ull);
	BAD(ELF_BAD_SEGMENT, file.program[1].p_vaddr = 0xffffffff80000000ull);
	BAD(ELF_BAD_SEGMENT, file.program[1].p_vaddr += 8);
	BAD(ELF_OVERLAP, file.program[2].p_vaddr = 0x401068);
	BAD(ELF_WRITE_EXECUTE, file.program[2].p_flags |= PF_X);
	BAD(ELF_BAD_ENTRY, file.header.e_entry = 0x402070);
	BAD(ELF_BAD_ENTRY, file.header.e_entry = 0x401040);
}

static void damaged(void **state)
{
	struct elf_image image;

	(void)state;
	for (size_t cut = 0; cut < 5000; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		build();
		memcpy(copy, &file, cut);
		assert_true(elf_check(copy, cut, LOW, HIGH, &image) != ELF_OK || cut >= 4216);
		free(copy);
	}
	srand(1);
	for (int i = 0; i < 100000; i++) {
		build();
		for (int j = 0; j < 4; j++)
			((uint8_t *)&file)[(size_t)rand() % 232] = (uint8_t)rand();
		if (elf_check(&file, sizeof(file), LOW, HIGH, &image) != ELF_OK)
			continue;
		for (uint32_t s = 0; s < image.segment_count; s++) {
			const struct elf_segment *g = &image.segment[s];

			assert_true(g->va >= LOW && g->va + g->memory_bytes <= HIGH);
			assert_true(g->file_offset + g->file_bytes <= sizeof(file) &&
				    g->file_bytes <= g->memory_bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_image),
		cmocka_unit_test(bad_images),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
