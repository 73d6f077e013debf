/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Early debug output of user space: bytes from the message page to the kernel's log device. */
#include <cspace.h>
#include <thread.h>

#include <kernel/handlers.h>

enum tessera_error invoke_debug_write(struct thread *self, struct slot *cap)
{
	uint64_t bytes = ctx_arg(&self->ctx, 1);

	(void)cap;
	if (bytes > MSG_DATA_BYTES)
		return E_RANGE;
	arch_debug_write((const char *)&thread_page(self)->words[MSG_REGISTER_WORDS], bytes);
	return E_OK;
}
