# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera symbolize: addresses of a log's reports to function and line.

A report line reads `bt: 0x... 0x...`; `in NAME` on it or on a line before it says whose addresses they are; addresses of the
upper half are the kernel's. A personality's line carries `base=0x...`, its image's load address.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

from .common import PROGRAMS, REPO, TARGET, ToolError
from .qemu import KERNEL

KERNEL_START = 0xFFFF800000000000
NAME = re.compile(r"\bin (?:service )?([a-z][a-z0-9_-]*)\b")
BASE = re.compile(r"\bbase=(0x[0-9a-f]+)")
TRACE = re.compile(r"\b(?:bt|backtrace):((?: 0x[0-9a-fA-F]+)+)")
POINTER = re.compile(r"\b(?:rip|ip|RIP)[=: ]+(0x[0-9a-fA-F]+)")


def _short(place: str) -> str:
    """file:line relative to the repository."""
    path, _, line = place.rpartition(":")
    return f"{os.path.relpath(TARGET / path, REPO)}:{line}" if path and path != "??" else place


def lookup(elf: pathlib.Path, addresses: list[int]) -> list[str]:
    """function at file:line for each address; inlined frames joined with <-."""
    if not elf.exists():
        return [f"?? ({elf.name} is not built)"] * len(addresses)
    command = ["llvm-symbolizer-19", "--output-style=GNU", "--no-demangle", "--functions=linkage", f"--obj={elf}"]
    result = []
    for address in addresses:
        text = subprocess.run([*command, hex(address)], capture_output=True, text=True).stdout
        lines = text.strip().splitlines()
        frames = [f"{lines[i]} at {_short(lines[i + 1])}" for i in range(0, len(lines) - 1, 2)]
        result.append(" <- ".join(frames) or "??")
    return result


class Symbolizer:
    """Remembers whom the report at hand is about."""

    def __init__(self):
        self.name, self.base = "kernel", 0

    def _elf(self, address: int) -> tuple[pathlib.Path, int]:
        if address >= KERNEL_START:
            return KERNEL, address
        base = self.base if self.name == "personality" else 0
        return PROGRAMS / f"{self.name}.elf", address - base

    def _describe(self, address: int, is_return: bool) -> str:
        elf, value = self._elf(address)
        where = lookup(elf, [value - 1 if is_return else value])[0]
        return f"    {address:#018x} {where} [{elf.stem}]"

    def line(self, text: str) -> list[str]:
        """What to print below this line of the log."""
        name = NAME.search(text)
        if name and (PROGRAMS / f"{name[1]}.elf").exists():
            self.name = name[1]
        if base := BASE.search(text):
            self.base = int(base[1], 16)
        result = []
        if pointer := POINTER.search(text):
            result.append(self._describe(int(pointer[1], 16), False))
        if trace := TRACE.search(text):
            result += [self._describe(int(word, 16), index > 0) for index, word in enumerate(trace[1].split())]
        return result


def annotate(text: str) -> str:
    """The text with a line per address below each report line; unchanged where no symbolizer is installed."""
    if not shutil.which("llvm-symbolizer-19"):
        return text
    symbolizer = Symbolizer()
    result = []
    for line in text.splitlines():
        result += [line, *symbolizer.line(line)]
    return "\n".join(result)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("log", nargs="?", default="-", help="file with the report (default: standard input)")


def start(args: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if args.log == "-" else pathlib.Path(args.log).read_text(errors="replace")
    except OSError as error:
        raise ToolError(f"{args.log}: {error.strerror}") from error
    print(annotate(text))
    return 0
