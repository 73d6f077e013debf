# SPDX-License-Identifier: MIT OR Apache-2.0
"""The capability graph of the running system: read while it works, drawn, asked, and held against the manifest."""
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import TOP, tessera


def ask(*args):
    return subprocess.run([TOP / "tessera", *map(str, args)], text=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def dump(tmp_path_factory):
    """Of a system with programs in it that make and end processes while it is read."""
    path = tmp_path_factory.mktemp("authority") / "dump"
    result = ask("authority-check", "--no-build", "--save", path, "--run", "sleep 1000 & while true; do /bin/true; done & sleep 1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout == "no service holds more than the manifest says\n"
    return path


def test_who_can(dump):
    rows = ask("who-can", "irq 4", "--dump", dump).stdout.splitlines()
    assert sorted(row.split()[0] for row in rows) == ["root", "uart"]
    rows = ask("who-can", "machine", "--dump", dump).stdout.splitlines()
    assert sorted(row.split()[0] for row in rows) == ["root", "vfs"]


def test_reach(dump):
    text = ask("reach", "uart", "--dump", dump).stdout
    assert "ports 0x3f8+8" in text and "view of region uart" in text and "uart can get nothing" in text
    text = ask("reach", "proc", "--dump", dump).stdout
    assert "sleep[" in text.split("proc can get")[1]


def test_graph(dump, tmp_path):
    for options in ([], ["--all"]):
        path = tmp_path / "graph.svg"
        assert ask("graph", "--dump", dump, "-o", path, *options).returncode == 0
        words = [element.text or "" for element in ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")]
        assert any("region cache" in word for word in words) and any("sleep[" in word for word in words)


def test_only_root_reads_it():
    script = "su nobody -s /bin/sh -c 'cat /proc/tessera/authority'; echo status $?"
    result = tessera("--", "/bin/sh", "-c", script)
    assert "cap " not in result.stdout and "status 1" in result.stdout
