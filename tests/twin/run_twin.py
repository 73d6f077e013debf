#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Twin tests: the same binaries and scripts on the Linux of this machine, in a chroot, and on Tessera; what they print,
their exit status and the file tree they leave must be equal.

A case is tests/twin/sh/NAME.sh or tests/twin/c/NAME.c (built with musl-gcc -static). Expected results are never written by
hand. A difference that is legitimate has one visible rule: the case's header names it, `twin-normalise: RULE`, and RULES
below says what it does. `twin-libs: -lpthread` and the like go to the compiler; `twin-libc: glibc` builds with gcc instead.

Usage: run_twin.py [--out DIR] [--smp N] [NAME...]
"""

import argparse
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "tools"))

from tessera_tool import rootfs  # noqa: E402

# What a case may ask to have made equal before the comparison, and why that is legitimate.
RULES = {
    # numbers of processes depend on what ran before
    "pids": lambda text: re.sub(r"\b(pid|ppid|tid|pgid|sid)[ =:]*\d+", r"\1=N", text),
    # clock readings
    "times": lambda text: re.sub(r"\b\d+\.\d+s?\b", "T", text),
    # addresses are random on both
    "addresses": lambda text: re.sub(r"0x[0-9a-f]{6,}", "0xA", text),
}


# Bad pointers and sizes on purpose, vfork.
QUIET = ["-Wno-stringop-overread", "-Wno-stringop-overflow", "-Wno-clobbered", "-Wno-format-truncation"]


class Case:
    def __init__(self, path):
        self.path = path
        self.name = path.stem
        header = path.read_text(errors="replace")[:2000]
        self.rules = re.findall(r"twin-normalise: *(\w+)", header)
        self.compiler = "gcc" if "twin-libc: glibc" in header else "musl-gcc"
        self.libs = " ".join(re.findall(r"twin-libs: *(.*?)(?: *\*/)?$", header, re.M)).split()

    def is_program(self):
        return self.path.suffix == ".c"


def find_cases(names):
    cases = [Case(p) for p in sorted(HERE.glob("sh/*.sh")) + sorted(HERE.glob("c/*.c"))]
    wanted = [c for c in cases if not names or c.name in names]
    missing = set(names) - {c.name for c in wanted}
    if missing:
        sys.exit(f"run_twin: no such case: {' '.join(sorted(missing))}")
    return wanted


def make_rows(out):
    """linux_calls.h: what the personality's own table says, for a case that tries all calls. Written only when it changes."""
    rows, fresh = out / "linux_calls.h", out / "linux_calls.new"
    subprocess.run([sys.executable, TOP / "linux/tools/gen_syscalls.py", TOP / "linux/syscalls.toml", "rows", fresh], check=True)
    if rows.exists() and rows.read_bytes() == fresh.read_bytes():
        fresh.unlink()
    else:
        fresh.replace(rows)
    return rows


def build(cases, out):
    (out / "bin").mkdir(parents=True, exist_ok=True)
    rows = make_rows(out)
    for case in filter(Case.is_program, cases):
        target = out / "bin" / case.name
        if target.exists() and target.stat().st_mtime > max(path.stat().st_mtime for path in (case.path, HERE / "c/twin.h", rows)):
            continue
        subprocess.run([case.compiler, "-static", "-O1", "-Wall", "-Wextra", "-Werror", *QUIET, "-I", out, "-o", target, case.path, *case.libs], check=True)


def overlay(cases, out):
    """The directory laid over the root file system of both systems."""
    tree = out / "overlay"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "twin/sh").mkdir(parents=True)
    (tree / "twin/bin").mkdir()
    shutil.copy(HERE / "driver.sh", tree / "twin/driver.sh")
    (tree / "twin/cases").write_text("".join(c.name + "\n" for c in cases))
    for case in cases:
        if case.is_program():
            shutil.copy(out / "bin" / case.name, tree / "twin/bin" / case.name)
        else:
            shutil.copy(case.path, tree / "twin/sh" / case.path.name)
    return tree


def write_tree(entries, root):
    """Entries of a boot archive as real files."""
    for entry in entries:
        path = root / entry.path
        if stat.S_ISDIR(entry.mode):
            path.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISLNK(entry.mode):
            path.symlink_to(entry.data.decode())
        else:
            path.write_bytes(entry.data)
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        if not stat.S_ISLNK(entry.mode):
            path.chmod(stat.S_IMODE(entry.mode))


def make_chroot(out, tree):
    """A root file system with Debian's busybox, as Tessera's, for the Linux side."""
    root = out / "chroot"
    shutil.rmtree(root, ignore_errors=True)
    write_tree(rootfs.entries(), root)
    shutil.copytree(tree, root, dirs_exist_ok=True, symlinks=True)
    return root


def default_signals():
    """A shell's background jobs ignore SIGINT, and nohup's SIGHUP; the cases start as on Tessera, with nothing ignored."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def run_linux(out, tree):
    root = make_chroot(out, tree)
    script = (
        f"mount -t proc proc {root}/proc && mount -t tmpfs -o mode=755 dev {root}/dev && mount -t tmpfs -o mode=1777 tmp {root}/tmp && cd {root}/dev && "
        "mknod -m 666 null c 1 3 && mknod -m 666 zero c 1 5 && mknod -m 666 full c 1 7 && mknod -m 666 random c 1 8 && "
        "mknod -m 666 urandom c 1 9 && mknod -m 666 tty c 5 0 && mkdir pts shm && mount -t devpts -o newinstance,ptmxmode=666 pts pts && "
        "ln -s pts/ptmx ptmx && ln -s /proc/self/fd fd && ln -s fd/0 stdin && ln -s fd/1 stdout && ln -s fd/2 stderr && "
        f"exec setsid chroot {root} /bin/sh /twin/driver.sh"
    )
    result = subprocess.run(["unshare", "-mpf", "--mount-proc", "sh", "-c", script], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, timeout=1200, env={"PATH": os.environ["PATH"]},
                            preexec_fn=default_signals)
    return result.stdout.decode(errors="replace")


def run_tessera(tree, timeout, cpus):
    command = [TOP / "tessera", "run", "--no-build", "--root", tree, "--smp", str(cpus), "--timeout", str(timeout), "--", "/bin/sh", "/twin/driver.sh"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")


def parse(text):
    results = {}
    for match in re.finditer(r"@@begin (\S+)\n(.*?)\n?@@end \1\n", text.replace("\r\n", "\n"), re.S):
        results[match.group(1)] = match.group(2)
    return results


def run_tessera_all(cases, out, tree, cpus):
    """Runs all; where the system stopped in the middle, goes on behind the case that stopped it."""
    results, left, notes = {}, list(cases), ""
    while left:
        (tree / "twin/cases").write_text("".join(c.name + "\n" for c in left))
        text, notes = run_tessera(tree, 120 + 20 * len(left), cpus)
        got = parse(text)
        results.update(got)
        rest = [c for c in left if c.name not in got]
        if not rest:
            break
        (out / f"stopped-{rest[0].name}.txt").write_text(text[-20000:] + "\n--- stderr\n" + notes[-20000:])
        left = rest[1:]
    return results


def compare(case, linux, tessera):
    if tessera is None:
        return "the system stopped or hung in this case"
    if linux is None:
        return "the case did not end on Linux"
    for rule in case.rules:
        linux, tessera = RULES[rule](linux), RULES[rule](tessera)
    return None if linux == tessera else "different"


def run(names, out, cpus=1):
    """Runs cases on both systems; yields (case, problem or None). cpus: of the machine that runs Tessera."""
    cases = find_cases(names)
    out = out.resolve()
    build(cases, out)
    tree = overlay(cases, out)
    linux = parse(run_linux(out, tree))
    tessera = run_tessera_all(cases, out, tree, cpus)
    (out / "results").mkdir(exist_ok=True)
    for case in cases:
        ours, theirs = tessera.get(case.name), linux.get(case.name)
        (out / "results" / f"{case.name}.linux").write_text(theirs or "")
        (out / "results" / f"{case.name}.tessera").write_text(ours or "")
        yield case, compare(case, theirs, ours)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=TOP / "build/tests/twin")
    parser.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs of the machine that runs Tessera")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = 0
    for number, (case, problem) in enumerate(run(args.names, args.out, args.smp), 1):
        print(f"{'not ok' if problem else 'ok'} {number} twin {case.name}" + (f" # {problem}" if problem else ""))
        if problem:
            failed += 1
            print(f"#   diff {args.out}/results/{case.name}.linux {args.out}/results/{case.name}.tessera")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
