/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What port.c needs at the start and tells about itself; only main.c and control.c use this. */
#pragma once

#include <stdbool.h>

#include <tessera/types.h>

/* Prepares the pools of Untyped. */
void port_start(void);
/* The Memory capability a pool of frames is mapped through, and with which rights at most. */
void port_set_pool(uint32_t pool, cap_t memory, uint32_t rights);
/* Attaches a Memory to mem's own address space and maps all of it at va (read, write). */
bool port_map_own(cap_t memory, uint64_t va, uint64_t pages);
/* Bytes of Untyped that are left for page tables and address spaces, and tables given to spaces. */
void port_tables_usage(uint64_t *untyped_free_bytes, uint64_t *table_pages);
/* Slots taken by parts of address spaces that are kept for later ones. */
uint32_t port_slots_kept(void);
