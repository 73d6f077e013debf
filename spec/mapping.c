/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs of mappings and the tables they need: see mapping.h. */
#include "mapping.h"

static const uint64_t table_span[3] = {1ull << 21, 1ull << 30, 1ull << 39};

bool spec_frames_hold(struct frames frames, uint64_t frame)
{
	return frame >= frames.first && frame - frames.first < frames.count;
}

/* ---- runs ---- */

static uint64_t run_end(const struct spec_run *run)
{
	return run->va + run->pages * SPEC_PAGE;
}

struct spec_run *spec_run_from(struct spec_vspace *vspace, uint64_t va)
{
	for (uint32_t i = 0; i < vspace->run_count; i++) {
		if (run_end(&vspace->runs[i]) > va)
			return &vspace->runs[i];
	}
	return NULL;
}

struct spec_run *spec_run_at(struct spec_vspace *vspace, uint64_t va)
{
	struct spec_run *run = spec_run_from(vspace, va);

	return run != NULL && run->va <= va ? run : NULL;
}

struct spec_run spec_run_part(const struct spec_run *run, uint64_t va, uint64_t end)
{
	struct spec_run part = *run;
	uint64_t last = run_end(run) < end ? run_end(run) : end;

	part.va = va > run->va ? va : run->va;
	part.frame = run->frame + (part.va - run->va) / SPEC_PAGE;
	part.pages = (last - part.va) / SPEC_PAGE;
	return part;
}

static void remove_at(struct spec_vspace *vspace, uint32_t at)
{
	for (uint32_t i = at; i + 1u < vspace->run_count; i++)
		vspace->runs[i] = vspace->runs[i + 1u];
	vspace->run_count--;
}

static bool continues(const struct spec_run *a, const struct spec_run *b)
{
	return run_end(a) == b->va && a->frame + a->pages == b->frame && a->rights == b->rights &&
	       a->cache == b->cache && a->is_large == b->is_large && a->is_kept == b->is_kept;
}

void spec_runs_add(struct spec_vspace *vspace, struct spec_run run)
{
	uint32_t at = 0;

	while (at < vspace->run_count && vspace->runs[at].va < run.va)
		at++;
	if (at > 0 && continues(&vspace->runs[at - 1u], &run)) {
		at--;
		vspace->runs[at].pages += run.pages;
	} else {
		SPEC_ASSERT(vspace->run_count < SPEC_RUNS);
		for (uint32_t i = vspace->run_count; i > at; i--)
			vspace->runs[i] = vspace->runs[i - 1u];
		vspace->runs[at] = run;
		vspace->run_count++;
	}
	if (at + 1u < vspace->run_count && continues(&vspace->runs[at], &vspace->runs[at + 1u])) {
		vspace->runs[at].pages += vspace->runs[at + 1u].pages;
		remove_at(vspace, at + 1u);
	}
}

void spec_runs_erase(struct spec_vspace *vspace, uint64_t va, uint64_t end)
{
	struct spec_run *run;

	while ((run = spec_run_from(vspace, va)) != NULL && run->va < end) {
		struct spec_run before = spec_run_part(run, run->va, va),
				behind = spec_run_part(run, end, ~0ull);
		bool has_before = run->va<va, has_behind = run_end(run)> end;

		remove_at(vspace, (uint32_t)(run - vspace->runs));
		if (has_before)
			spec_runs_add(vspace, before);
		if (has_behind)
			spec_runs_add(vspace, behind);
	}
}

/* ---- tables ---- */

static uint64_t table_name(uint32_t level, uint64_t va)
{
	return (va & ~(table_span[level] - 1u)) | level;
}

bool spec_has_table(const struct spec_vspace *vspace, uint32_t level, uint64_t va)
{
	return spec_list_find(vspace->tables, vspace->table_count, table_name(level, va)) <
	       vspace->table_count;
}

enum tessera_error spec_make_tables(struct spec_vspace *vspace, uint32_t level, uint64_t va)
{
	for (uint32_t at = 3; at-- > level;) {
		if (spec_has_table(vspace, at, va))
			continue;
		if (vspace->table_count == vspace->pool_pages)
			return E_NO_TABLE;
		SPEC_ASSERT(vspace->table_count < SPEC_TABLES);
		spec_list_insert(vspace->tables, &vspace->table_count, vspace->table_count,
				 table_name(at, va));
		if (at == 0 && spec_run_at(vspace, va) != NULL) { /* a large page: now 512 small ones */
			uint64_t start = va & ~(SPEC_LARGE - 1u);
			struct spec_run part =
				spec_run_part(spec_run_at(vspace, va), start, start + SPEC_LARGE);

			spec_runs_erase(vspace, start, start + SPEC_LARGE);
			part.is_large = false;
			spec_runs_add(vspace, part);
		}
	}
	return E_OK;
}

enum tessera_error spec_split_at(struct spec_vspace *vspace, uint64_t va)
{
	const struct spec_run *run = spec_run_at(vspace, va);

	if (va % SPEC_LARGE == 0 || run == NULL || !run->is_large)
		return E_OK;
	return spec_make_tables(vspace, 0, va);
}

/* Whether anything is left that a table of that level leads to. */
static bool is_table_empty(struct spec_vspace *vspace, uint32_t level, uint64_t va)
{
	uint64_t start = va & ~(table_span[level] - 1u), end = start + table_span[level];
	const struct spec_run *run = spec_run_from(vspace, start);

	if (run != NULL && run->va < end)
		return false;
	for (uint32_t i = 0; i < vspace->table_count; i++) {
		uint64_t below = vspace->tables[i];

		if ((below & 3u) < level && below >= start && below < end)
			return false;
	}
	return true;
}

/* Something at va was cleared: tables that are empty now go back, from that level up. */
static void give_back_tables(struct spec_vspace *vspace, uint32_t level, uint64_t va)
{
	for (uint32_t at = level; at < 3 && is_table_empty(vspace, at, va); at++)
		spec_list_remove(vspace->tables, &vspace->table_count, table_name(at, va));
}

/* ---- clearing ---- */

uint64_t spec_next_mapping(struct spec_vspace *vspace, uint64_t va, uint64_t end, struct frames frames)
{
	const struct spec_run *run;

	while (va < end && (run = spec_run_from(vspace, va)) != NULL && run->va < end) {
		struct spec_run part = spec_run_part(run, va, end);

		va = part.va;
		for (uint64_t i = 0; i < part.pages && !part.is_kept; i++, va += SPEC_PAGE) {
			uint64_t large_first = run->frame + (part.va - run->va) / SPEC_PAGE;

			if (spec_frames_hold(frames, part.frame + i))
				return va;
			/* a large page goes as a whole if it meets the frames anywhere */
			large_first += i - (va % SPEC_LARGE) / SPEC_PAGE;
			if (part.is_large &&
			    spec_frames_hold((struct frames){large_first, 512}, frames.first))
				return va;
		}
		va = part.va + part.pages * SPEC_PAGE;
	}
	return end;
}

void spec_clear_range(struct spec_vspace *vspace, uint64_t va, uint64_t end, struct frames frames)
{
	while ((va = spec_next_mapping(vspace, va, end, frames)) < end) {
		bool is_large = spec_run_at(vspace, va)->is_large;
		uint64_t size = is_large ? SPEC_LARGE : SPEC_PAGE, start = va & ~(size - 1u);

		spec_runs_erase(vspace, start, start + size);
		give_back_tables(vspace, is_large ? 1 : 0, va);
		va = start + size;
	}
}
