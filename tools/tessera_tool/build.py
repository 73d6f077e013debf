# SPDX-License-Identifier: MIT OR Apache-2.0
"""Configures and runs the Meson builds and makes the base of the boot archive."""
from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

from . import image
from .common import BUILD, HOST, REPO, TARGET, ToolError, locked, step

SOURCE_FOLDERS = ("abi", "kernel", "lib", "servers", "drivers", "linux", "system", "spec", "tests", "bench", "tools/meson")
TOOLS = ("clang-19", "ld.lld-19", "llvm-ar-19", "llvm-strip-19", "llvm-readelf-19", "meson", "ninja", "dpkg-deb")


def check_tools() -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        raise ToolError(f"not installed: {', '.join(missing)}. `make setup` installs everything that is needed.")


def _configure(folder, *options: str) -> None:
    made = folder / "build.ninja"
    if made.exists():
        # A new folder is not noticed by ninja, which knows only the meson.build files of the last time.
        descriptions = [path for top in SOURCE_FOLDERS for path in (REPO / top).rglob("meson.build")]
        if all(path.stat().st_mtime <= made.stat().st_mtime for path in descriptions):
            return
        options = ("--reconfigure",)
    command = ["meson", "setup", str(folder), str(REPO), *options]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise ToolError(f"meson setup failed:\n{result.stdout}{result.stderr}")


def _ninja(folder, what: str, quiet: bool, *targets: str) -> None:
    command = ["ninja", "-C", str(folder), "-k0", f"-j{max(2, (os.cpu_count() or 2) // 2)}", *targets]
    if quiet:
        result = subprocess.run([*command, "--quiet"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            sys.stderr.write(result.stdout)
    else:
        result = subprocess.run(command, stdout=sys.stderr)
    if result.returncode != 0:
        raise ToolError(f"building {what} failed")


def build_target(quiet: bool = False) -> None:
    """Kernel, services, personality, programs, and the base of the image."""
    check_tools()
    with locked("build"):
        _configure(TARGET, "--cross-file", str(REPO / "tools/meson/x86_64.ini"))
        _ninja(TARGET, "the system", quiet)
        if not image._is_current():
            with step("making the boot archive"):
                image.make_base()


def build_one_cpu_kernel() -> pathlib.Path:
    """The kernel alone, for machines with one CPU (-Dcpus_max=1): what the others cost is compared with it."""
    check_tools()
    folder, kernel = BUILD / "x86_64-one-cpu", "tools/meson/target/kernel.elf"
    with locked("build"):
        _configure(folder, "--cross-file", str(REPO / "tools/meson/x86_64.ini"), "-Dcpus_max=1")
        _ninja(folder, "the kernel for one CPU", True, kernel)
    return folder / kernel


def build_host(quiet: bool = False) -> None:
    """The unit tests."""
    check_tools()
    with locked("build"):
        _configure(HOST, "--native-file", str(REPO / "tools/meson/host.ini"))
        _ninja(HOST, "the unit tests", quiet)


def build_fuzzer(name: str) -> pathlib.Path:
    """The kernel core beside its specification: fuzz-kernel, or fuzz-coverage."""
    check_tools()
    program = f"tools/meson/host/{name}"
    with locked("build"):
        _configure(HOST, "--native-file", str(REPO / "tools/meson/host.ini"))
        _ninja(HOST, name, True, program)
    return HOST / program
