# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each twin case is one test; all of them run in one boot of Tessera and one chroot of Linux."""
import functools

import pytest

import run_twin


@functools.cache
def outcomes():
    return {case.name: problem for case, problem in run_twin.run([], run_twin.TOP / "build/tests/twin")}


@pytest.mark.parametrize("name", [case.name for case in run_twin.find_cases([])])
def test_same_as_linux(name):
    problem = outcomes()[name]
    assert problem is None, f"{problem}: diff build/tests/twin/results/{name}.linux build/tests/twin/results/{name}.tessera"
