# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU: the command line of the machine, and which accelerator really works here."""
from __future__ import annotations

import json
import os
import pathlib
import struct
import subprocess
import tempfile

from .common import BUILD, TARGET, ToolError, say, step

QEMU = "qemu-system-x86_64"
KERNEL = TARGET / "tools/meson/target/kernel.elf"
ANSWER = BUILD / "accelerator.json"
PROBE_SECONDS = 20


def _probe_guest() -> bytes:
    """A Multiboot image of a few instructions: writes 'K' to the debug console and leaves through isa-debug-exit."""
    load = 0x100000
    flags = 0x10000  # the header's addresses are valid
    code = bytes([0xB0, 0x4B, 0xE6, 0xE9, 0xB0, 0x10, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD])
    magic = 0x1BADB002
    end = load + 32 + len(code)
    return struct.pack("<8I", magic, flags, -(magic + flags) & 0xFFFFFFFF, load, load, end, end, load + 32) + code


def _kvm_runs_a_guest() -> bool:
    """Some machines have a /dev/kvm that opens and then hangs, so a guest has to be run, within bounds."""
    with tempfile.TemporaryDirectory() as folder:
        guest = pathlib.Path(folder) / "probe"
        guest.write_bytes(_probe_guest())
        command = [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "32", "-nodefaults", "-no-reboot", "-display", "none",
                   "-debugcon", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-kernel", str(guest)]
        try:
            result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return b"K" in result.stdout


def _machine_key() -> str:
    """What the remembered answer belongs to: this boot of this machine (a container may move)."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = "unknown"
    return f"{os.uname().nodename} {boot}"


def accelerator() -> str:
    """"kvm" or "tcg"."""
    forced = os.environ.get("TESSERA_ACCEL")
    if forced in ("kvm", "tcg"):
        return forced
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    try:
        kept = json.loads(ANSWER.read_text())
        if kept["machine"] == _machine_key():
            return kept["accelerator"]
    except (OSError, ValueError, KeyError):
        pass
    with step("probing /dev/kvm with a test boot"):
        answer = "kvm" if _kvm_runs_a_guest() else "tcg"
    if answer == "tcg":
        say("/dev/kvm opens, but no guest runs in it: using TCG from now on")
    ANSWER.parent.mkdir(parents=True, exist_ok=True)
    ANSWER.write_text(json.dumps({"machine": _machine_key(), "accelerator": answer}))
    return answer


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
        line += ["-accel", "tcg", "-cpu", "max"]
    return line + extra
