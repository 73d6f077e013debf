# SPDX-License-Identifier: MIT OR Apache-2.0
"""The test runner counts right, above all when things go wrong; the style checker finds functions; reports are parsed."""
import subprocess
import sys

import check_style
import run_tests
from tessera_tool import bench, session, symbolize
from tessera_tool.common import REPO


def test_tap_is_counted():
    count = run_tests.count_tap("t", "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no reason\n")
    assert (count.passed, count.failed, count.skipped) == (1, 1, 1)


def test_tap_in_log_lines_is_counted():
    count = run_tests.count_tap("t", "[    0.1] conformance: 1..2\n[    0.1] conformance: ok 1 - a\n[    0.2] conformance: ok 2 b\n")
    assert (count.passed, count.failed) == (2, 0)


def test_no_tests_is_a_failure():
    assert run_tests.count_tap("t", "hello\n").failed == 1


def test_missing_tests_are_a_failure():
    assert run_tests.count_tap("t", "1..5\nok 1\nok 2\n").failed == 1


def test_words_that_look_like_tap_are_not_counted():
    assert run_tests.count_tap("t", "ok 1 - a\nlooks ok 2 me\n").passed == 1


def test_junit_is_counted(tmp_path):
    report = tmp_path / "r.xml"
    report.write_text('<testsuites><testsuite><testcase classname="c" name="a"/><testcase classname="c" name="b"><failure/></testcase>'
                      '<testcase name="s"><skipped/></testcase></testsuite></testsuites>')
    count = run_tests.count_junit("s", report, 1)
    assert (count.passed, count.failed, count.skipped) == (1, 1, 1)


def test_a_crashed_pytest_is_a_failure(tmp_path):
    assert run_tests.count_junit("s", tmp_path / "absent.xml", 3).failed >= 1


def test_style_checker_measures_functions():
    text = "static int a(int x)\n{\n\treturn x;\n}\n\nstruct s {\n\tint b;\n};\nint c(void)\n{\n" + "\t;\n" * 70 + "}\n"
    assert [(name, lines) for name, _, lines in check_style.functions(text)] == [("a", 4), ("c", 73)]


def test_log_finds_the_end():
    log = session.Log(None, None)
    log.feed(b"root: up\n[ 1.0] root: tessera: exit sta")
    assert log.status is None
    log.feed(b"tus 42\r\n")
    assert log.status == 42 and log.panic_since is None
    log.feed(b"KERNEL PANIC: x\n")
    assert log.panic_since is not None


def test_symbolizer_knows_whose_addresses():
    one = symbolize.Symbolizer()
    assert one._elf(0xFFFFFFFF80100000)[0].name == "kernel.elf"
    assert symbolize.TRACE.search("  bt: 0x1 0x2")[1].split() == ["0x1", "0x2"]
    assert symbolize.NAME.search("crash in vfs: page fault")[1] == "vfs"


def test_bench_table():
    rows = bench.collect("bench getppid 100 instructions\nswitches getppid 0.0\n", "bench getppid 359 instructions\n")
    row = next(row for row in rows if row["name"] == "getppid")
    assert row["tessera"] == 100 and row["linux"] == 359 and row["bar_met"] == "yes"
    missing = next(row for row in rows if row["name"] == "stat")
    assert missing["bar_met"] == "?" and "getppid" in bench.table(rows)


def test_help_of_every_command():
    for command in ("run", "build", "bench", "debug", "symbolize", "lint", "docs"):
        result = subprocess.run([sys.executable, str(REPO / "tessera"), command, "--help"], capture_output=True, text=True)
        assert result.returncode == 0 and "usage" in result.stdout
