/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the boot rows are made of: under `-icount shift=0` the TSC counts instructions since reset.
 * Prints the TSC and the memory in use; started by the first shell in place of a prompt.
 */
#include <stdint.h>
#include <stdio.h>

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

int main(int argc, char **argv)
{
	uint64_t now = rdtsc();
	__asm__ volatile("nopl 0x7e550002(%%rax)"
			 :
			 :
			 : "memory"); /* the mark for tools/qemu/counter.c: the interval since reset ends */
	unsigned long value, total = 0, available = 0;
	char line[128], key[64];
	FILE *meminfo = fopen("/proc/meminfo", "r");

	while (meminfo && fgets(line, sizeof(line), meminfo)) {
		if (sscanf(line, "%63[^:]: %lu", key, &value) != 2)
			continue;
		if (key[0] == 'M' && key[3] == 'T')
			total = value;
		if (key[0] == 'M' && key[3] == 'F')
			available = value;
	}
	printf("bench boot-to-prompt %llu instructions\n", (unsigned long long)now);
	printf("interval boot-to-prompt 1\n");
	printf("bench meminfo-total %lu KiB\n", total);
	printf("bench meminfo-free %lu KiB\n", available);
	(void)argc;
	(void)argv;
	return 0;
}
