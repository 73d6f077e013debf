#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes assembly that embeds a file in a section, page aligned: embed.py FILE SECTION OUT.S"""
import pathlib
import sys

source, section, out = sys.argv[1:4]
path = pathlib.Path(source).resolve()
pathlib.Path(out).write_text(
    "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n/* Made by linux/tools/embed.py: do not edit. */\n"
    f'\t.section {section}, "ax"\n\t.balign 4096\n\t.incbin "{path}"\n\t.balign 4096\n', encoding="utf-8")
