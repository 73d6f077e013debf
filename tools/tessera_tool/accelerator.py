# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which accelerator really works here.

Some machines have a /dev/kvm that opens, runs the first instructions of a guest, and hangs. So the system itself is booted once,
within bounds, and has to run /bin/true; the answer is remembered for this boot of this machine.
"""
from __future__ import annotations

import json
import os
import pathlib
import sys
import tempfile

from . import image, options, qemu, session
from .common import BUILD, ToolError, say, step

ANSWER = BUILD / "accelerator.json"
PROBE_SECONDS = 15


def _kvm_runs_a_guest() -> bool:
    log = session.Log(None, None)
    settings = {"run": "1", "tty": "plain"}
    with tempfile.NamedTemporaryFile(prefix="tessera-probe-", suffix=".cpio") as archive:
        archive.write(image.compose([options.guest_files(["/bin/true"], None, settings)]))
        archive.flush()
        command = qemu.command(archive.name, options.cmdline(settings, ""), memory="256M", cpus=1, icount=False, accel="kvm", extra=[])
        run = session.Session(command, interactive=False, timeout=PROBE_SECONDS, log=log, input_fd=None, output=lambda data: None)
        try:
            run.run()
        except ToolError:
            return False
    return log.status == 0


def _machine_key() -> str:
    """What the remembered answer belongs to: this boot of this machine (a container may move)."""
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = "unknown"
    return f"{os.uname().nodename} {boot}"


def _remembered() -> str | None:
    try:
        kept = json.loads(ANSWER.read_text())
        return kept["accelerator"] if kept["machine"] == _machine_key() else None
    except (OSError, ValueError, KeyError):
        return None


def choose() -> str:
    """"kvm" or "tcg"; TESSERA_ACCEL overrides."""
    forced = os.environ.get("TESSERA_ACCEL")
    if forced in ("kvm", "tcg"):
        return forced
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    if kept := _remembered():
        return kept
    with step("probing /dev/kvm with a test boot"):
        answer = "kvm" if _kvm_runs_a_guest() else "tcg"
    if answer == "tcg" and sys.stderr.isatty():
        say("/dev/kvm opens, but the test boot did not succeed in it: using TCG from now on")
    ANSWER.parent.mkdir(parents=True, exist_ok=True)
    ANSWER.write_text(json.dumps({"machine": _machine_key(), "accelerator": answer}))
    return answer
