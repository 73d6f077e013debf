/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Linux' numbers and structures for x86_64, from Debian's linux-libc-dev (UAPI headers: GPL-2.0 WITH Linux-syscall-note,
 * included, not copied). Only what several files need; the others include their UAPI header beside this one.
 */
#pragma once

#include <stdint.h>

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <asm/poll.h>
#include <asm/posix_types.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/stat.h>
#include <linux/stat.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/resource.h>
#include <linux/mman.h>
#include <linux/signal.h>
#include <linux/uio.h>

/* Kernel-internal results: never seen by a program. */
#define ERESTARTSYS 512		  /* again with SA_RESTART or without a handler, else EINTR */
#define ERESTARTNOHAND 514	  /* again without a handler, else EINTR */
#define ERESTART_RESTARTBLOCK 516 /* without a handler through restart_syscall, else EINTR */

/* Not in the UAPI headers of 6.1 */
#define UTIME_NOW ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)
#define EFD_SEMAPHORE 1u
#define EFD_CLOEXEC ((uint32_t)O_CLOEXEC)
#define EFD_NONBLOCK ((uint32_t)O_NONBLOCK)

#define LX_PAGE 4096ull
#define LX_PATH_MAX 3000u   /* of a path in one message */
#define LX_PATH_WHOLE 4096u /* PATH_MAX: of a path, with its NUL */
