# SPDX-License-Identifier: BSD-2-Clause
"""Ready/valid streams of packets for cocotb benches: a source and a sink with random gaps.

A stream is given by the names of its signals. Beats hold up to 64 bytes, byte 0 in the lowest bits.
Structs arrive as one packed vector, so fields are given by Struct, which mirrors a packed struct.
"""

from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadWrite, RisingEdge

BEAT = 64


async def reset(dut, tasks=(), cycles=3, clock=True):
    """Start the clock, in reset, and after that the tasks (things with a run()); returns what stops them."""
    dut.rst.value = 1
    if clock:
        await ReadWrite()  # the clock's first edge must find it
        Clock(dut.clk, 2, "ns").start()
    await ClockCycles(dut.clk, cycles)
    dut.rst.value = 0
    running = [cocotb.start_soon(task.run()) for task in tasks]

    def stop():
        for task in running:
            task.cancel()

    return stop


class Struct:
    """A packed struct: fields with their widths, first field in the highest bits."""

    def __init__(self, **widths):
        self.widths = widths
        self.width = sum(widths.values())

    def pack(self, **values):
        unknown = values.keys() - self.widths.keys()
        assert not unknown, f"no field {unknown}"
        word = 0
        for name, width in self.widths.items():
            value = values.get(name, 0)
            assert 0 <= value < 1 << width, f"{name} = {value} does not fit in {width} bits"
            word = word << width | value
        return word

    def unpack(self, word):
        fields = {}
        for name, width in reversed(self.widths.items()):
            fields[name] = word & ((1 << width) - 1)
            word >>= width
        return fields


BEAT_T = Struct(last=1, bytes=7, data=512)
META_T = Struct(
    host=1, lookaside=1, esp=1, inplace=1, more=1, op=8, status=8, qid=4, index=16, sa=32, len=16, seq=64,
)  # fmt: skip
VERDICT_T = Struct(host=1, silent=1, more=1, qid=4, index=16, status=8, len=16, seq=64)
EVENT_T = Struct(code=8, inbound=1, ipv6=1, src=128, dst=128, spi=32, sa=32, seq=64, flow_label=20)


def to_int(data):
    return int.from_bytes(data, "little")


def to_bytes(value, length):
    return int(value).to_bytes(length, "little")


def beats(data):
    """Packed beat_t words of a packet; an empty one is a single beat without bytes."""
    cuts = [data[i : i + BEAT] for i in range(0, len(data), BEAT)] or [b""]
    return [BEAT_T.pack(last=i == len(cuts) - 1, bytes=len(c), data=to_int(c)) for i, c in enumerate(cuts)]


def signal(dut, name, suffix):
    """Signal `suffix` of stream `name`; "" is the one that bears the stream's own name."""
    return getattr(dut, f"{name}_{suffix}" if suffix else name)


class Source:
    """Drives a stream: send(suffix=value, ...) is one transfer, held until taken; see signal().

    gap(): True to leave the next cycle empty.
    """

    def __init__(self, dut, name, gap=lambda: False):
        self.dut, self.gap, self.items = dut, gap, deque()
        self.name = name
        self.valid, self.ready = signal(dut, name, "valid"), signal(dut, name, "ready")
        self.valid.value = 0

    def send(self, *own, **signals):
        self.items.append({**signals, **({"": own[0]} if own else {})})

    async def run(self):
        busy = False
        while True:
            await RisingEdge(self.dut.clk)
            if busy and self.ready.value == 1:
                busy = False
            if not busy:
                if self.items and not self.gap():
                    for suffix, value in self.items.popleft().items():
                        signal(self.dut, self.name, suffix).value = value
                    busy = True
                self.valid.value = int(busy)


class Sink:
    """Takes a stream; `take(item)` gets a dict of the named signals and the cycle number.

    It checks that what is offered stays the same until it is taken.
    """

    def __init__(self, dut, name, signals, take, stall=lambda: False):
        self.dut, self.name, self.take, self.stall = dut, name, take, stall
        self.valid, self.ready = signal(dut, name, "valid"), signal(dut, name, "ready")
        self.signals = {s: signal(dut, name, s) for s in signals}
        self.ready.value = 0
        self.cycle = 0

    async def run(self):
        ready, offered = 0, None
        while True:
            await RisingEdge(self.dut.clk)
            self.cycle += 1
            if self.valid.value == 1:
                item = {s: int(handle.value) for s, handle in self.signals.items()}
                assert offered is None or offered == item, f"{self.name}: what was offered changed"
                offered = item
                if ready:
                    offered = None
                    self.take(item, self.cycle)
            else:
                assert offered is None, f"{self.name}: an offer was withdrawn"
            ready = int(not self.stall())
            self.ready.value = ready


def check_framing(item):
    """Bytes of a beat_t that must be zero are; only the last is short. Returns (bytes, last)."""
    count, data = item["bytes"], item["data"]
    assert count == BEAT or item["last"], f"a beat of {count} bytes within a packet"
    assert data >> 8 * count == 0, "bytes beyond the end are not zero"
    return to_bytes(data, count), bool(item["last"])


class Collector:
    """Puts the beats of a stream (a packed beat_t) together; packets are (bytes, last item, cycle)."""

    def __init__(self):
        self.packets, self.part, self.starts = [], b"", []
        self.fresh = True

    def __call__(self, item, cycle):
        if self.fresh:
            self.starts.append(cycle)
        data, last = check_framing(BEAT_T.unpack(item["beat"]))
        self.part += data
        self.fresh = last
        if last:
            self.packets.append((self.part, item, cycle))
            self.part = b""
