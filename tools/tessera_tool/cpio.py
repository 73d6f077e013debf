# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reading and writing cpio archives in the newc format (see cpio(5); magic 070701, all numbers eight hex digits).

An archive body is what stands before the trailer, so that bodies can be put one behind the other: later entries win.
"""
from __future__ import annotations

import dataclasses
import os
import pathlib
import stat
import tarfile

TRAILER = "TRAILER!!!"
FIXED_MTIME = 1767225600  # 2026-01-01: files made by the build carry no time of their own


@dataclasses.dataclass
class Entry:
    path: str  # without a leading slash
    mode: int  # type and permissions, as in struct stat
    data: bytes = b""
    uid: int = 0
    gid: int = 0
    mtime: int = FIXED_MTIME
    rdev: tuple[int, int] = (0, 0)


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, stat.S_IFDIR | mode)


def regular(path: str, data: bytes, mode: int = 0o644) -> Entry:
    return Entry(path, stat.S_IFREG | mode, data)


def symlink(path: str, target: str) -> Entry:
    return Entry(path, stat.S_IFLNK | 0o777, target.encode())


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _encode(entry: Entry, inode: int) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    numbers = (inode, entry.mode, entry.uid, entry.gid, links, entry.mtime & 0xFFFFFFFF, len(entry.data), 0, 0, *entry.rdev, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % number for number in numbers)
    return _pad(header + name) + _pad(entry.data)


def body(entries: list[Entry], first_inode: int = 1) -> bytes:
    return b"".join(_encode(entry, first_inode + index) for index, entry in enumerate(entries))


def finish(archive_body: bytes) -> bytes:
    """The complete archive: body, trailer, padded to a page."""
    whole = archive_body + _encode(Entry(TRAILER, 0, mtime=0), 0)
    return whole + bytes(-len(whole) % 4096)


def parse(archive: bytes, where: str = "archive") -> list[Entry]:
    """All entries before the trailer. Hard links (data with the last name only) become separate files."""
    entries, linked, offset = [], {}, 0
    while True:
        if archive[offset:offset + 6] not in (b"070701", b"070702"):
            raise ValueError(f"{where}: no newc header at offset {offset}")
        ino, mode, uid, gid, links, mtime, size, dmaj, dmin, rmaj, rmin, namesize, _ = (
            int(archive[offset + 6 + 8 * i:offset + 14 + 8 * i], 16) for i in range(13))
        name = archive[offset + 110:offset + 110 + namesize - 1].decode(errors="surrogateescape")
        start = (offset + 110 + namesize + 3) & ~3
        if start + size > len(archive):
            raise ValueError(f"{where}: {name} is cut off")
        if name == TRAILER:
            break
        entry = Entry(normalise(name), mode, archive[start:start + size], uid, gid, mtime, (rmaj, rmin))
        if links > 1 and stat.S_ISREG(mode):
            linked.setdefault((dmaj, dmin, ino), []).append(entry)
        entries.append(entry)
        offset = (start + size + 3) & ~3
    for group in linked.values():
        data = next((entry.data for entry in group if entry.data), b"")
        for entry in group:
            entry.data = data
    return [entry for entry in entries if entry.path]


def normalise(name: str) -> str:
    """A path inside the root: no leading slash or dots; `..` is refused."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError(f"{name}: '..' in an archive member")
    return "/".join(parts)


def from_directory(root: pathlib.Path) -> list[Entry]:
    """A tree of the host, owners and modes kept, sockets left out."""
    entries = []
    for folder, names, files in os.walk(root):
        names.sort()
        for name in sorted(names + files):
            path = pathlib.Path(folder) / name
            info = path.lstat()
            relative = path.relative_to(root).as_posix()
            if stat.S_ISSOCK(info.st_mode):
                continue
            data = b""
            if stat.S_ISREG(info.st_mode):
                data = path.read_bytes()
            elif stat.S_ISLNK(info.st_mode):
                data = os.readlink(path).encode(errors="surrogateescape")
            entries.append(Entry(relative, info.st_mode, data, info.st_uid, info.st_gid, int(info.st_mtime),
                                 (os.major(info.st_rdev), os.minor(info.st_rdev))))
    return entries


_TAR_TYPES = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR,
              tarfile.BLKTYPE: stat.S_IFBLK, tarfile.FIFOTYPE: stat.S_IFIFO}


def from_tar(archive: tarfile.TarFile) -> list[Entry]:
    entries, files = [], {}
    for member in archive:
        path = normalise(member.name)
        kind = _TAR_TYPES.get(member.type, stat.S_IFREG)
        data = b""
        if member.isfile():
            data = files[path] = archive.extractfile(member).read()
        elif member.islnk():
            data = files[normalise(member.linkname)]
        elif member.issym():
            data = member.linkname.encode(errors="surrogateescape")
        if path:
            rdev = (member.devmajor, member.devminor) if member.isdev() else (0, 0)
            entries.append(Entry(path, kind | (member.mode & 0o7777), data, member.uid, member.gid, int(member.mtime), rdev))
    return entries


def with_parents(entries: list[Entry]) -> list[Entry]:
    """The same with missing parent directories put in front of their first child."""
    result, known = [], set()
    for entry in entries:
        parts = entry.path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            if parent not in known:
                known.add(parent)
                result.append(directory(parent))
        known.add(entry.path)
        result.append(entry)
    return result
