/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Contracts of the derivation list, and the kernel's own kernel/core/derivation.c behind them, for Frama-C/WP.
 *
 * Proved for every state of a list of any length, with termination and without run-time errors: the invariant of the file's header is kept;
 * exactly the slot in question is linked or unlinked; no other capability changes its depth, and none but the neighbours its links.
 * Assumed: what `requires` says, which the callers establish (decode then invoke), and that slots lie in one array.
 * Every contract ensures last: false where LAST is its number, for the check that the assumptions do not contradict each other.
 * The number is another one than that of what the function calls, whose false claim it would believe.
 */
#include <cspace.h>
#include <panic.h>

#ifndef LAST
#define LAST 0
#endif

/* Macros, so that the provers see the reads and not a name; by kind, so that each is a goal of its own. (The formatter would
 * take the specification's arrows apart.) */
/* clang-format off */
#define RANGE(i) (slots[i].next != 0 ==> 0 < slots[i].next < SLOTS && 0 < slots[i].prev < SLOTS)
#define LINKED_NEXT(i) (slots[i].next != 0 ==> slots[slots[i].next].next != 0)
#define LINKED_PREV(i) (slots[i].next != 0 ==> slots[slots[i].prev].next != 0)
#define INVERSE_NEXT(i) (slots[i].next != 0 ==> slots[slots[i].next].prev == (i))
#define INVERSE_PREV(i) (slots[i].next != 0 ==> slots[slots[i].prev].next == (i))
#define PRE_ORDER(i) (slots[i].next != 0 ==> slots[slots[i].next].depth <= slots[i].depth + 1)
#define DEPTHS(i) (slots[i].next != 0 ==> \
	slots[i].depth <= DERIVATION_MAX_DEPTH && (slots[i].depth == 0 <==> (i) == derivation_sentinel))
#define LOCAL(i) (RANGE(i) && LINKED_NEXT(i) && LINKED_PREV(i) && INVERSE_NEXT(i) && INVERSE_PREV(i) && PRE_ORDER(i) && DEPTHS(i))
#define ALL(property) (0 < derivation_sentinel < SLOTS && slots[derivation_sentinel].next != 0 && \
	\forall integer i; 0 < i < SLOTS ==> property(i))
/* clang-format on */

/*@ predicate linked(integer i) = slots[i].next != 0;

    predicate local(integer i) = LOCAL(i);

    predicate list = 0 < derivation_sentinel < SLOTS && linked(derivation_sentinel) &&
        \forall integer i; 0 < i < SLOTS ==> LOCAL(i);

    predicate same_depths{A,B}(integer n) = \forall integer i; 0 < i < SLOTS && i != n ==>
        \at(slots[i].depth, A) == \at(slots[i].depth, B);

    predicate same_next{A,B}(integer n, integer m) = \forall integer i; 0 < i < SLOTS && i != n && i != m ==>
        \at(slots[i].next, A) == \at(slots[i].next, B);

    predicate same_prev{A,B}(integer n, integer m) = \forall integer i; 0 < i < SLOTS && i != n && i != m ==>
        \at(slots[i].prev, A) == \at(slots[i].prev, B);
*/

/*@ assigns \nothing; exits \false; */
static ALWAYS_INLINE uint64_t slot_word(uint32_t type, uint32_t rights, uint32_t flags, uint32_t object);

/*@ requires \false; assigns \nothing; exits \false; */
NORETURN void kernel_panic(const char *reason);

/* Assumed; the last three follow from what it assigns. */
/*@ requires is_slot(slot);
    assigns *slot;
    exits \false;
    ensures empty: slot->next == 0 && slot->prev == 0 && slot->depth == 0;
    ensures same_depths: same_depths{Pre,Post}(index(slot));
    ensures same_next: same_next{Pre,Post}(index(slot), index(slot));
    ensures same_prev: same_prev{Pre,Post}(index(slot), index(slot)); */
static ALWAYS_INLINE void slot_clear(struct slot *slot);

/*@ requires is_slot(slot) && list;
    assigns \nothing;
    exits \false;
    ensures meaning: \result <==> slot->next != 0 && slots[slot->next].depth > slot->depth;
    ensures last: LAST != 2; */
static ALWAYS_INLINE bool derivation_has_descendants(const struct slot *slot);

/*@ requires is_slot(prev) && is_slot(new_slot) && is_slot(next);
    requires index(new_slot) != index(prev) && index(new_slot) != index(next);
    assigns new_slot->prev, new_slot->next, prev->next, next->prev, derivation_generation;
    exits \false;
    ensures links: prev->next == index(new_slot) && next->prev == index(new_slot);
    ensures own_links: new_slot->next == index(next) && new_slot->prev == index(prev);
    ensures last: LAST != 1; */
static void link_between(struct slot *prev, struct slot *new_slot, struct slot *next);

/*@ requires is_slot(sentinel);
    requires \forall integer i; 0 < i < SLOTS ==> !linked(i);
    assigns *sentinel, derivation_sentinel;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures sentinel: derivation_sentinel == index(sentinel);
    ensures last: LAST != 2; */
void derivation_init(struct slot *sentinel);

/*@ requires list && is_slot(parent) && is_slot(new_slot) && linked(index(parent)) && !linked(index(new_slot));
    requires parent->depth < DERIVATION_MAX_DEPTH;
    requires local(index(parent)) && local(parent->next);
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures links: new_slot->next == \old(parent->next) && parent->next == index(new_slot);
    ensures depth: new_slot->depth == \old(parent->depth) + 1;
    ensures same_depths: same_depths{Pre,Post}(index(new_slot));
    ensures same_next: same_next{Pre,Post}(index(new_slot), index(parent));
    ensures last: LAST != 2; */
void derivation_insert_child(struct slot *parent, struct slot *new_slot);

/*@ requires list && is_slot(of) && is_slot(new_slot) && linked(index(of)) && !linked(index(new_slot));
    requires of->depth > 0;
    requires local(index(of)) && local(of->prev);
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures links: new_slot->prev == \old(of->prev) && new_slot->next == index(of);
    ensures depth: new_slot->depth == of->depth;
    ensures same_depths: same_depths{Pre,Post}(index(new_slot));
    ensures same_next: same_next{Pre,Post}(index(new_slot), \old(of->prev));
    ensures same_prev: same_prev{Pre,Post}(index(new_slot), index(of));
    ensures last: LAST != 2; */
void derivation_insert_sibling(struct slot *of, struct slot *new_slot);

/*@ requires list && is_slot(slot) && linked(index(slot)) && slot->depth > 0;
    requires slots[slot->next].depth <= slots[slot->prev].depth + 1;
    requires slot->prev != index(slot);
    requires local(index(slot)) && local(slot->prev) && local(slot->next);
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures unlinked: !linked(index(slot));
    ensures previous: \result == &slots[\old(slot->prev)];
    ensures links: slots[\old(slot->prev)].next == \old(slot->next);
    ensures depth: slot->depth == \old(slot->depth);
    ensures same_depths: same_depths{Pre,Post}(index(slot));
    ensures same_next: same_next{Pre,Post}(index(slot), \old(slot->prev));
    ensures same_prev: same_prev{Pre,Post}(index(slot), \old(slot->next));
    ensures last: LAST != 1; */
static struct slot *unlink_slot(struct slot *slot);

/*@ requires is_slot(from) && is_slot(to) && index(from) != index(to);
    assigns *to;
    exits \false;
    ensures unlinked: to->next == 0 && to->prev == 0;
    ensures depth: to->depth == from->depth;
    ensures same_depths: same_depths{Pre,Post}(index(to));
    ensures same_next: same_next{Pre,Post}(index(to), index(to));
    ensures same_prev: same_prev{Pre,Post}(index(to), index(to));
    ensures last: LAST != 1; */
static void copy_unlinked(const struct slot *from, struct slot *to);

/*@ requires list && is_slot(from) && is_slot(to) && index(from) != index(to) && !linked(index(to));
    requires !linked(index(from)) || from->depth > 0;
    requires from->next != index(from) && from->prev != index(from);
    requires to->depth == from->depth;
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures unlinked: !linked(index(from));
    ensures next: to->next == \old(from->next);
    ensures prev: to->prev == (\old(from->next) != 0 ? \old(from->prev) : \old(to->prev));
    ensures same_depths: same_depths{Pre,Post}(index(from));
    ensures last: LAST != 3; */
static void take_place(struct slot *from, struct slot *to);

/*@ requires list && is_slot(from) && is_slot(to) && index(from) != index(to) && !linked(index(to));
    requires !linked(index(from)) || from->depth > 0;
    requires linked(index(from)) || from->prev == 0;
    requires from->next != index(from) && from->prev != index(from);
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures unlinked: !linked(index(from));
    ensures kept: to->next == \old(from->next) && to->prev == \old(from->prev) && to->depth == \old(from->depth);
    ensures depths: \forall integer i; 0 < i < SLOTS && i != index(from) && i != index(to) ==> slots[i].depth == \old(slots[i].depth);
    ensures last: LAST != 2; */
void derivation_move(struct slot *from, struct slot *to);

/*@ requires list && is_slot(leaf) && linked(index(leaf)) && leaf->depth > 0;
    requires slots[leaf->next].depth <= leaf->depth;
    requires leaf->prev != index(leaf);
    requires local(index(leaf)) && local(leaf->prev) && local(leaf->next);
    assigns slots[1 .. SLOTS - 1], derivation_generation;
    exits \false;
    ensures range: ALL(RANGE);
    ensures linked_next: ALL(LINKED_NEXT);
    ensures linked_prev: ALL(LINKED_PREV);
    ensures inverse_next: ALL(INVERSE_NEXT);
    ensures inverse_prev: ALL(INVERSE_PREV);
    ensures pre_order: ALL(PRE_ORDER);
    ensures depths_bounded: ALL(DEPTHS);
    ensures unlinked: !linked(index(leaf));
    ensures previous: \result == &slots[\old(leaf->prev)];
    ensures links: slots[\old(leaf->prev)].next == \old(leaf->next);
    ensures same_depths: same_depths{Pre,Post}(index(leaf));
    ensures same_next: same_next{Pre,Post}(index(leaf), \old(leaf->prev));
    ensures last: LAST != 2; */
struct slot *derivation_remove(struct slot *leaf);

#include <kernel/core/derivation.c>
