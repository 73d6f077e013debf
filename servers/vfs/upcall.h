/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Questions to proc (abi rings.h): the request that needs an answer is parked by the server loop and done again when the answer
 * has come. One question is out at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <tessera/rings.h>

/* One question: kind and arguments in a word, 0 for none, and a text, zeros behind it. */
struct upcall_question {
	uint64_t code;
	char text[UPCALL_TEXT_BYTES];
};

/* True: the answer is there (or as good as). False: the handler returns VFS_PARK. */
bool upcall_have(enum upcall_kind kind, uint32_t argument, uint32_t second);
/* The same with a text of fewer than UPCALL_TEXT_BYTES. */
bool upcall_have_text(enum upcall_kind kind, uint32_t argument, uint32_t second, const char *text,
		      uint32_t length);
/* The same as upcall_have for UPCALL_DESCRIPTOR_PATH, if only answer[UPCALL_DESCRIPTION] is wanted. */
bool upcall_have_description(uint32_t argument, uint32_t second, uint64_t *description);
/* What earlier answers said to the request that is being done again: one with two paths needs two. code 0: unused. */
#define UPCALL_KNOWN 2u
struct upcall_known {
	uint64_t code, description;
};
extern struct upcall_known upcall_known[UPCALL_KNOWN];
/* What the last upcall_have that said false wants. */
const struct upcall_question *upcall_wanted(void);
/* The requests that want `question` are done again now; one with code 0 afterwards. */
void upcall_set_answered(const struct upcall_question *question);
/* The ring's answer words. */
const uint64_t *upcall_answer(void);
void upcall_set_ring(struct upcall_ring *ring);
/* Puts a question into the ring; false if it is full. */
bool upcall_post(const struct upcall_question *question);
bool upcall_is_same(const struct upcall_question *a, const struct upcall_question *b);
/* Whether proc has answered everything that was posted. */
bool upcall_is_done(void);
