/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Boots a machine that an input describes: kernel_main on a memory map, devices, an archive and a command line, all made of the input's
 * bytes; then the state in which root starts is held against spec/boot.c, or the panic against what is wrong with the machine.
 *
 * An input is read byte by byte; where it ends, zeroes follow.
 */
#include "decode.h"
#include "drive.h"

#include <frames.h>
#include <log.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define ARCHIVE_START (HOST_PHYS_BASE + (2ull << 20))
#define FREE_START (HOST_PHYS_BASE + (4ull << 20))
#define FREE_END (HOST_PHYS_BASE + HOST_PHYS_BYTES)
#define ARCHIVE_PAGES_MAX 40u
#define IMAGE_AT 120u /* behind cpio's header and the name */
#define LOG_BYTES 4096u
#define OTHER 1u /* the CPU that is started behind root */

struct reader {
	const uint8_t *data;
	size_t left;
};

static struct boot_handover handover;
static struct spec_boot given;
static struct spec found;
static jmp_buf end;
static char log_text_seen[LOG_BYTES];
static size_t log_bytes;

static uint32_t next(struct reader *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->data++;
}

static _Noreturn void fail(const char *problem)
{
	fprintf(stderr, "---- difference: boot: %s\nthe log:\n%.*s\n", problem, (int)log_bytes,
		log_text_seen);
	for (uint32_t i = 0; i < given.ram_count; i++)
		fprintf(stderr, "RAM %llx to %llx\n", (unsigned long long)given.ram[i].start,
			(unsigned long long)given.ram[i].end);
	abort();
}

/* ---- the machine ---- */

static void add_ram(uint64_t start, uint64_t bytes)
{
	given.ram[given.ram_count++] = (struct spec_range){start, start + bytes};
}

static void make_memory(struct reader *in)
{
	uint64_t at = 0;

	for (uint32_t i = next(in) % 3u; i > 0; i--) { /* below 1 GiB */
		at += next(in) * 16u * PAGE_SIZE;
		uint64_t bytes = (1u + next(in)) * PAGE_SIZE;

		add_ram(at, bytes);
		at += bytes + PAGE_SIZE;
	}
	at = FREE_START;
	given.source = given.ram_count;
	add_ram(at, (16ull << 20) + next(in) * 17u * PAGE_SIZE);
	if (next(in) >= 0xf0)
		given.ram[given.source].end = at + next(in) * PAGE_SIZE + PAGE_SIZE;
	at = given.ram[given.source].end + PAGE_SIZE;
	for (uint32_t i = next(in) % 3u; i > 0; i--) {
		at += next(in) * PAGE_SIZE;
		uint32_t size = next(in);
		uint64_t bytes =
			size < 160 ? (16ull << 20) + size * 17u * PAGE_SIZE : (1u + size) * PAGE_SIZE;

		if (at + bytes <= FREE_END)
			add_ram(at, bytes);
		at += bytes + PAGE_SIZE;
	}
	at = 1ull << 37;
	for (uint32_t i = next(in) % 3u; i > 0; i--) { /* also where no object can be named any more */
		at += ((uint64_t)next(in) << 30) + next(in) * PAGE_SIZE;
		uint64_t bytes = ((uint64_t)next(in) << 29) + PAGE_SIZE;

		add_ram(at, bytes);
		at += bytes + PAGE_SIZE;
	}
	at = 0;
	for (uint32_t i = next(in) % 5u; i > 0; i--) {
		at += ((uint64_t)next(in) << 32) + next(in) * 0x777u;
		uint64_t bytes = ((uint64_t)next(in) << next(in) % 40u) + next(in);

		given.device[given.device_count++] = (struct spec_range){at, at + bytes};
		at += bytes + PAGE_SIZE;
	}
}

/* ---- the archive ---- */

static void make_segment(struct reader *in, struct root_segment *segment)
{
	static const uint64_t places[] = {0x400000,	     0x800000,	       ROOT_STACK_TOP - 0x10000,
					  ROOT_ARCHIVE_VA,   ROOT_MSG_PAGE_VA, USER_TOP - PAGE_SIZE,
					  ROOT_BOOT_INFO_VA, ~0ull << 12};
	static const uint32_t rights[] = {RIGHT_READ, RIGHT_READ | RIGHT_WRITE, RIGHT_READ | RIGHT_EXECUTE,
					  RIGHT_READ | RIGHT_WRITE | RIGHT_GRANT};
	uint32_t place = next(in), right = next(in), pages = next(in);

	segment->va = places[place < 0xe0 ? place % 3u : place % 8u] + next(in) * PAGE_SIZE;
	if (place == 0xff)
		segment->va += 8;
	segment->rights = right < 0xf8 ? rights[right % 4u] : RIGHT_WRITE | RIGHT_EXECUTE;
	segment->pages = pages < 0xfc ? pages % 32u : pages << 6;
	segment->file_pages = next(in) % 5u;
}

/* What stands in the archive's pages of root: other bytes in each. */
static unsigned char filling(uint64_t at)
{
	return (unsigned char)(at * 7u + at / PAGE_SIZE * 31u + 1u);
}

static void write_field(unsigned char *header, uint32_t at, uint64_t value)
{
	char text[9];

	snprintf(text, sizeof(text), "%08x", (unsigned int)value);
	memcpy(header + at, text, 8);
}

static void make_archive(struct reader *in)
{
	unsigned char *archive = phys_to_ptr((paddr_t){ARCHIVE_START});
	struct root_image image = {
		.magic = ROOT_IMAGE_MAGIC, .ip = 0x400000u + next(in), .sp = ROOT_STACK_TOP};
	uint64_t pages = 0, bytes;

	if (next(in) == 0xff)
		image.ip = 1ull << (40u + next(in) % 24u);
	for (uint32_t i = 0, count = next(in) % (ROOT_SEGMENTS_MAX + 1u); i < count; i++) {
		make_segment(in, &image.segments[i]);
		pages += image.segments[i].file_pages;
	}
	bytes = sizeof(image) + pages * PAGE_SIZE;
	memset(archive, '0', IMAGE_AT);
	memcpy(archive, "070701", 6);
	memcpy(archive + 110, "boot/root", 10);
	write_field(archive, 54, bytes);
	write_field(archive, 94, 10);
	for (uint64_t i = 0; i < bytes; i++)
		archive[IMAGE_AT + i] = filling(i);
	memcpy(archive + IMAGE_AT, &image, sizeof(image));
	given.archive_bytes = IMAGE_AT + bytes + next(in);
	for (uint32_t i = next(in); i >= 0xf0; i = next(in)) /* damage */
		archive[next(in) % (IMAGE_AT + sizeof(image))] = (unsigned char)next(in);
	if (next(in) >= 0xf8)
		given.archive_bytes = next(in) * 16u;
	given.archive = archive;
	given.archive_start = ARCHIVE_START;
}

static void hand_over(struct reader *in)
{
	memset(&handover, 0, sizeof(handover));
	handover.free_ram_count = given.ram_count;
	handover.device_count = given.device_count;
	for (uint32_t i = 0; i < given.ram_count; i++)
		handover.free_ram[i] = (struct boot_range){given.ram[i].start, given.ram[i].end};
	for (uint32_t i = 0; i < given.device_count; i++)
		handover.device[i] = (struct boot_range){given.device[i].start, given.device[i].end};
	handover.archive = (struct boot_range){ARCHIVE_START, ARCHIVE_START + given.archive_bytes};
	handover.ram_bytes = next(in) * 0x12345678ull;
	given.image_bytes = next(in) * PAGE_SIZE;
	handover.image_bytes = given.image_bytes;
	handover.boot_range = given.source;
	handover.boot_tsc = next(in);
	handover.rsdp = next(in) * 16u;
	handover.cpu_count = 1u + next(in) % 4u;
	for (uint32_t i = 0; i + 1u < BOOT_CMDLINE_BYTES && in->left > 0; i++)
		handover.cmdline[i] = (char)next(in);
}

/* ---- the run ---- */

static void leave(bool is_panic)
{
	longjmp(end, is_panic ? 2 : 1);
}

static void wait_for_work(void)
{
	longjmp(end, 3);
}

static void see_log(const char *text, size_t length)
{
	for (size_t i = 0; i < length && log_bytes < LOG_BYTES - 1u; i++)
		log_text_seen[log_bytes++] = text[i];
	log_text_seen[log_bytes] = '\0';
}

static enum spec_refusal refusal(void)
{
	static const struct {
		enum spec_refusal refusal;
		const char *text;
	} known[] = {
		{SPEC_REFUSED_ARCHIVE, "the archive does not begin with boot/root"},
		{SPEC_REFUSED_MAPPING, "cannot map root's memory"},
		{SPEC_REFUSED_ENTRY, "does not start at a user address"},
		{SPEC_REFUSED_SIZE, "out of memory"},
	};

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strstr(log_text_seen, known[i].text) != NULL)
			return known[i].refusal;
	}
	fail("a panic that is not known");
}

/* Root's pages hold what its image says, then zeroes; boot_info what the machine is. */
static const char *contents_problem(void)
{
	const struct boot_info *info = given.info;
	const struct spec_vspace *vspace = spec_vspace_of(&found, arch_current_root(&boot_cpu.arch).raw);
	uint64_t at = sizeof(struct root_image), frame;
	struct root_image image;

	(void)spec_boot_image(&given, &image);
	for (uint32_t i = 0; i < ROOT_SEGMENTS_MAX; i++) {
		const struct root_segment *segment = &image.segments[i];

		for (uint64_t page = 0; page < segment->pages; page++) {
			(void)spec_boot_mapping(vspace, segment->va + page * PAGE_SIZE, &frame);
			const unsigned char *bytes = phys_to_ptr((paddr_t){frame << PAGE_SHIFT});

			for (uint64_t n = 0; n < PAGE_SIZE; n++) {
				if (bytes[n] !=
				    (page < segment->file_pages ? filling(at + page * PAGE_SIZE + n) : 0))
					return "a page of root's does not hold what the image has there";
			}
		}
		at += segment->file_pages * PAGE_SIZE;
	}
	if (info->magic != BOOT_INFO_MAGIC || info->archive_bytes != given.archive_bytes ||
	    info->ram_bytes != handover.ram_bytes || info->boot_tsc != handover.boot_tsc ||
	    info->rsdp_phys != handover.rsdp || info->cpu_count != handover.cpu_count ||
	    memcmp(info->cmdline, handover.cmdline, BOOT_CMDLINE_BYTES) != 0)
		return "boot_info is not what the machine is";
	return NULL;
}

static const struct boot_info *info_of_root(void)
{
	pte_t entry = host_access(arch_current_root(&boot_cpu.arch), ROOT_BOOT_INFO_VA);

	if (entry == 0)
		fail("boot_info is not mapped");
	return phys_to_ptr(pte_address(entry));
}

static void check_root(void)
{
	const char *problem;

	given.info = info_of_root();
	machine_kernel_slots = object_address(derivation_sentinel).raw;
	machine_abstract(&found);
	problem = spec_boot_problem(&found, &given);
	if (problem == NULL)
		problem = contents_problem();
	if (problem != NULL)
		fail(problem);
}

/* Another CPU comes up: there is nothing to do for it. */
static void start_other(void)
{
	static struct thread idle;

	memset(cpus[OTHER], 0, sizeof(*cpus[OTHER]));
	cpus[OTHER]->self = cpus[OTHER];
	cpus[OTHER]->id = OTHER;
	cpus[OTHER]->idle = &idle;
	cpus_used = OTHER + 1u;
	machine_play(OTHER);
	host.idle = wait_for_work;
	if (setjmp(end) == 0)
		kernel_cpu_main();
	if (cpus[OTHER]->current != &idle)
		fail("the second CPU does not wait");
	machine_play(0);
	machine_abstract(&found);
	if (spec_boot_problem(&found, &given) != NULL)
		fail("the second CPU has changed something");
}

/* What the architecture says of the machine while it boots: numbers, as C prints them. */
static void say_number(uint64_t value)
{
	char expected[40];

	log_bytes = 0;
	log_decimal(value, " bytes\n");
	snprintf(expected, sizeof(expected), "%llu bytes\n", (unsigned long long)value);
	if (strcmp(log_text_seen, expected) != 0)
		fail("a number is not printed as it is");
}

bool boot_is_input(const uint8_t *data, size_t size)
{
	return size > strlen(BOOT_MARK) && memcmp(data, BOOT_MARK, strlen(BOOT_MARK)) == 0;
}

void boot_run(const uint8_t *data, size_t size)
{
	static struct reader in; /* setjmp */
	enum spec_refusal outcome = SPEC_STARTED;
	int how;

	in = (struct reader){data + strlen(BOOT_MARK), size - strlen(BOOT_MARK)};
	machine_power_on();
	memset(&given, 0, sizeof(given));
	log_bytes = 0;
	make_memory(&in);
	make_archive(&in);
	hand_over(&in);
	host.leave = leave;
	host.written = see_log;
	drive_count++;
	how = setjmp(end);
	if (how == 0) {
		frames_open(handover.free_ram[given.source]);
		for (uint32_t i = next(&in) % 4u; i > 0; i--)
			memset(frames_take(next(&in) * 64u + 64u), 0xff, PAGE_SIZE); /* by the architecture */
		say_number(handover.ram_bytes);
		say_number((uint64_t)handover.boot_tsc << (handover.boot_tsc % 64u));
		kernel_main(&handover);
	}
	if (how == 2)
		outcome = refusal();
	if (!spec_boot_may_refuse(&given, outcome))
		fail(outcome == SPEC_STARTED ? "root starts, though something is wrong"
					     : "a panic without reason");
	if (outcome == SPEC_STARTED) {
		check_root();
		start_other();
	}
}
