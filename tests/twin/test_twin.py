# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each twin case is one test; all of them run in one boot of Tessera and one chroot of Linux."""
import functools

import pytest

import run_twin


@functools.cache
def outcomes():
    return {case.name: problem for case, problem in run_twin.run([], run_twin.TOP / "build/tests/twin")}


# Cases that have shown what one CPU hides: threads, shared words, the order of what two CPUs do.
SEVERAL_CPUS = ["epoll_edges", "fork_memory", "futex_raw", "interrupt_pipe", "jobs_wait", "pipes_poll", "signals_storm", "threads",
                "threads_signals", "vfork_exec"]


@functools.cache
def outcomes_with_several_cpus():
    return {case.name: problem for case, problem in run_twin.run(SEVERAL_CPUS, run_twin.TOP / "build/tests/twin-smp", cpus=4)}


@pytest.mark.parametrize("name", [case.name for case in run_twin.find_cases([])])
def test_same_as_linux(name):
    problem = outcomes()[name]
    assert problem is None, f"{problem}: diff build/tests/twin/results/{name}.linux build/tests/twin/results/{name}.tessera"


@pytest.mark.parametrize("name", SEVERAL_CPUS)
def test_same_as_linux_on_several_cpus(name):
    problem = outcomes_with_several_cpus()[name]
    assert problem is None, f"{problem}: diff build/tests/twin-smp/results/{name}.linux build/tests/twin-smp/results/{name}.tessera"
