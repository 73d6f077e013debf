/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a procfs inode can be, and the writers of its texts. Internal to proc*.c. */
#pragma once

#include "proc.h"

enum proc_type {
	PROC_NONE = 0,
	/* directories */
	PROC_PID,
	PROC_TASKS,
	PROC_TID,
	PROC_FDS,
	PROC_FDINFO,
	/* links */
	PROC_SELF,
	PROC_THREAD_SELF,
	PROC_MOUNTS_LINK,
	PROC_EXE,
	PROC_CWD,
	PROC_ROOT,
	PROC_FD,
	/* texts of a process */
	PROC_STAT,
	PROC_STATUS,
	PROC_STATM,
	PROC_CMDLINE,
	PROC_ENVIRON,
	PROC_MAPS,
	PROC_SMAPS,
	PROC_MEM,
	PROC_COMM,
	PROC_LIMITS,
	PROC_MOUNTS,
	PROC_MOUNTINFO,
	PROC_OOM_ADJ,
	PROC_LOGINUID,
	PROC_CGROUP,
	/* texts of the system */
	PROC_MEMINFO,
	PROC_CPUINFO,
	PROC_UPTIME,
	PROC_VERSION,
	PROC_FILESYSTEMS,
	PROC_SYSTEM_STAT,
	PROC_LOADAVG,
	PROC_KERNEL_CMDLINE,
	PROC_DEVICES,
	PROC_SWAPS,
	PROC_CONSTANT,
	PROC_HOST_NAME,
	PROC_DOMAIN_NAME,
	PROC_UUID,
	PROC_BOOT_ID,
	PROC_SERVICES,
	PROC_OBJECTS,
	PROC_UNIMPLEMENTED,
	PROC_AUTHORITY,
	PROC_LOG,
	/* devpts */
	PROC_PTS,
};

/* A text that grows in the frames of an inode. */
struct text {
	struct inode *to;
	int error;
};
void text_bytes(struct text *text, const void *bytes, uint32_t length);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The living process a procfs inode is about; NULL: gone. */
const struct label_process *proc_process(const struct inode *inode);
/* Of a process's files (proc_pid.c) and of the system (proc_system.c). 0, errno, VFS_PARK. */
int proc_pid_text(const struct inode *inode, uint64_t reader, struct text *text);
int proc_system_text(const struct inode *inode, struct text *text);
/* Who holds what (proc_authority.c). EAGAIN: the system changes faster than it can be read. */
int proc_authority_text(struct text *text);
/* Text of constant files by number (proc_system.c). */
uint32_t proc_constant(const char *name);
