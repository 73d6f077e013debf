# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU: the command line of the machine."""
from __future__ import annotations

import pathlib

from .common import TARGET, ToolError

QEMU = "qemu-system-x86_64"
KERNEL = TARGET / "tools/meson/target/kernel.elf"


def command(archive: str, cmdline: str, *, memory: str, cpus: int, icount: bool, accel: str, extra: list[str],
            kernel: pathlib.Path | None = None) -> list[str]:
    """The machine without its character devices. icount: deterministic, one instruction is one nanosecond."""
    kernel = kernel or KERNEL
    if not kernel.exists():
        raise ToolError("there is no kernel image yet; `make` builds it")
    line = [QEMU, "-machine", "q35,usb=off", "-m", memory, "-smp", str(cpus), "-nodefaults", "-no-reboot", "-display", "none",
            "-kernel", str(kernel), "-initrd", archive, "-append", cmdline]
    if icount:
        line += ["-accel", "tcg", "-cpu", "max,-erms", "-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]
    elif accel == "kvm":
        line += ["-accel", "kvm", "-cpu", "host"]
    else:
        line += ["-accel", accel, "-cpu", "max"]
    return line + extra
