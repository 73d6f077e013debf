# SPDX-License-Identifier: MIT OR Apache-2.0
"""Paths, messages and errors that all parts of the tool share."""
from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
# Another build folder for parallel work: TESSERA_BUILD=build-x ./tessera run
BUILD = pathlib.Path(os.environ.get("TESSERA_BUILD") or REPO / "build").resolve()
TARGET = BUILD / "x86_64"
HOST = BUILD / "host"
PROGRAMS = TARGET / "tools/meson/target"
DOWNLOADS = pathlib.Path(os.environ.get("TESSERA_DOWNLOADS") or BUILD / "downloads")

EXIT_TIMEOUT = 124
EXIT_FAILURE = 125  # of Tessera or of this tool, as opposed to the program that was run


class ToolError(Exception):
    """Something the user should read; the message is whole."""

    def __init__(self, message: str, status: int = EXIT_FAILURE):
        super().__init__(message)
        self.status = status


def say(message: str) -> None:
    """A line about progress, on stderr so that it never mixes with a program's output."""
    print(f"tessera: {message}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str):
    """Announces a step that can take long; on a terminal the line is completed with the time it took."""
    terminal = sys.stderr.isatty()
    start = time.monotonic()
    if terminal:
        print(f"tessera: {what} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        if terminal:
            print(" failed", file=sys.stderr, flush=True)
        raise
    if terminal:
        print(f" {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(name: str):
    """Only one process at a time is in here (per build folder)."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_atomically(path: pathlib.Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
