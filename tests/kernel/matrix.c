/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The matrix: was each result that abi/operations.toml documents seen in this run, and nothing else?
 *
 * Every stub of the other files, observed_call and the workers' calls note (operation, result); this group, the last one,
 * compares that with the generated table: one check a documented result, and one an operation that no other result came,
 * not even from the random calls. What only other hardware can show is skipped, with the reason.
 */
#include "tests.h"

#include <tessera/names.h>

#define RANDOM_SEEN_VA \
	(SHARED_VA + 0xf0000ull) /* behind the workers: of random_call, one word an operation */
#define NUMBERS 1024u

struct row {
	uint32_t number;
	const char *name;
	uint32_t results;
};

#define X(number, name, how, results) {number, #name, results},
static const struct row rows[] = {
#include <result_table.inc>
};
#undef X

static const struct {
	uint32_t number, error;
	const char *reason;
} unseen[] = {
	{OP_CNODE_DELETE, E_PINNED, "no device of these machines has DMA"},
	{OP_CNODE_REVOKE, E_PINNED, "no device of these machines has DMA"},
	{OP_MACHINE_POWER_OFF, E_OK, "it does not return; that the program ends with its status shows it"},
};

static uint32_t *random_seen(void)
{
	return (uint32_t *)RANDOM_SEEN_VA;
}

/* Calls made so far: no mark comes twice. */
static uint64_t *random_calls(void)
{
	return (uint64_t *)&random_seen()[NUMBERS];
}

void observed_call(struct user_regs *regs)
{
	uint64_t number = (uint32_t)regs->rax - (uint64_t)TESSERA_SYSCALL_BASE;

	raw_call(regs);
	observe(number, regs->rax);
}

/*
 * Threads that set each other's registers may end one call with the result of another one: a mark in RBX, which the kernel
 * keeps, tells whether it is this call that returned.
 */
void random_call(struct user_regs *regs)
{
	static const uint32_t beyond = 31; /* no error has this number */
	volatile uint64_t mark = __atomic_fetch_add(random_calls(), 1, __ATOMIC_RELAXED);
	volatile uint64_t number = (uint32_t)regs->rax - (uint64_t)TESSERA_SYSCALL_BASE;

	regs->rbx = mark;
	raw_call(regs);
	if (regs->rbx == mark && number < NUMBERS)
		__atomic_fetch_or(&random_seen()[number], 1u << (regs->rax < beyond ? regs->rax : beyond),
				  __ATOMIC_RELAXED);
}

static const char *reason_unseen(const struct row *row, uint32_t error)
{
	for (uint32_t i = 0; i < COUNT_OF(unseen); i++) {
		if (unseen[i].number == row->number && unseen[i].error == error)
			return unseen[i].reason;
	}
	return 0;
}

/* Results that nobody documented: tells them. */
static void check_others(const struct row *row)
{
	uint32_t others = (observed(row->number) | random_seen()[row->number]) & ~row->results;

	check(others == 0, join(row->name, "gives no result that is not documented"));
	for (uint32_t error = 0; error < 32; error++) {
		if ((others & 1u << error) != 0)
			note(tessera_error_name(error), error);
	}
}

void test_matrix(void)
{
	group_name("matrix");
	for (uint32_t i = 0; i < COUNT_OF(rows); i++) {
		for (uint32_t error = 0; error < TESSERA_ERROR_COUNT; error++) {
			const char *name = join(rows[i].name, tessera_error_name(error));

			if ((rows[i].results & 1u << error) == 0)
				continue;
			if (reason_unseen(&rows[i], error) != 0)
				skip(name, reason_unseen(&rows[i], error));
			else
				check((observed(rows[i].number) & 1u << error) != 0, name);
		}
		check_others(&rows[i]);
	}
}
