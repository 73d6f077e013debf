/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: mitigations of speculative execution, chosen once at boot.
 *
 * mitigations=off: none; auto (the default): what CPUID and IA32_ARCH_CAPABILITIES say the CPU needs, nothing on an emulator;
 * on: all that the CPU can do.  kpti=on|off decides about separated page tables alone.  Sources: Intel, "Speculative Execution
 * Side Channel Mitigations" and SDM volume 4 (MSRs); AMD, "Software techniques for managing speculation".
 */
#include "speculation.h"

#include <hal.h>
#include <log.h>

#include "asm.h"
#include "cpu.h"
#include "../../genarch/options.h"

#define MSR_EFER 0xc0000080u
#define EFER_AUTO_IBRS 0x200000ull
#define MSR_SPEC_CTRL 0x48u
#define SPEC_CTRL_IBRS 1u
#define SPEC_CTRL_STIBP 2u
#define MSR_PRED_CMD 0x49u
#define PRED_CMD_IBPB 1u
#define MSR_ARCH_CAPABILITIES 0x10au
#define CAPABILITY_RDCL_NO 0x1u
#define CAPABILITY_IBRS_ALL 0x2u
#define CAPABILITY_MDS_NO 0x20u
/* CPUID 7, EDX */
#define LEAF7_MD_CLEAR (1u << 10)
#define LEAF7_IBPB (1u << 26)
#define LEAF7_STIBP (1u << 27)
#define LEAF7_ARCH_CAPABILITIES (1u << 29)
/* CPUID 0x80000008, EBX; 0x80000021, EAX */
#define AMD8_IBPB (1u << 12)
#define AMD8_STIBP (1u << 15)
#define AMD21_AUTO_IBRS (1u << 8)

struct speculation speculation;

/* QEMU without KVM, which does not guess. */
static bool is_emulator(void)
{
	return (cpuid(1, 0).ecx >> 31) != 0 && cpuid(0x40000000u, 0).ebx == 0x54474354u; /* "TCGT" */
}

/* Intel's CPUs that let user mode see kernel memory (Meltdown) or what is left in buffers (MDS). */
static bool is_leaky(uint64_t capabilities)
{
	bool has_buffers = (cpu_features.leaf7_edx & LEAF7_MD_CLEAR) && !(capabilities & CAPABILITY_MDS_NO);

	return cpu_features.is_intel && (!(capabilities & CAPABILITY_RDCL_NO) || has_buffers);
}

void speculation_choose(void)
{
	bool is_off = has_option("mitigations=off"), is_on = has_option("mitigations=on");
	uint32_t leaf7 = cpu_features.leaf7_edx, amd8 = cpu_features.amd8_ebx;
	uint64_t capabilities = leaf7 & LEAF7_ARCH_CAPABILITIES ? read_msr(MSR_ARCH_CAPABILITIES) : 0;
	bool is_separated = !is_off && (is_on || is_leaky(capabilities));

	speculation.is_separated = (is_separated || has_option("kpti=on")) && !has_option("kpti=off");
	if (is_off || (!is_on && is_emulator()))
		return;
	speculation.has_ibrs = (capabilities & CAPABILITY_IBRS_ALL) != 0;
	speculation.has_auto_ibrs = (cpu_features.amd21_eax & AMD21_AUTO_IBRS) != 0;
	speculation.has_retpoline = !speculation.has_ibrs && !speculation.has_auto_ibrs;
	speculation.has_stibp = (leaf7 & LEAF7_STIBP) || (amd8 & AMD8_STIBP);
	speculation.has_ibpb = (leaf7 & LEAF7_IBPB) || (amd8 & AMD8_IBPB);
	speculation.fills_returns = true;
}

void speculation_enable(void)
{
	if (speculation.has_ibrs || speculation.has_stibp)
		write_msr(MSR_SPEC_CTRL, (speculation.has_ibrs ? SPEC_CTRL_IBRS : 0) |
						 (speculation.has_stibp ? SPEC_CTRL_STIBP : 0));
	if (speculation.has_auto_ibrs)
		write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_AUTO_IBRS);
	if (speculation.has_retpoline)
		dispatch_direct_limit = 0;
}

void speculation_barrier(void)
{
	if (speculation.has_ibpb)
		write_msr(MSR_PRED_CMD, PRED_CMD_IBPB);
	if (speculation
		    .fills_returns) /* 32 calls that nobody returns from; a return guessed by them stops at INT3 */
		__asm__ volatile(".rept 32\n\tcall 1f\n\tint3\n1:\n\t.endr\n\taddq $256, %%rsp"
				 :
				 :
				 : "memory", "cc");
}

void speculation_report(void)
{
	const struct {
		bool is_on;
		const char *name;
	} all[] = {
		{speculation.is_separated, " kpti+verw"},  {speculation.has_ibrs, " ibrs"},
		{speculation.has_auto_ibrs, " auto-ibrs"}, {speculation.has_retpoline, " retpoline"},
		{speculation.has_stibp, " stibp"},	   {speculation.has_ibpb, " ibpb"},
		{speculation.fills_returns, " rsb"},
	};

	log_text("boot: mitigations: index masks");
	for (unsigned int i = 0; i < ARRAY_COUNT(all); i++)
		log_text(all[i].is_on ? all[i].name : "");
	log_text("\n");
}
