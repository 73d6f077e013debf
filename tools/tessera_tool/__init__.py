# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts of ./tessera, the host tool. Python standard library only; Debian 12's Python 3.11."""
