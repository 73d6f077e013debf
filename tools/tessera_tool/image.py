# SPDX-License-Identifier: MIT OR Apache-2.0
"""The boot archive: one newc cpio with boot/* (services, personality, manifest) and rootfs/* (see docs/architecture.md).

boot/root is the first file, because the kernel reads no further (root_image.py). The part that does not depend on the run is kept as
build/base.body; a run puts boot/root in front and its overlays behind.
"""
from __future__ import annotations

import pathlib
import subprocess
import sys
import tarfile

from . import cpio, root_image, rootfs
from .common import BUILD, PROGRAMS, REPO, ToolError, write_atomically

BASE = BUILD / "base.body"
MANIFEST = REPO / "system/base.toml"
ROOT = "boot/root"


def _programs(kind: str) -> list[tuple[str, str]]:
    """(file in the build folder, path in the archive) from what Meson says it builds."""
    rows = [line.split() for line in (PROGRAMS / "programs.txt").read_text().splitlines() if line]
    return [(name, path) for row_kind, name, path in rows if row_kind == kind]


def _boot_entries() -> list[cpio.Entry]:
    entries = [cpio.directory("boot")]
    for name, path in _programs("boot"):
        if path == ROOT:
            continue
        entries.append(cpio.regular(path, (PROGRAMS / name).read_bytes(), 0o755))
    if MANIFEST.exists():
        compiled = BUILD / "manifest.bin"
        command = [sys.executable, str(REPO / "tools/mkmanifest.py"), str(MANIFEST), str(compiled)]
        if subprocess.run(command).returncode != 0:
            raise ToolError(f"{MANIFEST.relative_to(REPO)} could not be compiled")
        entries.append(cpio.regular("boot/manifest", compiled.read_bytes()))
    return entries


def _inputs() -> list[pathlib.Path]:
    files = [PROGRAMS / name for kind in ("boot", "rootfs") for name, _ in _programs(kind)]
    tools = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    overlay = [path for path in rootfs.OVERLAY.rglob("*")]
    return [*files, *tools, *overlay, PROGRAMS / "programs.txt", REPO / "tools/pins.toml", REPO / "tools/mkmanifest.py", MANIFEST]


def _is_current() -> bool:
    if not BASE.exists():
        return False
    made = BASE.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in _inputs() if path.exists())


def make_base() -> None:
    """Writes build/base.body unless nothing that goes into it is newer."""
    if _is_current():
        return
    root = [*rootfs.entries()]
    for name, path in _programs("rootfs"):
        root.append(cpio.regular(path, (PROGRAMS / name).read_bytes(), 0o755))
    write_atomically(BASE, cpio.body(_boot_entries() + in_rootfs(root)))


def in_rootfs(entries: list[cpio.Entry]) -> list[cpio.Entry]:
    for entry in entries:
        entry.path = f"rootfs/{entry.path}"
    return [cpio.directory("rootfs"), *entries]


def overlay(path: pathlib.Path) -> list[cpio.Entry]:
    """The files of a directory, .tar or .cpio, as they shall stand in the root file system.

    A directory's contents stand at /, and under /NAME as well (a symbolic link to /) unless it brings that name itself.
    """
    if path.is_dir():
        entries = cpio.from_directory(path)
        name = path.absolute().name if path.name not in ("", "..") else path.resolve().name
        taken = {entry.path.split("/")[0] for entry in entries} | set(rootfs.FOLDERS) | {"bin", "sbin", "usr", "etc", ""}
        if name not in taken:
            entries.insert(0, cpio.symlink(name, "/"))
        return cpio.with_parents(entries)
    if not path.is_file():
        raise ToolError(f"--root {path}: no such file or directory")
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            return cpio.with_parents(cpio.from_tar(archive))
    try:
        return cpio.with_parents(cpio.parse(path.read_bytes(), str(path)))
    except ValueError as error:
        raise ToolError(f"--root {path}: neither a directory nor a tar nor a newc cpio archive ({error})") from error


def root_file(program: pathlib.Path) -> cpio.Entry:
    """boot/root, made from an ELF file."""
    return cpio.regular(ROOT, root_image.make(program.read_bytes(), program.name), 0o755)


def compose(overlays: list[list[cpio.Entry]], program: pathlib.Path | None = None) -> bytes:
    """The archive of one run: boot/root (or another native program, an ELF file, in its place), the base, then the overlays in order."""
    parts = [cpio.body([root_file(program or PROGRAMS / "root")], 1 << 20), BASE.read_bytes()]
    inode = (1 << 20) + 1
    for entries in overlays:
        parts.append(cpio.body(in_rootfs(entries)[1:], inode))
        inode += len(entries)
    return cpio.finish(b"".join(parts))
