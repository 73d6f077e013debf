/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Terminals, sessions, open files and ioctl together, with kernel, driver and proc played by this file: who is woken, which
 * group is signalled, what a background process gets, what the ends of a pseudo-terminal see of each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>

#include <tessera/rings.h>
#include <tessera/service.h>

#include "tty.h"

#define THREAD_SHELL 1u
#define THREAD_JOB 2u
#define PROCESS_SHELL 1u
#define PROCESS_JOB 2u
#define TIOCSCTTY 0x540eu
#define TIOCSPGRP 0x5410u
#define TIOCGPGRP 0x540fu
#define TIOCNOTTY 0x5422u
#define TIOCSWINSZ 0x5414u
#define TCSETS 0x5402u
#define TCFLSH 0x540bu
#define TIOCSTI 0x5412u

/* ---- the world ---- */

static struct label_table *labels;
static struct process_page *pages; /* an array of whole pages */
static struct upcall_ring ring;
static struct serial_region serial;
static uint64_t now, woken; /* bit: Linux thread */
static uint32_t kicks;
static cap_t next_slot = 1;

cap_t slot_alloc(void)
{
	return next_slot++;
}

void slot_free(cap_t address)
{
	(void)address;
}

void slot_release(cap_t address)
{
	(void)address;
}

enum tessera_error ts_cnode_mint(slot_t dst_slot, slot_t src_slot, uint64_t rights, uint64_t badge,
				 uint64_t flags)
{
	(void)dst_slot, (void)src_slot, (void)rights, (void)badge, (void)flags;
	return E_OK;
}

enum tessera_error ts_signal(cap_t notification, uint64_t bits)
{
	(void)notification, (void)bits;
	kicks++;
	return E_OK;
}

void service_wake(uint32_t thread)
{
	woken |= 1ull << thread;
}

uint64_t time_now_ns(void)
{
	return now;
}

const char *service_option(const char *key)
{
	return strcmp(key, "tty_size") == 0 ? "100x40" : NULL;
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level, (void)format;
}

static uint64_t label_of(uint32_t process, uint32_t thread)
{
	return LABEL_MAKE(7u, process, thread);
}

static void set_process(uint32_t index, uint32_t pid, uint32_t ppid, uint32_t pgid, uint32_t sid)
{
	labels->process[index] = (struct label_process){
		.generation = 7, .state = LABEL_RUNNING, .pid = pid, .ppid = ppid, .pgid = pgid, .sid = sid};
	labels->process_high = index > labels->process_high ? index : labels->process_high;
}

static struct process_page *page_of(uint32_t process)
{
	return (struct process_page *)((uint8_t *)pages + process * 4096u);
}

static struct terminal *line;
static struct tty_file *file;

static int setup(void **state)
{
	(void)state;
	labels = calloc(1, sizeof(*labels));
	pages = calloc(8, 4096);
	memset(&ring, 0, sizeof(ring));
	memset(&serial, 0, sizeof(serial));
	serial.port[0].is_present = 1;
	now = 1000000000;
	woken = kicks = 0;
	jobs_init(labels, pages, 8, &ring, 1);
	files_init();
	terminals_init(&serial, 2);
	line = terminal_serial(0);
	set_process(PROCESS_SHELL, 10, 1, 10, 10);
	set_process(PROCESS_JOB, 20, 10, 20, 10);
	file = file_open(line, FILE_SLAVE, O_RDWR, 2, QUOTA_ROOT);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(labels);
	free(pages);
	return 0;
}

static int control(uint32_t process, struct tty_file *to, uint32_t command, void *data, uint32_t length,
		   uint64_t argument)
{
	struct request rq = {.label = label_of(process, process)};
	uint8_t out[256];
	uint32_t out_len;
	uint64_t result;
	int status = tty_ioctl(&rq, to, command, argument, data, length, &result, out, &out_len);

	if (status == 0 && out_len > 0)
		memcpy(data, out, out_len);
	return status;
}

static int read_as(uint32_t process, struct tty_file *from, char *to, uint32_t count, uint32_t *done)
{
	struct caller caller;
	int status;

	caller_of(label_of(process, process), &caller);
	status = from->side == FILE_MASTER ? master_read(from, &caller, (uint8_t *)to, count, true, done)
					   : slave_read(from, &caller, (uint8_t *)to, count, true, done);
	if (status == 0)
		to[*done] = 0;
	return status;
}

static void type(const char *text)
{
	struct ring rx = {
		.shared = &serial.port[0].rx, .data = serial.port[0].rx_data, .size = SERIAL_RX_BYTES};

	(void)ring_write(&rx, text, (uint32_t)strlen(text));
	terminals_serial_input();
}

static void become_session(void)
{
	assert_int_equal(control(PROCESS_SHELL, file, TIOCSCTTY, NULL, 0, 0), 0);
}

static void expect_signal(uint32_t signal, uint32_t pgid)
{
	assert_true(ring.tail < ring.head);
	assert_int_equal(ring.entry[ring.tail % UPCALL_ENTRIES].b, signal);
	assert_int_equal(ring.entry[ring.tail % UPCALL_ENTRIES].a, pgid);
	ring.tail++;
}

/* ---- serial line ---- */

static void reader_waits_and_is_woken(void **state)
{
	char text[100];
	uint32_t done;

	(void)state;
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 99, &done), ST_WOULD_BLOCK);
	type("hi");
	type("\r");
	assert_true(woken & (1ull << THREAD_SHELL));
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 99, &done), 0);
	assert_string_equal(text, "hi\n");
	assert_int_equal(terminal_output_used(line), 4);
	terminal_kick();
	assert_int_equal(kicks, 1);
}

static void raw_reader_leaves_input_on_the_wire(void **state)
{
	struct tty_termios raw = line->ldisc.termios;
	char text[4097];
	uint32_t done, total = 0;

	(void)state;
	raw.lflag = 0;
	assert_int_equal(control(PROCESS_SHELL, file, TCSETS, &raw, sizeof(raw), 0), 0);
	memset(text, 'x', 4000);
	text[4000] = 0;
	type(text);
	type(text);
	while (read_as(PROCESS_SHELL, file, text, 1000, &done) == 0)
		total += done;
	assert_int_equal(total, 8000);
}

static void a_full_reader_stops_the_sender(void **state)
{
	struct tty_termios raw = line->ldisc.termios;
	char text[4097];
	uint32_t done;

	(void)state;
	raw.lflag = 0;
	raw.iflag |= IF_IXOFF;
	assert_int_equal(control(PROCESS_SHELL, file, TCSETS, &raw, sizeof(raw), 0), 0);
	memset(text, 'x', 3500);
	text[3500] = 0;
	type(text);
	assert_int_equal(terminal_output_used(line), 1);
	assert_int_equal(serial.port[0].tx_data[0], 19); /* ^S */
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 1000, &done), 0);
	assert_int_equal(terminal_output_used(line), 1);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 2000, &done), 0);
	assert_int_equal(terminal_output_used(line), 2);
	assert_int_equal(serial.port[0].tx_data[1], 17); /* ^Q */
}

static void a_flush_asks_the_driver(void **state)
{
	(void)state;
	(void)ldisc_write(&line->ldisc, (const uint8_t *)"old", 3);
	assert_int_equal(control(PROCESS_SHELL, file, TCFLSH, NULL, 0, 1), 0);
	assert_int_equal(terminal_output_used(line), 0);
	assert_int_equal(serial.port[0].tx_discard_to, 3);
	(void)ldisc_write(&line->ldisc, (const uint8_t *)"new!", 4);
	assert_int_equal(terminal_output_used(line), 4);
}

static void only_root_simulates_input(void **state)
{
	char text[10];
	uint32_t done;

	(void)state;
	labels->process[PROCESS_JOB].euid = 1000;
	assert_int_equal(control(PROCESS_JOB, file, TIOCSTI, text, 1, 0), EPERM);
	memcpy(text, "\n", 2);
	assert_int_equal(control(PROCESS_SHELL, file, TIOCSTI, text, 1, 0), 0);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_string_equal(text, "\n");
}

static void window_size(void **state)
{
	struct tty_winsize size = {.rows = 50, .columns = 132};

	(void)state;
	assert_int_equal(line->winsize.columns, 100);
	assert_int_equal(line->winsize.rows, 40);
	become_session();
	assert_int_equal(control(PROCESS_SHELL, file, TIOCSWINSZ, &size, sizeof(size), 0), 0);
	expect_signal(TTY_SIGWINCH, 10);
}

/* ---- sessions and jobs ---- */

static void keys_signal_the_foreground_group(void **state)
{
	int32_t pgid = 20;

	(void)state;
	become_session();
	assert_int_equal(control(PROCESS_SHELL, file, TIOCSPGRP, &pgid, 4, 0), 0);
	type("\003");
	expect_signal(TTY_SIGINT, 20);
	pgid = 0;
	assert_int_equal(control(PROCESS_SHELL, file, TIOCGPGRP, &pgid, 4, 0), 0);
	assert_int_equal(pgid, 20);
	pgid = 77;
	assert_int_equal(control(PROCESS_JOB, file, TIOCSPGRP, &pgid, 4, 0), EPERM);
}

static void background_read_is_stopped(void **state)
{
	char text[10];
	uint32_t done;
	int32_t pgid = 20;

	(void)state;
	become_session();
	assert_int_equal(read_as(PROCESS_JOB, file, text, 9, &done), ST_WOULD_BLOCK);
	expect_signal(TTY_SIGTTIN, 20);
	assert_int_equal(control(PROCESS_SHELL, file, TIOCSPGRP, &pgid, 4, 0), 0);
	assert_true(woken & (1ull << THREAD_JOB)); /* it looks again */
	assert_int_equal(read_as(PROCESS_JOB, file, text, 9, &done), ST_WOULD_BLOCK);
	assert_int_equal(ring.head, ring.tail);
}

static void background_with_ignored_signal_or_orphaned_gets_eio(void **state)
{
	char text[10];
	uint32_t done;

	(void)state;
	become_session();
	page_of(PROCESS_JOB)->handler[TTY_SIGTTIN - 1] = 1;
	assert_int_equal(read_as(PROCESS_JOB, file, text, 9, &done), EIO);
	page_of(PROCESS_JOB)->handler[TTY_SIGTTIN - 1] = 0;
	labels->process[PROCESS_JOB].ppid = 1;
	assert_int_equal(read_as(PROCESS_JOB, file, text, 9, &done), EIO);
	assert_int_equal(ring.head, 0);
}

static void background_change_of_settings(void **state)
{
	struct tty_termios t = line->ldisc.termios;

	(void)state;
	become_session();
	assert_int_equal(control(PROCESS_JOB, file, TCSETS, &t, sizeof(t), 0), ST_WOULD_BLOCK);
	expect_signal(TTY_SIGTTOU, 20);
	page_of(PROCESS_JOB)->thread[3] = (struct process_thread){
		.tid = 20, .label_index = THREAD_JOB, .blocked = 1ull << (TTY_SIGTTOU - 1)};
	assert_int_equal(control(PROCESS_JOB, file, TCSETS, &t, sizeof(t), 0), 0);
}

static void only_a_leader_takes_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(control(PROCESS_JOB, file, TIOCSCTTY, NULL, 0, 0), EPERM);
	become_session();
	become_session();
	set_process(3, 30, 1, 30, 30);
	assert_int_equal(control(3, file, TIOCSCTTY, NULL, 0, 0), EPERM);
	assert_int_equal(control(3, file, TIOCSCTTY, NULL, 0, 1), 0); /* uid 0 steals it */
	assert_ptr_equal(terminal_of_session(30), line);
	assert_null(terminal_of_session(10));
}

static void stale_label_is_nobody(void **state)
{
	struct caller caller;

	(void)state;
	caller_of(LABEL_MAKE(8u, PROCESS_SHELL, 1), &caller);
	assert_false(caller.is_known);
	caller_of(LABEL_MAKE(7u, 65535u, 1), &caller);
	assert_false(caller.is_known);
	caller_of(LABEL_NATIVE | 3, &caller);
	assert_false(caller.is_known);
}

static void hang_up_ends_reads(void **state)
{
	char text[10];
	uint32_t done = 1;

	(void)state;
	become_session();
	terminal_hang_up(line);
	expect_signal(TTY_SIGHUP, 10);
	expect_signal(TTY_SIGCONT, 10);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(control(PROCESS_SHELL, file, TIOCGPGRP, text, 4, 0), EIO);
}

/* ---- VMIN, VTIME ---- */

static void set_raw(uint8_t minimum, uint8_t time)
{
	struct tty_termios raw = line->ldisc.termios;

	raw.lflag = 0;
	raw.cc[CC_MIN] = minimum;
	raw.cc[CC_TIME] = time;
	ldisc_set(&line->ldisc, &raw);
}

static void minimum_of_bytes(void **state)
{
	char text[10];
	uint32_t done;

	(void)state;
	set_raw(3, 0);
	type("ab");
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), ST_WOULD_BLOCK);
	type("c");
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_string_equal(text, "abc");
	set_raw(0, 0);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_int_equal(done, 0);
}

static void time_for_the_first_byte(void **state)
{
	char text[10];
	uint32_t done;

	(void)state;
	set_raw(0, 5);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), ST_WOULD_BLOCK);
	assert_int_equal(read_next_deadline(), now + 500000000);
	now += 500000000;
	read_timer();
	assert_true(woken & (1ull << THREAD_SHELL));
	assert_int_equal(read_next_deadline(), DEADLINE_NEVER);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), ST_WOULD_BLOCK);
}

static void time_between_bytes(void **state)
{
	char text[10];
	uint32_t done;

	(void)state;
	set_raw(5, 2);
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), ST_WOULD_BLOCK);
	assert_int_equal(read_next_deadline(), DEADLINE_NEVER);
	type("ab");
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), ST_WOULD_BLOCK);
	now += 200000000;
	read_timer();
	assert_int_equal(read_as(PROCESS_SHELL, file, text, 9, &done), 0);
	assert_string_equal(text, "ab");
}

/* ---- pseudo-terminals ---- */

static void pair_of_terminals(void **state)
{
	struct terminal *pty = terminal_new_pty(QUOTA_ROOT);
	struct tty_file *master = file_open(pty, FILE_MASTER, O_RDWR, 3, QUOTA_ROOT),
			*slave = file_open(pty, FILE_SLAVE, O_RDWR, 4, QUOTA_ROOT);
	char text[100];
	uint32_t done;

	(void)state;
	assert_int_equal(terminal_pts_mask(), 1);
	assert_int_equal(read_as(PROCESS_SHELL, master, text, 99, &done), ST_WOULD_BLOCK);
	assert_int_equal(terminal_master_write(pty, (const uint8_t *)"ls\n", 3), 3);
	assert_true(woken & (1ull << THREAD_SHELL)); /* the echo */
	assert_int_equal(read_as(PROCESS_JOB, slave, text, 99, &done), 0);
	assert_string_equal(text, "ls\n");
	assert_int_equal(ldisc_write(&pty->ldisc, (const uint8_t *)"out\n", 4), 4);
	assert_int_equal(read_as(PROCESS_SHELL, master, text, 99, &done), 0);
	assert_string_equal(text, "ls\r\nout\r\n");
	file_close(slave);
	assert_int_equal(read_as(PROCESS_SHELL, master, text, 99, &done), EIO);
	file_close(master);
	assert_int_equal(terminal_pts_mask(), 0);
	assert_int_equal(files_in_use(), 1);
}

static void master_close_hangs_up(void **state)
{
	struct terminal *pty = terminal_new_pty(QUOTA_ROOT);
	struct tty_file *master = file_open(pty, FILE_MASTER, O_RDWR, 3, QUOTA_ROOT),
			*slave = file_open(pty, FILE_SLAVE, O_RDWR, 4, QUOTA_ROOT);
	char text[10];
	uint32_t done = 1;

	(void)state;
	assert_int_equal(control(PROCESS_SHELL, slave, TIOCSCTTY, NULL, 0, 0), 0);
	file_close(master);
	expect_signal(TTY_SIGHUP, 10);
	assert_int_equal(read_as(PROCESS_SHELL, slave, text, 9, &done), 0);
	assert_int_equal(done, 0);
	file_close(slave);
	assert_int_equal(terminal_pts_mask(), 0);
}

static void end_of_a_session_on_a_pty(void **state)
{
	struct terminal *pty = terminal_new_pty(QUOTA_ROOT);
	struct tty_file *master = file_open(pty, FILE_MASTER, O_RDWR, 3, QUOTA_ROOT),
			*slave = file_open(pty, FILE_SLAVE, O_RDWR, 4, QUOTA_ROOT);
	int32_t pgid;

	(void)state;
	assert_int_equal(control(PROCESS_SHELL, slave, TIOCSCTTY, NULL, 0, 0), 0);
	job_end_session(pty);
	expect_signal(TTY_SIGHUP, 10);
	assert_int_equal(ring.head, ring.tail);
	assert_int_equal(control(PROCESS_SHELL, slave, TIOCGPGRP, &pgid, 4, 0), ENOTTY);
	file_close(master);
	file_close(slave);
}

static void badges_are_not_used_again(void **state)
{
	uint64_t badge = (uint64_t)file->generation << 32 | 0;

	(void)state;
	assert_ptr_equal(file_of_badge(badge), file);
	file_close(file);
	assert_null(file_of_badge(badge));
	assert_null(file_of_badge(~0ull));
	file = file_open(line, FILE_SLAVE, O_RDWR, 2, QUOTA_ROOT);
	assert_null(file_of_badge(badge));
}

static void users_have_quotas(void **state)
{
	static struct tty_file *files[FILES_MAX];
	struct terminal *ptys[PTY_MAX];
	uint64_t user = label_of(PROCESS_JOB, THREAD_JOB), other = label_of(PROCESS_SHELL, THREAD_SHELL);
	uint32_t count = 0;

	(void)state;
	labels->process[PROCESS_JOB].uid = 1000;
	labels->process[PROCESS_SHELL].uid = 1001;
	while ((files[count] = file_open(line, FILE_SLAVE, O_RDWR, 2, account_of(user))) != NULL)
		count++;
	assert_int_equal(count, FILES_MAX / 4);
	files[count] = file_open(line, FILE_SLAVE, O_RDWR, 2, account_of(other));
	assert_non_null(files[count]);
	for (uint32_t i = 0; i <= count; i++)
		file_close(files[i]);
	assert_int_equal(quota_used(account_of(user), QUOTA_FILES), 0);
	for (count = 0; (ptys[count] = terminal_new_pty(account_of(user))) != NULL; count++)
		;
	assert_int_equal(count, PTY_MAX / 2);
	ptys[count] = terminal_new_pty(account_of(other));
	assert_non_null(ptys[count]);
	for (uint32_t i = 0; i <= count; i++)
		terminal_release_pty(ptys[i]);
	assert_int_equal(quota_used(account_of(user), QUOTA_PTYS), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reader_waits_and_is_woken),
		T(raw_reader_leaves_input_on_the_wire),
		T(a_full_reader_stops_the_sender),
		T(a_flush_asks_the_driver),
		T(only_root_simulates_input),
		T(window_size),
		T(keys_signal_the_foreground_group),
		T(background_read_is_stopped),
		T(background_with_ignored_signal_or_orphaned_gets_eio),
		T(background_change_of_settings),
		T(only_a_leader_takes_a_terminal),
		T(stale_label_is_nobody),
		T(hang_up_ends_reads),
		T(minimum_of_bytes),
		T(time_for_the_first_byte),
		T(time_between_bytes),
		T(pair_of_terminals),
		T(end_of_a_session_on_a_pty),
		T(master_close_hangs_up),
		T(badges_are_not_used_again),
		T(users_have_quotas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
