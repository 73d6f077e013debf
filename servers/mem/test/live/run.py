#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Boots mem with the driver in QEMU: run.py BUILD_DIR [more QEMU arguments]. Prints the driver's lines; exit status 1 on failure."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[3]
sys.path.insert(0, str(REPO / "tools"))
from tessera_tool import cpio, image  # noqa: E402


def archive(build: pathlib.Path) -> pathlib.Path:
    target = build / "tools/meson/target"
    manifest, out = build / "mem-live.manifest", build / "mem-live.cpio"
    subprocess.run([sys.executable, REPO / "tools/mkmanifest.py", HERE / "live.toml", manifest], check=True)
    files = {"mem": target / "mem", "driver": target / "mem-driver",
             "personality": build / "servers/mem/mem-program", "manifest": manifest}
    entries = [image.root_file(target / "root")] + [cpio.regular(f"boot/{name}", path.read_bytes(), 0o755) for name, path in files.items()]
    out.write_bytes(cpio.finish(cpio.body(entries)))
    return out


def main() -> int:
    build = pathlib.Path(sys.argv[1])
    log = build / "mem-live.log"
    line = ["qemu-system-x86_64", "-machine", "q35,usb=off", "-m", "256M", "-nodefaults", "-no-reboot", "-display", "none", "-cpu", "max,-erms",
            "-kernel", build / "tools/meson/target/kernel.elf", "-initrd", archive(build), "-append", "log=debug", "-icount", "shift=0,sleep=off",
            "-accel", "tcg", "-debugcon", f"file:{log}", *sys.argv[2:]]
    try:
        subprocess.run(line, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        print("timeout")
    text = log.read_text(errors="replace")
    print(text)
    return 0 if ", 0 failed" in text else 1


if __name__ == "__main__":
    sys.exit(main())
