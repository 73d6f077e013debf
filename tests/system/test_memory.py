# SPDX-License-Identifier: MIT OR Apache-2.0
"""Out of memory: who holds most goes, and root's shell can always run a command."""
import pytest
from conftest import TOP, compile_static, tessera

PROGRAMS = TOP / "tests/system/programs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    to = tmp_path_factory.mktemp("programs") / "mydir"
    to.mkdir()
    for name in ("memory_holder", "sleepers"):
        compile_static(PROGRAMS / f"{name}.c", to / name)
    return to


# The scripts wait with `read`, which the shell does itself: a command would make room already.
def run(folder, script, log):
    return tessera("--root", folder, "--mem", "128", "--timeout", "30", "--log", log, "--", "sh", "-c", script)


def test_the_largest_is_killed(folder, tmp_path):
    log = tmp_path / "log"
    result = run(folder, "/mydir/memory_holder more; echo status $?; ls / >/dev/null && echo alive", log)
    assert "status 137\nalive\n" in result.stdout
    text = log.read_text()
    assert text.count("out of memory: killed") == 1 and "(memory_holder): out of memory: killed" in text


def test_another_is_killed_for_one_that_asks_little(folder, tmp_path):
    """Everything is held by one that sleeps: root's shell gets its memory back by running a command."""
    log = tmp_path / "log"
    result = run(folder, ": >/tmp/out; /mydir/memory_holder >/tmp/out & until read word </tmp/out; do :; done; echo $word; "
                 "ls / | wc -l >/tmp/count && echo listed; pidof memory_holder | wc -w; echo end", log)
    assert result.stdout == "holding\nlisted\n0\nend\n", result.stdout + result.stderr
    assert "(memory_holder): out of memory: killed" in log.read_text()


def test_adjusted_score_decides(folder, tmp_path):
    log = tmp_path / "log"
    script = ("sleep 1000 & echo 1000 >/proc/$!/oom_score_adj; cat /proc/$!/oom_score_adj; "
              "(echo -500 >/proc/self/oom_score_adj; exec /mydir/memory_holder more); echo status $?; jobs | grep -c sleep")
    result = run(folder, script, log)
    lines = [line.split("]: ")[-1] for line in log.read_text().splitlines() if "out of memory" in line]
    assert result.stdout.startswith("1000\n"), result.stdout
    assert "status 137" in result.stdout
    assert "(sleep): out of memory" in log.read_text().split("(memory_holder): out of memory")[0], lines


def test_roots_shell_survives_its_fork_bomb(folder, tmp_path):
    log = tmp_path / "log"
    script = (": >/tmp/out; /mydir/sleepers >/tmp/out & until read line </tmp/out; do :; done; echo $line; "
              "for i in 1 2 3 4 5; do ls / | grep -c bin; done")
    result = run(folder, script, log)
    assert result.stdout.startswith("many, then no more\n"), result.stdout + result.stderr
    counts = result.stdout.split("\n")[1:6]
    assert int(counts[0]) > 0 and counts == [counts[0]] * 5, result.stdout + result.stderr
    assert "(sleepers): out of memory: killed" in log.read_text()
