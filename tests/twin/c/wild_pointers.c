/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* EFAULT for every pointer, and the process lives */
#include "twin.h"

int main(void)
{
	static const long bad[] = {
		0, 1, 0x1000, 0x7ffffffff000, 0x7fff00000000, -1, (long)0x8000000000000000ul};
	static const int calls[][2] = {
		/* number, which argument is the pointer */
		{SYS_read, 1},		 {SYS_write, 1},       {SYS_open, 0},	      {SYS_stat, 0},
		{SYS_stat, 1},		 {SYS_poll, 0},	       {SYS_pipe, 0},	      {SYS_nanosleep, 0},
		{SYS_uname, 0},		 {SYS_getcwd, 0},      {SYS_chdir, 0},	      {SYS_rename, 0},
		{SYS_mkdir, 0},		 {SYS_readlink, 0},    {SYS_gettimeofday, 0}, {SYS_getrlimit, 1},
		{SYS_getrusage, 1},	 {SYS_sysinfo, 0},     {SYS_times, 0},	      {SYS_rt_sigaction, 1},
		{SYS_rt_sigprocmask, 1}, {SYS_sigaltstack, 0}, {SYS_statfs, 0},	      {SYS_getdents64, 1},
		{SYS_clock_gettime, 1},	 {SYS_utimensat, 1},   {SYS_getrandom, 0},    {SYS_execve, 0},
		{SYS_writev, 1},	 {SYS_select, 1},      {SYS_wait4, 1},	      {SYS_setitimer, 1},
		{SYS_pread64, 1},	 {SYS_unlink, 0}};
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	write(fd, "0123456789", 10);
	for (unsigned c = 0; c < sizeof(calls) / sizeof(calls[0]); c++) {
		for (unsigned b = 2; b < sizeof(bad) / sizeof(bad[0]); b++) {
			long a[6] = {fd, (long)"f", 8, 0, 0, 0};
			if (calls[c][1] == 0)
				a[0] = bad[b], a[1] = 8;
			else
				a[1] = bad[b];
			if (calls[c][0] == SYS_stat && calls[c][1] == 1)
				a[0] = (long)"f";
			if (calls[c][0] == SYS_rt_sigaction)
				a[0] = SIGUSR1, a[2] = 0, a[3] = 8;
			if (calls[c][0] == SYS_rt_sigprocmask)
				a[0] = SIG_BLOCK, a[2] = 0, a[3] = 8;
			if (calls[c][0] == SYS_getrlimit || calls[c][0] == SYS_getrusage ||
			    calls[c][0] == SYS_clock_gettime || calls[c][0] == SYS_setitimer)
				a[0] = 0;
			if (calls[c][0] == SYS_utimensat)
				a[0] = AT_FDCWD;
			if (calls[c][0] == SYS_wait4)
				a[0] = -1;
			lseek(fd, 0, SEEK_SET);
			long r = syscall(calls[c][0], a[0], a[1], a[2], a[3], a[4], a[5]);
			printf("%d.%d %u: %d %s\n", calls[c][0], calls[c][1], b, r == -1 ? -1 : 0,
			       r == -1 ? strerror(errno) : "");
		}
	}
	return 0;
}
