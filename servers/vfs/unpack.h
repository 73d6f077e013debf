/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The boot archive's rootfs/ becomes the root file system. */
#pragma once

#include <stdint.h>

struct unpack_counts {
	uint32_t entries, failed;
	uint64_t bytes;
};
/* Copies every entry below rootfs/ into the tmpfs at root_dentry; later entries replace earlier ones. */
struct unpack_counts unpack_archive(const void *archive, uint64_t bytes);
/* Mounts /proc, /dev, /dev/pts. 0 or errno of the first that failed. */
int unpack_mounts(void);
