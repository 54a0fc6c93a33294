# SPDX-License-Identifier: BSD-2-Clause
"""What the DMA tests share: clock, host memory, driver, both ends of the pipe."""

import logging
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from frames import BEAT_T, META_T, Sink, Source, beats, check_framing
from host_memory import HostMemory
from ring_driver import MORE, Pair


def ones_sum(data):
    """One's complement sum of numbers of 16 bits (RFC 1071), not inverted."""
    data += b"\0" * (len(data) & 1)
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_checksum(data, start, offset):
    """The frame as the card sends it with a checksum put in."""
    value = (ones_sum(data[start:]) ^ 0xFFFF) or 0xFFFF
    return data[: start + offset] + value.to_bytes(2, "big") + data[start + offset + 2 :]


def before_checksum(data, start, offset):
    """The frame of which with_checksum() makes this one; the field there must not be 0."""
    field = start + offset
    rest = data[start:field] + b"\0\0" + data[field + 2 :]
    # Whatever adds up to what the field is the complement of.
    wanted = (int.from_bytes(data[field : field + 2], "big") ^ 0xFFFF) - ones_sum(rest)
    return data[:field] + (wanted % 0xFFFF).to_bytes(2, "big") + data[field + 2 :]


class Host:
    """A host with its driver: memory, registers, queue pairs, interrupts."""

    def __init__(self, dut, seed=1, pairs=((6, 6), (6, 6)), model=HostMemory, **memory):
        self.dut = dut
        seed = 1000 * seed + int(os.environ.get("VESPER_SEED", 1))
        self.random = random.Random(seed)
        self.memory = model(dut, seed=seed, **memory)
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.pairs = [Pair(self.bus, self.memory, i, *logs) for i, logs in enumerate(pairs)]
        self.irqs = []

    async def _interrupts(self):
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.msix_valid.value == 1 and self.dut.msix_ready.value == 1:
                self.irqs.append(int(self.dut.msix_vector.value))

    def frame(self, length):
        return self.random.randbytes(length)

    def send(self, pair, data, offset=0, note=None, **how):
        """Put a frame in host memory and post it; returns the descriptor's index."""
        address = self.memory.alloc(len(data), offset=offset)
        self.memory.open(address, len(data), read=True)
        self.memory.write(address, data)
        return pair.send(address, len(data), note=data if note is None else note, **how)

    def send_pieces(self, pair, data, cuts, flags=0, note=None, part=b"", **how):
        """The same in pieces that end at `cuts`, each at some alignment; returns the index of the last.

        note: of the last, by default the frame; part: of those before it.
        """
        ends = [0, *cuts, len(data)]
        for start, end in zip(ends, ends[1:], strict=False):
            last = end == len(data)
            index = self.send(
                pair,
                data[start:end],
                self.random.randrange(64),
                note=(data if note is None else note) if last else part,
                flags=flags if last else flags | MORE,
                **how,
            )
        return index

    def cuts(self, length, count):
        """Where `count` pieces of a frame end, but the last."""
        return sorted(self.random.sample(range(1, length), min(count, length) - 1))

    def give(self, pair, length=2048, **how):
        address = self.memory.alloc(length)
        self.memory.open(address, length, write=True)
        pair.give(address, length, **how)
        return address

    async def until(self, condition, what, patience=20000, step=8):
        for _ in range(patience // step):
            for pair in self.pairs:
                pair.poll()
            if condition():
                return
            await ClockCycles(self.dut.clk, step)
        raise AssertionError(f"{what}: not after {patience} cycles")

    def fed(self):
        """Has the card taken every frame that is on its way to it?"""
        raise NotImplementedError

    async def settle(self, patience=20000):
        """Until the card says that it is idle, and then a little longer: it must stay so and write nothing more."""
        await self.until(self.fed, "frames from the wire", patience, step=4)
        await ClockCycles(self.dut.clk, 4)
        await self.until(lambda: self.dut.idle.value == 1, "idle", patience, step=4)
        before = self.memory.write_bytes, self.memory.bursts
        await ClockCycles(self.dut.clk, 100)
        assert self.dut.idle.value == 1, "idle did not last"
        assert before == (self.memory.write_bytes, self.memory.bursts), "an idle card went to the bus"
        for pair in self.pairs:
            pair.poll()


class Bench(Host):
    def __init__(self, dut, wire_stall=0.0, **host):
        super().__init__(dut, **host)
        self.wire, self.wire_part, self.wire_cycles = [], b"", []
        stall = (lambda: self.random.random() < wire_stall) if wire_stall else (lambda: False)
        self.sink = Sink(dut, "wire", ["beat", "meta"], self._take, stall)
        self.inject = Source(
            dut, "inj", (lambda: self.random.random() < wire_stall) if wire_stall else (lambda: False)
        )

    async def start(self, enable=True):
        dut = self.dut
        dut.bus_master_en.value = 1
        dut.data_path_open.value = 1
        dut.msix_ready.value = 1
        dut.inj_beat.value = 0
        dut.inj_meta.value = 0
        for name in ("drop_valid", "drop", "sa_ev_valid", "sa_ev"):
            getattr(dut, name).value = 0
        Clock(dut.clk, 2, "ns").start()
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        for task in (self.memory.run(), self.sink.run(), self.inject.run(), self._interrupts()):
            cocotb.start_soon(task)
        await ClockCycles(dut.clk, 3)
        if enable:
            for pair in self.pairs:
                await pair.enable()
        return self

    def _take(self, item, cycle):
        data, last = check_framing(BEAT_T.unpack(item["beat"]))
        if not self.wire_part:
            self.wire_cycles.append(cycle)
        self.wire_part += data
        if last:
            meta = META_T.unpack(item["meta"])
            assert meta["host"] == 1 and meta["status"] == 0 and meta["len"] == len(self.wire_part)
            self.wire.append((self.wire_part, meta))
            self.wire_part = b""

    def fed(self):
        return not self.inject.items

    def from_wire(self, data, pair=0, **meta):
        words = beats(data)
        meta = META_T.pack(host=0, qid=pair, len=len(data), **meta)
        for word in words:
            self.inject.send(beat=word, meta=meta)

    def counts(self, which):
        """Verdicts by status, without those that are zero."""
        word = int(getattr(self.dut, f"{which}_counts").value)
        return {i: n for i in range(64) if (n := word >> 32 * i & 0xFFFFFFFF)}


def statuses(entries):
    return [entry["status"] for entry in entries]
