# SPDX-License-Identifier: BSD-2-Clause
"""A driver of the card's rings in Python, as short as the ABI allows, and strict about what it gets back."""

import struct
from collections import deque

PLAIN, ENCRYPT, DECRYPT, POLICY, INPLACE, DUMMY, CONTEXT, NUMBERED, CONTEXT_NUMBERED = range(9)
LOOKASIDE, MORE, CSUM, TSO = 1, 2, 4, 8
PIECES_MAX = 64
(OK, BAD_LENGTH, BAD_FLAGS, BAD_OP, DMA_READ, DMA_WRITE, NO_BUFFER, NOT_READY, SA_STALE) = range(9)
TOO_BIG, ICV = 11, 23
CPL_PHASE, CPL_ESP, CPL_LOOKASIDE, CPL_INPLACE = 1, 2, 4, 8

# BAR0, as driver/abi/vesper.rdl lays it out.
CTRL, STATE = 0x00, 0x04
BASES = {"tx": (0x10, 0x18), "rx": (0x20, 0x28)}
TAIL = {"tx": 0x0, "rx": 0x4}
ARM = 0x8
ACTIVE, BAD_CONFIG, TX_BAD_DOORBELL, RX_BAD_DOORBELL, DMA_ERROR = 1, 2, 4, 8, 16


def config_at(pair):
    return 0x2000 + 0x80 * pair


def doorbell_at(pair):
    return 0x10000 + 0x1000 * pair


class Ring:
    """Descriptors out, completions in; `tail` and `seen` are free-running."""

    def __init__(self, memory, log2):
        self.memory, self.log2, self.size = memory, log2, 1 << log2
        self.desc = memory.alloc(16 * self.size)
        self.cpl = memory.alloc(16 * self.size)
        memory.open(self.desc, 16 * self.size, read=True)
        memory.open(self.cpl, 16 * self.size, write=True)
        self.reset()

    def reset(self):
        self.memory.write(self.cpl, bytes(16 * self.size))
        self.tail = self.seen = 0
        self.open = {}  # index of each descriptor that has not completed

    @property
    def free(self):
        return self.size - ((self.tail - self.seen) & 0xFFFF)

    def post(self, descriptor, note):
        assert self.free, "ring is full"
        self.memory.write(self.desc + 16 * (self.tail % self.size), descriptor)
        assert self.tail not in self.open
        self.open[self.tail] = note
        self.tail = (self.tail + 1) & 0xFFFF

    def poll(self):
        """The next completion, if it is there."""
        raw = self.memory[self.cpl + 16 * (self.seen % self.size), 16]
        if (raw[5] & CPL_PHASE) != (1 ^ (self.seen >> self.log2 & 1)):
            return None
        self.seen = (self.seen + 1) & 0xFFFF
        return raw


class Pair:
    """One queue pair. Completions are gathered by poll() in `sent` and `received`, in their order."""

    def __init__(self, bus, memory, number, tx_log2=6, rx_log2=6):
        self.bus, self.memory, self.number = bus, memory, number
        self.tx, self.rx = Ring(memory, tx_log2), Ring(memory, rx_log2)
        self.buffers = deque()
        self.sent, self.received = [], []
        self.turned, self.tags = set(), set()  # lookaside descriptors, and those whose result is here

    # ---- registers ----
    async def write(self, offset, value):
        await self.bus.write_dword(config_at(self.number) + offset, value)

    async def state(self):
        return await self.bus.read_dword(config_at(self.number) + STATE)

    async def enable(self):
        for name, ring in (("tx", self.tx), ("rx", self.rx)):
            ring.reset()
            for offset, base in zip(BASES[name], (ring.desc, ring.cpl), strict=True):
                await self.write(offset, base & 0xFFFFFFFF)
                await self.write(offset + 4, base >> 32)
        self.buffers.clear()
        self.turned.clear()
        self.tags.clear()
        await self.write(CTRL, 1 | self.tx.log2 << 8 | self.rx.log2 << 12)
        assert await self.state() == ACTIVE

    async def disable(self, patience=2000):
        await self.write(CTRL, 0)
        for _ in range(patience):
            if not await self.state() & ACTIVE:
                return
        raise AssertionError(f"pair {self.number} still drains")

    async def ring(self, which="tx", index=None):
        index = getattr(self, which).tail if index is None else index & 0xFFFF
        await self.bus.write_dword(doorbell_at(self.number) + TAIL[which], index)

    async def arm(self, tx=None, rx=None):
        tx = self.tx.seen if tx is None else tx
        rx = self.rx.seen if rx is None else rx
        await self.bus.write_dword(doorbell_at(self.number) + ARM, rx << 16 | tx)

    # ---- rings ----
    def send(self, address, length, op=PLAIN, flags=0, sa=0, note=None):
        """Post a descriptor; returns its index."""
        index = self.tx.tail
        if flags & (LOOKASIDE | MORE) == LOOKASIDE:
            self.turned.add(index)
        self.tx.post(struct.pack("<QHBBI", address, length, op, flags, sa), note)
        return index

    def context(
        self,
        seq_hi=0,
        mss=0,
        hdr_len=0,
        csum_start=0,
        flags=0,
        csum_offset=0,
        l3_offset=0,
        note=None,
        seq=None,
    ):
        """Post what holds for the next frame, with `seq` a CONTEXT_NUMBERED; returns its index."""
        index = self.tx.tail
        if seq is None:
            fields = (seq_hi, mss, hdr_len, csum_start, CONTEXT, flags, csum_offset, l3_offset)
            descriptor = struct.pack("<IHHHBBHH", *fields)
        else:
            fields = (seq, mss, CONTEXT_NUMBERED, flags, hdr_len, csum_start, csum_offset, l3_offset)
            descriptor = struct.pack("<QHBBBBBB", *fields)
        self.tx.post(descriptor, note)
        return index

    def give(self, address, length, reserved0=0, reserved1=0):
        """Post an RX buffer."""
        self.rx.post(struct.pack("<QHHI", address, length, reserved0, reserved1), (address, length))

    def poll(self):
        done = len(self.sent)
        while raw := self.tx.poll():
            index, length, status, flags, reserved, seq = struct.unpack("<HHBBHQ", raw)
            assert reserved == 0 and flags & ~CPL_PHASE == 0
            assert index in self.tx.open, f"descriptor {index} completed twice, or never was"
            note = self.tx.open.pop(index)
            self.sent.append({"index": index, "len": length, "status": status, "seq": seq, "note": note})
        while raw := self.rx.poll():
            index, length, status, flags, tag, sa, seq = struct.unpack("<HHBBHII", raw)
            assert index in self.rx.open, f"buffer {index} completed twice, or never was"
            assert index == (self.rx.seen - 1) & 0xFFFF, "RX completions are out of order"
            address, size = self.rx.open.pop(index)
            assert length <= size
            entry = {"index": index, "status": status, "flags": flags & ~CPL_PHASE, "tag": tag, "sa": sa}
            entry["seq"] = seq
            self.received.append(entry | {"data": self.memory[address, length], "address": address})
            if flags & CPL_LOOKASIDE:
                self.tags.add(tag)
        # Whoever sees the TX completion of a lookaside descriptor finds its result.
        for entry in self.sent[done:]:
            if entry["index"] in self.turned:
                self.turned.discard(entry["index"])
                assert entry["status"] != OK or entry["index"] in self.tags, (
                    f"result of {entry['index']} is not there"
                )
                self.tags.discard(entry["index"])
