/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start of the vfs: regions, root file system, mounts, then the loop. See README.md. */
#include <service.h>

#include <tessera/rings.h>
#include <tessera/service.h>

#include "env.h"
#include "env_native.h"
#include "lock.h"
#include "memory.h"
#include "object.h"
#include "serve.h"
#include "timer.h"
#include "unpack.h"
#include "upcall.h"

static void on_signal(void *context, uint64_t bits)
{
	(void)context;
	if (bits & VFS_NOTIFY_PROC)
		serve_resume();
}

static uint64_t next_deadline(void *context)
{
	(void)context;
	if (!timers_armed && lock_waits_used == 0)
		return DEADLINE_NEVER;
	uint64_t timer = timers_next(), lock = lock_recheck_next();
	return timer < lock ? timer : lock;
}

static void on_timer(void *context)
{
	(void)context;
	uint64_t now = env_now_ns();
	timers_run(now);
	lock_recheck_run(now);
}

static void prepare(void)
{
	uint64_t cache_bytes = 0, archive_bytes = 0;
	env_native_start();
	bytes_use_avx2(env_native_has_avx2());
	void *cache = service_region("cache", &cache_bytes);
	const void *archive = service_region("archive", &archive_bytes);
	upcall_set_ring(service_region("upcalls_vfs", NULL));
	if (!cache || !env_labels || !archive)
		service_fail("regions cache, labels and archive are needed");
	frames_init(cache, cache_bytes);
	quotas_init();
	if (mounts_init() != 0)
		service_fail("no memory for the root file system");
	struct unpack_counts counts = unpack_archive(archive, archive_bytes);
	int error = unpack_mounts();
	if (error != 0)
		service_fail("mounting /proc and /dev failed: errno %d", error);
	log_line(counts.failed ? LOG_WARNING : LOG_INFO, "root file system: entries=%u bytes=%llu failed=%u",
		 counts.entries, (unsigned long long)counts.bytes, counts.failed);
}

int main(void)
{
	static const struct service_ops ops = {
		.message = serve_dispatch,
		.undo = serve_undo,
		.notice = serve_notice,
		.signal = on_signal,
		.next_deadline = next_deadline,
		.timer = on_timer,
	};
	prepare();
	service_ready();
	service_run(&ops);
}
