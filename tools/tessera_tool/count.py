# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera count: the size of the kernel for x86_64, in lines without comments and blank ones, against its two limits.

Everything that is compiled into that kernel counts: kernel/ without the host's HAL and the tests. Assembly counts like C, its `#` comments do not.
"""
from __future__ import annotations

import argparse
import pathlib
import re

from .common import REPO

KERNEL_MAX, ARCH_MAX = 9000, 3000
PARTS = ("core", "object", "mm", "include", "genarch", "arch/x86_64")
SUFFIXES = (".c", ".h", ".S", ".ld")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
ASSEMBLY_COMMENT = re.compile(r"^\s*#(?!\s*(?:include|define|undef|if|ifdef|ifndef|else|elif|endif|error|pragma)\b).*$", re.MULTILINE)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def code_lines(text: str, is_assembly: bool = False) -> int:
    """Lines that hold more than comment and white space. A comment that begins inside a string is none."""
    text = STRING.sub('""', text)
    text = COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    if is_assembly:
        text = ASSEMBLY_COMMENT.sub("", text)
    return sum(1 for line in text.splitlines() if line.strip())


def _files(part: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in sorted(part.rglob("*")) if path.suffix in SUFFIXES and "test" not in path.relative_to(part).parts]


def counts(kernel: pathlib.Path = REPO / "kernel") -> dict[str, int]:
    return {part: sum(code_lines(path.read_text(), path.suffix == ".S") for path in _files(kernel / part)) for part in PARTS}


def faults(rows: dict[str, int]) -> list[str]:
    """What is beyond its limit."""
    total, arch = sum(rows.values()), rows["arch/x86_64"]
    result = [f"kernel/ has {total} lines; {KERNEL_MAX} are allowed"] if total > KERNEL_MAX else []
    return result + ([f"kernel/arch/x86_64 has {arch} lines; {ARCH_MAX} are allowed"] if arch > ARCH_MAX else [])


def table(rows: dict[str, int]) -> str:
    lines = ["| kernel for x86_64 | lines without comments and blank lines | limit |", "| --- | ---: | ---: |"]
    lines += [f"| `kernel/{part}` | {count:,} | {f'{ARCH_MAX:,}' if part == 'arch/x86_64' else ''} |" for part, count in rows.items()]
    return "\n".join([*lines, f"| **all** | **{sum(rows.values()):,}** | {KERNEL_MAX:,} |"])


def start(_args: argparse.Namespace) -> int:
    rows = counts()
    print(table(rows))
    for fault in faults(rows):
        print(fault)
    return 1 if faults(rows) else 0
