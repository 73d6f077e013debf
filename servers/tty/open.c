/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The protocol `tty`: opening terminals for vfs, what pseudo-terminals there are, ends of sessions, counts. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <tessera/proto/tty_server.h>
#include <tessera/service.h>

enum { OPEN_CURRENT = 0, OPEN_CONSOLE = 1, OPEN_SERIAL = 2, OPEN_PTMX = 3, OPEN_PTS = 4 };

#define OPEN_KEPT_FLAGS ((uint32_t)~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC))

/* The terminal that kind and index of tty.open mean. */
static int find_terminal(const struct tty_open_in *in, const struct caller *caller, struct terminal **out)
{
	switch (in->kind) {
	case OPEN_CURRENT: *out = terminal_of_session(caller->is_known ? caller->sid : 0); break;
	case OPEN_CONSOLE: *out = terminal_serial(0); break;
	case OPEN_SERIAL: *out = terminal_serial(in->index); return *out ? 0 : EIO;
	case OPEN_PTMX: *out = terminal_new_pty(account_of(in->label)); return *out ? 0 : ENOSPC;
	case OPEN_PTS:
		*out = terminal_pts(in->index);
		if (*out && ((*out)->is_locked || (*out)->is_hung_up))
			return EIO;
		break;
	default: return EINVAL;
	}
	return *out ? 0 : ENXIO;
}

int tty_on_open(struct request *rq, const struct tty_open_in *in, struct tty_open_out *out)
{
	enum file_side side = in->kind == OPEN_PTMX ? FILE_MASTER : FILE_SLAVE;
	struct terminal *terminal = NULL;
	struct tty_file *file;
	struct caller caller;
	int status;

	caller_of(in->label, &caller);
	status = find_terminal(in, &caller, &terminal);
	if (status != 0)
		return status;
	if (terminal->is_exclusive && caller.euid != 0)
		return EBUSY;
	file = file_open(terminal, side, in->flags & OPEN_KEPT_FLAGS, in->kind, account_of(in->label));
	if (!file) {
		if (side == FILE_MASTER)
			terminal_release_pty(terminal);
		return ENFILE;
	}
	if (in->data_len == sizeof(file->stat))
		memcpy(&file->stat, tty_open_in_data(rq->page), sizeof(file->stat));
	if (side == FILE_SLAVE && in->kind > OPEN_CONSOLE && (in->flags & O_NOCTTY) == 0)
		job_take_terminal(terminal, &caller);
	out->kind = terminal->kind == TERMINAL_SERIAL ? OPEN_SERIAL
		    : side == FILE_MASTER	      ? OPEN_PTMX
						      : OPEN_PTS;
	out->index = terminal->index;
	rq->page->send_slot[0] = SLOT_OWN(file->anchor);
	rq->page->send_mode[0] = XFER_CHILD;
	rq->page->send_rights[0] = RIGHT_WRITE | RIGHT_GRANT;
	return 0;
}

int tty_on_pts_list(struct request *rq, const struct tty_pts_list_in *in, struct tty_pts_list_out *out)
{
	(void)rq, (void)in;
	out->mask = terminal_pts_mask();
	return 0;
}

int tty_on_session_end(struct request *rq, const struct tty_session_end_in *in,
		       struct tty_session_end_out *out)
{
	struct terminal *terminal = terminal_of_session(in->sid);

	(void)rq, (void)out;
	if (terminal)
		job_end_session(terminal);
	return 0;
}

int tty_on_session(struct request *rq, const struct tty_session_in *in, struct tty_session_out *out)
{
	const struct terminal *terminal = terminal_of_session(in->sid);

	(void)rq;
	out->device = terminal ? terminal_device(terminal) : 0;
	out->pgid = terminal ? terminal->pgid : 0;
	return 0;
}

int tty_on_usage(struct request *rq, const struct tty_usage_in *in, struct tty_usage_out *out)
{
	(void)rq, (void)in;
	out->open_files = files_in_use();
	out->terminals = terminal_count();
	out->slots_free = slot_count_free();
	return 0;
}
