# SPDX-License-Identifier: MIT OR Apache-2.0
"""tessera/proto/NAME.h (numbers, structs, client stubs) and NAME_server.h (the checked dispatcher).

Scalars travel one to a 64-bit word from w0 on; with data, `data_len` is the last scalar and the bytes stand in the message page
from words[max(4, scalars)] on.  A reply carries its words with status 0 and with statuses from PROTO_STATUS_WITH_WORDS on.
"""
from .model import REGISTER_WORDS, Protocol, ProtocolOperation, Side
from .operations import HEADER


def _members(side: Side) -> list[str]:
    lines = [f"\t{field.ctype} {field.name};" for field in side.fields]
    if side.data_max is not None:
        lines.append("\tuint32_t data_len;")
    if side.caps_vary:
        lines.append("\tuint32_t ncaps;")
    return lines


def _words(side: Side) -> list[tuple[str, str]]:
    """(member, C type) in the order of the message's words."""
    words = [(field.name, field.ctype) for field in side.fields]
    return words + ([("data_len", "uint32_t")] if side.data_max is not None else [])


def _length(side: Side, struct: str) -> str:
    return f"{side.data_start}u + (({struct}data_len + 7u) >> 3)" if side.data_max is not None else f"{side.scalars}u"


def _caps(side: Side, struct: str) -> str:
    return f"{struct}ncaps" if side.caps_vary else f"{side.caps}u"


def _word(index: int, registers: str, page: str) -> str:
    return f"{registers}[{index}]" if index < REGISTER_WORDS else f"{page}->words[{index}]"


def _load(member: str, ctype: str, word: str) -> str:
    value = f"{word} != 0" if ctype == "bool" else word if ctype == "uint64_t" else f"({ctype}){word}"
    return f"{member} = {value};"


def _comment(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if len(lines) <= 1:
        return [f"/* {line} */" for line in lines]
    return ["/*", *[f" * {line}" for line in lines], " */"]


def _client_stub(name: str, op: ProtocolOperation) -> list[str]:
    full = f"{name}_{op.name}"
    req, rep = op.request, op.reply
    lines = [f"static inline int {full}(cap_t ep, struct msg_page *page, const struct {full}_in *in, struct {full}_out *out)", "{"]
    checks = [f"in->data_len > {full.upper()}_IN_MAX"] if req.data_max is not None else []
    checks += ["in->ncaps > MSG_MAX_CAPS"] if req.caps_vary else []
    if checks:
        lines.append(f"\tif ({' || '.join(checks)})\n\t\treturn PROTO_TOO_LONG;")
    words = _words(req)
    inits = ", ".join(f"(uint64_t)in->{member}" for member, _ in words[:REGISTER_WORDS])
    lines.append("\tstruct ipc_msg m = {.tag = MSG_TAG(%s, %s, %s)%s};" % (
        full.upper(), _length(req, "in->"), _caps(req, "in->"), f", .w = {{{inits}}}" if inits else ""))
    lines += [f"\tpage->words[{i}] = (uint64_t)in->{member};"
              for i, (member, _) in enumerate(words) if i >= REGISTER_WORDS]
    lines.append("\tint status = proto_call(ep, &m);")
    if rep.scalars or rep.caps_vary:
        lines.append("\tif (!proto_has_words(status))\n\t\treturn status;")
        if rep.scalars:
            minimum = f"{rep.data_start if rep.data_max is not None else rep.scalars}u"
            lines.append(f"\tif (MSG_TAG_WORDS(m.tag) < {minimum})\n\t\treturn PROTO_BAD_MESSAGE;")
        lines += [f"\t{_load('out->' + member, ctype, _word(i, 'm.w', 'page'))}"
                  for i, (member, ctype) in enumerate(_words(rep))]
        if rep.data_max is not None:
            word = _word(rep.scalars - 1, "m.w", "page")
            lines.append(f"\tif (!proto_data_fits(m.tag, {word}, {full.upper()}_OUT_MAX, {rep.data_start}u))\n\t\treturn PROTO_BAD_MESSAGE;")
        if rep.caps_vary:
            lines.append("\tout->ncaps = MSG_TAG_CAPS(m.tag);")
    unused = [n for n, s in (("in", req), ("out", rep)) if not s.scalars and not s.caps_vary]
    lines += [f"\t(void){n};" for n in unused]
    if not any(i >= REGISTER_WORDS for i in range(max(req.scalars, rep.scalars))):
        lines.append("\t(void)page;")
    return lines + ["\treturn status;", "}", ""]


def _structs(name: str, op: ProtocolOperation) -> list[str]:
    full = f"{name}_{op.name}"
    lines = _comment(op.doc)
    for suffix, side in (("in", op.request), ("out", op.reply)):
        lines += [f"struct {full}_{suffix} {{", *_members(side), "};"]
    for suffix, side in (("in", op.request), ("out", op.reply)):
        if side.data_max is not None:
            lines += [f"#define {full.upper()}_{suffix.upper()}_MAX {side.data_max}u",
                      f"static inline void *{full}_{suffix}_data(struct msg_page *page)", "{",
                      f"\treturn &page->words[{side.data_start}];", "}"]
    return lines


def _constants(proto: Protocol) -> list[str]:
    return [f"#define {name} {value}" for name, value in proto.constants.items()] + ([""] if proto.constants else [])


def client_header(proto: Protocol) -> str:
    numbers = [op.number for op in proto.operations] or [0]
    lines = [HEADER.format(f"Protocol {proto.name}: numbers, layouts, client stubs; abi/protocols/{proto.name}.toml says what each does.\n"
                           " * A stub returns 0, the positive status of the answer, or -(kernel error). The caller fills the page's data and\n"
                           " * capability slots before."),
             "#include <tessera/protocol.h>", "", f"enum {proto.name}_op {{"]
    lines += [f"\t{proto.name.upper()}_{op.name.upper()} = {op.number:#x}," for op in proto.operations]
    lines += ["};", f"#define {proto.name.upper()}_OP_MIN {min(numbers):#x}u", f"#define {proto.name.upper()}_OP_MAX {max(numbers):#x}u", ""]
    lines += _constants(proto)
    lines += [f"static inline const char *{proto.name}_op_name(uint64_t number)", "{", "\tswitch (number) {"]
    lines += [f'\tcase {op.number:#x}: return "{proto.name}.{op.name}";' for op in proto.operations]
    lines += ["\tdefault: return \"?\";", "\t}", "}", ""]
    for op in proto.operations:
        lines += _structs(proto.name, op) + _client_stub(proto.name, op)
    return "\n".join(lines)


def _request_checks(full: str, side: Side) -> list[str]:
    checks = []
    minimum = side.data_start if side.data_max is not None else side.scalars
    if minimum:
        checks.append(f"MSG_TAG_WORDS(rq->tag) < {minimum}u")
    if not side.caps_vary:
        checks.append(f"MSG_TAG_CAPS(rq->tag) != {side.caps}u")
    lines = [f"\tif ({' || '.join(checks)})\n\t\treturn service_answer(rq, PROTO_BAD_MESSAGE, 0, 0);"] if checks else []
    if side.data_max is not None:
        word = _word(side.scalars - 1, "rq->w", "rq->page")
        lines.append(f"\tif (!proto_data_fits(rq->tag, {word}, {full.upper()}_IN_MAX, {side.data_start}u))"
                     "\n\t\treturn service_answer(rq, PROTO_BAD_MESSAGE, 0, 0);")
    return lines


def _serve(name: str, op: ProtocolOperation) -> list[str]:
    full = f"{name}_{op.name}"
    req, rep = op.request, op.reply
    lines = [f"static inline int {name}_serve_{op.name}(struct request *rq)", "{", *_request_checks(full, req),
             f"\tstruct {full}_in in = {{0}};" if _members(req) else f"\tstruct {full}_in in = {{}};"]
    lines += [f"\t{_load('in.' + member, ctype, _word(i, 'rq->w', 'rq->page'))}" for i, (member, ctype) in enumerate(_words(req))]
    if req.caps_vary:
        lines.append("\tin.ncaps = MSG_TAG_CAPS(rq->tag);")
    lines.append(f"\tstruct {full}_out out = {{{'0' if _members(rep) else ''}}};")
    lines.append(f"\tint status = {name}_on_{op.name}(rq, &in, &out);")
    lines.append("\tif (!proto_has_words(status))\n\t\treturn service_answer(rq, status, 0, 0);")
    bad = [f"out.data_len > {full.upper()}_OUT_MAX"] if rep.data_max is not None else []
    bad += ["out.ncaps > MSG_MAX_CAPS"] if rep.caps_vary else []
    if bad:
        lines.append(f"\tif ({' || '.join(bad)})\n\t\treturn service_answer(rq, PROTO_TOO_LONG, 0, 0);")
    lines += [f"\t{_word(i, 'rq->w', 'rq->page')} = (uint64_t)out.{member};" for i, (member, _) in enumerate(_words(rep))]
    if op.undo:
        lines.append(f"\trq->undo_op = {full.upper()};")
    caps = _caps(rep, "out.")
    caps = caps if caps == "0u" else f"status == 0 ? {caps} : 0u"
    return lines + [f"\treturn service_answer(rq, status, {_length(rep, 'out.')}, {caps});", "}", ""]


def server_header(proto: Protocol) -> str:
    name = proto.name
    lines = [HEADER.format(f"Protocol {name}, the server's side: checks each message, calls {name}_on_OPERATION, builds the answer.\n"
                           " * A handler returns a status (0, a Linux errno, ST_*) or SERVICE_NO_REPLY."),
             "#include <service.h>", f"#include <tessera/proto/{name}.h>", ""]
    for op in proto.operations:
        full = f"{name}_{op.name}"
        lines.append(f"int {name}_on_{op.name}(struct request *rq, const struct {full}_in *in, struct {full}_out *out);")
        if op.undo:
            lines.append(f"void {name}_undo_{op.name}(struct request *rq); /* the answer could not be delivered */")
    lines.append("")
    for op in proto.operations:
        lines += _serve(name, op)
    lines += [f"/* Answers one request; 0, or SERVICE_NO_REPLY. Numbers {name} does not have: ENOSYS. */",
              f"static inline int {name}_dispatch(struct request *rq)", "{", "\trq->undo_op = 0;", "\tswitch (MSG_TAG_OP(rq->tag)) {"]
    lines += [f"\tcase {name.upper()}_{op.name.upper()}: return {name}_serve_{op.name}(rq);" for op in proto.operations]
    lines += ["\tdefault: return service_answer(rq, PROTO_NO_OP, 0, 0);", "\t}", "}", ""]
    undo = [op for op in proto.operations if op.undo]
    if undo:
        lines += ["/* Takes back what the request's operation consumed, after its reply got E_GONE. */",
                  f"static inline void {name}_undo(struct request *rq)", "{"]
        lines += [f"\tif (rq->undo_op == {name.upper()}_{op.name.upper()})\n\t\t{name}_undo_{op.name}(rq);" for op in undo]
        lines += ["}", ""]
    return "\n".join(lines)
