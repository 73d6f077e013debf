/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Invariants of the whole capability and memory state, checked between system calls.
 */
#pragma once

#include "world.h"

/*
 * NULL, or what does not hold:
 * list links inverse and depths right; every capability reachable from a CNode or Thread stands in the list once and nothing else
 * does; origins and Untypeds in CNodes of smaller depth, one origin an object; rights never grow downwards; objects of an
 * Untyped below its watermark and disjoint; nothing dying is left behind (unless may_be_dying).
 */
const char *derivation_check(bool may_be_dying);

/*
 * NULL, or what does not hold: every user PTE points into the Memory of a live View of that space with no more rights than
 * it has; kept PTEs are message pages or the time page; no page is writable and executable without allow_wx; tables are in
 * the tree once, lie in donated Untypeds or boot pages, and are counted; the ring of Views is what the list says.
 */
const char *vspace_check(vspace_ref ref);

/* Both, for every VSpace there is. */
const char *world_check(bool may_be_dying);
#define assert_world()                                       \
	do {                                                 \
		const char *problem_ = world_check(false);   \
		if (problem_ != NULL)                        \
			fail_msg("invariant: %s", problem_); \
	} while (0)
