/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Host: the inline part of hal.h.  Physical memory is one array at a fixed physical address; everything else is a bug.
 */
#pragma once

#include <string.h>

#define HOST_PHYS_BASE 0x40000000ull
#define HOST_PHYS_BYTES (96ull << 20)

extern unsigned char host_memory[HOST_PHYS_BYTES];

static inline void *phys_to_ptr(paddr_t address)
{
	if (address.raw - HOST_PHYS_BASE >= HOST_PHYS_BYTES)
		__builtin_trap();
	return host_memory + (address.raw - HOST_PHYS_BASE);
}

static inline paddr_t ptr_to_phys(const void *pointer)
{
	size_t offset = (size_t)((const unsigned char *)pointer - host_memory);

	if (offset >= HOST_PHYS_BYTES)
		__builtin_trap();
	return (paddr_t){HOST_PHYS_BASE + offset};
}

static inline void arch_zero(void *destination, size_t size_bytes)
{
	memset(destination, 0, size_bytes);
}

static inline void arch_copy(void *destination, const void *source, size_t size_bytes)
{
	memcpy(destination, source, size_bytes);
}

static inline uint32_t arch_mask_index(uint32_t index, const uint32_t *mask)
{
	return index & *mask;
}

/* hal.c */
void host_vspace_switch(paddr_t root);
uint64_t host_tsc(void);

static inline void arch_vspace_switch(paddr_t root)
{
	host_vspace_switch(root);
}

static inline void arch_context_switch(struct arch_context *from, struct arch_context *to)
{
	(void)from;
	(void)to;
}

static inline uint64_t arch_tsc(void)
{
	return host_tsc();
}

/* The caller of the fast path looks at the current thread itself. */
static inline void arch_switch_and_deliver(struct arch_context *from, struct arch_context *to, uint64_t r0,
					   uint64_t r1, const uint64_t words[4], uint64_t r6,
					   uint8_t *lock_word)
{
	const uint64_t results[] = {r0, r1, words[0], words[1], words[2], words[3], r6};

	(void)from;
	ctx_set_error(to, 0);
	for (unsigned int i = 0; i < 7; i++)
		ctx_set_result(to, i, results[i]);
	if (lock_word != NULL)
		*lock_word = 0;
}

/* hal.c: what happens while a CPU waits for others. */
void host_relax(void);

static inline void arch_relax(void)
{
	host_relax();
}

#define HOST_TLB_ENTRIES 1024u

struct host_translation {
	uint64_t root, va; /* root 0: unused */
	uint64_t entry;
};

/* One simulated processor. */
struct arch_cpu {
	paddr_t root; /* what its translation cache is for */
	uint64_t timer_deadline_ns, switch_count;
	uint32_t tlb_next;
	struct host_translation tlb[HOST_TLB_ENTRIES];
};

static inline paddr_t arch_current_root(const struct arch_cpu *other)
{
	return other->root;
}

/* hal.c: the CPU that a test plays. */
extern struct cpu *host_cpu;

static inline struct cpu *arch_this_cpu(void)
{
	return host_cpu;
}

static inline bool arch_try_lock(size_t offset)
{
	uint32_t *word = (uint32_t *)((char *)host_cpu + offset);

	return __atomic_add_fetch(word, 1u, __ATOMIC_ACQUIRE) >> 31 == 0;
}

#define ARCH_CPU_SPACE
static inline struct cpu *arch_here(void)
{
	return host_cpu;
}
