/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls seen from outside: --strace (one line a call to root's log) and the count of what is not implemented.
 * The kinds of the arguments come from syscalls.toml through the generated table.
 */
#include <tessera/proto/proc.h>

#include "lx/lx.h"
#include "sys.h"
#include "lx/table.h"
#include "lx/text.h"

#define TRACE_STRING 48u

typedef long (*call_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

long lx_traced_call(struct lx_regs *regs);

HIDDEN extern const int32_t lx_table[];

long sys_unimplemented(void)
{
	struct lx_thread *self = lx_self();
	struct proc_unimplemented_in in = {.number = (uint32_t)lx_call_regs(self)->orig_rax};
	struct proc_unimplemented_out out;
	(void)proc_unimplemented(LX_CAP_PROC, self->page, &in, &out);
	return -ENOSYS;
}

static void text_path(struct lx_text *t, uint64_t user)
{
	char string[TRACE_STRING];
	long length = user ? lx_get_string(string, user, sizeof(string)) : -EFAULT;
	if (length == -EFAULT) {
		text_hex(t, user);
		return;
	}
	bool is_cut = length < 0;
	text_char(t, '"');
	for (uint32_t i = 0; i < (is_cut ? sizeof(string) : (uint32_t)length); i++)
		text_char(t, string[i] >= ' ' && string[i] != '"' ? string[i] : '?');
	text_string(t, is_cut ? "\"..." : "\"");
}

/* Written data: printable text up to the length that follows as the next argument. */
static void text_data(struct lx_text *t, uint64_t user, uint64_t bytes)
{
	char data[32];
	uint64_t shown = lx_min(bytes, sizeof(data));
	if (lx_get(data, user, shown)) {
		text_hex(t, user);
		return;
	}
	text_char(t, '"');
	for (uint64_t i = 0; i < shown; i++) {
		if (data[i] == '\n')
			text_string(t, "\\n");
		else
			text_char(t, data[i] >= ' ' && data[i] <= '~' ? data[i] : '.');
	}
	text_string(t, shown < bytes ? "\"..." : "\"");
}

static void text_argument(struct lx_text *t, char kind, uint64_t value, uint64_t next)
{
	switch (kind) {
	case 'd': text_number(t, (int32_t)value); break;
	case 'D':
		if ((int32_t)value == AT_FDCWD)
			text_string(t, "AT_FDCWD");
		else
			text_number(t, (int32_t)value);
		break;
	case 'u': text_number(t, (int64_t)(uint32_t)value); break;
	case 'l': text_number(t, (int64_t)value); break;
	case 'o':
		text_char(t, '0');
		text_base(t, (uint32_t)value, 8);
		break;
	case 'x': text_hex(t, (uint32_t)value); break;
	case 's': text_path(t, value); break;
	case 'w': text_data(t, value, next); break;
	default: text_hex(t, value); break;
	}
}

static void describe(struct lx_text *t, uint32_t number, const uint64_t args[7])
{
	const struct lx_call_info *info = number < lx_call_count ? &lx_call_info[number] : NULL;
	text_number(t, lx_self()->tid);
	text_char(t, ' ');
	if (!info || info->name[0] == '\0') {
		text_string(t, "syscall_");
		text_number(t, number);
		text_string(t, "()");
		return;
	}
	text_string(t, info->name);
	text_char(t, '(');
	for (uint32_t i = 0; info->kinds[i] != '\0'; i++) {
		if (i > 0)
			text_string(t, ", ");
		text_argument(t, info->kinds[i], args[i], args[i + 1]);
	}
	text_char(t, ')');
}

static void describe_result(struct lx_text *t, long result)
{
	text_string(t, " = ");
	if (result < -4095 || result > 0xfffffff)
		text_hex(t, (uint64_t)result);
	else
		text_number(t, result);
}

/* Calls that may not come back are shown before, as far as they are known. */
static bool never_returns(uint32_t number)
{
	return number == 60 || number == 231 || number == 15; /* exit, exit_group, rt_sigreturn */
}

long lx_traced_call(struct lx_regs *r)
{
	struct lx_text line;
	uint32_t number = (uint32_t)r->orig_rax;
	const uint64_t args[7] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9, 0};
	text_start(&line);
	describe(&line, number, args);
	if (never_returns(number) || number == 59) {
		text_string(&line, number == 59 ? " ..." : " = ?");
		lx_log(4, line.bytes, line.length);
	}
	long result;
	if (number < lx_call_count) {
		call_function call =
			(call_function)((uint64_t)lx_table + (uint64_t)(int64_t)lx_table[number]);
		result = call(args[0], args[1], args[2], args[3], args[4], args[5]);
	} else {
		result = sys_unimplemented();
	}
	describe_result(&line, result);
	lx_log(4, line.bytes, line.length);
	return result;
}
