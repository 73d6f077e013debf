# SPDX-License-Identifier: MIT OR Apache-2.0
"""Puts tools/ on the path, so that the tests import the tool's modules."""
import pathlib
import sys

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tools"))
