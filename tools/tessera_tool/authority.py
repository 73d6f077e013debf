# SPDX-License-Identifier: MIT OR Apache-2.0
"""The capability graph of a running system, from the text of /proc/tessera/authority (servers/vfs/proc_authority.c describes it).

A *domain* is whatever shares one capability space: a service, a Linux process, root. It *holds* what stands in the slots its capability
addresses reach: those of the CNodes in its root CNode. Objects get the names that the manifest and tessera/service.h give them.
"""
from __future__ import annotations

import dataclasses
import re
import tomllib

from .common import REPO, ToolError

TYPES = ("null", "untyped", "cnode", "endpoint", "reply", "notification", "thread", "sched_context", "vspace", "memory", "view", "irq",
         "ioport", "dmaspace", "clock", "console", "machine")
RIGHTS = {"read": 1, "write": 2, "execute": 4, "grant": 8, "revoke": 16}
ORIGIN, ANCHOR, DYING, EMBEDDED = 1, 2, 0x10, 0x80
THREAD_SLOTS = ("cspace", "vspace", "fault endpoint", "last-resort endpoint")
THREAD_SLOT_MASK = 127
LABEL_NATIVE = 1 << 63
MANIFEST = REPO / "system/base.toml"


@dataclasses.dataclass(eq=False)
class Cap:
    """One capability: where it lies, what it designates, what it may, and what it was derived from."""
    slot: int
    object: int
    depth: int
    type: str
    rights: int
    flags: int
    badge: int
    info: int
    parent: Cap | None = None

    @property
    def key(self) -> tuple:
        """The object it designates; sub-ranges of memory and of ports are objects of their own."""
        if self.type in ("untyped", "memory", "ioport", "irq"):
            return (self.type, self.badge, self.info)
        return (self.type, self.object)

    def ancestors(self):
        cap = self.parent
        while cap:
            yield cap
            cap = cap.parent


def rights_text(rights: int) -> str:
    return "".join(name[0] if name != "revoke" else "v" for name, bit in RIGHTS.items() if rights & bit) or "-"


@dataclasses.dataclass
class Domain:
    name: str
    root: int | None  # first slot of the root CNode
    threads: list[Cap]
    is_service: bool


@dataclasses.dataclass
class Held:
    """A capability in a domain: at an address of its capability space, or in one of its threads' own slots (address None)."""
    cap: Cap
    address: int | None
    place: str


def header_constants() -> dict[str, int]:
    """Numbers of the fixed slots, from the headers that define them."""
    found = {}
    for path in ("abi/include/tessera/types.h", "lib/tessera/include/tessera/service.h"):
        text = (REPO / path).read_text().replace("\\\n", " ")
        for name, value in re.findall(r"^#define\s+((?:SERVICE|ROOT)_\w+)\s+(0x[0-9a-fA-F]+|\d+)u?(?:ll)?\b", text, re.MULTILINE):
            found[name] = int(value, 0)
    return found


class Graph:
    """The capabilities of one dump, with holders and names."""

    def __init__(self, text: str, manifest: dict | None = None):
        self.manifest = manifest if manifest is not None else tomllib.loads(MANIFEST.read_text())
        self.services: dict[int, str] = {}
        self.processes: dict[tuple[int, int], str] = {}
        self.caps: list[Cap] = []
        self._parse(text)
        self.constants = header_constants()
        self._by_slot = {cap.slot: cap for cap in self.caps}
        self._cnodes = {cap.object: 1 << cap.badge for cap in self.caps if cap.type == "cnode"}
        self._threads = {cap.object: cap for cap in self.caps if cap.type == "thread" and cap.flags & ORIGIN}
        self.domains = self._find_domains()
        self.names: dict[tuple, str] = {}
        self._name_objects()

    # ---- reading ----

    def _parse(self, text: str) -> None:
        lines = text.replace("\r", "").split("\n")
        if "tessera-authority 1" not in lines:
            raise ToolError("this is no text of /proc/tessera/authority (version 1)")
        lines = lines[lines.index("tessera-authority 1") + 1:]
        line, path = "", []  # path: the last capability of each depth
        try:
            for line in filter(str.strip, lines):
                kind, *words = line.split()
                if kind == "end":
                    if int(words[0]) != len(self.caps):
                        raise ToolError(f"the dump has {len(self.caps)} capabilities and says {words[0]}")
                    return
                if kind == "service":
                    self.services[int(words[0])] = words[1]
                elif kind == "process":
                    self.processes[int(words[0]), int(words[1])] = f"{words[3]}[{words[2]}]"
                elif kind == "cap":
                    self._add(path, *(int(word, 16) for word in words))
        except (ValueError, IndexError, TypeError):
            raise ToolError(f"a line of the dump cannot be read: {line!r}") from None
        raise ToolError("the dump is not whole: it has no line `end`")

    def _add(self, path: list[Cap], slot, kept, depth, kind, rights, flags, badge, info) -> None:
        if not 1 <= depth <= len(path) + 1:
            raise ToolError(f"the capability in slot {slot:#x} has depth {depth} behind one of depth {len(path)}")
        cap = Cap(slot, kept, depth, TYPES[kind] if kind < len(TYPES) else "boot memory", rights, flags, badge, info, path[depth - 2] if depth > 1 else None)
        path[depth - 1:] = [cap]
        self.caps.append(cap)

    # ---- holders ----

    def label_name(self, label: int) -> str:
        if label == 0:
            return "root"
        if label & LABEL_NATIVE:
            return self.services.get(label & 0xffff, f"service {label & 0xffff}")
        return self.processes.get((label >> 16 & 0xffff, label >> 32), f"label {label:#x}")

    def _thread_slot(self, thread: Cap, which: int) -> Cap | None:
        cap = self._by_slot.get(thread.object + which)
        return cap if cap and cap.flags & EMBEDDED else None

    def _find_domains(self) -> dict[str, Domain]:
        found: dict[str, Domain] = {}
        for thread in self._threads.values():
            name, cspace = self.label_name(thread.badge), self._thread_slot(thread, 0)
            if thread.badge == 0 and thread.depth != 1:
                continue  # made, and not yet given to anybody
            domain = found.setdefault(name, Domain(name, None, [], bool(thread.badge & LABEL_NATIVE) or thread.badge == 0))
            domain.threads.append(thread)
            if cspace:
                domain.root = cspace.object
        return found

    def contents(self, cnode: int):
        """(index, capability) of what stands in the CNode whose slots begin there."""
        for index in range(self._cnodes.get(cnode, 0)):
            if cap := self._by_slot.get(cnode + index):
                yield index, cap

    def leaves(self, domain: Domain) -> list[Cap]:
        """The CNodes in its root CNode."""
        return [cap for _, cap in self.contents(domain.root) if cap.type == "cnode"] if domain.root else []

    def held(self, domain: Domain) -> list[Held]:
        """What the domain can name: by address, and in its threads' own slots."""
        result = []
        for leaf in self.leaves(domain):
            upper = leaf.slot - domain.root << 8
            result += [Held(cap, upper | lower, f"{upper | lower:#x}") for lower, cap in self.contents(leaf.object) if lower < 256]
        for thread in domain.threads:
            embedded = [(which, self._thread_slot(thread, which)) for which in range(len(THREAD_SLOTS))]
            result += [Held(cap, None, f"its thread's {THREAD_SLOTS[which]}") for which, cap in embedded if cap]
        return result

    def at(self, domain: Domain, address: int) -> Cap | None:
        """The capability at an address of a domain's capability space."""
        leaf = self._by_slot.get(domain.root + (address >> 8)) if domain.root else None
        return self._by_slot.get(leaf.object + (address & 0xff)) if leaf and leaf.type == "cnode" else None

    def views(self, domain: Domain) -> list[Cap]:
        """The Views of its address space: what it may access without holding it."""
        spaces = {space.object for thread in domain.threads if (space := self._thread_slot(thread, 1))}
        return [cap for cap in self.caps if cap.type == "view" and cap.object in spaces]

    # ---- names ----

    def _name(self, cap: Cap | None, name: str) -> None:
        if cap and cap.type != "null":
            self.names.setdefault(cap.key, name)

    def _name_objects(self) -> None:
        for name, domain in self.domains.items():
            if domain.is_service and name != "root":
                self._name_own(domain)
                self._name_granted(domain)
        root = self.domains.get("root")
        for name in ("cnode", "vspace", "thread", "archive") if root else ():
            self._name(self.at(root, self.constants[f"ROOT_CAP_{name.upper()}"]), f"root.{name}" if name != "archive" else "region archive")
        for name, domain in self.domains.items():
            for which, what in ((0, "cspace"), (1, "vspace")):
                self._name(self._thread_slot(domain.threads[0], which), f"{name}.{what}")

    def _name_own(self, domain: Domain) -> None:
        for what in ("cnode", "vspace", "thread", "leaf", "endpoint", "notification", "untyped"):
            self._name(self.at(domain, self.constants[f"SERVICE_CAP_{what.upper()}"]), f"{domain.name}.{what}")
        self._name(self.at(domain, self.constants["SERVICE_CAP_LOG"]), "root.endpoint")

    def granted(self, domain: Domain) -> list[tuple[str, Cap]]:
        """(name, capability) of what root put into a service's leaf because the manifest says so, in the order in which root does it."""
        service = self.manifest["service"].get(domain.name, {})
        names = [name for section in ("endpoints", "notify", "irq", "ioports") for name in service.get(section, {})]
        regions = list(service.get("memory", {}))
        first = self.constants["SERVICE_CAP_FIRST"]
        memories = 0
        while (cap := self.at(domain, first + len(names) + memories)) and cap.type == "memory":
            memories += 1
        for region in regions:  # all RAM that was left may be several Memories
            count = memories - len(regions) + 1 if self.manifest["region"][region]["size"] == "rest" else 1
            names += [f"region {region}"] * count
        names += [name for name in ("machine", "clock") if name in service]
        return [(name, cap) for index, name in enumerate(names) if (cap := self.at(domain, first + index))]

    def mapped(self, domain: Domain) -> list[tuple[str, Cap]]:
        """(region, View) of what root mapped into a service because the manifest says so: at rising addresses, in the manifest's order."""
        views = sorted((view for view in self.views(domain) if view.badge >= self.constants["SERVICE_REGION_VA"]), key=lambda view: view.badge)
        return list(zip(self.manifest["service"].get(domain.name, {}).get("regions", {}), views))

    def own_memory(self, domain: Domain) -> set[tuple]:
        """Keys of the Memories that image, heap and stack of a service lie in: mapped from address 0 on, and by nobody else but root."""
        mine = {view.parent.key for view in self.views(domain) if view.badge == 0 and view.parent and view.parent.depth == 3}
        others = {view.parent.key for other in self.domains.values() if other.name not in ("root", domain.name) for view in self.views(other) if view.parent}
        return mine - others

    def _name_granted(self, domain: Domain) -> None:
        for name, cap in self.granted(domain):
            if cap.type == "memory":
                self._name(cap, name)
        for region, view in self.mapped(domain):
            self._name(view.parent, f"region {region}")
        for view in self.views(domain):
            if view.parent and view.parent.key in self.own_memory(domain):
                self._name(view.parent, f"{domain.name}.memory")

    def _plain_name(self, cap: Cap) -> str:
        match cap.type:
            case "irq":
                return f"irq {cap.badge}"
            case "ioport":
                return f"ports {cap.badge:#x}+{cap.info}"
            case "memory":
                return f"memory {cap.badge << 12:#x}+{cap.info << 12:#x}"
            case "untyped":
                return f"untyped {cap.badge:#x}+{cap.info:#x}"
            case "view":
                return f"view of {self.name(cap.parent) if cap.parent else '?'} in {self.names.get(('vspace', cap.object), 'a space')}"
            case "clock" | "console" | "machine":
                return cap.type
            case "thread":
                return f"{self.label_name(cap.badge)}.thread"
        return f"{cap.type} {cap.object:#x}"

    def name(self, cap: Cap) -> str:
        return self.names.get(cap.key) or self._plain_name(cap)
