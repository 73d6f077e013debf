# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line of ./tessera."""
from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys

from . import assurance, authority_command, bench, bounds, build, count, debug, fuzz, lint, run, symbolize
from .common import BUILD, EXIT_FAILURE, REPO, TARGET, ToolError, say


def _build(args: argparse.Namespace) -> int:
    build.build_target()
    if args.host:
        build.build_host()
    return 0


def _test(args: argparse.Namespace) -> int:
    return subprocess.run([sys.executable, str(REPO / "tools/run_tests.py"), *args.arguments]).returncode


def _docs(_args: argparse.Namespace) -> int:
    """The reference pages that are generated: operations, protocols, Linux system calls."""
    out = BUILD / "docs"
    subprocess.run([sys.executable, str(REPO / "tools/abigen.py"), str(REPO / "abi"), str(BUILD / "docs-code"), "--docs", str(out)], check=True)
    build.build_target(quiet=True)
    for page in (TARGET / "linux").glob("*.md"):
        shutil.copy(page, out / page.name)
    (out / "size.md").write_text(f"# The kernel's size\n\n{count.table(count.counts())}\n")
    say(f"reference pages are in {out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./tessera", description="Builds, runs, tests and debugs Tessera.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="boot and run a program or the shell",
                                  description="Boots Tessera and runs one program, or an interactive shell. The program's output, error "
                                              "output and exit status are this command's; 125 means that Tessera itself or this tool failed.")
    run.add_arguments(command)
    command.set_defaults(action=run.start)
    command = commands.add_parser("build", help="build everything that is not up to date")
    command.add_argument("--host", action="store_true", help="the unit tests, too")
    command.set_defaults(action=_build)
    command = commands.add_parser("bench", help="measure on Tessera and on Linux, side by side")
    bench.add_arguments(command)
    command.set_defaults(action=bench.start)
    command = commands.add_parser("assurance", help="what is known of each function of the kernel: proved, fuzzed, tested")
    assurance.add_arguments(command)
    command.set_defaults(action=assurance.start)
    command = commands.add_parser("bounds", help="measure how long the kernel keeps interrupts off, by operation")
    bounds.add_arguments(command)
    command.set_defaults(action=bounds.start)
    command = commands.add_parser("debug", help="boot under gdb with all symbols")
    debug.add_arguments(command)
    command.set_defaults(action=debug.start)
    command = commands.add_parser("symbolize", help="turn the addresses of a crash report into functions and lines")
    symbolize.add_arguments(command)
    command.set_defaults(action=symbolize.start)
    command = commands.add_parser("lint", help="check formatting, the rules of the house, and clang-tidy's findings")
    lint.add_arguments(command)
    command.set_defaults(action=lint.start)
    authority_command.add_commands(commands)
    command = commands.add_parser("count", help="count the kernel's lines against its limits")
    command.set_defaults(action=count.start)
    command = commands.add_parser("fuzz", help="compare the kernel core with its specification, operation by operation")
    fuzz.add_arguments(command)
    command.set_defaults(action=fuzz.start)
    command = commands.add_parser("docs", help="generate the reference pages")
    command.set_defaults(action=_docs)
    command = commands.add_parser("test", help="run the tests", add_help=False)
    command.add_argument("arguments", nargs=argparse.REMAINDER)
    command.set_defaults(action=_test)
    return parser


def _on_signal(number: int, _frame) -> None:
    """Ends through the finally clauses, which stop QEMU and give the terminal back."""
    sys.exit(128 + number)


def main() -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    words, program = sys.argv[1:], []
    if words[:1] in (["run"], ["debug"]) and "--" in words:  # what follows is the program's, options included
        split = words.index("--")
        words, program = words[:split], words[split + 1:]
    args = _parser().parse_args(words)
    if program:
        args.program = program
    try:
        return args.action(args)
    except ToolError as error:
        print(f"tessera: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return EXIT_FAILURE
