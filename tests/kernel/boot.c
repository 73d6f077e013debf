/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What root is started with: stack, pages, capabilities, and the description of memory. */
#include "tests.h"

#include <string.h>

static void test_stack(const uint64_t *stack)
{
	uint64_t page_size = 0, headers = 0, random = 0;

	check((uint64_t)stack % 16 == 0 && (uint64_t)stack < ROOT_STACK_TOP &&
		      (uint64_t)stack >= ROOT_STACK_TOP - ROOT_STACK_BYTES,
	      "the stack pointer is aligned and lies in the stack");
	check(stack[0] == 1 && strcmp((const char *)stack[1], "root") == 0 && stack[2] == 0 && stack[3] == 0,
	      "argc, argv and envp");
	for (const uint64_t *aux = stack + 4; aux[0] != 0; aux += 2) {
		page_size = aux[0] == 6 ? aux[1] : page_size;
		headers = aux[0] == 3 ? aux[1] : headers;
		random = aux[0] == 25 ? aux[1] : random;
	}
	check(page_size == PAGE_BYTES && headers != 0, "auxv tells page size and program headers");
	check(memcmp((const void *)headers, "\6\0\0", 4) == 0,
	      "where they are said to be, they are"); /* PT_PHDR */
	check(random == (uint64_t)boot_info()->random && boot_info()->random[0] != boot_info()->random[1] &&
		      boot_info()->random[0] != 0,
	      "and 16 bytes that differ");
}

static void test_info(void)
{
	const struct boot_info *info = boot_info();
	uint64_t v[6] = {0};

	check(info->magic == BOOT_INFO_MAGIC && info->version != 0, "boot_info has its magic");
	check(memchr(info->cmdline, 0, sizeof(info->cmdline)) != 0, "the command line ends");
	check(info->kernel_bytes != 0 && info->kernel_bytes < info->ram_bytes,
	      "the kernel keeps a part of RAM");
	check_error(ts_kernel_info(ROOT_CAP_MACHINE, 0, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]), E_OK,
		    "kernel_info 0");
	check(v[0] == info->version && v[1] == info->ram_bytes && v[2] == info->kernel_bytes &&
		      v[4] == info->cpu_count,
	      "kernel_info 0 tells the same as boot_info");
	check(v[3] == ((const struct time_page *)TIME_PAGE_VA)->tsc_hz && v[3] != 0,
	      "the clock page tells the same TSC frequency");
	check(memcmp((const void *)ROOT_ARCHIVE_VA, "070701", 6) == 0, "the archive is mapped");
}

static void check_page(uint64_t va, uint64_t rights, const char *name)
{
	uint64_t phys = 0, flags = 0;

	(void)ts_vspace_query(ROOT_CAP_VSPACE, va, &phys, &flags);
	check(phys != 0 && (flags & 7) == rights, name);
}

static void test_pages(void)
{
	check_page(ROOT_MSG_PAGE_VA, READ | WRITE, "the message page is mapped read-write");
	check_page(ROOT_BOOT_INFO_VA, READ, "boot_info is mapped read-only");
	check_page(ROOT_ARCHIVE_VA, READ, "the archive is mapped read-only");
	check_page(TIME_PAGE_VA, READ, "the clock page is mapped read-only");
	check_page(ROOT_STACK_TOP - 1, READ | WRITE, "the stack is mapped read-write");
	check_page((uint64_t)test_pages, READ | EXECUTE, "code is mapped read-execute");
	check_page((uint64_t)"text", READ, "constants are mapped read-only");
}

static void test_capabilities(void)
{
	static const struct {
		cap_t address;
		uint32_t type, rights;
		const char *name;
	} caps[] = {
		{ROOT_CAP_CNODE, CAP_CNODE, ALL, "its CSpace root"},
		{ROOT_CAP_VSPACE, CAP_VSPACE, ALL, "its VSpace"},
		{ROOT_CAP_THREAD, CAP_THREAD, ALL, "its Thread"},
		{ROOT_CAP_SCHED, CAP_SCHED_CONTEXT, ALL, "its SchedContext"},
		{ROOT_CAP_CLOCK, CAP_CLOCK, ALL, "Clock"},
		{ROOT_CAP_CONSOLE, CAP_CONSOLE, ALL, "Console"},
		{ROOT_CAP_MACHINE, CAP_MACHINE, ALL, "Machine"},
		{ROOT_CAP_ARCHIVE, CAP_MEMORY, READ | EXECUTE | REVOKE, "the archive, never writable"},
		{ROOT_CAP_LEAF, CAP_CNODE, ALL, "its leaf"},
	};
	bool is_rest_empty = type_at(10) == CAP_NULL;

	for (uint32_t i = 0; i < COUNT_OF(caps); i++) {
		struct cap_facts facts = inspect(SLOT_OWN(caps[i].address));

		check((facts.type & 0xff) == caps[i].type && facts.rights == caps[i].rights &&
			      (facts.type & FACT_ORIGIN) == 0,
		      join("root has", caps[i].name));
	}
	for (cap_t slot = ROOT_CAP_UNTYPED + boot_info()->untyped_count; slot < 256; slot++)
		is_rest_empty = is_rest_empty && type_at(slot) == CAP_NULL;
	check(is_rest_empty, "root has nothing else");
}

static bool is_untyped_right(uint32_t i)
{
	const struct boot_untyped *untyped = &boot_info()->untyped[i];
	struct cap_facts facts = inspect(SLOT_OWN(ROOT_CAP_UNTYPED + i));
	uint64_t bytes = 1ull << untyped->size_log2;

	if ((facts.type & 0xff) != CAP_UNTYPED || facts.info[0] != untyped->phys ||
	    facts.info[1] != untyped->size_log2)
		return false;
	if (facts.info[2] != bytes || untyped->phys % bytes != 0)
		return false;
	for (uint32_t k = 0; k < i; k++) {
		const struct boot_untyped *other = &boot_info()->untyped[k];

		if (untyped->phys < other->phys + (1ull << other->size_log2) &&
		    other->phys < untyped->phys + bytes)
			return false;
	}
	return true;
}

static void test_untypeds(void)
{
	const struct boot_info *info = boot_info();
	bool is_right = true;
	uint64_t total = 0;

	for (uint32_t i = 0; i < info->untyped_count; i++) {
		is_right = is_right && is_untyped_right(i);
		total += info->untyped[i].is_device ? 0 : 1ull << info->untyped[i].size_log2;
	}
	check(info->untyped_count > 0 && info->untyped_count <= BOOT_MAX_UNTYPED, "there are Untypeds");
	check(is_right, "each Untyped is described, aligned, whole and apart from the others");
	check(total + info->kernel_bytes + info->archive_bytes <= info->ram_bytes,
	      "no more memory than there is");
	check(total > info->ram_bytes - info->kernel_bytes - info->archive_bytes - (2ull << 20),
	      "less than 2 MiB of RAM are lost");
}

void test_boot(const uint64_t *stack)
{
	group_name("boot");
	test_stack(stack);
	test_info();
	test_pages();
	test_capabilities();
	test_untypeds();
}
