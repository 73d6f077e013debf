# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera count: what a line is, and that the limits hold and can be broken."""
import pytest
from tessera_tool import count


@pytest.mark.parametrize("text, lines", [
    ("int a;\n\n  \nint b;\n", 2),
    ("/* one */\nint a; /* behind */\n// line\n", 1),
    ("/*\n * a = 1;\n */\nint a;\n", 1),
    ("int a; /* begins\n ends */ int b;\n", 2),
    ('char *s = "/*";\nint a;\nchar *t = "*/";\n', 3),
    ('char *s = "//";\n', 1),
    ('char *s = "\\"/*";\nint a;\n', 2),
    ("#include <a.h>\n#pragma once\n", 2),
])
def test_lines_of_c(text, lines):
    assert count.code_lines(text) == lines


def test_lines_of_assembly():
    assert count.code_lines("#define A 1\n# comment\n\tmovq %rax, %rbx\n  # comment\n/* x */\n", True) == 2


def kernel(tmp_path, core, arch):
    for part in count.PARTS:
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "core/a.c").write_text("x;\n" * core)
    (tmp_path / "arch/x86_64/a.S").write_text("x\n" * arch)
    (tmp_path / "genarch/test").mkdir()
    (tmp_path / "genarch/test/test_a.c").write_text("x;\n" * count.KERNEL_MAX)
    return count.counts(tmp_path)


def test_limits(tmp_path):
    assert count.faults(kernel(tmp_path / "fits", count.KERNEL_MAX - 3000, 3000)) == []
    assert len(count.faults(kernel(tmp_path / "kernel", count.KERNEL_MAX - 2999, 3000))) == 1
    assert len(count.faults(kernel(tmp_path / "arch", 10, 3001))) == 1


def test_this_kernel_is_within_them():
    assert count.faults(count.counts()) == []
