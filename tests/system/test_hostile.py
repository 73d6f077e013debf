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


def settled(text, round_name):
    """Each count at its best of several readings: what the reading process itself holds depends on chance."""
    best = {}
    for section in text.split("round ")[1:]:
        name, *lines = section.splitlines()
        for key, value in (line.split() for line in lines if name == round_name and line.count(" ") == 1):
            pick = max if "free" in key else min
            best[key] = pick(best.get(key, int(value)), int(value))
    best.pop("vfs.anchors", None)  # how many slots were ever prepared, not how many are in use
    return best


def test_nothing_leaks(hostile):
    """After thousands of processes, pipes and files, killed at any moment, every count is what it was."""
    folder = hostile.parent / "hostile"
    if not folder.exists():
        folder.symlink_to(hostile)
    script = ("for i in a b c; do /hostile/stress 1500; sleep 1; "
              "for k in 1 2 3 4 5 6 7 8; do echo round $i; cat /proc/tessera/objects; done; done")
    result = tessera("--root", folder, "--", "sh", "-c", script, timeout=900)
    before, after = settled(result.stdout, "b"), settled(result.stdout, "c")
    assert before and before == after, result.stdout[-3000:]
