/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Loader of the personality's ELF file.  The file comes from the boot archive, which the system trusts; yet everything is
 * checked, so that a damaged archive ends in a message instead of a dead service.
 */
#include "image.h"

#include <elf.h>
#include <string.h>

#define IMAGE_PAGES_MAX 4096u

struct image image;

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + PAGE_BYTES - 1) >> PAGE_SHIFT;
}

static bool header_is_good(const Elf64_Ehdr *header, size_t bytes)
{
	if (bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return false;
	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 ||
	    header->e_type != ET_DYN)
		return false;
	return header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phoff % 8 == 0 &&
	       header->e_phoff <= bytes && header->e_phnum <= (bytes - header->e_phoff) / sizeof(Elf64_Phdr);
}

static bool program_header_is_good(const Elf64_Phdr *part, size_t bytes)
{
	return part->p_offset <= bytes && part->p_filesz <= bytes - part->p_offset &&
	       part->p_filesz <= part->p_memsz && part->p_vaddr % PAGE_BYTES == 0 &&
	       part->p_vaddr <= IMAGE_PAGES_MAX * PAGE_BYTES &&
	       part->p_memsz <= IMAGE_PAGES_MAX * PAGE_BYTES &&
	       (part->p_flags & (PF_W | PF_X)) != (PF_W | PF_X);
}

static bool add_segment(uint64_t first, uint64_t end, uint32_t prot, bool is_anonymous)
{
	if (first >= end)
		return true;
	if (image.segments == IMAGE_SEGMENTS)
		return false;
	image.segment[image.segments++] = (struct image_segment){
		.first_page = first, .pages = end - first, .prot = prot, .is_anonymous = is_anonymous};
	return true;
}

/* Notes one PT_LOAD. */
static bool describe(const Elf64_Phdr *part)
{
	uint64_t first = part->p_vaddr >> PAGE_SHIFT;
	uint64_t file_end = page_up(part->p_vaddr + part->p_filesz),
		 end = page_up(part->p_vaddr + part->p_memsz);
	uint32_t prot =
		PROT_READ | (part->p_flags & PF_W ? PROT_WRITE : 0) | (part->p_flags & PF_X ? PROT_EXEC : 0);

	if (first < image.pages) /* overlaps the one before */
		return false;
	image.pages = end;
	return add_segment(first, file_end, prot, false) && add_segment(file_end, end, prot, true);
}

/* Makes the object with all pages, zeroed. */
static bool make_object(void)
{
	image.object = object_create_internal(OBJECT_IMAGE, image.pages);
	image.first_frame = frame_alloc_run((uint32_t)image.pages);
	if (!image.object || image.first_frame == FRAME_NONE)
		return false;
	for (uint32_t i = 0; i < image.pages; i++) {
		if (!object_set_frame(image.object, i, image.first_frame + i))
			return false;
		frame_zero(image.first_frame + i);
	}
	return true;
}

static bool offsets_are_good(const struct personality_entries *entries)
{
	uint64_t end = image.pages * PAGE_BYTES;

	return entries->magic == PERSONALITY_MAGIC && entries->start < end && entries->syscall_entry < end &&
	       entries->exception_entry < end && entries->interrupt_entry < end && entries->code_end <= end &&
	       entries->exit_end <= end;
}

const char *image_load(const void *file, size_t bytes)
{
	const Elf64_Ehdr *header = file;

	image = (struct image){0};
	if (!header_is_good(header, bytes))
		return "not an ELF64 shared object for x86-64";
	const Elf64_Phdr *parts = (const Elf64_Phdr *)(const void *)((const uint8_t *)file + header->e_phoff);
	for (uint32_t i = 0; i < header->e_phnum; i++) {
		if (parts[i].p_type == PT_LOAD &&
		    !(program_header_is_good(&parts[i], bytes) && describe(&parts[i])))
			return "bad or overlapping segments";
	}
	if (image.pages == 0 || image.pages > IMAGE_PAGES_MAX)
		return "no segments, or too large";
	if (!make_object())
		return "no memory";
	for (uint32_t i = 0; i < header->e_phnum; i++) {
		if (parts[i].p_type == PT_LOAD)
			memcpy(frame_bytes(image.first_frame) + parts[i].p_vaddr,
			       (const uint8_t *)file + parts[i].p_offset, parts[i].p_filesz);
	}
	memcpy(&image.entries, frame_bytes(image.first_frame), sizeof(image.entries));
	return offsets_are_good(&image.entries) ? NULL : "no entry header";
}
