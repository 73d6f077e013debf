/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the twin programs share: printing a call's outcome. Expected values are nowhere: Linux' output is the reference. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Prints a call's text and result; errno where it is -1. */
#define T(call)                                                                      \
	do {                                                                         \
		errno = 0;                                                           \
		long r_ = (long)(call);                                              \
		printf("%s = %ld %s\n", #call, r_, r_ == -1 ? strerror(errno) : ""); \
		fflush(stdout);                                                      \
	} while (0)

static inline int wait_status(pid_t pid)
{
	int status = -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}
