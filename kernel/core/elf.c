/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Reading a static ELF64 executable: root's.  Source: System V ABI, chapters 4 and 5.
 * Checks only; nothing is mapped here.
 */
#include "boot.h"

#define ELF_MACHINE_X86_64 62u
#define ELF_TYPE_EXEC 2u
#define SEGMENT_LOAD 1u
#define SEGMENT_EXECUTE 1u
#define SEGMENT_WRITE 2u
#define SEGMENT_READ 4u

struct elf_header {
	uint8_t identity[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_offset, section_offset;
	uint32_t flags;
	uint16_t header_bytes, program_bytes, program_count, section_bytes, section_count, names;
} PACKED; /* a file in the archive is aligned to four bytes only */
static_assert(sizeof(struct elf_header) == 64, "ELF64");

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, va, pa, file_bytes, memory_bytes, alignment;
} PACKED;
static_assert(sizeof(struct elf_program) == 56, "ELF64");

static bool is_readable(const struct elf_header *header, uint64_t bytes)
{
	static const uint8_t identity[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	for (uint32_t i = 0; i < sizeof(identity); i++) {
		if (header->identity[i] != identity[i])
			return false;
	}
	if (header->type != ELF_TYPE_EXEC || header->machine != ELF_MACHINE_X86_64)
		return false;
	if (header->program_bytes != sizeof(struct elf_program) || header->entry >= USER_TOP)
		return false;
	return header->program_offset <= bytes &&
	       header->program_count * sizeof(struct elf_program) <= bytes - header->program_offset;
}

static bool read_segment(const struct elf_program *program, uint64_t bytes, struct elf_segment *out)
{
	bool is_writable = (program->flags & SEGMENT_WRITE) != 0;
	bool is_executable = (program->flags & SEGMENT_EXECUTE) != 0;

	if (is_writable && is_executable)
		return false;
	if (program->offset > bytes || program->file_bytes > bytes - program->offset)
		return false;
	if (program->file_bytes > program->memory_bytes || program->memory_bytes > USER_TOP ||
	    program->va > USER_TOP - program->memory_bytes ||
	    program->offset % PAGE_SIZE != program->va % PAGE_SIZE)
		return false;
	*out = (struct elf_segment){
		.va = program->va,
		.offset = program->offset,
		.file_bytes = program->file_bytes,
		.memory_bytes = program->memory_bytes,
		.rights = RIGHT_READ | (is_writable ? RIGHT_WRITE : 0) | (is_executable ? RIGHT_EXECUTE : 0),
	};
	return true;
}

/* Where the program headers are in memory, if this segment holds them. */
static uint64_t headers_in(const struct elf_segment *segment, const struct elf_header *header)
{
	uint64_t end = header->program_offset + header->program_count * sizeof(struct elf_program);

	if (header->program_offset < segment->offset || end > segment->offset + segment->file_bytes)
		return 0;
	return segment->va + (header->program_offset - segment->offset);
}

bool elf_read(struct file_span file, struct elf_image *out)
{
	const struct elf_header *header = (const struct elf_header *)(const void *)file.data;

	if (file.data == NULL || file.bytes < sizeof(*header) || !is_readable(header, file.bytes))
		return false;
	*out = (struct elf_image){.entry = header->entry, .header_count = header->program_count};
	for (uint32_t i = 0; i < header->program_count; i++) { /* at most 65,535, all inside the file */
		const struct elf_program *program =
			(const struct elf_program *)(const void *)(file.data + header->program_offset) + i;

		if (program->type != SEGMENT_LOAD || program->memory_bytes == 0)
			continue;
		if (out->segment_count == ELF_SEGMENTS_MAX)
			return false;
		struct elf_segment *segment = &out->segments[out->segment_count];

		if (!read_segment(program, file.bytes, segment))
			return false;
		out->segment_count++;
		if (headers_in(segment, header) != 0)
			out->header_va = headers_in(segment, header);
	}
	return out->segment_count != 0;
}
