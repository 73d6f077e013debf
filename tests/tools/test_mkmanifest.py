# SPDX-License-Identifier: MIT OR Apache-2.0
"""tools/mkmanifest.py: the base system compiles; what cannot be meant is refused with a reason."""
import pathlib
import struct
import tomllib

import mkmanifest
import pytest

REPO = pathlib.Path(__file__).resolve().parents[2]
BASE = (REPO / "system/base.toml").read_text()
TWO = """
[region.shared]
size = "64K"
[service.a]
elf = "boot/a"
priority = 20
endpoints = { b = { service = "b", badge = "MEM_BADGE_PROC << 60" } }
regions = { shared = "rw" }
calls = ["b"]
[service.b]
elf = "boot/b"
priority = 10
calls = []
"""


def compiled(text):
    return mkmanifest.compile_manifest(tomllib.loads(text))


def test_base_system():
    data = compiled(BASE)
    magic, version, services = struct.unpack_from("<3I", data)
    assert (magic, version, services) == (mkmanifest.MAGIC, mkmanifest.VERSION, 5)


def test_badge_constant_and_sizes():
    data = compiled(TWO)
    first_cap = 24 + 16 * 88 + 16 * 40
    assert data[first_cap:first_cap + 2] == b"b\0"
    assert struct.unpack_from("<Q", data, first_cap + 48)[0] == 4 << 60
    assert len(data) == first_cap + 96 * 56 + 48 * 16


@pytest.mark.parametrize("change, reason", [
    (('calls = []', 'endpoints = { a = { service = "a" } }\ncalls = ["a"]'), "circle: a -> b -> a"),
    (('calls = ["b"]', 'calls = []'), "holds endpoints of"),
    (('shared = "rw"', 'secret = "rw"'), "'secret' is not described"),
    (('MEM_BADGE_PROC', 'NO_SUCH'), "no constant"),
    (('"64K"', '"much"'), "is no size"),
    (('priority = 10', 'priority = 21'), "a calls b, whose priority is lower"),
    (('priority = 20', 'priority = 20\ncolour = "red"'), "no field is called 'colour'"),
    (('service = "b"', 'service = "c"'), "holds endpoints of"),
])
def test_refused(change, reason):
    assert change[0] in TWO
    with pytest.raises(mkmanifest.ManifestError, match=reason):
        compiled(TWO.replace(*change))
