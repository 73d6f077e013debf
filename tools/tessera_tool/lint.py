# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera lint: formatting, rules of the house, clang-tidy."""
from __future__ import annotations

import argparse
import subprocess
import sys

from . import build
from .common import REPO, TARGET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="reformat the files instead of complaining")
    parser.add_argument("--no-tidy", action="store_true", help="leave out clang-tidy, which is slow")


def _files() -> list[str]:
    text = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=REPO, check=True, capture_output=True, text=True).stdout
    return [name for name in text.split() if (REPO / name).exists()]


def _tidy() -> int:
    """Over what the cross build compiles; findings are printed, and fail."""
    build.build_target(quiet=True)
    command = ["run-clang-tidy-19", "-quiet", "-p", str(TARGET), r"/(kernel|lib|servers|drivers|linux|system)/.*\.c$"]
    result = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    findings = [line for line in result.stdout.splitlines() if "warning:" in line or "error:" in line]
    print("\n".join(sorted(set(findings))))
    return len(findings)


def start(args: argparse.Namespace) -> int:
    mode = ["-i"] if args.fix else ["--dry-run", "-Werror"]
    failed = subprocess.run(["clang-format-19", *mode, *_files()], cwd=REPO).returncode != 0
    failed |= subprocess.run([sys.executable, str(REPO / "tools/check_style.py")], cwd=REPO).returncode != 0
    if not args.no_tidy:
        failed |= _tidy() != 0
    return 1 if failed else 0
