/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What deletion.c and the object files that remove capabilities themselves share.
 */
#pragma once

#include <cspace.h>

/* Takes a leaf capability whose object has been dealt with out of the tree and empties its slot. Constant time. */
void cap_remove_leaf(struct slot *leaf);
