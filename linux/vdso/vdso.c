/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The vDSO: time without entering the kernel. A shared object of its own, mapped with the personality's image; it runs as part
 * of the program, touches nothing but the clock page and the caller's buffers, and knows no other state.
 */
#include <linux/time.h>
#include <linux/time_types.h>
#include <tessera/types.h>

#define EXPORT __attribute__((visibility("default")))
#define NS_PER_SEC 1000000000ull

struct timeval_out {
	int64_t tv_sec, tv_usec;
};

EXPORT int __vdso_clock_gettime(int clock, struct __kernel_timespec *out);
EXPORT int __vdso_clock_getres(int clock, struct __kernel_timespec *out);
EXPORT int __vdso_gettimeofday(struct timeval_out *out, int *zone);
EXPORT int64_t __vdso_time(int64_t *out);
EXPORT int __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);
long lx_vdso_syscall(long number, long a, long b);

static const volatile struct time_page *clock_page(void)
{
	return (const volatile struct time_page *)TIME_PAGE_VA;
}

static inline uint64_t read_ns(uint64_t *wall_offset)
{
	const volatile struct time_page *page = clock_page();
	uint32_t seq;
	uint64_t ns;
	do {
		seq = page->seq;
		uint64_t ticks = __builtin_ia32_rdtsc() - page->tsc_base;
		ns = (uint64_t)(((unsigned __int128)ticks * page->mult) >> (page->shift & 63));
		*wall_offset = page->wall_offset_ns;
	} while (__builtin_expect((seq & 1) || seq != page->seq, 0));
	return ns;
}

int __vdso_clock_gettime(int clock, struct __kernel_timespec *out)
{
	const unsigned int wall_clocks = 1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI;
	const unsigned int own_clocks = 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW |
					1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME;
	uint64_t wall;
	unsigned int bit = (unsigned int)clock < 32 ? 1u << clock : 0;
	if (!(bit & (wall_clocks | own_clocks)))
		return (int)lx_vdso_syscall(228, clock, (long)out);
	uint64_t ns = read_ns(&wall);
	if (bit & wall_clocks)
		ns += wall;
	out->tv_sec = (int64_t)(ns / NS_PER_SEC);
	out->tv_nsec = (int64_t)(ns % NS_PER_SEC);
	return 0;
}

int __vdso_clock_getres(int clock, struct __kernel_timespec *out)
{
	return (int)lx_vdso_syscall(229, clock, (long)out);
}

int __vdso_gettimeofday(struct timeval_out *out, int *zone)
{
	uint64_t wall;
	uint64_t ns = read_ns(&wall);
	ns += wall;
	if (out) {
		out->tv_sec = (int64_t)(ns / NS_PER_SEC);
		out->tv_usec = (int64_t)(ns % NS_PER_SEC / 1000);
	}
	if (zone) {
		zone[0] = 0;
		zone[1] = 0;
	}
	return 0;
}

int64_t __vdso_time(int64_t *out)
{
	uint64_t wall;
	uint64_t ns = read_ns(&wall);
	int64_t seconds = (int64_t)((ns + wall) / NS_PER_SEC);
	if (out)
		*out = seconds;
	return seconds;
}

int __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	(void)unused;
	if (clock_page()->cpu_count > 1)
		return (int)lx_vdso_syscall(309, (long)cpu, (long)node);
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}
