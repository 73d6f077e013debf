# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the guest is told: the kernel's command line, /etc/tessera/run and /etc/tessera/options."""
from __future__ import annotations

import os
import pathlib

from . import cpio
from .common import ToolError

CMDLINE_MAX = 511


def _script_command(argv: list[str]) -> list[str]:
    """Sources the init script, then becomes the program (or the shell)."""
    return ["/bin/sh", "-c", '. /etc/tessera/init-script; exec "$@"', "sh", *(argv or ["/bin/sh", "-l"])]


def guest_files(argv: list[str], init_script: str | None, settings: dict[str, str]) -> list[cpio.Entry]:
    entries = []
    if init_script:
        path = pathlib.Path(init_script)
        if not path.is_file():
            raise ToolError(f"--init-script {init_script}: no such file")
        entries.append(cpio.regular("etc/tessera/init-script", path.read_bytes(), 0o755))
        argv = _script_command(argv)
    if argv:
        entries.append(cpio.regular("etc/tessera/run", b"".join(os.fsencode(word) + b"\0" for word in argv)))
    text = "".join(f"{key}={value}\n" for key, value in settings.items())
    entries.append(cpio.regular("etc/tessera/options", text.encode()))
    return entries


def cmdline(settings: dict[str, str], extra: str) -> str:
    line = " ".join([f"{key}={value}" for key, value in settings.items()] + ([extra] if extra else []))
    if len(line) > CMDLINE_MAX:
        raise ToolError(f"the kernel's command line is {len(line)} characters long; {CMDLINE_MAX} are possible")
    return line
