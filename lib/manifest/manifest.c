/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See manifest.h. */
#include <manifest.h>

#include <string.h>

static bool is_name(const char *name)
{
	return name[0] != '\0' && memchr(name, '\0', MANIFEST_NAME_BYTES) != NULL;
}

static bool service_is_sound(const struct manifest_service *s)
{
	return is_name(s->name) && is_name(s->elf) && s->priority < 256 && s->restart <= MANIFEST_LEAVE &&
	       s->heap_pages <= 16384 && s->stack_pages >= 1 && s->stack_pages <= 256 &&
	       s->table_pages <= 1024 && s->free_leaves < 0xe0 && s->untyped_log2 < 40;
}

static bool region_is_sound(const struct manifest_region *r)
{
	return is_name(r->name) && r->kind >= MANIFEST_REGION_FIXED && r->kind <= MANIFEST_REGION_ARCHIVE &&
	       (r->kind > MANIFEST_REGION_SHARE || (r->bytes > 0 && r->bytes < 1ull << 40));
}

static bool cap_is_sound(const struct manifest *m, const struct manifest_cap *c)
{
	if (!is_name(c->name) || c->service >= m->service_count)
		return false;
	switch (c->kind) {
	case MANIFEST_CAP_ENDPOINT:
	case MANIFEST_CAP_NOTIFICATION: return c->object < m->service_count;
	case MANIFEST_CAP_REGION: return c->object < m->region_count;
	case MANIFEST_CAP_IRQ:
	case MANIFEST_CAP_IOPORT:
	case MANIFEST_CAP_WAITERS:
	case MANIFEST_CAP_MACHINE:
	case MANIFEST_CAP_CLOCK: return true;
	default: return false;
	}
}

static const char *check_entries(const struct manifest *m)
{
	for (uint32_t i = 0; i < m->service_count; i++) {
		if (!service_is_sound(&m->service[i]))
			return "bad service";
	}
	for (uint32_t i = 0; i < m->region_count; i++) {
		if (!region_is_sound(&m->region[i]))
			return "bad region";
	}
	for (uint32_t i = 0; i < m->cap_count; i++) {
		if (!cap_is_sound(m, &m->cap[i]))
			return "bad capability";
	}
	for (uint32_t i = 0; i < m->map_count; i++) {
		if (m->map[i].service >= m->service_count || m->map[i].region >= m->region_count)
			return "bad mapping";
	}
	return NULL;
}

const char *manifest_check(const void *data, uint64_t bytes)
{
	const struct manifest *m = data;

	if (bytes != sizeof(*m))
		return "wrong size";
	if (m->magic != MANIFEST_MAGIC || m->version != MANIFEST_VERSION)
		return "wrong magic or version";
	if (m->service_count > MANIFEST_SERVICES || m->region_count > MANIFEST_REGIONS ||
	    m->cap_count > MANIFEST_CAPS || m->map_count > MANIFEST_MAPS)
		return "a table is too long";
	return check_entries(m);
}
