/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* manifest_check: what it accepts can be followed without further looking; random damage never gets out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <manifest.h>

static struct manifest m;

static void build(void)
{
	memset(&m, 0, sizeof(m));
	m.magic = MANIFEST_MAGIC;
	m.version = MANIFEST_VERSION;
	m.service_count = 2;
	m.region_count = 1;
	m.cap_count = 2;
	m.map_count = 1;
	m.service[0] = (struct manifest_service){
		.name = "a", .elf = "boot/a", .priority = 10, .stack_pages = 4, .max_restarts = 1};
	m.service[1] =
		(struct manifest_service){.name = "b", .elf = "boot/b", .priority = 255, .stack_pages = 4};
	m.region[0] = (struct manifest_region){.name = "r", .bytes = 4096, .kind = MANIFEST_REGION_FIXED};
	m.cap[0] = (struct manifest_cap){.name = "b", .kind = MANIFEST_CAP_ENDPOINT, .object = 1};
	m.cap[1] = (struct manifest_cap){.name = "irq", .service = 1, .kind = MANIFEST_CAP_IRQ, .object = 4};
	m.map[0] = (struct manifest_map){.service = 1, .region = 0, .rights = 1};
}

static void good_manifest(void **state)
{
	(void)state;
	build();
	assert_null(manifest_check(&m, sizeof(m)));
	assert_non_null(manifest_check(&m, sizeof(m) - 1));
}

#define BAD(change)                                             \
	do {                                                    \
		build();                                        \
		change;                                         \
		assert_non_null(manifest_check(&m, sizeof(m))); \
	} while (0)

static void bad_manifests(void **state)
{
	(void)state;
	BAD(m.magic++);
	BAD(m.version++);
	BAD(m.service_count = MANIFEST_SERVICES + 1);
	BAD(m.cap_count = ~0u);
	BAD(m.map_count = MANIFEST_MAPS + 1);
	BAD(memset(m.service[0].name, 'x', MANIFEST_NAME_BYTES));
	BAD(m.service[1].elf[0] = 0);
	BAD(m.service[0].priority = 256);
	BAD(m.service[0].stack_pages = 0);
	BAD(m.service[0].heap_pages = ~0u);
	BAD(m.region[0].kind = 9);
	BAD(m.region[0].bytes = 0);
	BAD(m.cap[0].object = 2);
	BAD(m.cap[0].service = 2);
	BAD(m.cap[0].kind = 99);
	BAD(m.map[0].region = 1);
	BAD(m.map[0].service = 7);
}

static void damaged_manifests_stay_in_range(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		build();
		for (int j = 0; j < 3; j++)
			((uint8_t *)&m)[(size_t)rand() % sizeof(m)] = (uint8_t)rand();
		if (manifest_check(&m, sizeof(m)))
			continue;
		for (uint32_t c = 0; c < m.cap_count; c++)
			assert_true(m.cap[c].service < MANIFEST_SERVICES && m.cap[c].kind != 0);
		for (uint32_t c = 0; c < m.map_count; c++)
			assert_true(m.map[c].region < MANIFEST_REGIONS &&
				    m.map[c].service < MANIFEST_SERVICES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_manifest),
		cmocka_unit_test(bad_manifests),
		cmocka_unit_test(damaged_manifests_stay_in_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
