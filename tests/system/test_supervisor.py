# SPDX-License-Identifier: MIT OR Apache-2.0
"""root with one service that crashes: the report, its addresses, the restart, and what a service without rights gets."""
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tools"))

from tessera_tool import common, cpio, image, qemu, symbolize  # noqa: E402

SECONDS = 60
CAUSES = {
    "write": "crash in service crasher: page fault writing 0x1234, rip=0x",
    "text": "(protected), rip=0x",
    "jump": "crash in service crasher: page fault executing 0x5678, rip=0x5678",
    "exception": "crash in service crasher: processor exception 6, error code 0, rip=0x",
    "abort": "end in service crasher: it left with status 134",
    "exit": "end in service crasher: it left with status 7",
}


def _is_complete(lines):
    """The second life's line has been written to its end. The machine may be slow: only the log tells."""
    text = lines.read_text(errors="replace") if lines.exists() else ""
    return "crasher: second life" in text and text.endswith("\n")


def _boot(folder, how):
    """The log of a machine with root and crasher, until the second life."""
    manifest = folder / "manifest"
    subprocess.run([sys.executable, TOP / "tools/mkmanifest.py", TOP / "servers/root/test/crasher.toml", manifest], check=True)
    entries = [image.root_file(common.PROGRAMS / "root"), cpio.directory("boot"), cpio.regular("boot/manifest", manifest.read_bytes()),
               cpio.regular("boot/crasher", (common.PROGRAMS / "crasher").read_bytes(), 0o755)]
    archive = folder / "archive.cpio"
    archive.write_bytes(cpio.finish(cpio.body(entries)))
    lines = folder / "log"
    command = qemu.command(str(archive), f"crash={how}", memory="64M", cpus=1, icount=True, accel="tcg", extra=[])
    command += ["-chardev", f"file,id=log,path={lines}", "-device", "isa-debugcon,iobase=0xe9,chardev=log"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
        end = time.monotonic() + SECONDS
        while machine.poll() is None and time.monotonic() < end and not _is_complete(lines):
            time.sleep(0.1)
        machine.kill()
    return lines.read_text(errors="replace")


@pytest.mark.parametrize("how", CAUSES)
def test_crash_is_reported_and_service_restarted(tmp_path, how):
    log = _boot(tmp_path, how)
    assert CAUSES[how] in log
    assert "rsp=00000000" in log and " bt: 0x" in log
    assert "restarting crasher (0 before)" in log
    assert "crasher: second life" in log
    assert log.count(" in service crasher") == 1


def test_backtrace_names_functions(tmp_path):
    symbolizer = symbolize.Symbolizer()
    text = "\n".join(extra for line in _boot(tmp_path, "write").splitlines() for extra in symbolizer.line(line))
    assert "crash_inside at servers/root/test/crasher.c" in text
    assert "main at servers/root/test/crasher.c" in text


def test_nothing_beyond_the_manifest(tmp_path):
    log = _boot(tmp_path, "exit")
    assert "asks for capability `other_service`, which the manifest does not give it" in log
    assert "asks for region `secrets`, which the manifest does not give it" in log
    assert "crasher: cap 0, region 0" in log
    assert "crasher asks to power off, which the manifest does not allow" in log
    assert "power off answers 1" in log and "control through the log answers 1" in log
    assert "heap works, clock works" in log and "printf works: 42 exit" in log
