/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The fast path does what the slow path does: random sequences of IPC run twice, once with and once without it, and after
 * every system call everything is compared: threads, message pages, endpoint, slots, who runs.  And what it does when another CPU
 * has the kernel.
 */
#include <lock.h>
#include <stdlib.h>

#include "actors.h"

#define STEPS 4000u
#define SHARED_SLOTS 256u

/* What is compared after a step. */
struct picture {
	struct slot slots[SHARED_SLOTS];
	struct endpoint endpoint;
	struct notification notification;
	struct user_regs regs[ACTORS];
	uint64_t words[ACTORS][8];
	struct sched_context contexts[ACTORS];
	uint32_t context[ACTORS], lender[ACTORS], depth[ACTORS], priority[ACTORS];
	uint32_t state[ACTORS], reply_slot[ACTORS], reply_cap[ACTORS], next[ACTORS], prev[ACTORS],
		queued[ACTORS], bucket[ACTORS];
	uint64_t current, best, armed;
};

static struct picture pictures[2];

static void take_picture(struct picture *out)
{
	memset(out, 0, sizeof(*out));
	sched_charge(cpu());
	memcpy(out->slots, world.leaf, sizeof(out->slots));
	out->endpoint = *endpoint_at(slot_object(world_slot(EP)));
	out->notification = *notification_at(slot_object(world_slot(NTFN)));
	for (uint32_t i = 0; i < ACTORS; i++) {
		const struct thread *thread = actors[i];

		out->regs[i] = thread->ctx.regs;
		if (thread->state != THREAD_READY)
			out->regs[i].rax = 0; /* is written when it wakes or repeats its call */
		memcpy(out->words[i], thread_page(actors[i])->words, sizeof(out->words[i]));
		out->contexts[i] = *sched_context_at(thread->own_context);
		if (thread->state != THREAD_RECEIVING) { /* else they are stale */
			out->context[i] = thread->context;
			out->lender[i] = thread->lender;
			out->depth[i] = thread->lending_depth;
			out->priority[i] = thread->priority;
		}
		out->state[i] = thread->state;
		out->reply_slot[i] = thread->reply_slot;
		out->reply_cap[i] = thread->state == THREAD_RECEIVING ? thread->reply_cap : 0;
		out->next[i] = thread->queue_next;
		out->prev[i] = thread->queue_prev;
		out->queued[i] = thread->is_queued;
		out->bucket[i] = thread->timer_bucket;
	}
	out->current = ptr_to_phys(cpu()->current).raw;
	out->best = cpu()->ready.best;
	out->armed = cpu()->arch.timer_deadline_ns;
}

static uint64_t any_tag(void)
{
	const uint64_t tags[] = {MSG_TAG(1, 4, 0),
				 MSG_TAG(2, 0, 0),
				 MSG_TAG(3, 2, 0),
				 MSG_TAG(4, 8, 0),
				 MSG_TAG(5, 384, 0),
				 MSG_TAG(6, 385, 0),
				 MSG_TAG(MSG_OP_SIGNAL, 1, 0),
				 MSG_TAG(1, 1, 1)};

	return tags[(uint32_t)rand() % (rand() % 4 == 0 ? ARRAY_COUNT(tags) : 4u)];
}

static uint64_t any_deadline(void)
{
	return rand() % 8 == 0 ? host.time_ns + (uint64_t)rand() % 3000000 : DEADLINE_NEVER;
}

/* One of the ready actors of the highest priority: the scheduler would let no other run. */
static bool any_ready(uint32_t *out)
{
	uint32_t first = (uint32_t)rand() % ACTORS, best = PRIORITIES;

	for (uint32_t k = 0; k < ACTORS; k++) {
		uint32_t i = (first + k) % ACTORS;

		if (STATE(i) != THREAD_READY || actors[i]->priority >= best)
			continue;
		best = actors[i]->priority;
		*out = i;
	}
	return best != PRIORITIES;
}

/* One random step. Both runs draw the same numbers as long as they agree. */
static void step(void)
{
	static const uint32_t caps[] = {EP, BADGED, EP, BADGED, NTFN, 250};
	uint32_t i, kind = (uint32_t)rand() % 16;
	uint64_t cap = caps[rand() % 6 < 5 ? rand() % 4 : rand() % 6];

	actors_time(host.time_ns + (uint64_t)rand() % 100000);
	if (!any_ready(&i)) {
		CALL(OP_THREAD_SUSPEND, 100 + (uint64_t)rand() % ACTORS);
		for (i = 0; i < ACTORS; i++)
			CALL(OP_THREAD_RESUME, 100 + i);
	} else if (i >= 2 && kind < 13) {
		ACT(i, OP_CALL, cap, any_tag(), 1, 2, 3, 4, any_deadline());
	} else if (kind < 2) {
		RECV(i, REPLY(i));
	} else if (kind < 13) {
		if (slot_is_empty(world_slot(REPLY(i))) && rand() % 16 != 0)
			RECV(i, REPLY(i));
		else
			ACT(i, OP_REPLY_RECV, EP | (uint64_t)REPLY(i) << 32, any_tag(), 5, 6, 7, 8,
			    any_deadline());
	} else if (kind == 13) {
		ACT(i, OP_SIGNAL, NTFN, 1);
	} else if (kind == 14) {
		CALL(OP_THREAD_SET_PRIORITY, 100 + i, i < 2 ? 5 : 30 + (uint64_t)rand() % 8);
	} else {
		CALL(OP_CNODE_DELETE, REPLY((uint32_t)rand() % ACTORS));
	}
}

static void prepare(bool slow_only)
{
	void *state = NULL;

	actors_setup(&state);
	actors_slow_only = slow_only;
	sched_set_priority(world.self, 250);
	CALL(OP_THREAD_BIND_NOTIFICATION, 100, NTFN);
	for (uint32_t i = 0; i < ACTORS; i++)
		CALL(OP_THREAD_SET_PRIORITY, 100 + i, i < 2 ? 5 : 30 + i);
}

/* Runs the first `steps` steps of a seed and leaves the pictures of the last one. */
static void run(uint32_t seed, uint32_t steps, bool slow_only, uint64_t *hashes)
{
	prepare(slow_only);
	srand(seed);
	for (uint32_t n = 0; n < steps; n++) {
		const unsigned char *bytes = (const unsigned char *)&pictures[slow_only];
		uint64_t hash = 14695981039346656037ull;

		step();
		take_picture(&pictures[slow_only]);
		for (size_t k = 0; k < sizeof(struct picture); k++)
			hash = (hash ^ bytes[k]) * 1099511628211ull;
		hashes[n] = hash;
	}
}

static void both_paths_agree(void **state)
{
	static uint64_t fast[STEPS], slow[STEPS];
	uint64_t taken = 0;

	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++) {
		run(seed, STEPS, false, fast);
		taken += cpu()->fast_calls + cpu()->fast_replies;
		run(seed, STEPS, true, slow);
		assert_int_equal(cpu()->fast_calls + cpu()->fast_replies, 0);
		for (uint32_t n = 0; n < STEPS; n++) {
			if (fast[n] == slow[n])
				continue;
			run(seed, n + 1, false, fast);
			run(seed, n + 1, true, slow);
			for (size_t k = 0; k < sizeof(struct picture) / 4; k++) {
				if (((uint32_t *)&pictures[0])[k] != ((uint32_t *)&pictures[1])[k])
					print_message("differs at byte %zu\n", k * 4);
			}
			fail_msg("seed %u, step %u", seed, n);
		}
	}
	print_message("%llu fast\n", (unsigned long long)taken);
	assert_true(taken > 300);
}

/* ---- beside another CPU ---- */

static struct cpu other = {.id = 1};
static uint32_t entries_left; /* of the other CPU, which does nothing else */

static void other_leaves(void)
{
	struct cpu *here = cpu();

	host_cpu = &other;
	lock_release_all();
	if (--entries_left > 0)
		lock_take_all();
	host_cpu = here;
}

/* The other CPU has the kernel, and enters it so often without a pause. */
static void other_enters(uint32_t times)
{
	struct cpu *here = cpu();

	cpus[1] = &other;
	cpus_used = 2;
	host.relax = other_leaves;
	entries_left = times;
	host_cpu = &other;
	lock_take_all();
	host_cpu = here;
}

static void leave_other(void)
{
	assert_int_equal(entries_left, 0);
	assert_int_equal(cpu()->word | cpu()->word_closed | other.word | other.word_closed, 0);
	host.relax = NULL;
	cpus_used = 1;
}

/* If each of two CPUs took the slow path because the other one is there, none of them would find back. */
static void waits_for_one_entry_of_another_cpu(void **state)
{
	prepare(false);
	(void)state;
	RECV(0, REPLY(0));
	CALL(OP_THREAD_SUSPEND, THREAD_CAP(1)); /* it would go before actor 2 */
	other_enters(1);
	ACT(2, OP_CALL, EP, MSG_TAG(1, 4, 0), 1, 2, 3, 4, DEADLINE_NEVER);
	leave_other();
	assert_int_equal(cpu()->fast_calls, 1);
	other_enters(1);
	ACT(0, OP_REPLY_RECV, EP | (uint64_t)REPLY(0) << 32, MSG_TAG(1, 4, 0), 5, 6, 7, 8, DEADLINE_NEVER);
	leave_other();
	assert_int_equal(cpu()->fast_replies, 1);
	assert_int_equal(STATE(2), THREAD_READY);
	assert_int_equal(RESULT(2, 2), 5);
}

static void takes_its_turn_behind_a_second_entry(void **state)
{
	prepare(false);
	(void)state;
	RECV(0, REPLY(0));
	other_enters(2);
	ACT(2, OP_CALL, EP, MSG_TAG(1, 4, 0), 1, 2, 3, 4, DEADLINE_NEVER);
	leave_other();
	assert_int_equal(cpu()->fast_calls, 0);
	assert_int_equal(STATE(0), THREAD_READY);
	assert_int_equal(RESULT(0, 2), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(both_paths_agree),
					   cmocka_unit_test(waits_for_one_entry_of_another_cpu),
					   cmocka_unit_test(takes_its_turn_behind_a_second_entry)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
