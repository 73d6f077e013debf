/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the architecture's part of a panic report: registers, and a backtrace by frame pointers that
 * ./tessera symbolize turns into names.  Reads only memory it knows to be mapped; then the CPU halts for ever.
 */
#include <log.h>
#include <object.h>
#include <panic.h>

#include "asm.h"
#include "cpu.h"
#include "kernel_map.h"
#include "layout.h"
#include "trap.h"

#define BACKTRACE_MAX 32u

extern unsigned char image_text_start[], image_text_end[];

static void print_pair(const char *name, uint64_t value)
{
	log_text(name);
	log_hex(value);
}

static void print_registers(const struct trap_frame *frame)
{
	/* as they stand in the frame */
	static const char *const names[] = {
		" r15=",   " r14=", " r13=", " r12=",	 " r11=", " r10=", " r9=",  " r8=",
		" rbp=",   " rdi=", " rsi=", " rdx=",	 " rcx=", " rbx=", " rax=", " vector=",
		" error=", " rip=", " cs=",  " rflags=", " rsp=", " ss=",
	};
	const uint64_t *values = &frame->r15;

	static_assert(sizeof(*frame) == ARRAY_COUNT(names) * sizeof(*values), "one name for each");
	for (unsigned int i = 0; i < ARRAY_COUNT(names); i++) {
		log_text(i % 8 == 0 ? "\n " : "");
		print_pair(names[i], values[i]);
	}
	log_text("\n");
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
	log_text("  backtrace:");
	for (unsigned int i = 0; i < BACKTRACE_MAX && is_text(ip); i++) {
		print_pair(" ", ip);
		if (!is_on_stack(frame_pointer))
			break;
		const uint64_t *frame = (const uint64_t *)frame_pointer;
		uint64_t next = frame[0];

		ip = frame[1];
		frame_pointer = next > frame_pointer ? next : 0;
	}
	log_text("\n  (names: ./tessera symbolize)\n");
}

static NORETURN void stop(void)
{
	panic_log_current();
	print_pair("  cr2=", read_cr2());
	print_pair(" cr3=", read_cr3());
	log_text("\nThe machine has been stopped.\n");
	halt();
}

void panic_trap(const struct trap_frame *frame)
{
	arch_panic_begin();
	log_text("\nKERNEL PANIC: exception ");
	log_decimal(frame->vector, " in kernel mode");
	print_pair(", error code ", frame->error_code);
	log_text(kernel_map_is_guard(read_cr2()) ? ", kernel stack overflow" : "");
	print_registers(frame);
	print_backtrace(frame->rip, frame->rbp);
	stop();
}

void panic_user_trap(uint64_t vector, uint64_t error_code)
{
	arch_panic_begin();
	log_text("\nKERNEL PANIC: ");
	log_text(vector == VECTOR_NMI ? "non-maskable interrupt" : "machine check or double fault");
	print_pair(" in user mode, error code ", error_code);
	log_text("\n");
	stop();
}

void arch_panic_stop(void)
{
	const uint64_t *frame = __builtin_frame_address(0);

	print_backtrace(frame[1], frame[0]);
	stop();
}
