# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frama-C/WP for tools/prove.py: which goals of contracts are proved, by CVC4 and z3 through why3."""
from __future__ import annotations

import os
import pathlib
import re
import subprocess

from .common import BUILD, ToolError

GOAL = re.compile(r"^\[wp\] \[[^\]]+\] Goal (typed_\S+) : Valid", re.MULTILINE)
# The provers' own count of steps ends a search, so that a loaded machine proves the same goals; the time is only a last resort.
STEPS = 1_000_000
GOAL_SECONDS = 300
SECONDS = 1800


def _configuration(folder: pathlib.Path) -> pathlib.Path:
    """why3's list of provers, made here so that nobody's own is read or changed."""
    path = folder / "why3.conf"
    if not path.exists():
        subprocess.run(["why3", "-C", str(path), "config", "detect"], check=True, capture_output=True)
    return path


def proved(source: pathlib.Path, functions: list[str], folders: list[pathlib.Path], *options: str, goals: str = "") -> set[str]:
    """Names of the goals that are proved of the contracts in source. options are the preprocessor's; goals as of -wp-prop."""
    folder = BUILD / "prove"
    libc = subprocess.run(["frama-c", "-print-share-path"], check=True, capture_output=True, text=True).stdout.strip() + "/libc"
    flags = "-D_Alignas\\(x\\)= " + " ".join([f"-I{folder}" for folder in folders] + [f"-isystem {libc}", *options])
    command = ["frama-c", "-c11", "-machdep", "gcc_x86_64", f"-cpp-extra-args={flags}", "-wp", "-wp-rte", "-wp-prover", "cvc4,z3",
               "-wp-timeout", str(GOAL_SECONDS), "-wp-steps", str(STEPS), "-wp-par", "2", "-wp-fct", ",".join(functions),
               *(["-wp-prop", goals] if goals else []), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=folder,
                            env=os.environ | {"WHY3CONFIG": str(_configuration(folder))})
    log = folder / "wp.txt"
    log.write_text(result.stdout + result.stderr)
    if result.returncode != 0:
        raise ToolError(f"frama-c failed, see {log}:\n{result.stdout[-500:]}")
    return set(GOAL.findall(result.stdout))
