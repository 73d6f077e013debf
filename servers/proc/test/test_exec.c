/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * exec's order of steps: its caller, who may run on another CPU, must not come back to life between the end of its call and
 * its new address space.  The kernel, mem and the other parts of proc are played here.
 */
#include "fakes.h"

#include <errno.h>
#include <string.h>
#include <tessera/file.h>
#include <tessera/proto/proc_server.h>

#define REPLY_SLOT 77u

static struct msg_page page;
static bool was_stopped, is_started;
static unsigned calls_ended;
static struct space *made;

enum tessera_error ts_cnode_delete(slot_t slot, uint64_t limit)
{
	(void)limit;
	if (slot != SLOT_OWN(REPLY_SLOT))
		return E_OK;
	calls_ended++; /* wakes the caller, if it is not suspended */
	was_stopped = fake_suspends == 1;
	return E_OK;
}

enum tessera_error ts_cnode_copy(slot_t to, slot_t from, uint64_t rights)
{
	(void)to;
	(void)from;
	(void)rights;
	return E_OK;
}

/* mem and the file's server: the file belongs to root and is an ordinary program. */
enum tessera_error ts_call(cap_t endpoint, struct ipc_msg *message, uint64_t deadline)
{
	(void)endpoint;
	(void)deadline;
	memset(&proc.page->words, 0, sizeof(proc.page->words));
	*message = (struct ipc_msg){.tag = MSG_TAG(0, 4 + sizeof(struct file_stat) / 8, 0),
				    .w = {sizeof(struct file_stat)}};
	return E_OK;
}

cap_t slot_alloc(void)
{
	return 5;
}
void slot_release(cap_t slot)
{
	(void)slot;
}

int space_create(process_ref index, struct space **out)
{
	(void)index;
	made = space_at(LABEL_PROCESSES - 1);
	memset(made, 0, sizeof(*made));
	made->refs = 1;
	fake_spaces++;
	*out = made;
	return 0;
}
int space_slot_take(struct space *s, uint32_t wanted, uint32_t *slot)
{
	s->slots_used |= 1ull << wanted;
	*slot = wanted;
	return 0;
}
void process_random(struct process_page *of)
{
	of->random[0] = 1;
}
int notification_create(struct process *p, uint32_t slot)
{
	(void)p;
	(void)slot;
	return 0;
}
void waiters_set(struct thread *t)
{
	(void)t;
}
int thread_start(struct thread *t, const struct space *s, const struct thread_start *start)
{
	(void)t;
	(void)start;
	is_started = s == made;
	return 0;
}

static void the_caller_is_stopped_before_its_call_ends(void **state)
{
	(void)state;
	fake_reset();
	struct process *p = fake_process(process_by_pid(1));
	struct request rq = {.page = &page, .reply_slot = REPLY_SLOT};
	struct proc_exec_in in = {.area = 0x1000, .pages = 1};
	struct proc_exec_out out;
	rq.label = fake_label(process_leader(p));
	assert_int_equal(proc_on_exec(&rq, &in, &out), SERVICE_NO_REPLY);
	assert_int_equal(calls_ended, 1);
	assert_true(was_stopped);
	assert_true(is_started);
	assert_ptr_equal(space_at(p->space), made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_caller_is_stopped_before_its_call_ends)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
