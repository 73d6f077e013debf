# SPDX-License-Identifier: MIT OR Apache-2.0
"""A damaged boot archive: the boot says why it stops, and ./tessera run ends with 125 and that line."""
import struct
import sys

import pytest
from conftest import TOP, tessera

sys.path.insert(0, str(TOP / "tools"))

from tessera_tool import cpio, image, options, root_image  # noqa: E402

NO_ROOT = "KERNEL PANIC: boot: the archive does not begin with boot/root, or that is no image of a program"
ELF_HEADERS_AT, ELF_HEADER_BYTES, LOAD = 64, 56, 1  # program headers of our own programs follow the ELF header
SEGMENTS_AT, SEGMENT_BYTES = root_image.HEADER.size, root_image.SEGMENT.size


def boot(tmp_path, archive, *arguments):
    """What ./tessera run says of a machine with this archive (QEMU takes the last -initrd)."""
    path = tmp_path / "archive.cpio"
    path.write_bytes(archive)
    return tessera("--timeout", 60, "--qemu-arg=-initrd", f"--qemu-arg={path}", *arguments, "--", "true", timeout=120)


def assert_stops(result, line):
    assert result.returncode == 125, result.stderr[-2000:]
    assert line in result.stderr
    assert "timeout" not in result.stderr


def entries():
    return cpio.parse(image.compose([]))


def whole(changed):
    return cpio.finish(cpio.body(changed))


def offset_of(archive, path):
    """Where the header of a file begins."""
    return archive.index(path.encode() + b"\0") - 110


def with_file(path, change):
    result = entries()
    for entry in result:
        if entry.path == path:
            entry.data = change(entry.data)
    return whole(result)


def without(path):
    return whole([entry for entry in entries() if entry.path != path])


def with_headers(data, change):
    """An ELF file whose list of (offset of a loadable segment's program header) `change` has been applied to."""
    data = bytearray(data)
    count = struct.unpack_from("<H", data, 56)[0]
    places = [ELF_HEADERS_AT + i * ELF_HEADER_BYTES for i in range(count)]
    change(data, [at for at in places if struct.unpack_from("<I", data, at)[0] == LOAD])
    return bytes(data)


def overlap(data, headers):
    """The second segment begins in the first one's first page."""
    first, second = (struct.unpack_from("<Q", data, at + 16)[0] for at in headers[:2])
    struct.pack_into("<Q", data, headers[1] + 16, (first & ~0xFFF) | (second & 0xFFF))


def in_root(offset, kind, value):
    """A change of one field of root's image."""
    def change(data):
        data = bytearray(data)
        struct.pack_into(kind, data, offset, value)
        return bytes(data)
    return change


def second_at_the_first(data):
    return in_root(SEGMENTS_AT + SEGMENT_BYTES, "<Q", struct.unpack_from("<Q", data, SEGMENTS_AT)[0])(data)


def test_undamaged(tmp_path):
    """What the others damage works."""
    run = image.in_rootfs(options.guest_files(["true"], None, {"run": "1", "tty": "plain", "stderr": "ttyS1", "sync": "1"}))
    assert boot(tmp_path, whole(entries() + run[1:])).returncode == 0


@pytest.mark.parametrize("name, damage", [
    ("empty page", lambda data: bytes(4096)),
    ("no magic", lambda data: b"garbage!" + data[8:]),
    ("first header cut off", lambda data: data[:60]),
    ("root's header cut off", lambda data: data[:offset_of(data, "boot/root") + 50]),
    ("root's data cut off", lambda data: data[:offset_of(data, "boot/root") + 5000]),
    ("root's size is no number", lambda data: data.replace(data[offset_of(data, "boot/root"):][:62], b"070701" + b"z" * 56, 1)),
    ("a size beyond the archive", lambda data: data[:54] + b"ffffffff" + data[62:]),
    ("a name beyond the archive", lambda data: data[:94] + b"ffffffff" + data[102:]),
    ("root is not the first", lambda data: cpio.body([cpio.directory("boot")]) + data),
    ("random bytes", lambda data: bytes((i * i * 7 + 13) % 251 for i in range(65536))),
])
def test_garbled_archive(tmp_path, name, damage):
    assert_stops(boot(tmp_path, damage(whole(entries()))), NO_ROOT)


def test_root_is_missing(tmp_path):
    assert_stops(boot(tmp_path, without("boot/root")), NO_ROOT)


@pytest.mark.parametrize("change, line", [
    (second_at_the_first, "KERNEL PANIC: boot: cannot map root's memory"),
    (in_root(SEGMENTS_AT, "<Q", 0xFFFFFFFF80000000), "KERNEL PANIC: boot: cannot map root's memory"),
    (in_root(SEGMENTS_AT, "<Q", 0x1000001), "KERNEL PANIC: boot: cannot map root's memory"),
    (in_root(SEGMENTS_AT + 8, "<I", 0xFFFFFFFF), "KERNEL PANIC: boot: out of memory"),
    (in_root(8, "<Q", 0xFFFFFFFF80000000), "KERNEL PANIC: boot: boot/root does not start at a user address"),
    (in_root(16, "<Q", 1 << 60), "KERNEL PANIC: boot: boot/root does not start at a user address"),
    (in_root(SEGMENTS_AT + 12, "<I", 0xFFFFFFFF), NO_ROOT), (in_root(SEGMENTS_AT + 16, "<I", 7), NO_ROOT),
])
def test_bad_segments_of_root(tmp_path, change, line):
    assert_stops(boot(tmp_path, with_file("boot/root", change)), line)


@pytest.mark.parametrize("change", [lambda data: data[:100], lambda data: b"#!/bin/sh\n", lambda data: b"",
                                    lambda data: (image.PROGRAMS / "root").read_bytes()])
def test_root_is_no_program(tmp_path, change):
    assert_stops(boot(tmp_path, with_file("boot/root", change)), NO_ROOT)


def test_manifest_is_missing(tmp_path):
    assert_stops(boot(tmp_path, without("boot/manifest")), "the boot archive has no boot/manifest")


@pytest.mark.parametrize("change", [lambda data: data[:40], lambda data: bytes(len(data)), lambda data: data + data])
def test_bad_manifest(tmp_path, change):
    assert_stops(boot(tmp_path, with_file("boot/manifest", change)), "boot/manifest: ")


@pytest.mark.parametrize("service", ["mem", "uart"])
def test_service_is_missing_or_damaged(tmp_path, service):
    assert_stops(boot(tmp_path, without(f"boot/{service}")), f"{service}: the boot archive has no boot/{service}")
    overlapping = with_file(f"boot/{service}", lambda data: with_headers(data, overlap))
    assert_stops(boot(tmp_path, overlapping), f"{service}: boot/{service}: overlapping segments")


def test_more_than_the_memory(tmp_path):
    """An archive that fits, and leaves too little for the services."""
    large = entries() + [cpio.regular("rootfs/large", bytes(100 << 20))]
    assert_stops(boot(tmp_path, whole(large), "--mem", "128M"), "root cannot go on: not enough memory: ")
