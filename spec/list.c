/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lists of identifiers: all the data structure that the specification has. */
#include "model.h"

uint32_t spec_list_find(const uint64_t *list, uint32_t count, uint64_t x)
{
	uint32_t i = 0;

	while (i < count && list[i] != x)
		i++;
	return i;
}

void spec_list_insert(uint64_t *list, uint32_t *count, uint32_t at, uint64_t x)
{
	for (uint32_t i = *count; i > at; i--)
		list[i] = list[i - 1u];
	list[at] = x;
	(*count)++;
}

void spec_list_remove(uint64_t *list, uint32_t *count, uint64_t x)
{
	uint32_t at = spec_list_find(list, *count, x);

	if (at == *count)
		return;
	for (uint32_t i = at; i + 1u < *count; i++)
		list[i] = list[i + 1u];
	(*count)--;
}

bool spec_same_place(struct spec_place a, struct spec_place b)
{
	return a.holder == b.holder && a.index == b.index;
}

uint32_t spec_places_find(const struct spec_place *list, uint32_t count, struct spec_place x)
{
	uint32_t i = 0;

	while (i < count && !spec_same_place(list[i], x))
		i++;
	return i;
}

void spec_places_append(struct spec_place *list, uint32_t *count, uint32_t room, struct spec_place x)
{
	SPEC_ASSERT(*count < room);
	list[(*count)++] = x;
}

void spec_places_remove(struct spec_place *list, uint32_t *count, struct spec_place x)
{
	uint32_t at = spec_places_find(list, *count, x);

	if (at == *count)
		return;
	for (uint32_t i = at; i + 1u < *count; i++)
		list[i] = list[i + 1u];
	(*count)--;
}
