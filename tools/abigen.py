#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Generates code and reference pages from the descriptions in abi/.

    abigen.py ABI_DIR OUT_DIR [--target x86_64|host] [--docs DIR] [--interface FILE] [--depfile FILE --stamp FILE]

OUT_DIR receives tessera/{operations,names,invoke}.h, tessera/proto/*.h and kernel/{dispatch_table,result_table,fuzz_grammar}.inc,
kernel/handlers.h.  The target `host` gives invoke.h as plain prototypes, which unit tests define themselves.
Files whose text has not changed are not touched, so nothing is rebuilt for them.
"""
import argparse
import pathlib
import sys

from abigenerator import docs, kernel, model, operations, protocol, user


def write_if_changed(path: pathlib.Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def generate(abi: model.Abi, out: pathlib.Path, target: str) -> None:
    write_if_changed(out / "tessera/operations.h", operations.operations_header(abi))
    write_if_changed(out / "tessera/names.h", operations.names_header(abi))
    write_if_changed(out / "tessera/invoke.h", user.invoke_header(abi, target))
    write_if_changed(out / "kernel/dispatch_table.inc", kernel.dispatch_table(abi))
    write_if_changed(out / "kernel/decoders.inc", kernel.decoders(abi))
    write_if_changed(out / "kernel/result_table.inc", kernel.result_table(abi))
    write_if_changed(out / "kernel/fuzz_grammar.inc", kernel.fuzz_grammar(abi))
    write_if_changed(out / "kernel/handlers.h", kernel.handlers_header(abi))
    for proto in abi.protocols:
        write_if_changed(out / f"tessera/proto/{proto.name}.h", protocol.client_header(proto))
        write_if_changed(out / f"tessera/proto/{proto.name}_server.h", protocol.server_header(proto))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("abi", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--target", choices=("x86_64", "host"), default="x86_64")
    parser.add_argument("--docs", type=pathlib.Path)
    parser.add_argument("--interface", type=pathlib.Path, help="write the kernel's interface, a line an operation: the text of abi/version1.txt")
    parser.add_argument("--depfile", type=pathlib.Path)
    parser.add_argument("--stamp", type=pathlib.Path)
    args = parser.parse_args()
    try:
        abi = model.load(args.abi)
    except model.AbiError as error:
        print(f"abigen: {error}", file=sys.stderr)
        return 1
    generate(abi, args.out, args.target)
    if args.docs:
        for name, text in docs.pages(abi).items():
            write_if_changed(args.docs / name, text)
    if args.interface:
        write_if_changed(args.interface, "\n".join(model.interface(abi)) + "\n")
    if args.stamp:
        args.stamp.write_text("")
    if args.depfile and args.stamp:
        inputs = model.inputs(args.abi) + sorted(pathlib.Path(__file__).parent.glob("abigenerator/*.py"))
        args.depfile.write_text(f"{args.stamp}: {' '.join(map(str, inputs))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
