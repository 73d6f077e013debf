/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A service's own memory: one Memory object that holds [info page | stack | image | heap], mapped for root too, so that
 * it can be written at a restart and read for a crash report.
 */
#include "root.h"

#include <string.h>

#include <cpio_archive.h>
#include <service_status.h>

#define IMAGE_LOW 0x10000ull
#define IMAGE_HIGH 0x0f000000ull
#define AT_END 0
#define AT_PHDR_TYPE 3
#define AT_PHENT_TYPE 4
#define AT_PHNUM_TYPE 5
#define AT_PAGESZ_TYPE 6
#define AT_ENTRY_TYPE 9
#define AT_RANDOM_TYPE 25

/* First pages of the parts. */
static uint64_t stack_first(void)
{
	return 1;
}

static uint64_t image_first(const struct service *service)
{
	return stack_first() + service->manifest->stack_pages;
}

static uint64_t image_pages(const struct service *service)
{
	return (service->image.high - service->image.low) / PAGE;
}

static uint64_t heap_first(const struct service *service)
{
	return image_first(service) + image_pages(service);
}

static uint8_t *root_address(const struct service *service, uint64_t page)
{
	return (uint8_t *)(ROOT_SERVICE_VA + service->number * ROOT_SERVICE_STRIDE + page * PAGE);
}

static void find_image(const struct service *service, struct cpio_entry *file)
{
	const struct boot_info *info = (const struct boot_info *)ROOT_BOOT_INFO_VA;

	if (!cpio_find((const void *)ROOT_ARCHIVE_VA, info->archive_bytes, service->manifest->elf, file))
		die("%s: the boot archive has no %s", service->manifest->name, service->manifest->elf);
}

void load_prepare(struct service *service)
{
	struct cpio_entry file;
	enum elf_error error;

	find_image(service, &file);
	error = elf_check(file.data, file.bytes, IMAGE_LOW, IMAGE_HIGH, &service->image);
	if (error != ELF_OK)
		die("%s: %s: %s", service->manifest->name, service->manifest->elf, elf_error_text(error));
	service->memory_pages = heap_first(service) + service->manifest->heap_pages;
	service->memory = memory_pages(service->memory_pages, true, PAGE);
	service->view = memory_map_for_root(service->memory, (uint64_t)root_address(service, 0),
					    service->memory_pages, RIGHT_READ | RIGHT_WRITE);
}

static void write_image(const struct service *service)
{
	const struct elf_image *image = &service->image;
	uint8_t *base = root_address(service, image_first(service));
	struct cpio_entry file;

	find_image(service, &file);
	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segment[i];

		memcpy(base + (s->va - image->low), file.data + s->file_offset, s->file_bytes);
	}
}

/* Sixteen bytes that differ from start to start; nothing secret hangs on them. */
static void write_random(uint8_t *to)
{
	uint64_t word = time_now_ns() * 0x9e3779b97f4a7c15ull;

	memcpy(to, &word, 8);
	word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9ull;
	memcpy(to + 8, &word, 8);
}

/* What stands above the first stack frame: as Linux gives it to a static program. */
#define STACK_WORDS 18u
#define STACK_TAIL 128u /* name, random bytes, struct service_status */

static void write_stack(const struct service *service)
{
	const struct elf_image *image = &service->image;
	uint8_t *top = root_address(service, stack_first() + service->manifest->stack_pages);
	uint64_t name_va = SERVICE_STACK_TOP - STACK_TAIL, random_va = name_va + MANIFEST_NAME_BYTES;
	const uint64_t words[STACK_WORDS] = {
		1,
		name_va,
		0,
		0,
		AT_PHDR_TYPE,
		image->header_va,
		AT_PHENT_TYPE,
		image->header_bytes,
		AT_PHNUM_TYPE,
		image->header_count,
		AT_PAGESZ_TYPE,
		PAGE,
		AT_ENTRY_TYPE,
		image->entry,
		AT_RANDOM_TYPE,
		random_va,
		AT_END,
		0,
	};

	memcpy(top - STACK_TAIL, service->manifest->name, MANIFEST_NAME_BYTES);
	write_random(top - STACK_TAIL + MANIFEST_NAME_BYTES);
	memcpy(top - STACK_TAIL - sizeof(words), words, sizeof(words));
}

uint64_t load_stack_pointer(void)
{
	return SERVICE_STACK_TOP - STACK_TAIL - STACK_WORDS * 8;
}

void load_fill(struct service *service, const struct service_info *info)
{
	if (service->restarts > 0)
		memset(root_address(service, 0), 0, service->memory_pages * PAGE);
	write_image(service);
	write_stack(service);
	memcpy(root_address(service, 0), info, sizeof(*info));
}

static void map(cap_t view, uint64_t va, uint64_t page, uint64_t pages, uint32_t rights,
		const struct service *service)
{
	uint64_t done = 0;
	enum tessera_error error = pages == 0 ? E_OK : ts_view_map(view, va, page, pages, rights, &done);

	if (error != E_OK)
		die("%s: cannot map %lu pages at %#lx: error %d after %lu", service->manifest->name, pages,
		    va, (int)error, done);
}

void load_map(struct service *service)
{
	const struct elf_image *image = &service->image;
	const struct manifest_service *m = service->manifest;
	cap_t view = service_take_slot(service);

	if (ts_memory_attach(service->memory, SLOT_OWN(view), service->vspace, 0, SERVICE_REGION_VA / PAGE,
			     RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE) != E_OK)
		die("%s: cannot attach its memory", m->name);
	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segment[i];
		uint64_t first = (s->va - image->low) / PAGE,
			 end = (s->va + s->memory_bytes - image->low + PAGE - 1) / PAGE;

		map(view, image->low + first * PAGE, image_first(service) + first, end - first, s->rights,
		    service);
	}
	map(view, SERVICE_STACK_TOP - m->stack_pages * PAGE, stack_first(), m->stack_pages,
	    RIGHT_READ | RIGHT_WRITE, service);
	map(view, SERVICE_INFO_VA, 0, 1, RIGHT_READ, service);
	map(view, SERVICE_HEAP_VA, heap_first(service), m->heap_pages, RIGHT_READ | RIGHT_WRITE, service);
}

const void *load_peek(const struct service *service, uint64_t va, uint64_t bytes)
{
	uint64_t stack_bytes = service->manifest->stack_pages * PAGE, stack = SERVICE_STACK_TOP - stack_bytes;

	if (va < stack || va > SERVICE_STACK_TOP || bytes > SERVICE_STACK_TOP - va)
		return NULL;
	return root_address(service, stack_first()) + (va - stack);
}
