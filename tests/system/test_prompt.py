# SPDX-License-Identifier: MIT OR Apache-2.0
"""What somebody types at the prompt works as on Linux."""
import time

from conftest import Shell


def test_echo_and_status(shell):
    assert shell.run("echo hello").endswith("hello\n")
    shell.run("false")
    assert shell.status == 1


def test_byte_for_byte_busybox(shell):
    assert "BusyBox v1.35" in shell.run("busybox | head -1")


def test_line_editing(shell):
    shell.send("echo abX\x7fc\x1b[D\x1b[DZ\r")  # backspace, two times left, insert
    shell.expect("aZbc\r\n")
    shell.prompt()


def test_history(shell):
    shell.run("echo first-command")
    shell.send("\x1b[A\r")
    shell.expect("first-command")
    shell.prompt()


def test_tab_completion(shell):
    shell.run("touch /tmp/completion-target")
    shell.send("ls /tmp/compl\t\r")
    shell.expect("/tmp/completion-target\r\n")
    shell.prompt()


def test_interrupt_key(shell):
    shell.send("sleep 100\r")
    time.sleep(1)
    shell.send("\x03")
    shell.prompt()
    shell.run("true")
    assert shell.status == 0


def test_stop_and_foreground(shell):
    shell.send("sleep 100\r")
    time.sleep(1)
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.prompt()
    assert "Stopped" in shell.run("jobs")
    shell.send("fg\r")
    shell.expect("sleep 100")
    time.sleep(1)
    shell.send("\x03")
    shell.prompt()


def test_background_job(shell):
    shell.run("sleep 0.3 &")
    time.sleep(1)
    shell.send("\r")
    shell.expect("Done")
    shell.prompt()


def test_end_of_file_key(shell):
    shell.send("cat\r")
    time.sleep(0.5)
    shell.send("line\r")
    shell.expect("line\r\nline\r\n")
    shell.send("\x04")
    shell.prompt()


def test_quit_key(shell):
    shell.send("sleep 100\r")
    time.sleep(1)
    shell.send("\x1c")
    shell.prompt()


def test_ps_shows_processes(shell):
    text = shell.run("ps")
    assert "PID" in text and "sh" in text and "ps" in text


def test_top(shell):
    shell.send("top\r")
    shell.expect("Mem: ")
    shell.expect("PID")
    shell.send("q")
    shell.prompt()


def test_vi(shell):
    shell.send("vi /tmp/text\r")
    shell.expect("/tmp/text 1/1 100%")
    shell.send("ihello from vi\x1b")
    shell.expect("Modified")  # what follows an escape at once would count as a function key
    shell.send(":wq\r")
    shell.prompt()
    assert "hello from vi" in shell.run("cat /tmp/text")


def test_typing_ahead(shell):
    shell.send("sleep 1; cat\r")
    time.sleep(0.3)
    shell.send("typed ahead\r\x04")
    shell.expect("typed ahead\r\n.*typed ahead\r\n")
    shell.prompt()


def test_less(shell):
    shell.run("seq 1 200 > /tmp/long")
    shell.send("less /tmp/long\r")
    shell.expect("23")
    shell.send(" ")
    shell.expect("46")
    shell.send("q")
    shell.prompt()


def test_stty(shell):
    assert "24 80" in shell.run("stty size")
    assert "intr = ^C" in shell.run("stty -a")


def test_free_and_uptime(shell):
    assert "Mem:" in shell.run("free")
    assert "load average" in shell.run("uptime")


def test_poweroff():
    shell = Shell()
    shell.send("poweroff\r")
    shell.child.expect_exact(__import__("pexpect").EOF, timeout=60)
    shell.close()
    assert shell.child.exitstatus == 0


def test_exit_of_first_shell():
    shell = Shell()
    shell.send("exit\r")
    shell.child.expect_exact(__import__("pexpect").EOF, timeout=60)
    shell.close()
    assert shell.child.exitstatus == 0
