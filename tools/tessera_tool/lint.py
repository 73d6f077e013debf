# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera lint: formatting, the rules of the house and clang-tidy, which must hold; and the analyser's findings, which are advice."""
from __future__ import annotations

import argparse
import subprocess
import sys

from . import build
from .common import REPO, TARGET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="reformat the files instead of complaining")
    parser.add_argument("--no-tidy", action="store_true", help="leave out clang-tidy and the analyser, which are slow")


def _files() -> list[str]:
    text = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=REPO, check=True, capture_output=True, text=True).stdout
    return [name for name in text.split() if (REPO / name).exists()]


def _tidy() -> None:
    """Over what the cross build compiles. The analyser does not see through out-parameters, so that its word is no verdict."""
    build.build_target(quiet=True)
    command = ["run-clang-tidy-19", "-quiet", "-checks=-bugprone-*,-misc-*", "-p", str(TARGET), r"/(kernel|lib|servers|drivers|linux|system)/.*\.c$"]
    result = subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    findings = [line for line in result.stdout.splitlines() if "warning:" in line or "error:" in line]
    print("\n".join(sorted(set(findings))))
    print(f"analyser: {len(set(findings))} findings to look at")


def start(args: argparse.Namespace) -> int:
    if args.fix:
        subprocess.run(["clang-format-19", "-i", *_files()], cwd=REPO, check=True)
    style = [sys.executable, str(REPO / "tools/check_style.py"), *(["--no-tidy"] if args.no_tidy else [])]
    failed = subprocess.run(style, cwd=REPO).returncode != 0
    if not args.no_tidy:
        _tidy()
    return 1 if failed else 0
