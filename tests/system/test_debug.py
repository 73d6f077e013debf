# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera debug: gdb has the symbols of kernel and services, and its commands read threads, capabilities and endpoints."""
import pathlib
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]


def test_gdb_commands():
    command = [sys.executable, str(REPO / "tessera"), "debug", "--batch", "-x", "hbreak arch_power_off", "-x", "continue", "-x", "tessera threads",
               "-x", "tessera cspace", "-x", "tessera endpoints", "--", "/bin/true"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL).stdout
    for program in ("mem", "proc", "vfs", "tty", "uart", "root"):
        assert f"in {program}.elf" in text, text
    assert "Linux process" in text
    assert "0x4  Clock" in text and "Untyped" in text
    assert "1 waiting" in text
