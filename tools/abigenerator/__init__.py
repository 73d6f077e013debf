# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of tools/abigen.py: model (reading and checking), one module per kind of output."""
