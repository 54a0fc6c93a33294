# SPDX-License-Identifier: BSD-2-Clause
"""What happens to cards: killed, plugged, a firmware that misbehaves, registers and completions that lie; and waiting
for a guest."""

import json
import os
import signal
import socket
import struct
import threading
import time
from pathlib import Path

from lab import Failure

# Where a card can be plugged: bus 1 and 2 of the guest.
PORTS = [f"pcie-root-port,id=port-{number},chassis={number}" for number in (1, 2)]


def wait_for(lab, what, done, seconds=120):
    """Returns what `done` returned as soon as that is true; fails if a guest ends, or it takes too long."""
    end = time.monotonic() + seconds
    while True:
        found = done()
        if found:
            return found
        for vm in lab.machines:
            if vm.process.poll() is not None:
                raise Failure(f"guest {vm.name} ended while {what} was waited for: see {vm.folder / 'out'}")
        if time.monotonic() > end:
            at = ", ".join(f"{vm.name} at {vm.last_step()}" for vm in lab.machines)
            raise Failure(f"{what}: not within {seconds} s ({at})")
        time.sleep(0.5)


def wait_meet(lab, name, seconds=120):
    """Waits until every guest has come to `meet NAME`, or passed it."""
    wait_for(
        lab,
        f"meet '{name}'",
        lambda: len(list((lab.work / "meet").glob(f"{name}.*"))) >= len(lab.machines),
        seconds,
    )


def go(lab, name):
    """Tells guests that wait for it (`await NAME`) to go on."""
    (lab.work / "meet" / name).touch()


def card_device(lab, card, port, ident):
    """QEMU's description of a card in a port."""
    return {
        "driver": "vfio-user-pci",
        "id": ident,
        "bus": f"port-{port}",
        "socket": {"path": lab.inside(card.socket), "type": "unix"},
    }


def qmp(lab, vm, command, **arguments):
    """One command to a guest's QEMU; its answer, or a Failure."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(30)
        link.connect(str(lab.work / f"{vm.name}.qmp"))
        lines = link.makefile("rw")
        lines.readline()
        for name, given in (("qmp_capabilities", {}), (command, arguments)):
            lines.write(json.dumps({"execute": name, "arguments": given}) + "\n")
            lines.flush()
            while True:
                line = lines.readline()
                if not line:
                    raise Failure(f"QEMU of {vm.name} left during {name}")
                answer = json.loads(line)
                if "event" in answer:
                    continue
                if "error" in answer:
                    raise Failure(f"QEMU of {vm.name}: {name}: {answer['error']['desc']}")
                break
        return answer["return"]


def kill_card(lab, vm, card):
    """A card's process is killed between two instructions of the guest.

    QEMU 11.1 aborts (error_setv: Assertion `*errp == NULL') when it is killed with a message in its socket unread.
    """
    qmp(lab, vm, "stop")
    time.sleep(1)
    card.stop(signal.SIGKILL)
    time.sleep(1)
    qmp(lab, vm, "cont")


def guest_memory(vm):
    """The guest's memory as a file: what a card that writes where it should not, would write."""
    for fd in Path(f"/proc/{vm.process.pid}/fd").iterdir():
        if "memfd:memory-backend-memfd" in os.readlink(fd):
            return open(fd, "r+b", buffering=0)
    raise Failure(f"no memory of guest {vm.name} to be found")


# ---- registers that lie ----

HEADER = struct.Struct("<HHII")  # vfio-user: id, command, bytes of the message, flags
REGION_READ, REPLY = 9, 1
READ = struct.Struct("<QII")  # offset, region, bytes
BAR0 = 0


class Claims:
    """Stands between QEMU and a card: what goes by is left as it is, but for some registers that read otherwise."""

    def __init__(self, lab, card, registers):
        self.socket = lab.work / f"{card.name}.claims"
        self.card, self.registers = card, registers
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket))
        self.listener.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        qemu, _ = self.listener.accept()
        card = socket.socket(socket.AF_UNIX)
        card.connect(str(self.card.socket))
        threading.Thread(target=relay, args=(qemu, card, bytes), daemon=True).start()
        relay(card, qemu, self.change)

    def change(self, message):
        """A reply to a read of one of the registers, with the value that it is to have."""
        _, command, _, flags = HEADER.unpack_from(message)
        if command != REGION_READ or flags & 0xF != REPLY or len(message) < 16 + READ.size:
            return bytes(message)
        offset, region, count = READ.unpack_from(message, 16)
        if region == BAR0 and count == 4 and offset in self.registers:
            struct.pack_into("<I", message, 16 + READ.size, self.registers[offset])
        return bytes(message)


def relay(source, sink, change):
    """Messages one after the other, whole, with the file descriptors that come with them, until somebody leaves."""
    try:
        while True:
            message, fds = bytearray(), []
            size = 16
            while len(message) < size:
                piece, more, _, _ = socket.recv_fds(source, size - len(message), 16)
                if not piece:
                    return
                message += piece
                fds += more
                if len(message) == 16:
                    size = HEADER.unpack_from(message)[2]
            sent = socket.send_fds(sink, [change(message)], fds)
            sink.sendall(message[sent:])
            for fd in fds:
                os.close(fd)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


# ---- firmware for the card's RISC-V: a few instructions that set the registers of vesper_mgmt.rdl ----

REGISTERS = 0x30000000
STATE = 0x008
READY, OPEN, SELFTEST_FAILED = 1, 2, 4
SLEEP = 0x0800400B  # waitirq: until the mailbox has a message
STAY = 0xFFDFF06F  # j to the one before
TRAP = 0x00100073  # ebreak


def firmware(path, *words):
    path.write_text("".join(f"{word:08x}\n" for word in words))
    return path


def set_state(state):
    """lui a0, REGISTERS; li a1, state; sw a1, STATE(a0)"""
    return (
        REGISTERS | 10 << 7 | 0x37,
        state << 20 | 11 << 7 | 0x13,
        11 << 20 | 10 << 15 | 2 << 12 | STATE << 7 | 0x23,
    )
