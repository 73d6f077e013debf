# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which of the kernel's code a run in QEMU executed: QEMU's plugin tools/qemu/covered.c, and one file for each run in build/covered.

The suites `kernel` and `bounds` leave such files for ./tessera assurance, which runs itself only what is missing or older than the
kernel.
"""
from __future__ import annotations

import pathlib

from . import counter, qemu
from .common import BUILD, PROGRAMS, REPO

SOURCE = REPO / "tools/qemu/covered.c"
FOLDER = BUILD / "covered"


def file(title: str) -> pathlib.Path:
    """Where a run's blocks are written; what an earlier run left there is gone."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / title.replace("=", "-").replace(" ", "_")
    path.unlink(missing_ok=True)
    return path


def arguments(title: str) -> list[str]:
    """QEMU's, for TCG."""
    return ["-plugin", f"file={counter.build(SOURCE)},covered={file(title)}"]


def blocks(title: str, program: str) -> list[tuple[int, int]] | None:
    """(address, instructions) of what a run executed; None: there is no run of this kernel and this program."""
    path = FOLDER / title.replace("=", "-").replace(" ", "_")
    newest = max(qemu.KERNEL.stat().st_mtime, (PROGRAMS / program).stat().st_mtime)
    if not path.exists() or path.stat().st_mtime < newest:
        return None
    rows = [line.split() for line in path.read_text().splitlines()]
    return [(int(address, 16), int(count)) for _, address, count in rows] or None
