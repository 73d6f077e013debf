# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera bounds: how long the kernel keeps interrupts off, by operation.

The programs `bounds` (the worst cases that are known, tests/bounds) and `conformance` run under QEMU's plugin
tools/qemu/sections.c, which measures every section between two points at which an interrupt could be taken. The longest of each
operation is held against the published bound, a row of docs/bounds.md.
"""
from __future__ import annotations

import argparse
import collections
import pathlib
import re
import subprocess
import tempfile

from abigenerator import model

from . import build, counter, executed, qemu
from .common import BUILD, REPO, say, step

SOURCE = REPO / "tools/qemu/sections.c"
BOUNDS = REPO / "docs/bounds.md"
RUNS = ["bounds", "conformance"]
ENTRIES = {"kernel_ipc_call": "call (fast)", "kernel_ipc_reply_recv": "reply_recv (fast)", "kernel_foreign_syscall": "reflected call",
           "kernel_page_fault": "page fault", "kernel_exception": "exception", "kernel_irq": "device interrupt", "kernel_timer": "timer interrupt"}
ROW = re.compile(r"^\| `(.+)` \| ([0-9,]+) \|$", re.MULTILINE)
SECTION = re.compile(r"^section (\S+) (\d+) (\d+) (\d+)$", re.MULTILINE)
GOAL = 5000
MEMORY = "1024M"
SECONDS = 1200
TOP = 25


def _symbols() -> dict[str, int]:
    """Address of what the dispatcher calls for each operation (its handler is part of its decoder, if it has one), and of each other entry."""
    text = subprocess.run(["llvm-nm-19", str(qemu.KERNEL)], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    called = {f"{'decode' if op.decoded else 'invoke'}_{op.name}" for op in model.load(REPO / "abi").operations} | set(ENTRIES)
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3 and row[2] in called}


def label(symbol: str) -> str:
    return ENTRIES.get(symbol) or symbol.removeprefix("invoke_").removeprefix("decode_")


def measure(program: str, worst: str = "", covered: pathlib.Path | None = None) -> tuple[dict[str, tuple[int, int, int]], list[str]]:
    """(longest, sections, instructions in all) by operation of one run, and the longest section's blocks of `worst`; what was executed
    at all goes to `covered`."""
    with tempfile.TemporaryDirectory(prefix="tessera-bounds-") as name:
        folder = pathlib.Path(name)
        (folder / "symbols").write_text("".join(f"{address:x} {symbol}\n" for symbol, address in _symbols().items()))
        options = f"out={folder / 'out'},symbols={folder / 'symbols'}" + (f",worst={worst}" if worst else "") + (f",covered={covered}" if covered else "")
        log = counter.run(SOURCE, options, program, SECONDS, memory=MEMORY, cpus=1, icount=True, accel="tcg")
        text = (folder / "out").read_text()
        (BUILD / "bench").mkdir(parents=True, exist_ok=True)
        (BUILD / f"bench/{program}.log").write_bytes(b"\n".join(log.lines))
    rows = {label(name): (int(longest), int(times), int(total)) for name, longest, times, total in SECTION.findall(text)}
    return rows, [line for line in text.splitlines() if line.startswith("block ")]


def longest(programs: list[str]) -> dict[str, int]:
    """The longest section of each operation in all programs."""
    result: dict[str, int] = {}
    for program in programs:
        with step(f"measuring {program}"):
            rows, _ = measure(program, covered=executed.file(f"{program} counted"))
        for name, (length, _, _) in rows.items():
            result[name] = max(result.get(name, 0), length)
    return result


def published() -> dict[str, int]:
    return {name: int(bound.replace(",", "")) for name, bound in ROW.findall(BOUNDS.read_text())}


def bound_for(value: int) -> int:
    """A bound to publish for what was measured: some room, in hundreds, and above the goal only if that is missed."""
    rounded = -(-value * 115 // 10000) * 100
    return min(rounded, GOAL) if value <= GOAL else rounded


def problems(measured: dict[str, int], bounds: dict[str, int]) -> list[str]:
    """What is longer than its bound, has no bound, or was not seen at all."""
    found = [f"{name}: {value} instructions, bound {bounds[name]}" for name, value in measured.items() if name in bounds and value > bounds[name]]
    found += [f"{name}: no bound is published" for name in measured if name not in bounds]
    found += [f"{name}: was not measured" for name in bounds if name not in measured]
    return found


def _print_worst(blocks: list[str]) -> None:
    """Instructions of the longest section by function."""
    kernel = counter.Image(qemu.KERNEL)
    functions = collections.Counter()
    for line in blocks:
        _, address, instructions = line.split()
        functions[kernel.function(int(address, 16))[0]] += int(instructions)
    for name, count in functions.most_common(TOP):
        print(f"{count:>10,}  {name}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", nargs="*", default=RUNS, help=f"native programs to run (default: {' '.join(RUNS)})")
    parser.add_argument("--worst", metavar="SYMBOL", help="where the instructions of this handler's longest section go (invoke_..., decode_..., kernel_...)")
    parser.add_argument("--write", action="store_true", help=f"write {BOUNDS.name} anew from what was measured, rounded up")


def start(args: argparse.Namespace) -> int:
    build.build_target(quiet=True)
    if args.worst:
        _print_worst(measure(args.program[0], args.worst)[1])
        return 0
    measured, bounds = longest(args.program), published()
    for name, value in sorted(measured.items(), key=lambda item: -item[1]):
        print(f"{name:28} {value:>10,} {bounds.get(name, 0):>10,}{'  above the goal' if value > GOAL else ''}")
    if args.write:
        text = ROW.sub("", BOUNDS.read_text()).rstrip("\n")
        rows = "".join(f"| `{name}` | {bound_for(value):,} |\n" for name, value in sorted(measured.items(), key=lambda item: (-bound_for(item[1]), item[0])))
        BOUNDS.write_text(text + "\n" + rows)
        say(f"written to {BOUNDS}")
        return 0
    for line in problems(measured, bounds):
        say(line)
    return 1 if problems(measured, bounds) else 0
