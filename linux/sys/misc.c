/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Names, counts, randomness, and calls with little behind them. */
#include <linux/membarrier.h>
#include <linux/personality.h>
#include <linux/reboot.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <tessera/labels.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>
#include <tessera/proto/proc.h>
#include <tessera/proto/vfs.h>

#include "lx/files.h"
#include "sys.h"
#include "lx/when.h"

long sys_uname(uint64_t buffer)
{
	struct new_utsname name = {
		.sysname = "Linux",
		.release = "6.1.0-tessera",
		.version = "#1 Tessera",
		.machine = "x86_64",
	};
	struct msg_page *page = lx_self()->page;
	struct proc_host_in in = {0};
	struct proc_host_out out;
	long error = lx_result(proc_host(LX_CAP_PROC, page, &in, &out));
	if (error)
		return error;
	memcpy(name.nodename, proc_host_out_data(page), sizeof(name.nodename));
	memcpy(name.domainname, proc_host_out_data(page) + sizeof(name.nodename), sizeof(name.domainname));
	return lx_put(buffer, &name, sizeof(name));
}

static long set_name(uint32_t which, uint64_t user, int32_t length)
{
	struct msg_page *page = lx_self()->page;
	struct proc_host_in in = {.set = which, .data_len = (uint32_t)length};
	struct proc_host_out out;
	if (lx_self()->identity->euid != 0)
		return -EPERM; /* proc judges; Linux says it before EINVAL and EFAULT */
	if (length < 0 || length > __NEW_UTS_LEN)
		return -EINVAL;
	if (lx_get(proc_host_in_data(page), user, (uint64_t)length))
		return -EFAULT;
	return lx_result(proc_host(LX_CAP_PROC, page, &in, &out));
}

long sys_sethostname(uint64_t user, int32_t length)
{
	return set_name(HOST_SET_NAME, user, length);
}

long sys_setdomainname(uint64_t user, int32_t length)
{
	return set_name(HOST_SET_DOMAIN, user, length);
}

long sys_umask(uint32_t mask)
{
	struct lx_thread *self = lx_self();
	uint32_t old = self->process->fs.umask;
	self->process->fs.umask = self->identity->umask = mask & 0777;
	return old;
}

long sys_personality(uint32_t persona)
{
	return persona == 0xffffffffu || persona == PER_LINUX ? PER_LINUX : -EINVAL;
}

long sys_sysinfo(uint64_t buffer)
{
	struct msg_page *page = lx_self()->page;
	struct proc_system_info_in in;
	struct proc_system_info_out out = {0};
	struct sysinfo info;
	long error = lx_result(proc_system_info(LX_CAP_PROC, page, &in, &out));
	if (error)
		return error;
	struct vfs_usage_in vfs_in;
	struct vfs_usage_out vfs_out = {0};
	(void)vfs_usage(LX_SCRATCH(LX_SCRATCH_ROOT), page, &vfs_in, &vfs_out);
	memset(&info, 0, sizeof(info));
	info.uptime = (long)(lx_now() / (uint64_t)NS_PER_SEC);
	info.loads[0] = out.load1;
	info.loads[1] = out.load5;
	info.loads[2] = out.load15;
	info.totalram = vfs_out.ram_bytes; /* as /proc/meminfo */
	info.freeram = vfs_out.ram_free;
	info.sharedram = vfs_out.cache_pages_used * LX_PAGE;
	info.procs = (uint16_t)out.threads;
	info.mem_unit = 1;
	return lx_put(buffer, &info, sizeof(info));
}

/* Opens a file for the personality itself, into the slot `file`. */
static long open_own(struct lx_thread *self, const char *path, cap_t file)
{
	uint32_t length = (uint32_t)strlen(path);
	memcpy(vfs_open_in_data(self->page), path, length);
	struct vfs_open_in in = {.flags = O_RDONLY, .data_len = length};
	struct vfs_open_out out;
	self->page->recv_slot[0] = SLOT_OWN(file);
	long error = lx_result(vfs_open(LX_SCRATCH(LX_SCRATCH_ROOT), self->page, &in, &out));
	self->page->recv_slot[0] = 0;
	return error;
}

/* ---------------------------------------------------------------- the log: root's, as /proc/tessera/log has it */

enum { SYSLOG_CLOSE = 0, SYSLOG_OPEN = 1, SYSLOG_READ_ALL = 3, SYSLOG_SIZE_BUFFER = 10 };
#define LX_LOG_BYTES 32768 /* KEPT_BYTES of servers/root/kept.h */

/* The log from `skip` on into user memory (0: counts only), at most max bytes; how many there were. */
static long copy_log(struct lx_thread *self, cap_t file, uint64_t skip, uint64_t user, uint64_t max)
{
	uint64_t done = 0;
	for (;;) { /* ends with the file, which root's buffer bounds */
		struct file_pread_in in = {.offset = skip + done, .len = FILE_PREAD_OUT_MAX};
		struct file_pread_out out = {0};
		long error = lx_result(file_pread(file, self->page, &in, &out));
		uint64_t count = lx_min(out.data_len, max - done);
		if (error)
			return error;
		if (user && count && lx_put(user + done, file_pread_out_data(self->page), count))
			return -EFAULT;
		done += count;
		if (count == 0)
			return (long)done;
	}
}

long sys_syslog(int32_t type, uint64_t buffer, int32_t bytes)
{
	struct lx_thread *self = lx_self();
	cap_t file = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	if (type == SYSLOG_CLOSE || type == SYSLOG_OPEN)
		return 0;
	if (type != SYSLOG_READ_ALL && type != SYSLOG_SIZE_BUFFER)
		return -EINVAL;
	long result = open_own(self, "/proc/tessera/log", file);
	if (result)
		return result == -EACCES ? -EPERM : result;
	if (type == SYSLOG_SIZE_BUFFER)
		result = LX_LOG_BYTES;
	else if (!buffer || bytes < 0)
		result = -EINVAL;
	else if (!lx_user_ok(buffer, (uint64_t)bytes))
		result = -EFAULT;
	else
		result = copy_log(self, file, 0, 0, LX_LOG_BYTES);
	if (type == SYSLOG_READ_ALL && result >= 0)
		result = copy_log(self, file, result > bytes ? (uint64_t)(result - bytes) : 0, buffer,
				  (uint64_t)bytes);
	(void)ts_cnode_delete(SLOT_OWN(file), 0);
	return result;
}

/* ---------------------------------------------------------------- randomness: vfs's generator, never memory that fork copies */

#define URANDOM LX_SCRATCH(7u)

static long random_chunk(struct lx_thread *self, uint64_t bytes)
{
	struct file_read_in in = {.len = (uint32_t)lx_min(bytes, FILE_READ_OUT_MAX)};
	struct file_read_out out = {0};
	int status = file_read(URANDOM, self->page, &in, &out);
	if (status == -E_CAP) { /* first use in this process */
		long error = open_own(self, "/dev/urandom", URANDOM);
		if (error)
			return error;
		status = file_read(URANDOM, self->page, &in, &out);
	}
	if (status != 0)
		return lx_result(status);
	return out.data_len ? (long)out.data_len : -EIO;
}

long sys_getrandom(uint64_t buffer, uint64_t bytes, uint32_t flags)
{
	struct lx_thread *self = lx_self();
	if (flags & ~7u)
		return -EINVAL;
	bytes = lx_min(bytes, 33554431);
	if (!lx_user_ok(buffer, bytes))
		return -EFAULT;
	for (uint64_t done = 0; done < bytes;) {
		long got = random_chunk(self, bytes - done);
		if (got < 0)
			return done ? (long)done : got;
		if (lx_put(buffer + done, file_read_out_data(self->page), (uint64_t)got))
			return -EFAULT;
		done += (uint64_t)got;
		if (done < bytes && lx_signal_waits(self))
			return (long)done;
	}
	return (long)bytes;
}

/* ---------------------------------------------------------------- the machine */

long sys_reboot(uint32_t magic1, uint32_t magic2, uint32_t command)
{
	struct proc_power_in in = {0};
	struct proc_power_out out;
	bool is_magic = magic2 == LINUX_REBOOT_MAGIC2 || magic2 == LINUX_REBOOT_MAGIC2A ||
			magic2 == LINUX_REBOOT_MAGIC2B || magic2 == LINUX_REBOOT_MAGIC2C;
	if (lx_self()->identity->euid != 0)
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 || !is_magic)
		return -EINVAL;
	switch (command) {
	case LINUX_REBOOT_CMD_POWER_OFF: break;
	case LINUX_REBOOT_CMD_RESTART: in.how = 1; break;
	case LINUX_REBOOT_CMD_HALT: in.how = 2; break;
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF: return 0;
	default: return -EINVAL;
	}
	return lx_result(proc_power(LX_CAP_PROC, lx_self()->page, &in, &out));
}

/* ---------------------------------------------------------------- little behind them */

/* Each thread that runs meanwhile is stopped shortly by proc; one that does not has passed through the kernel. */
#define MEMBARRIER_SUPPORTED                                                           \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                     \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
long sys_membarrier(int32_t command, uint32_t flags)
{
	if (flags)
		return -EINVAL;
	if (command == MEMBARRIER_CMD_QUERY)
		return MEMBARRIER_SUPPORTED;
	bool *is_registered = &lx_self()->process->uses_membarrier;
	if (command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
		*is_registered = true;
	if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED && !*is_registered)
		return -EPERM;
	if (command <= 0 || (command & (command - 1)) || !(command & MEMBARRIER_SUPPORTED))
		return -EINVAL;
	if (command & (MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
		return 0;
	struct proc_barrier_in in = {.all = command != MEMBARRIER_CMD_PRIVATE_EXPEDITED};
	struct proc_barrier_out out;
	return lx_result(proc_barrier(LX_CAP_PROC, lx_self()->page, &in, &out));
}

long sys_socket(int32_t family, int32_t type, int32_t protocol)
{
	(void)family;
	(void)type;
	(void)protocol;
	return -EAFNOSUPPORT;
}

/* Answers what a kernel without the feature answers; programs fall back. Not counted as missing. */
long sys_refused(void)
{
	return -ENOSYS;
}

long sys_vhangup(void)
{
	return lx_self()->identity->euid == 0 ? 0 : -EPERM;
}
