# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera fuzz: the kernel core beside its executable specification (spec/), under libFuzzer with ASan and UBSan; docs/fuzzing.md."""
from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable

from . import build, mutants
from .common import BUILD, REPO, ToolError, say

FOLDER = REPO / "tests/fuzz"
CORPUS, REGRESSIONS = FOLDER / "corpus", FOLDER / "regressions"
WORK = BUILD / "fuzz"
CI_SECONDS = 60
CI_SEED = 1  # what CI says depends on the commit; the long run draws other inputs each time
RUN_SECONDS = 600  # of any run: far more than it takes
LONG_OPERATIONS = 10_000_000
SLICE_SECONDS = 60
BASELINE_SECONDS = 20
INPUT_BYTES = 2400  # 200 operations
MARK = "# events"  # with which an input begins that is text
COUNT = re.compile(r"^operations compared: (\d+)$", re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--operations", type=int, default=LONG_OPERATIONS, help="go on until so many were compared (default: 10 million)")
    parser.add_argument("--ci", action="store_true", help=f"replay all regressions, then {CI_SECONDS} seconds from the kept corpus; TAP")
    parser.add_argument("--mutants", action="store_true", help="each seeded bug of tests/fuzz/mutants.toml must be found; TAP")
    parser.add_argument("--coverage", action="store_true", help="lines of the kernel that the kept corpus reaches, by function, into build/fuzz/coverage.json")
    parser.add_argument("--replay", nargs="+", metavar="FILE", help="run these inputs and print each operation")
    parser.add_argument("--text", metavar="FILE", help="an input as a list of events, which means the same when the decoder changes: for tests/fuzz/regressions")
    parser.add_argument("--keep", action="store_true", help="minimise what the long runs have found into tests/fuzz/corpus")


def _run(program: pathlib.Path, *arguments: str, trace: bool = False, profile: pathlib.Path | None = None) -> tuple[int, str]:
    environment = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1", "PATH": "/usr/bin:/bin"}
    if trace:
        environment["TESSERA_TRACE"] = "1"
    if profile:
        environment["LLVM_PROFILE_FILE"] = str(profile)
    try:
        result = subprocess.run([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
                                timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired as error:
        return 124, (error.stdout or b"").decode(errors="replace") + f"\nno end after {RUN_SECONDS} s\n"
    return result.returncode, result.stdout


def _operations(text: str) -> int:
    return sum(int(number) for number in COUNT.findall(text))


def difference(text: str) -> str:
    """The part of the fuzzer's output that a person wants to see: the run and the difference, or the sanitizer's report."""
    start = re.search(r"^(---- the run|broken invariant|spec: |.*runtime error|==\d+==ERROR)", text, re.MULTILINE)
    return "\n".join(text[start.start() if start else 0:].splitlines()[:120])


def fuzz_for(program: pathlib.Path, seconds: int, found: pathlib.Path, seed: int = 0) -> tuple[bool, int, str]:
    """Runs from the kept corpus and what was found before; seed 0 is another one each time. (no difference, operations, output)"""
    found.mkdir(parents=True, exist_ok=True)
    status, text = _run(program, f"-max_len={INPUT_BYTES}", f"-max_total_time={seconds}", f"-seed={seed}", "-timeout=20", f"-artifact_prefix={found.parent}/", str(found), str(CORPUS))
    return status == 0, _operations(text), text


def _replay_all(program: pathlib.Path) -> list[tuple[str, bool, str]]:
    results = []
    for path in sorted(REGRESSIONS.glob("*")):
        status, text = _run(program, str(path))
        results.append((path.name, status == 0, text))
    return results


def _seek(mutant: dict, number: int) -> tuple[str, bool, str]:
    """Runs a mutant until it differs: as CI does, the regressions first, then the fuzzer for a limited time."""
    program = mutants.make(mutant, number)
    for path in sorted(REGRESSIONS.glob("*")):
        status, text = _run(program, str(path))
        if status != 0:
            return f"mutant: {mutant['name']}, by {path.name}", True, text
    with tempfile.TemporaryDirectory() as folder:
        good, count, text = fuzz_for(program, CI_SECONDS, pathlib.Path(folder) / "corpus", CI_SEED)
    return f"mutant: {mutant['name']}, after {count} operations", not good, "the mutant lives" if good else text


def _report(count: int, results: Iterable[tuple[str, bool, str]]) -> int:
    """Each result as it comes."""
    failed = 0
    print(f"1..{count}")
    for number, (name, fine, output) in enumerate(results, 1):
        print(f"{'ok' if fine else 'not ok'} {number} - {name}", flush=True)
        failed += not fine
        if not fine:
            print("\n".join(f"# {line}" for line in difference(output).splitlines()))
    return 1 if failed else 0


def _text(file: str) -> int:
    """Prints the trace of an input from its beginning on, as tests/fuzz/replay.c reads it."""
    status, output = _run(build.build_fuzzer("fuzz-kernel"), file, trace=True)
    lines = output[output.rindex(MARK):].splitlines()
    print("\n".join([MARK, *(line for line in lines if line.startswith(("cpu ", "guarded")))]))
    return status


def _mutants() -> int:
    """The unchanged kernel comes first: what it fails, a mutant's failure says nothing about."""
    with tempfile.TemporaryDirectory() as folder:
        good, count, text = fuzz_for(build.build_fuzzer("fuzz-kernel"), BASELINE_SECONDS, pathlib.Path(folder) / "corpus")
    if not good:
        raise ToolError(f"the kernel without mutant differs:\n{difference(text)}")
    wanted = mutants.read(False)
    return _report(len(wanted), (_seek(mutant, number) for number, mutant in enumerate(wanted)))


def _ci() -> int:
    program = build.build_fuzzer("fuzz-kernel")
    results = [(f"regression {name}", fine, output) for name, fine, output in _replay_all(program)]
    with tempfile.TemporaryDirectory() as folder:
        good, count, text = fuzz_for(program, CI_SECONDS, pathlib.Path(folder) / "corpus", CI_SEED)
    results.append((f"{CI_SECONDS} seconds, {count} operations compared with the specification", good and count > 0, text))
    results += [_seek(mutant, number) for number, mutant in enumerate(mutants.read(True))]
    return _report(len(results), results)


def _long(operations: int) -> int:
    program = build.build_fuzzer("fuzz-kernel")
    total = seconds = 0
    while total < operations:
        good, count, text = fuzz_for(program, SLICE_SECONDS, WORK / "corpus")
        total += count
        seconds += SLICE_SECONDS
        say(f"{total} operations compared, {total // seconds} a second")
        if not good:
            print(difference(text))
            print(f"the input is in {WORK}; ./tessera fuzz --replay FILE prints each operation")
            return 1
    print(f"{total} operations compared, no difference")
    return 0


def _keep() -> int:
    program = build.build_fuzzer("fuzz-kernel")
    new = WORK / "minimised"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    status, text = _run(program, "-set_cover_merge=1", "-use_counters=0", f"-max_len={INPUT_BYTES}", str(new), str(CORPUS), str(WORK / "corpus"))
    if status != 0:
        raise ToolError(f"the corpus cannot be minimised:\n{difference(text)}")
    shutil.rmtree(CORPUS)
    new.rename(CORPUS)
    return 0


def _lines(function: dict) -> tuple[int, int]:
    """Lines of a function that code stands on, and how many of them ran, from llvm-cov's regions [line, column, line, column, count, ...]."""
    counts: dict[int, int] = {}
    for first, _, last, _, count, _, _, kind in sorted(function["regions"], key=lambda region: region[0] - region[2]):
        for line in range(first, last + 1):
            if kind == 0:  # code; smaller regions come later and say it more exactly
                counts[line] = count
    return len(counts), sum(count > 0 for count in counts.values())


def _coverage() -> int:
    program = build.build_fuzzer("fuzz-coverage")
    WORK.mkdir(parents=True, exist_ok=True)
    raw, data = WORK / "coverage.profraw", WORK / "coverage.profdata"
    inputs = [folder for folder in (CORPUS, REGRESSIONS, WORK / "corpus") if folder.exists()]
    status, text = _run(program, "-runs=0", f"-max_len={INPUT_BYTES}", *map(str, inputs), profile=raw)
    if status != 0:
        raise ToolError(f"a difference:\n{difference(text)}")
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", str(raw), "-o", str(data)], check=True)
    export = subprocess.run(["llvm-cov-19", "export", str(program), f"-instr-profile={data}"], check=True, capture_output=True, text=True).stdout
    result: dict[str, dict[str, list[int]]] = {}
    for function in json.loads(export)["data"][0]["functions"]:
        path = pathlib.Path(function["filenames"][0])
        if not path.is_relative_to(REPO / "kernel") or "arch" in path.relative_to(REPO).parts:
            continue
        lines, covered = _lines(function)
        known = result.setdefault(str(path.relative_to(REPO)), {}).setdefault(function["name"].split(":")[-1], [lines, 0])
        known[:] = max(known, [lines, covered], key=lambda figures: figures[1] / figures[0])  # of an inline's copies the one that ran most
    (WORK / "coverage.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    for name, functions in sorted(result.items()):
        lines, covered = (sum(column) for column in zip(*functions.values()))
        print(f"{100 * covered / lines:6.1f} %  {covered:5} of {lines:5}  {name}")
    everything = [figures for functions in result.values() for figures in functions.values()]
    lines, covered = (sum(column) for column in zip(*everything))
    print(f"{100 * covered / lines:6.1f} %  {covered:5} of {lines:5}  in all; by function: {WORK / 'coverage.json'}")
    return 0


def start(args: argparse.Namespace) -> int:
    if args.replay:
        status, text = _run(build.build_fuzzer("fuzz-kernel"), *args.replay, trace=True)
        print(text)
        return status
    if args.text:
        return _text(args.text)
    if args.keep:
        return _keep()
    if args.mutants:
        return _mutants()
    if args.coverage:
        return _coverage()
    return _ci() if args.ci else _long(args.operations)
