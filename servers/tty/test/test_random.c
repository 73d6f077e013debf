/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The whole service but its loop, under random messages: any operation, lengths, words, badges and labels, closes and
 * typed bytes between them. Nothing may go wrong in memory; what is closed stays closed; all is released in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tessera/proto/file_server.h>
#include <tessera/proto/tty_server.h>
#include <tessera/rings.h>
#include <tessera/service.h>

#include "tty.h"

#define ROUNDS 40000
#define BADGES 64u
#define PROCESSES 6u

static struct label_table *labels;
static uint8_t *pages;
static struct upcall_ring ring;
static struct serial_region serial;
static struct msg_page page;
static uint64_t now, badges[BADGES];
static uint32_t slots_in_use;

cap_t slot_alloc(void)
{
	return slots_in_use < 300 ? ++slots_in_use : 0;
}

void slot_free(cap_t address)
{
	(void)address;
	slots_in_use--;
}

void slot_release(cap_t address)
{
	slot_free(address);
}

uint32_t slot_count_free(void)
{
	return 300 - slots_in_use;
}

/* Remembers the badge of the open file: the next requests use it. */
enum tessera_error ts_cnode_mint(slot_t dst_slot, slot_t src_slot, uint64_t rights, uint64_t badge,
				 uint64_t flags)
{
	(void)dst_slot, (void)src_slot, (void)rights, (void)flags;
	badges[(uint32_t)rand() % BADGES] = badge;
	return rand() % 20 ? E_OK : E_SLOT_USED;
}

enum tessera_error ts_signal(cap_t notification, uint64_t bits)
{
	(void)notification, (void)bits;
	return E_OK;
}

void service_wake(uint32_t thread)
{
	assert_in_range(thread, 0, LABEL_THREADS - 1);
}

uint64_t time_now_ns(void)
{
	return now += 1000000;
}

const char *service_option(const char *key)
{
	(void)key;
	return "9999999999999x1";
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level, (void)format;
}

static uint64_t word(void)
{
	static const uint64_t favourites[] = {0,      1,      2,	   3,		4,
					      18,     0x5401, 0x5402,	   0x540e,	0x5410,
					      0x5413, 0x541b, 0x80045430u, 0x40045431u, ~0ull};
	uint64_t any = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 16 ^ (uint64_t)rand();

	return rand() % 3 ? favourites[(uint32_t)rand() % (sizeof(favourites) / 8)] : any >> (rand() % 64);
}

static uint64_t label(void)
{
	if (rand() % 10 == 0)
		return word();
	return LABEL_MAKE(7u, (uint32_t)rand() % PROCESSES, (uint32_t)rand() % LABEL_THREADS);
}

static void request(void)
{
	static const uint32_t first[] = {FILE_READ, FILE_WRITE, FILE_IOCTL, FILE_POLL};
	uint64_t badge = rand() % 20 ? badges[(uint32_t)rand() % BADGES] : word();
	bool is_file = badge != 0 && rand() % 4;
	uint32_t operation = rand() % 2 ? first[(uint32_t)rand() % 4] : FILE_OP_MIN + (uint32_t)rand() % 40;
	struct request rq = {.badge = is_file ? badge : 0, .label = label(), .page = &page};

	if (!is_file)
		operation = TTY_OP_MIN + (uint32_t)rand() % 6;
	rq.tag = MSG_TAG(operation, rand() % 4 ? 36 : (uint32_t)rand() % (MSG_MAX_WORDS + 1),
			 rand() % 10 ? 0 : (uint32_t)rand() % 5);
	for (int i = 0; i < 4; i++)
		rq.w[i] = word();
	for (uint32_t i = 4; i < 44; i++)
		page.words[i] = word();
	if (is_file) {
		(void)file_dispatch(&rq);
		if (rand() % 10 == 0)
			file_undo(&rq);
	} else {
		(void)tty_dispatch(&rq);
	}
	assert_in_range(MSG_TAG_WORDS(rq.tag), 0, MSG_MAX_WORDS);
}

static void close_some(void)
{
	struct tty_file *file = file_of_badge(badges[(uint32_t)rand() % BADGES]);

	if (file)
		file_close(file);
}

static void type_some(void)
{
	struct ring rx = {
		.shared = &serial.port[0].rx, .data = serial.port[0].rx_data, .size = SERIAL_RX_BYTES};
	uint8_t bytes[40];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(rand() % 2 ? rand() % 32 : rand());
	(void)ring_write(&rx, bytes, (uint32_t)rand() % 41);
	terminals_serial_input();
	if (rand() % 2)
		serial.port[0].tx.tail = serial.port[0].tx.head;
	if (rand() % 50 == 0)
		serial.port[0].tx.tail = (uint32_t)rand(); /* the driver has gone mad */
	if (rand() % 50 == 0)
		serial.port[0].rx.head = (uint32_t)rand();
}

static void world_init(void)
{
	labels = calloc(1, sizeof(*labels));
	pages = calloc(PROCESSES, 4096);
	serial.port[0].is_present = serial.port[1].is_present = 1;
	for (uint32_t i = 1; i < PROCESSES; i++)
		labels->process[i] = (struct label_process){.generation = 7,
							    .state = LABEL_RUNNING,
							    .pid = i,
							    .ppid = i / 2,
							    .pgid = i,
							    .sid = (i + 1) / 2,
							    .euid = i % 2};
	labels->process_high = PROCESSES - 1;
	jobs_init(labels, (const struct process_page *)(const void *)pages, PROCESSES, &ring, 1);
	files_init();
	terminals_init(&serial, 2);
}

static void random_messages(void **state)
{
	(void)state;
	srand(1);
	world_init();
	for (int i = 0; i < ROUNDS; i++) {
		request();
		ring.tail = rand() % 3 ? ring.head : ring.tail;
		if (rand() % 8 == 0)
			close_some();
		if (rand() % 8 == 0)
			type_some();
		if (rand() % 16 == 0 && read_next_deadline() < now)
			read_timer();
	}
	for (uint32_t i = 0; i < FILES_MAX; i++) {
		for (uint64_t generation = 1; generation < 60000 && files_in_use() > 0; generation++) {
			struct tty_file *file = file_of_badge(generation << 32 | i);

			if (file)
				file_close(file);
		}
	}
	assert_int_equal(files_in_use(), 0);
	assert_int_equal(slots_in_use, 0);
	assert_int_equal(terminal_pts_mask(), 0);
	free(labels);
	free(pages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_messages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
