#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compiles a manifest: mkmanifest.py system/IMAGE.toml OUT

Checks what a reader would: every name is known, every endpoint a service holds stands in its `calls`, and the calls have
no cycle and go to services of no lower priority.  The format of OUT is lib/manifest/include/manifest.h; system/base.toml explains the fields.
"""
import pathlib
import re
import struct
import sys
import tomllib

HEADERS = pathlib.Path(__file__).resolve().parent.parent / "abi/include/tessera"
NAME_BYTES = 24
SERVICES, REGIONS, CAPS, MAPS = 16, 16, 96, 48
MAGIC, VERSION = 0x4D525354, 1
RIGHTS = {"read": 1, "write": 2, "execute": 4, "grant": 8, "revoke": 16}
MAP_RIGHTS = {"ro": 1, "rw": 3}
RESTART = {"power-off": 0, "restart": 1, "leave": 2}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
PAGE = 4096
SERVICE_KEYS = {"elf", "priority", "restart", "max_restarts", "power", "heap", "stack", "tables", "slots", "untyped", "regions", "memory",
                "endpoints", "notify", "irq", "ioports", "waiters", "machine", "clock", "calls"}


class ManifestError(Exception):
    """A manifest that cannot be meant."""


def constants() -> dict[str, int]:
    """Plain numeric #defines of the ABI's headers, for badges."""
    found = {}
    for header in sorted(HEADERS.glob("*.h")):
        for name, value in re.findall(r"^#define\s+([A-Z]\w+)\s+(0x[0-9a-fA-F]+|\d+)u?(?:ll)?\b", header.read_text(), re.M):
            found[name] = int(value, 0)
    return found


def number(where: str, text, known: dict[str, int]) -> int:
    """An integer, a constant's name, or `CONSTANT << bits`."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"(\w+)(?:\s*<<\s*(\d+))?", text)
    if not match or (match[1] not in known and not match[1].isdigit()):
        raise ManifestError(f"{where}: no constant {text!r}")
    return (known[match[1]] if match[1] in known else int(match[1])) << int(match[2] or 0)


def size(where: str, text) -> int:
    match = re.fullmatch(r"(\d+)([KMG]?)", str(text))
    if not match:
        raise ManifestError(f"{where}: {text!r} is no size")
    return int(match[1]) * UNITS[match[2]]


def share(text) -> int | None:
    """n of "ram/n"."""
    match = re.fullmatch(r"ram/(\d+)", str(text))
    return int(match[1]) if match else None


def pages(where: str, text) -> int:
    return -(-size(where, text) // PAGE)


def name_field(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) < NAME_BYTES:
        raise ManifestError(f"name {text!r} is too long")
    return data.ljust(NAME_BYTES, b"\0")


def index(where: str, name: str, table: dict) -> int:
    if name not in table:
        raise ManifestError(f"{where}: {name!r} is not described")
    return list(table).index(name)


def region_record(name: str, raw: dict) -> bytes:
    flags = 0 if raw.get("zeroed", True) else 1
    amount = raw.get("size")
    if amount in ("rest", "archive"):
        kind, value = {"rest": 3, "archive": 4}[amount], 0
    elif share(amount):
        kind, value = 2, share(amount)
    else:
        kind, value = 1, pages(f"region {name}", amount) * PAGE
    return name_field(name) + struct.pack("<QII", value, kind, flags)


def service_record(name: str, raw: dict) -> bytes:
    where = f"service {name}"
    unknown = set(raw) - SERVICE_KEYS
    if unknown:
        raise ManifestError(f"{where}: no field is called {unknown.pop()!r}")
    untyped = raw.get("untyped", "0")
    part = share(untyped) or 0
    log2 = 0 if part or not size(where, untyped) else size(where, untyped).bit_length() - 1
    return name_field(name) + name_field(raw["elf"]) + struct.pack(
        "<10I", raw["priority"], RESTART[raw.get("restart", "power-off")], 1 if raw.get("power") else 0,
        pages(where, raw.get("heap", "256K")), pages(where, raw.get("stack", "64K")), pages(where, raw.get("tables", "64K")),
        -(-raw.get("slots", 0) // 256), log2, part, raw.get("max_restarts", 0))


def cap_record(name: str, service: int, kind: int, thing: int, rights: int, count: int = 1, badge: int = 0) -> bytes:
    return name_field(name) + struct.pack("<6IQ", service, kind, thing, count, rights, 0, badge)


def service_caps(me: int, raw: dict, manifest: dict, known: dict[str, int]) -> list[bytes]:
    services, regions = manifest["service"], manifest["region"]
    where = f"service {list(services)[me]}"
    send, caps = RIGHTS["write"] | RIGHTS["grant"], []
    for name, entry in raw.get("endpoints", {}).items():
        caps.append(cap_record(name, me, 1, index(where, entry["service"], services), send,
                               badge=number(where, entry.get("badge", 0), known)))
    for name, target in raw.get("notify", {}).items():
        caps.append(cap_record(name, me, 2, index(where, target, services), RIGHTS["write"]))
    for name, line in raw.get("irq", {}).items():
        caps.append(cap_record(name, me, 3, line, RIGHTS["read"] | RIGHTS["write"]))
    for name, (first, count) in raw.get("ioports", {}).items():
        caps.append(cap_record(name, me, 4, first, RIGHTS["read"] | RIGHTS["write"], count=count))
    for name, rights in raw.get("memory", {}).items():
        value = sum(RIGHTS[right] for right in rights)
        caps.append(cap_record(name, me, 5, index(where, name, regions), value))
    for key, kind in (("waiters", 6), ("machine", 7), ("clock", 8)):
        if key in raw:
            caps.append(cap_record(key, me, kind, 0, sum(RIGHTS[right] for right in raw[key])))
    return caps


def check_calls(services: dict) -> None:
    """Declared calls are the endpoints held; no service can be called by one it calls itself; a service's priority is the ceiling of
    its callers' (docs/decisions/0014-ceiling.md)."""
    for name, raw in services.items():
        held = {entry["service"] for entry in raw.get("endpoints", {}).values()}
        declared = set(raw.get("calls", []))
        if held != declared:
            raise ManifestError(f"service {name}: calls {sorted(declared)}, but holds endpoints of {sorted(held)}")
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            raise ManifestError("services call in a circle: " + " -> ".join(path[path.index(name):] + [name]))
        if name in done:
            return
        for target in services[name].get("calls", []):
            if target not in services:
                raise ManifestError(f"service {name} calls {target!r}, which is not described")
            visit(target, path + [name])
        done.add(name)

    for name, raw in services.items():
        visit(name, [])
        for target in raw.get("calls", []):
            if services[target]["priority"] > raw["priority"]:
                raise ManifestError(f"service {name} calls {target}, whose priority is lower")


def padded(what: str, records: list[bytes], limit: int, length: int) -> bytes:
    if len(records) > limit:
        raise ManifestError(f"more than {limit} {what}")
    return b"".join(records).ljust(limit * length, b"\0")


def compile_manifest(manifest: dict) -> bytes:
    known = constants()
    services, regions = manifest["service"], manifest.get("region", {})
    manifest["region"] = regions
    check_calls(services)
    caps, maps = [], []
    for me, (name, raw) in enumerate(services.items()):
        caps += service_caps(me, raw, manifest, known)
        maps += [struct.pack("<4I", me, index(f"service {name}", region, regions), MAP_RIGHTS[rights], 0)
                 for region, rights in raw.get("regions", {}).items()]
    head = struct.pack("<6I", MAGIC, VERSION, len(services), len(regions), len(caps), len(maps))
    return (head + padded("services", [service_record(n, r) for n, r in services.items()], SERVICES, 88) +
            padded("regions", [region_record(n, r) for n, r in regions.items()], REGIONS, 40) +
            padded("capabilities", caps, CAPS, 56) + padded("mappings", maps, MAPS, 16))


def main() -> int:
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    try:
        data = compile_manifest(tomllib.loads(source.read_text()))
    except (ManifestError, tomllib.TOMLDecodeError) as error:
        print(f"{source}: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError) as error:
        print(f"{source}: bad or missing field: {error!r}", file=sys.stderr)
        return 1
    if not out.exists() or out.read_bytes() != data:
        out.write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
