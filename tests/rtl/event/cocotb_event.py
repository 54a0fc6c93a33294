# SPDX-License-Identifier: BSD-2-Clause
"""The event ring: records, rate limit, room, enable and disable, bus mastering, errors, interrupts."""

from collections import Counter, deque

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from dma_bench import Bench
from event_driver import (
    ACTIVE,
    BAD_CONFIG,
    BAD_SEEN,
    CTRL,
    DMA_ERROR,
    FULL,
    INTERVAL,
    SEEN,
    EventRing,
    fields,
)
from frames import EVENT_T, Source
from host_memory import SLVERR

VECTOR = 2  # behind those of the pairs
REPLAY, ICV, NO_SA = 22, 23, 12
SOFT_PACKETS, LEASE_LOW = 64, 67
BURST = 16


class EventBench(Bench, EventRing):
    """The DMA's bench with events at its doors."""

    def __init__(self, dut, log2=6, **bench):
        super().__init__(dut, **bench)
        self.ring_memory(log2)
        self.sa_events = Source(dut, "sa_ev")
        self.pulses = deque()
        self.fired = []  # events that were offered, with their cycle

    async def start(self, interval=0, on=True):
        await super().start(enable=False)
        cocotb.start_soon(self.sa_events.run())
        cocotb.start_soon(self._pulse())
        await self.bus.write_dword(INTERVAL, interval)
        if on:
            await self.enable_ring()
        return self

    async def _pulse(self):
        """One item of `pulses` a cycle: an event or None of each source."""
        dut, busy = self.dut, False
        while True:
            await RisingEdge(dut.clk)
            if not self.pulses:
                if busy:
                    dut.drop_valid.value = 0
                busy = False
                continue
            pair = self.pulses.popleft()
            dut.drop_valid.value = sum((ev is not None) << i for i, ev in enumerate(pair))
            dut.drop.value = sum((ev or 0) << EVENT_T.width * i for i, ev in enumerate(pair))
            busy = True

    def event(self, code=ICV, **fields):
        """A packed event with the given fields, the others random."""
        values = {name: self.random.getrandbits(width) for name, width in EVENT_T.widths.items()}
        values |= {"code": code} | fields
        self.fired.append(values)
        return EVENT_T.pack(**values)

    def fed(self):
        return super().fed() and not self.pulses and not self.sa_events.items

    def counters(self):
        names = ("events", "events_suppressed", "events_lost")
        return tuple(int(getattr(self.dut, name).value) for name in names)


def codes(entries):
    return [e["code"] for e in entries]


@cocotb.test()
async def records(dut):
    """Every field of each source's events, round and round the smallest ring, beside frames; phase, order, time."""
    bench = await EventBench(dut, log2=3, latency=15, stall=0.2, reorder=True).start()
    pair = bench.pairs[0]
    await pair.enable()
    streams = {0: [], 1: [], 2: []}
    for n in range(60):
        start = int(dut.cycles.value)
        sources = bench.random.randrange(1, 8)
        pulses = [None, None]
        for i in range(3):
            if sources >> i & 1:
                code = bench.random.choice((ICV, NO_SA, REPLAY, SOFT_PACKETS, LEASE_LOW, 255))
                # Which source it was is known by the SA.
                word = bench.event(code, sa=1000 * n + i)
                streams[i].append(bench.fired[-1])
                if i == 2:
                    bench.sa_events.send(word)
                else:
                    pulses[i] = word
        bench.pulses.append(pulses)
        bench.give(pair)
        await pair.ring("rx")
        bench.from_wire(bench.frame(1500))
        await bench.settle()
        assert bench.take() == sources.bit_count()
        assert all(start < e["time"] <= int(dut.cycles.value) for e in bench.got[-sources.bit_count() :])
        await bench.tell()
    for i, stream in streams.items():
        got = [fields(e) for e in bench.got if e["sa"] % 1000 == i]
        assert got == [fields(e) for e in stream]
    assert all(e["suppressed"] == 0 for e in bench.got)
    assert bench.counters() == (len(bench.fired), 0, 0)
    assert len(bench.fired) > 24 and len(pair.received) == 60
    # Exactly the cycle in which it was offered.
    bench.pulses.append([bench.event(), None])
    while dut.drop_valid.value == 0:
        await RisingEdge(dut.clk)
    now = int(dut.cycles.value)
    await bench.settle()
    bench.take()
    assert bench.got[-1]["time"] == now
    assert bench.irqs == [] and not bench.memory.strays


@cocotb.test()
async def index_wrap(dut):
    """More events than 16 bits count, as fast as they can come."""
    bench = await EventBench(dut, log2=12, latency=5, size=1 << 20).start()
    total, sent = 66000, 0
    words = [bench.event(sa=i) for i in range(8)]
    expected = [fields(e) for e in bench.fired]
    while sent < total:
        for i in range(0, 512, 2):  # the bus takes one a cycle
            bench.pulses.append([words[i % 8], None])
            bench.pulses.append([None, words[i % 8 + 1]])
        sent += 512
        await bench.settle()
        while bench.take(4096):
            pass
        await bench.tell()
        got = sorted(bench.got, key=lambda e: e["sa"])
        assert len(got) == 512
        assert [fields(e) for e in got[::64]] == expected
        assert len({e["time"] for e in got}) == 512
        bench.got.clear()
    assert bench.counters() == (sent, 0, 0) and bench.seen > 1 << 16
    assert await bench.ring_state() == ACTIVE


@cocotb.test()
async def rate_limit(dut):
    """A burst of 16 of each drop code, then one an interval; the next record says how many were left out."""
    interval = 3000
    bench = await EventBench(dut, log2=8).start(interval=interval)
    # Both pulses in the same cycle share the bucket.
    for n in range(20):
        bench.pulses.append([bench.event(ICV, sa=2 * n), bench.event(ICV, sa=2 * n + 1)])
    for _ in range(10):
        bench.pulses.append([bench.event(REPLAY), None])
    for n in range(40):
        bench.sa_events.send(bench.event(SOFT_PACKETS, sa=n))
    await bench.settle()
    bench.take()
    count = Counter(codes(bench.got))
    assert count == {ICV: BURST, REPLAY: 10, SOFT_PACKETS: 40}
    assert sorted(e["sa"] for e in bench.got if e["code"] == ICV) == list(range(BURST))
    assert all(e["suppressed"] == 0 for e in bench.got)
    assert bench.counters() == (66, 24, 0)
    # A token comes back; the record brings the news of the 24. The other code still has six, and gets no seventh at once.
    await bench.tell()
    await ClockCycles(dut.clk, interval)
    bench.got.clear()
    bench.pulses.extend([[bench.event(ICV), bench.event(NO_SA)], [bench.event(ICV), None]])
    await bench.settle()
    bench.take()
    assert [(e["code"], e["suppressed"]) for e in bench.got if e["code"] == ICV] == [(ICV, 24)]
    assert [(e["code"], e["suppressed"]) for e in bench.got if e["code"] == NO_SA] == [(NO_SA, 0)]
    assert bench.counters() == (68, 25, 0)
    # The bucket holds no more than the burst, however long it is quiet.
    await bench.tell()
    await ClockCycles(dut.clk, 30 * interval)
    bench.got.clear()
    bench.pulses.extend([[bench.event(ICV), None]] * (BURST + 5))
    await bench.settle()
    bench.take()
    assert [e["suppressed"] for e in bench.got] == [1] + [0] * (BURST - 1)
    # Without a limit all pass, and what was left out is told.
    await bench.bus.write_dword(INTERVAL, 0)
    await bench.tell()
    bench.got.clear()
    bench.pulses.extend([[bench.event(ICV), None]] * 100)
    await bench.settle()
    bench.take()
    assert [e["suppressed"] for e in bench.got] == [5] + [0] * 99
    # More than the field can hold.
    await bench.tell()
    await bench.bus.write_dword(INTERVAL, 100_000)
    await bench.disable_ring()
    await bench.enable_ring()
    word = bench.event(REPLAY)
    before = bench.counters()[1]
    bench.pulses.extend([[word, word]] * (BURST // 2))
    await bench.settle()
    dut.drop.value = word << EVENT_T.width | word
    dut.drop_valid.value = 3
    await ClockCycles(dut.clk, 33_000)
    dut.drop_valid.value = 0
    await bench.settle()
    assert bench.take() == BURST
    assert bench.counters()[1] - before == 66_000
    await bench.bus.write_dword(INTERVAL, 1)
    await ClockCycles(dut.clk, 40)
    bench.pulses.append([word, None])
    await bench.settle()
    assert bench.take() == 1 and bench.got[-1]["suppressed"] == 65535
    assert not bench.memory.strays


@cocotb.test()
async def limit_by_chance(dut):
    """Random events: nothing beyond burst and rate gets through, nothing within is left out, every one is counted."""
    interval = 200
    bench = await EventBench(dut, log2=9, latency=10).start(interval=interval)
    for _ in range(12):
        for _ in range(400):
            pulses = [
                bench.event(bench.random.choice((ICV, ICV, ICV, NO_SA, REPLAY)))
                if bench.random.random() < p
                else None
                for p in (0.2, 0.1)
            ]
            bench.pulses.append(pulses)
            if bench.random.random() < 0.02:
                bench.sa_events.send(bench.event(bench.random.choice((ICV, LEASE_LOW))))
        await bench.settle()
        bench.take()
        await bench.tell()
        await ClockCycles(dut.clk, bench.random.randrange(1500))
    events, suppressed, lost = bench.counters()
    assert (events, events + suppressed, lost) == (len(bench.got), len(bench.fired), 0)
    fired, told = Counter(codes(bench.fired)), Counter()
    for entry in bench.got:
        told[entry["code"]] += entry["suppressed"]
    span = bench.got[-1]["time"] - bench.got[0]["time"]
    for code in (ICV, NO_SA, REPLAY):
        times = [e["time"] for e in sorted(bench.got, key=lambda e: e["time"]) if e["code"] == code]
        for i, start in enumerate(times):
            for k in range(i, len(times)):
                assert k - i + 1 <= BURST + (times[k] - start) // interval + 1, f"code {code}: too many"
        assert fired[code] - BURST - 2 * span // interval < len(times) + told[code] <= fired[code]
        assert told[code] > 0 or code != ICV
    assert sum(told.values()) <= suppressed
    assert Counter(codes(bench.got))[LEASE_LOW] == fired[LEASE_LOW]


@cocotb.test()
async def full_ring(dut):
    """What finds no place is lost and counted, and nobody waits for it; what the host consumes is room again."""
    bench = await EventBench(dut, log2=3).start()
    for n in range(6):
        bench.pulses.append([bench.event(sa=n), None])
    bench.sa_events.send(bench.event(SOFT_PACKETS, sa=6))
    await bench.settle()
    assert await bench.ring_state() == ACTIVE
    bench.pulses.append([bench.event(sa=7), bench.event(sa=8)])  # one place is left
    await bench.settle()
    assert await bench.ring_state() == ACTIVE | FULL
    for n in range(30):
        bench.pulses.append([bench.event(sa=100 + n), bench.event(sa=200 + n)])
        bench.sa_events.send(bench.event(LEASE_LOW, sa=300 + n))
    await bench.settle()
    assert bench.counters() == (8, 0, 91)
    assert bench.take(3) == 3
    await bench.tell()
    assert await bench.ring_state() == ACTIVE
    for n in range(5):
        bench.pulses.append([None, bench.event(sa=400 + n)])
    await bench.settle()
    assert await bench.ring_state() == ACTIVE | FULL
    assert bench.counters() == (11, 0, 93)
    bench.take()
    await bench.tell()
    assert sorted(e["sa"] for e in bench.got) == [*range(8), 400, 401, 402]
    # An event that is lost takes no news with it of those that the limit left out.
    await bench.bus.write_dword(INTERVAL, 1_000_000)
    await bench.disable_ring()
    await bench.enable_ring()
    bench.pulses.extend([[bench.event(), None]] * 30)  # 8 recorded, 8 lost, 14 left out
    await bench.settle()
    assert bench.counters() == (19, 14, 101)
    bench.got.clear()
    bench.take()
    await bench.tell()
    await bench.bus.write_dword(INTERVAL, 1)
    await ClockCycles(dut.clk, 5)
    bench.pulses.append([bench.event(), None])
    await bench.settle()
    bench.take()
    assert [e["suppressed"] for e in bench.got] == [0] * 8 + [14]
    assert await bench.ring_state() == ACTIVE and not bench.memory.strays


@cocotb.test()
async def enable_and_disable(dut):
    """Without a ring events are lost; a wrong one is refused; disabling writes what was taken; enabling starts anew."""
    bench = await EventBench(dut, log2=4, latency=80).start(on=False)
    assert await bench.ring_state() == 0

    async def loses(count):
        before = bench.counters()
        for _ in range(count):
            bench.pulses.append([bench.event(), bench.event()])
            bench.sa_events.send(bench.event(LEASE_LOW))
        await bench.settle()
        assert bench.counters() == (before[0], 0, before[2] + 3 * count)
        assert bench.memory.bursts == bench.bursts

    bench.bursts = 0
    await loses(40)
    for how in (dict(log2=2), dict(log2=13), dict(log2=0), dict(base=bench.ring_at + 32)):
        await bench.enable_ring(**how)
        assert await bench.ring_state() == BAD_CONFIG, how
        await loses(3)
        await bench.bus.write_dword(CTRL, 0)
    for _ in range(3):
        await bench.enable_ring()
        assert await bench.ring_state() == ACTIVE
        bench.pulses.extend([[bench.event(sa=n), None] for n in range(6)])
        while bench.pulses:
            await RisingEdge(dut.clk)
        await ClockCycles(dut.clk, 2)
        before = bench.counters()[2]
        await bench.bus.write_dword(CTRL, 0)
        bench.pulses.extend([[bench.event(sa=99), None]] * 3)
        assert await bench.ring_state() == ACTIVE, "answers are outstanding"
        await bench.disable_ring()
        await bench.settle()
        assert bench.counters()[2] == before + 3
        bench.got.clear()
        bench.take()
        assert [e["sa"] for e in bench.got] == list(range(6))
        bench.bursts = bench.memory.bursts
        await loses(2)
    # The largest ring, where it ends with the address space: nothing is mapped there.
    await bench.enable_ring(log2=12, base=(1 << 64) - (64 << 12))
    bench.pulses.append([bench.event(), None])
    await bench.settle()
    assert bench.memory.strays == [(1 << 64) - (64 << 12)]
    assert await bench.ring_state() == ACTIVE | DMA_ERROR


@cocotb.test()
async def bus_master_off(dut):
    """No access while it is off; what comes is lost and holds nobody up; what was taken before is written after."""
    bench = await EventBench(dut, log2=6, latency=30).start()
    pair = bench.pairs[0]
    await pair.enable()
    taken = lost = 0
    for wait in range(1, 30, 3):
        before = bench.counters()
        for n in range(12):
            bench.pulses.append([bench.event(sa=n), bench.event(sa=n + 100)])
        await ClockCycles(dut.clk, wait)
        dut.bus_master_en.value = 0
        await ClockCycles(dut.clk, 3)
        bursts = bench.memory.bursts
        for n in range(20):
            bench.pulses.append([bench.event(sa=n + 200), None])
            bench.sa_events.send(bench.event(LEASE_LOW))
        await bench.settle()  # idle, though events may wait for the bus
        assert bench.memory.bursts == bursts
        dut.bus_master_en.value = 1
        await bench.settle()
        after = bench.counters()
        bench.take()
        await bench.tell()
        taken += after[0] - before[0]
        lost += after[2] - before[2]
        assert after[0] - before[0] + after[2] - before[2] == 64
        assert after[2] - before[2] >= 40
    assert taken == len(bench.got) and taken > 100 and lost > 400
    bench.give(pair)
    await pair.ring("rx")
    bench.from_wire(bench.frame(100))
    await bench.settle()
    assert len(pair.received) == 1 and not bench.memory.strays
    assert await bench.ring_state() == ACTIVE


@cocotb.test()
async def write_error(dut):
    """A record that cannot be written halts the ring, tells once, and touches nobody else; enabling anew helps."""
    bench = await EventBench(dut, log2=5, latency=30).start()
    pair = bench.pairs[0]
    await pair.enable()
    for _ in range(2):
        bench.memory.write_errors[bench.ring_at + 64 * 3] = SLVERR
        await bench.tell(arm=1)
        bench.irqs.clear()
        before = bench.counters()
        bench.pulses.extend([[bench.event(sa=n), None] for n in range(3)])
        await bench.settle()
        assert bench.irqs == [VECTOR]
        bench.take()
        await bench.tell(arm=1)
        bench.pulses.extend([[bench.event(), bench.event()] for _ in range(40)])
        await bench.settle()
        assert bench.irqs == [VECTOR] * 2
        assert await bench.ring_state() == ACTIVE | DMA_ERROR
        after = bench.counters()
        assert sum(after) - sum(before) == 83 and after[2] - before[2] > 40
        bursts = bench.memory.bursts
        bench.pulses.append([bench.event(), bench.event()])
        await bench.settle()
        assert bench.memory.bursts == bursts
        assert await pair.state() == 1
        bench.memory.write_errors.clear()
        await bench.disable_ring()
        await bench.enable_ring()
        bench.got.clear()
        bench.pulses.append([bench.event(sa=77), None])
        await bench.settle()
        bench.take()
        assert [e["sa"] for e in bench.got] == [77]
        await bench.disable_ring()
        await bench.enable_ring()
        bench.got.clear()
    assert not bench.memory.strays


@cocotb.test()
async def interrupts(dut):
    """Armed: one message on the vector behind the pairs' as soon as there is news; `seen` must be what was written."""
    bench = await EventBench(dut, log2=4, latency=20).start()
    bench.pulses.append([bench.event(), None])
    await bench.settle()
    assert bench.irqs == [], "not armed"
    await bench.tell()
    await bench.settle()
    assert bench.irqs == [], "still not"
    await bench.tell(arm=1)
    await bench.settle()
    assert bench.irqs == [VECTOR], "news before arming"
    bench.pulses.append([bench.event(), None])
    await bench.settle()
    assert bench.irqs == [VECTOR], "disarmed after one"
    bench.take()
    await bench.tell(arm=1)
    await bench.settle()
    assert bench.irqs == [VECTOR], "no news"
    # With a pair's in the same time.
    pair = bench.pairs[1]
    await pair.enable()
    bench.give(pair)
    await pair.ring("rx")
    await pair.arm()
    await bench.settle()
    dut.msix_ready.value = 0
    bench.from_wire(bench.frame(100), pair=1)
    bench.sa_events.send(bench.event(LEASE_LOW))
    await ClockCycles(dut.clk, 200)
    assert dut.idle.value == 0
    dut.msix_ready.value = 1
    await bench.settle()
    assert sorted(bench.irqs[1:]) == [1, VECTOR]
    # A `seen` that goes back or beyond what was written is ignored, with its arming.
    bench.take()
    await bench.tell()
    assert await bench.ring_state() == ACTIVE
    bench.irqs.clear()
    for wrong in (bench.seen + 1, bench.seen - 1, bench.seen + 0x8000):
        await bench.bus.write_dword(SEEN, wrong & 0xFFFF | 1 << 16)
    assert await bench.ring_state() == ACTIVE | BAD_SEEN
    bench.pulses.append([bench.event(), None])
    await bench.settle()
    assert bench.irqs == []
    # A driver as it is written.
    for n in range(60):
        bench.take()
        woken = len(bench.irqs)
        await bench.tell(arm=1)
        bench.pulses.append([bench.event(), None])
        await ClockCycles(dut.clk, bench.random.randrange(40))
        await bench.until(lambda w=woken: len(bench.irqs) > w, f"round {n}: interrupt", 500, step=1)
        assert bench.take() > 0, "woken for nothing"
        await bench.settle()
        assert len(bench.irqs) == woken + 1
    assert not bench.memory.strays
