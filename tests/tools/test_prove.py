# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the proofs (tools/prove.py) say of the source is still there: each mutant's place, each function that is called proved.

The proofs themselves are the suite `prove`; this one tells in a second that a change of the kernel has outrun them.
"""

import pytest

import check_style
import prove
from tessera_tool import cbmc
from tessera_tool.common import REPO, ToolError

MUTANTS = prove.LIST_MUTANTS + [mutant for module in prove.MODULES for mutant in module.mutants]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant[0])
def test_a_mutant_names_one_place_of_the_source(mutant):
    assert (REPO / mutant[1]).read_text().count(mutant[2]) == 1


def test_functions_called_proved_exist():
    rows = [line.split() for line in (REPO / "proofs/proved.txt").read_text().splitlines()]
    known = {(file, name) for file in {row[0] for row in rows} for name, _, _ in check_style.functions((REPO / file).read_text())}
    assert rows and {tuple(row) for row in rows} <= known


def test_each_kept_goal_is_a_contracts():
    kept = prove.Baseline(False).kept
    assert all(kept[name] for name in prove.CONTRACTS)


@pytest.mark.parametrize("status, text, failed", [
    (0, "** 0 of 3 failed (1 iterations)\n", set()),
    (10, "[check.assertion.1] line 7 heads: FAILURE\n[check.assertion.2] line 8 best: SUCCESS\n** 1 of 3 failed (2 iterations)\n", {"heads"}),
])
def test_cbmcs_verdict_is_read(monkeypatch, status, text, failed):
    monkeypatch.setattr(cbmc, "_run", lambda *_: (status, text, "log"))
    assert cbmc.failures(REPO, "f", []) == failed


@pytest.mark.parametrize("status, text", [
    (0, ""), (6, "PARSING ERROR\n"), (0, "** 0 of 0 failed (1 iterations)\n"), (10, "** 0 of 3 failed (1 iterations)\n"), (0, "** 1 of 3 failed\n"),
])
def test_no_verdict_of_cbmc_is_an_error(monkeypatch, status, text):
    monkeypatch.setattr(cbmc, "_run", lambda *_: (status, text, "log"))
    with pytest.raises(ToolError):
        cbmc.failures(REPO, "f", [])
