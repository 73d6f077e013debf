# SPDX-License-Identifier: MIT OR Apache-2.0
"""tessera/invoke.h: one inline stub per kernel operation.

Each stub names exactly the registers its operation takes and gives, so that the compiler moves nothing needlessly.
On the host the stubs are prototypes that a unit test defines.
"""
from .model import Abi, Operation
from .operations import HEADER

REGISTERS = ("rdi", "rsi", "rdx", "r10", "r8", "r9", "r12")
CONSTRAINT = {"rdi": "D", "rsi": "S", "rdx": "d"}  # the others need register variables
CAP_ARGUMENTS = {"vspace", "src_vspace", "src_cnode", "notification", "fpu_from", "thread"}
COUNTS = {"done", "copied"}  # results that are valid with an error, too
MESSAGES = {"send", "recv", "call", "reply", "reply_recv"}


def _first(op: Operation) -> str | None:
    if op.name == "cnode_copy_all":
        return "cap_t dst_cnode"
    if op.by_slot:
        return "slot_t dst_slot" if "src_slot" in op.inputs else "slot_t slot"
    return f"cap_t {op.cap}" if op.cap else None


def _type(name: str) -> str:
    return "cap_t" if name in CAP_ARGUMENTS else "slot_t" if name.endswith("_slot") else "uint64_t"


def _inputs(op: Operation) -> list[tuple[str, str]]:
    """(register, C expression) of every argument."""
    first = _first(op)
    pairs = [(REGISTERS[0], first.split()[-1])] if first else []
    return pairs + [(REGISTERS[i + 1], name) for i, name in enumerate(op.inputs) if name]


def signature(op: Operation) -> str:
    first = _first(op)
    params = [first] if first else []
    if op.name in MESSAGES:
        params = ["cap_t reply" if op.name == "reply" else "cap_t ep"]
        params += ["cap_t reply_slot"] if op.name in ("recv", "reply_recv") else []
        params += ["const struct ipc_msg *m" if not op.outputs else "struct ipc_msg *m"]
        params += ["uint64_t deadline_ns"] if "deadline" in op.inputs else []
    else:
        params += [f"{_type(name)} {name}" for name in op.inputs if name]
        params += [f"uint64_t *{name}" for name in op.outputs]
    return f"static inline enum tessera_error ts_{op.name}({', '.join(params) or 'void'})"


def _assembly(inputs: list[tuple[str, str]], outputs: list[str], number: int) -> list[str]:
    values = dict(inputs)
    lines = [f"\tuint64_t rax = TESSERA_SYSCALL_BASE + {number}u;"]
    out, inp = ['"+a"(rax)'], []
    for register in REGISTERS:
        is_in, is_out = register in values, register in outputs
        if not is_in and not is_out:
            continue
        init = f" = {values[register]}" if is_in else ""
        if register in CONSTRAINT:
            lines.append(f"\tuint64_t {register}{init};")
        else:
            lines.append(f'\tregister uint64_t {register} __asm__("{register}"){init};')
        letter = CONSTRAINT.get(register, "r")
        if is_out:
            out.append(f'"{"+" if is_in else "="}{letter}"({register})')
        else:
            inp.append(f'"{letter}"({register})')
    lines.append(f'\t__asm__ volatile("syscall" : {", ".join(out)} : {", ".join(inp)} : "rcx", "r11", "memory");')
    return lines


def _plain_body(op: Operation) -> list[str]:
    outputs = [(REGISTERS[i], name) for i, name in enumerate(op.outputs)]
    lines = _assembly(_inputs(op), [register for register, _ in outputs], op.number)
    for register, name in outputs:
        if name in COUNTS:
            lines.append(f"\tif ({name})\n\t\t*{name} = rax == E_OK || rax > E_RIGHTS ? {register} : 0;")
    plain = [(register, name) for register, name in outputs if name not in COUNTS]
    if plain:
        lines.append("\tif (rax == E_OK) {")
        lines += [f"\t\tif ({name})\n\t\t\t*{name} = {register};" for register, name in plain]
        lines.append("\t}")
    return lines + [f"\tTESSERA_OBSERVE({op.number}u, rax);", "\treturn (enum tessera_error)rax;"]


def _message_body(op: Operation) -> list[str]:
    member = {"tag": "m->tag", "w0": "m->w[0]", "w1": "m->w[1]", "w2": "m->w[2]", "w3": "m->w[3]",
              "badge": "m->badge", "label": "m->label", "deadline": "deadline_ns"}
    first = {"reply": "reply", "recv": "ep | ((uint64_t)reply_slot << 32)",
             "reply_recv": "ep | ((uint64_t)reply_slot << 32)"}.get(op.name, "ep")
    inputs = [(REGISTERS[0], first)] + [(REGISTERS[i + 1], member[n]) for i, n in enumerate(op.inputs) if n]
    outputs = [(REGISTERS[i], member[n]) for i, n in enumerate(op.outputs)]
    lines = _assembly(inputs, [register for register, _ in outputs], op.number)
    kept = [pair for pair in outputs if pair in inputs and pair[1] != "deadline_ns"]  # the kernel keeps these registers on an error
    lines += [f"\t{target} = {register};" for register, target in kept]
    others = [pair for pair in outputs if pair not in kept]
    if others:
        lines.append("\tif (rax == E_OK) {")
        lines += [f"\t\t{target} = {register};" for register, target in others]
        lines.append("\t}")
    return lines + [f"\tTESSERA_OBSERVE({op.number}u, rax);", "\treturn (enum tessera_error)rax;"]


OBSERVE = """/* What a test wants to see of every stub's result: defined before this header is included. */
#ifndef TESSERA_OBSERVE
#define TESSERA_OBSERVE(number, error) ((void)0)
#endif
"""
MESSAGE_STRUCT = """/* A message in registers. The rest of a longer one stands in the message page from words[4] on. */
struct ipc_msg {
	uint64_t badge; /* recv: what it was sent through */
	uint64_t tag;
	uint64_t w[4];
	uint64_t label; /* recv: of the sender's thread */
};
"""


def invoke_header(abi: Abi, target: str) -> str:
    lines = [HEADER.format("One function per kernel operation: abi/operations.toml says what each does. Results are written only with E_OK\n"
                           " * (counts `done` and `copied` always); a result that is not wanted may be NULL."),
             "#include <tessera/operations.h>", "#include <tessera/types.h>", "", OBSERVE, MESSAGE_STRUCT]
    for op in abi.operations:
        if target == "host":
            lines.append(signature(op).removeprefix("static inline ") + ";")
            continue
        body = _message_body(op) if op.name in MESSAGES else _plain_body(op)
        lines += [signature(op), "{", *body, "}", ""]
    return "\n".join(lines) + ("\n" if target == "host" else "")
