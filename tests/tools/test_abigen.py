# SPDX-License-Identifier: MIT OR Apache-2.0
"""tools/abigen.py: descriptions it must refuse, and that what it makes compiles and behaves."""
import pathlib
import re
import subprocess

import pytest
from abigenerator import docs, kernel, model, operations, protocol, user

REPO = pathlib.Path(__file__).resolve().parents[2]

OPERATIONS = """
[errors]
E_OK = [0, "done"]
E_NO_OP = [1, "no operation"]
E_CAP = [2, "no capability"]
E_TYPE = [3, "type"]
E_RIGHTS = [4, "rights"]
[[op]]
name = "call"
number = 3
cap = "endpoint"
right = "write"
in = ["tag", "w0", "w1", "w2", "w3", "deadline"]
out = ["badge", "tag", "w0", "w1", "w2", "w3"]
[[op]]
name = "wait"
number = 7
cap = "notification"
right = "read"
in = ["", "", "", "", "", "deadline"]
out = ["bits"]
"""


def load(tmp_path, protocol_text=None, operations_text=OPERATIONS):
    (tmp_path / "protocols").mkdir()
    (tmp_path / "operations.toml").write_text(operations_text)
    if protocol_text is not None:
        (tmp_path / "protocols/toy.toml").write_text(protocol_text)
    return model.load(tmp_path)


def test_real_abi_is_valid():
    abi = model.load(REPO / "abi")
    assert {op.name for op in abi.operations} >= {"send", "recv", "call", "reply", "reply_recv"}
    assert abi.protocols


INTERFACE = """send recv call reply reply_recv signal wait poll cnode_copy cnode_mint cnode_move cnode_delete cnode_revoke cap_inspect cap_transfer
untyped_retype frame_alloc frame_free memory_derive memory_attach view_map view_unmap vspace_protect memory_grant thread_create thread_destroy
thread_configure thread_set_regs thread_read_regs thread_resume thread_suspend thread_yield thread_sleep thread_exit thread_interrupt
process_create process_kill process_wait irq_bind irq_ack ioport_in ioport_out time_get debug_write kernel_info""".split()


def test_every_name_of_the_interface_is_there():
    abi = model.load(REPO / "abi")
    assert not set(INTERFACE) - {op.name for op in abi.operations} - set(abi.library)


def test_the_library_declares_what_the_abi_lists():
    header = (REPO / "lib/tessera/include/tessera/native.h").read_text()
    assert set(re.findall(r"^(?:static|enum) .*\bts_(\w+)\(", header, re.MULTILINE)) == set(model.load(REPO / "abi").library)


def changed(abi):
    """What version 1 of the kernel's interface promises and this description does not have."""
    return set((REPO / "abi/version1.txt").read_text().splitlines()) - set(model.interface(abi))


def test_version_1_is_frozen():
    """Operations may be added; those that are there stay as they are, with their errors."""
    assert changed(model.load(REPO / "abi")) == set()


@pytest.mark.parametrize("change", [("number", 999), ("right", "grant"), ("inputs", ["tag"]), ("errors", ["E_ARG"])])
def test_a_change_of_version_1_is_seen(change):
    abi = model.load(REPO / "abi")
    setattr(next(op for op in abi.operations if op.name == "reply_recv"), *change)
    assert len(changed(abi)) == 1


def test_results_are_success_the_doors_errors_and_the_operations_own(tmp_path):
    own = OPERATIONS.replace('in = ["tag"', 'errors = ["E_TYPE", "E_NO_OP"]\nin = ["tag"') + '[[op]]\nname = "yield"\nnumber = 9\n'
    rows = kernel.result_table(load(tmp_path, operations_text=own)).splitlines()[2:]
    assert rows == ["X(3, call, OP_BY_CAP, 1u << E_OK | 1u << E_CAP | 1u << E_TYPE | 1u << E_RIGHTS | 1u << E_NO_OP)",
                    "X(7, wait, OP_BY_CAP, 1u << E_OK | 1u << E_CAP | 1u << E_TYPE | 1u << E_RIGHTS)", "X(9, yield, OP_PLAIN, 1u << E_OK)"]


def test_entries_are_counted():
    assert len(model.load(REPO / "abi").entries) <= 22


def test_a_23rd_entry_is_refused(tmp_path):
    more = "".join(f'[[op]]\nname="o{number}"\nnumber={number}\n' for number in range(100, 120))
    (tmp_path / "fits").mkdir()
    assert len(load(tmp_path / "fits", operations_text=OPERATIONS + more).entries) == 22
    invocation = '[[op]]\nname="i"\nnumber=200\ncap="thread"\n'
    (tmp_path / "invocation").mkdir()
    assert len(load(tmp_path / "invocation", operations_text=OPERATIONS + more + invocation).entries) == 22
    with pytest.raises(model.AbiError, match="23 kernel entries"):
        load(tmp_path, operations_text=OPERATIONS + more + '[[op]]\nname="x"\nnumber=8\ncap="endpoint"')


@pytest.mark.parametrize("text, message", [
    ('[[op]]\nname="a"\nnumber=0xfff0', "not free"),
    ('[[op]]\nname="a"\nnumber=1\nin=["u99 x"]', "type name"),
    ('[[op]]\nname="a"\nnumber=1\nin=["u64 x","u64 x"]', "stands twice"),
    ('[[op]]\nname="a"\nnumber=1\nin=["u64 data_len"]', "made by the generator"),
    ('[[op]]\nname="a"\nnumber=1\nin_caps=5', "capabilities"),
    ('[[op]]\nname="a"\nnumber=1\nin_data=3041', "do not fit"),
    ('[[op]]\nname="a"\nnumber=1\n[[op]]\nname="b"\nnumber=1', "stands twice"),
    ("not toml", "toy.toml"),
])
def test_bad_protocols_are_refused(tmp_path, text, message):
    with pytest.raises(model.AbiError, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize("text, message", [
    ('[[op]]\nname="x"\nnumber=8\ncap="endpoint"\nright="own"', "no right"),
    ('[[op]]\nname="x"\nnumber=8\nerrors=["E_NONE"]', "no error"),
    ('[[op]]\nname="x"\nnumber=1000', "not in 1..999"),
    ('[[op]]\nname="x"\nnumber=7', "stands twice"),
    ('[[op]]\nname="x"\nnumber=8\nin=["a","b","c","d","e","f","g"]', "registers"),
    ('[[op]]\nname="x"\nnumber=8\ndecode=["dst empty"]', "name argument kind rights"),
    ('[[op]]\nname="x"\nnumber=8\ndecode=["v 1 vspace wrote"]', "name argument kind rights"),
    ('[[op]]\nname="x"\nnumber=8\ndecode=["dst 1 empty?"]', "only a capability can be left out"),
])
def test_bad_operations_are_refused(tmp_path, text, message):
    with pytest.raises(model.AbiError, match=message):
        load(tmp_path, operations_text=OPERATIONS + text)


def test_stub_uses_only_its_registers(tmp_path):
    text = user.invoke_header(load(tmp_path), "x86_64")
    wait = text[text.index("ts_wait("):]
    assert '"+D"(rdi) : "r"(r12)' in wait and "rsi" not in wait and "r10" not in wait


def test_dispatch_rows(tmp_path):
    rows = kernel.dispatch_table(load(tmp_path))
    assert "X(7, wait, CAP_NOTIFICATION, RIGHT_READ, OP_BY_CAP, invoke_wait)" in rows


def test_arguments_are_decoded_in_the_order_they_are_listed(tmp_path):
    own = '[[op]]\nname = "x"\nnumber = 200\ncap = "memory"\ndecode = ["space 2 vspace? write", "dst 1 empty"]\n'
    abi = load(tmp_path, operations_text=OPERATIONS + own)
    assert "OP_BY_CAP, decode_x)" in kernel.dispatch_table(abi)
    assert "invoke_x(struct thread *self, struct slot *cap, struct slot *space, const struct slot_place *dst);" in kernel.handlers_header(abi)
    assert ("Looked up before anything else is checked: argument 2 (a vspace capability, right write; 0: none), then argument 1 (an empty slot)."
            in docs.pages(abi)["operations.md"])
    text = kernel.decoders(abi)
    assert "(cap_t)ctx_arg(&self->ctx, 2) == 0 ? E_OK : cap_lookup(self, (cap_t)ctx_arg(&self->ctx, 2), CAP_VSPACE, RIGHT_WRITE, &space)" in text
    assert text.index("&space)") < text.index("slot_lookup_empty(self, ctx_arg(&self->ctx, 1), &dst)") < text.index("invoke_x(self, cap, space, &dst)")


def test_docs_name_every_operation_and_protocol():
    abi = model.load(REPO / "abi")
    pages = docs.pages(abi)
    for op in abi.operations:
        assert f"## {op.number} `{op.name}`" in pages["operations.md"]
    for proto in abi.protocols:
        for op in proto.operations:
            assert f"`{op.name}`" in pages[f"protocol-{proto.name}.md"]


TOY = """
[[op]]
name = "echo"
number = 0x10
in = ["i32 a", "u64 b", "bool c", "u16 d"]
in_data = 100
out = ["i64 sum"]
out_data = 100
undo = true
[[op]]
name = "caps"
number = 0x11
in_caps = 1
out_caps = "ncaps"
[[op]]
name = "none"
number = 0x12
"""

TOY_TEST = r"""
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <tessera/names.h>
#include <tessera/proto/toy_server.h>

static struct msg_page page;
static int undone, forced;
static uint64_t forge_tag, forge_len;

int toy_on_echo(struct request *rq, const struct toy_echo_in *in, struct toy_echo_out *out)
{
	out->sum = in->a + (int64_t)in->b + in->c + in->d;
	out->data_len = in->data_len;
	return rq->badge == 7 ? forced : 1;
}
void toy_undo_echo(struct request *rq) { undone = (int)rq->badge; }
int toy_on_caps(struct request *rq, const struct toy_caps_in *in, struct toy_caps_out *out)
{
	(void)rq, (void)in;
	out->ncaps = 3;
	return 0;
}
int toy_on_none(struct request *rq, const struct toy_none_in *in, struct toy_none_out *out)
{
	(void)rq, (void)in, (void)out;
	return SERVICE_NO_REPLY;
}

/* The kernel of this test: hands the message to the dispatcher at once. */
static struct request rq;
static int dispatched;
enum tessera_error ts_call(cap_t ep, struct ipc_msg *m, uint64_t deadline_ns)
{
	(void)deadline_ns;
	if (ep == 0)
		return E_CAP;
	rq = (struct request){.msg = *m, .page = &page};
	rq.badge = ep;
	dispatched = toy_dispatch(&rq);
	*m = rq.msg;
	if (forge_tag)
		m->tag = forge_tag;
	if (forge_len)
		m->w[1] = forge_len;
	return E_OK;
}

static uint16_t status_of(uint64_t tag, uint64_t w0)
{
	struct ipc_msg m = {.tag = tag, .w = {w0}};
	page.words[4] = 101;
	assert(ts_call(7, &m, 0) == E_OK);
	return MSG_TAG_OP(m.tag);
}

static void check_echo(void)
{
	struct toy_echo_in in = {.a = -5, .b = 100, .c = true, .d = 4, .data_len = 13};
	struct toy_echo_out out = {0};
	memcpy(toy_echo_in_data(&page), "thirteen byte", 13);
	assert(toy_echo(7, &page, &in, &out) == 0);
	assert(out.sum == 100 && out.data_len == 13);
	assert(rq.undo_op == TOY_ECHO);
	toy_undo(&rq);
	assert(undone == 7);
	assert(toy_echo(8, &page, &in, &out) == 1 && rq.undo_op == 0);
	assert(toy_echo(0, &page, &in, &out) == -E_CAP);
	in.data_len = 101;
	assert(toy_echo(7, &page, &in, &out) == PROTO_TOO_LONG);
}

static void check_statuses(void)
{
	struct toy_echo_in in = {.data_len = 0};
	struct toy_echo_out out = {0};
	forced = 0xff01;
	assert(toy_echo(7, &page, &in, &out) == 0xff01 && MSG_TAG_WORDS(rq.tag) == 0);
	forced = 0xff02;
	in.b = 9;
	assert(toy_echo(7, &page, &in, &out) == 0xff02 && out.sum == 9);
	forced = 0;
}

static void check_bad_requests(void)
{
	assert(status_of(MSG_TAG(0x99, 0, 0), 0) == PROTO_NO_OP);
	assert(status_of(MSG_TAG(TOY_ECHO, 4, 0), 0) == PROTO_BAD_MESSAGE);	 /* too short */
	assert(status_of(MSG_TAG(TOY_ECHO, 30, 0), 0) == PROTO_BAD_MESSAGE); /* 101 bytes: too many */
	assert(status_of(MSG_TAG(TOY_CAPS, 0, 0), 0) == PROTO_BAD_MESSAGE);	 /* a capability is missing */
	assert(status_of(MSG_TAG(TOY_CAPS, 0, 1), 0) == 0);
	assert(MSG_TAG_CAPS(rq.tag) == 3);
}

static void check_bad_answers(void)
{
	struct toy_echo_in in = {.data_len = 0};
	struct toy_echo_out out = {0};
	forge_tag = MSG_TAG(0, 1, 0);
	assert(toy_echo(7, &page, &in, &out) == PROTO_BAD_MESSAGE);
	forge_tag = MSG_TAG(0, 6, 0);
	forge_len = 17;
	assert(toy_echo(7, &page, &in, &out) == PROTO_BAD_MESSAGE);
	forge_tag = forge_len = 0;
}

int main(void)
{
	check_echo();
	check_statuses();
	check_bad_requests();
	check_bad_answers();
	assert(toy_none(7, &page, &(struct toy_none_in){}, &(struct toy_none_out){}) >= 0);
	assert(dispatched == SERVICE_NO_REPLY);
	assert(!strcmp(toy_op_name(0x11), "toy.caps") && !strcmp(tessera_op_name(7), "wait"));
	return 0;
}
"""


def test_generated_protocol_code_behaves(tmp_path):
    abi = load(tmp_path, TOY)
    out = tmp_path / "gen/tessera"
    (out / "proto").mkdir(parents=True)
    (out / "operations.h").write_text(operations.operations_header(abi))
    (out / "names.h").write_text(operations.names_header(abi))
    (out / "invoke.h").write_text(user.invoke_header(abi, "host"))
    (out / "proto/toy.h").write_text(protocol.client_header(abi.protocols[0]))
    (out / "proto/toy_server.h").write_text(protocol.server_header(abi.protocols[0]))
    source = tmp_path / "toy_test.c"
    source.write_text(TOY_TEST)
    includes = [f"-I{tmp_path / 'gen'}", f"-I{REPO / 'abi/include'}", f"-I{REPO / 'lib/tessera/include'}", f"-I{REPO / 'lib/service/include'}"]
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Werror", "-fsanitize=address,undefined"]
    subprocess.run(["clang-19", *flags, *includes, str(source), "-o", str(tmp_path / "toy")], check=True)
    subprocess.run([str(tmp_path / "toy")], check=True)


def test_real_abi_compiles_for_the_target(tmp_path):
    subprocess.run(["python3", str(REPO / "tools/abigen.py"), str(REPO / "abi"), str(tmp_path)], check=True)
    abi = model.load(REPO / "abi")
    lines = [f"#include <tessera/proto/{proto.name}_server.h>" for proto in abi.protocols] + ["#include <tessera/names.h>"]
    source = tmp_path / "all.c"
    source.write_text("\n".join(lines) + "\n")
    includes = [f"-I{tmp_path}", f"-I{REPO / 'abi/include'}", f"-I{REPO / 'lib/tessera/include'}", f"-I{REPO / 'lib/service/include'}"]
    subprocess.run(["clang-19", "-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only", *includes, str(source)],
                   check=True)
