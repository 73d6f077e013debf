/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The few words the compiler needs from us. */
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused)) /* a parameter that this function has for its caller's sake */
#define NORETURN _Noreturn
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/*
 * A function that only assembly calls, that need not keep any register, and whose arguments stand where a system call has
 * them: preserve_none passes R12 (a call's last argument) and three others before RDI.  The first parameter is
 * ENTRY_R12(name), as an argument ENTRY_R12_IS(value).
 * One entry point goes on with another by ENTRY_ON; functions it rarely calls are marked KEEPS_REGISTERS.
 * (On the host an ordinary function: AddressSanitizer and preserve_none do not go together.)
 */
#if defined(__has_attribute) && __has_attribute(preserve_none) && !defined(TESSERA_HOST)
#define ENTRY_POINT __attribute__((preserve_none))
#define ENTRY_ON __attribute__((musttail)) return
#define KEEPS_REGISTERS __attribute__((preserve_most))
#define ENTRY_UNUSED(n) __attribute__((unused)) uint64_t unused##n
#define ENTRY_R12(name) uint64_t name, ENTRY_UNUSED(1), ENTRY_UNUSED(2), ENTRY_UNUSED(3)
#define ENTRY_R12_IS(value) (value), 0, 0, 0
#else
#define ENTRY_POINT
#define ENTRY_ON
#define KEEPS_REGISTERS
#define ENTRY_R12(name) uint64_t name
#define ENTRY_R12_IS(value) (value)
#endif
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
