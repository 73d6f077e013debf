/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* eventfd and timerfd. */
#pragma once

#include "vfs.h"

struct timer_spec {
	int64_t interval_sec, interval_nsec, value_sec, value_nsec;
};

int event_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done);
int event_write(struct inode *inode, const struct caller *caller, const void *from, uint32_t length,
		uint32_t *done);
uint32_t event_poll(const struct inode *inode);

int timer_set(struct inode *inode, uint32_t flags, const struct timer_spec *spec, struct timer_spec *old);
void timer_get(struct inode *inode, struct timer_spec *out);
int timer_read(struct inode *inode, const struct caller *caller, void *to, uint32_t length, uint32_t *done);
uint32_t timer_poll(struct inode *inode);
void timer_disarm(struct inode *inode);
/* The next moment (boot clock) a timer wants timers_run, ~0: none. */
uint64_t timers_next(void);
extern struct inode *timers_armed; /* NULL: none */
void timers_run(uint64_t now_ns);
