/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What our plugins use of QEMU's plugin interface, version 1 (QEMU 6 to 8): Debian has no package with qemu-plugin.h.
 * Source: QEMU's documentation, "QEMU TCG Plugins", section API.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
struct qemu_plugin_hwaddr;
typedef uint32_t plugin_memory_info; /* qemu_plugin_meminfo_t */
typedef void (*on_translation)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*on_execution)(unsigned int cpu, void *data);
typedef void (*on_memory)(unsigned int cpu, plugin_memory_info info, uint64_t address, void *data);
typedef void (*at_exit)(qemu_plugin_id_t id, void *data);

#define NO_REGISTERS 0 /* QEMU_PLUGIN_CB_NO_REGS */
#define INLINE_ADD 0   /* QEMU_PLUGIN_INLINE_ADD_U64 */
#define MEMORY_BOTH 3  /* QEMU_PLUGIN_MEM_RW */

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
							       const struct qemu_info *info, int argc,
							       char **argv);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, on_translation callback);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, on_execution callback, int registers,
					  void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int operation, void *value,
					      uint64_t operand);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, on_execution callback,
					    int registers, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, on_memory callback, int registers,
				      int accesses, void *data);
bool qemu_plugin_mem_is_store(plugin_memory_info info);
/* Where the access of the callback that runs goes to; NULL: unknown. */
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(plugin_memory_info info, uint64_t address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *where);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, at_exit callback, void *data);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
