/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Memory and Views: sub-ranges, attaching, mapping, copying mappings, and a View's death.
 *
 * Every page mapped through a View lies in its window and its Memory and has no more rights than it.  A View that dies takes
 * every mapping in its window with it that points into its Memory, whichever View made it.
 */
#include "mapping.h"

#define MAP_FLAGS (SPEC_RIGHTS_MAP | MAP_UNCACHED | MAP_WRITE_COMBINE)
#define COPY_WRITE_PROTECT 1u

/* ---- Memory ---- */

static enum tessera_error memory_derive(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	uint64_t first = spec_arg(self, 2), pages = spec_arg(self, 3);
	struct spec_slot dst;
	struct spec_cap *made;
	enum tessera_error error = spec_lookup_empty(spec, self, spec_arg(self, 1), &dst);

	if (error == E_OK && (pages == 0 || first >= cap->size || pages > cap->size - first))
		return E_RANGE;
	if (error == E_OK)
		error = spec_derive(spec, cap, dst.place, (uint32_t)spec_arg(self, 4), true, &made);
	if (error != E_OK)
		return error;
	made->base += first;
	made->size = pages;
	return E_OK;
}

static enum tessera_error check_new_window(uint64_t *window, uint64_t *pages)
{
	if (*pages == 0) {
		*window = 0;
		*pages = USER_PAGES;
	}
	if (*window % SPEC_PAGE != 0)
		return E_ALIGN;
	if (*window >= USER_TOP || *pages > (USER_TOP - *window) / SPEC_PAGE)
		return E_RANGE;
	return E_OK;
}

static enum tessera_error memory_attach(struct spec *spec, struct spec_thread *self, struct spec_cap *cap)
{
	uint64_t window = spec_arg(self, 3), pages = spec_arg(self, 4);
	struct spec_slot dst;
	struct spec_cap *space, *made;
	enum tessera_error error =
		spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 2), CAP_VSPACE, RIGHT_WRITE, &space);

	if (error == E_OK)
		error = spec_lookup_empty(spec, self, spec_arg(self, 1), &dst);
	if (error == E_OK)
		error = check_new_window(&window, &pages);
	if (error == E_OK)
		error = spec_make_origin(spec, cap, &dst, CAP_VIEW, space->object, &made);
	if (error != E_OK)
		return error;
	struct spec_vspace *vspace = spec_vspace_of(spec, made->object);

	made->rights = (uint32_t)spec_arg(self, 5) & cap->rights;
	made->is_device = cap->is_device;
	made->base = window;
	made->size = pages;
	made->frame = cap->base;
	made->frames = cap->size;
	spec_places_append(vspace->views, &vspace->view_count,
			   sizeof(vspace->views) / sizeof(vspace->views[0]), made->place);
	return E_OK;
}

/* ---- mapping ---- */

/* What a View's page is mapped with; write and execute imply read; device memory is uncached unless write-combining. */
static enum tessera_error check_flags(const struct spec_vspace *vspace, const struct spec_cap *view,
				      uint64_t flags, struct spec_run *run)
{
	uint32_t rights = (uint32_t)flags & SPEC_RIGHTS_MAP;

	if ((flags & ~(uint64_t)MAP_FLAGS) != 0)
		return E_ARG;
	if (rights != 0)
		rights |= RIGHT_READ;
	if ((rights & ~view->rights) != 0)
		return E_RIGHTS;
	if ((rights & RIGHT_WRITE) != 0 && (rights & RIGHT_EXECUTE) != 0 && !vspace->allow_wx)
		return E_RIGHTS;
	run->rights = rights;
	if ((flags & MAP_UNCACHED) != 0 || (view->is_device && (flags & MAP_WRITE_COMBINE) == 0))
		run->cache = MAP_UNCACHED;
	else
		run->cache = (uint32_t)flags & MAP_WRITE_COMBINE;
	return E_OK;
}

static enum tessera_error check_window(const struct spec_cap *view, uint64_t va, uint64_t count)
{
	if (va % SPEC_PAGE != 0)
		return E_ALIGN;
	if (va < view->base || (va - view->base) / SPEC_PAGE > view->size ||
	    count > view->size - (va - view->base) / SPEC_PAGE)
		return E_RANGE;
	return E_OK;
}

static enum tessera_error check_pages(const struct spec_cap *view, uint64_t va, uint64_t page, uint64_t count)
{
	if (page > view->frames || count > view->frames - page)
		return E_RANGE;
	return check_window(view, va, count);
}

/* One page, small or large. Only what is mapped from the same Memory is replaced. */
static enum tessera_error map_page(struct spec_vspace *vspace, const struct spec_cap *view,
				   struct spec_run page)
{
	struct frames frames = {view->frame, view->frames};
	enum tessera_error error = spec_make_tables(vspace, page.is_large ? 1 : 0, page.va);
	const struct spec_run *old = spec_run_at(vspace, page.va);

	if (error != E_OK)
		return error;
	if (old != NULL) {
		struct spec_run part = spec_run_part(old, page.va, page.va + SPEC_PAGE);

		if (part.is_kept || !spec_frames_hold(frames, part.frame))
			return E_MAPPED;
		spec_runs_erase(vspace, page.va, page.va + page.pages * SPEC_PAGE);
	}
	spec_runs_add(vspace, page);
	return E_OK;
}

static enum tessera_error view_map(struct spec *spec, struct spec_thread *self, const struct spec_cap *view,
				   const struct spec_hint *hint)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, view->object);
	uint64_t va = spec_arg(self, 1), page = spec_arg(self, 2), count = spec_arg(self, 3);
	uint64_t done = spec_take_progress(self, OP_VIEW_MAP) ? self->preempted_pages : 0, first = done;
	struct spec_run run = {0};
	enum tessera_error error = check_flags(vspace, view, spec_arg(self, 4), &run);

	if (error == E_OK)
		error = check_pages(view, va, page, count);
	while (error == E_OK && done < count) {
		if (hint->is_preempted && done == hint->pages && done > first)
			return spec_preempted(self, OP_VIEW_MAP, done, 0);
		run.va = va + done * SPEC_PAGE;
		run.frame = view->frame + page + done;
		run.is_large = count - done >= 512 && run.va % SPEC_LARGE == 0 && run.frame % 512 == 0 &&
			       !spec_has_table(vspace, 0, run.va);
		run.pages = run.is_large ? 512 : 1;
		error = map_page(vspace, view, run);
		done += error == E_OK ? run.pages : 0;
	}
	spec_set_arg(self, 0, done);
	return error;
}

static enum tessera_error view_map_vec(struct spec *spec, struct spec_thread *self,
				       const struct spec_cap *view, const struct spec_hint *hint)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, view->object);
	uint64_t count = spec_arg(self, 1);
	uint64_t done = spec_take_progress(self, OP_VIEW_MAP_VEC) ? self->preempted_pages : 0, first = done;
	enum tessera_error error = count > MAP_VEC_MAX ? E_RANGE : E_OK;

	while (error == E_OK && done < count) {
		const uint64_t *entry = &self->page.words[MSG_REGISTER_WORDS + 2 * done];
		struct spec_run run = {.va = entry[0] & ~(SPEC_PAGE - 1u), .pages = 1};

		if (hint->is_preempted && done == hint->pages && done > first)
			return spec_preempted(self, OP_VIEW_MAP_VEC, done, 0);
		error = check_flags(vspace, view, entry[0] & (SPEC_PAGE - 1u), &run);
		if (error == E_OK)
			error = check_pages(view, run.va, entry[1], 1);
		run.frame = view->frame + entry[1];
		if (error == E_OK)
			error = map_page(vspace, view, run);
		done += error == E_OK;
	}
	spec_set_arg(self, 0, done);
	return error;
}

/* Whatever maps this Memory there, whichever View made it. */
static enum tessera_error view_unmap(struct spec *spec, struct spec_thread *self, const struct spec_cap *view,
				     const struct spec_hint *hint)
{
	return spec_unmap_frames(spec, self, view->object, (struct frames){view->frame, view->frames},
				 check_window(view, spec_arg(self, 1), spec_arg(self, 2)), hint);
}

/* ---- view_copy ---- */

/* What one page of the source becomes in the destination. */
static enum tessera_error copy_page(struct spec_vspace *from, struct spec_vspace *to,
				    const struct spec_cap *view, struct spec_run page, bool is_protecting)
{
	struct spec_run copied = page;
	enum tessera_error error;

	copied.rights &= view->rights & ~RIGHT_WRITE;
	if (page.is_large && spec_has_table(to, 0, page.va))
		return E_MAPPED;
	error = map_page(to, view, copied);
	if (error != E_OK || !is_protecting || (page.rights & RIGHT_WRITE) == 0)
		return error;
	spec_runs_erase(from, page.va, page.va + page.pages * SPEC_PAGE);
	page.rights &= ~RIGHT_WRITE;
	spec_runs_add(from, page);
	return E_OK;
}

/* The pages of a part of a run that lie in the View's Memory. *at: where it stopped. */
static enum tessera_error copy_part(struct spec_vspace *from, struct spec_vspace *to,
				    const struct spec_cap *view, struct spec_run part, bool is_protecting,
				    uint64_t *at)
{
	struct frames frames = {view->frame, view->frames};
	uint64_t step = part.is_large ? 512 : 1;

	for (uint64_t i = 0; i < part.pages; i += step) {
		struct spec_run page = part;
		enum tessera_error error = E_OK;

		page.va += i * SPEC_PAGE;
		page.frame += i;
		page.pages = step;
		*at = page.va;
		if (!page.is_large)
			error = spec_make_tables(to, 0, page.va); /* also for what is not copied */
		if (error == E_OK && !page.is_kept && spec_frames_hold(frames, page.frame) &&
		    spec_frames_hold(frames, page.frame + step - 1u))
			error = copy_page(from, to, view, page, is_protecting);
		if (error != E_OK)
			return error;
	}
	*at = part.va + part.pages * SPEC_PAGE;
	return E_OK;
}

/* Without a table it stops before the first page that needs one; whether it counts pages before that map nothing is its choice. */
static uint64_t stopped_at(struct spec_vspace *from, uint64_t chosen, uint64_t first)
{
	const struct spec_run *run = spec_run_from(from, chosen);

	return chosen <= first && (run == NULL || run->va >= first) ? chosen : first;
}

static enum tessera_error check_copy(const struct spec_cap *view, uint64_t va, uint64_t pages, uint64_t flags)
{
	if (flags > COPY_WRITE_PROTECT)
		return E_ARG;
	if ((view->rights & RIGHT_READ) == 0)
		return E_RIGHTS;
	return check_window(view, va, pages);
}

static enum tessera_error view_copy(struct spec *spec, struct spec_thread *self, const struct spec_cap *view,
				    const struct spec_hint *hint)
{
	uint64_t va = spec_arg(self, 2), pages = spec_arg(self, 3), flags = spec_arg(self, 4);
	uint64_t done = spec_take_progress(self, OP_VIEW_COPY) ? self->preempted_pages : 0;
	uint64_t at = va + done * SPEC_PAGE, stop;
	struct spec_cap *source;
	const struct spec_run *run;
	enum tessera_error error =
		spec_lookup_cap(spec, self, (cap_t)spec_arg(self, 1), CAP_VSPACE, RIGHT_WRITE, &source);

	if (error == E_OK)
		error = source->object == view->object ? E_ARG : check_copy(view, va, pages, flags);
	if (error != E_OK) {
		spec_set_arg(self, 0, 0);
		return error;
	}
	struct spec_vspace *from = spec_vspace_of(spec, source->object);
	struct spec_vspace *to = spec_vspace_of(spec, view->object);

	if (done == 0 && pages != 0)
		error = spec_split_at(from, va);
	if (error == E_OK && done == 0 && pages != 0)
		error = spec_split_at(from, va + pages * SPEC_PAGE);
	stop = va + (hint->is_preempted ? hint->pages : pages) * SPEC_PAGE;
	while (error == E_OK && at < stop) {
		run = spec_run_from(from, at);
		if (run == NULL || run->va >= stop)
			at = stop;
		else
			error = copy_part(from, to, view, spec_run_part(run, at, stop), flags != 0, &at);
	}
	if (error == E_OK && hint->is_preempted)
		return spec_preempted(self, OP_VIEW_COPY, hint->pages, 0);
	if (error == E_NO_TABLE)
		at = stopped_at(from, va + hint->info[0] * SPEC_PAGE, at);
	spec_set_arg(self, 0, (at - va) / SPEC_PAGE);
	return error;
}

/* ---- death ---- */

/* Where the first mapping stands that goes with the View, behind what is done; the window's end: there is none. */
static uint64_t next_to_clear(struct spec_vspace *vspace, const struct spec_cap *view)
{
	uint64_t end = view->base + view->size * SPEC_PAGE;

	return spec_next_mapping(vspace, view->base + view->used, end,
				 (struct frames){view->frame, view->frames});
}

/* One step clears one page, small or large. */
bool spec_view_die_step(struct spec *spec, struct spec_cap *view)
{
	struct spec_vspace *vspace = spec_vspace_of(spec, view->object);
	struct frames frames = {view->frame, view->frames};
	uint64_t end = view->base + view->size * SPEC_PAGE, va = next_to_clear(vspace, view);

	if (va < end) {
		spec_clear_range(vspace, va, va + SPEC_PAGE, frames);
		return false;
	}
	spec_places_remove(vspace->views, &vspace->view_count, view->place);
	return true;
}

bool spec_view_has_passed(struct spec *spec, struct spec_place place, uint64_t bytes)
{
	struct spec_cap *view = spec_cap_at(spec, place);
	uint64_t va = next_to_clear(spec_vspace_of(spec, view->object), view);

	view->used = bytes;
	return va >= view->base + bytes;
}

bool spec_memory_syscall(struct spec *spec, struct spec_thread *self, uint32_t operation,
			 struct spec_cap *cap, const struct spec_hint *hint, enum tessera_error *error)
{
	switch (operation) {
	case OP_MEMORY_DERIVE: *error = memory_derive(spec, self, cap); return true;
	case OP_MEMORY_ATTACH: *error = memory_attach(spec, self, cap); return true;
	case OP_VIEW_MAP: *error = view_map(spec, self, cap, hint); return true;
	case OP_VIEW_MAP_VEC: *error = view_map_vec(spec, self, cap, hint); return true;
	case OP_VIEW_UNMAP: *error = view_unmap(spec, self, cap, hint); return true;
	case OP_VIEW_COPY: *error = view_copy(spec, self, cap, hint); return true;
	default: return spec_vspace_syscall(spec, self, operation, cap, hint, error);
	}
}
