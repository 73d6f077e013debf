# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera debug: QEMU stopped at its first instruction, gdb attached with the symbols of kernel, services and personality."""
from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from . import build, image, options, qemu
from .common import PROGRAMS, REPO, ToolError, say

COMMANDS = REPO / "tools/gdb/tessera.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--attach", action="store_true", help="to a machine that `./tessera run --gdb` started")
    parser.add_argument("--root", action="append", default=[], type=pathlib.Path, metavar="PATH", help="as in run")
    parser.add_argument("--mem", default="256M", metavar="SIZE")
    parser.add_argument("-x", "--command", action="append", default=[], metavar="TEXT", help="gdb command to execute (repeatable)")
    parser.add_argument("--batch", action="store_true", help="leave gdb after the commands")
    parser.add_argument("program", nargs="*", metavar="-- PROGRAM ARGS")


def _symbol_files() -> list[pathlib.Path]:
    """Services do not overlap: each is linked at an address of its own (tools/meson/target)."""
    rows = [line.split() for line in (PROGRAMS / "programs.txt").read_text().splitlines()]
    return [PROGRAMS / f"{name}.elf" for kind, name, _ in rows if kind == "boot" and name != "personality"]


def gdb_command(port: str, args: argparse.Namespace) -> list[str]:
    command = ["gdb", "-q", str(qemu.KERNEL), "-ex", "set pagination off", "-ex", "set confirm off"]
    for path in _symbol_files():
        command += ["-ex", f"add-symbol-file {path}"]
    command += ["-ex", f"source {COMMANDS}", "-ex", f"target remote {port}"]
    if not args.command:
        command += ["-ex", "hbreak kernel_main", "-ex", "continue", "-ex", "echo commands of ours: help tessera\\n"]
    for text in args.command:
        command += ["-ex", text]
    return command + (["-batch"] if args.batch else [])


def start(args: argparse.Namespace) -> int:
    build.build_target(quiet=not sys.stderr.isatty())
    if args.attach:
        return subprocess.run(gdb_command("localhost:1234", args)).returncode
    settings = {"run": "1", "log": "serial"} if args.program else {"log": "serial"}
    overlays = [image.overlay(path) for path in args.root] + [options.guest_files(args.program, None, settings)]
    with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
        archive, port = os.path.join(folder, "boot.cpio"), os.path.join(folder, "gdb")
        pathlib.Path(archive).write_bytes(image.compose(overlays))
        command = qemu.command(archive, options.cmdline(settings, ""), memory=args.mem, cpus=1, icount=False, accel="tcg",
                               extra=["-serial", f"file:{folder}/console", "-serial", "null", "-debugcon", f"file:{folder}/log",
                                      "-chardev", f"socket,path={port},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb", "-S"])
        say(f"the guest's console and log are written to {folder}/console and {folder}/log")
        machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is gdb's: it stops the guest
        try:
            gdb = subprocess.Popen(gdb_command(port, args), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            status = gdb.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            machine.terminate()
            machine.wait()
    if status:
        raise ToolError(f"gdb ended with status {status}")
    return 0
