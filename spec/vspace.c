/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Address spaces: life, donated tables, unmap, protect, query; and the kernel's own pages in them.
 *
 * Message pages and the clock page are kept: no unmap, protect or View touches them.
 */
#include "mapping.h"

void spec_vspace_init(struct spec *spec, uint64_t address, bool allow_wx)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, 0);

	*vspace = (struct spec_vspace){.address = address, .allow_wx = allow_wx};
}

/* ---- pages of the kernel's ---- */

enum tessera_error spec_map_kernel_page(struct spec *spec, uint64_t address, uint64_t va, uint64_t frame,
					uint32_t rights)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, address);
	enum tessera_error error = spec_make_tables(vspace, 0, va);
	const struct spec_run *old = spec_run_at(vspace, va);

	if (error != E_OK)
		return error;
	if (old != NULL) {
		struct spec_run page = spec_run_part(old, va, va + SPEC_PAGE);

		return page.is_kept && page.frame == frame && page.rights == rights ? E_OK : E_MAPPED;
	}
	spec_runs_add(vspace, (struct spec_run){va, 1, frame, rights, 0, false, true});
	return E_OK;
}

void spec_unmap_kernel_page(struct spec *spec, uint64_t address, uint64_t va, uint64_t frame)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, address);
	const struct spec_run *run = spec_run_at(vspace, va);

	if (run != NULL && run->is_kept && spec_run_part(run, va, va + SPEC_PAGE).frame == frame)
		spec_runs_erase(vspace, va, va + SPEC_PAGE);
}

/* ---- death and tables ---- */

static void forget_mappings(struct spec *spec, struct spec_vspace *vspace)
{
	vspace->run_count = 0;
	vspace->table_count = 0;
	vspace->pool_pages = 0;
	for (uint32_t i = 0; i < spec->cap_count; i++) {
		const struct spec_cap *cap = &spec->caps[i];

		if (cap->type == CAP_UNTYPED && cap->is_donated && cap->vspace == vspace->address)
			vspace->pool_pages += cap->size / SPEC_PAGE;
	}
}

void spec_tables_take_back(struct spec *spec, struct spec_cap *untyped)
{
	untyped->is_donated = false;
	forget_mappings(spec, spec_vspace_of(spec, untyped->vspace));
	untyped->vspace = 0;
}

/* The Untyped that was donated first among those that are left. */
static struct spec_cap *first_donated(struct spec *spec, const struct spec_vspace *vspace)
{
	struct spec_cap *first = NULL;

	for (uint32_t i = 0; i < spec->cap_count; i++) {
		struct spec_cap *cap = &spec->caps[i];

		if (cap->type == CAP_UNTYPED && cap->is_donated && cap->vspace == vspace->address &&
		    (first == NULL || cap->donation < first->donation))
			first = cap;
	}
	return first;
}

/* First its Views go, the oldest first, then it gives back what was donated. */
bool spec_vspace_die_step(struct spec *spec, uint64_t address)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, address);
	struct spec_cap *untyped = first_donated(spec, vspace);

	vspace->is_dying = true;
	if (vspace->view_count > 0) {
		struct spec_place first = vspace->views[0];

		spec_places_remove(vspace->views, &vspace->view_count, first);
		spec_cap_remove(spec, spec_cap_at(spec, first));
		return false;
	}
	if (untyped != NULL) {
		untyped->is_donated = false;
		untyped->vspace = 0;
		return false;
	}
	vspace->address = 0;
	return true;
}

static enum tessera_error donate(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, cap->object);
	struct spec_cap *untyped;
	enum tessera_error error = spec_lookup_source(spec, self, spec_arg(self, 1), RIGHT_READ, &untyped);

	if (error != E_OK)
		return error;
	if (untyped->type != CAP_UNTYPED || untyped->is_device)
		return E_TYPE;
	if (untyped->is_donated)
		return E_STATE;
	if ((untyped->rights & RIGHT_WRITE) == 0)
		return E_RIGHTS;
	if (spec_has_descendants(spec, untyped))
		return E_CHILDREN;
	if (untyped->size < SPEC_PAGE)
		return E_ARG;
	untyped->is_donated = true;
	untyped->is_clean = false;
	untyped->vspace = vspace->address;
	untyped->donation = ++spec->last_placement;
	vspace->pool_pages += untyped->size / SPEC_PAGE;
	return E_OK;
}

/* ---- ranges ---- */

static enum tessera_error check_range(uint64_t va, uint64_t pages)
{
	if (va % SPEC_PAGE != 0)
		return E_ALIGN;
	return va > USER_TOP || pages > (USER_TOP - va) / SPEC_PAGE ? E_RANGE : E_OK;
}

/* Large pages that only a part of the range covers are split before anything changes. */
static enum tessera_error split_edges(struct spec_vspace *vspace, uint64_t va, uint64_t end)
{
	enum tessera_error error = spec_split_at(vspace, va);

	return error == E_OK ? spec_split_at(vspace, end) : error;
}

/* Where an operation that has come to `done` stops this time. */
static uint64_t stop_of(uint64_t va, uint64_t pages, const struct spec_hint *hint)
{
	return va + (hint->is_preempted ? hint->pages : pages) * SPEC_PAGE;
}

/* Clears what maps those frames in the range of arguments 1 and 2, which is allowed if error is E_OK. */
enum tessera_error spec_unmap_frames(struct spec *spec, struct spec_thread *self, uint64_t space,
				     struct frames frames, enum tessera_error error,
				     const struct spec_hint *hint)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, space);
	uint32_t operation = (uint32_t)(self->call_number - TESSERA_SYSCALL_BASE);
	uint64_t va = spec_arg(self, 1), pages = spec_arg(self, 2);
	uint64_t done = spec_take_progress(self, operation) ? self->preempted_pages : 0;

	if (error == E_OK && done == 0 && pages != 0)
		error = split_edges(vspace, va, va + pages * SPEC_PAGE);
	if (error == E_OK) {
		spec_clear_range(vspace, va + done * SPEC_PAGE, stop_of(va, pages, hint), frames);
		if (hint->is_preempted)
			return spec_preempted(self, operation, hint->pages, 0);
	}
	spec_set_arg(self, 0, error == E_OK ? pages : 0);
	return error;
}

static enum tessera_error unmap(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap,
				const struct spec_hint *hint)
{
	enum tessera_error error = check_range(spec_arg(self, 1), spec_arg(self, 2));

	return spec_unmap_frames(spec, self, cap->object, ALL_FRAMES, error, hint);
}

/* Whether some View of the space lets all these pages be mapped there with these rights. */
static bool is_covered(struct spec *spec, const struct spec_vspace *vspace, const struct spec_run *part,
		       uint32_t rights)
{
	for (uint32_t i = 0; i < vspace->view_count; i++) {
		const struct spec_cap *view = spec_cap_at(spec, vspace->views[i]);
		struct frames frames = {view->frame, view->frames};
		uint64_t end = part->va + part->pages * SPEC_PAGE;

		if (!view->is_dying && part->va >= view->base && end <= view->base + view->size * SPEC_PAGE &&
		    spec_frames_hold(frames, part->frame) &&
		    spec_frames_hold(frames, part->frame + part->pages - 1u) &&
		    (view->rights & rights) == rights)
			return true;
	}
	return false;
}

/* Pages of one run in [va, end). Returns how many were left because no View covers them. */
static uint64_t protect_run(struct spec *spec, struct spec_vspace *vspace, struct spec_run part,
			    uint32_t rights)
{
	uint64_t step = part.is_large ? 512 : 1, left = 0;

	if (part.is_kept || part.rights == rights)
		return 0;
	for (uint64_t i = 0; i < part.pages; i += step) {
		struct spec_run page = part;

		page.va += i * SPEC_PAGE;
		page.frame += i;
		page.pages = step;
		if ((rights & ~part.rights) != 0 && !is_covered(spec, vspace, &page, rights)) {
			left += step;
			continue;
		}
		spec_runs_erase(vspace, page.va, page.va + step * SPEC_PAGE);
		page.rights = rights;
		spec_runs_add(vspace, page);
	}
	return left;
}

static enum tessera_error check_protect(const struct spec_vspace *vspace, uint64_t va, uint64_t pages,
					uint64_t rights)
{
	if (pages > UINT32_MAX)
		return E_RANGE;
	if ((rights & ~(uint64_t)SPEC_RIGHTS_MAP) != 0)
		return E_ARG;
	if ((rights & RIGHT_WRITE) != 0 && (rights & RIGHT_EXECUTE) != 0 && !vspace->allow_wx)
		return E_RIGHTS;
	return check_range(va, pages);
}

static enum tessera_error protect(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap,
				  const struct spec_hint *hint)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, cap->object);
	uint64_t va = spec_arg(self, 1), pages = spec_arg(self, 2), rights = spec_arg(self, 3), done = 0,
		 left = 0;
	enum tessera_error error = check_protect(vspace, va, pages, rights);

	if (spec_take_progress(self, OP_VSPACE_PROTECT)) {
		done = self->preempted_pages;
		left = self->preempted_left;
	}
	if (rights != 0)
		rights |= RIGHT_READ;
	if (error == E_OK && done == 0 && pages != 0)
		error = split_edges(vspace, va, va + pages * SPEC_PAGE);
	if (error == E_OK) {
		uint64_t stop = stop_of(va, pages, hint);
		const struct spec_run *run;

		for (uint64_t at = va + done * SPEC_PAGE;
		     (run = spec_run_from(vspace, at)) != NULL && run->va < stop;) {
			struct spec_run part = spec_run_part(run, at, stop);

			left += protect_run(spec, vspace, part, (uint32_t)rights);
			at = part.va + part.pages * SPEC_PAGE;
			if (at >= stop)
				break;
		}
		if (hint->is_preempted)
			return spec_preempted(self, OP_VSPACE_PROTECT, hint->pages, left);
	}
	spec_set_arg(self, 0, error == E_OK ? pages - left : 0);
	return error;
}

static enum tessera_error query(struct spec *spec, struct spec_thread *self, const struct spec_cap *cap)
{
	uint64_t va = spec_arg(self, 1), page = va & ~(SPEC_PAGE - 1u);
	const struct spec_run *run = spec_run_at(spec_vspace_of(spec, cap->object), va);

	if (va >= USER_TOP)
		return E_RANGE;
	spec_set_arg(self, 0, run != NULL ? spec_run_part(run, page, page + SPEC_PAGE).frame * SPEC_PAGE : 0);
	spec_set_arg(self, 1, run != NULL ? run->rights : 0);
	return E_OK;
}

bool spec_vspace_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 const struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error)
{
	switch (operation) {
	case OP_VSPACE_UNMAP: *error = unmap(spec, self, cap, hint); return true;
	case OP_VSPACE_PROTECT: *error = protect(spec, self, cap, hint); return true;
	case OP_VSPACE_DONATE_TABLES: *error = donate(spec, self, cap); return true;
	case OP_VSPACE_QUERY: *error = query(spec, self, cap); return true;
	default: return false;
	}
}
