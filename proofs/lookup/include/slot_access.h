/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Slots by index for the proof of the lookup, in place of kernel/include/slot_access.h: the first one that is asked for is the
 * root CNode's, the second the leaf's.  That each index lies inside its table is asserted, and that it is the address's.
 */
#pragma once

#include <object.h>

#define SLOT_SHIFT 6u

struct slot *slot_at(slot_ref ref);

/* The lookup has no use for it. */
slot_ref slot_index(const struct slot *slot);
