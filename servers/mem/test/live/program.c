/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stands in for the personality: does what the driver says with its memory, and reports faults that mem raised. */
#include <tessera/personality.h>
#include <tessera/process_page.h>
#include <tessera/proto/mem.h>

#include "live.h"

static volatile uint64_t data_word = 0x1234567890abcdefull; /* in .data: copied for each process */
static volatile uint64_t bss_words[600];

_Noreturn void program_start(struct msg_page *page);
_Noreturn void program_exception(struct msg_page *page);
void program_exception_entry(void);

static uint64_t tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t touch(uint64_t address, uint64_t pages, uint64_t step)
{
	uint64_t before = tsc();

	for (uint64_t i = 0; i < pages; i++)
		*(volatile uint64_t *)(address + i * step) = i;
	return tsc() - before;
}

static uint64_t map(struct msg_page *page, const uint64_t *w, uint64_t *value)
{
	const struct mem_map_in in = {
		.addr = w[1], .len = w[2], .prot = (uint32_t)w[3], .flags = (uint32_t)(w[3] >> 32)};
	struct mem_map_out out = {0};
	int status = mem_map(LIVE_CAP_MEM, page, &in, &out);

	*value = out.addr;
	return (uint64_t)status;
}

static uint64_t map_object(struct msg_page *page, const uint64_t *w, uint64_t *value)
{
	const struct mem_map_object_in in = {
		.addr = w[1], .len = w[2], .prot = (uint32_t)w[3], .flags = (uint32_t)(w[3] >> 32)};
	struct mem_map_object_out out = {0};

	page->send_slot[0] = SLOT_OWN(LIVE_CAP_OBJECT);
	page->send_mode[0] = XFER_SIBLING;
	page->send_rights[0] = RIGHTS_ALL;
	int status = mem_map_object(LIVE_CAP_MEM, page, &in, &out);
	*value = out.addr;
	return (uint64_t)status;
}

static uint64_t query(struct msg_page *page, uint64_t address, uint64_t *value)
{
	const struct mem_query_in in = {.addr = address};
	struct mem_query_out out = {0};
	int status = mem_query(LIVE_CAP_MEM, page, &in, &out);

	*value = out.flags;
	return (uint64_t)status;
}

static uint64_t execute(struct msg_page *page, const uint64_t *w, uint64_t *value)
{
	const struct mem_unmap_in unmap_in = {.addr = w[1], .len = w[2]};
	const struct mem_protect_in protect_in = {.addr = w[1], .len = w[2], .prot = (uint32_t)w[3]};
	struct mem_unmap_out unmap_out;
	struct mem_protect_out protect_out;

	switch (w[0]) {
	case LIVE_TOUCH: return touch(w[1], w[2], w[3]);
	case LIVE_WRITE: *(volatile uint64_t *)w[1] = w[2]; return 0;
	case LIVE_READ: *value = *(volatile uint64_t *)w[1]; return 0;
	case LIVE_MAP: return map(page, w, value);
	case LIVE_MAP_OBJECT: return map_object(page, w, value);
	case LIVE_UNMAP: return (uint64_t)mem_unmap(LIVE_CAP_MEM, page, &unmap_in, &unmap_out);
	case LIVE_PROTECT: return (uint64_t)mem_protect(LIVE_CAP_MEM, page, &protect_in, &protect_out);
	case LIVE_QUERY: return query(page, w[1], value);
	default: return ~0ull;
	}
}

static _Noreturn void serve(struct msg_page *page, uint64_t result, uint64_t value)
{
	for (;;) {
		struct ipc_msg m = {.tag = MSG_TAG(1, 3, 0), .w = {result, value, 0}};
		if (ts_call(LIVE_CAP_DRIVER, &m, DEADLINE_NEVER) != E_OK)
			__builtin_trap();
		value = 0;
		result = execute(page, m.w, &value);
	}
}

_Noreturn void program_start(struct msg_page *page)
{
	bss_words[599] += 1;
	serve(page, data_word, bss_words[599]);
}

_Noreturn void program_exception(struct msg_page *page)
{
	page->sticky = 0;
	serve(page, LIVE_FAULT | page->exc_vector, page->exc_address);
}

__attribute__((naked)) void program_exception_entry(void)
{
	__asm__("movq %%rsp, %%rdi\n\tmovabsq %0, %%rsp\n\tcall program_exception"
		:
		: "i"(PERSONALITY_STACK_VA + PERSONALITY_STACK_STRIDE));
}

/* The header, whose fields are distances: only the assembler can write them without relocations. */
__asm__(".section .entries, \"a\"\n"
	"header: .quad 0x315345524f53504c\n"
	".quad image_end - header, program_start - header, program_exception_entry - header\n"
	".quad program_exception_entry - header, program_exception_entry - header\n"
	".quad 0x1000, image_end - header, 0x1000, 0x1000, 0, 0\n"
	".previous\n");
