# SPDX-License-Identifier: MIT OR Apache-2.0
"""The serial driver crashes under load, again and again (its option uart_crash): no byte is lost, repeated or changed."""
import re

import pytest
from conftest import tessera

CRASHES_MAX = 60  # drivers/serial/uart16550/main.c
LINES = "".join(f"line {n}: {n * n} the quick brown fox\n" for n in range(1500))


def crashes(log):
    """How often the driver has crashed; each crash is reported and followed by a restart."""
    text = log.read_text(errors="replace")
    reports = re.findall(r"crash in service uart: page fault writing 0x1234, rip=0x[0-9a-f]+", text)
    restarts = [int(n) for n in re.findall(r"restarting uart \((\d+) before\)", text)]
    assert restarts == list(range(len(reports)))
    assert text.count(" bt: 0x") == len(reports)
    return len(reports)


@pytest.mark.parametrize("accesses", [40, 2000])
def test_echoed_stream(tmp_path, accesses):
    """Both directions at once: what is typed comes back, byte for byte."""
    log = tmp_path / "log"
    result = tessera("--append", f"uart_crash={accesses}", "--log", log, "--timeout", 60, "--", "cat", input_text=LINES)
    assert result.returncode == 0, result.stderr
    assert result.stdout == LINES
    assert crashes(log) > 20


def test_both_ports(tmp_path):
    """Standard output and standard error are two chips of one driver."""
    log = tmp_path / "log"
    script = "i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
    result = tessera("--append", "uart_crash=300", "--log", log, "--timeout", 60, "--", "sh", "-c", script)
    assert result.stdout == "".join(f"out {n}\n" for n in range(2000))
    assert result.stderr == "".join(f"err {n}\n" for n in range(2000))
    assert crashes(log) == CRASHES_MAX
