/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Device files the vfs answers itself (null, zero, full, random, urandom) and those it passes on to tty. */
#pragma once

#include "vfs.h"

#define DEVICE(major, minor) (((uint64_t)(major) << 8) | (minor))

/* Whether the vfs answers it; else ENXIO, or tty: *tty_kind and *tty_index as tty.open takes them. */
enum device_who { DEVICE_UNKNOWN, DEVICE_OURS, DEVICE_TTY };
enum device_who device_of(const struct inode *inode, uint32_t *tty_kind, uint32_t *tty_index);
int device_read(const struct inode *inode, void *to, uint32_t length, uint32_t *done);
int device_write(const struct inode *inode, uint32_t length, uint32_t *done);
/* Fills /dev. */
int device_populate(struct dentry *root);

/* Random bytes (random.c): ChaCha20, seeded from the machine, its key replaced after every answer. */
void random_bytes(void *to, uint32_t length);
void random_stir(const void *from, uint32_t length);
