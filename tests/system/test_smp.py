# SPDX-License-Identifier: MIT OR Apache-2.0
"""The system on machines with several CPUs: it boots and runs jobs side by side."""
import subprocess

import pytest

JOBS = 'for i in 1 2 3 4; do (n=0; while [ $n -lt 200 ]; do n=$((n+1)); done; echo "job $i $n") & done; wait; echo end'


@pytest.mark.parametrize("cpus", ["2", "4"])
def test_parallel_jobs(cpus):
    run = subprocess.run(["./tessera", "run", "--no-build", "--smp", cpus, "--timeout", "120", "--", "sh", "-c", JOBS],
                         capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL)
    lines = run.stdout.replace("\r", "").split("\n")
    assert run.returncode == 0, run.stderr
    assert sorted(line for line in lines if line.startswith("job")) == [f"job {i} 200" for i in range(1, 5)]
    assert "end" in lines
