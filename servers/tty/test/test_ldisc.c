/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The line discipline: editing, echo, signals, flow control, raw mode, output processing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ldisc.h"

static struct ldisc line;
static uint8_t wire[65536];
static uint32_t wire_length, wire_room, last_signal, flushes;

static bool output(void *context, const uint8_t *bytes, uint32_t count)
{
	(void)context;
	if (wire_length + count > wire_room)
		return false;
	memcpy(wire + wire_length, bytes, count);
	wire_length += count;
	return true;
}

static void take_signal(void *context, uint32_t signal)
{
	(void)context;
	last_signal = signal;
}

static void flush(void *context)
{
	(void)context;
	flushes++;
}

static void stopped(void *context, bool is_stopped)
{
	(void)context, (void)is_stopped;
}

static int setup(void **state)
{
	static const struct ldisc_port port = {
		.output = output, .signal = take_signal, .flush_output = flush, .stopped = stopped};

	(void)state;
	ldisc_init(&line, &port);
	wire_length = last_signal = flushes = 0;
	wire_room = sizeof(wire);
	return 0;
}

static void type(const char *text)
{
	assert_int_equal(ldisc_input(&line, (const uint8_t *)text, (uint32_t)strlen(text)), strlen(text));
}

static void expect_wire(const char *text)
{
	wire[wire_length] = 0;
	assert_string_equal((const char *)wire, text);
	wire_length = 0;
}

static void expect_line(const char *text)
{
	char got[8192];
	uint32_t count = ldisc_read(&line, (uint8_t *)got, sizeof(got) - 1);

	got[count] = 0;
	assert_string_equal(got, text);
}

static void set_flags(uint32_t lflag_off, uint32_t lflag_on)
{
	struct tty_termios t = line.termios;

	t.lflag = (t.lflag & ~lflag_off) | lflag_on;
	ldisc_set(&line, &t);
}

static void a_line_with_echo(void **state)
{
	(void)state;
	type("ab");
	assert_false(ldisc_is_readable(&line));
	type("c\r");
	expect_wire("abc\r\n");
	assert_int_equal(ldisc_available(&line), 4);
	expect_line("abc\n");
	assert_false(ldisc_is_readable(&line));
}

static void lines_come_one_at_a_time(void **state)
{
	uint8_t got[2];

	(void)state;
	type("one\ntwo\n");
	assert_int_equal(ldisc_read(&line, got, 2), 2);
	expect_line("e\n");
	expect_line("two\n");
}

static void erase_word_kill(void **state)
{
	(void)state;
	type("ab\177");
	expect_wire("ab\b \b");
	type("\177\177\177");
	expect_wire("\b \b");
	type("one two  \027");
	expect_wire("one two  \b \b\b \b\b \b\b \b\b \b");
	type("x\025y\n");
	expect_line("y\n");
}

static void erases_what_was_shown(void **state)
{
	(void)state;
	type("\001");
	expect_wire("^A");
	type("\177");
	expect_wire("\b \b\b \b");
	type("\303\251\177"); /* one character of two bytes */
	expect_wire("\303\251\b \b");
	type("ab\t");
	expect_wire("ab\t");
	type("\177");
	expect_wire("\b\b\b\b\b\b");
	type("\n");
	expect_line("ab\n");
}

static void end_of_file(void **state)
{
	(void)state;
	type("ab\004");
	assert_int_equal(ldisc_available(&line), 2);
	expect_line("ab");
	assert_false(ldisc_is_readable(&line));
	type("\004");
	assert_true(ldisc_is_readable(&line));
	expect_line("");
	assert_false(ldisc_is_readable(&line));
}

static void exact_read_leaves_no_false_end(void **state)
{
	uint8_t got[2];

	(void)state;
	type("ab\004cd\n");
	assert_int_equal(ldisc_read(&line, got, 2), 2);
	/* as Linux: the end-of-file mark right behind a full read goes with it */
	expect_line("cd\n");
}

static void literal_next(void **state)
{
	(void)state;
	type("\026\003x\n");
	assert_int_equal(last_signal, 0);
	expect_wire("^\b^Cx\r\n");
	expect_line("\003x\n");
}

static void reprint_line(void **state)
{
	(void)state;
	type("abc");
	wire_length = 0;
	type("\022");
	expect_wire("^R\r\nabc");
}

static void signals_flush(void **state)
{
	(void)state;
	type("abc\003");
	assert_int_equal(last_signal, TTY_SIGINT);
	assert_int_equal(flushes, 1);
	expect_wire("abc^C");
	type("\n");
	expect_line("\n");
	type("\034");
	assert_int_equal(last_signal, TTY_SIGQUIT);
	type("\032");
	assert_int_equal(last_signal, TTY_SIGTSTP);
	set_flags(LF_ISIG, 0);
	last_signal = 0;
	type("\003");
	assert_int_equal(last_signal, 0);
}

static void flow_control(void **state)
{
	(void)state;
	type("\023");
	assert_true(line.is_stopped);
	type("\021");
	assert_false(line.is_stopped);
	assert_false(ldisc_is_readable(&line));
}

static void raw_bytes(void **state)
{
	(void)state;
	set_flags(LF_ICANON | LF_ECHO | LF_ISIG | LF_IEXTEN, 0);
	type("a\177\003\004");
	assert_int_equal(wire_length, 0);
	assert_int_equal(ldisc_available(&line), 4);
	expect_line("a\177\003\004");
}

static void changes_of_mode_keep_bytes(void **state)
{
	(void)state;
	set_flags(LF_ICANON, 0);
	type("typed ahead");
	set_flags(0, LF_ICANON);
	assert_true(ldisc_is_readable(&line));
	expect_line("typed ahead");
	type("half");
	set_flags(LF_ICANON, 0);
	expect_line("half");
	set_flags(0, LF_ICANON);
	type("x\n");
	expect_line("x\n");
}

static void endless_line_keeps_room_for_its_end(void **state)
{
	char text[5001];

	(void)state;
	memset(text, 'a', 5000);
	text[5000] = 0;
	type(text);
	type("\n");
	assert_int_equal(ldisc_available(&line), LDISC_BUFFER);
}

static void raw_reader_holds_the_wire(void **state)
{
	uint8_t text[5000] = {0}, got[100];

	(void)state;
	set_flags(LF_ICANON | LF_ECHO, 0);
	assert_int_equal(ldisc_input(&line, text, sizeof(text)), LDISC_BUFFER - 1);
	assert_int_equal(ldisc_read(&line, got, 100), 100);
	assert_int_equal(ldisc_input(&line, text, sizeof(text)), 100);
}

static void output_processing(void **state)
{
	struct tty_termios t = line.termios;

	(void)state;
	assert_int_equal(ldisc_write(&line, (const uint8_t *)"a\nb", 3), 3);
	expect_wire("a\r\nb");
	t.oflag |= OF_XTABS;
	ldisc_set(&line, &t);
	assert_int_equal(ldisc_write(&line, (const uint8_t *)"\tc", 2), 2);
	expect_wire("       c");
	t.oflag &= ~OF_OPOST;
	ldisc_set(&line, &t);
	assert_int_equal(ldisc_write(&line, (const uint8_t *)"\n\t", 2), 2);
	expect_wire("\n\t");
}

static void output_takes_what_fits(void **state)
{
	uint8_t text[1000];

	(void)state;
	memset(text, '\n', sizeof(text));
	wire_room = 101;
	assert_int_equal(ldisc_write(&line, text, sizeof(text)), 50);
	wire_room = 10000;
	assert_int_equal(ldisc_write(&line, text + 50, 950), 950);
	assert_int_equal(wire_length, 2000);
}

static void no_echo_but_newline(void **state)
{
	(void)state;
	set_flags(LF_ECHO, LF_ECHONL);
	type("secret\n");
	expect_wire("\r\n");
	expect_line("secret\n");
}

static void random_bytes_keep_the_invariants(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 300000; i++) {
		uint8_t bytes[8], got[16];
		struct tty_termios t = line.termios;

		for (unsigned j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)(rand() % 3 ? rand() : rand() % 32);
		(void)ldisc_input(&line, bytes, (uint32_t)rand() % 9);
		if (rand() % 4 == 0)
			(void)ldisc_read(&line, got, (uint32_t)rand() % 17);
		if (rand() % 50 == 0) {
			t.lflag = (uint32_t)rand() & 0xffff;
			t.iflag = (uint32_t)rand() & 0x7fff;
			t.oflag = (uint32_t)rand() & 0x1fff;
			ldisc_set(&line, &t);
		}
		wire_length = 0;
		assert_true(line.head - line.tail <= LDISC_BUFFER);
		assert_true(line.canon_head - line.tail <= line.head - line.tail);
	}
}

static void received_377_is_doubled(void **state)
{
	struct tty_termios t = line.termios;
	uint8_t got[8], room[LDISC_BUFFER];

	(void)state;
	t.iflag |= IF_PARMRK;
	t.lflag &= ~LF_ECHO;
	ldisc_set(&line, &t);
	type("a\377b\n");
	assert_int_equal(ldisc_read(&line, got, 8), 5);
	assert_memory_equal(got, "a\377\377b\n", 5);
	memset(room, 0xff, sizeof(room)); /* an endless line of them still ends */
	for (int i = 0; i < 3; i++)
		(void)ldisc_input(&line, room, sizeof(room));
	type("\n");
	assert_true(ldisc_is_readable(&line));
	assert_true(line.head - line.tail <= LDISC_BUFFER);
}

static void erasing_can_print(void **state)
{
	(void)state;
	set_flags(LF_ECHOKE, LF_ECHOPRT);
	type("abc\177\177d\n");
	expect_wire("abc\\cb/d\r\n");
	expect_line("ad\n");
	type("ab\177\177\n");
	expect_wire("ab\\ba/\r\n");
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_line_with_echo),
		T(lines_come_one_at_a_time),
		T(erase_word_kill),
		T(erases_what_was_shown),
		T(end_of_file),
		T(exact_read_leaves_no_false_end),
		T(literal_next),
		T(reprint_line),
		T(signals_flush),
		T(flow_control),
		T(raw_bytes),
		T(changes_of_mode_keep_bytes),
		T(endless_line_keeps_room_for_its_end),
		T(raw_reader_holds_the_wire),
		T(output_processing),
		T(output_takes_what_fits),
		T(no_echo_but_newline),
		T(received_377_is_doubled),
		T(erasing_can_print),
		T(random_bytes_keep_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
