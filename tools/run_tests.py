#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs every test and counts each single one. Closes with `N passed, N failed`; the exit status is not 0 unless all passed.

    run_tests.py [SUITE ...] [-k TEXT]

Suites: style (tools/check_style.py), host (unit tests, TAP), tools / system / twin / ... (pytest, one per folder tests/NAME that
holds test_*.py), kernel (programs of tests/kernel, booted instead of root, TAP in the log), bounds (docs/bounds.md), assurance (docs/assurance.md),
prove (docs/proofs.md).
"""
from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

from tessera_tool import accelerator, assurance, bounds, build, executed
from tessera_tool.common import BUILD, HOST, PROGRAMS, REPO, ToolError

RESULTS = BUILD / "tests"
TAP_LINE = re.compile(r"(?:^|[:\]] )(not ok|ok) (\d+)(?: -)? ?(.*)$")
PYTHON = "/usr/bin/python3" if pathlib.Path("/usr/bin/python3").exists() else sys.executable  # the one Debian's pytest is for
UNIT_TEST_SECONDS = 120
KERNEL_TEST_SECONDS = 180
KERNEL_CONFIGURATIONS = {  # name: arguments of ./tessera run
    "": [], "kpti=on mitigations=on": ["--append", "kpti=on mitigations=on"], "smp 2": ["--smp", "2"], "smp 4": ["--smp", "4"],
    "smp 2 kpti=on mitigations=on": ["--smp", "2", "--append", "kpti=on mitigations=on"],
}
PYTEST_SECONDS = 5400
FUZZ_SECONDS = 900
PROVE_SECONDS = 5400


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)

    def ok(self) -> None:
        self.passed += 1

    def fail(self, what: str) -> None:
        self.failed += 1
        self.failures.append(what)

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures


def count_tap(name: str, text: str) -> Count:
    """Each `ok` or `not ok` line is one test; `# SKIP` ones count as skipped."""
    count = Count()
    planned = sum(int(number) for number in re.findall(r"(?:^|[:\]] )1\.\.(\d+)\s*$", text, re.MULTILINE))
    for line in text.splitlines():
        match = TAP_LINE.search(line)
        if not match:
            continue
        if re.search(r"#\s*skip", match[3], re.IGNORECASE):
            count.skipped += 1
        elif match[1] == "ok":
            count.ok()
        else:
            count.fail(f"{name}: {match[3] or match[2]}")
    seen = count.passed + count.failed + count.skipped
    if seen == 0:
        count.fail(f"{name}: no test ran")
    elif planned > seen:
        count.fail(f"{name}: {planned} tests were planned, {seen} ran")
    return count


def _run(command: list[str], seconds: float, **options) -> tuple[int, str]:
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                timeout=seconds, text=True, errors="replace", **options)
        return result.returncode, result.stdout
    except subprocess.TimeoutExpired as error:
        text = error.stdout or b""
        return 124, (text.decode(errors="replace") if isinstance(text, bytes) else text) + f"\ntimeout after {seconds} s\n"


def _save(name: str, text: str) -> pathlib.Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.txt"
    path.write_text(text)
    return path


def _judge_tap(name: str, status: int, text: str) -> Count:
    count = count_tap(name, text)
    if status != 0 and count.failed == 0:
        count.fail(f"{name}: ended with status {status}")
    if count.failed:
        print(f"--- {name}, the end of {_save(name, text)}:\n" + "\n".join(text.splitlines()[-25:]))
    return count


def suite_style(_filter: str | None) -> Count:
    build.build_target(quiet=True)  # clang-tidy needs the generated headers
    status, text = _run([sys.executable, str(REPO / "tools/check_style.py"), "--tap"], 300)
    return _judge_tap("style", status, text)


def suite_host(name_filter: str | None) -> Count:
    total = Count()
    try:
        build.build_host(quiet=True)
    except ToolError as error:  # what could be built is run all the same
        total.fail(f"host: {error}")
    listing = subprocess.run(["meson", "introspect", "--tests", str(HOST)], check=True, capture_output=True, text=True).stdout
    for test in json.loads(listing):
        if name_filter and name_filter not in test["name"]:
            continue
        if not pathlib.Path(test["cmd"][0]).exists():
            total.fail(f"{test['name']}: not built")
            continue
        status, text = _run(test["cmd"], UNIT_TEST_SECONDS, cwd=test.get("workdir") or HOST, env=os.environ | test["env"])
        total.add(_judge_tap(test["name"], status, text))
    return total


def suite_fuzz(_filter: str | None) -> Count:
    """The kernel core beside its specification: every regression input, and a minute of libFuzzer from the kept corpus."""
    status, text = _run([sys.executable, str(REPO / "tessera"), "fuzz", "--ci"], FUZZ_SECONDS)
    for line in text.splitlines():
        if "operations compared" in line:
            print(f"   {line}")
    return _judge_tap("fuzz", status, text)


def suite_kernel(name_filter: str | None) -> Count:
    """The programs of tests/kernel, which speak TAP: their names begin with `conformance`. Each runs in every configuration."""
    build.build_target(quiet=True)
    total = Count()
    for row in (PROGRAMS / "programs.txt").read_text().splitlines():
        kind, name, _ = row.split()
        if kind != "native" or not name.startswith("conformance") or (name_filter and name_filter not in name):
            continue
        for configuration, arguments in KERNEL_CONFIGURATIONS.items():
            title = f"{name} {configuration}".strip()
            log = _save(f"{title}-log", "")
            command = [str(REPO / "tessera"), "run", "--no-build", "--boot-program", name, "--log", str(log), "--timeout", str(KERNEL_TEST_SECONDS)]
            if accelerator.choose() == "tcg":  # what it executes is for the suite `assurance`
                command += [f"--qemu-arg={argument}" for argument in executed.arguments(title)]
            status, text = _run(command + arguments, KERNEL_TEST_SECONDS + 60)
            total.add(_judge_tap(title, status, log.read_text(errors="replace") + text))
    return total


def suite_bounds(name_filter: str | None) -> Count:
    """Each published bound is a test (docs/bounds.md), and so is each check of the program that provokes the worst cases."""
    build.build_target(quiet=True)
    measured, total, rows = bounds.longest(bounds.RUNS), Count(), bounds.published()
    wrong = {line.split(":")[0]: line for line in bounds.problems(measured, rows)}
    for name in sorted(rows.keys() | measured.keys()):
        if name_filter and name_filter not in name:
            continue
        if name in wrong:
            total.fail(f"bounds: {wrong[name]}")
        else:
            total.ok()
    total.add(count_tap("bounds", (BUILD / "bench/bounds.log").read_text(errors="replace")))
    return total


def suite_assurance(name_filter: str | None) -> Count:
    """One test a file of the kernel: none of its functions is in a lower class than docs/assurance.md says; and one on line coverage."""
    build.build_target(quiet=True)
    found, total = assurance.survey(), Count()
    faults = assurance.problems(found)
    for fault in faults:
        total.fail(f"assurance: {fault}")
    total.passed += len({row.file for row in found} - {fault.split(":")[0] for fault in faults}) + (assurance.coverage(found) >= assurance.COVERAGE_GOAL)
    return total


def suite_prove(name_filter: str | None) -> Count:
    """The proofs of kernel modules, and that they mean something: docs/proofs.md."""
    status, text = _run([sys.executable, str(REPO / "tools/prove.py"), *(["-k", name_filter] if name_filter else [])], PROVE_SECONDS)
    return _judge_tap("prove", status, text)


def count_junit(name: str, path: pathlib.Path, status: int) -> Count:
    count = Count()
    if path.exists():
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                count.fail(f"{name}: {case.get('classname')}.{case.get('name')}")
            elif case.find("skipped") is not None:
                count.skipped += 1
            else:
                count.ok()
    if count.failed == 0 and status not in (0, 5):
        count.fail(f"{name}: pytest ended with status {status}")
    if count.passed + count.failed + count.skipped == 0:
        count.fail(f"{name}: no test ran")
    return count


def suite_pytest(folder: str, name_filter: str | None) -> Count:
    if folder != "tools":
        build.build_target(quiet=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"{folder}.xml"
    report.unlink(missing_ok=True)
    command = [PYTHON, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}", str(REPO / "tests" / folder)]
    if name_filter:
        command += ["-k", name_filter]
    try:
        status = subprocess.run(command, cwd=REPO, timeout=PYTEST_SECONDS).returncode
    except subprocess.TimeoutExpired:
        status = 124
    return count_junit(folder, report, status)


def suites() -> dict:
    """All suites in the order in which they run: the quick ones first."""
    result = {"style": suite_style, "host": suite_host, "fuzz": suite_fuzz}
    for folder in sorted((REPO / "tests").iterdir(), key=lambda path: (path.name != "tools", path.name)):
        if any(folder.rglob("test_*.py")):
            result[folder.name] = lambda text, name=folder.name: suite_pytest(name, text)
    if (REPO / "tests/kernel").exists() and "kernel" not in result:
        result["kernel"] = suite_kernel
        result["bounds"] = suite_bounds
        result["assurance"] = suite_assurance
    result["prove"] = suite_prove
    return result


def _run_suite(name: str, action, name_filter: str | None) -> Count:
    start = time.monotonic()
    try:
        count = action(name_filter)
    except (ToolError, subprocess.CalledProcessError, OSError) as error:
        count = Count()
        count.fail(f"{name}: {error}")
    print(f"== {name}: {count.passed} passed, {count.failed} failed"
          f"{f', {count.skipped} skipped' if count.skipped else ''} ({time.monotonic() - start:.0f} s)", flush=True)
    return count


def main() -> int:
    known = suites()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of: {', '.join(known)} (default: all)")
    parser.add_argument("-k", metavar="TEXT", help="only tests whose name contains it")
    args = parser.parse_args()
    if unknown := [name for name in args.suites if name not in known]:
        parser.error(f"no such suite: {', '.join(unknown)}")
    total = Count()
    for name in args.suites or known:
        total.add(_run_suite(name, known[name], args.k))
    for failure in total.failures:
        print(f"FAILED {failure}")
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
