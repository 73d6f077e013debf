/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* x86_64: instructions and flags with which a program may try the kernel: each ends in an exception of its own, or in nothing. */
#include "tests.h"

#define TAG(op, words) MSG_TAG((op), (words), 0)
#define GENERAL_PROTECTION 13u
#define UNDEFINED 6u

static cap_t endpoint, reply;
static struct worker *w;

static void start(void)
{
	group_begin("instructions");
	space_make(1);
	endpoint = make(CAP_ENDPOINT, 0);
	reply = slot_new();
	w = worker_new(0, 1, PRIORITY_HIGH);
	worker_handlers(w, endpoint, 0);
}

#define INSTRUCTION(name, text)                                                              \
	static void do_##name(struct worker *self)                                           \
	{                                                                                    \
		__asm__ volatile(text : : "r"(self->stack) : "rax", "rcx", "rdx", "memory"); \
		self->result[0]++;                                                           \
	}
INSTRUCTION(cli, "cli")
INSTRUCTION(sti, "sti")
INSTRUCTION(rdmsr, "rdmsr")
INSTRUCTION(wrmsr, "movl $0xc0000082, %%ecx\n\twrmsr")
INSTRUCTION(cr0, "movq %%cr0, %%rax")
INSTRUCTION(cr3, "movq %%rax, %%cr3")
INSTRUCTION(cr4, "movq %%cr4, %%rax")
INSTRUCTION(dr7, "movq %%rax, %%dr7")
INSTRUCTION(lgdt, "lgdt (%0)")
INSTRUCTION(lidt, "lidt (%0)")
INSTRUCTION(ltr, "movl $0x40, %%eax\n\tltr %%ax")
INSTRUCTION(invlpg, "invlpg (%0)")
INSTRUCTION(wbinvd, "wbinvd")
INSTRUCTION(clts, "clts")
INSTRUCTION(xsetbv, "xorl %%ecx, %%ecx\n\txsetbv")
INSTRUCTION(swapgs, "swapgs")
INSTRUCTION(iretq_kernel, "pushq $0x18\n\tpushq %0\n\tpushq $2\n\tpushq $0x10\n\tpushq %0\n\tiretq")
INSTRUCTION(lret_kernel, "pushq $0x10\n\tpushq %0\n\tlretq")
INSTRUCTION(lret_compat, "pushq $0x23\n\tpushq %0\n\tlretq")
INSTRUCTION(load_ds, "movl $0x18, %%eax\n\tmovl %%eax, %%ds")
INSTRUCTION(load_ss, "xorl %%eax, %%eax\n\tmovl %%eax, %%ss")
INSTRUCTION(sysretq, "sysretq")
INSTRUCTION(out, "outb %%al, $0x21")
INSTRUCTION(int_80, "int $0x80")
INSTRUCTION(int_nmi, "int $2")
INSTRUCTION(int_fault, "int $14")
INSTRUCTION(vmcall, "vmcall")
INSTRUCTION(monitor, "monitor")

/* An older CPU may not know an instruction at all.  QEMU before 9.1 reads the stack of a program's iretq and far return as the kernel would, and meets SMAP. */
static bool is_refused(const struct ipc_msg *m, uint64_t vector)
{
	uint64_t offset = m->w[0] - (uint64_t)w->stack;

	if (m->tag == TAG(MSG_OP_PAGE_FAULT, 4))
		return offset < sizeof(w->stack) && m->w[1] == 1;
	return m->tag == TAG(MSG_OP_EXCEPTION, 4) && (m->w[0] == vector || m->w[0] == UNDEFINED);
}

static void test_refused(void)
{
	static const struct {
		void (*run)(struct worker *);
		uint64_t vector;
		const char *name;
	} refused[] = {
		{do_cli, GENERAL_PROTECTION, "cli"},
		{do_sti, GENERAL_PROTECTION, "sti"},
		{do_rdmsr, GENERAL_PROTECTION, "rdmsr"},
		{do_wrmsr, GENERAL_PROTECTION, "wrmsr"},
		{do_cr0, GENERAL_PROTECTION, "reading CR0"},
		{do_cr3, GENERAL_PROTECTION, "writing CR3"},
		{do_cr4, GENERAL_PROTECTION, "reading CR4"},
		{do_dr7, GENERAL_PROTECTION, "writing DR7"},
		{do_lgdt, GENERAL_PROTECTION, "lgdt"},
		{do_lidt, GENERAL_PROTECTION, "lidt"},
		{do_ltr, GENERAL_PROTECTION, "ltr"},
		{do_invlpg, GENERAL_PROTECTION, "invlpg"},
		{do_wbinvd, GENERAL_PROTECTION, "wbinvd"},
		{do_clts, GENERAL_PROTECTION, "clts"},
		{do_xsetbv, GENERAL_PROTECTION, "xsetbv"},
		{do_swapgs, GENERAL_PROTECTION, "swapgs"},
		{do_iretq_kernel, GENERAL_PROTECTION, "iretq to the kernel's code segment"},
		{do_lret_kernel, GENERAL_PROTECTION, "a far return to it"},
		{do_lret_compat, GENERAL_PROTECTION, "a far return to 32-bit code"},
		{do_load_ds, GENERAL_PROTECTION, "the kernel's data segment"},
		{do_load_ss, GENERAL_PROTECTION, "no stack segment"},
		{do_sysretq, GENERAL_PROTECTION, "sysret"},
		{do_out, GENERAL_PROTECTION, "out"},
		{do_int_80, GENERAL_PROTECTION, "int 0x80"},
		{do_int_nmi, GENERAL_PROTECTION, "the vector of NMIs"},
		{do_int_fault, GENERAL_PROTECTION, "the vector of page faults"},
		{do_vmcall, UNDEFINED, "vmcall"},
		{do_monitor, UNDEFINED, "monitor"},
	};

	for (uint32_t i = 0; i < COUNT_OF(refused); i++) {
		struct ipc_msg m = {0};

		worker_run(w, refused[i].run);
		bool is_taken = ts_recv(endpoint, reply, &m, POLL) == E_OK && w->result[0] == 0;

		check(is_taken && is_refused(&m, refused[i].vector),
		      join("an exception for", refused[i].name));
		m.tag = TAG(FAULT_HALT, 0);
		(void)ts_reply(reply, &m);
		worker_end(w);
		w = worker_new(0, 1, PRIORITY_HIGH);
		worker_handlers(w, endpoint, 0);
	}
}

/* Sets a flag, then enters the kernel in every way there is: a call with a long message, a fault, an interrupt. */
static void with_flag(struct worker *self)
{
	struct user_regs regs = {.rax = TESSERA_SYSCALL_BASE + OP_CALL,
				 .rdi = self->argument[1],
				 .rsi = TAG(1, 20),
				 .r12 = NEVER};
	uint64_t flags = self->argument[0], after;

	for (uint32_t i = 4; i < 20; i++)
		((struct msg_page *)self->page_va)->words[i] = i;
	__asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "r"(flags) : "memory", "cc");
	raw_call(&regs);
	self->result[1] = *(volatile uint64_t *)SCRATCH_VA;
	for (uint32_t i = 0; i < 1000; i++)
		self->result[2]++;
	__asm__ volatile("pushfq\n\tmovq (%%rsp), %0\n\tandq %1, (%%rsp)\n\tpopfq"
			 : "=&r"(after)
			 : "r"(~flags)
			 : "memory", "cc");
	self->result[0] = regs.rax;
	self->result[3] = after;
}

/* Answers what comes: the call, the fault, and a thousand single steps. */
static void answer_all(cap_t view)
{
	struct ipc_msg m = {0};

	for (uint32_t i = 0; i < 200000 && ts_recv(endpoint, reply, &m, POLL) == E_OK; i++) {
		if (MSG_TAG_OP(m.tag) == 1)
			w->result[4] = own_page()->words[19];
		if (MSG_TAG_OP(m.tag) == MSG_OP_PAGE_FAULT)
			(void)ts_view_map(view, SCRATCH_VA, 0, 1, READ, 0);
		m.tag = TAG(FAULT_RESUME, 0);
		(void)ts_reply(reply, &m);
	}
}

static void test_flags(void)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} flags[] = {
		{0x400, "DF"},	  {0x4000, "NT"},  {0x40000, "AC"},  {0x100, "TF"},
		{0x200000, "ID"}, {0x10000, "RF"}, {0x3000, "IOPL"},
	};

	for (uint32_t i = 0; i < COUNT_OF(flags); i++) {
		cap_t view = slot_new(), memory = make(CAP_MEMORY, 1);

		must(ts_memory_attach(memory, SLOT_OWN(view), space_cap(1), SCRATCH_VA, 1, ALL), "a View");
		w->argument[0] = flags[i].bit;
		w->argument[1] = endpoint;
		worker_run(w, with_flag);
		answer_all(view);
		check(is_done(w) && w->result[0] == E_OK && w->result[2] == 1000 * (i + 1ull) &&
			      w->result[4] == 19,
		      join("a call, a fault and interrupts with a flag set:", flags[i].name));
		drop(memory);
	}
	check((w->result[3] & 0x3000) == 0, "a program cannot raise its I/O privilege");
}

void test_instructions(void)
{
	start();
	test_refused();
	start();
	test_flags();
	group_end();
}
