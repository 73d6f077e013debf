/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the architecture's part of a panic report: registers, and a backtrace by frame pointers that
 * ./tessera symbolize turns into names.  Reads only memory it knows to be mapped; then the CPU halts for ever.
 */
#include <object.h>

#include "asm.h"
#include "console.h"
#include "cpu.h"
#include "kernel_map.h"
#include "layout.h"
#include "trap.h"

#define BACKTRACE_MAX 32u

extern unsigned char image_text_start[], image_text_end[];

static void print_pair(const char *name, uint64_t value)
{
	print(name);
	print_hex(value);
}

/* The others stand in the frame in this order. */
static void print_registers(const struct trap_frame *f)
{
	static const char *const names[] = {"r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8",
					    "rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax"};
	const uint64_t *values = &f->r15;

	print_pair("  rip ", f->rip);
	print_pair(" rsp ", f->rsp);
	print_pair(" rflags ", f->rflags);
	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++) {
		print(i % 3 == 0 ? "\n  " : " ");
		print(names[i]);
		print_pair(" ", values[i]);
	}
	print("\n");
}

static bool is_on_stack(uint64_t address)
{
	uint64_t offset = address - cpu()->arch.stacks;

	return address % 8 == 0 && offset + 16 <= STACKS_BYTES && !cpu_is_guard(offset);
}

static bool is_text(uint64_t address)
{
	return address >= (uint64_t)image_text_start && address < (uint64_t)image_text_end;
}

/* At most BACKTRACE_MAX frames, each above the one before. */
static void print_backtrace(uint64_t ip, uint64_t frame_pointer)
{
	print("  backtrace:");
	for (unsigned int i = 0; i < BACKTRACE_MAX && is_text(ip); i++) {
		print(" ");
		print_hex(ip);
		if (!is_on_stack(frame_pointer))
			break;
		const uint64_t *frame = (const uint64_t *)frame_pointer;
		uint64_t next = frame[0];

		ip = frame[1];
		frame_pointer = next > frame_pointer ? next : 0;
	}
	print("\n  (names: ./tessera symbolize)\n");
}

static void print_user(void)
{
	const struct thread *thread = cpu()->current;

	if (thread == NULL)
		return;
	print_pair("  current thread ", (uint64_t)thread);
	print_pair(" label ", thread->label);
	print_pair(" user rip ", thread->ctx.regs.rip);
	print_pair(" rsp ", thread->ctx.regs.rsp);
	print_pair(" cpu ", cpu()->id);
	print("\n");
}

static NORETURN void stop(void)
{
	print("  cr2 ");
	print_hex(read_cr2());
	print_pair(" cr3 ", read_cr3());
	print("\nThe machine has been stopped.\n");
	while (true)
		__asm__ volatile("cli; hlt");
}

void panic_trap(const struct trap_frame *frame)
{
	arch_panic_begin();
	print("\nKERNEL PANIC: exception ");
	print_decimal(frame->vector);
	print_pair(" in kernel mode, error code ", frame->error_code);
	print(kernel_map_is_guard(read_cr2()) ? ", kernel stack overflow\n" : "\n");
	print_registers(frame);
	print_backtrace(frame->rip, frame->rbp);
	print_user();
	stop();
}

void panic_user_trap(uint64_t vector, uint64_t error_code)
{
	arch_panic_begin();
	print("\nKERNEL PANIC: ");
	print(vector == VECTOR_NMI ? "non-maskable interrupt" : "machine check or double fault");
	print_pair(" in user mode, error code ", error_code);
	print("\n");
	print_user();
	stop();
}

void arch_panic_stop(void)
{
	const uint64_t *frame = __builtin_frame_address(0);

	print_backtrace(frame[1], frame[0]);
	print_user();
	stop();
}
