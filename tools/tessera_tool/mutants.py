# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera fuzz --mutants: bugs put into copies of the kernel's sources (tests/fuzz/mutants.toml), each of which the fuzzer must find."""
from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import tomllib

from . import build
from .common import BUILD, HOST, REPO, ToolError

LIST = REPO / "tests/fuzz/mutants.toml"
WORK = BUILD / "fuzz/mutants"
PROGRAM = "fuzz-kernel"


def read(ci_only: bool) -> list[dict]:
    mutants = tomllib.loads(LIST.read_text())["mutant"]
    for mutant in mutants:
        if (REPO / mutant["file"]).read_text().count(mutant["old"]) != 1:
            raise ToolError(f"mutant '{mutant['name']}': its old text does not stand exactly once in {mutant['file']}")
    return [mutant for mutant in mutants if mutant.get("ci") or not ci_only]


def _commands() -> list[str]:
    program = str(build.build_fuzzer(PROGRAM).relative_to(HOST))
    return subprocess.run(["ninja", "-C", str(HOST), "-t", "commands", program], check=True, capture_output=True, text=True).stdout.splitlines()


def _run(command: list[str]) -> None:
    result = subprocess.run(command, cwd=HOST, capture_output=True, text=True)
    if result.returncode != 0:
        raise ToolError(f"a mutant cannot be built:\n{result.stderr}")


def make(mutant: dict, number: int) -> pathlib.Path:
    """The fuzzer with that bug: one source compiled anew, linked before the library that holds the good one."""
    commands = _commands()
    folder = WORK / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / pathlib.Path(mutant["file"]).name
    source.write_text((REPO / mutant["file"]).read_text().replace(mutant["old"], mutant["new"]))
    pattern = re.compile(rf"{PROGRAM}-core\.a\.p/.*-c \S*{re.escape(mutant['file'])}$")
    words = shlex.split(next(line for line in commands if pattern.search(line)))
    words[words.index("-o") + 1] = str(folder / "mutant.o")
    words[-1] = str(source)
    _run([*[word for index, word in enumerate(words) if word not in ("-MD", "-MQ", "-MF") and words[index - 1] not in ("-MQ", "-MF")],
          "-I", str((REPO / mutant["file"]).parent)])
    link = shlex.split(commands[-1])
    program = folder / "fuzz"
    link[link.index("-o") + 1] = str(program)
    link.insert(link.index("-o") + 2, str(folder / "mutant.o"))
    _run(link)
    return program
