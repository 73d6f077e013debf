# SPDX-License-Identifier: MIT OR Apache-2.0
"""Questions to the capability graph: who can do what to an object, what a domain reaches, and whether a service holds more than its manifest says."""
from __future__ import annotations

import collections
import dataclasses

from .authority import RIGHTS, Cap, Domain, Graph, rights_text
from .common import ToolError

READ, WRITE = RIGHTS["read"], RIGHTS["write"]
MAP_RIGHTS = {"ro": READ, "rw": READ | WRITE}
ONLY_GRANTED = {"irq", "ioport", "dmaspace", "clock", "console", "machine"}
BADGE_SERVICE = 0xff  # of root's endpoint: the service's number (servers/root/root.h)


@dataclasses.dataclass
class Access:
    """One way in which a domain has, or can get, a capability."""
    domain: str
    cap: Cap
    how: str  # where it stands, or through what it can be had
    is_direct: bool


def accesses(graph: Graph, domain: Domain) -> list[Access]:
    """What a domain holds; then what it can take out of CNodes it may read, or do as a Thread it may write; and so on from there."""
    found = [Access(domain.name, held.cap, held.place, True) for held in graph.held(domain)]
    found += [Access(domain.name, view, f"mapped at {view.badge:#x}", True) for view in graph.views(domain)]
    seen = {access.cap.slot for access in found} | {leaf.slot for leaf in graph.leaves(domain)}
    by_thread = {thread.object: other for other in graph.domains.values() for thread in other.threads}
    for access in found:  # grows on the way; ends: each slot is added once
        cap, more = access.cap, []
        if cap.type == "cnode" and cap.rights & READ:
            more = [entry for _, entry in graph.contents(cap.object)]
        elif cap.type == "thread" and cap.rights & WRITE and cap.object in by_thread:
            more = [held.cap for held in graph.held(by_thread[cap.object]) if held.address is not None]
        for entry in more:
            if entry.slot not in seen:
                seen.add(entry.slot)
                way = graph.name(cap) if access.is_direct else f"{access.how.removeprefix('through ')}, {graph.name(cap)}"
                found.append(Access(domain.name, entry, f"through {way}", False))
    return found


def find_object(graph: Graph, wanted: str) -> set[tuple]:
    """Keys of the objects that a name means: the whole name, a service's endpoint, or the one name that begins so."""
    names = collections.defaultdict(set)
    for cap in graph.caps:
        if cap.type not in ("view", "null"):
            names[graph.name(cap)].add(cap.key)
    for name in (wanted, f"{wanted}.endpoint", f"region {wanted}"):
        if name in names:
            return names[name]
    alike = sorted(name for name in names if wanted in name)
    if len(alike) == 1:
        return names[alike[0]]
    raise ToolError(f"no object is called {wanted!r}" + (f"; there are: {', '.join(alike[:20])}" if alike else ""))


def who_can(graph: Graph, wanted: str) -> list[Access]:
    keys = find_object(graph, wanted)

    def concerns(cap: Cap) -> bool:
        return cap.key in keys or (cap.type == "view" and cap.parent is not None and cap.parent.key in keys)

    return [access for domain in graph.domains.values() for access in accesses(graph, domain)
            if concerns(access.cap) and (access.is_direct or domain.name != "root")]  # root can get everything


def may_take_back(graph: Graph, domain: Domain) -> dict[str, int]:
    """How many capabilities of which others are derived from what the domain holds: deleting or revoking that takes them."""
    mine = {held.cap for held in graph.held(domain) if held.address is not None}
    counts: collections.Counter = collections.Counter()
    for other in graph.domains.values():
        if other.name != domain.name:
            counts[other.name] += sum(1 for held in graph.held(other) if any(up in mine for up in held.cap.ancestors()))
    return {name: count for name, count in counts.items() if count}


# ---- against the manifest ----

class Check:
    """What each service holds beyond its manifest, as sentences."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.calls = {name: set(raw.get("calls", [])) for name, raw in graph.manifest["service"].items()}
        self.holders: dict[int, str] = {}
        for domain in graph.domains.values():
            for held in graph.held(domain):
                if domain.name != "root":
                    self.holders.setdefault(held.cap.slot, domain.name)

    def faults(self) -> list[str]:
        result = [f"service {name} of the manifest has no thread" for name in self.graph.manifest["service"] if name not in self.graph.domains]
        for domain in self.graph.domains.values():
            if domain.is_service and domain.name != "root":
                result += self._service(domain)
        return result

    def _service(self, domain: Domain) -> list[str]:
        graph, raw = self.graph, self.graph.manifest["service"].get(domain.name)
        if raw is None:
            return [f"{domain.name} runs and does not stand in the manifest"]
        granted = {cap.slot: name for name, cap in graph.granted(domain)}
        faults = []
        for held in graph.held(domain):
            if held.cap.slot in granted:
                fault = self._granted(raw, granted[held.cap.slot], held.cap)
            elif self._is_own(domain, held.cap) or self._is_waiter(raw, held.address) or self._is_derived(domain, held.cap):
                fault = None
            else:
                fault = "which the manifest does not give it"
            if fault:
                faults.append(f"{domain.name} holds {graph.name(held.cap)} ({rights_text(held.cap.rights)}) at {held.place}, {fault}")
        return faults + self._views(domain, raw)

    def _granted(self, raw: dict, name: str, cap: Cap) -> str | None:
        """What is wrong with a capability that stands where root puts the one of that name."""
        object_name, allowed = self._expected(raw, name)
        if self.graph.name(cap) != object_name:
            return f"where the manifest has {object_name}"
        if cap.rights & ~allowed:
            return f"where the manifest gives {rights_text(allowed)}"
        return None

    def _expected(self, raw: dict, name: str) -> tuple[str, int]:
        """(object, rights) of a grant's name."""
        if name.startswith("region "):
            return name, sum(RIGHTS[right] for right in raw["memory"][name.removeprefix("region ")])
        if name in raw.get("endpoints", {}):
            return f"{raw['endpoints'][name]['service']}.endpoint", WRITE | RIGHTS["grant"]
        if name in raw.get("notify", {}):
            return f"{raw['notify'][name]}.notification", WRITE
        if name in raw.get("irq", {}):
            return f"irq {raw['irq'][name]}", READ | WRITE
        if name in raw.get("ioports", {}):
            first, count = raw["ioports"][name]
            return f"ports {first:#x}+{count}", READ | WRITE
        return name, sum(RIGHTS[right] for right in raw[name])

    def _is_own(self, domain: Domain, cap: Cap) -> bool:
        """What every service has: lib/tessera's service.h."""
        name = self.graph.name(cap)
        if name == "root.endpoint":
            return self.graph.services.get(cap.badge & BADGE_SERVICE) == domain.name
        return name in {f"{domain.name}.{what}" for what in ("cnode", "vspace", "thread", "leaf", "endpoint", "notification", "untyped")}

    def _is_waiter(self, raw: dict, address: int | None) -> bool:
        leaf = self.graph.constants["SERVICE_WAITERS_LEAF"]
        return "waiters" in raw and address is not None and leaf <= address >> 8 < leaf + 16

    def _is_derived(self, domain: Domain, cap: Cap) -> bool:
        """Made of something it holds, or handed over by a service that it calls or that calls it. Never so: devices and the machine."""
        if cap.type in ONLY_GRANTED:
            return False
        for up in cap.ancestors():
            holder = self.holders.get(up.slot)
            if holder == domain.name:
                return True
            if holder is not None and (holder in self.calls[domain.name] or domain.name in self.calls.get(holder, ())):
                return True
        return False

    def _views(self, domain: Domain, raw: dict) -> list[str]:
        graph, faults = self.graph, []
        regions = {view.slot: region for region, view in graph.mapped(domain)}
        own = graph.own_memory(domain)
        held = {held.cap for held in graph.held(domain)}
        for view in graph.views(domain):
            text = f"{domain.name} maps {graph.name(view.parent) if view.parent else '?'} ({rights_text(view.rights)}) at {view.badge:#x}"
            if view.slot in regions:
                if view.rights & ~MAP_RIGHTS[raw["regions"][regions[view.slot]]]:
                    faults.append(f"{text}, where the manifest says {raw['regions'][regions[view.slot]]}")
            elif view.parent.key not in own and not any(up in held for up in view.ancestors()):
                faults.append(f"{text}, which the manifest does not give it")
        return faults


def check(graph: Graph) -> list[str]:
    return Check(graph).faults()
