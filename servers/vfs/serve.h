/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Between the protocols (file, vfs) and the core: who asks, through which description, and how answers carry capabilities. */
#pragma once

#include <service.h>

#include "file.h"

/* The open description a request came through, or NULL. */
static inline struct file *serve_file(const struct request *rq)
{
	return openfile_of_badge(rq->badge);
}

static inline struct caller serve_caller(const struct request *rq, uint32_t wait)
{
	struct caller caller = caller_of(rq->label, false);
	caller.wait = wait;
	return caller;
}

/* Puts a child of the description's anchor into the answer as its index-th capability. ENFILE: no slot for the anchor. */
int serve_give(struct request *rq, uint32_t index, struct file *file);
/* The description's anchor, made if this index never had one; 0: no slot. */
uint32_t serve_anchor(struct file *file);
/* Takes back what serve_give gave with the last answer (it was not delivered). */
void serve_take_back(void);
/* Nothing was given with this answer yet. */
void serve_give_nothing(void);

/* Where the paths of a request start. cap: which of its capabilities is the root, if has_root. */
int serve_start(const struct request *rq, uint32_t has_root, uint32_t cap, struct walk_start *start);

/* walk_path; a request whose path needs an answer of proc is kept, and its handler returns what this does. */
int serve_walk(struct request *rq, const struct caller *caller, struct walk_start start, const char *path,
	       uint32_t length, uint32_t flags, struct walk *out);
/* Keeps a request whose handler said VFS_PARK; returns what the handler then returns. */
int serve_park(struct request *rq);
/* proc has answered: parked requests are done again. */
void serve_resume(void);
uint32_t serve_parked(void);

int serve_dispatch(struct request *rq);
void serve_undo(struct request *rq);
void serve_notice(void *context, uint64_t badge);
