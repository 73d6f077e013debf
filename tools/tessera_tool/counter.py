# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU's plugins: builds and runs them; what tools/qemu/counter.c counted, and a table of functions of its profile."""
from __future__ import annotations

import bisect
import collections
import pathlib
import re
import subprocess
import tempfile

from . import qemu, session
from .common import BUILD, PROGRAMS, REPO, TARGET, ToolError
from .image import compose

SOURCE = REPO / "tools/qemu/counter.c"
INTERVAL = re.compile(r"^interval (\S+) (\d+)\s*$", re.MULTILINE)  # printed by the programs, in order
FIRST_KERNEL_ADDRESS = 1 << 63
FIRST_PERSONALITY_ADDRESS = 0x7FFF00000000
TOP = 40


def build(source: pathlib.Path = SOURCE) -> pathlib.Path:
    """The plugin of a source, built if it is not there or old."""
    plugin = BUILD / "bench" / source.with_suffix(".so").name
    if not plugin.exists() or plugin.stat().st_mtime < max(path.stat().st_mtime for path in (source, source.with_name("plugin.h"))):
        plugin.parent.mkdir(parents=True, exist_ok=True)
        command = ["clang-19", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(plugin), str(source)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise ToolError(f"building {source} failed:\n{result.stderr}")
    return plugin


def run(source: pathlib.Path, options: str, program: str, seconds: float, *, kernel: pathlib.Path = qemu.KERNEL, **machine) -> session.Log:
    """The log of a native program that is started instead of root, under the plugin of a source. machine: see qemu.command."""
    file = PROGRAMS / program
    if not file.exists():
        raise ToolError(f"no program {program}")
    with tempfile.TemporaryDirectory(prefix="tessera-plugin-") as name:
        archive = pathlib.Path(name) / "archive.cpio"
        archive.write_bytes(compose([], file))
        command = qemu.command(str(archive), "", extra=["-plugin", f"file={build(source)},{options}"], kernel=kernel, **machine)
        log = session.Log(None, None)
        guest = session.Session(command, interactive=False, timeout=seconds, log=log, input_fd=None, output=lambda _: None, awaits_ready=False)
        guest.run()
    if guest.timed_out or log.panic_since:
        raise ToolError(f"{program} did not end well:\n{log.tail()}")
    return log


def arguments(counts: pathlib.Path, profile: pathlib.Path | None) -> list[str]:
    return ["-plugin", f"file={build()},out={counts}" + (f",profile={profile}" if profile else "")]


def switches(console: str, counts: str) -> str:
    """`switches NAME VALUE` lines: CR3 writes per operation."""
    writes = [int(line.split()[3]) for line in counts.splitlines()]
    named = INTERVAL.findall(console)
    if len(writes) != len(named):
        raise ToolError(f"{len(writes)} intervals counted, {len(named)} printed")
    return "".join(f"switches {name} {value / int(count):.2f}\n" for (name, count), value in zip(named, writes))


class Image:
    """An ELF with its functions; recognises its own code by address and bytes."""

    def __init__(self, path: pathlib.Path):
        self.name = path.name.removesuffix(".elf")
        self.data = path.read_bytes()
        self.segments = self._segments(path)
        symbols = subprocess.run(["llvm-nm-19", "-n", str(path)], capture_output=True, text=True).stdout.splitlines()
        table = [(int(line.split()[0], 16), line.split()[2]) for line in symbols if line.split()[1] in "tTwW"]
        self.addresses = [address for address, _ in table]
        self.names = [name for _, name in table]

    @staticmethod
    def _segments(path: pathlib.Path) -> list[tuple[int, int, int]]:
        text = subprocess.run(["llvm-readelf-19", "-lW", str(path)], capture_output=True, text=True).stdout
        found = re.findall(r"LOAD\s+(0x\w+) (0x\w+) 0x\w+ (0x\w+)", text)
        return [tuple(int(number, 16) for number in row) for row in found]

    def has(self, address: int, code: bytes) -> bool:
        for offset, start, size in self.segments:
            if start <= address < start + size:
                at = offset + address - start
                return self.data[at:at + len(code)] == code
        return False

    def find(self, page_offset: int, code: bytes) -> int | None:
        """Where position-independent code stands that was seen at an address with this offset in its page."""
        for offset, start, size in self.segments:
            at = self.data.find(code, offset, offset + size)
            while at >= 0:
                if (start + at - offset) & 0xFFF == page_offset:
                    return start + at - offset
                at = self.data.find(code, at + 1, offset + size)
        return None

    def function(self, address: int) -> tuple[str, bool]:
        """The function at an address, and whether that is its first instruction."""
        index = bisect.bisect_right(self.addresses, address) - 1
        return (self.names[index], self.addresses[index] == address) if index >= 0 else (hex(address), False)


def _images() -> list[Image]:
    return [Image(path) for path in sorted((TARGET / "tools/meson/target").glob("*.elf"))]


def _locate(images: list[Image], address: int, code: bytes) -> tuple[str, str, bool]:
    for image in images:
        if image.name != "personality" and image.has(address, code):
            return image.name, *image.function(address)
    if FIRST_PERSONALITY_ADDRESS <= address < FIRST_KERNEL_ADDRESS:
        for image in images:
            if image.name == "personality" and (found := image.find(address & 0xFFF, code)) is not None:
                return image.name, *image.function(found)
    return "?", hex(address), False


def table(profile: str, console: str, row: str) -> str:
    """Instructions and calls (without tail calls into the middle of a block) per operation of one row by image and function."""
    named = INTERVAL.findall(console)
    index = [name for name, _ in named].index(row)
    operations = int(named[index][1])
    images, functions, calls = _images(), collections.Counter(), collections.Counter()
    for line in profile.splitlines():
        _, interval, address, instructions, times, code = line.split()
        if int(interval) == index:
            *place, is_entry = _locate(images, int(address, 16), bytes.fromhex(code))
            functions[tuple(place)] += int(instructions) * int(times)
            calls[tuple(place)] += int(times) * is_entry
    totals = collections.Counter()
    for (image, _), count in functions.items():
        totals[image] += count
    lines = [f"{row}: {sum(totals.values()) / operations:,.0f} instructions"]
    lines += [f"  {count / operations:>12,.1f}  {image}" for image, count in totals.most_common()]
    lines.append("")
    lines.append(f"  {'instructions':>12} {'calls':>8}")
    lines += [f"  {count / operations:>12,.1f} {calls[image, name] / operations:>8,.1f}  {image}: {name}"
              for (image, name), count in functions.most_common(TOP)]
    return "\n".join(lines)
