# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera run: one program, its output, its error output, its exit status."""
from conftest import TOP, compile_static, tessera

PROGRAMS = TOP / "tests/system/programs"


def test_output_and_status():
    result = tessera("--", "sh", "-c", "echo out; echo err >&2; exit 42")
    assert result.returncode == 42
    assert result.stdout == "out\n"
    assert "err\n" in result.stderr


def test_death_by_signal():
    assert tessera("--", "sh", "-c", "kill -9 $$").returncode == 137


def test_binary_output_passes_unchanged():
    result = tessera("--", "printf", r"a\r\nb\n\tc")
    assert result.stdout.encode() in (b"a\r\nb\n\tc", b"a\nb\n\tc")  # text=True joins \r\n


def test_standard_input():
    result = tessera("--", "head", "-n", "2", input_text="one\ntwo\nthree\n")
    assert result.stdout == "one\ntwo\n"


def test_own_directory(tmp_path):
    mydir = tmp_path / "mydir"
    mydir.mkdir()
    compile_static(PROGRAMS / "hello.c", mydir / "hello")
    result = tessera("--root", mydir, "--", "/mydir/hello", "a", "b", "c")
    assert result.returncode == 0
    assert result.stdout == "hello from a static program: a b c\n"


def test_init_script(tmp_path):
    script = tmp_path / "script"
    script.write_text("echo from the script\nexport MARK=seen\n")
    result = tessera("--init-script", script, "--", "sh", "-c", "echo $MARK")
    assert "from the script\n" in result.stdout and "seen\n" in result.stdout


def test_strace():
    result = tessera("--strace", "--", "cat", "/etc/hostname")
    assert "openat(" in result.stderr and "/etc/hostname" in result.stderr
    assert "exit_group(0)" in result.stderr


def test_strace_lists_what_is_not_implemented(tmp_path):
    mydir = tmp_path / "mydir"
    mydir.mkdir()
    compile_static(PROGRAMS / "unimplemented.c", mydir / "unimplemented")
    result = tessera("--strace", "--root", mydir, "--", "/mydir/unimplemented")
    assert "not implemented: quotactl (179), " in result.stderr


def test_timeout():
    assert tessera("--timeout", "20", "--", "sleep", "1000").returncode == 124


def test_host_name_is_written_below_proc():
    result = tessera("--", "sh", "-c", "echo box > /proc/sys/kernel/hostname; echo a.b > /proc/sys/kernel/domainname; "
                     "hostname; uname -n; cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname")
    assert result.stdout == "box\nbox\nbox\na.b\n"


def test_missing_program():
    result = tessera("--", "/no/such/program")
    assert result.returncode == 127
    assert "not found" in result.stderr or "No such file" in result.stderr


def test_unimplemented_calls_are_counted(tmp_path):
    mydir = tmp_path / "mydir"
    mydir.mkdir()
    compile_static(PROGRAMS / "unimplemented.c", mydir / "unimplemented")
    log = tmp_path / "log"
    result = tessera("--root", mydir, "--log", log, "--", "/mydir/unimplemented")
    assert result.stdout == "ENOSYS\n"
    assert "system call quotactl (179) is not implemented" in log.read_text()


def test_deaths_by_fault_are_logged_and_rationed(tmp_path):
    mydir = tmp_path / "mydir"
    mydir.mkdir()
    compile_static(PROGRAMS / "segfaults.c", mydir / "segfaults")
    log = tmp_path / "log"
    script = "/mydir/segfaults 200; sleep 2; /mydir/segfaults 1"
    result = tessera("--root", mydir, "--log", log, "--", "sh", "-c", script)
    assert result.stdout == "200 died\n1 died\n"
    lines = [line for line in log.read_text().splitlines() if "(segfaults): signal 11 vector 14" in line]
    assert lines and "address 0x10" in lines[0]
    assert len(lines) < 60
    assert "lines about processes were left out" in log.read_text()


def test_root_names_the_machine():
    script = "hostname; hostname adelaide; uname -n; hostname; cat /proc/sys/kernel/hostname; " \
             "hostname $(printf '%065d' 1); hostname"
    result = tessera("--", "sh", "-c", script)
    assert result.stdout == "tessera\nadelaide\nadelaide\nadelaide\nadelaide\n"
    assert "Invalid argument" in result.stderr


def test_process_tools_of_busybox():
    script = ("sleep 100 & sleep 1; ps -o pid,tty,stat,comm | grep -c '4,64.*sleep'; top -bn1 | grep -c 'sleep 100$'; "
              "uptime | grep -c load; free | grep -c Mem; w >/dev/null && echo w; pidof sleep | wc -w; "
              "grep -c ready /proc/tessera/services; readlink /proc/1/exe; kill $!")
    result = tessera("--", "sh", "-c", script)
    assert result.stdout.split("\n")[:8] == ["1", "1", "1", "1", "w", "1", "5", "/sbin/tessera-init"]


def test_dmesg_shows_the_log():
    script = "dmesg | tail -1; cat /proc/tessera/log | grep -c '^<6>'; su -s /bin/sh nobody -c dmesg; dmesg -c"
    result = tessera("--timeout", 60, "--", "sh", "-c", script)
    lines = result.stdout.splitlines()
    assert "root: all services run" in lines[0]
    assert int(lines[1]) > 3
    assert "dmesg: klogctl: Operation not permitted" in result.stderr and "dmesg: klogctl: Invalid argument" in result.stderr


def test_syslog_reads_the_end_and_refuses_bad_buffers(tmp_path):
    mydir = tmp_path / "mydir"
    mydir.mkdir()
    compile_static(PROGRAMS / "klog.c", mydir / "klog")
    result = tessera("--root", mydir, "--", "/mydir/klog")
    assert result.stdout.splitlines() == ["tail 1", "no buffer: -1 Invalid argument", "negative: -1 Invalid argument", "unmapped: -1 Bad address",
                                          "read-only: -1 Bad address"]
