# SPDX-License-Identifier: MIT OR Apache-2.0
"""Queries on a capability graph: a small system written down here, asked, and broken in every way that must be noticed."""
import argparse
import xml.etree.ElementTree as ElementTree

import pytest
from tessera_tool import authority, authority_command, authority_draw, authority_query
from tessera_tool.authority import RIGHTS
from tessera_tool.common import ToolError

R, W, X, G, V = RIGHTS.values()
ALL, SEND = R | W | X | G | V, W | G
TYPE = {name: number for number, name in enumerate(authority.TYPES)}
NATIVE = authority.LABEL_NATIVE
MANIFEST = {
    "region": {"shared": {"size": "4K"}, "ram": {"size": "rest"}},
    "service": {
        "fs": {"calls": [], "memory": {"ram": ["read", "write"]}, "regions": {"shared": "rw"}},
        "driver": {"calls": ["fs"], "endpoints": {"fs": {"service": "fs", "badge": 5}}, "irq": {"line": 4}, "ioports": {"port": [0x3f8, 8]},
                   "regions": {"shared": "ro"}},
    },
}


class System:
    """A tree of capabilities that are written out in pre-order. Slots are named (CNode, index), or (Thread, index) for a Thread's own."""

    def __init__(self):
        self.bases = {"kernel": 0x10}
        self.top, self.children, self.rows = [], {}, {}

    def add(self, parent, place, kind, thing, rights, flags=0, badge=0, info=0):
        """parent: the place of the capability it is derived from, None at the top."""
        self.rows[place] = [TYPE[kind], rights, flags, badge, info, thing]
        (self.children.setdefault(parent, []) if parent else self.top).append(place)
        return place

    def origin(self, parent, place, kind, thing, badge=0, info=0):
        return self.add(parent, place, kind, thing, ALL, authority.ORIGIN, badge, info)

    def widen(self, place, rights):
        self.rows[place][1] |= rights

    def text(self):
        lines = ["tessera-authority 1", "service 1 fs", "service 2 driver", "process 3 9 20 sh"]

        def write(place, depth):
            kind, rights, flags, badge, info, thing = self.rows[place]
            values = (self.bases[place[0]] + place[1], thing, depth, kind, rights, flags, badge, info)
            lines.append("cap " + " ".join(f"{value:x}" for value in values))
            for child in self.children.get(place, []):
                write(child, depth + 1)

        for place in self.top:
            write(place, 1)
        return "\n".join([*lines, f"end {len(self.rows)}", ""])

    def graph(self, manifest=None):
        return authority.Graph(self.text(), manifest or MANIFEST)

    # ---- what root makes ----

    def domain(self, parent, name, base, label):
        """CSpace of one leaf, Thread and address space: objects base, + 0x100, + 0x200, + 0x300; the slots they are made in are root's."""
        self.bases |= {name: base, f"{name} leaf": base + 0x100, f"{name} thread": base + 0x200}
        at = ("kernel", 0x10 * len(self.bases))
        cnode = self.origin(parent, at, "cnode", base, badge=8)
        leaf = self.origin(parent, (at[0], at[1] + 1), "cnode", base + 0x100, badge=8)
        thread = self.origin(parent, (at[0], at[1] + 2), "thread", base + 0x200, badge=label)
        space = self.origin(parent, (at[0], at[1] + 3), "vspace", base + 0x300)
        self.add(leaf, (name, 0), "cnode", base + 0x100, ALL, badge=8)
        for index, source, kind in ((1, cnode, "cnode"), (2, space, "vspace"), (3, thread, "thread"), (4, leaf, "cnode")):
            badge = {"cnode": 8, "thread": label}.get(kind, 0)
            self.add(source, (f"{name} leaf", index), kind, self.rows[source][5], R | W, badge=badge)
        self.add(cnode, (f"{name} thread", 0), "cnode", base, ALL, authority.EMBEDDED, badge=8)
        self.add(space, (f"{name} thread", 1), "vspace", base + 0x300, ALL, authority.EMBEDDED)
        return thread

    def service(self, parent, name, base, number):
        self.domain(parent, name, base, NATIVE | number)
        endpoint = self.origin(parent, ("root leaf", 40 + number), "endpoint", base + 0x400)
        notification = self.origin(parent, ("root leaf", 50 + number), "notification", base + 0x440)
        self.add(endpoint, (f"{name} leaf", 6), "endpoint", base + 0x400, ALL)
        self.add(notification, (f"{name} leaf", 7), "notification", base + 0x440, R | W)
        control = self.add(("root leaf", 9), ("root leaf", 60 + number), "endpoint", 0xa00, SEND, badge=number)
        self.add(control, (f"{name} leaf", 5), "endpoint", 0xa00, SEND, badge=number)

    def memory(self, parent, index, frame):
        return self.origin(parent, ("root leaf", index), "memory", 0, badge=frame, info=1)

    def view(self, memory, index, space, rights, window):
        return self.add(memory, ("root leaf", index), "view", space, rights, authority.ORIGIN, badge=window, info=1)


@pytest.fixture
def system():
    """Exactly what the manifest says."""
    made = System()
    made.domain(None, "root", 0x500, 0)
    machine = made.origin(None, ("root leaf", 6), "machine", 0)
    line = made.origin(machine, ("root leaf", 20), "irq", 0, badge=4)
    port = made.origin(machine, ("root leaf", 21), "ioport", 0, badge=0x3f8, info=8)
    boot = made.origin(None, ("kernel", 5), "untyped", 0, badge=1, info=1)
    ram = made.origin(boot, ("root leaf", 16), "untyped", 0, badge=0x1000, info=0x100000)
    made.origin(ram, ("root leaf", 9), "endpoint", 0xa00)
    made.service(ram, "fs", 0x1000, 1)
    made.service(ram, "driver", 0x2000, 2)
    shared, rest, more = made.memory(ram, 30, 0x10), made.memory(ram, 31, 0x100), made.memory(ram, 32, 0x200)
    made.view(shared, 100, 0x1300, R | W, 0x40000000)
    made.view(shared, 101, 0x2300, R, 0x40000000)
    made.view(made.memory(ram, 33, 0x20), 102, 0x1300, R | W | X, 0)
    made.view(made.memory(ram, 34, 0x30), 103, 0x2300, R | W | X, 0)
    made.add(rest, ("fs leaf", 16), "memory", 0, R | W, badge=0x100, info=1)
    made.add(more, ("fs leaf", 17), "memory", 0, R | W, badge=0x200, info=1)
    made.add(("root leaf", 41), ("driver leaf", 16), "endpoint", 0x1400, SEND, badge=5)
    made.add(line, ("driver leaf", 17), "irq", 0, R | W, badge=4)
    made.add(port, ("driver leaf", 18), "ioport", 0, R | W, badge=0x3f8, info=8)
    return made


def test_nothing_beyond_the_manifest(system):
    assert authority_query.check(system.graph()) == []


def faults(system, manifest=None):
    return authority_query.check(system.graph(manifest))


def test_a_capability_too_much(system):
    system.add(("root leaf", 6), ("driver leaf", 30), "machine", 0, R)
    assert faults(system) == ["driver holds machine (r) at 0x1e, which the manifest does not give it"]


def test_a_right_too_much(system):
    system.widen(("driver leaf", 16), R)
    assert faults(system) == ["driver holds fs.endpoint (rwg) at 0x10, where the manifest gives wg"]


def test_another_object(system):
    system.rows["driver leaf", 17][3] = 5
    assert "driver holds irq 5 (rw) at 0x11, where the manifest has irq 4" in faults(system)


def test_a_mapping_with_more_rights(system):
    system.widen(("root leaf", 101), W)
    assert faults(system) == ["driver maps region shared (rw) at 0x40000000, where the manifest says ro"]


def test_a_mapping_too_much(system):
    system.view(("root leaf", 31), 120, 0x2300, R, 0x50000000)
    assert faults(system) == ["driver maps region ram (r) at 0x50000000, which the manifest does not give it"]


def test_memory_that_another_service_has(system):
    system.view(("root leaf", 33), 121, 0x2300, R, 0)
    assert any(fault.startswith("driver maps") for fault in faults(system))


def test_an_endpoint_that_is_not_called(system):
    system.add(("root leaf", 42), ("fs leaf", 30), "endpoint", 0x2400, SEND)
    assert faults(system) == ["fs holds driver.endpoint (wg) at 0x1e, which the manifest does not give it"]


def test_what_a_called_service_hands_over_is_its_own_affair(system):
    system.add(("fs leaf", 6), ("driver leaf", 30), "endpoint", 0x1400, SEND, badge=0x77)
    assert faults(system) == []
    system.add(("driver leaf", 6), ("driver leaf", 31), "endpoint", 0x2400, SEND, badge=0x78)
    assert faults(system) == []


def test_a_device_is_never_handed_on(system):
    system.add(("driver leaf", 17), ("driver leaf", 30), "irq", 0, R, badge=4)
    assert faults(system) == ["driver holds irq 4 (r) at 0x1e, which the manifest does not give it"]


def test_roots_endpoint_with_another_services_number(system):
    system.rows["driver leaf", 5][3] = 1
    assert faults(system) == ["driver holds root.endpoint (wg) at 0x5, which the manifest does not give it"]


def test_a_service_that_does_not_run(system):
    manifest = {**MANIFEST, "service": {**MANIFEST["service"], "net": {"calls": []}}}
    assert faults(system, manifest) == ["service net of the manifest has no thread"]


def test_a_service_the_manifest_does_not_have(system):
    manifest = {**MANIFEST, "service": {"fs": MANIFEST["service"]["fs"]}}
    assert faults(system, manifest) == ["driver runs and does not stand in the manifest"]


def test_who_can(system):
    graph = system.graph()

    def rows(name):
        return {(access.domain, authority.rights_text(access.cap.rights), access.is_direct) for access in authority_query.who_can(graph, name)}

    assert rows("irq 4") == {("root", "rwegv", True), ("driver", "rw", True)}
    assert rows("fs") == {("root", "rwegv", True), ("fs", "rwegv", True), ("driver", "wg", True)}
    assert ("fs", "rw", True) in rows("shared") and ("driver", "r", True) in rows("region shared")
    assert rows("machine") == {("root", "rwegv", True)}


def test_who_can_through_others(system):
    assert not any(access.domain == "fs" for access in authority_query.who_can(system.graph(), "irq 4"))
    system.add(("driver leaf", 3), ("fs leaf", 40), "thread", 0x2200, W, badge=NATIVE | 2)
    found = [access for access in authority_query.who_can(system.graph(), "irq 4") if access.domain == "fs"]
    assert [(access.how, access.is_direct) for access in found] == [("through driver.thread", False)]
    system.rows["fs leaf", 40][1] = R  # a Thread that may only be read gives nothing
    assert not any(access.domain == "fs" for access in authority_query.who_can(system.graph(), "irq 4"))


def test_reach_through_a_cnode(system):
    system.add(("driver", 0), ("fs leaf", 40), "cnode", 0x2100, R, badge=8)
    ways = {access.how for access in authority_query.who_can(system.graph(), "irq 4") if access.domain == "fs"}
    assert ways == {"through driver.leaf"}
    system.rows["fs leaf", 40][1] = W
    assert not any(access.domain == "fs" for access in authority_query.who_can(system.graph(), "irq 4"))


def test_taking_back(system):
    graph = system.graph()
    assert authority_query.may_take_back(graph, graph.domains["fs"]) == {}
    system.add(("fs leaf", 6), ("driver leaf", 30), "endpoint", 0x1400, SEND, badge=0x77)
    graph = system.graph()
    assert authority_query.may_take_back(graph, graph.domains["fs"]) == {"driver": 1}


def test_names_that_mean_nothing(system):
    with pytest.raises(ToolError, match="no object is called 'disk'"):
        authority_query.who_can(system.graph(), "disk")
    with pytest.raises(ToolError, match="there are: .*fs.endpoint"):
        authority_query.who_can(system.graph(), "endpoint")


@pytest.mark.parametrize("change, message", [
    (lambda text: text.replace("tessera-authority 1", "tessera-authority 2"), "no text of"),
    (lambda text: text[:text.index("end ")], "not whole"),
    (lambda text: text.replace("cap ", "cap x ", 1), "cannot be read"),
    (lambda text: text.replace("end ", "end 1"), "capabilities and says"),
    (lambda text: text.replace("\ncap ", "\ncap 77 0 5 3 1f 0 0 0\ncap ", 1), "has depth 5"),
])
def test_dumps_that_are_refused(system, change, message):
    with pytest.raises(ToolError, match=message):
        authority.Graph(change(system.text()), MANIFEST)


def test_console_noise_around_the_dump_is_ignored(system):
    text = "welcome\r\n" + system.text().replace("\n", "\r\n") + "$ exit\r\n"
    assert len(authority.Graph(text, MANIFEST).caps) == len(system.rows)


def test_linux_processes_have_their_names(system):
    system.domain(("root leaf", 16), "sh", 0x3000, 9 << 32 | 3 << 16 | 7)
    assert "sh[20]" in system.graph().domains


def test_drawings(system):
    graph = system.graph()
    text = authority_draw.dot(graph)
    assert '"holder driver" -> "irq 4" [label="rw", style=solid' in text
    assert '"holder driver" -> "region shared" [label="r", style=dashed' in text
    assert text.count("{") == text.count("}")
    for drawing in (authority_draw.svg(graph), authority_draw.tree_svg(graph)):
        root = ElementTree.fromstring(drawing)
        words = " ".join(element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text"))
        assert "irq 4" in words and "region shared" in words
    assert authority_draw.tree_dot(graph).count("->") == sum(cap.parent is not None for cap in graph.caps)


def test_commands_on_a_saved_dump(system, tmp_path, capsys, monkeypatch):
    dump = tmp_path / "dump"
    dump.write_text(system.text())
    monkeypatch.setattr(authority, "Graph", lambda text, graph=authority.Graph: graph(text, MANIFEST))
    common = {"dump": dump, "save": None, "run": "", "no_build": True}
    assert authority_command.check(argparse.Namespace(**common)) == 0
    assert authority_command.reach(argparse.Namespace(**common, service="driver")) == 0
    assert authority_command.who_can(argparse.Namespace(**common, object="irq 4")) == 0
    out = capsys.readouterr().out
    assert "no service holds more" in out and "driver holds" in out and "driver       irq 4" in out
    with pytest.raises(ToolError, match="nobody is called 'net'"):
        authority_command.reach(argparse.Namespace(**common, service="net"))
    svg = tmp_path / "graph.svg"
    assert authority_command.graph(argparse.Namespace(**common, format=None, all=False, output=svg)) == 0
    ElementTree.parse(svg)
    system.widen(("driver leaf", 16), R)
    dump.write_text(system.text())
    assert authority_command.check(argparse.Namespace(**common)) == 1
