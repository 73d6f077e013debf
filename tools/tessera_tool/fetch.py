# SPDX-License-Identifier: MIT OR Apache-2.0
"""Debian packages pinned by version and SHA-256 in tools/pins.toml, fetched by the system's apt into a download cache."""
from __future__ import annotations

import hashlib
import io
import pathlib
import subprocess
import tarfile
import tomllib

from .common import DOWNLOADS, REPO, ToolError, locked, step

PINS = REPO / "tools/pins.toml"


def _hash(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(package: str, version: str) -> pathlib.Path | None:
    """Asks apt; its index may be missing on a fresh machine, so that is refreshed once."""
    for refresh in (False, True):
        if refresh:
            update = ["apt-get", "update", "-q"]
            if subprocess.run(update, capture_output=True).returncode != 0:
                subprocess.run(["sudo", "-n", *update], capture_output=True)
        command = ["apt-get", "download", "-q", f"{package}={version}"]
        subprocess.run(command, cwd=DOWNLOADS, capture_output=True)
        found = list(DOWNLOADS.glob(f"{package}_{version.replace(':', '%3a')}_*.deb"))
        if found:
            return found[0]
    return None


def package(name: str) -> pathlib.Path:
    """The .deb of a pinned package, from the cache or the mirror; ToolError if it cannot be had as pinned."""
    pin = tomllib.loads(PINS.read_text())[name]
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    with locked("download"):
        kept = DOWNLOADS / f"{name}-{pin['sha256'][:16]}.deb"
        if kept.exists() and _hash(kept) == pin["sha256"]:
            return kept
        with step(f"downloading {name} {pin['version']}"):
            fetched = _download(name, pin["version"])
        if fetched is None:
            raise ToolError(f"{name} {pin['version']}, as pinned in tools/pins.toml, is not to be had from this machine's Debian mirror.\n"
                            f"Either the mirror is out of reach, or it has a newer version (apt-cache policy {name}): then update the pin,\n"
                            f"or put the .deb with SHA-256 {pin['sha256']} at {kept}.")
        if _hash(fetched) != pin["sha256"]:
            raise ToolError(f"{fetched.name} has SHA-256 {_hash(fetched)}, but tools/pins.toml says {pin['sha256']}")
        fetched.rename(kept)
        return kept


def contents(deb: pathlib.Path) -> tarfile.TarFile:
    """The files of a .deb as an open tar archive."""
    result = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True, capture_output=True)
    return tarfile.open(fileobj=io.BytesIO(result.stdout))
