# SPDX-License-Identifier: MIT OR Apache-2.0
"""boot/root: a static ELF executable laid out in whole pages with its stack, as abi/include/tessera/root_image.h has it.

The kernel only copies and maps what is made here. Sources: System V ABI, chapters 4 and 5 (ELF); what Linux puts on a new stack.
"""
from __future__ import annotations

import dataclasses
import re
import struct

from .common import REPO, ToolError

PAGE = 4096
MAGIC = b"TSRAIMG1"
SEGMENTS_MAX = 8
HEADER, SEGMENT = struct.Struct("<8sQQ"), struct.Struct("<QIIII")
READ, WRITE, EXECUTE = 1, 2, 4  # RIGHT_*

ELF_HEADER, ELF_PROGRAM = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ")
ELF64_LITTLE_ENDIAN = b"\x7fELF\2\1\1"
EXECUTABLE, X86_64, LOAD = 2, 62, 1
ELF_RIGHTS = {1: EXECUTE, 2: WRITE, 4: READ}
AT_NULL, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY, AT_RANDOM = 0, 3, 4, 5, 6, 9, 25


@dataclasses.dataclass
class Segment:
    va: int
    rights: int
    pages: int
    data: bytes  # whole pages, at most `pages`


@dataclasses.dataclass
class Program:
    entry: int
    headers_va: int  # of the program headers; 0: not loaded
    header_count: int
    segments: list[Segment]


def constant(name: str) -> int:
    """A literal of abi/include/tessera/types.h."""
    text = (REPO / "abi/include/tessera/types.h").read_text()
    return int(re.search(rf"#define {name} (0x[0-9a-f]+)", text)[1], 16)


def _segment(header: tuple, elf: bytes, name: str) -> Segment:
    _, flags, offset, va, _, file_bytes, memory_bytes, _ = header
    before = va % PAGE
    if file_bytes > memory_bytes or offset + file_bytes > len(elf):
        raise ToolError(f"{name}: a segment lies outside the file")
    if flags & 2 and flags & 1:
        raise ToolError(f"{name}: the segment at {va:#x} is writable and executable")
    data = bytes(before) + elf[offset:offset + file_bytes] if file_bytes else b""
    rights = sum(right for flag, right in ELF_RIGHTS.items() if flags & flag) | READ
    return Segment(va - before, rights, -(-(before + memory_bytes) // PAGE), data + bytes(-len(data) % PAGE))


def parse(elf: bytes, name: str = "boot/root") -> Program:
    """Checks a static ELF64 executable and cuts it into pages."""
    if len(elf) < ELF_HEADER.size or not elf.startswith(ELF64_LITTLE_ENDIAN):
        raise ToolError(f"{name}: no ELF64 file")
    _, kind, machine, _, entry, at, _, _, _, entry_bytes, count, _, _, _ = ELF_HEADER.unpack_from(elf)
    if (kind, machine, entry_bytes) != (EXECUTABLE, X86_64, ELF_PROGRAM.size):
        raise ToolError(f"{name}: no static executable for x86_64")
    if at + count * ELF_PROGRAM.size > len(elf):
        raise ToolError(f"{name}: its program headers lie outside the file")
    headers = [ELF_PROGRAM.unpack_from(elf, at + i * ELF_PROGRAM.size) for i in range(count)]
    loaded = [header for header in headers if header[0] == LOAD and header[6] != 0]
    program = Program(entry, 0, count, [_segment(header, elf, name) for header in loaded])
    for _, _, offset, va, _, file_bytes, _, _ in loaded:
        if offset <= at and at + count * ELF_PROGRAM.size <= offset + file_bytes:
            program.headers_va = va + at - offset
    in_order = sorted(program.segments, key=lambda segment: segment.va)
    if any(first.va + first.pages * PAGE > second.va for first, second in zip(in_order, in_order[1:])):
        raise ToolError(f"{name}: two segments share a page")
    return program


def _stack(program: Program) -> tuple[list[Segment], int]:
    """The stack's pages, the last with argc, argv, envp and auxv; and where the stack pointer stands."""
    top, size = constant("ROOT_STACK_TOP"), constant("ROOT_STACK_BYTES")
    name_va = top - 8
    auxv = {AT_PHDR: program.headers_va, AT_PHENT: ELF_PROGRAM.size, AT_PHNUM: program.header_count, AT_PAGESZ: PAGE,
            AT_ENTRY: program.entry, AT_RANDOM: constant("ROOT_RANDOM_VA"), AT_NULL: 0}
    words = [1, name_va, 0, 0, *(word for pair in auxv.items() for word in pair)]
    texts = bytes(8) + b"root".ljust(8, b"\0")  # the words are an even number: the pointer is a multiple of 16
    data = struct.pack(f"<{len(words)}Q", *words) + texts
    rights = READ | WRITE
    return [Segment(top - size, rights, size // PAGE - 1, b""), Segment(top - PAGE, rights, 1, data.rjust(PAGE, b"\0"))], top - len(data)


def make(elf: bytes, name: str = "boot/root") -> bytes:
    program = parse(elf, name)
    stack, stack_pointer = _stack(program)
    segments = program.segments + stack
    if len(segments) > SEGMENTS_MAX:
        raise ToolError(f"{name}: {len(segments)} segments with the stack; {SEGMENTS_MAX} are possible")
    headers = [SEGMENT.pack(s.va, s.pages, len(s.data) // PAGE, s.rights, 0) for s in segments]
    return HEADER.pack(MAGIC, program.entry, stack_pointer) + b"".join(headers).ljust(SEGMENTS_MAX * SEGMENT.size, b"\0") + b"".join(
        s.data for s in segments)
