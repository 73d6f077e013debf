/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See elf_image.h. */
#include <elf_image.h>

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#include <tessera/types.h>

static uint64_t page_down(uint64_t value)
{
	return value & ~(uint64_t)(ELF_PAGE - 1);
}

static uint64_t page_up(uint64_t value)
{
	return page_down(value + ELF_PAGE - 1);
}

static enum elf_error check_header(const Elf64_Ehdr *header, uint64_t bytes)
{
	uint64_t table = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_version != EV_CURRENT)
		return ELF_NOT_ELF;
	if (header->e_type != ET_EXEC || header->e_machine != EM_X86_64 ||
	    header->e_phentsize != sizeof(Elf64_Phdr))
		return ELF_WRONG_KIND;
	if (header->e_phoff > bytes || table > bytes - header->e_phoff)
		return ELF_TRUNCATED;
	return ELF_OK;
}

static uint32_t rights_of(uint32_t flags)
{
	return (flags & PF_R ? RIGHT_READ : 0) | (flags & PF_W ? RIGHT_WRITE : 0) |
	       (flags & PF_X ? RIGHT_EXECUTE : 0);
}

static enum elf_error check_segment(const Elf64_Phdr *p, uint64_t bytes, uint64_t low, uint64_t high)
{
	if (p->p_offset > bytes || p->p_filesz > bytes - p->p_offset)
		return ELF_TRUNCATED;
	if (p->p_filesz > p->p_memsz || p->p_vaddr < low || p->p_vaddr > high ||
	    p->p_memsz > high - p->p_vaddr)
		return ELF_BAD_SEGMENT;
	if ((p->p_vaddr - p->p_offset) % ELF_PAGE != 0)
		return ELF_BAD_SEGMENT;
	if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
		return ELF_WRITE_EXECUTE;
	return ELF_OK;
}

static bool overlaps(const struct elf_image *image, const Elf64_Phdr *p)
{
	uint64_t start = page_down(p->p_vaddr), end = page_up(p->p_vaddr + p->p_memsz);

	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (start < page_up(s->va + s->memory_bytes) && page_down(s->va) < end)
			return true;
	}
	return false;
}

static enum elf_error add_segment(struct elf_image *image, const Elf64_Phdr *p, const Elf64_Ehdr *header)
{
	struct elf_segment segment = {
		.va = p->p_vaddr,
		.memory_bytes = p->p_memsz,
		.file_offset = p->p_offset,
		.file_bytes = p->p_filesz,
		.rights = rights_of(p->p_flags),
	};
	uint64_t end = page_up(p->p_vaddr + p->p_memsz);

	if (image->segment_count == ELF_MAX_SEGMENTS)
		return ELF_TOO_MANY;
	if (overlaps(image, p))
		return ELF_OVERLAP;
	if (image->segment_count == 0 || page_down(p->p_vaddr) < image->low)
		image->low = page_down(p->p_vaddr);
	if (end > image->high)
		image->high = end;
	if (p->p_offset <= header->e_phoff &&
	    header->e_phoff + (uint64_t)header->e_phnum * sizeof(Elf64_Phdr) <= p->p_offset + p->p_filesz)
		image->header_va = p->p_vaddr + (header->e_phoff - p->p_offset);
	image->segment[image->segment_count++] = segment;
	return ELF_OK;
}

static bool entry_is_code(const struct elf_image *image)
{
	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segment[i];

		if ((s->rights & RIGHT_EXECUTE) && image->entry >= s->va &&
		    image->entry - s->va < s->memory_bytes)
			return true;
	}
	return false;
}

/* Takes every PT_LOAD that has memory. */
static enum elf_error read_segments(const uint8_t *file, uint64_t bytes, const Elf64_Ehdr *header,
				    uint64_t low, uint64_t high, struct elf_image *image)
{
	for (uint32_t i = 0; i < header->e_phnum; i++) {
		enum elf_error error;
		Elf64_Phdr p;

		memcpy(&p, file + header->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_INTERP)
			return ELF_WRONG_KIND;
		if (p.p_type != PT_LOAD || p.p_memsz == 0)
			continue;
		error = check_segment(&p, bytes, low, high);
		if (error == ELF_OK)
			error = add_segment(image, &p, header);
		if (error != ELF_OK)
			return error;
	}
	return image->segment_count > 0 ? ELF_OK : ELF_TOO_MANY;
}

enum elf_error elf_check(const void *file, uint64_t bytes, uint64_t low, uint64_t high, struct elf_image *out)
{
	struct elf_image image = {0};
	enum elf_error error;
	Elf64_Ehdr header;

	if (bytes < sizeof(header))
		return ELF_TRUNCATED;
	memcpy(&header, file, sizeof(header));
	error = check_header(&header, bytes);
	if (error != ELF_OK)
		return error;
	image.entry = header.e_entry;
	image.header_count = header.e_phnum;
	image.header_bytes = sizeof(Elf64_Phdr);
	error = read_segments(file, bytes, &header, low, high, &image);
	if (error != ELF_OK)
		return error;
	if (!entry_is_code(&image))
		return ELF_BAD_ENTRY;
	*out = image;
	return ELF_OK;
}

const char *elf_error_text(enum elf_error error)
{
	static const char *const texts[] = {
		"fine",
		"truncated",
		"no ELF64 file",
		"no static x86_64 program",
		"wrong number of segments",
		"bad segment",
		"overlapping segments",
		"a segment is writable and executable",
		"the entry is not in code",
	};

	return (unsigned)error < sizeof(texts) / sizeof(texts[0]) ? texts[error] : "?";
}
