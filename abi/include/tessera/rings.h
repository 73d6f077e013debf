/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Upward requests: services call one way, so what tty and vfs want of proc goes as entries in a ring in region `upcalls_<service>`
 * (service rw, proc rw, 4096 bytes) followed by a signal to proc's bound Notification (capability `proc_notify` from the manifest).
 * Single producer (the service), single consumer (proc).  Answers to vfs: proc writes the answer, sets `done` and signals the service's Notification.
 */
#pragma once

#include <tessera/types.h>

enum upcall_kind {
	UPCALL_NONE = 0,
	UPCALL_SIGNAL_GROUP = 1,   /* a: pgid, b: signal, c: sid */
	UPCALL_SIGNAL_PROCESS = 2, /* a: pid, b: signal */
	UPCALL_REFRESH =
		3, /* times of all processes into the label table; answered by bumping label_table.refreshed */
	UPCALL_DESCRIPTORS =
		4, /* a: process index; answer: bitmap of descriptors in answer[] (LX_FD_MAX bits) */
	UPCALL_COUNTS =
		5, /* answer[0..5] as proc.stop_count, then unimplemented calls: answer[6..]: (number << 32 | count) pairs until 0 */
	UPCALL_OOM_ADJUST = 7, /* a: process index, b: the new oom_score_adj (int32_t) */
	UPCALL_SET_NAME = 8,   /* a: thread index, b: its tid; text: its new comm, with a NUL */
	UPCALL_SET_HOST = 9,   /* a: HOST_SET_NAME or HOST_SET_DOMAIN; text: the name, with a NUL */
	UPCALL_DESCRIPTOR_PATH =
		6, /* a: process index, b: descriptor, or OWN_SCRATCH | slot; answer[0]: length (0: none), then the text of file.path; answer[UPCALL_DESCRIPTION]: file.path's description */
};

#define UPCALL_ENTRIES 64u
#define UPCALL_TEXT_BYTES 72u
#define UPCALL_DESCRIPTION 255u
struct upcall {
	uint32_t kind, a, b, c;
};
struct upcall_ring {
	uint32_t head; /* written by the producer: next entry to fill */
	uint32_t tail; /* written by the consumer */
	uint32_t done; /* written by the consumer: entries answered */
	uint32_t overflow;
	struct upcall entry[UPCALL_ENTRIES];
	char text[UPCALL_TEXT_BYTES]; /* of the last question that has one; written by the producer */
	uint64_t answer[256];	      /* of the last question that has one; one at a time */
};
static_assert(sizeof(struct upcall_ring) <= 4096, "one page");

/* Notification bits of services */
#define PROC_NOTIFY_TTY 0x1ull
#define PROC_NOTIFY_VFS 0x2ull
#define PROC_NOTIFY_TIMER 0x4ull
#define VFS_NOTIFY_PROC 0x1ull
#define VFS_NOTIFY_TIMER 0x2ull
#define TTY_NOTIFY_UART 0x1ull
#define UART_NOTIFY_TTY 0x1ull
#define UART_NOTIFY_IRQ 0x2ull
