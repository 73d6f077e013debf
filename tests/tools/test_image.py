# SPDX-License-Identifier: MIT OR Apache-2.0
"""cpio archives and overlays: what goes in comes out, owners and modes are kept, nonsense is refused."""
import io
import os
import stat
import subprocess
import tarfile

import pytest
from tessera_tool import cpio, image, options
from tessera_tool.common import ToolError


def entries_of(archive):
    return {entry.path: entry for entry in cpio.parse(archive)}


def test_round_trip():
    made = [cpio.directory("a", 0o751), cpio.regular("a/b", b"hello", 0o4755), cpio.symlink("a/l", "../x"),
            cpio.Entry("dev/null", stat.S_IFCHR | 0o666, rdev=(1, 3), uid=7, gid=8)]
    assert cpio.parse(cpio.finish(cpio.body(made))) == made


def test_gnu_cpio_reads_ours_and_we_read_its(tmp_path):
    archive = cpio.finish(cpio.body([cpio.directory("d"), cpio.regular("d/f", b"12345")]))
    try:
        listing = subprocess.run(["cpio", "-t", "--quiet"], input=archive, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no cpio here")
    assert listing.stdout.split() == [b"d", b"d/f"]
    (tmp_path / "one").write_text("x")
    os.link(tmp_path / "one", tmp_path / "two")
    made = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tmp_path, input=b"one\ntwo\n", capture_output=True).stdout
    assert entries_of(made)["one"].data == entries_of(made)["two"].data == b"x"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_truncated_archives_are_refused(cut):
    archive = cpio.body([cpio.regular("f", b"x" * 40)])
    with pytest.raises(ValueError):
        cpio.parse(archive[:-cut])


def test_parent_reference_is_refused():
    with pytest.raises(ValueError, match=r"\.\."):
        cpio.normalise("a/../../etc/passwd")


def test_directory_overlay_keeps_modes_and_links(tmp_path):
    root = tmp_path / "mydir"
    (root / "sub").mkdir(parents=True)
    (root / "sub/hello").write_bytes(b"#!/bin/sh\n")
    (root / "sub/hello").chmod(0o754)
    (root / "link").symlink_to("sub/hello")
    found = {entry.path: entry for entry in image.overlay(root)}
    assert found["sub/hello"].mode == stat.S_IFREG | 0o754 and found["sub/hello"].uid == os.getuid()
    assert found["link"].data == b"sub/hello"
    assert found["mydir"].data == b"/" and stat.S_ISLNK(found["mydir"].mode)


def test_directory_overlay_with_its_own_name_inside(tmp_path):
    root = tmp_path / "mydir"
    (root / "mydir").mkdir(parents=True)
    found = {entry.path: entry for entry in image.overlay(root)}
    assert stat.S_ISDIR(found["mydir"].mode)


def test_directory_called_like_a_system_folder_makes_no_link(tmp_path):
    root = tmp_path / "bin"
    root.mkdir()
    assert image.overlay(root) == []


def test_tar_overlay(tmp_path):
    path = tmp_path / "o.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("opt/x/prog")
        info.size, info.mode, info.uid, info.gid = 4, 0o4711, 12, 34
        archive.addfile(info, io.BytesIO(b"\x7fELF"))
        hard = tarfile.TarInfo("opt/x/again")
        hard.type, hard.linkname = tarfile.LNKTYPE, "opt/x/prog"
        archive.addfile(hard)
    found = {entry.path: entry for entry in image.overlay(path)}
    assert (found["opt/x/prog"].uid, found["opt/x/prog"].gid, found["opt/x/prog"].mode) == (12, 34, stat.S_IFREG | 0o4711)
    assert found["opt/x/again"].data == b"\x7fELF"
    assert stat.S_ISDIR(found["opt"].mode) and stat.S_ISDIR(found["opt/x"].mode)


def test_cpio_overlay(tmp_path):
    path = tmp_path / "o.cpio"
    path.write_bytes(cpio.finish(cpio.body([cpio.regular("./etc/x", b"1")])))
    assert [entry.path for entry in image.overlay(path)] == ["etc", "etc/x"]


def test_bad_overlays_are_explained(tmp_path):
    with pytest.raises(ToolError, match="no such file"):
        image.overlay(tmp_path / "absent")
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk" * 100)
    with pytest.raises(ToolError, match="neither"):
        image.overlay(junk)


def test_program_arguments_travel_unchanged():
    words = ["/bin/echo", "a b", "", "-x", "ü", "$HOME"]
    found = {entry.path: entry.data for entry in options.guest_files(words, None, {"run": "1"})}
    assert found["etc/tessera/run"] == b"".join(word.encode() + b"\0" for word in words)
    assert found["etc/tessera/options"] == b"run=1\n"


def test_init_script_wraps_the_program(tmp_path):
    script = tmp_path / "s"
    script.write_text("export A=1\n")
    found = {entry.path: entry.data for entry in options.guest_files(["/bin/env"], str(script), {})}
    assert found["etc/tessera/init-script"] == b"export A=1\n"
    assert found["etc/tessera/run"].split(b"\0")[:2] == [b"/bin/sh", b"-c"] and b"/bin/env" in found["etc/tessera/run"]


def test_long_command_lines_are_refused():
    with pytest.raises(ToolError, match="characters long"):
        options.cmdline({"a": "x" * 600}, "")


def test_directory_overlay_through_a_link_has_the_link_s_name(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "seen").symlink_to(tmp_path / "real")
    assert [entry.path for entry in image.overlay(tmp_path / "seen")] == ["seen"]
