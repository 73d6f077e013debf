/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A small machine for tests of the kernel core: what kernel_main makes, without root's program.
 *
 * One thread ("self") with a CSpace root of 256 slots and leaf 0 of 256 slots issues system calls through kernel_syscall, so
 * dispatch, lookups and restarts are the real ones.  A second thread keeps the scheduler busy when self is stopped.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <host.h>
#include <ipc.h>
#include <memory.h>
#include <pagetable.h>
#include <sched.h>
#include <thread.h>

#define WORLD_RAM_START (HOST_PHYS_BASE + 0x400000)
#define WORLD_ROOT_SLOTS 256u
#define WORLD_LEAF_SLOTS 256u

struct world {
	struct slot *boot_slots;
	struct slot *root_cnode, *leaf;
	struct thread *self, *other;
	vspace_ref vspace;
	struct boot_info info;
	uint32_t restarts; /* of the last call */
	bool self_is_gone; /* the last call stopped self for good */
};
extern struct world world;

/* A fresh machine; also the signature of a cmocka set-up. */
int world_setup(void **state);

/* One system call of self with up to 7 arguments, executed again while it asks for it. */
enum tessera_error world_call(uint32_t operation, const uint64_t args[7]);
#define CALL(operation, ...) world_call((operation), (const uint64_t[7]){__VA_ARGS__})
/* Result register i after a call. */
uint64_t world_result(uint32_t i);
/* Self's message page. */
struct msg_page *world_page(void);

/* The first Untyped of RAM of at least that many bytes, split off into slot dst of leaf 0 with 1 << log2 bytes. */
void world_untyped(uint32_t dst, uint32_t log2);
/* Makes one object in dst of leaf 0 from the Untyped in src; fails the test if that fails. */
void world_make(uint32_t src, uint32_t type, uint64_t size, uint32_t dst);
struct slot *world_slot(uint32_t address);
