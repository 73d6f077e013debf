/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Kernel operations and libtessera as the server layer uses them, for the fuzzer: they check their arguments and succeed. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <service.h>
#include <tessera/service.h>

static uint8_t slots[65536];

cap_t slot_alloc(void)
{
	for (cap_t slot = 1; slot < sizeof(slots); slot++) {
		if (!slots[slot]) {
			slots[slot] = 1;
			return slot;
		}
	}
	return 0;
}

void slot_free(cap_t slot)
{
	assert(slots[slot] == 1);
	slots[slot] = 0;
}

void slot_release(cap_t slot)
{
	slot_free(slot);
}

uint32_t slot_count_free(void)
{
	return 1;
}

enum tessera_error ts_cnode_mint(slot_t dst, slot_t src, uint64_t rights, uint64_t badge, uint64_t flags)
{
	(void)src;
	(void)rights;
	assert(slots[dst] == 1 && badge != 0 && flags == 1);
	return E_OK;
}

enum tessera_error ts_cnode_delete(slot_t slot, uint64_t limit)
{
	(void)slot;
	(void)limit;
	return E_OK;
}

enum tessera_error ts_signal(cap_t notification, uint64_t bits)
{
	(void)notification;
	(void)bits;
	return E_OK;
}

/* tty: opens one time in two. */
enum tessera_error ts_call(cap_t endpoint, struct ipc_msg *message, uint64_t deadline)
{
	(void)endpoint;
	(void)deadline;
	*message = (struct ipc_msg){.tag = MSG_TAG((rand() & 1) ? 0 : 6, 2, 0)};
	return E_OK;
}

enum tessera_error ts_reply(cap_t reply, const struct ipc_msg *message)
{
	(void)reply;
	(void)message;
	return E_OK;
}

cap_t service_keep_reply(struct request *rq)
{
	cap_t kept = rq->reply_slot;
	rq->reply_slot = slot_alloc();
	return kept;
}

enum tessera_error service_reply_kept(cap_t reply, struct request *rq)
{
	(void)rq;
	slot_free(reply);
	return (rand() & 7) ? E_OK : E_GONE;
}

cap_t service_cap(const char *name)
{
	return name[0] ? 77 : 0;
}

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}
