#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes from linux/syscalls.toml what is derived from it.

    gen_syscalls.py syscalls.toml prototypes  lx/sys.h        prototypes of the handlers
    gen_syscalls.py syscalls.toml table       table.S         the two dispatch tables (32-bit offsets, no relocations)
    gen_syscalls.py syscalls.toml info        info.c          names and kinds of arguments for --strace
    gen_syscalls.py syscalls.toml names       linux_names.c   the names alone, for the services' logs
    gen_syscalls.py syscalls.toml rows        linux_calls.h   rows for a test of all implemented calls (tests/twin/c/wild_pointers.c)
    gen_syscalls.py syscalls.toml docs        linux-syscalls.md

An entry: name = { nr, status = "full" | "partial" | "not yet", args = "name:kind ...", fast, handler, entry, reason, test }.
fast: a path of entry.S without a C call; entry: one that leads to the handler.
Calls with status "not yet" have no handler unless one is named; then they are answered ENOSYS and counted.
Kinds: fd dirfd int (32-bit signed), uint flags mode (32-bit), long off (64-bit signed), size ptr word (64-bit), path (a
string), data (bytes; the next argument is their count).
"""
import sys
import tomllib

KINDS = {
    "fd": ("int32_t", "d"), "dirfd": ("int32_t", "D"), "int": ("int32_t", "d"), "uint": ("uint32_t", "u"),
    "flags": ("uint32_t", "x"), "mode": ("uint32_t", "o"), "long": ("int64_t", "l"), "off": ("int64_t", "l"),
    "size": ("uint64_t", "l"), "ptr": ("uint64_t", "p"), "word": ("uint64_t", "p"), "path": ("uint64_t", "s"),
    "data": ("uint64_t", "w"),
}
STATUS = ("full", "partial", "not yet")
FIRST_LINE = "SPDX-License-Identifier: MIT OR Apache-2.0"
MADE = "Made by linux/tools/gen_syscalls.py from linux/syscalls.toml: do not edit."


def arguments(call: dict) -> list[tuple[str, str]]:
    pairs = [item.split(":") for item in call.get("args", "").split()]
    return [(name, kind) for name, kind in pairs]


def load(path: str) -> dict[str, dict]:
    with open(path, "rb") as file:
        calls = tomllib.load(file)["call"]
    seen: dict[int, str] = {}
    for name, call in calls.items():
        if call["status"] not in STATUS or call["nr"] in seen:
            raise SystemExit(f"syscalls.toml: {name}: bad status or number {call['nr']} twice")
        if call["status"] == "partial" and "reason" not in call:
            raise SystemExit(f"syscalls.toml: {name}: partial without a reason")
        seen[call["nr"]] = name
        implemented = call["status"] != "not yet"
        call["handler"] = call.get("handler", f"sys_{name}" if implemented else "sys_unimplemented")
    return dict(sorted(calls.items(), key=lambda item: item[1]["nr"]))


def prototypes(calls: dict) -> str:
    lines = [f"/* {FIRST_LINE} */", f"/* Handlers of the system calls. {MADE} */", "#pragma once", "", "#include <stdint.h>", "",
             "long sys_unimplemented(void);"]
    done = {"sys_unimplemented"}
    for call in calls.values():
        if call["handler"] in done:
            continue
        done.add(call["handler"])
        parameters = ", ".join(f"{KINDS[kind][0]} {name}" for name, kind in arguments(call))
        lines.append(f"long {call['handler']}({parameters or 'void'});")
    return "\n".join(lines) + "\n"


def table(calls: dict) -> str:
    by_number = {call["nr"]: call for call in calls.values()}
    count = max(by_number) + 1
    lines = [f"/* {FIRST_LINE} */", f"/* {MADE} */", '\t.section .rodata.table, "a"', "\t.balign 4",
             "\t.globl lx_table, lx_fast_table, lx_table_count", f"\t.set lx_table_count, {count}", "lx_table:"]
    for n in range(count):
        call = by_number.get(n, {})
        lines.append(f"\t.long {call.get('entry', call.get('handler', 'sys_unimplemented'))} - lx_table")
    lines.append("lx_fast_table:")
    lines += [f"\t.long {by_number.get(n, {}).get('fast', 'lx_slow')} - lx_fast_table" for n in range(count)]
    return "\n".join(lines) + "\n"


def info(calls: dict) -> str:
    lines = [f"/* {FIRST_LINE} */", f"/* {MADE} */", '#include "lx/table.h"', "",
             f"const uint32_t lx_call_count = {max(call['nr'] for call in calls.values()) + 1};", "",
             "const struct lx_call_info lx_call_info[] = {"]
    for name, call in calls.items():
        kinds = "".join(KINDS[kind][1] for _, kind in arguments(call))
        lines.append(f'\t[{call["nr"]}] = {{"{name[:23]}", "{kinds}"}},')
    return "\n".join(lines + ["};"]) + "\n"


def names(calls: dict) -> str:
    rows = "\n".join(f'\t[{call["nr"]}] = "{name}",' for name, call in calls.items())
    return f"""/* {FIRST_LINE} */
/* {MADE} */
#include <linux_names.h>

static const char *const names[] = {{
{rows}
}};

const char *linux_call_name(uint32_t number)
{{
	return number < sizeof(names) / sizeof(names[0]) && names[number] != 0 ? names[number] : "?";
}}
"""


def rows(calls: dict) -> str:
    """CALL(name, number, "argument:kind ...") for each implemented call."""
    lines = [f"/* {FIRST_LINE} */", f"/* {MADE} */"]
    lines += [f'CALL({name}, {call["nr"]}, "{call.get("args", "")}")' for name, call in calls.items() if call["status"] != "not yet"]
    return "\n".join(lines) + "\n"


def docs(calls: dict) -> str:
    counts = {status: sum(call["status"] == status for call in calls.values()) for status in STATUS}
    lines = ["# Linux system calls", "", "Made from the personality's own table, `linux/syscalls.toml`. A call that is not yet there returns `ENOSYS` and is counted",
             "by name.", "", ", ".join(f"{status}: {count}" for status, count in counts.items()) + ".", "",
             "| number | name | status | what is missing | test |", "| ---: | --- | --- | --- | --- |"]
    for name, call in calls.items():
        lines.append(f"| {call['nr']} | `{name}` | {call['status']} | {call.get('reason', '')} | {call.get('test', '')} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    makers = {"prototypes": prototypes, "table": table, "info": info, "names": names, "rows": rows, "docs": docs}
    source, what, out = sys.argv[1:4]
    text = makers[what](load(source))
    with open(out, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
