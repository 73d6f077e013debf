/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The Linux calls of libc inside a native service: memory, standard error (to the log), time, end.
 * Everything else is ENOSYS, said once for each number.  General registers only: it runs inside a system call.
 */
#include <tessera/runtime.h>

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define ARCH_SET_FS 0x1002
#define LINE_BYTES 400u

static char line[LINE_BYTES];
static uint32_t line_length;

GENERAL_REGISTERS static void line_add(const char *text, uint64_t length)
{
	for (uint64_t i = 0; i < length; i++) {
		if (text[i] != '\n')
			line[line_length++] = text[i];
		if (text[i] == '\n' || line_length == LINE_BYTES) {
			log_bytes(LOG_INFO, line, line_length);
			line_length = 0;
		}
	}
}

GENERAL_REGISTERS static long write_vector(const struct iovec *vector, long count)
{
	long total = 0;

	for (long i = 0; i < count; i++) {
		line_add(vector[i].iov_base, vector[i].iov_len);
		total += (long)vector[i].iov_len;
	}
	return total;
}

GENERAL_REGISTERS _Noreturn static void end(long status)
{
	if (line_length > 0)
		line_add("\n", 1);
	for (;;)
		(void)*(volatile char *)(SERVICE_EXIT_VA + ((uint64_t)status & 0xff));
}

GENERAL_REGISTERS static long get_time(long clock, struct timespec *out)
{
	uint64_t ns = clock == CLOCK_REALTIME ? time_wall_ns() : time_now_ns();

	out->tv_sec = (time_t)(ns / 1000000000u);
	out->tv_nsec = (long)(ns % 1000000000u);
	return 0;
}

GENERAL_REGISTERS static long map(const long *args)
{
	uint64_t va;

	if ((args[3] & 0x20) == 0) /* not MAP_ANONYMOUS */
		return -EBADF;
	va = heap_take((uint64_t)args[1]);
	return va != 0 ? (long)va : -ENOMEM;
}

GENERAL_REGISTERS static long unknown(long number)
{
	static uint64_t said[8];
	char text[] = "libc used Linux call 000: ENOSYS";
	uint64_t n = (uint64_t)number;

	if (n >= 512 || (said[n / 64] >> (n % 64)) & 1)
		return -ENOSYS;
	said[n / 64] |= 1ull << (n % 64);
	text[21] = (char)('0' + n / 100);
	text[22] = (char)('0' + n / 10 % 10);
	text[23] = (char)('0' + n % 10);
	log_bytes(LOG_WARNING, text, sizeof(text) - 1);
	return -ENOSYS;
}

GENERAL_REGISTERS long runtime_syscall(long number, const long *args)
{
	switch (number) {
	case SYS_brk: /* cannot grow: malloc goes on with mmap */
	case SYS_mprotect:
	case SYS_rt_sigprocmask: return 0;
	case SYS_mmap: return map(args);
	case SYS_munmap: return heap_give((uint64_t)args[0], (uint64_t)args[1]) ? 0 : -EINVAL;
	case SYS_mremap: return -ENOMEM;
	case SYS_madvise: return -EINVAL;
	case SYS_writev: return write_vector((const struct iovec *)args[1], args[2]);
	case SYS_write: line_add((const char *)args[1], (uint64_t)args[2]); return args[2];
	case SYS_ioctl: return -ENOTTY;
	case SYS_clock_gettime: return get_time(args[0], (struct timespec *)args[1]);
	case SYS_arch_prctl:
		return args[0] == ARCH_SET_FS &&
				       ts_thread_set_tls(runtime_thread(), (uint64_t)args[1]) == E_OK
			       ? 0
			       : -EINVAL;
	case SYS_set_tid_address:
	case SYS_gettid:
	case SYS_getpid: return 1;
	case SYS_tkill: end(128 + args[1]);
	case SYS_exit:
	case SYS_exit_group: end(args[0]);
	default: return unknown(number);
	}
}
