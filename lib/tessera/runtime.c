/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Start of a native service before libc: registers the handler of libc's few Linux calls and sets up heap and slots.
 * Runs without TLS; may touch nothing of libc that needs it.
 */
#include <tessera/runtime.h>

static cap_t own_thread;

GENERAL_REGISTERS cap_t runtime_thread(void)
{
	return own_thread;
}

GENERAL_REGISTERS void runtime_init(const struct runtime_config *config)
{
	struct personality_config entries = {
		.syscall_entry = (uint64_t)&runtime_entry,
		.start = (uint64_t)&runtime_entry,
		.end = (uint64_t)runtime_entry_end,
	};
	const uint64_t *from = (const uint64_t *)&entries;

	own_thread = config->thread;
	heap_configure(config->heap_va, config->heap_bytes);
	slots_configure(config->free_leaves);
	for (unsigned i = 0; i < sizeof(entries) / 8; i++)
		config->page->words[MSG_REGISTER_WORDS + i] = from[i];
	if (ts_thread_set_personality(config->thread) == E_OK)
		return;
	__builtin_trap();
}

/* Called by _tessera_start. root has its own: the kernel starts it, with another page and Thread. */
__attribute__((weak)) GENERAL_REGISTERS void runtime_start_service(void)
{
	const struct service_info *info = service_info();
	struct runtime_config config = {
		.page = service_page(),
		.thread = SERVICE_CAP_THREAD,
		.heap_va = SERVICE_HEAP_VA,
		.heap_bytes = info->heap_bytes,
		.free_leaves = info->free_leaves,
	};

	runtime_init(&config);
}
