/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Facts about the machine, written once at boot. */
#pragma once

#include <stdint.h>

#define KERNEL_VERSION 1u

struct machine_facts {
	uint64_t ram_bytes, kernel_bytes, cpu_count;
};
extern struct machine_facts machine_facts;
