/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many of everything: a large Untyped, threads that each make one system call and then fault, and the groups of worst
 * cases.  Nothing is checked here but that the set-up works; what counts is how long the kernel takes (./tessera bounds).
 */
#pragma once

#include <worker.h>

#define OWN SLOT_OWN
#define BULK 160u /* threads */

/* The large Untyped: 2^log2 bytes outside the arena; one at a time. */
cap_t bulk_untyped(uint32_t log2);
/* Gives it back. */
void bulk_free(cap_t untyped);

/* BULK threads in a new CNode, made from the Untyped; the CNode's capability. */
cap_t bulk_threads(cap_t untyped);
/* Starts thread i with this system call, at this priority; behind the call it faults. */
void bulk_start(cap_t threads, uint32_t i, uint32_t priority, uint32_t operation,
		const uint64_t arguments[7]);
#define START(threads, i, priority, operation, ...) \
	bulk_start((threads), (i), (priority), (operation), (const uint64_t[7]){__VA_ARGS__})

/* A CSpace leaf of 256 slots below the arena, plugged into root slot 2: addresses 0x200 to 0x2ff. */
cap_t bulk_leaf(cap_t untyped);
#define BULK_LEAF 2u
#define BULK_ADDRESS(i) ((cap_t)((BULK_LEAF << 8) + (i)))

void worst_capabilities(void);
void worst_memory(void);
void worst_messages(void);
