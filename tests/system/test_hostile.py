# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bad input and exhaustion: programs that do their worst may harm only themselves, and leave nothing behind.

Every program runs between two looks at /proc/tessera/objects, which must be equal (tests/system/programs/leak.c): free
memory, free capability slots, open objects of each service.
"""
import random
import re

import pexpect
import pytest
from conftest import TOP, Shell, compile_static, tessera

PROGRAMS = TOP / "tests/system/programs"
# Not numbers of things in use: high-water marks of tables that grow with the highest index ever used, and a count of calls.
NOT_COMPARED = {"proc.unimplemented", "vfs.anchors", "vfs.table_pages"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs") / "hostile"
    folder.mkdir()
    for source in PROGRAMS.glob("*.c"):
        compile_static(source, folder / source.stem, "-lpthread")
    return folder


def counts(output, when):
    """Of several looks the best: the most that was free, the least that was used."""
    looks = [dict(line.split() for line in text.splitlines() if re.fullmatch(r"\w+\.\w+ \d+", line))
             for text in output.split(f"counts {when}\n")[1:]]
    assert looks, output[-3000:]
    best = {name: (max if name.endswith("_free") else min)(int(look[name]) for look in looks) for name in looks[0]}
    return {name: value for name, value in best.items() if name not in NOT_COMPARED}


def without_slabs(found):
    """Random calls leave slabs fragmented; what lies in them is counted by itself."""
    found = dict(found)
    found["vfs.cache_pages_used"] -= found.pop("vfs.slab_pages")
    return found


def run_and_compare(programs, warm_up, command, options=(), timeout=200, view=without_slabs):
    """What command printed; the system is alive afterwards and holds what it held before."""
    script = f'/hostile/leak "{warm_up}" "{command}"; echo still alive | cat; ls / >/dev/null && ps >/dev/null && echo shell ok'
    result = tessera("--root", programs, *options, "--timeout", timeout, "--", "sh", "-c", script, timeout=timeout + 60)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "still alive\nshell ok\n" in result.stdout
    assert view(counts(result.stdout, "after")) == view(counts(result.stdout, "before"))
    middle = result.stdout.split("counts before\n")[-1]
    return middle.split("counts after\n")[0]


def damaged_elfs(folder, good):
    """Truncated, oversized, overlapping and random ELF files, made from a good one."""
    data = bytearray(good.read_bytes())
    rng = random.Random(1)
    cases = [bytes(data[:n]) for n in (1, 4, 16, 40, 63, 64, 65, 100, 120, 200, 500, 4096, len(data) // 2)]
    for offset in list(range(16, 64)) + list(range(64, 64 + 56 * 4, 3)):
        for value in (0, 0xFF, 0x80):
            bad = bytearray(data[:8192])
            bad[offset] = value
            cases.append(bytes(bad))
    for _ in range(60):
        bad = bytearray(data[:8192])
        for _ in range(rng.randrange(1, 20)):
            bad[rng.randrange(16, 400)] = rng.randrange(256)
        cases.append(bytes(bad))
    for _ in range(20):
        cases.append(b"\x7fELF\x02\x01\x01" + rng.randbytes(rng.randrange(1000)))
    for index, case in enumerate(cases):
        path = folder / f"bad{index}"
        path.write_bytes(case)
        path.chmod(0o755)
    return len(cases)


def test_damaged_elf_files(programs, tmp_path):
    folder = tmp_path / "elf"
    folder.mkdir()
    count = damaged_elfs(folder, programs / "hello")
    run = "i=0; while [ \\$i -lt %d ]; do timeout -s KILL 3 /elf/bad\\$i >/dev/null 2>&1; i=\\$((i+1)); done; echo survived \\$i"
    output = run_and_compare(programs, run % count, run % count, options=["--root", folder])
    assert f"survived {count}\n" in output


@pytest.mark.parametrize("program, warm_up, count", [
    ("random_syscalls", 30000, 200000),
    ("random_messages", 30000, 200000),
    ("random_native", 100000, 1000000),
    ("jump_personality", 0, 0),
])
def test_hostile_program(programs, program, warm_up, count):
    output = run_and_compare(programs, f"/hostile/{program} {warm_up} 1", f"/hostile/{program} {count} 2")
    assert "done\n" in output


# How each thing is refused; memory is not, because it is promised before it is there: who takes too much of it is killed.
REFUSALS = {
    "process": "ENOMEM|EAGAIN", "thread": "EAGAIN", "area": "ENOMEM", "descriptor": "EMFILE", "pipe": "ENFILE|EMFILE",
    "terminal": "ENOSPC", "disk": "ENOSPC|error 0", "signal": "EAGAIN", "timer": "EAGAIN", "lock": "ENOLCK",
    "memory": "", "shared": "", "table": "", "stack": "",
}


@pytest.mark.parametrize("things", ["process thread", "memory shared table", "descriptor pipe terminal", "disk lock", "signal timer stack",
                                    "area"])
def test_hog(programs, things):
    several = 2 if things == "area" else 6
    commands = [f"timeout -s KILL 60 /hostile/hog {thing} {n}; rm -rf /tmp/box/*" for thing in things.split() for n in (1, several)]
    text = "; ".join(commands)
    output = run_and_compare(programs, text, text)
    assert "Killed" not in output.replace("ended", ""), "a hog was not refused within its time"
    assert output.count("done\n") == len(commands)
    for thing in things.split():
        if REFUSALS[thing]:
            assert re.search(rf"\d+, then ({REFUSALS[thing]})\n", output), output
    assert "no end" not in output


def test_limit_of_processes(programs):
    """A user's fork bomb stops at the user's limit."""
    script = "echo 'user:x:1000:1000::/:/bin/sh' >>/etc/passwd; su user -c 'ulimit -u 50; /hostile/hog process'; echo still alive | cat"
    result = tessera("--root", programs, "--timeout", 60, "--", "sh", "-c", script)
    assert re.search(r"\b4\d, then EAGAIN\ndone\nstill alive\n", result.stdout), result.stdout + result.stderr


def test_fork_bomb_at_the_prompt():
    """Root's own bomb takes all there is; who typed it can still end it."""
    shell = Shell()
    shell.send("bomb() { bomb | bomb & }; bomb\r")
    with pytest.raises(pexpect.TIMEOUT):
        shell.child.expect("never printed", timeout=8)
    for _ in range(10):
        shell.send("kill -KILL -1\r")
        shell.child.expect("[#$] ", timeout=60)
    shell.send("echo re''covered | cat\r")
    shell.child.expect("recovered\r\n", timeout=60)
    shell.close()


def test_nothing_leaks(programs):
    """After thousands of processes, pipes, files, threads, terminals, killed at any moment, every count is what it was."""
    run_and_compare(programs, "/hostile/stress 1000 1", "/hostile/stress 3000 2", view=dict)
