/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The real kernel core in a small simulated machine of MACHINE_CPUS processors, and how to read the abstract state from it.
 *
 * The machine begins as kernel_main leaves it: root's thread with a CSpace root of 16 slots, leaf 0 of 128, an address space,
 * Clock, Console, Machine, and all memory as Untypeds; it is made once, and restored for each input.
 */
#pragma once

#include <host.h>
#include <ipc.h>
#include <memory.h>
#include <pagetable.h>
#include <restart.h>
#include <sched.h>
#include <thread.h>
#include <timer.h>

#include <spec.h>

#define MACHINE_CPUS 3u
#define MACHINE_ROOT_LOG2 4u
#define MACHINE_LEAF_LOG2 7u
#define MACHINE_RAM_START (HOST_PHYS_BASE + 0x20000)
#define MACHINE_RAM_END (HOST_PHYS_BASE + 0x160000)
#define MACHINE_DEVICE_START 0xfe000000ull
#define MACHINE_DEVICE_END 0xff000000ull
#define MACHINE_GARBAGE 0xa5 /* what memory holds before anybody has had it */

/* Makes the machine. */
void machine_boot(void);
/* Where the kernel's own slots lie. */
extern uint64_t machine_kernel_slots;
/* Processor 0 as before boot, the others waiting: for kernel_main. */
void machine_power_on(void);
/* Keeps the state it has now; goes back to it. */
void machine_keep(void);
void machine_restore(void);

/* The CPU that enters the kernel from now on: cpu() is its. */
void machine_play(uint32_t cpu);
/* That one waits: nobody could run. It takes only interrupts then. */
bool machine_is_idle(uint32_t cpu);
/* Another CPU has interrupted it, and it has not entered the kernel by that interrupt yet; it does. */
bool machine_is_interrupted(uint32_t cpu);
void machine_interrupt(void);
/* Whether handlers are called as where direct calls through a table are not safe. */
void machine_guard(bool is_guarded);
/* The next entry has to wait: other CPUs are inside their fast paths, this one's word is taken. */
void machine_hold_words(void);
/* The next entry has to wait: another CPU has the lock, and takes it again more often than this one is patient. */
void machine_hold_lock(void);
/* What the simulated processor does when it waits. */
void machine_wait(void);
/*
 * One entry into the kernel, from here to the return to user mode or to waiting.  is_fast: by the path that the entry stubs
 * take for call and reply_recv; is_pressed: an interrupt is pending, so that long operations stop at their first look.
 */
void machine_syscall(uint32_t number, bool is_fast, bool is_pressed);
void machine_foreign_syscall(void);
void machine_page_fault(uint64_t address, uint64_t error_code);
void machine_exception(uint64_t vector, uint64_t error_code);
void machine_irq(uint32_t line);
/* Time goes on; whether the timer of this CPU would interrupt now; it does. */
void machine_time(uint64_t now_ns);
bool machine_timer_is_due(void);
void machine_timer(void);

/* ---- abstract.c ---- */

/* The abstraction function. Only what stands in the real state is written; counts say how much. */
void machine_abstract(struct spec *out);
/* The real thread at an address. */
struct thread *machine_thread(uint64_t address);

/* ---- compare.c ---- */

/* NULL: the states are equal; else what is not. is_structure: only capabilities and mappings count. */
const char *states_differ(struct spec *specified, struct spec *real, bool is_structure);
