# SPDX-License-Identifier: MIT OR Apache-2.0
"""The base root file system: Debian's busybox-static as packaged, its applets as symbolic links, and a small /etc."""
from __future__ import annotations

import pathlib
import stat
import subprocess
import tempfile

from . import cpio, fetch
from .common import REPO

FOLDERS = {"dev": 0o755, "proc": 0o555, "root": 0o700, "tmp": 0o1777, "home": 0o755, "home/user": 0o755, "mnt": 0o755, "run": 0o755,
           "var": 0o755, "var/log": 0o755, "var/tmp": 0o1777, "var/run": 0o755, "etc/tessera": 0o755, "usr/lib": 0o755, "lib": 0o755}
USER = 1000  # the unprivileged user of /etc/passwd; owns /home/user
MODES = {"etc/shadow": 0o640}  # a checkout keeps only the execute bit
SKIPPED_APPLETS = {"linuxrc"}
OVERLAY = REPO / "system/rootfs"  # etc/passwd and the like


def _applets(busybox: bytes) -> list[str]:
    """Paths of all applets, from the binary itself: it is a Linux program and so is this tool."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "busybox"
        program.write_bytes(busybox)
        program.chmod(0o755)
        text = subprocess.run([program, "--list-full"], check=True, capture_output=True, text=True).stdout
    return [path for path in text.split() if path not in SKIPPED_APPLETS and path != "bin/busybox"]


def entries() -> list[cpio.Entry]:
    """The base root file system, parents first."""
    package = cpio.from_tar(fetch.contents(fetch.package("busybox-static")))
    busybox = next(entry for entry in package if entry.path == "bin/busybox")
    result = {path: cpio.directory(path, mode) for path, mode in FOLDERS.items()}
    result["home/user"].uid = result["home/user"].gid = USER
    result[busybox.path] = busybox
    for path in _applets(busybox.data):
        up = "../" * path.count("/")
        result[path] = cpio.symlink(path, "busybox" if path.startswith("bin/") else f"{up}bin/busybox")
    if OVERLAY.exists():
        for entry in cpio.from_directory(OVERLAY):
            entry.uid = entry.gid = 0
            entry.mtime = cpio.FIXED_MTIME
            entry.mode &= ~0o022
            if entry.path in MODES:
                entry.mode = stat.S_IFREG | MODES[entry.path]
            result[entry.path] = entry
    return cpio.with_parents(sorted(result.values(), key=lambda entry: entry.path.split("/")))
