# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads abi/operations.toml and abi/protocols/*.toml, checks them, and gives plain objects.

Everything that can be wrong in a description is found here; the output modules take the model as correct.
"""
from __future__ import annotations

import dataclasses
import pathlib
import re
import tomllib

RIGHTS = {"read": "RIGHT_READ", "write": "RIGHT_WRITE", "execute": "RIGHT_EXECUTE", "grant": "RIGHT_GRANT",
          "revoke": "RIGHT_REVOKE"}
C_TYPES = {"u64": "uint64_t", "u32": "uint32_t", "u16": "uint16_t", "u8": "uint8_t", "i64": "int64_t",
           "i32": "int32_t", "i16": "int16_t", "i8": "int8_t", "bool": "bool", "cap": "cap_t", "slot": "slot_t"}
MAX_ARGUMENTS = 7
REGISTER_WORDS = 4
MAX_WORDS = 384
MAX_CAPS = 4
FIRST_RESERVED_OP = 0xFFF0
FIRST_BEHIND_IPC = 100
MAX_ENTRIES = 22
DECODED = re.compile(r"(?P<name>[a-z_]+) (?P<argument>[0-6]) (?P<kind>[a-z_]+)(?P<optional>\??)(?P<rights>( [a-z]+)*)")


class AbiError(Exception):
    """A description that cannot be meant."""


@dataclasses.dataclass
class Decoded:
    """An argument that the kernel looks up before the handler runs: `kind` is "empty" (a slot_t of an empty slot), "slot" (of any), "source" (of a
    capability), or the type of a capability at an address; rights are the CNode's or the capability's. is_optional: 0 stands for none."""
    name: str
    argument: int
    kind: str
    is_optional: bool
    rights: list[str]


@dataclasses.dataclass
class Operation:
    """One kernel operation. `inputs` are arguments 1.. ("" is a gap), `outputs` results 0.. ."""
    name: str
    number: int
    cap: str | None
    right: str | None
    by_slot: bool
    inputs: list[str]
    outputs: list[str]
    page: str | None
    errors: list[str]
    doc: str
    decoded: list[Decoded]

    @property
    def is_entry(self) -> bool:
        """Not an invocation of the object in argument 0, or IPC."""
        return self.cap is None or self.number < FIRST_BEHIND_IPC

    @property
    def results(self) -> list[str]:
        """Every error that may come back: success, those of the door (the capability in argument 0), and its own."""
        door = ["E_CAP", "E_TYPE"] + ["E_RIGHTS"] * bool(self.right) if self.cap else []
        return ["E_OK", *door, *(error for error in self.errors if error not in door)]


@dataclasses.dataclass
class Field:
    """One word of a message: its C type and name."""
    ctype: str
    name: str


@dataclasses.dataclass
class Side:
    """Request or reply of a protocol operation: scalar words, then data, and capabilities."""
    fields: list[Field]
    data_max: int | None
    caps: int
    caps_vary: bool

    @property
    def scalars(self) -> int:
        return len(self.fields) + (1 if self.data_max is not None else 0)

    @property
    def data_start(self) -> int:
        return max(REGISTER_WORDS, self.scalars)


@dataclasses.dataclass
class ProtocolOperation:
    name: str
    number: int
    request: Side
    reply: Side
    errors: list[str]
    undo: bool
    doc: str


@dataclasses.dataclass
class Protocol:
    name: str
    doc: str
    operations: list[ProtocolOperation]
    constants: dict[str, int | str]


@dataclasses.dataclass
class Abi:
    errors: dict[str, tuple[int, str]]
    operations: list[Operation]
    protocols: list[Protocol]
    library: dict[str, str]  # names that stand over operations: of which ones

    @property
    def entries(self) -> list[str]:
        return [op.name for op in self.operations if op.is_entry]


def inputs(folder: pathlib.Path) -> list[pathlib.Path]:
    return [folder / "operations.toml", *sorted((folder / "protocols").glob("*.toml"))]


def _unique(what: str, values: list) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise AbiError(f"{what} {value!r} stands twice")
        seen.add(value)


def _decoded(where: str, text: str) -> Decoded:
    match = DECODED.fullmatch(text)
    rights = match["rights"].split() if match else []
    if not match or not set(rights) <= set(RIGHTS):
        raise AbiError(f"{where}: {text!r} is not 'name argument kind rights'")
    if match["optional"] and match["kind"] in ("empty", "slot", "source"):
        raise AbiError(f"{where}: {text!r}: only a capability can be left out")
    return Decoded(match["name"], int(match["argument"]), match["kind"], bool(match["optional"]), rights)


def _operation(raw: dict, errors: dict) -> Operation:
    name = raw["name"]
    if raw.get("right") and raw["right"] not in RIGHTS:
        raise AbiError(f"operation {name}: no right is called {raw['right']!r}")
    if len(raw.get("in", [])) + 1 > MAX_ARGUMENTS or len(raw.get("out", [])) > MAX_ARGUMENTS:
        raise AbiError(f"operation {name}: more than {MAX_ARGUMENTS} registers")
    for error in raw.get("errors", []):
        if error not in errors:
            raise AbiError(f"operation {name}: no error is called {error}")
    if not 0 < raw["number"] < 1000:
        raise AbiError(f"operation {name}: number {raw['number']} is not in 1..999")
    return Operation(name, raw["number"], raw.get("cap"), raw.get("right"), raw.get("slots", False),
                     raw.get("in", []), raw.get("out", []), raw.get("page"), raw.get("errors", []),
                     raw.get("doc", "").strip(), [_decoded(f"operation {name}", text) for text in raw.get("decode", [])])


def _field(where: str, text: str) -> Field:
    parts = text.split()
    if len(parts) != 2 or parts[0] not in C_TYPES or not re.fullmatch(r"[a-z_][a-z0-9_]*", parts[1]):
        raise AbiError(f"{where}: field {text!r} is not 'type name'")
    return Field(C_TYPES[parts[0]], parts[1])


def _caps(where: str, value) -> tuple[int, bool]:
    """`n` is exactly n capabilities, "ncaps" up to MAX_CAPS: the struct's member ncaps says how many."""
    if value == "ncaps":
        return MAX_CAPS, True
    if not isinstance(value, int) or not 0 <= value <= MAX_CAPS:
        raise AbiError(f"{where}: capabilities {value!r} is neither 0..{MAX_CAPS} nor 'ncaps'")
    return value, False


def _side(where: str, raw: dict, prefix: str) -> Side:
    fields = [_field(where, text) for text in raw.get(prefix, [])]
    _unique(f"{where}: field", [field.name for field in fields])
    count, varies = _caps(where, raw.get(prefix + "_caps", 0))
    data_max = raw.get(prefix + "_data") or None
    if any(field.name in ("data_len", "ncaps") for field in fields):
        raise AbiError(f"{where}: data_len and ncaps are made by the generator")
    side = Side(fields, data_max, count, varies)
    if side.data_start * 8 + (data_max or 0) > MAX_WORDS * 8:
        raise AbiError(f"{where}: {data_max} bytes of data do not fit a message")
    return side


def _protocol(path: pathlib.Path) -> Protocol:
    raw = _read(path)
    name = raw.get("name", path.stem)
    operations = []
    for item in raw.get("op", []):
        where = f"{path.name}: {item.get('name')}"
        if not 0 < item["number"] < FIRST_RESERVED_OP:
            raise AbiError(f"{where}: number {item['number']} is not free for protocols")
        operations.append(ProtocolOperation(
            item["name"], item["number"], _side(where + " in", item, "in"), _side(where + " out", item, "out"),
            item.get("errors", []), item.get("undo", False), str(item.get("doc", "")).strip()))
    _unique(f"{path.name}: name", [operation.name for operation in operations])
    _unique(f"{path.name}: number", [operation.number for operation in operations])
    return Protocol(name, str(raw.get("doc", "")).strip(), operations, raw.get("constants", {}))


def _read(path: pathlib.Path) -> dict:
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise AbiError(f"{path.name}: {error}") from error


def load(folder: pathlib.Path) -> Abi:
    raw = _read(folder / "operations.toml")
    errors = {name: (value[0], value[1]) for name, value in raw["errors"].items()}
    operations = [_operation(item, errors) for item in raw["op"]]
    _unique("operation", [operation.name for operation in operations])
    _unique("operation number", [operation.number for operation in operations])
    library = raw.get("library", {})
    _unique("name", [operation.name for operation in operations] + list(library))
    protocols = [_protocol(path) for path in sorted((folder / "protocols").glob("*.toml"))]
    abi = Abi(errors, operations, protocols, library)
    if len(abi.entries) > MAX_ENTRIES:
        raise AbiError(f"{len(abi.entries)} kernel entries, {MAX_ENTRIES} are allowed: {', '.join(abi.entries)}")
    return abi


def interface(abi: Abi) -> list[str]:
    """A line for all that a program may rely on in each operation and error: what abi/version1.txt keeps."""
    lines = [f"error {name} {number}" for name, (number, _) in abi.errors.items()]
    for op in abi.operations:
        registers = [name or "-" for name in op.inputs], [name or "-" for name in op.outputs]
        through = f"{op.cap or 'nothing'}{' with ' + op.right if op.right else ''}"
        lines.append(f"{op.name} {op.number} through {through}: {', '.join(registers[0]) or '-'} -> {', '.join(registers[1]) or '-'}; "
                     f"{' '.join(op.results)}" + (f"; page {op.page}" if op.page else ""))
    return lines
