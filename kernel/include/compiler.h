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
/*
 * A function that only assembly calls, that need not keep any register, and whose arguments stand where they always do:
 * preserve_none passes four others first.  As parameters ENTRY_FIRST, as arguments ENTRY_FIRST_NONE.
 * (On the host an ordinary function: AddressSanitizer and preserve_none do not go together.)
 */
#if defined(__has_attribute) && __has_attribute(preserve_none) && !defined(TESSERA_HOST)
#define ENTRY_POINT __attribute__((preserve_none))
#define ENTRY_UNUSED(n) __attribute__((unused)) uint64_t unused##n
#define ENTRY_FIRST ENTRY_UNUSED(0), ENTRY_UNUSED(1), ENTRY_UNUSED(2), ENTRY_UNUSED(3),
#define ENTRY_FIRST_NONE 0, 0, 0, 0,
#else
#define ENTRY_POINT
#define ENTRY_FIRST
#define ENTRY_FIRST_NONE
#endif
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
