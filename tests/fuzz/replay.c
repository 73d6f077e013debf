/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Inputs as text: a list of events, one a line, as the trace of a run prints them.  It means the same whatever becomes of decode.c.
 *
 *   cpu 0 call untyped_retype 10 1 a 18 1 at 401000 fast pressed held locked   numbers are hexadecimal; arguments left out are 0
 *   cpu 0 again fast         the call before which the current thread stands, once more
 *   cpu 0 foreign 27 at 401000      cpu 0 fault ADDRESS CODE     cpu 0 exception VECTOR CODE
 *   cpu 0 irq LINE           cpu 0 time NS          cpu 0 touch ADDRESS      cpu 0 page WORD VALUE
 *   cpu 1 interrupt          the interrupt that another CPU has sent
 *   guarded                  no handler is called directly from here on (retpolines)
 * What follows a # says what came of it, for the reader.
 */
#include "decode.h"
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX 400u

struct words {
	char line[LINE_MAX];
	char *next;
};

static char *word(struct words *words)
{
	char *found = strtok_r(NULL, " \t", &words->next);

	return found != NULL ? found : "";
}

static uint64_t number(struct words *words)
{
	return strtoull(word(words), NULL, 16);
}

static uint32_t operation_of(const char *name)
{
	for (uint32_t i = 0; i < 1000; i++) {
		if (strcmp(name, drive_name(i)) == 0)
			return i;
	}
	return (uint32_t)strtoul(name, NULL, 16);
}

static void read_call(struct words *words, bool is_again)
{
	uint32_t operation = is_again ? 0 : operation_of(word(words));
	struct how how = {.is_fast = false};
	uint64_t args[7] = {0}, ip = 0x401000;
	uint32_t count = 0;

	for (char *next = word(words); *next != '\0'; next = word(words)) {
		if (strcmp(next, "at") == 0)
			ip = number(words);
		else if (strcmp(next, "fast") == 0)
			how.is_fast = true;
		else if (strcmp(next, "pressed") == 0)
			how.is_pressed = true;
		else if (strcmp(next, "held") == 0)
			how.is_held = true;
		else if (strcmp(next, "locked") == 0)
			how.is_locked = true;
		else if (count < 7)
			args[count++] = strtoull(next, NULL, 16);
	}
	if (is_again == drive_stands_before_call())
		drive_syscall(operation, args, ip, how);
}

static void read_foreign(struct words *words)
{
	uint64_t call = number(words), ip = 0x401000;

	for (char *next = word(words); *next != '\0'; next = word(words)) {
		if (strcmp(next, "at") == 0)
			ip = number(words);
	}
	drive_foreign(call, ip);
}

/* What happens to a thread; nothing if the CPU waits. */
static void read_of_thread(struct words *words, const char *kind)
{
	uint64_t first;

	if (spec_here(&specified)->current == 0)
		return;
	if (strcmp(kind, "call") == 0 || strcmp(kind, "again") == 0) {
		read_call(words, kind[0] == 'a');
		return;
	}
	if (strcmp(kind, "foreign") == 0) {
		read_foreign(words);
		return;
	}
	first = number(words);
	if (strcmp(kind, "fault") == 0)
		drive_fault(first, number(words));
	else if (strcmp(kind, "exception") == 0)
		drive_exception(first, number(words));
	else if (strcmp(kind, "page") == 0)
		drive_page((uint32_t)first, number(words));
}

static void read_line(struct words *words)
{
	char *kind = strtok_r(words->line, " \t", &words->next);

	if (kind == NULL)
		return;
	if (strcmp(kind, "guarded") == 0) {
		machine_guard(true);
		return;
	}
	if (strcmp(kind, "cpu") != 0)
		return;
	drive_play((uint32_t)number(words) % MACHINE_CPUS);
	kind = word(words);
	if (strcmp(kind, "irq") == 0)
		drive_irq((uint32_t)number(words) % SPEC_IRQ_LINES);
	else if (strcmp(kind, "time") == 0)
		drive_time(number(words));
	else if (strcmp(kind, "touch") == 0)
		drive_touch(number(words));
	else if (strcmp(kind, "interrupt") == 0)
		drive_interrupt();
	else
		read_of_thread(words, kind);
}

bool replay_is_text(const uint8_t *data, size_t size)
{
	return size > sizeof(REPLAY_MARK) && memcmp(data, REPLAY_MARK, sizeof(REPLAY_MARK) - 1u) == 0;
}

void replay_run(const uint8_t *data, size_t size)
{
	struct words words;

	drive_restart();
	for (size_t at = 0; at < size;) {
		size_t length = 0;

		for (; at < size && data[at] != '\n'; at++) {
			if (length < LINE_MAX - 1u)
				words.line[length++] = (char)data[at];
		}
		at++;
		words.line[length] = '\0';
		words.line[strcspn(words.line, "#")] = '\0';
		read_line(&words);
	}
	drive_settle();
}
