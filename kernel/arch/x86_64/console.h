/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * x86_64: the kernel's own output: QEMU's debug console, and the first serial port while the kernel owns it.
 */
#pragma once

/* With the option log=serial: COM1 too, until console_release. */
void console_init(void);
/* User space starts: the serial port is a driver's from now on. */
void console_release(void);
