# SPDX-License-Identifier: MIT OR Apache-2.0
"""System tests drive the booted system as a user would: at its prompt, or with ./tessera run."""
import os
import subprocess
from pathlib import Path

import pexpect
import pytest

TOP = Path(__file__).resolve().parent.parent.parent
PROMPT = r"[#$] (\x1b\[6n)?$"  # busybox asks the terminal where its cursor is
BOOT_SECONDS = 120


class Shell:
    """An interactive session on a terminal of 80 columns."""

    def __init__(self, *options):
        self.child = pexpect.spawn(str(TOP / "tessera"), ["run", "--no-build", *options], dimensions=(24, 80), timeout=60,
                                   encoding="utf-8", codec_errors="replace", echo=False)
        self.child.expect(PROMPT, timeout=BOOT_SECONDS)

    def send(self, text):
        self.child.send(text)

    def expect(self, pattern, timeout=60):
        self.child.expect(pattern, timeout=timeout)
        return self.child.match

    def run(self, command, timeout=60):
        """Types a command, returns what it printed."""
        separator = " " if command.endswith("&") else "; "
        self.child.send(command + separator + "echo @@$?@@\r")
        self.child.expect(r"@@(\d+)@@\r\n", timeout=timeout)  # what was typed has `$?` between the signs
        text = self.child.before
        self.status = int(self.child.match.group(1))
        self.child.expect(PROMPT, timeout=timeout)
        return text.split("@@\r\n", 1)[-1].replace("\r\n", "\n")

    def prompt(self, timeout=60):
        self.child.expect(PROMPT, timeout=timeout)

    def close(self):
        self.child.close(force=True)


@pytest.fixture(scope="session")
def shared_shell():
    shell = Shell()
    yield shell
    shell.close()


@pytest.fixture
def shell(shared_shell):
    """The prompt, in a clean state; one boot serves all tests that leave the system running."""
    shared_shell.send("\x03")
    shared_shell.prompt()
    shared_shell.run("cd /root; rm -rf /tmp/*")
    return shared_shell


def tessera(*args, input_text="", timeout=240):
    """./tessera run with arguments; the completed process."""
    return subprocess.run([TOP / "tessera", "run", "--no-build", *map(str, args)], input=input_text, text=True, capture_output=True,
                          timeout=timeout, env=dict(os.environ), errors="replace")


def compile_static(source, target, *flags):
    subprocess.run(["musl-gcc", "-static", "-O1", "-Wall", "-o", target, source, *flags], check=True)
    return target
