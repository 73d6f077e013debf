# SPDX-License-Identifier: MIT OR Apache-2.0
"""Debian packages pinned by version and SHA-256 in tools/pins.toml, fetched by the system's apt into a download cache."""
from __future__ import annotations

import hashlib
import io
import os
import pathlib
import subprocess
import tarfile
import tomllib

from .common import DOWNLOADS, REPO, ToolError, locked, step

PINS = REPO / "tools/pins.toml"


def _hash(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _mirror() -> str:
    """Where the system gets its own release of Debian from."""
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found = [line.removeprefix("Debian ") for line in lines if line.startswith("Debian ")]
    if not found:
        raise ToolError("apt knows no mirror of Debian; a package of another release is needed")
    return found[0]


def _private_apt(suite: str) -> dict[str, str]:
    """An environment in which apt knows that suite alone: its lists and state stand in the download cache, the system's stay as they are."""
    folder = (DOWNLOADS / f"apt-{suite}").resolve()
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "sources.list").write_text(f"deb [signed-by={keys}] {_mirror()} {suite} main\n")
    settings = {"Dir::Etc::sourcelist": folder / "sources.list", "Dir::Etc::sourceparts": "-", "Dir::State": folder / "state",
                "Dir::State::status": "/dev/null", "Dir::Cache": folder / "cache"}
    (folder / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    return os.environ | {"APT_CONFIG": str(folder / "apt.conf")}


def _download(package: str, version: str, suite: str | None) -> pathlib.Path | None:
    """Asks apt; its index may be missing on a fresh machine, so that is refreshed once."""
    environment = _private_apt(suite) if suite else dict(os.environ)
    for refresh in (False, True):
        if refresh:
            update = ["apt-get", "update", "-q"]
            if subprocess.run(update, capture_output=True, env=environment).returncode != 0 and not suite:
                subprocess.run(["sudo", "-n", *update], capture_output=True)
        command = ["apt-get", "download", "-q", f"{package}={version}"]
        subprocess.run(command, cwd=DOWNLOADS, capture_output=True, env=environment)
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
            fetched = _download(name, pin["version"], pin.get("suite"))
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
