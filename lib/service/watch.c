/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* See watch.h. A word is written before anybody is woken for it, so that who then looks sees it. */
#include <watch.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

static uint64_t *word_of(const struct watch *watch)
{
	return &watch->page->words[watch->cookie];
}

static void write_word(const struct watch *watch, uint64_t count, uint64_t events)
{
	__atomic_store_n(word_of(watch), count << 16 | events, __ATOMIC_RELEASE);
}

/* Takes the watch from its object's list and its page. Bound: the watches of the object. */
static void drop(struct watch *watch)
{
	struct watch **at = watch->list;
	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	watch->page->watch[watch->cookie] = NULL;
	watch_release(watch);
}

void watch_page_clear(struct watch_page *page)
{
	for (uint32_t cookie = 0; cookie < READINESS_WORDS; cookie++)
		if (page->watch[cookie])
			drop(page->watch[cookie]);
}

void watch_page_start(struct watch_page *page, uint64_t owner)
{
	watch_page_clear(page);
	page->owner = owner;
	memset(page->words, 0, READINESS_WORDS * sizeof(page->words[0]));
}

static uint32_t ready_now(const struct watch *watch)
{
	return watch_readiness(watch->file) & (watch->events | ALWAYS);
}

int watch_set(struct watch_page *page, struct watch **list, void *file, const struct watch_order *order,
	      uint32_t *revents)
{
	*revents = 0;
	if (order->cookie >= READINESS_WORDS || order->slot >= READINESS_THREADS)
		return EINVAL;
	struct watch *watch = page->watch[order->cookie];
	if (watch && (watch->file != file || order->events == 0)) {
		drop(watch);
		watch = NULL;
	}
	if (order->events == 0)
		return 0;
	if (!watch) {
		watch = watch_alloc();
		if (!watch)
			return ENOMEM;
		*watch = (struct watch){.next = *list,
					.list = list,
					.file = file,
					.page = page,
					.cookie = (uint16_t)order->cookie};
		*list = watch;
		page->watch[order->cookie] = watch;
	}
	page->thread[order->slot] = (uint16_t)order->label;
	watch->threads |= 1ull << order->slot;
	watch->events = order->events & (uint32_t)(READINESS_EVENTS & ~READINESS_CLOSED);
	watch->flags = (uint16_t)order->flags;
	*revents = ready_now(watch);
	write_word(watch, READINESS_COUNT(*word_of(watch)), *revents);
	return 0;
}

static void wake(const struct watch *watch)
{
	for (uint64_t slots = watch->threads; slots != 0; slots &= slots - 1)
		watch_wake(watch->page->thread[__builtin_ctzll(slots)]);
}

static void update(struct watch *watch, uint32_t key)
{
	uint64_t old = *word_of(watch);
	uint64_t now = ready_now(watch);
	bool is_change = (key & (watch->events | ALWAYS)) != 0;
	write_word(watch, READINESS_COUNT(old) + is_change, now);
	if ((now & ~old & READINESS_EVENTS) || (is_change && now != 0 && (watch->flags & WATCH_EDGE)))
		wake(watch);
}

void watch_changed(struct watch **list, uint32_t key)
{
	struct watch *next;
	for (struct watch *watch = *list; watch; watch = next) {
		next = watch->next;
		if (watch_owner_lives(watch->page->owner))
			update(watch, key);
		else
			drop(watch);
	}
}

void watch_closed(struct watch **list, const void *file)
{
	struct watch *next;
	for (struct watch *watch = *list; watch; watch = next) {
		next = watch->next;
		if (watch->file != file)
			continue;
		write_word(watch, READINESS_COUNT(*word_of(watch)), READINESS_CLOSED);
		drop(watch);
	}
}
