/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the files of the specification share.  One file per kind of object; syscall.c decodes and hands out.
 */
#pragma once

#include "spec.h"

/* States an assumption of the specification itself; a failure is a bug in it. */
#define SPEC_ASSERT(condition) ((condition) ? (void)0 : spec_fail(#condition, __FILE__, __LINE__))
_Noreturn void spec_fail(const char *condition, const char *file, int line);

/* ---- lists of identifiers ---- */

/* Where x stands among the first count entries; count if nowhere. */
uint32_t spec_list_find(const uint64_t *list, uint32_t count, uint64_t x);
void spec_list_insert(uint64_t *list, uint32_t *count, uint32_t at, uint64_t x);
/* Takes x out, if it is there. */
void spec_list_remove(uint64_t *list, uint32_t *count, uint64_t x);

uint32_t spec_places_find(const struct spec_place *list, uint32_t count, struct spec_place x);
void spec_places_append(struct spec_place *list, uint32_t *count, uint32_t room, struct spec_place x);
void spec_places_remove(struct spec_place *list, uint32_t *count, struct spec_place x);
bool spec_same_place(struct spec_place a, struct spec_place b);

/* ---- capabilities: caps.c ---- */

/* What a slot_t names: a slot, empty or not, and the depth of the origin of the CNode that holds it. */
struct spec_slot {
	struct spec_place place;
	uint32_t cnode_depth;
};

/* A capability of the thread's own CSpace by its address. E_CAP, E_TYPE (type CAP_NULL: any), E_RIGHTS. */
enum tessera_error spec_lookup_cap(struct spec *spec, const struct spec_thread *thread, cap_t address,
				   uint32_t type, uint32_t rights, struct spec_cap **out);
/* A slot; the capability of its CNode must carry rights. E_SLOT, E_RIGHTS. */
enum tessera_error spec_lookup_slot(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				    uint32_t rights, struct spec_slot *out);
/* A destination: E_SLOT_USED too. */
enum tessera_error spec_lookup_empty(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				     struct spec_slot *out);
/* A source: E_CAP too. */
enum tessera_error spec_lookup_source(struct spec *spec, const struct spec_thread *thread, slot_t designator,
				      uint32_t rights, struct spec_cap **out);

/* A new entry for a capability at an empty place. */
struct spec_cap *spec_cap_new(struct spec *spec, struct spec_place place);
/* Puts it into the tree as parent's newest child, or as of's sibling (it becomes older than `of` by nothing: just before it). */
void spec_tree_add_child(struct spec *spec, const struct spec_cap *parent, struct spec_cap *cap);
void spec_tree_add_sibling(struct spec *spec, const struct spec_cap *of, struct spec_cap *cap);
bool spec_has_descendants(const struct spec *spec, const struct spec_cap *cap);
/* The first child; NULL: none. */
struct spec_cap *spec_first_child(struct spec *spec, const struct spec_cap *cap);
struct spec_cap *spec_parent_of(struct spec *spec, const struct spec_cap *cap);
/* A capability without descendants goes, with what that means for its parent. The object has been dealt with. */
void spec_cap_remove(struct spec *spec, struct spec_cap *cap);

/* A capability of the same object: E_TYPE, E_DEPTH. */
enum tessera_error spec_derive(struct spec *spec, struct spec_cap *src, struct spec_place dst,
			       uint32_t rights, bool as_child, struct spec_cap **out);
enum tessera_error spec_move(struct spec *spec, struct spec_cap *src, const struct spec_slot *dst);
/* A new object's origin as child of parent. E_DEPTH. */
enum tessera_error spec_make_origin(struct spec *spec, struct spec_cap *parent, const struct spec_slot *dst,
				    uint32_t type, uint64_t object, struct spec_cap **out);
enum tessera_error spec_embed(struct spec *spec, struct spec_cap *src, struct spec_place dst);

/* ---- authority.c ---- */

enum tessera_error spec_op_authority_graph(struct spec *spec, struct spec_thread *self);

/* ---- operations on slots: cnode.c; preempted operations: syscall.c ---- */

bool spec_cnode_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			const struct spec_hint *hint, enum tessera_error *error);
/* Whether the thread had been stopped in this very call; what it had reached stands in preempted_*. Forgets that. */
bool spec_take_progress(struct spec_thread *self, uint32_t operation);
/* It is stopped here: so many pages (slots) are done, so many of them left out (copied). */
enum tessera_error spec_preempted(struct spec_thread *self, uint32_t operation, uint64_t pages,
				  uint64_t left);

/* delete.c: as spec_deletion_begin. */
enum tessera_error spec_deletion_decode(struct spec *spec, struct spec_thread *self, uint32_t operation,
					struct spec_place *top, bool *is_whole);

/* ---- endpoints, replies, notices: ipc.c, notice.c, transfer.c ---- */

void spec_endpoint_init(struct spec *spec, uint64_t address, uint64_t minimum_ns);
/* One small step; true: it is dead. */
bool spec_endpoint_die_step(struct spec *spec, struct spec_endpoint *endpoint);
/* A thread leaves the queue it waits in. */
void spec_endpoint_leave(struct spec *spec, struct spec_thread *thread);
/* Ways of op_send, op_call, ... : the current thread's arguments are in its registers. */
enum tessera_error spec_op_send(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_recv(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_call(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_reply(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_reply_recv(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
/* The message of a thread that sends (is_fault and sent_* describe it) to one that waits: true, *partner has it. */
bool spec_submit(struct spec *spec, struct spec_thread *sender, uint64_t endpoint,
		 struct spec_thread **partner);
void spec_queue_sender(struct spec *spec, struct spec_thread *sender, uint64_t endpoint);
/* The registers of one who receives a message. */
void spec_deliver(struct spec_thread *to, uint64_t badge, msg_tag_t tag,
		  const uint64_t words[MSG_REGISTER_WORDS], uint64_t label);
enum tessera_error spec_start_timeout(struct spec *spec, struct spec_thread *self, uint64_t deadline_ns);
void spec_transfer_caps(struct spec *spec, struct spec_thread *from, struct spec_thread *to,
			uint64_t endpoint, uint32_t count);

/* The Reply is deleted. */
void spec_reply_die(struct spec *spec, struct spec_cap *reply);
/* The thread's Reply stands dead from now on. */
void spec_reply_abandon(struct spec *spec, struct spec_thread *thread);

/* An anchor that may have lost its last descendant, or is new, or has moved. */
void spec_notice_check(struct spec *spec, struct spec_cap *anchor);
/* The anchor leaves its endpoint's list. True: it stood there. */
bool spec_notice_forget(struct spec *spec, const struct spec_cap *anchor);
/* The first due notice to a receiver; E_CAP: none. */
enum tessera_error spec_notice_take(struct spec *spec, struct spec_endpoint *endpoint,
				    struct spec_thread *receiver);

/* ---- notifications: notification.c ---- */

void spec_notification_init(struct spec *spec, uint64_t address);
bool spec_notification_die_step(struct spec *spec, struct spec_notification *notification);
void spec_notification_leave(struct spec *spec, struct spec_thread *thread);
void spec_signal_bits(struct spec *spec, uint64_t address, uint64_t bits);
enum tessera_error spec_op_signal(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_wait(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);
enum tessera_error spec_op_poll(struct spec *spec, struct spec_thread *self, struct spec_cap *cap);

/* ---- threads: thread.c, personality.c, configure.c ---- */

void spec_thread_init(struct spec *spec, uint64_t address);
void spec_thread_die(struct spec *spec, uint64_t address);
/* One of a Thread's own slots is emptied; nothing if it is empty. */
void spec_unembed(struct spec *spec, struct spec_place place);
void spec_thread_stop(struct spec *spec, struct spec_thread *thread);
/* What a thread waited for is over; true: it may run. */
bool spec_end_wait(struct spec *spec, struct spec_thread *thread, enum tessera_error error);
void spec_wake(struct spec *spec, struct spec_thread *thread, enum tessera_error error);
void spec_fault_lost(struct spec *spec, struct spec_thread *thread);
void spec_fault_raise(struct spec *spec, struct spec_thread *thread, uint32_t slot, uint64_t op,
		      uint64_t word, uint64_t error_code);
void spec_fault_answer(struct spec *spec, struct spec_thread *thread, uint32_t status);
void spec_personality_interrupt(struct spec *spec, struct spec_thread *thread);
bool spec_personality_exception(struct spec *spec, struct spec_thread *thread, uint64_t vector,
				uint64_t error_code, uint64_t address);
bool spec_is_stopped(const struct spec_thread *thread);
void spec_set_error(struct spec_thread *thread, uint64_t error);
/* The thread stands before its system call again, which is `operation` now. */
void spec_restart_as(struct spec_thread *thread, uint64_t number);
bool spec_thread_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, enum tessera_error *error);
enum tessera_error spec_op_thread_configure(struct spec *spec, struct spec_thread *self,
					    struct spec_cap *cap);

/* ---- scheduling: sched.c ---- */

void spec_sched_ready(struct spec *spec, struct spec_thread *thread);
void spec_sched_block(struct spec *spec, struct spec_thread *thread, enum spec_state state);
void spec_sched_give_way(struct spec *spec);
void spec_sched_handoff(struct spec *spec, struct spec_thread *partner);
void spec_sched_reconsider(struct spec *spec, struct spec_thread *thread, uint32_t priority);
void spec_sched_postpone(struct spec *spec, struct spec_thread *thread, uint64_t until_ns);
void spec_sched_set_priority(struct spec *spec, struct spec_thread *thread, uint32_t priority);
/* A thread's call goes to another CPU, or is given up. */
void spec_remote_send(struct spec *spec, struct spec_thread *caller, uint32_t cpu);
void spec_remote_leave(struct spec *spec, const struct spec_thread *caller);
void spec_sched_set_home(struct spec *spec, struct spec_thread *thread, uint32_t cpu);
void spec_switch_to(struct spec *spec, uint64_t next);

/* ---- contexts: context.c ---- */

void spec_context_init(struct spec *spec, uint64_t address);
void spec_context_die(struct spec *spec, uint64_t address);
void spec_context_unbind(struct spec *spec, struct spec_context *context);
/* Whether time is charged to it, on any CPU. */
bool spec_context_is_used(const struct spec *spec, const struct spec_context *context);
/* Whether a thread's context has so much left (0: as much as counts). */
bool spec_has_time(struct spec *spec, const struct spec_thread *thread, uint64_t wanted_ns);
/* The processor changes to that context; 0: to none. */
void spec_context_use(struct spec *spec, uint64_t address);
/* The server gets the caller's context and at least its priority. */
void spec_lending_begin(struct spec *spec, struct spec_thread *caller, struct spec_thread *server);
/* The caller's wait is over: what it lent comes back. */
void spec_lending_end(struct spec *spec, struct spec_thread *caller);
void spec_lending_give_back(struct spec *spec, struct spec_thread *server);
bool spec_context_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			  struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error);

/* ---- memory: retype.c, memory.c, mapping.c ---- */

enum tessera_error spec_op_retype(struct spec *spec, struct spec_thread *self, struct spec_cap *cap,
				  const struct spec_hint *hint);
bool spec_memory_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error);
bool spec_vspace_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 const struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error);
void spec_vspace_init(struct spec *spec, uint64_t address, bool allow_wx);
/* One small step of an object's death; true: it is dead. */
bool spec_vspace_die_step(struct spec *spec, uint64_t address);
bool spec_view_die_step(struct spec *spec, struct spec_cap *view);
/* A donated Untyped leaves its VSpace, which loses all its mappings. */
void spec_tables_take_back(struct spec *spec, struct spec_cap *untyped);
enum tessera_error spec_map_kernel_page(struct spec *spec, uint64_t vspace, uint64_t va, uint64_t frame,
					uint32_t rights);
void spec_unmap_kernel_page(struct spec *spec, uint64_t vspace, uint64_t va, uint64_t frame);

/* ---- devices and the machine: device.c ---- */

void spec_irq_die(struct spec *spec, const struct spec_cap *irq);
void spec_irq_unbind_notification(struct spec *spec, uint64_t notification);
bool spec_device_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error);
