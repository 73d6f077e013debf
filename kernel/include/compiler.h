/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The few words the compiler needs from us. */
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN _Noreturn
#define FALLTHROUGH __attribute__((fallthrough))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* A function that only assembly calls and that need not keep any register. */
#if defined(__has_attribute) && __has_attribute(preserve_none)
#define ENTRY_POINT __attribute__((preserve_none))
#else
#define ENTRY_POINT
#endif
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
