/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The world of the core on Tessera: clock page, label table, messages to mem, tty and root. A call overwrites the message
 * page from words[4] on only where it carries data; recv_slot is cleared after each call that receives, so that no client's
 * capability ever lands in a slot of ours.
 */
#include "env.h"

#include <cpuid.h>
#include <errno.h>
#include <immintrin.h>
#include <string.h>

#include <tessera/proto/mem.h>
#include <tessera/proto/root.h>
#include <tessera/proto/tty.h>
#include <tessera/service.h>

#include "env_native.h"

const struct label_table *env_labels;
static cap_t mem_endpoint, tty_endpoint, machine;
static const struct process_page *process_pages;
static uint64_t process_pages_bytes;

void env_native_start(void)
{
	env_labels = service_region("labels", NULL);
	process_pages = service_region("procpages", &process_pages_bytes);
	mem_endpoint = service_cap("mem");
	tty_endpoint = service_cap("tty");
	machine = service_cap("machine");
}

const struct process_page *env_process_page(uint32_t index)
{
	if (!process_pages || index >= process_pages_bytes / 4096)
		return NULL;
	return (const struct process_page *)((uintptr_t)process_pages + 4096ull * index);
}

static const struct time_page *clock_page(void)
{
	return (const struct time_page *)TIME_PAGE_VA;
}

uint64_t env_now_ns(void)
{
	return time_now_ns();
}

uint64_t env_wall_ns(void)
{
	return time_wall_ns();
}

void env_wake(uint32_t thread)
{
	service_wake(thread);
}

static int positive(int status)
{
	return status < 0 ? EIO : status;
}

int env_object_create(uint64_t size, bool is_window, uint64_t name, struct env_object *out)
{
	struct msg_page *page = service_page();
	struct mem_object_create_in in = {.size = size, .flags = is_window, .name = name};
	struct mem_object_create_out answer = {0};
	cap_t slots[2] = {slot_alloc(), slot_alloc()};
	int status = ENOMEM;
	if (slots[0] != 0 && slots[1] != 0) {
		page->recv_slot[0] = SLOT_OWN(slots[0]);
		page->recv_slot[1] = SLOT_OWN(slots[1]);
		status = positive(mem_object_create(mem_endpoint, page, &in, &answer));
		page->recv_slot[0] = 0;
		page->recv_slot[1] = 0;
		if (status == 0 &&
		    (page->received_kind[0] != RECEIVED_SLOT || page->received_kind[1] != RECEIVED_SLOT))
			status = ENOMEM;
	}
	if (status != 0) {
		for (int i = 0; i < 2; i++)
			if (slots[i] != 0)
				slot_release(slots[i]);
		return status;
	}
	*out = (struct env_object){.number = answer.object, .capability = {slots[0], slots[1]}};
	return 0;
}

int env_object_supply(const struct env_object *object, uint64_t first_page, const uint32_t *frames,
		      uint32_t count)
{
	struct msg_page *page = service_page();
	struct mem_object_supply_in in = {
		.object = object->number, .first_page = first_page, .count = count, .data_len = count * 4u};
	struct mem_object_supply_out out;
	if (in.data_len > MEM_OBJECT_SUPPLY_IN_MAX)
		return EINVAL;
	memcpy(mem_object_supply_in_data(page), frames, in.data_len);
	return positive(mem_object_supply(mem_endpoint, page, &in, &out));
}

int env_object_resize(const struct env_object *object, uint64_t size)
{
	struct mem_object_resize_in in = {.object = object->number, .size = size};
	struct mem_object_resize_out out;
	return positive(mem_object_resize(mem_endpoint, service_page(), &in, &out));
}

int env_object_destroy(struct env_object *object)
{
	struct mem_object_destroy_in in = {.object = object->number};
	struct mem_object_destroy_out out;
	int status = positive(mem_object_destroy(mem_endpoint, service_page(), &in, &out));
	if (status == EBUSY)
		return EBUSY;
	for (int i = 0; i < 2; i++)
		slot_release(object->capability[i]);
	return 0;
}

int env_object_revoke(const struct env_object *object, uint32_t *mappings)
{
	for (int i = 0; i < 2; i++)
		if (ts_cnode_revoke(SLOT_OWN(object->capability[i]), 0) != E_OK)
			return EIO;
	struct mem_object_state_in in = {.object = object->number};
	struct mem_object_state_out out = {0};
	int status = positive(mem_object_state(mem_endpoint, service_page(), &in, &out));
	*mappings = out.mappings;
	return status;
}

int env_memory_read(uint32_t space, uint64_t address, void *to, uint32_t length)
{
	struct msg_page *page = service_page();
	struct mem_as_read_in in = {.space = space,
				    .addr = address,
				    .len = length < MEM_AS_READ_OUT_MAX ? length : MEM_AS_READ_OUT_MAX};
	struct mem_as_read_out out = {0};
	int status = positive(mem_as_read(mem_endpoint, page, &in, &out));
	if (status != 0 || out.data_len > length)
		return -EIO;
	memcpy(to, mem_as_read_out_data(page), out.data_len);
	return (int)out.data_len;
}

int env_memory_areas(uint32_t space, uint64_t from, struct mem_area *to, uint32_t max, uint64_t *next)
{
	struct msg_page *page = service_page();
	struct mem_as_maps_in in = {.space = space, .from = from};
	struct mem_as_maps_out out = {0};
	int status = positive(mem_as_maps(mem_endpoint, page, &in, &out));
	if (status != 0)
		return -status;
	uint32_t count = out.data_len / (uint32_t)sizeof(*to);
	*next = out.next;
	if (count > max) {
		count = max;
		*next = ((const struct mem_area *)mem_as_maps_out_data(page))[max].start;
	}
	memcpy(to, mem_as_maps_out_data(page), count * sizeof(*to));
	return (int)count;
}

int env_memory_usage(uint32_t space, struct env_memory_usage *to)
{
	struct mem_as_usage_in in = {.space = space};
	struct mem_as_usage_out out = {0};
	int status = positive(mem_as_usage(mem_endpoint, service_page(), &in, &out));
	*to = (struct env_memory_usage){out.virtual_pages, out.resident_pages, out.shared_pages,
					out.data_pages,	   out.stack_pages,    out.text_pages,
					out.faults};
	return status;
}

int env_system_memory(struct env_system_memory *to)
{
	struct mem_usage_in in = {};
	struct mem_usage_out out = {0};
	int status = positive(mem_usage(mem_endpoint, service_page(), &in, &out));
	*to = (struct env_system_memory){
		out.pages_total, out.pages_free,	 out.spaces,	 out.areas, out.objects,
		out.slots_free,	 out.untyped_free_bytes, out.table_pages};
	return status;
}

__attribute__((target("rdrnd"))) static bool hardware_random(uint64_t *to)
{
	unsigned long long value = 0;
	for (int i = 0; i < 10; i++) {
		if (_rdrand64_step(&value)) {
			*to = value;
			return true;
		}
	}
	return false;
}

uint64_t env_entropy(void)
{
	uint64_t value = 0;
	if ((clock_page()->cpu_features & CPU_FEATURE_RDRAND) && hardware_random(&value))
		return value;
	return __rdtsc() * 0x9e3779b97f4a7c15ull;
}

uint64_t env_pts_mask(void)
{
	struct tty_pts_list_in in = {};
	struct tty_pts_list_out out = {0};
	if (tty_pts_list(tty_endpoint, service_page(), &in, &out) != 0)
		return 0;
	return out.mask;
}

void env_terminal(uint32_t sid, uint32_t *device, uint32_t *pgid)
{
	struct tty_session_in in = {.sid = sid};
	struct tty_session_out out = {0};
	if (tty_session(tty_endpoint, service_page(), &in, &out) != 0)
		out = (struct tty_session_out){0};
	*device = out.device;
	*pgid = out.pgid;
}

uint32_t env_slots_free(void)
{
	return slot_count_free();
}

bool env_tty_usage(struct env_tty_usage *to)
{
	struct tty_usage_in in = {};
	struct tty_usage_out out = {0};
	if (tty_usage(tty_endpoint, service_page(), &in, &out) != 0)
		return false;
	*to = (struct env_tty_usage){
		.open_files = out.open_files, .terminals = out.terminals, .slots_free = out.slots_free};
	return true;
}

uint64_t env_tsc_hz(void)
{
	return clock_page()->tsc_hz;
}

uint64_t env_ram_bytes(void)
{
	return service_info()->ram_bytes;
}

const char *env_command_line(void)
{
	return service_info()->cmdline;
}

int env_authority(uint64_t index, struct authority_record to[AUTHORITY_BATCH], uint32_t *count)
{
	uint64_t read = 0, next = 0;
	enum tessera_error error = ts_authority_graph(machine, index, &read, &next);
	if (error != E_OK)
		return error == E_STATE ? EAGAIN : EIO;
	memcpy(to, &service_page()->words[MSG_REGISTER_WORDS], read * sizeof(*to));
	*count = (uint32_t)read;
	return 0;
}

bool env_service(uint32_t index, struct env_service *to)
{
	struct msg_page *page = service_page();
	struct root_services_in in = {.index = index};
	struct root_services_out out = {0};
	if (root_services(SERVICE_CAP_CONTROL, page, &in, &out) != 0)
		return false;
	*to = (struct env_service){.state = out.state,
				   .restarts = out.restarts,
				   .memory_bytes = out.memory_bytes,
				   .untyped_free = out.untyped_free};
	uint32_t length = out.data_len < sizeof(to->name) - 1 ? out.data_len : (uint32_t)sizeof(to->name) - 1;
	memcpy(to->name, root_services_out_data(page), length);
	return true;
}

uint32_t env_log(uint64_t *position, char *to, uint32_t max)
{
	struct msg_page *page = service_page();
	struct root_log_read_in in = {.position = *position};
	struct root_log_read_out out = {0};
	if (root_log_read(SERVICE_CAP_CONTROL, page, &in, &out) != 0)
		return 0;
	uint32_t count = out.data_len < max ? out.data_len : max;
	memcpy(to, root_log_read_out_data(page), count);
	*position = out.next - (out.data_len - count);
	return count;
}

bool env_native_has_avx2(void)
{
	unsigned eax, ebx = 0, ecx, edx;
	bool is_kept = (clock_page()->xsave_mask & 4u) != 0;
	return is_kept && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & (1u << 5));
}
