# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera run: boots the system and runs one program, or the shell."""
from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
import tempfile

from . import accelerator, build, image, options, qemu, session
from .common import PROGRAMS, ToolError, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", action="append", default=[], type=pathlib.Path, metavar="PATH",
                        help="lay a directory, .tar or .cpio over the root file system (repeatable); a directory's contents stand at / "
                             "and, if that name is free, also under /NAME-OF-THE-DIRECTORY")
    parser.add_argument("--init-script", metavar="FILE", help="shell script that is sourced before the program or shell starts")
    parser.add_argument("--mem", default="256M", metavar="SIZE", help="memory of the machine (default 256M)")
    parser.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs of the machine (default 1)")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="give up after this time (exit status 124)")
    parser.add_argument("--icount", action="store_true", help="deterministic: one instruction is one nanosecond (TCG)")
    parser.add_argument("--strace", action="store_true", help="show each Linux system call with arguments and result on stderr")
    parser.add_argument("--log", metavar="FILE", help="write the log of kernel and services there")
    parser.add_argument("--gdb", action="store_true", help="wait for gdb on port 1234 before the first instruction")
    parser.add_argument("--qemu-arg", action="append", default=[], metavar="ARG", help="pass an argument to QEMU (repeatable)")
    parser.add_argument("--append", default="", metavar="TEXT", help="add to the kernel's command line")
    parser.add_argument("--boot-program", metavar="NAME", help="start this native program (tests/kernel, bench) instead of root")
    parser.add_argument("--no-build", action="store_true", help="take what is built already")
    parser.add_argument("program", nargs="*", metavar="-- PROGRAM ARGS", help="what to run; without it an interactive shell")


def _is_interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def settings(args: argparse.Namespace, interactive: bool) -> dict[str, str]:
    """Boot options; both the kernel's command line and /etc/tessera/options carry them."""
    result = {"sync": "1"}
    if args.program or args.init_script:
        result["run"] = "1"
    if not interactive:
        result["tty"] = "plain"  # no echo, no translation of line ends: bytes pass through
    if args.program and not (interactive and sys.stderr.isatty()):
        result["stderr"] = "ttyS1"
    if args.strace:
        result["strace"] = "1"
    if interactive:
        columns, rows = shutil.get_terminal_size()
        result["rows"], result["cols"] = str(rows), str(columns)
    return result


def _boot_program(args: argparse.Namespace) -> pathlib.Path | None:
    if not args.boot_program:
        return None
    program = PROGRAMS / args.boot_program
    if not program.exists():
        raise ToolError(f"--boot-program {args.boot_program}: no such program in {PROGRAMS}")
    return program


def _is_strace_line(line: bytes) -> bool:
    return line.startswith((b"strace", b"[strace"))


def start(args: argparse.Namespace) -> int:
    interactive = _is_interactive()
    if not args.no_build:
        build.build_target(quiet=not sys.stderr.isatty())
    chosen = settings(args, interactive)
    overlays = [image.overlay(path) for path in args.root]
    overlays.append(options.guest_files(args.program, args.init_script, chosen))
    accel = "tcg" if args.icount else accelerator.choose()
    if sys.stderr.isatty():
        say(f"booting in QEMU with {accel.upper()}{', one instruction a nanosecond' if args.icount else ''}")
    extra = list(args.qemu_arg)
    if args.gdb:
        extra += ["-s", "-S"]
        say("QEMU waits for gdb: `./tessera debug --attach`, or target remote :1234")
    with tempfile.NamedTemporaryFile(prefix="tessera-", suffix=".cpio") as archive:
        archive.write(image.compose(overlays, _boot_program(args)))
        archive.flush()
        command = qemu.command(archive.name, options.cmdline(chosen, args.append), memory=args.mem, cpus=args.smp,
                               icount=args.icount, accel=accel, extra=extra)
        log = session.Log(args.log, _is_strace_line if args.strace else None)
        run = session.Session(command, interactive=interactive, timeout=args.timeout, log=log, awaits_ready=not args.boot_program)
        if interactive and not args.program:
            log.show = lambda line: not run.is_ready or (args.strace and _is_strace_line(line))
        if interactive:
            session.announce_quit_key()
        return session.verdict(run, run.run())
