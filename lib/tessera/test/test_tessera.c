/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slots, pools and heap pages of the service runtime, with the kernel's operations played by this file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <tessera/runtime.h>

static uint32_t revokes, deletes;
static uint64_t source_bytes, source_used; /* of the Untyped the pools are cut from */

enum tessera_error ts_cnode_delete(slot_t slot, uint64_t limit)
{
	(void)slot, (void)limit;
	deletes++;
	return E_OK;
}

enum tessera_error ts_cnode_revoke(slot_t slot, uint64_t limit)
{
	(void)slot, (void)limit;
	revokes++;
	return E_OK;
}

/* As the kernel: every piece is aligned to its size. */
enum tessera_error ts_untyped_retype(cap_t untyped, uint64_t type, uint64_t size, slot_t dst_slot,
				     uint64_t count, uint64_t flags, uint64_t *done)
{
	uint64_t bytes = 1ull << size, made = 0;

	(void)untyped, (void)type, (void)dst_slot, (void)flags;
	for (; made < count; made++) {
		uint64_t first = (source_used + bytes - 1) & ~(bytes - 1);
		if (first + bytes > source_bytes)
			break;
		source_used = first + bytes;
	}
	if (done)
		*done = made;
	return made == count ? E_OK : E_NO_MEMORY;
}

enum tessera_error ts_cap_inspect(slot_t slot, uint64_t *type, uint64_t *rights, uint64_t *badge,
				  uint64_t *info0, uint64_t *info1, uint64_t *info2)
{
	(void)slot, (void)rights, (void)badge, (void)info0, (void)info1;
	*type = CAP_UNTYPED;
	*info2 = source_bytes - source_used;
	return E_OK;
}

static void slots_are_given_once_and_come_back(void **state)
{
	uint8_t seen[512] = {0};

	(void)state;
	slots_configure(2);
	for (int i = 0; i < 512; i++) {
		cap_t slot = slot_alloc();

		assert_true(slot >= 0x100 && slot < 0x300);
		assert_int_equal(seen[slot - 0x100]++, 0);
	}
	assert_int_equal(slot_alloc(), 0);
	assert_int_equal(slot_count_free(), 0);
	for (cap_t slot = 0x100; slot < 0x300; slot++)
		slot_free(slot);
	assert_int_equal(slot_count_free(), 512);
}

static void runs_lie_in_one_leaf(void **state)
{
	(void)state;
	cap_t one = slot_alloc();
	cap_t leaf = slot_alloc_run(256);

	assert_int_equal(leaf & 0xff, 0);
	assert_int_not_equal(leaf >> 8, one >> 8);
	assert_int_equal(slot_alloc_run(256), 0);
	assert_int_equal(slot_alloc_run(257), 0);
	assert_int_not_equal(slot_alloc_run(255), 0);
	slot_free_run(leaf, 256);
	deletes = 0;
	slot_release(one);
	assert_int_equal(deletes, 1);
}

static void pool_cuts_and_reuses(void **state)
{
	struct object_pool pool;
	cap_t got[10];

	(void)state;
	slots_configure(2);
	source_bytes = 6 << 13;
	source_used = 0;
	pool_init(&pool, 8, 13, 4, NULL);
	for (int i = 0; i < 6; i++) {
		got[i] = pool_get(&pool);
		assert_int_not_equal(got[i], 0);
	}
	assert_int_equal(pool_get(&pool), 0);
	revokes = 0;
	pool_put(&pool, got[3]);
	assert_int_equal(revokes, 1);
	assert_int_equal(pool_get(&pool), got[3]);
	free(pool.free_caps);
}

static uint64_t pool_bytes(const struct object_pool *pool)
{
	return (uint64_t)pool->total << pool->size_log2;
}

/* What lies before the next multiple of a large piece goes to the pools of smaller ones. */
static void pools_lose_nothing_to_alignment(void **state)
{
	struct object_pool small, middle, large;

	(void)state;
	slots_configure(2);
	source_bytes = 4 << 20;
	source_used = 3 << 13;
	pool_init(&small, 8, 13, 1, NULL);
	pool_init(&middle, 8, 14, 2, &small);
	pool_init(&large, 8, 18, 1, &middle);
	for (int i = 0; i < 3; i++) {
		assert_int_not_equal(pool_get(&small), 0);
		assert_int_not_equal(pool_get(&large), 0);
		assert_int_not_equal(pool_get(&middle), 0);
		assert_int_equal(source_used,
				 (3 << 13) + pool_bytes(&small) + pool_bytes(&middle) + pool_bytes(&large));
	}
	free(small.free_caps);
	free(middle.free_caps);
	free(large.free_caps);
}

static void heap_pages_come_zeroed(void **state)
{
	char *area = aligned_alloc(4096, 16 * 4096);

	(void)state;
	for (int i = 0; i < 16 * 4096; i++)
		area[i] = 0;
	heap_configure((uint64_t)area, 16 * 4096);
	char *a = (char *)heap_take(5000), *b = (char *)heap_take(4096);

	assert_ptr_equal(a, area);
	assert_ptr_equal(b, area + 8192);
	assert_int_equal(heap_take(14 * 4096), 0);
	a[4999] = 1;
	assert_true(heap_give((uint64_t)a, 5000));
	assert_int_equal(a[4999], 0);
	assert_false(heap_give((uint64_t)a + 1, 4096));
	assert_false(heap_give((uint64_t)area + 15 * 4096, 8192));
	assert_ptr_equal((char *)heap_take(8192), a);
	free(area);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_given_once_and_come_back),
		cmocka_unit_test(runs_lie_in_one_leaf),
		cmocka_unit_test(pool_cuts_and_reuses),
		cmocka_unit_test(pools_lose_nothing_to_alignment),
		cmocka_unit_test(heap_pages_come_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
