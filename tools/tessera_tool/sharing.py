# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which cache lines the kernel's fast paths of two CPUs have in common: `bench-native` with two CPUs, each with a pair of client and server,
under QEMU's plugin tools/qemu/sharing.c."""
from __future__ import annotations

import dataclasses
import pathlib
import subprocess
import tempfile

from . import counter, qemu
from .common import REPO, ToolError

SOURCE = REPO / "tools/qemu/sharing.c"
FAST = {"kernel_ipc_call", "kernel_ipc_reply_recv"}
SLOW = {"kernel_syscall", "lock_take_all"}
SECONDS = 300


@dataclasses.dataclass
class Sharing:
    entries: dict[int, int]  # fast paths, by CPU
    lines: dict[int, int]  # cache lines they touched
    shared: list[str]  # those that one wrote and another one touched, in words


def _addresses(names: set[str], kernel: pathlib.Path) -> str:
    text = subprocess.run(["llvm-nm-19", str(kernel)], check=True, capture_output=True, text=True).stdout
    found = {row[2]: row[0] for row in (line.split() for line in text.splitlines()) if len(row) == 3 and row[2] in names}
    if missing := names - found.keys():
        raise ToolError(f"the kernel has no function {', '.join(sorted(missing))}")
    return "\n".join(found.values()) + "\n"


def _in_words(row: list[str], kernel: counter.Image) -> str:
    line, writer, wrote, other, touched = row
    return (f"the line at 0x{line}: CPU {writer} wrote it in {kernel.function(int(wrote, 16))[0]}, "
            f"CPU {other} touched it in {kernel.function(int(touched, 16))[0]}")


def measure(kernel: pathlib.Path = qemu.KERNEL) -> Sharing:
    with tempfile.TemporaryDirectory(prefix="tessera-sharing-") as name:
        folder = pathlib.Path(name)
        (folder / "fast").write_text(_addresses(FAST, kernel))
        (folder / "slow").write_text(_addresses(SLOW, kernel))
        options = f"out={folder / 'out'},fast={folder / 'fast'},slow={folder / 'slow'}"
        counter.run(SOURCE, options, "bench-native", SECONDS, kernel=kernel, memory="256M", cpus=2, icount=False, accel="tcg,thread=multi")
        rows = [line.split() for line in (folder / "out").read_text().splitlines()]
    symbols = counter.Image(kernel)
    fast = [[int(word) for word in row[1:]] for row in rows if row[0] == "fast"]
    return Sharing({cpu: entries for cpu, entries, _ in fast}, {cpu: lines for cpu, _, lines in fast},
                   [_in_words(row[1:], symbols) for row in rows if row[0] == "shared"])
