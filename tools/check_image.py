#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks a linked image: check_image.py kernel|personality ELF STAMP

kernel: no segment is writable and executable, segments are page aligned, no soft-float helper and no undefined symbol.
personality: the same, and no dynamic relocation (its pages are shared by all processes at different addresses).
"""
import pathlib
import re
import subprocess
import sys

HIGHER_HALF = 0xFFFF800000000000
SOFT_FLOAT = re.compile(r"__(add|sub|mul|div|neg|fix\w*|float\w*|extend\w*|trunc\w*|eq|ne|l[te]|g[te]|unord)[sdxt]f\w*$")


def readelf(option: str, elf: str) -> str:
    return subprocess.run(["llvm-readelf-19", "--wide", option, elf], check=True, capture_output=True, text=True).stdout


def segment_faults(kind: str, elf: str) -> list[str]:
    faults = []
    for line in readelf("--program-headers", elf).splitlines():
        fields = line.split()
        if len(fields) < 8 or fields[0] != "LOAD":
            continue
        flags = "".join(fields[6:-1])
        # The kernel's boot segment runs before there are page tables and is not mapped by those that are made.
        if "W" in flags and "E" in flags and not (kind == "kernel" and int(fields[2], 16) < HIGHER_HALF):
            faults.append(f"segment at {fields[2]} is writable and executable")
        if int(fields[2], 16) % 4096 != int(fields[1], 16) % 4096:
            faults.append(f"segment at {fields[2]} is not page aligned in the file")
    return faults


def symbol_faults(elf: str) -> list[str]:
    faults = []
    for line in readelf("--symbols", elf).splitlines():
        fields = line.split()
        if len(fields) < 8 or not fields[0].endswith(":"):
            continue
        if SOFT_FLOAT.match(fields[7]):
            faults.append(f"soft-float helper {fields[7]}")
        if fields[6] == "UND" and fields[4] == "GLOBAL":
            faults.append(f"undefined symbol {fields[7]}")
    return faults


def relocation_faults(elf: str) -> list[str]:
    text = readelf("--relocations", elf)
    return [] if "no relocations" in text else ["dynamic relocations: " + text.strip().splitlines()[0]]


def main() -> int:
    kind, elf, stamp = sys.argv[1:4]
    faults = segment_faults(kind, elf) + symbol_faults(elf)
    if kind == "personality":
        faults += relocation_faults(elf)
    for fault in faults:
        print(f"{elf}: {fault}", file=sys.stderr)
    if not faults:
        pathlib.Path(stamp).write_text("checked\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
