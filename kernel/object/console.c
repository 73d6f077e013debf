/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Early debug output of user space: bytes from the message page to the kernel's log device. */
#include <restart.h>
#include <thread.h>

#include <kernel/handlers.h>

#define PIECE 256u /* bytes written in one entry */

enum tessera_error invoke_debug_write(struct thread *self, UNUSED struct slot *cap)
{
	const char *text = (const char *)&thread_page(self)->words[MSG_REGISTER_WORDS];
	uint64_t bytes = ctx_arg(&self->ctx, 1), done = restart_take(self, OP_DEBUG_WRITE);
	uint64_t piece = bytes - done < PIECE ? bytes - done : PIECE;

	if (bytes > MSG_DATA_BYTES)
		return E_RANGE;
	arch_debug_write(text + done, piece);
	return done + piece < bytes ? restart_later(self, OP_DEBUG_WRITE, done + piece) : E_OK;
}
