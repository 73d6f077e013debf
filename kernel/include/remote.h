/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Calls about a thread that runs on another CPU.
 *
 * Nobody but its own CPU touches a running thread.  A call about it ends with E_ELSEWHERE; then its caller blocks (THREAD_REMOTE)
 * in the ring of that CPU, which is interrupted and executes the call from the beginning, with that thread stopped in
 * its interrupt.  Nobody waits for anybody, and the caller can be stopped or destroyed meanwhile like any blocked thread.
 */
#pragma once

#include <object.h>

/* The caller blocks and its call goes to CPU number id. */
void remote_send(struct thread *caller, uint32_t id);
/* The next call for this CPU, taken out of the ring; NULL: none. */
struct thread *remote_take(struct cpu *here);
/* A caller leaves the ring, if it stands in one still (suspension, death). */
void remote_remove(struct thread *caller);
