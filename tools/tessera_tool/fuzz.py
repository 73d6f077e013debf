# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera fuzz: the kernel core beside its executable specification (spec/), under libFuzzer with ASan and UBSan; docs/fuzzing.md."""
from __future__ import annotations

import argparse
import pathlib
import re
import shutil
import subprocess
import tempfile

from . import build
from .common import BUILD, REPO, ToolError, say

FOLDER = REPO / "tests/fuzz"
CORPUS, REGRESSIONS = FOLDER / "corpus", FOLDER / "regressions"
WORK = BUILD / "fuzz"
CI_SECONDS = 60
LONG_OPERATIONS = 10_000_000
SLICE_SECONDS = 60
INPUT_BYTES = 2400  # 200 operations
COUNT = re.compile(r"^operations compared: (\d+)$", re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--operations", type=int, default=LONG_OPERATIONS, help="go on until so many were compared (default: 10 million)")
    parser.add_argument("--ci", action="store_true", help=f"replay all regressions, then {CI_SECONDS} seconds from the kept corpus; TAP")
    parser.add_argument("--replay", nargs="+", metavar="FILE", help="run these inputs and print each operation")
    parser.add_argument("--keep", action="store_true", help="minimise what the long runs have found into tests/fuzz/corpus")


def _run(program: pathlib.Path, *arguments: str, trace: bool = False) -> tuple[int, str]:
    environment = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1", "PATH": "/usr/bin:/bin"}
    if trace:
        environment["TESSERA_TRACE"] = "1"
    result = subprocess.run([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment)
    return result.returncode, result.stdout


def _operations(text: str) -> int:
    return sum(int(number) for number in COUNT.findall(text))


def difference(text: str) -> str:
    """The part of the fuzzer's output that a person wants to see: the run and the difference, or the sanitizer's report."""
    start = re.search(r"^(---- the run|broken invariant|spec: |.*runtime error|==\d+==ERROR)", text, re.MULTILINE)
    return "\n".join(text[start.start() if start else 0:].splitlines()[:120])


def fuzz_for(program: pathlib.Path, seconds: int, found: pathlib.Path) -> tuple[bool, int, str]:
    """Runs from the kept corpus and what was found before. (no difference, operations, output)"""
    found.mkdir(parents=True, exist_ok=True)
    status, text = _run(program, f"-max_len={INPUT_BYTES}", f"-max_total_time={seconds}", "-timeout=20", f"-artifact_prefix={found.parent}/", str(found), str(CORPUS))
    return status == 0, _operations(text), text


def _replay_all(program: pathlib.Path) -> list[tuple[str, bool, str]]:
    results = []
    for path in sorted(REGRESSIONS.iterdir()):
        status, text = _run(program, str(path))
        results.append((path.name, status == 0, text))
    return results


def _ci() -> int:
    program = build.build_fuzzer("fuzz-kernel")
    replayed = _replay_all(program)
    failed = 0
    print(f"1..{len(replayed) + 1}")
    with tempfile.TemporaryDirectory() as folder:
        good, count, text = fuzz_for(program, CI_SECONDS, pathlib.Path(folder) / "corpus")
    results = [(f"regression {name}", fine, output) for name, fine, output in replayed]
    results.append((f"{CI_SECONDS} seconds, {count} operations compared with the specification", good and count > 0, text))
    for number, (name, fine, output) in enumerate(results, 1):
        print(f"{'ok' if fine else 'not ok'} {number} - {name}")
        if not fine:
            failed += 1
            print("\n".join(f"# {line}" for line in difference(output).splitlines()))
    return 1 if failed else 0


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


def start(args: argparse.Namespace) -> int:
    if args.replay:
        status, text = _run(build.build_fuzzer("fuzz-kernel"), *args.replay, trace=True)
        print(text)
        return status
    if args.keep:
        return _keep()
    return _ci() if args.ci else _long(args.operations)
