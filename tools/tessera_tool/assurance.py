# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera assurance: what is known of each function of the kernel, and docs/assurance.md.

A function is, best first: `proved` (named in proofs/proved.txt), `specified and fuzzed` (the kept inputs of tests/fuzz execute it beside the
specification), `tested` (the conformance program executes it in QEMU; or, of the architecture's headers that the host uses, too, the fuzzer
does), or `not yet`. A line is covered if one of the two executes it:
the fuzzer's lines come from clang's coverage, the conformance program's from the blocks that QEMU executed and the debug information.
"""
from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from . import build, executed, image, qemu, session
from .common import PROGRAMS, REPO, TARGET, ToolError, say, step

sys.path.insert(0, str(REPO / "tools"))
import check_style  # noqa: E402  (tools/, not a package)

PAGE = REPO / "docs/assurance.md"
PROVED = REPO / "proofs/proved.txt"
FOLDERS = ["kernel/core", "kernel/object", "kernel/mm", "kernel/genarch", "kernel/arch/x86_64", "kernel/include"]
FUZZED_FOLDERS = ("kernel/core/", "kernel/object/", "kernel/mm/", "kernel/include/")
CLASSES = ["not yet", "tested", "specified and fuzzed", "proved"]
COVERAGE_GOAL = 95.0

# title, program, kernel command line, CPUs: what is executed in QEMU. In CI the suites `kernel` and `bounds` have done the first four.
RUNS = [("conformance", "conformance", "", 1), ("conformance smp 2", "conformance", "", 2), ("bounds counted", "bounds", "", 1),
        ("conformance kpti=on mitigations=on", "conformance", "kpti=on mitigations=on", 1),
        *((f"conformance panic={kind}", "conformance", f"panic={kind} log=serial", 1) for kind in ("fault", "assert", "stack", "canary"))]
RUN_SECONDS = 600
RUN_MEMORY = "1024M"
ROW = re.compile(r"^\| `(\S+)` \| (.+?) \| \d+ \| \d+ \|$", re.MULTILINE)
FILE_LINE = re.compile(r"^### `(\S+)`", re.MULTILINE)

Lines = dict[str, dict[int, bool]]  # file: line: executed


@dataclasses.dataclass
class Function:
    file: str
    name: str
    first: int
    last: int
    kind: str = "not yet"
    lines: int = 0
    covered: int = 0


def functions() -> list[Function]:
    result = []
    for folder in FOLDERS:
        for path in sorted((REPO / folder).rglob("*.[ch]")):
            if "test" in path.relative_to(REPO).parts:
                continue
            file = str(path.relative_to(REPO))
            result += [Function(file, name, first, first + lines - 1) for name, first, lines in check_style.functions(path.read_text())]
    return result


def fuzzed_lines() -> Lines:
    """What the kept inputs execute of the host build of the core."""
    program = build.build_fuzzer("fuzz-coverage")
    fuzz = REPO / "tests/fuzz"
    with tempfile.TemporaryDirectory() as folder:
        raw, data = f"{folder}/raw", f"{folder}/data"
        environment = os.environ | {"LLVM_PROFILE_FILE": raw, "ASAN_OPTIONS": "detect_leaks=0"}
        result = subprocess.run([str(program), "-runs=0", str(fuzz / "corpus"), str(fuzz / "regressions")], capture_output=True, text=True,
                                errors="replace", env=environment)
        if result.returncode != 0:
            raise ToolError(f"the kept inputs of tests/fuzz do not pass:\n{result.stderr[-2000:]}")
        subprocess.run(["llvm-profdata-19", "merge", "-o", data, raw], check=True)
        text = subprocess.run(["llvm-cov-19", "export", "-format=lcov", f"-instr-profile={data}", str(program)], check=True, capture_output=True,
                              text=True).stdout
    lines: Lines = {}
    file = ""
    for line in text.splitlines():
        if line.startswith("SF:"):
            file = os.path.relpath(line[3:], REPO)
            lines.setdefault(file, {})
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[file][int(number)] = lines[file].get(int(number), False) or int(count) > 0
    return lines


def _instructions() -> list[int]:
    text = subprocess.run(["llvm-objdump-19", "-d", "--no-show-raw-insn", str(qemu.KERNEL)], check=True, capture_output=True, text=True).stdout
    return [int(match, 16) for match in re.findall(r"^\s*([0-9a-f]+):\s", text, re.MULTILINE)]


def _run(title: str, program: str, cmdline: str, cpus: int) -> list[tuple[int, int]]:
    """Executes a program in place of root; what it executed of the kernel."""
    with tempfile.NamedTemporaryFile(prefix="tessera-", suffix=".cpio") as archive:
        archive.write(image.compose([], PROGRAMS / program))
        archive.flush()
        command = qemu.command(archive.name, cmdline, memory=RUN_MEMORY, cpus=cpus, icount=False, accel="tcg", extra=executed.arguments(title))
        log = session.Log(None, None)
        run = session.Session(command, interactive=False, timeout=RUN_SECONDS, log=log, input_fd=None, output=lambda _: None, awaits_ready=False)
        run.run()
    blocks = executed.blocks(title, program)
    if run.timed_out or bool(log.panic_since) != ("panic=" in cmdline) or not blocks:
        raise ToolError(f"{title} did not end well:\n{log.tail()}")
    return blocks


def executed_lines() -> Lines:
    """What the conformance program executes of the kernel in QEMU."""
    blocks = []
    for title, program, cmdline, cpus in RUNS:
        blocks += executed.blocks(title, program) or _run(title, program, cmdline, cpus)
    order = _instructions()
    index = {address: i for i, address in enumerate(order)}
    seen = set()
    for address, count in blocks:
        start = index.get(address)
        if start is not None:
            seen.update(order[start:start + count])
    lines: Lines = collections.defaultdict(dict)
    for address, place in lines_of(order):
        file, number = place
        if number:
            lines[file][number] = lines[file].get(number, False) or address in seen
    return lines


def lines_of(addresses: list[int]):
    """(address, (file, line)) for each instruction and each function it was inlined into."""
    text = subprocess.run(["llvm-symbolizer-19", "--output-style=JSON", f"--obj={qemu.KERNEL}"], check=True, capture_output=True, text=True,
                          input="".join(f"{address:#x}\n" for address in addresses)).stdout
    for line in text.splitlines():
        found = json.loads(line)
        for symbol in found.get("Symbol", []):
            if symbol["FileName"]:
                yield int(found["Address"], 16), (os.path.relpath(TARGET / symbol["FileName"], REPO), symbol["Line"])


def proved() -> set[tuple[str, str]]:
    """proofs/proved.txt: lines `FILE FUNCTION`."""
    if not PROVED.exists():
        return set()
    rows = [line.split() for line in PROVED.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {(row[0], row[1]) for row in rows}


def survey() -> list[Function]:
    with step("executing the fuzzer's kept inputs"):
        fuzzed = fuzzed_lines()
    with step("executing the conformance program"):
        ran = executed_lines()
    names, found = proved(), functions()
    for function in found:
        span = range(function.first, function.last + 1)
        by_fuzzer, by_program = fuzzed.get(function.file, {}), ran.get(function.file, {})
        known = {line for line in span if line in by_fuzzer} or {line for line in span if line in by_program}
        function.lines = len(known)
        function.covered = sum(by_fuzzer.get(line, False) or by_program.get(line, False) for line in known)
        if (function.file, function.name) in names:
            function.kind = "proved"
        elif function.file.startswith(FUZZED_FOLDERS) and any(by_fuzzer.get(line) for line in span):
            function.kind = "specified and fuzzed"
        elif any(by_program.get(line) or by_fuzzer.get(line) for line in span):
            function.kind = "tested"
    return [function for function in found if function.lines]


def coverage(found: list[Function]) -> float:
    """Per cent of the lines outside the architecture's folder."""
    portable = [function for function in found if not function.file.startswith("kernel/arch/")]
    return 100.0 * sum(function.covered for function in portable) / max(1, sum(function.lines for function in portable))


def kept() -> dict[tuple[str, str], str]:
    """The classes on the page."""
    if not PAGE.exists():
        return {}
    result = {}
    for part in re.split(r"(?=^### )", PAGE.read_text(), flags=re.MULTILINE):
        file = FILE_LINE.search(part)
        if file:
            result.update({(file[1], name): kind for name, kind in ROW.findall(part)})
    return result


def is_below_goal(function: Function) -> bool:
    """The portable kernel is specified and fuzzed, every function of it."""
    return function.file.startswith(FUZZED_FOLDERS) and CLASSES.index(function.kind) < CLASSES.index("specified and fuzzed")


def problems(found: list[Function]) -> list[str]:
    before, faults = kept(), []
    for function in found:
        old = before.get((function.file, function.name), "tested")
        if CLASSES.index(function.kind) < CLASSES.index(old):
            faults.append(f"{function.file}: {function.name} is {function.kind}, was {old}")
        elif is_below_goal(function):
            faults.append(f"{function.file}: {function.name} is {function.kind}; the portable kernel is to be specified and fuzzed")
    if coverage(found) < COVERAGE_GOAL:
        faults.append(f"{coverage(found):.1f} % of the lines outside kernel/arch are covered; the goal is {COVERAGE_GOAL:.0f} %")
    return faults


def page(found: list[Function]) -> str:
    counts = collections.Counter(function.kind for function in found)
    text = ["# Assurance", "", "Generated by `./tessera assurance --write`; the suite `assurance` fails if a function falls to a lower class, if one of the portable kernel is",
            f"less than specified and fuzzed, or if less than {COVERAGE_GOAL:.0f} % of the lines outside `kernel/arch` are covered.", "", "- **proved**: by `make prove` (`proofs/`), some for a few objects only (docs/proofs.md)",
            "- **specified and fuzzed**: the fuzzer's kept inputs execute it beside the executable specification (docs/fuzzing.md)",
            "- **tested**: the conformance program executes it in QEMU (tests/kernel); or, of the architecture's headers that the host uses, too, the fuzzer does", "- **not yet**: neither", "",
            "| class | functions |", "| --- | ---: |"]
    text += [f"| {kind} | {counts[kind]} |" for kind in reversed(CLASSES)]
    text += ["", f"{coverage(found):.1f} % of the lines outside `kernel/arch` are covered by the fuzzer's kept inputs or the conformance program."]
    files = collections.defaultdict(list)
    for function in found:
        files[function.file].append(function)
    for file, rows in files.items():
        text += ["", f"### `{file}`", "", "| function | class | lines | covered |", "| --- | --- | ---: | ---: |"]
        text += [f"| `{row.name}` | {row.kind} | {row.lines} | {row.covered} |" for row in rows]
    return "\n".join(text) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", action="store_true", help="write docs/assurance.md anew")


def start(args: argparse.Namespace) -> int:
    build.build_target(quiet=True)
    found = survey()
    if args.write:
        PAGE.write_text(page(found))
        say(f"written to {PAGE}")
    for kind in reversed(CLASSES):
        print(f"{sum(function.kind == kind for function in found):5} {kind}")
    print(f"{coverage(found):.1f} % of the lines outside kernel/arch")
    faults = problems(found)
    for fault in faults:
        say(fault)
    return 1 if faults else 0
