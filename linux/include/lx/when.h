/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time as programs say it, turned into deadlines: absolute nanoseconds since boot. */
#pragma once

#include <linux/time.h>
#include <linux/time_types.h>

#include "lx/lx.h"

#define NS_PER_SEC 1000000000ll

static inline bool lx_timespec_ok(const struct __kernel_timespec *t)
{
	return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < NS_PER_SEC;
}

/* Nanoseconds, saturated. */
static inline uint64_t lx_timespec_ns(const struct __kernel_timespec *t)
{
	if ((uint64_t)t->tv_sec > 9000000000ull)
		return 9000000000ull * (uint64_t)NS_PER_SEC;
	return (uint64_t)t->tv_sec * (uint64_t)NS_PER_SEC + (uint64_t)t->tv_nsec;
}

static inline struct __kernel_timespec lx_timespec(uint64_t ns)
{
	return (struct __kernel_timespec){.tv_sec = (int64_t)(ns / (uint64_t)NS_PER_SEC),
					  .tv_nsec = (int64_t)(ns % (uint64_t)NS_PER_SEC)};
}

static inline uint64_t lx_deadline_after(uint64_t ns)
{
	uint64_t now = lx_now();
	return ns > DEADLINE_NEVER - 1 - now ? DEADLINE_NEVER : now + ns;
}

/* Deadline of a relative timespec in the program's memory; user 0: never. -EFAULT, -EINVAL. */
MUST_CHECK long lx_deadline_relative(uint64_t user, uint64_t *deadline);
/* Deadline of an absolute time on CLOCK_REALTIME or another clock. */
uint64_t lx_deadline_absolute(const struct __kernel_timespec *t, bool is_realtime);
