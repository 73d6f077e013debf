/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * root: the first program. Divides the machine's memory, makes regions and services as the manifest says, starts them and
 * stays as their supervisor. It calls nobody.
 */
#include "root.h"

#include <stdlib.h>
#include <string.h>

#include <cpio_archive.h>
#include <tessera/runtime.h>

/* Before libc: in place of lib/tessera's, because the kernel started this program. */
void runtime_start_service(void)
{
	struct runtime_config config = {.page = (struct msg_page *)ROOT_MSG_PAGE_VA,
					.thread = ROOT_CAP_THREAD};

	runtime_init(&config);
}

static uint64_t number_option(const char *cmdline, const char *key, uint64_t fallback)
{
	const char *at = strstr(cmdline, key);

	if (!at || (at != cmdline && at[-1] != ' '))
		return fallback;
	return strtoull(at + strlen(key), NULL, 0);
}

static const struct manifest *find_manifest(const struct boot_info *info)
{
	struct cpio_entry file;
	static struct manifest copy;
	const char *fault;

	if (!cpio_find((const void *)ROOT_ARCHIVE_VA, info->archive_bytes, "boot/manifest", &file))
		die("the boot archive has no boot/manifest");
	if (file.bytes > sizeof(copy))
		die("boot/manifest: wrong size");
	memcpy(&copy, file.data, file.bytes);
	fault = manifest_check(&copy, file.bytes);
	if (fault)
		die("boot/manifest: %s", fault);
	return &copy;
}

static void make_own(void)
{
	cap_t endpoint = arena_object(CAP_ENDPOINT, 0), sleep = arena_object(CAP_NOTIFICATION, 0);

	if (ts_cnode_copy(SLOT_OWN(ROOT_CAP_ENDPOINT), SLOT_OWN(endpoint), RIGHTS_ALL) != E_OK ||
	    ts_cnode_copy(SLOT_OWN(ROOT_CAP_SLEEP), SLOT_OWN(sleep), RIGHTS_ALL) != E_OK)
		die("cannot make root's endpoint");
}

int main(void)
{
	const struct boot_info *info = (const struct boot_info *)ROOT_BOOT_INFO_VA;
	const struct manifest *manifest;

	if (info->magic != BOOT_INFO_MAGIC)
		die("no boot information");
	console_set_level(number_option(info->cmdline, "loglevel=", LOG_INFO));
	say(LOG_INFO, "%lu MiB of RAM, archive %lu KiB", info->ram_bytes >> 20, info->archive_bytes >> 10);
	memory_init(info);
	make_own();
	manifest = find_manifest(info);
	regions_make(manifest, info);
	services_make(manifest, info);
	say(LOG_INFO, "%u services, %lu KiB for them and their regions", manifest->service_count,
	    memory_taken_bytes() >> 10);
	supervise();
}
