/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The kernel's own kernel/core/derivation.c beside a model of the list, for CBMC.
 *
 * Each prove_* takes any state that matches any state of the model, executes one operation on both, and asserts that they
 * match again: the tree is the one that is expected, and nothing else of any slot changes.  prove_init is the induction's
 * beginning.  At most SLOTS slots, in any tree and any order; an operation reads or writes at most four of them.  What is
 * proved for lists of any length stands in derivation.c beside this file.
 * LAST is 0 for the check that the assumptions do not contradict each other: then check() must fail.
 */
#include <cspace.h>
#include <panic.h>

#ifndef LAST
#define LAST 1
#endif

/* The sentinel and the slots that an operation is about.  Any order is assumed, so that the numbers are only names. */
#define SENTINEL 1u
#define ACTOR 2u
#define OTHER 3u
#define GENERATION 0xff000000ull

/* A slot of the model: its place in pre-order, if it is in the list; depth counts only there. */
struct model_slot {
	bool is_linked;
	uint8_t place;
	struct slot content; /* but for links and depth */
	uint16_t depth;
};

struct slot slot_1, slot_2, slot_3, slot_4, slot_5;
struct model_slot model[SLOTS + 1u];

/* Any value, for CBMC. */
struct model_slot nondet_model_slot(void);
struct slot nondet_slot(void);
bool nondet_bool(void);

NORETURN void kernel_panic(UNUSED const char *reason)
{
	__CPROVER_assert(0, "no panic");
	__CPROVER_assume(0);
}

/* ---- the model ---- */

static bool is_before(slot_ref i, slot_ref j)
{
	return model[i].is_linked && model[j].is_linked && model[i].place < model[j].place;
}

/* j comes directly behind i; not the first behind the last. */
static bool is_next(slot_ref i, slot_ref j)
{
	bool result = is_before(i, j);

	for (slot_ref k = 1; k <= SLOTS; k++)
		result = result && !(is_before(i, k) && is_before(k, j));
	return result;
}

static bool is_last(slot_ref i)
{
	bool result = model[i].is_linked;

	for (slot_ref k = 1; k <= SLOTS; k++)
		result = result && !is_before(i, k);
	return result;
}

/* The ring: the sentinel is first, and comes behind the last. */
static bool follows(slot_ref i, slot_ref j)
{
	return is_next(i, j) || (j == SENTINEL && is_last(i));
}

/* The header's invariants: a tree in pre-order, with the sentinel alone at depth 0. */
static bool is_tree(void)
{
	bool result = model[SENTINEL].is_linked;

	for (slot_ref i = 1; i <= SLOTS; i++) {
		result = result && (!model[i].is_linked || (model[i].depth == 0) == (i == SENTINEL));
		result = result && (!model[i].is_linked || model[i].depth <= DERIVATION_MAX_DEPTH);
		result = result && (i == SENTINEL || !model[i].is_linked || is_before(SENTINEL, i));
		for (slot_ref j = 1; j <= SLOTS; j++) {
			result = result && (!is_next(i, j) || model[j].depth <= model[i].depth + 1u);
		}
	}
	return result;
}

/* ---- what it means that both match ---- */

static bool places_differ(void)
{
	bool differ = true;

	for (slot_ref i = 1; i <= SLOTS; i++)
		for (slot_ref j = 1; j < i; j++)
			differ = differ && model[i].place != model[j].place;
	return differ;
}

static bool has_content(const struct slot *slot, const struct slot *expected)
{
	return slot->word == expected->word && slot->badge == expected->badge &&
	       slot->detail == expected->detail && slot->aux == expected->aux &&
	       slot->data[0] == expected->data[0] && slot->data[1] == expected->data[1] &&
	       slot->data[2] == expected->data[2] && slot->link_next == expected->link_next &&
	       slot->link_prev == expected->link_prev;
}

static bool contents_match(void)
{
	bool match = true;

	for (slot_ref i = 1; i <= SLOTS; i++)
		match = match && has_content(slot_at(i), &model[i].content);
	return match;
}

static bool links_match(void)
{
	bool match = true;

	for (slot_ref i = 1; i <= SLOTS; i++) {
		const struct slot *slot = slot_at(i);

		match = match && (model[i].is_linked || (slot->next == 0 && slot->prev == 0));
		for (slot_ref j = 1; j <= SLOTS; j++)
			if (follows(i, j))
				match = match && slot->next == j && slot_at(j)->prev == i;
	}
	return match;
}

static bool depths_match(void)
{
	bool match = true;

	for (slot_ref i = 1; i <= SLOTS; i++)
		match = match && (slot_at(i)->depth == model[i].depth);
	return match;
}

/* ---- any state, and the claims ---- */

static void take_any_contents(void)
{
	for (slot_ref i = 1; i <= SLOTS; i++) {
		model[i] = nondet_model_slot();
		model[i].place = (uint8_t)(4u * (model[i].place % 16u)); /* with room between them */
		*slot_at(i) = nondet_slot();
	}
	__CPROVER_assume(places_differ());
	__CPROVER_assume(contents_match());
	__CPROVER_assume(depths_match());
}

static void take_any_state(void)
{
	take_any_contents();
	derivation_sentinel = SENTINEL;
	__CPROVER_assume(is_tree());
	__CPROVER_assume(links_match());
}

static void check(void)
{
	__CPROVER_assert(derivation_sentinel == SENTINEL, "sentinel");
	__CPROVER_assert(is_tree(), "tree");
	__CPROVER_assert(contents_match(), "contents");
	__CPROVER_assert(links_match(), "links");
	__CPROVER_assert(depths_match(), "depths");
	__CPROVER_assert(LAST == 1, "last");
}

static void model_link(slot_ref ref, uint8_t place, uint16_t depth)
{
	model[ref].is_linked = true;
	model[ref].place = place;
	model[ref].depth = depth;
}

/* ---- the operations ---- */

void prove_init(void)
{
	take_any_contents();
	for (slot_ref i = 1; i <= SLOTS; i++)
		__CPROVER_assume(!model[i].is_linked);
	__CPROVER_assume(links_match());

	derivation_init(slot_at(SENTINEL));
	model_link(SENTINEL, model[SENTINEL].place, 0);
	model[SENTINEL].content.word = slot_word(SLOT_TYPE_SENTINEL, 0, 0, 0);
	check();
}

/* OTHER becomes a child of ACTOR or of the sentinel: directly behind it. */
void prove_insert_child(void)
{
	take_any_state();
	slot_ref parent = nondet_bool() ? SENTINEL : ACTOR;
	__CPROVER_assume(model[parent].is_linked && !model[OTHER].is_linked);
	__CPROVER_assume(model[parent].depth < DERIVATION_MAX_DEPTH);

	derivation_insert_child(slot_at(parent), slot_at(OTHER));
	model_link(OTHER, model[parent].place + 1u, (uint16_t)(model[parent].depth + 1u));
	check();
}

/* OTHER becomes a sibling of ACTOR: directly before it. */
void prove_insert_sibling(void)
{
	take_any_state();
	__CPROVER_assume(model[ACTOR].is_linked && !model[OTHER].is_linked);

	derivation_insert_sibling(slot_at(ACTOR), slot_at(OTHER));
	model_link(OTHER, model[ACTOR].place - 1u, model[ACTOR].depth);
	check();
}

/* All of ACTOR, which may be in the list or not, goes to OTHER, which keeps only its generation; ACTOR's counts up. */
void prove_move(void)
{
	take_any_state();
	__CPROVER_assume(!model[OTHER].is_linked);
	uint64_t generation = model[OTHER].content.word & GENERATION;
	uint64_t next_generation = (model[ACTOR].content.word + 0x01000000ull) & GENERATION;
	uint8_t place = model[OTHER].place;

	derivation_move(slot_at(ACTOR), slot_at(OTHER));
	model[OTHER] = model[ACTOR];
	model[OTHER].content.word = (model[ACTOR].content.word & ~GENERATION) | generation;
	model[ACTOR] = (struct model_slot){.place = place, .content.word = next_generation};
	check();
}

void prove_remove(void)
{
	take_any_state();
	__CPROVER_assume(model[ACTOR].is_linked);
	for (slot_ref i = 1; i <= SLOTS; i++)
		__CPROVER_assume(!is_next(ACTOR, i) || model[i].depth <= model[ACTOR].depth);

	struct slot *result = derivation_remove(slot_at(ACTOR));

	__CPROVER_assert(follows(slot_index(result), ACTOR), "result");
	model[ACTOR].is_linked = false;
	check();
}

#include <kernel/core/derivation.c>
