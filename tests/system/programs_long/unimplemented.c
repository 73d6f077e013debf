/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A system call that Tessera does not have (quotactl). */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	long r = syscall(SYS_quotactl, 0, 0, 0, 0);
	puts(r == -1 && errno == ENOSYS ? "ENOSYS" : "something else");
	return 0;
}
