# SPDX-License-Identifier: MIT OR Apache-2.0
"""One run of the machine: starts QEMU, passes bytes between the guest's serial ports and our own files, reads the log.

COM1 is the program's standard input and output, COM2 its standard error, the debug console the log of kernel and services.
The log tells how the run ended: `tessera: exit status N`, or `KERNEL PANIC: reason`.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import termios
import time
import tty

from . import symbolize
from .common import EXIT_TIMEOUT, ToolError, say

EXIT_STATUS = re.compile(rb"tessera: exit status (\d+)")
PANIC = re.compile(rb"^KERNEL PANIC: ")
POWER_OFF = re.compile(rb"tessera: (?:power off|halt|restart)\b")  # somebody asked for it: poweroff, reboot, halt
POWER_OFF_SECONDS = 10  # from the exit line to the end of QEMU
PANIC_SECONDS = 1.5     # for the rest of the report
READY_BYTE = b"\x05"  # system/init: terminals are set up, input may come
QUIT_KEY, QUIT_PRESSES = 0x1D, 3  # Ctrl-] three times leaves a guest that no longer listens
LOG_LINES_SHOWN = 40


class Log:
    """The log's lines as they come, and what they say about the end of the run."""

    def __init__(self, file: str | None, show):
        self.lines: list[bytes] = []
        self.status: int | None = None
        self.panic_since: float | None = None
        self.end_since: float | None = None
        self.is_terminal_raw = False
        self._partial = b""
        self._file = open(file, "wb", buffering=0) if file else None
        self.show = show  # which lines the user sees at once

    def feed(self, data: bytes) -> None:
        if self._file:
            self._file.write(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))

    def _line(self, line: bytes) -> None:
        self.lines.append(line)
        if match := EXIT_STATUS.search(line):
            self.status = int(match[1])
            self.end_since = time.monotonic()
        elif POWER_OFF.search(line):
            self.status, self.end_since = 0, time.monotonic()
        elif PANIC.match(line) and self.panic_since is None:
            self.panic_since = time.monotonic()
        if self.show and self.show(line):
            os.write(2, line + b"\r\n" if self.is_terminal_raw else line + b"\n")

    def tail(self) -> str:
        lines = self.lines[-LOG_LINES_SHOWN:] + ([self._partial] if self._partial else [])
        return b"\n".join(lines).decode(errors="replace")


class Channel:
    """One serial port of the guest: our end of a socket pair, and where its bytes go."""

    def __init__(self, name: str, device: list[str], sink):
        self.name, self.device, self.sink = name, device, sink
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)

    def arguments(self) -> list[str]:
        return ["-chardev", f"socket,id={self.name},fd={self.theirs.fileno()}", *self.device]


def _die_with_us() -> None:
    """In the child: the kernel ends QEMU when this tool is killed without a chance to do it (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:
            selector = selectors.DefaultSelector()
            selector.register(fd, selectors.EVENT_WRITE)
            selector.select()
        except BrokenPipeError:
            return


@contextlib.contextmanager
def _raw_terminal(wanted: bool):
    if not wanted:
        yield
        return
    kept = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, kept)


class Session:
    """Runs QEMU until the guest powers off, fails, or the time is over."""

    def __init__(self, command: list[str], *, interactive: bool, timeout: float | None, log: Log, input_fd: int | None = 0,
                 output=None, awaits_ready: bool = False):
        self.log = log
        self.interactive = interactive
        self.deadline = time.monotonic() + timeout if timeout else None
        self.timed_out = False
        self.quit_presses = 0
        self.input_fd = input_fd
        self.pending = b""  # for COM1
        self.is_ready = not awaits_ready  # before, the guest would lose or echo input
        self.last_sent = b"\n"
        self.console = Channel("con", ["-device", "isa-serial,chardev=con,index=0"], output or (lambda data: _write_all(1, data)))
        self.channels = [self.console,
                         Channel("err", ["-device", "isa-serial,chardev=err,index=1"], lambda data: _write_all(2, data)),
                         Channel("log", ["-device", "isa-debugcon,iobase=0xe9,chardev=log"], log.feed)]
        for channel in self.channels:
            command = command + channel.arguments()
        self.command = command
        self.selector = selectors.DefaultSelector()

    def run(self) -> int:
        """The exit status QEMU ended with; what happened inside stands in self.log."""
        fds = [channel.theirs.fileno() for channel in self.channels]
        process = subprocess.Popen(self.command, pass_fds=fds, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_die_with_us)
        for channel in self.channels:
            channel.theirs.close()
            self.selector.register(channel.ours, selectors.EVENT_READ, channel)
        if self.input_fd is not None:
            self._watch_input()
        try:
            self.log.is_terminal_raw = self.interactive
            with _raw_terminal(self.interactive):
                self._relay()
        except KeyboardInterrupt:
            raise ToolError("interrupted", 130) from None
        finally:
            status = self._stop(process)
        errors = process.stderr.read().decode(errors="replace")
        if errors and self.log.status is None and self.log.panic_since is None and not self.timed_out and status >= 0:
            raise ToolError(f"QEMU failed:\n{errors}")
        return status

    def _watch_input(self) -> None:
        try:
            self.selector.register(self.input_fd, selectors.EVENT_READ, None)
        except PermissionError:  # epoll takes no regular files; those never block
            self.pending = self._read_file()
        except ValueError:
            self._end_of_input()

    def _read_file(self) -> bytes:
        data = b""
        while chunk := os.read(self.input_fd, 1 << 16):
            data += chunk
        return data + self._eof_bytes(data)

    @staticmethod
    def _eof_bytes(before: bytes) -> bytes:
        """^D ends the input of a canonical terminal; after an unfinished line it takes two."""
        return b"\x04" if not before or before.endswith(b"\n") else b"\x04\x04"

    def _end_of_input(self) -> None:
        self.pending += self._eof_bytes(self.last_sent)

    def _input(self) -> None:
        data = os.read(self.input_fd, 4096)
        if not data:
            self.selector.unregister(self.input_fd)
            self._end_of_input()
            return
        if self.interactive:
            for byte in data:
                self.quit_presses = self.quit_presses + 1 if byte == QUIT_KEY else 0
        self.last_sent = data[-1:]
        self.pending += data

    def _output(self, channel: Channel) -> None:
        try:
            data = channel.ours.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if data:
            channel.sink(self._without_ready_byte(data) if channel is self.console else data)
        else:
            self.selector.unregister(channel.ours)
            channel.ours.close()

    def _without_ready_byte(self, data: bytes) -> bytes:
        if self.is_ready or READY_BYTE not in data:
            return data
        self.is_ready = True
        return data.replace(READY_BYTE, b"", 1)

    def _send(self) -> None:
        try:
            sent = self.console.ours.send(self.pending)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self.pending)
        self.pending = self.pending[sent:]

    def _is_over(self) -> bool:
        now = time.monotonic()
        if self.deadline and now > self.deadline:
            self.timed_out = True
            return True
        if self.quit_presses >= QUIT_PRESSES:
            raise ToolError("left with Ctrl-] three times", 130)
        if self.log.end_since and now > self.log.end_since + POWER_OFF_SECONDS:
            return True
        return bool(self.log.panic_since and now > self.log.panic_since + PANIC_SECONDS)

    def _is_open(self, channel: Channel) -> bool:
        return channel.ours.fileno() >= 0

    def _relay(self) -> None:
        """Until QEMU has closed all channels or the run is over otherwise."""
        while any(self._is_open(channel) for channel in self.channels) and not self._is_over():
            if self._is_open(self.console):
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.pending and self.is_ready else 0)
                self.selector.modify(self.console.ours, events, self.console)
            for key, mask in self.selector.select(0.25):
                if key.data is None:
                    self._input()
                    continue
                if mask & selectors.EVENT_READ:
                    self._output(key.data)
                if mask & selectors.EVENT_WRITE and self._is_open(key.data):
                    self._send()

    def _stop(self, process: subprocess.Popen) -> int:
        for sig, seconds in ((None, 0.5), (signal.SIGTERM, 2), (signal.SIGKILL, 10)):
            if sig is not None and process.poll() is None:
                process.send_signal(sig)
            try:
                return process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                continue
        return -1


def verdict(session: Session, qemu_status: int) -> int:
    """The exit status of the run, with an explanation on stderr when it is not the program's own."""
    log = session.log
    if log.panic_since is not None:
        raise ToolError(f"the kernel stopped with a panic; the end of the log:\n{symbolize.annotate(log.tail())}")
    if log.status is not None:
        return log.status & 0xFF
    if session.timed_out:
        raise ToolError(f"timeout; the end of the log:\n{log.tail()}", EXIT_TIMEOUT)
    raise ToolError(f"the machine ended (QEMU's status {qemu_status}) without reporting an exit status; the end of the log:\n{symbolize.annotate(log.tail())}")


def announce_quit_key() -> None:
    if sys.stderr.isatty():
        say("Ctrl-] three times leaves a guest that no longer listens")
