/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looks up what root's loader wrote into struct service_info: capabilities, regions, options. */
#include <stdlib.h>
#include <string.h>

#include <tessera/proto/root.h>
#include <tessera/service.h>

cap_t service_caps(const char *name, uint32_t *count)
{
	const struct service_info *info = service_info();

	for (uint32_t i = 0; i < info->cap_count && i < SERVICE_MAX_CAPS; i++) {
		if (strncmp(info->caps[i].name, name, SERVICE_NAME_BYTES) == 0) {
			*count = info->caps[i].count;
			return info->caps[i].address;
		}
	}
	log_line(LOG_WARNING, "asks for capability `%s`, which the manifest does not give it", name);
	*count = 0;
	return 0;
}

cap_t service_cap(const char *name)
{
	uint32_t count;

	return service_caps(name, &count);
}

void *service_region(const char *name, uint64_t *size)
{
	const struct service_info *info = service_info();

	for (uint32_t i = 0; i < info->region_count && i < SERVICE_MAX_REGIONS; i++) {
		if (strncmp(info->regions[i].name, name, SERVICE_NAME_BYTES) != 0)
			continue;
		if (size)
			*size = info->regions[i].bytes;
		return (void *)info->regions[i].va;
	}
	log_line(LOG_WARNING, "asks for region `%s`, which the manifest does not give it", name);
	if (size)
		*size = 0;
	return NULL;
}

const char *service_option(const char *key)
{
	static char value[BOOT_CMDLINE_BYTES];
	const char *at = service_info()->cmdline;
	size_t key_length = strlen(key);

	while (*at != '\0') {
		size_t length = strcspn(at, " \n");

		if (length >= key_length && memcmp(at, key, key_length) == 0 &&
		    (length == key_length || at[key_length] == '=')) {
			size_t skip = length == key_length ? length : key_length + 1;

			memcpy(value, at + skip, length - skip);
			value[length - skip] = '\0';
			return value;
		}
		at += length;
		at += strspn(at, " \n");
	}
	return NULL;
}

uint64_t service_option_number(const char *key, uint64_t fallback)
{
	const char *text = service_option(key);
	char *end = NULL;
	uint64_t value = text ? strtoull(text, &end, 0) : 0;

	return text && end != text ? value : fallback;
}

void service_wake(uint32_t thread)
{
	cap_t address = ((SERVICE_WAITERS_LEAF + ((thread >> 8) & 15u)) << 8) | (thread & 0xffu);

	(void)ts_signal(address, 1);
}

void service_ready(void)
{
	struct root_ready_in in = {};
	struct root_ready_out out;

	(void)root_ready(SERVICE_CAP_CONTROL, service_page(), &in, &out);
}
