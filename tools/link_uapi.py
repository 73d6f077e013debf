#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes a folder with only the Linux UAPI headers (linux/, asm/, asm-generic/) of Debian's linux-libc-dev, as links.

    link_uapi.py OUT_DIR ARCH

The personality is compiled against these and nothing else of /usr/include.
"""
import pathlib
import sys

INCLUDE = pathlib.Path("/usr/include")


def main() -> int:
    out, arch = pathlib.Path(sys.argv[1]), sys.argv[2]
    out.mkdir(parents=True, exist_ok=True)
    for name, target in (("linux", INCLUDE / "linux"), ("asm-generic", INCLUDE / "asm-generic"), ("asm", INCLUDE / f"{arch}-linux-gnu/asm")):
        link = out / name
        if not link.is_symlink():
            link.symlink_to(target)
        if not target.is_dir():
            print(f"link_uapi: {target} is missing: install linux-libc-dev", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
