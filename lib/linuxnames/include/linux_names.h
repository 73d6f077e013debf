/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Names of the Linux system calls, for logs: generated from the personality's own table (linux/syscalls.toml). */
#pragma once

#include <stdint.h>

/* The name of a call of x86_64, `?` for a number that has none. */
const char *linux_call_name(uint32_t number);
