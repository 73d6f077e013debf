# SPDX-License-Identifier: MIT OR Apache-2.0
"""CBMC for tools/prove.py: a newer Debian's packages (tools/pins.toml), unpacked into build/ and run with that release's own libraries."""
from __future__ import annotations

import pathlib
import re
import subprocess

from . import fetch
from .common import BUILD, ToolError, locked

PACKAGES = ("cbmc", "libc6", "libgcc-s1", "libstdc++6", "minisat")
LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib")
# Loops of the harnesses run over at most 5 threads or slots; that none is longer is a claim, too.
OPTIONS = ("--unwind", "6", "--unwinding-assertions", "--bounds-check", "--pointer-check", "--signed-overflow-check", "--undefined-shift-check",
           "--external-sat-solver", "cadical")
FAILED = re.compile(r"^\[\S+\] (?:line \d+ )?(.*): FAILURE$", re.MULTILINE)
CLAIMS = re.compile(r"^\*\* (\d+) of (\d+) failed", re.MULTILINE)
VIOLATED = re.compile(r"^Violated property:\n.*\n  (.*)$", re.MULTILINE)
FAILURE = 10  # cbmc's exit status when a claim fails
SECONDS = 1800


def _prefix() -> pathlib.Path:
    """The folder with the unpacked packages."""
    packages = [fetch.package(name) for name in PACKAGES]
    prefix = BUILD / "cbmc"
    with locked("cbmc"):
        stamp = prefix / "packages.txt"
        wanted = "".join(f"{package.name}\n" for package in packages)
        if not stamp.exists() or stamp.read_text() != wanted:
            for package in packages:
                subprocess.run(["dpkg-deb", "-x", str(package), str(prefix)], check=True)
            stamp.write_text(wanted)
    return prefix


def _run(source: pathlib.Path, function: str, folders: list[pathlib.Path], *options: str) -> tuple[int, str, pathlib.Path]:
    prefix = _prefix()
    command = [str(prefix / "usr/lib64/ld-linux-x86-64.so.2"), "--argv0", "cbmc", "--library-path", ":".join(str(prefix / name) for name in LIBRARIES),
               str(prefix / "usr/bin/cbmc"), str(source), "--function", function, *OPTIONS, *options]
    command += [f"-I{folder}" for folder in folders]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=BUILD)
    log = BUILD / f"prove/{function}.txt"
    log.write_text(result.stdout + result.stderr)
    return result.returncode, result.stdout, log


def failures(source: pathlib.Path, function: str, folders: list[pathlib.Path], *options: str) -> set[str]:
    """Looks for a failure of every claim in what that function does: the texts of those that fail."""
    status, text, log = _run(source, function, folders, *options)
    claims = CLAIMS.search(text)
    failed = set(FAILED.findall(text))
    if claims is None or int(claims[2]) == 0 or bool(int(claims[1])) != bool(failed) or status != (FAILURE if failed else 0):
        raise ToolError(f"cbmc gave no verdict, see {log}")
    return failed


def first_failure(source: pathlib.Path, function: str, folders: list[pathlib.Path], *options: str) -> str | None:
    """Looks for a failure of any claim: its text, None if all hold."""
    status, text, log = _run(source, function, folders, *options, "--stop-on-fail")
    violated = VIOLATED.search(text)
    if status != (FAILURE if violated else 0):
        raise ToolError(f"cbmc gave no verdict, see {log}")
    return violated[1] if violated else None
