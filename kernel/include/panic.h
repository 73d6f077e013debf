/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end: a bug in the kernel stops the machine with a readable report. */
#pragma once

#include <compiler.h>

/* Prints reason, CPU and current thread, then the architecture's registers and backtrace; stops. */
NORETURN void kernel_panic(const char *reason);
/* One line of any report: the CPU and its current thread. */
void panic_log_current(void);

#define ASSERT_TEXT_(x) #x
#define ASSERT_TEXT(x) ASSERT_TEXT_(x)
/* States what only a bug in the kernel can make false; stays in release kernels. Never for user input. */
#define ASSERT(condition) \
	(LIKELY(condition) ? (void)0 : kernel_panic(__FILE__ ":" ASSERT_TEXT(__LINE__) ": " #condition))
