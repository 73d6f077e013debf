# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera bench: the same binaries on Tessera and on Debian's stock Linux kernel, in the same QEMU, counted in instructions.

Under `-icount shift=0` a guest instruction is one nanosecond and one tick of the TSC. Programs print `bench NAME VALUE UNIT`; this
module runs them on both sides and sets the numbers side by side. Address-space switches (writes of CR3) are counted by a plugin of
QEMU, on both sides the same (counter.py); the kernel's own benchmark takes them from the kernel's counter.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import re
import stat
import statistics
import tempfile

from . import build, counter, cpio, fetch, image, options, qemu, rootfs, session
from .common import BUILD, PROGRAMS, ToolError, say, step

LINUX = "linux-image-6.1.0-50-cloud-amd64"
LINUX_CMDLINE = "console=ttyS0 quiet loglevel=0 mitigations=off init_on_alloc=0 nokaslr rdinit=/init panic=-1"
MEMORY = "256M"
SECONDS = 900
RESULT = re.compile(r"^(bench|switches) (\S+) ([0-9.]+)(?: (\S+))?\s*$", re.MULTILINE)

# name, what it is, bar: a number, "linux" (not more than Linux), or None
ROWS = [
    ("ipc-round-trip", "call + reply_recv, two address spaces, 4 words", 300),
    ("ipc-round-trip-14", "the same with 14 words", 480),
    ("signal-waiting", "signal to a waiter of higher priority", 350),
    ("yield", "yield to an equal", 220),
    ("fault-handler", "fault to a handler and back", 900),
    ("interrupt-driver", "interrupt to a waiting user driver", 600),
    ("map-page", "map one page", 400),
    ("retype-page", "retype one page", 600),
    ("empty-syscall", "empty native system call", 80),
    ("counting-on-two-cpus", "counting on two CPUs, against one (wall time)", None),
    ("pairs-on-two-cpus", "two call/reply pairs on two CPUs, against one (wall time)", "at least 1.8"),
    ("authority-batch", "authority_graph, 80 capabilities", 5000),
    ("getppid", "reflected getppid", 150),
    ("clock_gettime", "clock_gettime", 90),
    ("pipe-ping-pong", "1-byte pipe ping-pong between two processes", 8000),
    ("poll-16-pipes", "poll of 16 pipes, none ready", "linux"),
    ("epoll-16-pipes", "write, epoll_wait, read of one of 16 pipes", "linux"),
    ("fork-exit-wait", "fork + exit + wait of a small static program", "linux"),
    ("fork-exec-wait", "fork + exec + wait", "linux"),
    ("vfork-exec-wait", "vfork + exec + wait", "linux"),
    ("anonymous-fault", "anonymous page fault", "linux"),
    ("copy-on-write-fault", "copy-on-write fault", "linux"),
    ("open-close", "open + close, tmpfs", "linux"),
    ("stat", "stat, tmpfs", "linux"),
    ("pread-4k", "pread 4 KiB, tmpfs", "linux"),
    ("signal-self", "signal to itself with a handler", "linux"),
    ("sh-c-true", "sh -c true", "linux"),
    ("sh-pipeline", "three-stage pipeline in sh", "linux"),
    ("boot-to-prompt", "boot to the first prompt", 0.1),
    ("memory-at-prompt", "memory in use at the prompt", 24 * 1024),
]
UNITS = {"memory-at-prompt": "KiB", "counting-on-two-cpus": "times", "pairs-on-two-cpus": "times"}
RUNS_OF_TWO_CPUS = 5
ONE_CPU_BAR = 1.05  # the kernel for several CPUs, against the one for one
LINUX_INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /tmp
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -opost
{command}
poweroff -f
"""


def _bench_entries() -> list[cpio.Entry]:
    names = [line.split()[1:] for line in (PROGRAMS / "programs.txt").read_text().splitlines() if line.startswith("bench ")]
    if not names:
        raise ToolError("no bench programs are built")
    return cpio.with_parents([cpio.regular(path, (PROGRAMS / name).read_bytes(), 0o755) for name, path in names])


def _boot(archive: bytes, cmdline: str, kernel: pathlib.Path | None, profile: pathlib.Path | None = None,
          cpus: int = 1) -> tuple[str, session.Log]:
    """Console output (and what the plugin counted) and log of one run: deterministic with one CPU, at the same time on threads of
    the host with several."""
    console = bytearray()
    log = session.Log(None, None)
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = pathlib.Path(name)
        counts = folder / "counts"
        (folder / "archive.cpio").write_bytes(archive)
        plugin = counter.arguments(counts, profile) if cpus == 1 else []  # it would be in the way of what is timed
        command = qemu.command(str(folder / "archive.cpio"), cmdline, memory=MEMORY, cpus=cpus, icount=cpus == 1, accel="tcg,thread=multi",
                               extra=plugin, kernel=kernel)
        run = session.Session(command, interactive=False, timeout=SECONDS, log=log, input_fd=None, output=console.extend)
        run.run()
        counted = counts.read_text() if counts.exists() else ""
    text = console.decode(errors="replace").replace("\r", "")
    if run.timed_out or log.panic_since:
        raise ToolError(f"bench run did not end well; console:\n{text[-2000:]}\nlog:\n{log.tail()}")
    return text + counter.switches(text, counted), log


def _linux_kernel() -> pathlib.Path:
    target = BUILD / "bench" / f"vmlinuz-{LINUX}"
    if not target.exists():
        with fetch.contents(fetch.package(LINUX)) as archive:
            member = next(member for member in archive if member.name.startswith("./boot/vmlinuz-"))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.extractfile(member).read())
    return target


def _on_linux(command: str, profile: pathlib.Path | None = None) -> str:
    init = cpio.Entry("init", stat.S_IFREG | 0o755, LINUX_INIT.format(command=command).encode())
    console = cpio.Entry("dev/console", stat.S_IFCHR | 0o600, rdev=(5, 1))
    archive = cpio.finish(cpio.body([*rootfs.entries(), *_bench_entries(), console, init]))
    return _boot(archive, LINUX_CMDLINE, _linux_kernel(), profile)[0]


def _on_tessera(argv: list[str], profile: pathlib.Path | None = None) -> str:
    settings = {"run": "1", "tty": "plain"}
    overlays = [_bench_entries(), options.guest_files(argv, None, settings)]
    text, log = _boot(image.compose(overlays), options.cmdline(settings, ""), None, profile)
    if log.status != 0:
        raise ToolError(f"{' '.join(argv)} ended with status {log.status} on Tessera; console:\n{text}\nlog:\n{log.tail()}")
    return text


def _native(kernel: pathlib.Path | None = None, cpus: int = 1) -> str:
    """The kernel's own rows, from a program that runs instead of root and writes to the log. With two CPUs the wall-time rows alone."""
    program = PROGRAMS / "bench-native"
    if not program.exists():
        return ""
    _, log = _boot(image.compose([], program), "", kernel, cpus=cpus)
    return b"\n".join(log.lines).decode(errors="replace")


def _two_cpus() -> str:
    """The rows of wall time: of several runs the middle one."""
    runs = [parse(_native(cpus=2))[0] for _ in range(RUNS_OF_TWO_CPUS)]
    return "\n".join(f"bench {name} {statistics.median(run[name] for run in runs)} times" for name in runs[0])


def parse(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """(values, address-space switches) by row name; memory in use is made of two lines of /proc/meminfo."""
    values, switches = {}, {}
    for kind, name, value, _unit in RESULT.findall(text):
        (values if kind == "bench" else switches)[name] = float(value)
    if "meminfo-total" in values and "meminfo-free" in values:
        machine = int(MEMORY.rstrip("M")) * 1024
        values["memory-at-prompt"] = machine - values["meminfo-free"]
    return values, switches


def _meets(value: float | None, linux: float | None, bar) -> str:
    if bar is None:
        return ""
    if value is None or (linux is None and bar in ("linux", 0.1)):
        return "?"
    if str(bar).startswith("at least "):
        return "yes" if value >= float(bar.split()[-1]) else "no"
    limit = linux if bar == "linux" else linux * bar if bar == 0.1 else bar
    return "yes" if value <= limit else f"no, {value / limit:.2f} x the bar"


def table(rows: list[dict]) -> str:
    lines = [f"{'operation':50} {'tessera':>14} {'linux':>14} {'ratio':>7} {'switches':>9} {'linux':>7}  bar met", "-" * 120]
    for row in rows:
        values = 2 if row["unit"] == "times" else 0
        cells = [f"{row[key]:>{width},.{digits}f}" if row[key] is not None else " " * (width - 1) + "-"
                 for key, width, digits in (("tessera", 14, values), ("linux", 14, 0), ("ratio", 7, 2), ("switches", 9, 1), ("linux_switches", 7, 1))]
        unit = "" if row["unit"] == "instructions" else f" ({row['unit']})"
        lines.append(f"{row['what'] + unit:50} {' '.join(cells)}  {row['bar_met']}")
    return "\n".join(lines)


def collect(ours: str, theirs: str) -> list[dict]:
    values, switches = parse(ours)
    linux, linux_switches = parse(theirs)
    rows = []
    for name, what, bar in ROWS:
        tessera, other = values.get(name), linux.get(name)
        rows.append({"name": name, "what": what, "unit": UNITS.get(name, "instructions"), "tessera": tessera, "linux": other,
                     "ratio": tessera / other if tessera is not None and other else None, "switches": switches.get(name),
                     "linux_switches": linux_switches.get(name), "bar": bar, "bar_met": _meets(tessera, other, bar)})
    return rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-linux", action="store_true", help="leave Linux out, take its numbers of the last run if there are any")
    parser.add_argument("--one-cpu", action="store_true", help="instead: the kernel's rows beside those of a kernel built for one CPU")
    parser.add_argument("--profile", metavar="ROW", help="instead: where the instructions of one row go, by program and function")
    parser.add_argument("row", nargs="*", help="only these rows of the Linux programs")


def _linux_text(args: argparse.Namespace) -> str:
    kept = BUILD / "bench/linux.txt"
    if args.no_linux:
        return kept.read_text() if kept.exists() else ""
    with step("measuring on Linux"):
        micro = _on_linux(" ".join(["/bench/micro", *args.row]))
        text = micro + _on_linux("/bin/sh -l -c /bench/tsc")
    if not args.row:
        kept.write_text(text)
    return text


def _profile(row: str) -> int:
    with tempfile.NamedTemporaryFile(prefix="tessera-profile-") as file:
        argv = ["/bin/sh", "-l", "-c", "/bench/tsc"] if row == "boot-to-prompt" else ["/bench/micro", row]
        text = _on_tessera(argv, pathlib.Path(file.name))
        print(counter.table(file.read().decode(), text, row))
    return 0


def _one_cpu() -> int:
    """What it costs one CPU that there may be others."""
    single = parse(_native(build.build_one_cpu_kernel()))[0]
    several = parse(_native())[0]
    what = {name: text for name, text, _ in ROWS}
    print(f"{'operation':50} {'several CPUs':>14} {'one CPU':>14} {'ratio':>7}  at most {ONE_CPU_BAR:.2f}")
    for name in (name for name in several if name in single and name in what):
        ratio = several[name] / single[name]
        print(f"{what[name]:50} {several[name]:>14,.0f} {single[name]:>14,.0f} {ratio:>7.3f}  {'yes' if ratio <= ONE_CPU_BAR else 'no'}")
    return 0


def start(args: argparse.Namespace) -> int:
    build.build_target(quiet=True)
    (BUILD / "bench").mkdir(parents=True, exist_ok=True)
    if args.one_cpu:
        return _one_cpu()
    if args.profile:
        return _profile(args.profile)
    say("instructions counted by TCG with -icount shift=0, -cpu max,-erms; Linux with mitigations=off init_on_alloc=0 nokaslr")
    with step("measuring on Tessera"):
        ours = _native() + "\n" + _two_cpus() + "\n" + _on_tessera(["/bench/micro", *args.row]) + _on_tessera(["/bin/sh", "-l", "-c", "/bench/tsc"])
    rows = collect(ours, _linux_text(args))
    print(table(rows))
    (BUILD / "bench/results.json").write_text(json.dumps({"rows": rows}, indent=1) + "\n")
    say(f"written to {BUILD / 'bench/results.json'}")
    return 0
