/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * assert for code without a C library (kernel, personality); such a program defines assert_failed.
 * Asserts state programming errors and stay in release builds.
 */
#pragma once

#define static_assert _Static_assert

/* Reports and stops. Does not return. */
_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define assert(expression) ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))
