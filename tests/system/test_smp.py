# SPDX-License-Identifier: MIT OR Apache-2.0
"""The system on machines with several CPUs: it boots, runs jobs side by side, and tells how many CPUs there are."""
import os
import subprocess
import sys

import pytest
from conftest import TOP, compile_static, tessera

sys.path.insert(0, str(TOP / "tools"))
from tessera_tool import sharing  # noqa: E402

JOBS = 'for i in 1 2 3 4; do (n=0; while [ $n -lt 200 ]; do n=$((n+1)); done; echo "job $i $n") & done; wait; echo end'
# Where it runs (field 39 of stat) follows the mask, and children inherit it.
COUNT = """nproc; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; grep Cpus_allowed_list /proc/self/status
taskset 2 nproc; taskset 2 sh -c 'cut -d" " -f39 /proc/self/stat; cat /proc/self/status | grep Cpus_allowed:'; taskset 40000000 true; echo $?"""


def lines_of(cpus, command):
    run = subprocess.run(["./tessera", "run", "--no-build", "--smp", cpus, "--timeout", "120", "--", "sh", "-c", command],
                         capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, run.stderr
    return run.stdout.replace("\r", "").split("\n")


@pytest.mark.parametrize("cpus", ["2", "4"])
def test_parallel_jobs(cpus):
    lines = lines_of(cpus, JOBS)
    assert sorted(line for line in lines if line.startswith("job")) == [f"job {i} 200" for i in range(1, 5)]
    assert "end" in lines


@pytest.mark.parametrize("cpus", ["2", "4"])
def test_cpus_are_told(cpus):
    lines = [line for line in lines_of(cpus, COUNT) if line and "taskset" not in line]
    assert lines == [cpus, cpus, cpus, f"Cpus_allowed_list:\t0-{int(cpus) - 1}", "1", "1", "Cpus_allowed:\t2", "1"]


@pytest.fixture(scope="module")
def storm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storm")
    compile_static(TOP / "tests/system/programs/storm.c", folder / "storm")
    return folder


@pytest.mark.parametrize("cpus", ["2", "4"])
def test_storm(storm, cpus):
    """Forks, execs, pipes, threads and signals on all CPUs; the program checks what each of them did."""
    result = tessera("--root", storm, "--smp", cpus, "--timeout", 200, "--", "/storm", 4, 5)
    assert "storm: 20 rounds" in result.stdout and result.returncode == 0, result.stdout + result.stderr


def test_storm_on_a_host_with_one_cpu(storm):
    """The CPUs take turns on one of the host's: who holds or waits for the kernel's lock stands still for a long time, and nobody else may."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        result = tessera("--root", storm, "--smp", "2", "--timeout", 200, "--", "/storm", 4, 5)
    finally:
        os.sched_setaffinity(0, before)
    assert "storm: 20 rounds" in result.stdout and result.returncode == 0, result.stdout + result.stderr


def test_fast_paths_have_no_line_in_common():
    """Two pairs of client and server call on two CPUs: no fast path touches a cache line that one of the other CPU writes."""
    found = sharing.measure()
    assert set(found.entries) == {0, 1} and min(found.entries.values()) > 1000
    assert min(found.lines.values()) > 10  # both Threads, the endpoint, the slots ...
    assert found.shared == []
