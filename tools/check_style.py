#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The rules of the house that no compiler checks. Exceptions stand with a reason in tools/waivers.txt.

    check_style.py [--tap] [--no-tidy]

headers         every source begins with SPDX and a comment that says what it is
includes        abi <- kernel; abi <- lib <- servers, drivers, linux; the kernel never includes lib
assembly        inline assembly only in kernel/arch, lib/tessera and the personality's arch folder
self-contained  every header compiles by itself
function-length at most 60 lines in kernel/, 80 elsewhere
file-length     at most 800 lines
if-density      at most 2 conditional directives per 1,000 lines of a folder's .c files (and 1 in a folder is always allowed)
goto            none in kernel/
format          as clang-format with .clang-format writes it (./tessera lint --fix)
tidy            no finding of clang-tidy (.clang-tidy says which checks) but the analyser's, in what the cross build compiles
kernel-size     at most 9,000 lines of kernel for x86_64, of which 3,000 of architecture (tessera_tool/count.py)
"""
from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

from tessera_tool.common import TARGET

from tessera_tool import count

REPO = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = ("abi", "kernel", "boot", "lib", "servers", "drivers", "linux", "system", "spec", "tests", "bench")
TIDY_FOLDERS = ("kernel", "boot", "lib", "servers", "drivers", "linux", "system")
TIDY_FILES_AT_ONCE = 8
FUNCTION_MAX = {"kernel": 60}
FUNCTION_MAX_ELSEWHERE = 80
FILE_MAX = 800
IF_PER_THOUSAND = 2
FORBIDDEN_PATHS = {  # a header found in the second folder may not be included from the first
    "kernel": ("lib", "servers", "drivers", "linux"), "abi": ("kernel", "lib", "servers", "drivers", "linux"),
    "lib": ("kernel", "servers", "drivers", "linux"), "servers": ("kernel", "linux", "drivers"), "drivers": ("kernel", "linux", "servers"),
    "linux": ("kernel", "servers", "drivers")}
ASSEMBLY_FOLDERS = ("kernel/arch/", "lib/tessera/", "linux/arch/", "tests/", "bench/")
LIBC = pathlib.Path("/usr/include/x86_64-linux-musl")  # a name found there means the C library's header


def sources(*suffixes: str) -> list[pathlib.Path]:
    text = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *FOLDERS], cwd=REPO, check=True, capture_output=True, text=True).stdout
    return [REPO / name for name in sorted(text.split()) if name.endswith(suffixes) and (REPO / name).exists()]


def relative(path: pathlib.Path) -> str:
    return path.relative_to(REPO).as_posix()


def top(path: pathlib.Path) -> str:
    return relative(path).split("/")[0]


def check_headers() -> list[str]:
    faults = []
    for path in sources(".c", ".h", ".S", ".ld"):
        lines = path.read_text().splitlines()
        if not lines or "SPDX-License-Identifier: MIT OR Apache-2.0" not in lines[0]:
            faults.append(f"{relative(path)}: the first line is not the SPDX line")
        elif not any(re.match(r"\s*(/\*|//|#)", line) for line in lines[1:4]):
            faults.append(f"{relative(path)}: no comment says what it is")
        if path.suffix == ".h" and "#pragma once" not in lines:
            faults.append(f"{relative(path)}: no #pragma once")
    return faults


def _header_owners() -> dict[str, set[str]]:
    """Which top folders a header name, as written in an include, can come from."""
    owners: dict[str, set[str]] = {}
    for path in sources(".h"):
        parts = relative(path).split("/")
        for start in range(1, len(parts)):
            owners.setdefault("/".join(parts[start:]), set()).add(parts[0])
    return owners


def check_includes() -> list[str]:
    faults = []
    owners = _header_owners()
    for path in sources(".c", ".h"):
        folder = top(path)
        if "/test/" in relative(path) or folder not in FORBIDDEN_PATHS:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
            found = owners.get(match[1], set()) if match and not (LIBC / match[1]).exists() else set()
            if found and folder not in found and found <= set(FORBIDDEN_PATHS[folder]):
                faults.append(f"{relative(path)}:{number}: {folder} includes {match[1]} of {'/'.join(sorted(found))}")
            if folder == "kernel" and match and match[1].startswith("arch/") and match[1] not in ("arch/context.h", "arch/paging.h", "arch/hal_inline.h") \
                    and "/arch/" not in relative(path):
                faults.append(f"{relative(path)}:{number}: the core includes the architecture's {match[1]}")
    return faults


def check_assembly() -> list[str]:
    faults = []
    for path in sources(".c", ".h"):
        if relative(path).startswith(ASSEMBLY_FOLDERS) or "/test/" in relative(path):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"\b(asm|__asm__)\b\s*(volatile)?\s*\(", line):
                faults.append(f"{relative(path)}:{number}: inline assembly")
    return faults


def functions(text: str) -> list[tuple[str, int, int]]:
    """(name, first line, lines) of each function, by the brace style: its body is between '{' and '}' in column 0."""
    result = []
    name, start = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"^[A-Za-z_].*?\b(\w+)\(", line)
        if match and not line.rstrip().endswith(";"):
            name, first = match[1], number
        if line == "{" and name:
            start = first
        elif line.startswith("}") and start:
            if line == "}":
                result.append((name, start, number - start + 1))
            name, start = None, 0
    return result


def check_function_length() -> list[str]:
    faults = []
    for path in sources(".c", ".h"):
        limit = FUNCTION_MAX.get(top(path), FUNCTION_MAX_ELSEWHERE)
        for name, start, lines in functions(path.read_text()):
            if lines > limit:
                faults.append(f"{relative(path)}:{name} has {lines} lines (line {start}); {limit} are allowed")
    return faults


def check_file_length() -> list[str]:
    lengths = [(path, len(path.read_text().splitlines())) for path in sources(".c", ".h", ".S")]
    return [f"{relative(path)} has {lines} lines; {FILE_MAX} are allowed" for path, lines in lengths if lines > FILE_MAX]


def check_if_density() -> list[str]:
    lines: dict[str, int] = {}
    directives: dict[str, list[str]] = {}
    for path in sources(".c"):
        if "/test/" in relative(path):
            continue
        folder = top(path)
        text = path.read_text().splitlines()
        lines[folder] = lines.get(folder, 0) + len(text)
        directives.setdefault(folder, []).extend(f"{relative(path)}:{number}" for number, line in enumerate(text, 1) if re.match(r"\s*#\s*if", line))
    return [f"{folder} has {len(places)} #if in {lines[folder]} lines: {', '.join(places)}" for folder, places in directives.items()
            if len(places) > max(1, IF_PER_THOUSAND * lines[folder] // 1000)]


def check_goto() -> list[str]:
    faults = []
    for path in sources(".c", ".h"):
        if top(path) == "kernel":
            faults += [f"{relative(path)}:{number}: goto" for number, line in enumerate(path.read_text().splitlines(), 1)
                       if re.match(r"\s*goto\s+\w+;", line)]
    return faults


def check_kernel_size() -> list[str]:
    return count.faults(count.counts())


def _include_flags(path: pathlib.Path, generated: pathlib.Path) -> list[str]:
    folders = [REPO / "abi/include", generated, generated / "kernel"]
    if top(path) in ("kernel", "boot"):
        folders += [REPO / "abi/freestanding", REPO / "kernel/arch/x86_64/include", REPO / "boot/include"] + [REPO / "kernel" / name for name in ("include", "core", "object", "mm", "genarch")]
        if "/arch/host/" in relative(path):
            folders.remove(REPO / "kernel/arch/x86_64/include")
            folders = [REPO / "kernel/arch/host/include"] + folders
    else:
        folders += sorted(REPO.glob("lib/*/include")) + sorted(REPO.glob("drivers/*/*/include")) + [REPO / "linux/include", REPO / "linux"]
        parts = relative(path).split("/")
        folders += [REPO / "/".join(parts[:depth]) for depth in range(1, len(parts))]
        folders += [REPO / "/".join(parts[:depth]) / "include" for depth in range(1, len(parts))]
    return [f"-I{folder}" for folder in [path.parent, *folders]]


def check_self_contained() -> list[str]:
    generated = REPO / "build/style/gen"
    subprocess.run([sys.executable, str(REPO / "tools/abigen.py"), str(REPO / "abi"), str(generated)], check=True)
    subprocess.run([sys.executable, str(REPO / "tools/link_uapi.py"), str(generated.parent / "uapi"), "x86_64"], check=True)
    faults = []
    for path in sources(".h"):
        if top(path) in ("tests", "bench") or "/test/" in relative(path):
            continue
        musl = ["-isystem", str(LIBC)] if top(path) != "kernel" or "/arch/host/" in relative(path) else []
        if top(path) == "linux":
            musl = ["-isystem", str(generated.parent / "uapi"), f"-I{REPO / 'abi/freestanding'}"]
        command = ["clang-19", "--target=x86_64-linux-musl", "-nostdlibinc", *musl, "-std=gnu11", "-fsyntax-only", "-x", "c",
                   *_include_flags(path, generated), "-DTESSERA_VERSION=\"\"", "-Wno-undefined-internal", "-include", str(path), "/dev/null"]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            faults.append(f"{relative(path)}: " + next((line for line in result.stderr.splitlines() if "error:" in line), result.stderr[:200]))
    return faults


def waivers() -> list[tuple[str, str]]:
    rows = [line.split(None, 2) for line in (REPO / "tools/waivers.txt").read_text().splitlines() if line.strip() and not line.startswith("#")]
    for row in rows:
        if len(row) != 3:
            raise SystemExit(f"tools/waivers.txt: no reason given: {' '.join(row)}")
    return [(row[0], row[1]) for row in rows]


def is_waived(check: str, fault: str, accepted: list[tuple[str, str]]) -> bool:
    return any(check == name and re.match(re.escape(place) + r"(?![\w/])", fault) for name, place in accepted)


def check_format() -> list[str]:
    text = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"], cwd=REPO, check=True, capture_output=True, text=True).stdout
    files = [name for name in sorted(text.split()) if (REPO / name).exists()]
    result = subprocess.run(["clang-format-19", "--dry-run", *files], cwd=REPO, stderr=subprocess.PIPE, text=True)
    return [line for line in result.stderr.splitlines() if " warning: " in line or " error: " in line]


def _tidy(files: list[str]) -> list[str]:
    command = ["clang-tidy-19", "-quiet", "-p", str(TARGET), "--checks=-clang-analyzer-*", *files]
    result = subprocess.run(command, cwd=TARGET, capture_output=True, text=True)
    text = result.stdout + (result.stderr if result.returncode != 0 else "")
    return [line for line in text.splitlines() if re.search(r" (warning|error): ", line)]


def check_tidy() -> list[str]:
    database = TARGET / "compile_commands.json"
    if not database.exists():
        return [f"{database} is missing: ./tessera build makes it"]
    rows = json.loads(database.read_text())
    paths = {(pathlib.Path(row["directory"]) / row["file"]).resolve() for row in rows}
    files = [str(path) for path in sorted(paths) if path.suffix == ".c" and path.is_relative_to(REPO) and top(path) in TIDY_FOLDERS]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(_tidy, [files[i:i + TIDY_FILES_AT_ONCE] for i in range(0, len(files), TIDY_FILES_AT_ONCE)])
    faults = {line for lines in found for line in lines}
    return sorted(re.sub(r"^(\.\./)+", "", line.replace(f"{REPO}/", "")) for line in faults)


CHECKS = {"headers": check_headers, "includes": check_includes, "assembly": check_assembly, "self-contained": check_self_contained,
          "function-length": check_function_length, "file-length": check_file_length, "if-density": check_if_density, "goto": check_goto,
          "kernel-size": check_kernel_size, "format": check_format, "tidy": check_tidy}


def main() -> int:
    accepted = waivers()
    failed = 0
    if "--no-tidy" in sys.argv:
        del CHECKS["tidy"]
    if "--tap" in sys.argv:
        print(f"1..{len(CHECKS)}")
    for index, (name, check) in enumerate(CHECKS.items(), 1):
        faults = [fault for fault in check() if not is_waived(name, fault, accepted)]
        for fault in faults:
            print(f"# {name}: {fault}" if "--tap" in sys.argv else f"{name}: {fault}")
        if "--tap" in sys.argv:
            print(f"{'not ok' if faults else 'ok'} {index} - {name}")
        failed += bool(faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
