# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bad input: programs that do their worst may kill only themselves."""
import random

import pytest
from conftest import TOP, compile_static, tessera

PROGRAMS = TOP / "tests/system/programs"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for source in PROGRAMS.glob("*.c"):
        compile_static(source, folder / source.stem, "-lpthread")
    return folder


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


def test_damaged_elf_files(hostile, tmp_path):
    mydir = tmp_path / "elf"
    mydir.mkdir()
    count = damaged_elfs(mydir, hostile / "hello")
    script = f"i=0; while [ $i -lt {count} ]; do timeout -s KILL 10 /elf/bad$i >/dev/null 2>&1; i=$((i+1)); done; echo survived $i"
    result = tessera("--root", mydir, "--", "sh", "-c", script, timeout=600)
    assert f"survived {count}\n" in result.stdout


@pytest.mark.parametrize("name, survivors", [
    ("random_syscalls", "random system calls"),
    ("random_native", "random native operations"),
    ("jump_personality", "jumps into the personality"),
])
def test_hostile_program(hostile, name, survivors):
    script = f"/hostile/{name}; echo; echo ended; echo still alive | cat; ls /bin >/dev/null && echo shell ok; ps >/dev/null && echo ps ok"
    folder = hostile.parent / "hostile"
    if not folder.exists():
        folder.symlink_to(hostile)
    result = tessera("--root", folder, "--timeout", "300", "--", "sh", "-c", script, timeout=600)
    assert "still alive\n" in result.stdout, survivors
    assert "shell ok\n" in result.stdout and "ps ok\n" in result.stdout


def test_fork_bomb(hostile):
    script = "ulimit -u 200 2>/dev/null; /hostile/fork_bomb; echo; echo shell usable | cat"
    folder = hostile.parent / "hostile"
    if not folder.exists():
        folder.symlink_to(hostile)
    result = tessera("--root", folder, "--", "sh", "-c", script, timeout=600)
    assert "EAGAIN\n" in result.stdout or "ENOMEM\n" in result.stdout
    assert "shell usable\n" in result.stdout


def test_memory_hog(hostile):
    folder = hostile.parent / "hostile"
    if not folder.exists():
        folder.symlink_to(hostile)
    result = tessera("--root", folder, "--", "sh", "-c", "/hostile/memory_hog; echo; echo shell usable | cat", timeout=600)
    assert "shell usable\n" in result.stdout


def test_nothing_leaks(hostile):
    """After thousands of processes, pipes and files, killed at any moment, every count is what it was."""
    folder = hostile.parent / "hostile"
    if not folder.exists():
        folder.symlink_to(hostile)
    # Three equal rounds; the first warms up pools and the shell, the counts of the others must be equal. The files of the counts
    # are there, in their size, before. vfs.anchors is how many slots have ever been prepared, not how many are in use.
    script = ("cd /tmp; cat /proc/tessera/objects > a; cp a b; cp a c; "
              "for i in a b c; do /hostile/stress 1500; sleep 1; grep -v vfs.anchors /proc/tessera/objects > $i; done; "
              "cat b; echo; diff b c && echo nothing leaked")
    result = tessera("--root", folder, "--", "sh", "-c", script, timeout=900)
    assert "nothing leaked\n" in result.stdout, result.stdout[-3000:]
