/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Access to the program's memory. Every address is compared with PERSONALITY_BASE here and nowhere else; the copying itself
 * is arch/x86_64/copy.S, where a fault ends in a fixup. Never hold an assumption over two accesses: another thread of the
 * program may change the memory in between.
 */
#include "lx/lx.h"

long lx_get(void *dst, uint64_t user, uint64_t bytes)
{
	if (!lx_user_ok(user, bytes))
		return -EFAULT;
	return lx_copy(dst, (const void *)user, bytes) ? -EFAULT : 0;
}

long lx_put(uint64_t user, const void *src, uint64_t bytes)
{
	if (!lx_user_ok(user, bytes))
		return -EFAULT;
	return lx_copy((void *)user, src, bytes) ? -EFAULT : 0;
}

long lx_get_string(char *dst, uint64_t user, uint64_t max)
{
	if (!lx_user_ok(user, 1))
		return -EFAULT;
	uint64_t room = PERSONALITY_BASE - user;
	int64_t length = lx_copy_string(dst, (const char *)user, lx_min(max, room));
	if (length < 0)
		return -EFAULT;
	if ((uint64_t)length < lx_min(max, room))
		return length;
	return room < max ? -EFAULT : -ENAMETOOLONG;
}

long lx_touch_range(uint64_t user, uint64_t bytes)
{
	if (!lx_user_ok(user, bytes))
		return -EFAULT;
	if (bytes == 0)
		return 0;
	uint64_t last = (user + bytes - 1) & ~(LX_PAGE - 1);
	if (lx_touch((void *)user))
		return -EFAULT;
	for (uint64_t at = (user & ~(LX_PAGE - 1)) + LX_PAGE; at <= last; at += LX_PAGE) {
		if (lx_touch((void *)at))
			return -EFAULT;
	}
	return 0;
}
