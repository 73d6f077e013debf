# SPDX-License-Identifier: MIT OR Apache-2.0
"""./tessera graph, who-can, reach, authority-check: boot the system, or take a saved dump, and answer from its capability graph."""
from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys

from . import authority, authority_draw, authority_query
from .common import REPO, ToolError

BOOT_SECONDS = 240


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dump", type=pathlib.Path, metavar="FILE", help="answer from this text of /proc/tessera/authority instead of booting")
    parser.add_argument("--save", type=pathlib.Path, metavar="FILE", help="keep the text that was read")
    parser.add_argument("--run", default="", metavar="TEXT", help="shell commands to start first in the booted system, such as `sleep 100 &`")
    parser.add_argument("--no-build", action="store_true", help="take what is built already")


def add_commands(commands) -> None:
    command = commands.add_parser("graph", help="draw who holds what over which object in the running system")
    _common(command)
    command.add_argument("--format", choices=("svg", "dot"), help="default: by the name of the output, else dot")
    command.add_argument("--all", action="store_true", help="the whole derivation tree, capability by capability")
    command.add_argument("-o", "--output", type=pathlib.Path, metavar="FILE", help="default: standard output")
    command.set_defaults(action=graph)
    command = commands.add_parser("who-can", help="who can do what to an object, directly or through others")
    _common(command)
    command.add_argument("object", metavar="OBJECT", help="vfs.endpoint, region cache, irq 4, machine, ...; a service stands for its endpoint")
    command.set_defaults(action=who_can)
    command = commands.add_parser("reach", help="what a service or process holds, can get, and can take back")
    _common(command)
    command.add_argument("service", metavar="SERVICE", help="of the manifest, or a process as `name[pid]`")
    command.set_defaults(action=reach)
    command = commands.add_parser("authority-check", help="whether any service holds more than the manifest says")
    _common(command)
    command.set_defaults(action=check)


def _boot(args: argparse.Namespace) -> str:
    script = (args.run + "\n" if args.run else "") + "cat /proc/tessera/authority"
    command = [sys.executable, str(REPO / "tessera"), "run", *(["--no-build"] if args.no_build else []), "--timeout", str(BOOT_SECONDS), "--", "/bin/sh", "-c", script]
    result = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, errors="replace")
    if result.returncode != 0:
        raise ToolError("the system did not tell its capability graph")
    return result.stdout


def load(args: argparse.Namespace) -> authority.Graph:
    try:
        text = args.dump.read_text() if args.dump else _boot(args)
    except OSError as error:
        raise ToolError(f"--dump: {error}") from None
    if args.save:
        args.save.write_text(text)
    return authority.Graph(text)


def _domain(found: authority.Graph, name: str) -> authority.Domain:
    if name not in found.domains:
        raise ToolError(f"nobody is called {name!r}; there are: {', '.join(sorted(found.domains))}")
    return found.domains[name]


def graph(args: argparse.Namespace) -> int:
    found = load(args)
    kind = args.format or ("svg" if args.output and args.output.suffix == ".svg" else "dot")
    draw = {("svg", False): authority_draw.svg, ("svg", True): authority_draw.tree_svg, ("dot", False): authority_draw.dot,
            ("dot", True): authority_draw.tree_dot}[kind, args.all]
    if args.output:
        args.output.write_text(draw(found))
    else:
        sys.stdout.write(draw(found))
    return 0


def describe(found: authority.Graph, access: authority_query.Access) -> str:
    cap = access.cap
    badge = f"  badge {cap.badge:#x}" if cap.type in ("endpoint", "notification") and cap.badge else ""
    return f"{found.name(cap):32} {authority.rights_text(cap.rights):6} {access.how}{badge}"


def who_can(args: argparse.Namespace) -> int:
    found = load(args)
    for access in authority_query.who_can(found, args.object):
        print(f"{access.domain:12} {describe(found, access)}")
    return 0


def reach(args: argparse.Namespace) -> int:
    found = load(args)
    domain = _domain(found, args.service)
    for is_direct, title in ((True, "holds"), (False, "can get")):
        rows = [access for access in authority_query.accesses(found, domain) if access.is_direct == is_direct]
        print(f"{domain.name} {title}{'' if rows else ' nothing'}")
        for access in rows:
            print(f"  {describe(found, access)}")
    for name, count in authority_query.may_take_back(found, domain).items():
        print(f"{domain.name} can take back {count} capabilities of {name}")
    return 0


def check(args: argparse.Namespace) -> int:
    faults = authority_query.check(load(args))
    print("\n".join(faults) or "no service holds more than the manifest says")
    return 1 if faults else 0
