/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Balanced (AVL) tree of nodes that lie in their owners, ordered by a 64-bit key that is unique in the tree.
 *
 * The tree allocates nothing and owns nothing; no function recurses; all are O(log n).  Invariant (tree_check): the keys
 * are in order, parents and heights are right, and the heights of two siblings differ by at most one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
	struct tree_node *left, *right, *parent;
	uint64_t key;
	int32_t height;
	uint32_t reserved;
};

struct tree {
	struct tree_node *root;
	uint64_t count;
};

/* The owner of a node that is its first member. */
#define TREE_OWNER(type, node) ((type *)(void *)(node))

/* Puts a node with node->key set into the tree; false (and nothing changed) if the key is there already. */
bool tree_insert(struct tree *tree, struct tree_node *node);
/* Takes a node of this tree out. */
void tree_remove(struct tree *tree, struct tree_node *node);
/* The node with the greatest key <= key / the smallest key >= key; NULL: none. */
struct tree_node *tree_floor(const struct tree *tree, uint64_t key);
struct tree_node *tree_ceiling(const struct tree *tree, uint64_t key);
/* Neighbours in key order; NULL at the ends. */
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);
struct tree_node *tree_first(const struct tree *tree);
/* Changes a node's key to one that keeps its place between its neighbours. */
static inline void tree_set_key(struct tree_node *node, uint64_t key)
{
	node->key = key;
}
/* The invariant; for tests. */
bool tree_check(const struct tree *tree);
