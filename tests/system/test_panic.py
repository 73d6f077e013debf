# SPDX-License-Identifier: MIT OR Apache-2.0
"""The kernel's panic report: the boot option panic= does on purpose what each check of the kernel's own is there to find."""
import re
import subprocess

import pytest
from conftest import TOP, tessera

PLACE = r"provoke\.c:\d+"
RUNNING = r"^kernel: error: while running cpu=0x0 thread=0x[0-9a-f]+ label=0x0 state=0x[0-9a-f]+ ip=0x[0-9a-f]+ sp=0x[0-9a-f]+$"


@pytest.mark.parametrize("what, reason, function", [
    ("fault", r"exception 14 in kernel mode, error code 0x2\n", "provoke_panic"),
    ("assert", rf"\S*{PLACE}: !has_option\(\"panic=assert\"\)\n", "provoke_panic"),
    ("stack", r"exception 8 in kernel mode, error code 0x0, kernel stack overflow\n", "provoke_panic"),
    ("canary", r"a stack frame has been overwritten: its canary has changed\n", "smash"),
])
def test_report(what, reason, function):
    result = tessera("--append", f"panic={what}", "--", "true", timeout=120)
    assert result.returncode == 125  # not the guest's: the tool says that the kernel stopped
    report = result.stderr
    assert re.search(f"^KERNEL PANIC: {reason}", report, re.MULTILINE), report
    assert re.search(rf"^    0x[0-9a-f]+ .*{function} at kernel/arch/x86_64/{PLACE}", report, re.MULTILINE), report
    assert re.search(RUNNING, report, re.MULTILINE), report
    assert "The machine has been stopped." in report


def test_registers_and_processor(tmp_path):
    """The log itself, through ./tessera symbolize by hand."""
    log = tmp_path / "log"
    tessera("--append", "panic=fault", "--log", log, "--", "true", timeout=120)
    report = log.read_text(errors="replace")
    assert re.search(RUNNING, report, re.MULTILINE), report
    for register in ("rip", "rsp", "rflags", "rax", "rbx", "rbp", "r15", "cs", "ss"):
        assert len(re.findall(rf"^  .*\b{register}=0x[0-9a-f]+\b", report, re.MULTILINE)) == 1, report
    assert re.search(r" vector=0xe\n  error=0x2 rip=0x[0-9a-f]+ cs=0x10 ", report, re.MULTILINE), report  # what the names say stands there
    assert re.search(r"^  .*\bcr2=0xfffffffffffff000 cr3=0x", report, re.MULTILINE), report
    named = subprocess.run([TOP / "tessera", "symbolize", log], capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^    0x[0-9a-f]+ provoke_panic at kernel/arch/x86_64/{PLACE}", named, re.MULTILINE), named


def test_other_words_do_nothing():
    assert tessera("--append", "panic=later nopanic=fault panic", "--", "true").returncode == 0
