/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Questions to proc (abi rings.h): the request that needs an answer is parked by the server loop and done again when the answer
 * has come. One question is out at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/rings.h>

/* True: the answer is there (or as good as). False: the handler returns VFS_PARK. */
bool upcall_have(enum upcall_kind kind, uint32_t argument, uint32_t second);
/* The same for UPCALL_DESCRIPTOR_PATH, if only answer[UPCALL_DESCRIPTION] is wanted. */
bool upcall_have_description(uint32_t argument, uint32_t second, uint64_t *description);
/* What earlier answers said to the request that is being done again: one with two paths needs two. question 0: unused. */
#define UPCALL_KNOWN 2u
struct upcall_known {
	uint64_t question, description;
};
extern struct upcall_known upcall_known[UPCALL_KNOWN];
/* What the last upcall_have that said false wants. */
uint64_t upcall_wanted(void);
/* The requests that want `wanted` are done again now; 0 afterwards. */
void upcall_set_answered(uint64_t wanted);
/* The ring's answer words. */
const uint64_t *upcall_answer(void);
void upcall_set_ring(struct upcall_ring *ring);
/* Puts a question into the ring; false if it is full. */
bool upcall_post(uint64_t wanted);
/* Whether proc has answered everything that was posted. */
bool upcall_is_done(void);
