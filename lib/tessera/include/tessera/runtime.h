/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Inside lib/tessera: what the start code hands to its parts. Used by root too, which is started by the kernel. */
#pragma once

#include <tessera/service.h>

/* Code that runs inside a reflected system call must leave the SSE registers alone. */
#if defined(__clang__) && !defined(TESSERA_HOST)
#define GENERAL_REGISTERS __attribute__((target("general-regs-only")))
#else
#define GENERAL_REGISTERS
#endif

struct runtime_config {
	struct msg_page *page; /* of the only thread */
	cap_t thread;	       /* its capability */
	uint64_t heap_va, heap_bytes;
	uint32_t free_leaves;
};

/* Capability of the only thread, as runtime_init was told. */
cap_t runtime_thread(void);

/* Before libc starts: registers the handler of libc's Linux calls. Loops for ever if the kernel refuses. */
void runtime_init(const struct runtime_config *config);
/* Called first of all, without TLS: calls runtime_init. A program may have its own. */
void runtime_start_service(void);

/* slots.c: leaves of 256 empty slots stand in root slots SERVICE_FREE_LEAF.. */
void slots_configure(uint32_t leaves);

/* heap.c: pages [va, va + bytes) are zero and ours. */
void heap_configure(uint64_t va, uint64_t bytes);
/* A run of zeroed pages; 0: none left. bytes is rounded up to pages. */
uint64_t heap_take(uint64_t bytes);
/* Gives pages back (zeroes them); false if they are not the heap's. */
bool heap_give(uint64_t va, uint64_t bytes);

/* syscall.c: answers one Linux system call; the result as Linux returns it (-errno). */
long runtime_syscall(long number, const long *args);
/* The thread page at entry of a reflected system call arrives here (entry.S). */
extern void runtime_entry(void);
extern char runtime_entry_end[];
