/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * tty's parts: terminals (serial lines and pseudo-terminals), who waits for them, sessions and job control, open files.
 *
 * A terminal is a line discipline between a wire and its readers and writers.  The wire of a serial line are the rings it
 * shares with the driver; the wire of a pseudo-terminal are its master's reads and writes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <quota.h>
#include <ring.h>
#include <serial_region.h>
#include <service.h>
#include <tessera/file.h>
#include <tessera/labels.h>
#include <tessera/process_page.h>

#include "ldisc.h"

#define PTY_MAX 64u
#define PTY_OUTPUT_BYTES 8192u
#define TERMINAL_MAX (SERIAL_PORTS + PTY_MAX)
#define FILES_MAX 1024u
#define WRITE_ROOM 256u /* from this much on a terminal counts as writable */

/* ---- waiters: one bit a Linux thread; a wake-up too many does no harm ---- */

struct waiters {
	uint64_t bits[LABEL_THREADS / 64];
	uint32_t count; /* bits set */
};

void waiters_add(struct waiters *waiters, uint64_t label);
void waiters_wake(struct waiters *waiters);

/* How often input came and room was made, for each side: what edge-triggered epoll reports. */
struct edges {
	uint32_t in, out;
};

/* ---- terminals (terminal.c) ---- */

enum terminal_kind { TERMINAL_FREE = 0, TERMINAL_SERIAL, TERMINAL_PTY };

struct terminal {
	enum terminal_kind kind;
	uint32_t index; /* line or pts number */
	struct ldisc ldisc;
	struct tty_winsize winsize;
	uint32_t sid, pgid; /* session it controls, foreground group; 0: none */
	uint32_t slave_files, master_files;
	uint32_t account; /* pty: QUOTA_PTYS */
	bool is_locked;	  /* pty: TIOCSPTLCK */
	bool is_hung_up;  /* pty: the master is gone */
	bool was_opened;  /* pty: some slave has been open */
	bool is_exclusive;
	bool is_packet;			 /* TIOCPKT */
	bool in_reader_hold;		 /* TCIOFF */
	struct waiters readers, writers; /* of the slave side */
	struct waiters master_waiters;
	struct edges slave_edges, master_edges;
	/* VTIME: when the read of `timed_label` is over */
	uint64_t timed_label, timed_deadline_ns, last_input_ns;
	bool timed_is_woken;
	/* serial */
	struct serial_port *port;
	struct ring rx, tx;
	bool is_sender_stopped; /* IXOFF: STOP was sent */
	/* pty: what the master reads */
	struct ring_shared output_counters;
	struct ring output;
	uint8_t *output_data;
};

void terminals_init(struct serial_region *region, cap_t uart_notify);
struct terminal *terminal_serial(uint32_t index);
struct terminal *terminal_pts(uint32_t index); /* NULL: no such pair */
struct terminal *terminal_of_session(uint32_t sid);
/* A new pair, charged to account; NULL: all in use, the user has too many, or no memory. */
struct terminal *terminal_new_pty(uint32_t account);
void terminal_release_pty(struct terminal *terminal);
/* Device number, major << 8 | minor. */
uint32_t terminal_device(const struct terminal *terminal);
uint64_t terminal_pts_mask(void);
uint32_t terminal_count(void);

/* Takes what has come over the serial lines; wakes whoever can go on. */
void terminals_serial_input(void);
/* Bytes from the master; how many were taken. */
uint32_t terminal_master_write(struct terminal *terminal, const uint8_t *bytes, uint32_t count);
/* After a read: lets more come in from the wire. */
void terminal_after_read(struct terminal *terminal);
/* Signals the driver if something was put on a serial wire since the last time. */
void terminal_kick(void);
uint32_t terminal_output_used(const struct terminal *terminal);
uint32_t terminal_output_free(const struct terminal *terminal);
void terminal_flush_output(struct terminal *terminal);
/* Something for the master to read, or its end; room for the slave's writes. */
void terminal_master_input(struct terminal *terminal);
void terminal_slave_room(struct terminal *terminal);
/* The wire is cut: SIGHUP and SIGCONT to the group; open files of the slave give end of file from now on. */
void terminal_hang_up(struct terminal *terminal);

/* ---- time of reads with VTIME (read.c) ---- */

uint64_t read_next_deadline(void);
void read_timer(void);

/* ---- labels, sessions, signals (jobs.c) ---- */

struct caller {
	uint64_t label;
	uint32_t pid, pgid, sid, euid, egid;
	bool is_known; /* a Linux process that the label table knows */
};

/* pages: the processes' pages (region procpages), by process index. */
void jobs_init(const struct label_table *labels, const struct process_page *pages, uint32_t page_count,
	       void *ring, cap_t proc_notify);
void caller_of(uint64_t label, struct caller *out);
void signal_group(uint32_t pgid, uint32_t signal, uint32_t sid);
/* May the caller read, change (signal SIGTTIN, SIGTTOU)? 0: yes; EIO; ST_WOULD_BLOCK: it was sent the signal. */
int job_check(struct terminal *terminal, const struct caller *caller, uint32_t signal);
/* Makes it the caller's controlling terminal if Linux would at open. */
void job_take_terminal(struct terminal *terminal, const struct caller *caller);
/* The session's leader died: a serial line hangs up, a pseudo-terminal's foreground group gets SIGHUP, as on Linux. */
void job_end_session(struct terminal *terminal);
bool job_group_in_session(uint32_t pgid, uint32_t sid);

/* ---- quotas: what each user may have (quota.h) ---- */

enum quota_kind { QUOTA_FILES, QUOTA_PTYS };
/* The account of the user behind a label. */
uint32_t account_of(uint64_t label);

/* ---- open files (files.c) ---- */

enum file_side { FILE_SLAVE = 0, FILE_MASTER = 1 };

struct tty_file {
	uint32_t generation;
	uint32_t flags;		   /* O_* */
	struct terminal *terminal; /* NULL: free */
	enum file_side side;
	uint8_t kind;	       /* of tty.open, for its path */
	bool is_hung_up;       /* the terminal was taken away from its session */
	struct file_stat stat; /* of the node it was opened by */
	cap_t anchor;
	uint32_t account; /* QUOTA_FILES */
	uint32_t next_free;
};

void files_init(void);
struct tty_file *file_of_badge(uint64_t badge);
/* A new open file with its anchor, charged to account; NULL: none left, or the user has too many. */
struct tty_file *file_open(struct terminal *terminal, enum file_side side, uint32_t flags, uint32_t kind,
			   uint32_t account);
/* All its capabilities are gone. */
void file_close(struct tty_file *file);
/* All open files of this one's node have its mode and owner from now on. */
void files_share_stat(const struct tty_file *file);
/* All files of the slave side give end of file from now on. */
void files_hang_up(struct terminal *terminal);
uint32_t files_in_use(void);

/* ---- requests ---- */

/* file.ioctl; data of the request and answer in rq's page. */
int tty_ioctl(struct request *rq, struct tty_file *file, uint32_t command, uint64_t argument, const void *in,
	      uint32_t in_len, uint64_t *result, void *out, uint32_t *out_len);
/* read.c */
int slave_read(struct tty_file *file, const struct caller *caller, uint8_t *to, uint32_t count, bool wait,
	       uint32_t *done);
int master_read(struct tty_file *file, const struct caller *caller, uint8_t *to, uint32_t count, bool wait,
		uint32_t *done);
bool slave_is_readable(const struct terminal *terminal);
