# SPDX-License-Identifier: MIT OR Apache-2.0
"""Draws the capability graph: who holds what over which object (two columns), or the whole derivation tree (one row a capability).

DOT for Graphviz; SVG by a layout of our own, so that nothing need be installed.
"""
from __future__ import annotations

import dataclasses
from xml.sax.saxutils import escape

from .authority import ORIGIN, Domain, Graph, rights_text

# What everybody has, or what would hide the rest; --all shows it.
PRIVATE = {"cnode", "vspace", "thread", "leaf", "cspace", "memory"}
ROW, FONT, TOP, MARGIN = 22, 13, 60, 20
LEFT_WIDTH, GAP, RIGHT_WIDTH, INDENT = 150, 420, 260, 22
COLOURS = {"endpoint": "#1f5fa8", "notification": "#2e8b57", "memory": "#8a5a00", "view": "#8a5a00", "untyped": "#777777"} | \
          dict.fromkeys(("irq", "ioport", "dmaspace", "clock", "console", "machine"), "#b00020")


@dataclasses.dataclass(frozen=True)
class Edge:
    holder: str
    object: str
    label: str
    type: str
    is_mapping: bool


def _is_shown(graph: Graph, name: str, kind: str) -> bool:
    if kind in ("view", "cnode", "thread", "vspace", "reply", "sched_context"):
        return False
    owner, _, what = name.rpartition(".")
    return not (owner in graph.domains and what in PRIVATE) and (kind not in ("memory", "untyped", "notification") or "." in name or name.startswith("region "))


def edges(graph: Graph) -> list[Edge]:
    """Each holder with each named object once, with all the rights it has there."""
    rights: dict[tuple, int] = {}
    for domain in graph.domains.values():
        for held in graph.held(domain):
            name = graph.name(held.cap)
            if held.address is not None and _is_shown(graph, name, held.cap.type):  # a fault endpoint is the kernel's to use
                key = (domain.name, name, held.cap.type, False)
                rights[key] = rights.get(key, 0) | held.cap.rights
        for view in graph.views(domain):
            name = graph.name(view.parent) if view.parent else "?"
            if _is_shown(graph, name, "memory"):
                key = (domain.name, name, "memory", True)
                rights[key] = rights.get(key, 0) | view.rights
    return sorted((Edge(holder, name, rights_text(value), kind, mapping) for (holder, name, kind, mapping), value in rights.items()),
                  key=lambda edge: (edge.holder, edge.object, edge.is_mapping))


def _colour(kind: str) -> str:
    return COLOURS.get(kind, "black")


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _ordered_domains(graph: Graph) -> list[Domain]:
    return sorted(graph.domains.values(), key=lambda domain: (domain.name != "root", not domain.is_service, domain.name))


def dot(graph: Graph) -> str:
    lines = ["digraph authority {", "\trankdir=LR; node [shape=ellipse, fontname=sans]; edge [fontname=sans, fontsize=10];"]
    lines += [f"\t{_quote('holder ' + domain.name)} [label={_quote(domain.name)}, shape=box, style={'bold' if domain.is_service else 'rounded'}];"
              for domain in _ordered_domains(graph)]
    for edge in edges(graph):
        style = "dashed" if edge.is_mapping else "solid"
        lines.append(f"\t{_quote('holder ' + edge.holder)} -> {_quote(edge.object)} [label={_quote(edge.label)}, style={style}, color={_quote(_colour(edge.type))}];")
    return "\n".join([*lines, "}", ""])


def tree_dot(graph: Graph) -> str:
    lines = ["digraph derivation {", "\trankdir=LR; node [shape=box, fontname=sans, fontsize=10];"]
    holders = _holders(graph)
    for cap in graph.caps:
        lines.append(f"\tc{cap.slot:x} [label={_quote(_tree_text(graph, cap, holders))}{', style=bold' if cap.flags & ORIGIN else ''}];")
        if cap.parent:
            lines.append(f"\tc{cap.parent.slot:x} -> c{cap.slot:x};")
    return "\n".join([*lines, "}", ""])


def _holders(graph: Graph) -> dict[int, list[str]]:
    """Where each slot lies, in words."""
    found: dict[int, list[str]] = {}
    for domain in graph.domains.values():
        for leaf in graph.leaves(domain):
            found.setdefault(leaf.slot, []).append(f"{domain.name}, leaf {leaf.slot - domain.root:#x}")
        for held in graph.held(domain):
            found.setdefault(held.cap.slot, []).append(f"{domain.name} {held.place}")
    return found


def _tree_text(graph: Graph, cap, holders: dict[int, list[str]]) -> str:
    badge = f" badge {cap.badge:#x}" if cap.type in ("endpoint", "notification") and cap.badge else ""
    return f"{graph.name(cap)} {rights_text(cap.rights)}{badge}  {'; '.join(holders.get(cap.slot, ['kernel' if cap.depth == 1 else 'in no capability space']))}"


# ---- SVG ----

def _svg(width: int, height: int, body: list[str]) -> str:
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
                      f'font-family="sans-serif" font-size="{FONT}">', f'<rect width="{width}" height="{height}" fill="white"/>', *body, "</svg>", ""])


def _text(x: float, y: float, text: str, extra: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {extra}>{escape(text)}</text>'


def _node(x: int, y: int, width: int, text: str, colour: str, is_round: bool) -> str:
    box = f'<rect x="{x}" y="{y - ROW + 5}" width="{width}" height="{ROW - 4}" rx="{9 if is_round else 2}" fill="white" stroke="{colour}"/>'
    return box + _text(x + 6, y - 1, text)


def _places(names: list[str], rows: int) -> dict[str, int]:
    """Rows of a column, spread over the whole height."""
    step = max(1.0, rows / max(1, len(names)))
    return {name: TOP + int((index + 0.5) * step * ROW) for index, name in enumerate(names)}


def svg(graph: Graph) -> str:
    drawn = edges(graph)
    holders = [domain.name for domain in _ordered_domains(graph)]
    kinds = {edge.object: edge.type for edge in drawn}
    objects = sorted(kinds, key=lambda name: (kinds[name], name))
    rows = max(len(holders), len(objects))
    left, right = _places(holders, rows), _places(objects, rows)
    x_right = MARGIN + LEFT_WIDTH + GAP
    body = [_text(MARGIN, 24, "Who holds what", 'font-weight="bold"'),
            _text(MARGIN, 42, "solid: capability, dashed: mapped; r read, w write, e execute, g grant, v revoke", 'font-size="11" fill="#555"')]
    seen: dict[str, int] = {}
    for edge in drawn:
        y1, y2, colour = left[edge.holder] - 5, right[edge.object] - 5, _colour(edge.type)
        x1, dash = MARGIN + LEFT_WIDTH, ' stroke-dasharray="5 4"' if edge.is_mapping else ""
        body.append(f'<path d="M {x1} {y1} C {x1 + GAP // 2} {y1} {x1 + GAP // 2} {y2} {x_right} {y2}" fill="none" stroke="{colour}" stroke-opacity="0.55"{dash}/>')
        position = seen[edge.object] = seen.get(edge.object, -1) + 1
        body.append(_text(x_right + RIGHT_WIDTH + 8 + position * 130, right[edge.object], f"{edge.holder} {edge.label}{' mapped' if edge.is_mapping else ''}",
                          f'font-size="10" fill="{colour}"'))
    body += [_node(MARGIN, left[name], LEFT_WIDTH, name, "black", not graph.domains[name].is_service) for name in holders]
    body += [_node(x_right, right[name], RIGHT_WIDTH, name, _colour(kinds[name]), True) for name in objects]
    width = x_right + RIGHT_WIDTH + 8 + 130 * (max(seen.values(), default=0) + 1) + MARGIN
    return _svg(width, TOP + (rows + 2) * ROW, body)


def tree_svg(graph: Graph) -> str:
    holders, body, last = _holders(graph), [], {}
    for row, cap in enumerate(graph.caps):
        x, y = MARGIN + cap.depth * INDENT, TOP + row * ROW
        last[cap.slot] = y
        if cap.parent:
            body.append(f'<path d="M {x - INDENT + 4} {last[cap.parent.slot] + 4} V {y - 5} H {x - 3}" fill="none" stroke="#aaa"/>')
        weight = ' font-weight="bold"' if cap.flags & ORIGIN else ""
        body.append(_text(x, y, _tree_text(graph, cap, holders), f'fill="{_colour(cap.type)}"{weight}'))
    return _svg(1200, TOP + (len(graph.caps) + 1) * ROW, [_text(MARGIN, 24, "Derivation: what was made of what, and where it lies", 'font-weight="bold"'), *body])
