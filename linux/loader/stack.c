/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The first stack of a program, from top to bottom (System V ABI, x86-64, 3.4.1; Linux' order):
 *   8 zero bytes, path, strings, platform, 16 random bytes, padding, auxv, envp, argv, argc <- RSP
 */
#include "lx/elf.h"

void stack_plan_make(struct stack_plan *plan, uint64_t top, uint64_t argc, uint64_t envc,
		     uint64_t strings_bytes, uint64_t path_bytes, uint64_t aux_count)
{
	uint64_t at = (top & ~15ull) - 8;
	at -= path_bytes + 1;
	plan->path = at;
	at -= strings_bytes;
	plan->strings = at;
	at -= sizeof("x86_64");
	plan->platform = at;
	at = (at & ~15ull) - 16;
	plan->random = at;
	uint64_t words = 1 + (argc + 1) + (envc + 1) + 2 * (aux_count + 1);
	at = (at - words * 8) & ~15ull;
	plan->pointer = at;
	plan->argv = at + 8;
	plan->envp = plan->argv + (argc + 1) * 8;
	plan->auxv = plan->envp + (envc + 1) * 8;
}
