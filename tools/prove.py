#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Proves the kernel's derivation list with Frama-C/WP and checks that the proofs mean something.

    prove.py [--tap] [--write]

baseline   every goal of proofs/derivation/proved.txt is proved (a goal that disappears is a failure; --write keeps a new list)
vacuity    with LAST 0 not one contract may be proved to its end: the assumptions do not contradict each other
mutants    each change of MUTANTS to the kernel's source makes its goal fail, in the same configuration of the provers
"""
from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[1]
FOLDER = REPO / "proofs/derivation"
BUILD = REPO / "build/prove"
SOURCE = "kernel/core/derivation.c"
KEPT = FOLDER / "proved.txt"
FUNCTIONS = "link_between,derivation_init,derivation_insert_child,derivation_insert_sibling,derivation_remove,derivation_has_descendants"
GOAL = re.compile(r"^\[wp\] \[[^\]]+\] Goal (\S+) : Valid", re.MULTILINE)
PROVER_SECONDS = 30
SECONDS = 900

# (what is wrong, text of the source, what it becomes, the goal of the kept list that must fail)
MUTANTS = [
    ("a child at its parent's depth", "(uint16_t)(parent->depth + 1u)", "(uint16_t)(parent->depth)", "typed_derivation_insert_child_ensures_depth"),
    ("a link back from the wrong side", "next->prev = ref;", "next->next = ref;", "typed_link_between_ensures_links"),
    ("a removal that skips one more", "prev->next = leaf->next;", "prev->next = next->next;", "typed_derivation_remove_ensures_links"),
]


def configuration() -> pathlib.Path:
    """why3's list of provers, made here so that nobody's own is read or changed."""
    path = BUILD / "why3.conf"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["why3", "-C", str(path), "config", "detect"], check=True, capture_output=True)
    return path


def proved(source: pathlib.Path, *options: str, functions: str = FUNCTIONS, goals: str = "") -> set[str]:
    """Names of the goals that were proved of the source found in that folder."""
    generated = BUILD / "gen"
    subprocess.run([sys.executable, str(REPO / "tools/abigen.py"), str(REPO / "abi"), str(generated)], check=True)
    libc = subprocess.run(["frama-c", "-print-share-path"], check=True, capture_output=True, text=True).stdout.strip() + "/libc"
    folders = [FOLDER / "include", source, REPO / "kernel/include", REPO / "kernel/arch/host/include", REPO / "abi/include", generated, generated / "kernel"]
    flags = "-D_Alignas\\(x\\)= " + " ".join([f"-I{folder}" for folder in folders] + [f"-isystem {libc}", *options])
    command = ["frama-c", "-c11", "-machdep", "gcc_x86_64", f"-cpp-extra-args={flags}", "-wp", "-wp-rte", "-wp-prover", "cvc4,z3", "-wp-timeout",
               str(PROVER_SECONDS), "-wp-par", "2", "-wp-fct", functions, *(["-wp-prop", goals] if goals else []), str(FOLDER / "derivation.c")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=BUILD, env=os.environ | {"WHY3CONFIG": str(configuration())})
    (BUILD / "log.txt").write_text(result.stdout + result.stderr)
    if result.returncode != 0:
        raise SystemExit(f"prove: frama-c failed, see {BUILD / 'log.txt'}")
    return set(GOAL.findall(result.stdout))


def mutant(old: str, new: str) -> pathlib.Path:
    """A folder with the changed source, for an include path before the kernel's own."""
    text = (REPO / SOURCE).read_text()
    if text.count(old) != 1:
        raise SystemExit(f"prove: {SOURCE} has `{old}` {text.count(old)} times; the mutant must name one place")
    path = BUILD / "mutant" / SOURCE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace(old, new))
    return BUILD / "mutant"


def report(name: str, faults: list[str], number: int) -> bool:
    for fault in faults:
        print(f"# {fault}")
    print(f"{'not ok' if faults else 'ok'} {number} - {name}", flush=True)
    return not faults


def main() -> int:
    goals = proved(REPO)
    if "--write" in sys.argv:
        KEPT.write_text("".join(f"{goal}\n" for goal in sorted(goals)))
    kept = set(KEPT.read_text().split())
    print(f"1..{len(MUTANTS) + 2}")
    fine = report(f"baseline: {len(kept)} goals of the derivation list", [f"no longer proved: {goal}" for goal in sorted(kept - goals)], 1)
    ends = proved(REPO, "-DLAST=0", goals="last") - {"typed_link_between_ensures_last"}
    ends |= proved(REPO, "-DLAST_INNER=0", functions="link_between", goals="last")
    last = sorted(goal for goal in ends if goal.endswith("_ensures_last"))
    fine &= report("vacuity: no contract's end is out of reach", [f"proved although it is false: {goal}" for goal in last], 2)
    for number, (name, old, new, goal) in enumerate(MUTANTS, 3):
        function, _, label = goal.removeprefix("typed_").partition("_ensures_")
        faults = [] if goal in kept else [f"{goal} is not in the kept list"]
        if goal in proved(mutant(old, new), functions=function, goals=label):
            faults.append(f"{goal} is still proved")
        fine &= report(f"mutant: {name}", faults, number)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
