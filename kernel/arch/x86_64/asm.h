/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: single instructions that C cannot say.  One function an instruction, nothing else.
 * Only kernel/arch/x86_64 and boot/ include this.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <compiler.h>

/* in8, out8 and so on: a port of that width. */
#define PORT_ACCESS(bits, suffix)                                                    \
	static inline uint##bits##_t in##bits(uint16_t port)                         \
	{                                                                            \
		uint##bits##_t value;                                                \
                                                                                     \
		__asm__ volatile("in" suffix " %1, %0" : "=a"(value) : "Nd"(port));  \
		return value;                                                        \
	}                                                                            \
	static inline void out##bits(uint16_t port, uint##bits##_t value)            \
	{                                                                            \
		__asm__ volatile("out" suffix " %0, %1" : : "a"(value), "Nd"(port)); \
	}
PORT_ACCESS(8, "b")
PORT_ACCESS(16, "w")
PORT_ACCESS(32, "l")

/* All bytes to the same port. */
static inline void out8_all(uint16_t port, const char *bytes, uint64_t count)
{
	__asm__ volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(port) : "memory");
}

/* read_cr0, write_cr0 and so on. */
#define CONTROL_REGISTER(name)                                                   \
	static inline uint64_t read_##name(void)                                 \
	{                                                                        \
		uint64_t value;                                                  \
                                                                                 \
		__asm__ volatile("movq %%" #name ", %0" : "=r"(value));          \
		return value;                                                    \
	}                                                                        \
	static inline void write_##name(uint64_t value)                          \
	{                                                                        \
		__asm__ volatile("movq %0, %%" #name : : "r"(value) : "memory"); \
	}
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

static inline uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return ((uint64_t)high << 32) | low;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Only where CPUID has RDRAND. 0 in the rare case that it has no number ready: callers mix it with something else. */
static inline uint64_t read_random(void)
{
	uint64_t value;

	__asm__ volatile("rdrand %0" : "=r"(value) : : "cc");
	return value;
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline void invalidate_page(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline uint64_t read_fs_base(void)
{
	uint64_t value;

	__asm__ volatile("rdfsbase %0" : "=r"(value));
	return value;
}

static inline void write_xcr0(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* For ever. */
static inline NORETURN void halt(void)
{
	while (true)
		__asm__ volatile("cli; hlt");
}
