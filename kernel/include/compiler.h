/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The few words the compiler needs from us. */
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused)) /* a parameter that this function has for its caller's sake */
#define KEPT __attribute__((used))     /* something else may read and write it, for all that is known */
#define NORETURN _Noreturn
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/*
 * A function that only assembly calls, that need not keep any register, and whose arguments stand where a system call has
 * them, but that of R10 in R13: preserve_none passes R12 to R15 before RDI.  ENTRY_PARAMETERS names all of a system call's
 * arguments in their order, ENTRY_ARGUMENTS passes them.
 * One entry point goes on with another by ENTRY_ON; functions it rarely calls are marked KEEPS_REGISTERS.
 * (On the host an ordinary function: AddressSanitizer and preserve_none do not go together.)
 */
#if defined(__has_attribute) && __has_attribute(preserve_none) && !defined(TESSERA_HOST)
#define ENTRY_POINT __attribute__((preserve_none))
#define ENTRY_ON __attribute__((musttail)) return
#define KEEPS_REGISTERS __attribute__((preserve_most))
#else
#define ENTRY_POINT
#define ENTRY_ON
#define KEEPS_REGISTERS
#endif
#define ENTRY_UNUSED(n) __attribute__((unused)) uint64_t unused##n
#define ENTRY_PARAMETERS(a0, a1, a2, a3, a4, a5, a6)                                              \
	uint64_t a6, uint64_t a3, ENTRY_UNUSED(r14), ENTRY_UNUSED(r15), uint64_t a0, uint64_t a1, \
		uint64_t a2, ENTRY_UNUSED(rcx), uint64_t a4, uint64_t a5
#define ENTRY_ARGUMENTS(a0, a1, a2, a3, a4, a5, a6) a6, a3, 0, 0, a0, a1, a2, 0, a4, a5
#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
