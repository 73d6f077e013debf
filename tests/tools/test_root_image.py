# SPDX-License-Identifier: MIT OR Apache-2.0
"""boot/root's image: every byte of the ELF file stands where the file wants it, the stack is one Linux would make, nonsense is refused."""
import struct

import pytest
from tessera_tool import root_image
from tessera_tool.common import ToolError

PAGE = 4096
READ, WRITE, EXECUTE = 1, 2, 4
TOP, STACK_BYTES, RANDOM = 0x7FFFFFFF0000, 0x10000, 0x7FFFFFFF9038


def elf(segments, data=b"", entry=0x400100, kind=2, machine=62):
    """An ELF file: (flags, offset, va, bytes in the file, bytes in memory) each."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    programs = b"".join(struct.pack("<IIQQQQQQ", 1, flags, offset, va, va, size, memory, PAGE) for flags, offset, va, size, memory in segments)
    return (header + programs).ljust(0x1000, b"\0") + data


def memory_of(image):
    """{address of a page: (rights, bytes)}, ip, sp."""
    magic, ip, sp = struct.unpack_from("<8sQQ", image)
    assert magic == b"TSRAIMG1"
    at, pages = 216, {}
    for i in range(8):
        va, count, file_pages, rights, _ = struct.unpack_from("<QIIII", image, 24 + 24 * i)
        assert va % PAGE == 0 and file_pages <= count
        for page in range(count):
            assert va + page * PAGE not in pages
            pages[va + page * PAGE] = rights, image[at + page * PAGE:at + (page + 1) * PAGE] if page < file_pages else bytes(PAGE)
        at += file_pages * PAGE
    assert at == len(image)
    return pages, ip, sp


GOOD = [(4, 0, 0x400000, 0x200, 0x200), (5, 0x1010, 0x401010, 0x1800, 0x1800), (6, 0x2810, 0x403810, 0x100, 0x3000)]


def test_pages_are_as_the_file_has_them():
    data = bytes(i % 251 for i in range(0x2000))
    file = elf(GOOD, data)
    pages, ip, _ = memory_of(root_image.make(file))
    assert ip == 0x400100
    user = {va: page for va, page in pages.items() if va < 0x500000}
    assert {va: rights for va, (rights, _) in user.items()} == {
        0x400000: READ, 0x401000: READ | EXECUTE, 0x402000: READ | EXECUTE,
        0x403000: READ | WRITE, 0x404000: READ | WRITE, 0x405000: READ | WRITE, 0x406000: READ | WRITE}
    whole = b"".join(user[va][1] for va in sorted(user))
    expected = bytearray(len(whole))
    for _, offset, va, size, _ in GOOD:
        expected[va - 0x400000:va - 0x400000 + size] = file[offset:offset + size]
    assert whole == expected


def test_stack_is_what_linux_programs_expect():
    pages, _, sp = memory_of(root_image.make(elf(GOOD, bytes(0x2000))))
    stack = {va: page for va, page in pages.items() if va >= 0x500000}
    assert sorted(stack) == list(range(TOP - STACK_BYTES, TOP, PAGE)) and {rights for rights, _ in stack.values()} == {READ | WRITE}
    top = stack[TOP - PAGE][1]
    assert sp % 16 == 0 and TOP - PAGE <= sp < TOP

    words = struct.unpack_from(f"<{(TOP - sp) // 8}Q", top, sp - (TOP - PAGE))
    assert words[0] == 1 and words[2:4] == (0, 0)
    assert top[words[1] - (TOP - PAGE):].startswith(b"root\0")
    auxv = dict(zip(words[4::2], words[5::2]))
    assert words[4:].index(0) % 2 == 0  # AT_NULL ends it
    assert auxv[3] == 0x400040 and auxv[4] == 56 and auxv[5] == 3 and auxv[6] == PAGE and auxv[9] == 0x400100 and auxv[25] == RANDOM


@pytest.mark.parametrize("file, message", [
    (b"", "no ELF64"), (b"#!/bin/sh\n" * 20, "no ELF64"), (elf(GOOD, kind=3), "no static"), (elf(GOOD, machine=183), "no static"),
    (elf(GOOD)[:100], "headers lie outside"), (elf([(4, 0, 0x400000, 0x2000, 0x2000)]), "outside the file"),
    (elf([(4, 0, 0x400000, 0x200, 0x100)]), "outside the file"), (elf([(7, 0, 0x400000, 0x200, 0x200)]), "writable and executable"),
    (elf([(4, 0, 0x400000, 0x200, 0x200), (6, 0x200, 0x400200, 0x100, 0x100)]), "share a page"),
    (elf([(4, 0, 0x400000 + i * PAGE, 1, 1) for i in range(7)]), "segments"),
])
def test_nonsense_is_refused(file, message):
    with pytest.raises(ToolError, match=message):
        root_image.make(file)
