#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Proves modules of the kernel and checks that the proofs mean something; one line of TAP a test.

    prove.py [--write] [-k TEXT]     -k: only the tests whose name contains it

derivation list (Frama-C/WP, proofs/derivation): the goals of each function that proofs/derivation/proved.txt lists are proved (one that
disappears is a failure; --write keeps a new list).  run queue, derivation list of 5, lookup (CBMC, proofs/): each operation's claims hold.
And of all: vacuity: where it is claimed that the end of an operation is never reached, that fails; mutants: each change
to the kernel's source makes the goal or claim fail that it should, with the same options of the provers.
"""
from __future__ import annotations

import argparse
import collections
import dataclasses
import pathlib
import subprocess
import sys

from tessera_tool import cbmc, wp
from tessera_tool.common import BUILD, REPO, ToolError

WORK = BUILD / "prove"
GENERATED = WORK / "generated"
PROOFS = REPO / "proofs"
LIST = PROOFS / "derivation"
KEPT = LIST / "proved.txt"
# By the number of the false claim (LAST): a function's is another one than that of what it calls.
CONTRACTS_BY_LAST = {
    1: ["link_between", "unlink_slot", "copy_unlinked"],
    2: ["derivation_init", "derivation_insert_child", "derivation_insert_sibling", "derivation_move", "derivation_remove",
        "derivation_has_descendants"],
    3: ["take_place"],
}
CONTRACTS = [name for names in CONTRACTS_BY_LAST.values() for name in names]

# (what is wrong, file, text of the source, what it becomes, contract or operation, the goal or claim that must fail)
LIST_MUTANTS = [
    ("a child at its parent's depth", "kernel/core/derivation.c", "(uint16_t)(parent->depth + 1u)", "(uint16_t)(parent->depth)",
     "derivation_insert_child", "depth"),
    ("a link back from the wrong side", "kernel/core/derivation.c", "next->prev = ref;", "next->next = ref;", "link_between", "links"),
    ("a removal that skips one more", "kernel/core/derivation.c", "prev->next = slot->next;", "prev->next = next->next;",
     "unlink_slot", "links"),
    ("a move to below the old place", "kernel/core/derivation.c", "derivation_insert_sibling(from, to);", "derivation_insert_child(from, to);",
     "take_place", "same_depths"),
]


@dataclasses.dataclass
class Module:
    """What CBMC proves beside a model: prove_NAME of source for each operation."""

    name: str
    source: pathlib.Path
    include: pathlib.Path
    operations: list[str]
    mutants: list[tuple]  # as above, the last two an operation and a claim


MODULES = [
    Module("run queue", PROOFS / "runqueue/runqueue.c", PROOFS / "runqueue/include",
           ["start", "append", "prepend", "remove", "exchange", "take_best"], [
               ("the best is not told of a better one", "kernel/core/runqueue.h", "if (priority < queue->best)",
                "if (priority > queue->best)", "append", "bitmap"),
               ("a removal always makes the next one the first", "kernel/core/queue.h", "if (*head == ref)", "if (*head != 0)",
                "remove", "heads"),
               ("the bit stays when the ring is empty", "kernel/core/runqueue.h", "if (*head != 0)", "if (*head == 0)",
                "remove", "bitmap"),
           ]),
    Module("capability lookup", PROOFS / "lookup/lookup.c", PROOFS / "lookup/include", ["lookup"], [
        ("one slot more than the leaf has", "kernel/include/cspace.h", "if (UNLIKELY(index > cnode->aux))",
         "if (UNLIKELY(index > cnode->aux + 1u))", "lookup", "the place in the leaf"),
        ("a leaf that dies", "kernel/include/cspace.h", "return LIKELY((leaf->word & (0xffu | SLOT_DYING << 16)) == CAP_CNODE) ? leaf : NULL;",
         "return LIKELY((leaf->word & 0xffu) == CAP_CNODE) ? leaf : NULL;", "lookup", "a leaf is a CNode that lives"),
        ("any right is enough", "kernel/include/cspace.h", "== (type | rights << 8)", ">= type", "lookup", "answer"),
    ]),
    Module("derivation list of 5", LIST / "bounded.c", LIST / "bounded", ["init", "insert_child", "insert_sibling", "move", "remove"], [
        ("a move that leaves a link to the old place", "kernel/core/derivation.c", "unlink_slot(from);", "", "move", "links"),
        ("a move of the generation, too", "kernel/core/derivation.c", "(copy.word & ~0xff000000ull) | (to->word & 0xff000000ull)",
         "copy.word", "move", "contents"),
        ("a move of what is not in the list links", "kernel/core/derivation.c", "if (from->next == 0)", "if (from->next != 0)",
         "move", "the index names a slot"),
    ]),
]


def folders(*first: pathlib.Path) -> list[pathlib.Path]:
    """Where includes are looked for: the proof's own first, then as in the host build."""
    return [*first, REPO, REPO / "kernel/core", REPO / "kernel/include", REPO / "kernel/arch/host/include", REPO / "abi/include", GENERATED,
            GENERATED / "kernel"]


def mutant(file: str, old: str, new: str) -> pathlib.Path:
    """A folder with the changed source, for an include path before the kernel's own."""
    text = (REPO / file).read_text()
    if text.count(old) != 1:
        raise ToolError(f"{file} has `{old}` {text.count(old)} times; the mutant must name one place")
    path = WORK / "mutant" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.iterdir():
        stale.unlink()
    path.write_text(text.replace(old, new))
    return WORK / "mutant"


def list_goals(*first: pathlib.Path, functions: list[str], options: tuple[str, ...] = (), goals: str = "") -> set[str]:
    return wp.proved(LIST / "derivation.c", functions, folders(LIST / "include", *first), *options, goals=goals)


class Baseline:
    """The goals of the kept list, all proved in one run when the first of them is asked for."""

    def __init__(self, write: bool) -> None:
        self.kept: dict[str, set[str]] = collections.defaultdict(set)
        self.found: set[str] | None = None
        if write:
            KEPT.write_text("".join(f"{goal}\n" for goal in sorted(self.prove())))
        for goal in KEPT.read_text().split():
            self.kept[next(name for name in CONTRACTS if goal.startswith(f"typed_{name}_"))].add(goal)

    def prove(self) -> set[str]:
        if self.found is None:
            self.found = list_goals(functions=CONTRACTS)
        return self.found

    def __call__(self, function: str) -> list[str]:
        if not self.kept[function]:
            return ["no goal of it is in the kept list"]
        return [f"no longer proved: {goal}" for goal in sorted(self.kept[function] - self.prove())]


def list_vacuity(functions: list[str], option: str) -> list[str]:
    goals = list_goals(functions=functions, options=(option,), goals="last")
    return [f"proved although it is false: {goal}" for goal in sorted(goals) if goal.endswith("_ensures_last")]


def list_mutant(file: str, old: str, new: str, function: str, label: str) -> list[str]:
    goal = f"typed_{function}_ensures_{label}"
    faults = [] if goal in KEPT.read_text().split() else [f"{goal} is not in the kept list"]
    if goal in list_goals(mutant(file, old, new), functions=[function], goals=label):
        faults.append(f"{goal} is still proved")
    return faults


def model_failures(module: Module, operation: str, *first: pathlib.Path) -> set[str]:
    return cbmc.failures(module.source, f"prove_{operation}", folders(module.include, *first))


def model_operation(module: Module, operation: str) -> list[str]:
    return [f"fails: {claim}" for claim in sorted(model_failures(module, operation))]


def model_vacuity(module: Module, operation: str) -> list[str]:
    failed = cbmc.first_failure(module.source, f"prove_{operation}", folders(module.include), "-DLAST=0")
    return [] if failed == "last" else [f"the claim that fails is not the false one, but: {failed}"]


def model_mutant(module: Module, file: str, old: str, new: str, operation: str, claim: str) -> list[str]:
    folder = mutant(file, old, new)
    failed = model_failures(module, operation, folder, folder / "kernel/core", folder / "kernel/include")
    return [] if claim in failed else [f"`{claim}` holds still; claims that fail: {sorted(failed)}"]


def tests(write: bool) -> list[tuple]:
    """(name, function, its arguments)."""
    baseline = Baseline(write)
    result: list[tuple] = []
    for module in MODULES:
        result += [(f"{module.name}: {name}", model_operation, module, name) for name in module.operations]
        result += [(f"{module.name}, vacuity: {name}", model_vacuity, module, name) for name in module.operations]
        result += [(f"{module.name}, mutant: {name}", model_mutant, module, *rest) for name, *rest in module.mutants]
    result += [(f"derivation list: {len(baseline.kept[name])} goals of {name}", baseline, name) for name in CONTRACTS]
    result += [(f"derivation list, vacuity: {', '.join(names)}", list_vacuity, names, f"-DLAST={number}")
               for number, names in CONTRACTS_BY_LAST.items()]
    return result + [(f"derivation list, mutant: {name}", list_mutant, *rest) for name, *rest in LIST_MUTANTS]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the goals that are proved today")
    parser.add_argument("-k", metavar="TEXT", default="", help="only the tests whose name contains it")
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(REPO / "tools/abigen.py"), str(REPO / "abi"), str(GENERATED)], check=True)
    chosen = [test for test in tests(args.write) if args.k in test[0]]
    failed = 0
    print(f"1..{len(chosen)}")
    for number, (name, function, *arguments) in enumerate(chosen, 1):
        try:
            faults = function(*arguments)
        except (ToolError, subprocess.TimeoutExpired) as error:
            faults = [str(error)]
        for line in "\n".join(faults).splitlines():
            print(f"# {line}")
        print(f"{'not ok' if faults else 'ok'} {number} - {name}", flush=True)
        failed += bool(faults)
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
