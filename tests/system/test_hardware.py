# SPDX-License-Identifier: MIT OR Apache-2.0
"""Hardening that is chosen at boot (docs/hardware.md): what the boot log says is on, and what user mode's page tables hold."""
import re
import socket
import subprocess
import time

import pytest
from conftest import TOP, tessera

UPPER_HALF = 0xFFFF800000000000
DOOR_PAGES = 16  # entry code, IDT, struct cpu's first page, four stacks of IST, and some air


def mitigations(tmp_path, append="", model=None):
    """What the boot log says is on."""
    log = tmp_path / "log"
    extra = [f"--qemu-arg={word}" for word in (("-cpu", model) if model else ())]
    assert tessera("--append", append, "--log", log, *extra, "--", "true").returncode == 0
    return re.search(r"^boot: mitigations: index masks(.*)$", log.read_text(errors="replace"), re.MULTILINE)[1].split()


@pytest.mark.parametrize("append, model, wanted", [
    ("", None, []),  # QEMU's own model: AMD, and an emulator does not guess
    ("", "Skylake-Server", ["kpti+verw"]),  # Intel, and it does not say RDCL_NO
    ("kpti=off", "Skylake-Server", []),
    ("mitigations=off", "Skylake-Server", []),
    ("kpti=on", None, ["kpti+verw"]),
    ("mitigations=off kpti=on", None, ["kpti+verw"]),
    ("mitigations=on", None, ["kpti+verw", "retpoline", "rsb"]),
    ("mitigations=on kpti=off", None, ["retpoline", "rsb"]),
])
def test_choice(tmp_path, append, model, wanted):
    assert mitigations(tmp_path, append, model) == wanted


class Monitor:
    """QEMU's monitor on a socket."""

    def __init__(self, path):
        deadline = time.monotonic() + 60
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        self._read()

    def _read(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            text += self.socket.recv(1 << 16)
        return text.decode()

    def __call__(self, command):
        self.socket.sendall(command.encode() + b"\n")
        return self._read()

    def stop_in_user_mode(self):
        for _ in range(200):
            self("stop")
            if re.search(r"CPL=3", self("info registers")):
                return
            self("cont")
            time.sleep(0.05)
        raise AssertionError("the processor is never in user mode")

    def upper_half_bytes(self):
        """Bytes that the page tables in force map in the kernel's half."""
        rows = re.findall(r"^([0-9a-f]{16})-[0-9a-f]{16} ([0-9a-f]{16}) ", self("info mem"), re.MULTILINE)
        assert rows
        return sum(int(size, 16) for start, size in rows if int(start, 16) | 0xFFFF000000000000 >= UPPER_HALF and int(start, 16) >> 47)


@pytest.mark.parametrize("append, is_separated", [("kpti=on", True), ("kpti=off", False)])
def test_user_mode_maps_the_doors_only(tmp_path, append, is_separated):
    path = tmp_path / "monitor"
    run = subprocess.Popen([TOP / "tessera", "run", "--no-build", "--append", append, "--qemu-arg=-monitor", f"--qemu-arg=unix:{path},server,nowait",
                            "--", "sh", "-c", "while :; do :; done"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        monitor = Monitor(path)
        time.sleep(5)  # past the boot: the loop runs
        monitor.stop_in_user_mode()
        size = monitor.upper_half_bytes()
        assert 0 < size <= DOOR_PAGES * 4096 if is_separated else size >= 128 << 20
        monitor.socket.sendall(b"quit\n")
    finally:
        run.terminate()
        run.wait()
