/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the generated protocol headers (tessera/proto/NAME.h) have in common: statuses, the call itself, and the checks
 * of lengths, so that each generated stub stays a few lines.
 */
#pragma once

#include <stdbool.h>

#include <tessera/invoke.h>

/* Statuses that the generated code itself answers (Linux errno numbers). */
#define PROTO_NO_OP 38	     /* ENOSYS: the protocol has no such operation */
#define PROTO_BAD_MESSAGE 71 /* EPROTO: lengths or capabilities do not match the description */
#define PROTO_TOO_LONG 90    /* EMSGSIZE: more data than the description allows */

/* From here on a status carries the reply's words, as 0 does (ST_WOULD_BLOCK, below, does not). */
#define PROTO_STATUS_WITH_WORDS 0xff02

static inline bool proto_has_words(int status)
{
	return status == 0 || status >= PROTO_STATUS_WITH_WORDS;
}

/* Calls and waits for the answer. The answer's status, or -(enum tessera_error). */
static inline int proto_call(cap_t ep, struct ipc_msg *m)
{
	enum tessera_error error = ts_call(ep, m, DEADLINE_NEVER);
	return error == E_OK ? (int)MSG_TAG_OP(m->tag) : -(int)error;
}

/* Whether data_len bytes from words[start_word] on are allowed and lie within the message. */
static inline bool proto_data_fits(msg_tag_t tag, uint64_t data_len, uint32_t max_bytes, uint32_t start_word)
{
	return data_len <= max_bytes && start_word + (data_len + 7) / 8 <= MSG_TAG_WORDS(tag);
}
