/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory calls: arguments are checked here, mem does the work. A program never reaches the personality's part. */
#include <tessera/file.h>
#include <tessera/memory.h>
#include <tessera/proto/file.h>
#include <tessera/proto/mem.h>

#include "lx/files.h"
#include "sys.h"
#include "lx/thread.h"

#define PROT_KNOWN (PROT_READ | PROT_WRITE | PROT_EXEC)
#define MAP_TYPE_MASK 0x0fu
#define MAP_SHARED_VALIDATE_TYPE 3u

/* The program's heap: [start, end). Shared by a vfork child, as all memory. */
static struct {
	struct lx_lock lock;
	uint64_t start, end;
} heap;

void lx_brk_init(uint64_t start)
{
	heap.start = start;
	heap.end = start;
}

void lx_mm_lock(void)
{
	lx_lock(&heap.lock);
}

void lx_mm_unlock(void)
{
	lx_unlock(&heap.lock);
}

long sys_brk(uint64_t wanted)
{
	lx_lock(&heap.lock);
	if (wanted >= heap.start && lx_user_ok(wanted, 1)) {
		uint64_t old_end = lx_align_up(heap.end, LX_PAGE), new_end = lx_align_up(wanted, LX_PAGE);
		struct mem_brk_in in = {.start = heap.start, .old_end = old_end, .new_end = new_end};
		struct mem_brk_out out;
		if (old_end == new_end || mem_brk(LX_CAP_MEM, lx_self()->page, &in, &out) == 0)
			heap.end = wanted;
	}
	uint64_t end = heap.end;
	lx_unlock(&heap.lock);
	return (long)end;
}

/* ---------------------------------------------------------------- mmap */

static long map_anonymous(const struct mem_map_in *in)
{
	struct mem_map_out out = {0};
	long error = lx_result(mem_map(LX_CAP_MEM, lx_self()->page, in, &out));
	return error ? error : (long)out.addr;
}

/* The file's mem object into the thread's temporary slot. */
static long get_object(struct lx_thread *self, cap_t file, uint32_t rights, bool is_shared, uint64_t offset,
		       uint64_t len)
{
	struct file_object_in in = {.rights = rights, .shared = is_shared, .offset = offset, .len = len};
	struct file_object_out out;
	self->page->recv_slot[0] = SLOT_OWN(LX_SCRATCH(LX_SCRATCH_THREAD(self->slot)));
	long error = lx_result(file_object(file, self->page, &in, &out));
	self->page->recv_slot[0] = 0;
	return error;
}

static long map_file(cap_t file, const struct mem_map_in *in, uint64_t offset)
{
	struct lx_thread *self = lx_self();
	bool is_shared = (in->flags & MAP_TYPE_MASK) != MAP_PRIVATE;
	uint32_t rights = RIGHT_READ | (in->prot & PROT_EXEC ? RIGHT_EXECUTE : 0);
	uint32_t wanted = is_shared ? rights | RIGHT_WRITE : rights;
	long error = get_object(self, file, wanted, is_shared, offset, in->len);
	if (error == -EACCES && is_shared && !(in->prot & PROT_WRITE))
		error = get_object(self, file, rights, is_shared, offset, in->len);
	if (error)
		return error;
	cap_t object = LX_SCRATCH(LX_SCRATCH_THREAD(self->slot));
	struct mem_map_object_in map = {
		.addr = in->addr, .len = in->len, .prot = in->prot, .flags = in->flags, .offset = offset};
	struct mem_map_object_out out = {0};
	lx_send_cap(self, 0, object);
	error = lx_result(mem_map_object(LX_CAP_MEM, self->page, &map, &out));
	(void)ts_cnode_delete(SLOT_OWN(object), 0);
	return error ? error : (long)out.addr;
}

long sys_mmap(uint64_t addr, uint64_t len, uint32_t prot, uint32_t flags, int32_t fd, uint64_t offset)
{
	uint32_t type = flags & MAP_TYPE_MASK;
	if (len == 0 || (offset & (LX_PAGE - 1)) ||
	    (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE_TYPE))
		return -EINVAL;
	if (len > PERSONALITY_BASE || offset + len < offset)
		return -ENOMEM;
	bool is_fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	if (is_fixed && ((addr & (LX_PAGE - 1)) || !lx_user_ok(addr, len)))
		return addr & (LX_PAGE - 1) ? -EINVAL : -ENOMEM;
	if (!is_fixed && !lx_user_ok(addr, len))
		addr = 0;
	if (type == MAP_SHARED_VALIDATE_TYPE)
		flags = (flags & ~MAP_TYPE_MASK) | MAP_SHARED;
	struct mem_map_in in = {.addr = addr & ~(LX_PAGE - 1),
				.len = lx_align_up(len, LX_PAGE),
				.prot = prot & PROT_KNOWN,
				.flags = flags & ~MAP_PERSONALITY};
	if (flags & MAP_HUGETLB)
		return -ENOMEM;
	if (flags & MAP_ANONYMOUS)
		return map_anonymous(&in);
	cap_t file = lx_fd_own(fd);
	return file ? map_file(file, &in, offset) : -EBADF;
}

/* A page-aligned range of the program: -EINVAL, -ENOMEM, or its length rounded up. */
static long range_of(uint64_t addr, uint64_t len, uint64_t *rounded)
{
	*rounded = lx_align_up(len, LX_PAGE);
	if ((addr & (LX_PAGE - 1)) || *rounded < len)
		return -EINVAL;
	return lx_user_ok(addr, *rounded) ? 0 : -ENOMEM;
}

long sys_munmap(uint64_t addr, uint64_t len)
{
	uint64_t rounded;
	if (len == 0 || range_of(addr, len, &rounded) != 0)
		return -EINVAL;
	struct mem_unmap_in in = {.addr = addr, .len = rounded};
	struct mem_unmap_out out;
	return lx_result(mem_unmap(LX_CAP_MEM, lx_self()->page, &in, &out));
}

long sys_mprotect(uint64_t addr, uint64_t len, uint32_t prot)
{
	uint64_t rounded;
	long error = range_of(addr, len, &rounded);
	if (prot & ~(uint32_t)(PROT_KNOWN | PROT_SEM))
		return -EINVAL; /* PROT_GROWSDOWN, PROT_GROWSUP: not yet */
	if (error || len == 0)
		return error;
	struct mem_protect_in in = {.addr = addr, .len = rounded, .prot = prot & PROT_KNOWN};
	struct mem_protect_out out;
	return lx_result(mem_protect(LX_CAP_MEM, lx_self()->page, &in, &out));
}

long sys_mremap(uint64_t old_addr, uint64_t old_len, uint64_t new_len, uint32_t flags, uint64_t new_addr)
{
	bool is_fixed = flags & MREMAP_FIXED;
	if ((flags & ~(uint32_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) || (is_fixed && !(flags & MREMAP_MAYMOVE)))
		return -EINVAL;
	if ((old_addr & (LX_PAGE - 1)) || new_len == 0 || (is_fixed && (new_addr & (LX_PAGE - 1))))
		return -EINVAL;
	if (!lx_user_ok(old_addr, old_len) || new_len > PERSONALITY_BASE ||
	    (is_fixed && !lx_user_ok(new_addr, new_len)))
		return is_fixed ? -EINVAL : -EFAULT;
	struct mem_remap_in in = {.old_addr = old_addr,
				  .old_len = lx_align_up(old_len, LX_PAGE),
				  .new_len = lx_align_up(new_len, LX_PAGE),
				  .flags = flags,
				  .new_addr = is_fixed ? new_addr : 0};
	struct mem_remap_out out = {0};
	long error = lx_result(mem_remap(LX_CAP_MEM, lx_self()->page, &in, &out));
	return error ? error : (long)out.addr;
}

long sys_madvise(uint64_t addr, uint64_t len, uint32_t advice)
{
	uint64_t rounded;
	long error = range_of(addr, len, &rounded);
	if (error || len == 0)
		return error;
	struct mem_advise_in in = {.addr = addr, .len = rounded, .advice = advice};
	struct mem_advise_out out;
	return lx_result(mem_advise(LX_CAP_MEM, lx_self()->page, &in, &out));
}

long sys_mincore(uint64_t addr, uint64_t len, uint64_t vector)
{
	uint64_t rounded;
	struct msg_page *page = lx_self()->page;
	long error = range_of(addr, len, &rounded);
	while (!error && rounded > 0) {
		uint64_t part = lx_min(rounded, MEM_INCORE_OUT_MAX * LX_PAGE);
		struct mem_incore_in in = {.addr = addr, .len = part};
		struct mem_incore_out out = {0};
		error = lx_result(mem_incore(LX_CAP_MEM, page, &in, &out));
		if (!error)
			error = lx_put(vector, mem_incore_out_data(page), out.data_len);
		addr += part;
		rounded -= part;
		vector += part / LX_PAGE;
	}
	return error;
}

/* Whether every page of a range lies in some area. */
static long range_mapped(uint64_t addr, uint64_t len)
{
	uint64_t end = addr + len;
	while (addr < end) {
		struct mem_query_in in = {.addr = addr};
		struct mem_query_out out = {0};
		if (mem_query(LX_CAP_MEM, lx_self()->page, &in, &out) != 0 || out.end <= addr)
			return -ENOMEM;
		addr = out.end;
	}
	return 0;
}

long sys_msync(uint64_t addr, uint64_t len, uint32_t flags)
{
	uint64_t rounded;
	long error = range_of(addr, len, &rounded);
	if ((flags & ~(uint32_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	return error ? error : range_mapped(addr, rounded);
}

/* The whole pages of a range that may begin and end within a page. */
static long range_around(uint64_t *addr, uint64_t len, uint64_t *rounded)
{
	uint64_t start = *addr & ~(LX_PAGE - 1);
	*rounded = lx_align_up(*addr - start + len, LX_PAGE);
	*addr = start;
	if (start + *rounded < start)
		return -EINVAL;
	return lx_user_ok(start, *rounded) ? 0 : -ENOMEM;
}

long sys_mlock(uint64_t addr, uint64_t len)
{
	uint64_t rounded;
	long error = range_around(&addr, len, &rounded);
	while (!error && rounded > 0) {
		struct mem_touch_in in = {.addr = addr, .len = rounded, .write = 0};
		struct mem_touch_out out = {0};
		error = lx_result(mem_touch(LX_CAP_MEM, lx_self()->page, &in, &out));
		addr += out.done;
		rounded -= out.done;
	}
	return error == -EFAULT ? -ENOMEM : error;
}

long sys_mlock2(uint64_t addr, uint64_t len, uint32_t flags)
{
	return flags & ~1u ? -EINVAL : flags ? 0 : sys_mlock(addr, len);
}

long sys_munlock(uint64_t addr, uint64_t len)
{
	uint64_t rounded;
	long error = range_around(&addr, len, &rounded);
	return error ? error : range_mapped(addr, rounded);
}

long sys_mlockall(uint32_t flags)
{
	return flags == 0 || (flags & ~7u) ? -EINVAL : 0;
}

long sys_munlockall(void)
{
	return 0;
}
