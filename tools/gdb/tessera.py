# SPDX-License-Identifier: MIT OR Apache-2.0
"""gdb commands for Tessera's kernel, loaded by `./tessera debug`.

    tessera threads             every Thread: state, priority, label, instruction pointer
    tessera cspace THREAD       the capabilities of a thread's CSpace (THREAD: address as `tessera threads` prints it)
    tessera endpoints           every Endpoint and who waits there
    tessera services            the services whose symbols are loaded

All Threads and Endpoints are found by walking the kernel's derivation list, so the machine must be stopped in the kernel or
in user mode with the kernel's memory intact.
"""
import gdb

DIRECT_MAP = 0xFFFF800000000000
SLOT_BYTES = 64
TYPES = ["null", "Untyped", "CNode", "Endpoint", "Reply", "Notification", "Thread", "SchedContext", "VSpace", "Memory", "View", "Irq", "IoPort",
         "DmaSpace", "Clock", "Console", "Machine"]
STATES = ["suspended", "ready", "sending", "receiving", "calling", "waiting", "faulted", "idle"]
CAP_CNODE, CAP_ENDPOINT, CAP_THREAD = 2, 3, 6
ORIGIN, ANCHOR, DYING = 0x01, 0x02, 0x10
BLOCKED_AT_ENDPOINT = (2, 3)


def typed(address, name):
    return gdb.Value(address).cast(gdb.lookup_type(f"struct {name}").pointer()).dereference()


def from_index(index):
    return DIRECT_MAP + index * SLOT_BYTES


class Slot:
    """A capability slot, read once."""

    def __init__(self, address):
        value = typed(address, "slot")
        word = int(value["word"])
        self.address, self.badge = address, int(value["badge"])
        self.kind, self.rights, self.flags = word & 0xFF, word >> 8 & 0xFF, word >> 16 & 0xFF
        self.object = from_index(word >> 32)
        self.next, self.depth = int(value["next"]), int(value["depth"])

    def __str__(self):
        name = TYPES[self.kind] if self.kind < len(TYPES) else f"type {self.kind}"
        rights = "".join(letter if self.rights >> bit & 1 else "-" for bit, letter in enumerate("rwxgv"))
        marks = "".join(letter for flag, letter in ((ORIGIN, "O"), (ANCHOR, "A"), (DYING, "D")) if self.flags & flag)
        return f"{name:12} {rights} {marks:3} object {self.object:#x} badge {self.badge:#x} depth {self.depth}"


def current_thread():
    return int(gdb.parse_and_eval("boot_cpu.current"))


def all_slots():
    """Every capability of the derivation list, once around from the sentinel, which boot has left in its first slot."""
    start = int(gdb.parse_and_eval("'main.c'::boot.slots"))
    if start == 0:
        raise gdb.GdbError("the kernel has not made its first capabilities yet: continue, and interrupt later")
    address = start
    while True:
        slot = Slot(address)
        yield slot
        address = from_index(slot.next)
        if address == start:
            return


def origins(kind):
    return [slot.object for slot in all_slots() if slot.kind == kind and slot.flags & ORIGIN]


def describe_label(label):
    """As abi/include/tessera/labels.h builds it."""
    if label == 0:
        return "root"
    if label >> 63:
        return f"service {label & 0xFFFF}"
    return f"Linux process {label >> 16 & 0xFFFF} thread {label & 0xFFFF}"


def describe_address(address):
    """function in program: services are linked at addresses of their own."""
    text = gdb.execute(f"info symbol {address:#x}", to_string=True).strip()
    if text.startswith("No symbol"):
        return ""
    function, _, place = text.partition(" in section .text")
    return f"{function} in {place.rsplit('/', 1)[-1] if place else 'kernel.elf'}"


def describe_thread(address):
    thread = typed(address, "thread")
    state = int(thread["state"])
    rip = int(thread["ctx"]["regs"]["rip"])
    mark = "*" if address == current_thread() else " "
    name = STATES[state] if state < len(STATES) else str(state)
    return (f"{mark} {address:#x} {name:10} priority {int(thread['priority']):3} {describe_label(int(thread['label'])):28} "
            f"ip {rip:#x} {describe_address(rip)}{' (suspended)' if int(thread['is_suspended']) else ''}")


class Tessera(gdb.Command):
    """Tessera's own commands: threads, cspace THREAD, endpoints, services."""

    def __init__(self):
        super().__init__("tessera", gdb.COMMAND_DATA, prefix=True)


class Threads(gdb.Command):
    """All threads; * is the current one."""

    def __init__(self):
        super().__init__("tessera threads", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        for address in origins(CAP_THREAD):
            print(describe_thread(address))


class Cspace(gdb.Command):
    """tessera cspace THREAD: the capabilities a thread can name, with their addresses."""

    def __init__(self):
        super().__init__("tessera cspace", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        thread = typed(int(gdb.parse_and_eval(argument)) if argument else current_thread(), "thread")
        first = int(thread["cspace_first"])
        for root_index in range(int(thread["cspace_mask"]) + 1):
            leaf = Slot(from_index(first + root_index))
            if leaf.kind != CAP_CNODE:
                continue
            for index in range(min(1 << leaf.badge, 256)):
                slot = Slot(leaf.object + index * SLOT_BYTES)
                if slot.kind:
                    print(f"{root_index << 8 | index:#7x}  {slot}")


class Endpoints(gdb.Command):
    """All endpoints with the threads that wait there."""

    def __init__(self):
        super().__init__("tessera endpoints", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        waiting = {}
        for address in origins(CAP_THREAD):
            thread = typed(address, "thread")
            if int(thread["state"]) in BLOCKED_AT_ENDPOINT:
                waiting.setdefault(from_index(int(thread["queue_object"])), []).append(address)
        for endpoint in origins(CAP_ENDPOINT):
            print(f"{endpoint:#x}: {len(waiting.get(endpoint, []))} waiting")
            for address in waiting.get(endpoint, []):
                print("   ", describe_thread(address))


class Services(gdb.Command):
    """The object files gdb has symbols of."""

    def __init__(self):
        super().__init__("tessera services", gdb.COMMAND_DATA)

    def invoke(self, _argument, _from_tty):
        for objfile in gdb.objfiles():
            print(objfile.filename)


for command in (Tessera, Threads, Cspace, Endpoints, Services):
    command()
