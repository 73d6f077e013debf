/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the two files of request handlers (process.c: by a process; control.c: by proc and vfs) share with main.c. */
#pragma once

#include <service.h>
#include <tessera/memory.h>

#include "space.h"

/* A page fault message; leaves the answer in rq. */
void handle_page_fault(struct request *rq);

/* Data of an answer stands behind the register words. */
static inline void *answer_data(struct request *rq)
{
	return &rq->page->words[MSG_REGISTER_WORDS];
}

/* Badges made by mem: kind, id. */
static inline uint64_t badge_make(uint32_t kind, uint32_t id)
{
	return (uint64_t)kind << 60 | id;
}

/* ---- capabilities in answers (grant.c) ---- */

/* Puts capabilities for a process with this space into the answer: mem, VSpace, fault endpoint. */
bool grant_space(struct request *rq, struct space *space);
/* Two capabilities for an object: without and with shared writing. */
bool grant_object(struct request *rq, uint32_t object);
/* Slots for them; false: none. */
bool grant_start(void);
