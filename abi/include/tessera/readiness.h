/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Readiness pages: memory of a service that one process reads. Word n belongs to cookie n, which the process chose when it armed
 * a descriptor (file.watch): in the low 16 bits what the description is ready for now (POLL* of poll(2)), above them how many
 * changes there were that Linux would wake a waiter for. The service writes the word, then wakes the threads that armed it.
 */
#pragma once

#include <stdint.h>

#define READINESS_WORDS 480u
#define READINESS_EVENTS 0xffffull /* of a word */
#define READINESS_CLOSED 0x8000ull /* among the events: the description is gone, the cookie free again */
#define READINESS_COUNT(word) ((word) >> 16)
#define READINESS_THREADS 64u /* thread slots of a process */

/* file.watch: flags */
#define WATCH_EDGE 1u /* wakes at every change, not only when something becomes ready */

/* file.watch: what became of it */
#define WATCH_ARMED 0u
#define WATCH_CONSTANT 1u /* its readiness never changes: no word is used */
