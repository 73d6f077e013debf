/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's worst cases, as far as they are known: started instead of root by ./tessera bounds, which measures each
 * kernel entry.  A new loop in the kernel gets its worst case here.
 */
#include "bulk.h"

void program_start(const uint64_t *stack);

void program_start(const uint64_t *stack)
{
	(void)stack;
	harness_start();
	spaces_start();
	must(ts_thread_set_priority(ROOT_CAP_THREAD, PRIORITY_MAIN), "main's priority");
	worst_capabilities();
	worst_memory();
	worst_messages();
	finish();
}
