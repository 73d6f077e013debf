/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AVL tree with parent links: insertion and removal climb from the changed place and stop where the height stays. */
#include "tree.h"

static int32_t height_of(const struct tree_node *node)
{
	return node ? node->height : 0;
}

static void update_height(struct tree_node *node)
{
	int32_t left = height_of(node->left), right = height_of(node->right);

	node->height = (left > right ? left : right) + 1;
}

/* Makes new stand where old stood under old's parent. */
static void replace_child(struct tree *tree, struct tree_node *old, struct tree_node *new_node)
{
	struct tree_node *parent = old->parent;

	if (!parent)
		tree->root = new_node;
	else if (parent->left == old)
		parent->left = new_node;
	else
		parent->right = new_node;
	if (new_node)
		new_node->parent = parent;
}

static struct tree_node *rotate_left(struct tree *tree, struct tree_node *node)
{
	struct tree_node *top = node->right;

	replace_child(tree, node, top);
	node->right = top->left;
	if (node->right)
		node->right->parent = node;
	top->left = node;
	node->parent = top;
	update_height(node);
	update_height(top);
	return top;
}

static struct tree_node *rotate_right(struct tree *tree, struct tree_node *node)
{
	struct tree_node *top = node->left;

	replace_child(tree, node, top);
	node->left = top->right;
	if (node->left)
		node->left->parent = node;
	top->right = node;
	node->parent = top;
	update_height(node);
	update_height(top);
	return top;
}

/* Restores the balance of one subtree; its new top. */
static struct tree_node *balance(struct tree *tree, struct tree_node *node)
{
	int32_t lean = height_of(node->left) - height_of(node->right);

	if (lean > 1) {
		if (height_of(node->left->left) < height_of(node->left->right))
			rotate_left(tree, node->left);
		return rotate_right(tree, node);
	}
	if (lean < -1) {
		if (height_of(node->right->right) < height_of(node->right->left))
			rotate_right(tree, node->right);
		return rotate_left(tree, node);
	}
	update_height(node);
	return node;
}

/* Bound: the height of the tree. */
static void climb(struct tree *tree, struct tree_node *node)
{
	while (node) {
		int32_t before = node->height;

		node = balance(tree, node);
		if (node->height == before)
			return;
		node = node->parent;
	}
}

bool tree_insert(struct tree *tree, struct tree_node *node)
{
	struct tree_node *parent = NULL, **link = &tree->root;

	while (*link) {
		parent = *link;
		if (node->key == parent->key)
			return false;
		link = node->key < parent->key ? &parent->left : &parent->right;
	}
	node->left = NULL;
	node->right = NULL;
	node->parent = parent;
	node->height = 1;
	*link = node;
	tree->count++;
	climb(tree, parent);
	return true;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node *start;

	tree->count--;
	if (!node->left || !node->right) {
		start = node->parent;
		replace_child(tree, node, node->left ? node->left : node->right);
		climb(tree, start);
		return;
	}
	struct tree_node *heir = node->right;
	while (heir->left)
		heir = heir->left;
	start = heir->parent == node ? heir : heir->parent;
	replace_child(tree, heir, heir->right);
	heir->left = node->left;
	heir->left->parent = heir;
	heir->right = node->right;
	if (heir->right)
		heir->right->parent = heir;
	heir->height = node->height;
	replace_child(tree, node, heir);
	climb(tree, start);
}

struct tree_node *tree_floor(const struct tree *tree, uint64_t key)
{
	struct tree_node *node = tree->root, *best = NULL;

	while (node) {
		if (node->key == key)
			return node;
		if (node->key < key) {
			best = node;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return best;
}

struct tree_node *tree_ceiling(const struct tree *tree, uint64_t key)
{
	struct tree_node *node = tree->root, *best = NULL;

	while (node) {
		if (node->key == key)
			return node;
		if (node->key > key) {
			best = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return best;
}

struct tree_node *tree_next(const struct tree_node *node)
{
	if (node->right) {
		struct tree_node *next = node->right;
		while (next->left)
			next = next->left;
		return next;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

struct tree_node *tree_previous(const struct tree_node *node)
{
	if (node->left) {
		struct tree_node *previous = node->left;
		while (previous->right)
			previous = previous->right;
		return previous;
	}
	while (node->parent && node->parent->left == node)
		node = node->parent;
	return node->parent;
}

struct tree_node *tree_first(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->left)
		node = node->left;
	return node;
}

static bool node_check(const struct tree_node *node)
{
	int32_t left = height_of(node->left), right = height_of(node->right);

	if ((node->left && (node->left->parent != node || node->left->key >= node->key)) ||
	    (node->right && (node->right->parent != node || node->right->key <= node->key)))
		return false;
	return left - right <= 1 && right - left <= 1 && node->height == (left > right ? left : right) + 1;
}

bool tree_check(const struct tree *tree)
{
	uint64_t seen = 0;
	const struct tree_node *before = NULL;

	for (const struct tree_node *node = tree_first(tree); node; node = tree_next(node)) {
		if (!node_check(node) || (before && before->key >= node->key))
			return false;
		before = node;
		seen++;
	}
	return seen == tree->count && (!tree->root || !tree->root->parent);
}
