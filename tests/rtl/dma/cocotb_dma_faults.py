# SPDX-License-Identifier: BSD-2-Clause
"""What goes wrong on the bus, at the doorbells and in the configuration costs its pair, and only that."""

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from dma_bench import Bench, statuses
from host_memory import DECERR, SLVERR
from ring_driver import (
    ACTIVE,
    BAD_CONFIG,
    BASES,
    CTRL,
    DMA_ERROR,
    DMA_READ,
    DMA_WRITE,
    ENCRYPT,
    LOOKASIDE,
    NO_BUFFER,
    OK,
    RX_BAD_DOORBELL,
    TX_BAD_DOORBELL,
)


async def works(bench, pair):
    """A frame out and a lookaside round trip on `pair`."""
    bench.give(pair)
    await pair.ring("rx")
    data = bench.frame(bench.random.randrange(14, 2000))
    sent, received = len(pair.sent), len(pair.received)
    bench.send(pair, data, offset=5)
    bench.send(pair, data, flags=LOOKASIDE, offset=60)
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == sent + 2, f"pair {pair.number} works")
    assert statuses(pair.sent[sent:]) == [OK, OK]
    assert [d for d, meta in bench.wire if meta["qid"] == pair.number][-1] == data
    assert [e["data"] for e in pair.received[received:]] == [data]


@cocotb.test()
async def unreadable_frames(dut):
    """RRESP of a frame, at its first, middle or last beat: DMA_READ for it alone; none of it leaves."""
    bench = await Bench(dut, latency=15, reorder=True).start()
    pair = bench.pairs[0]
    good, index = [], {}
    for n in range(24):
        data = bench.frame(1000)
        if n % 3:
            offset = bench.random.randrange(64)
            address = bench.memory.alloc(1000, offset=offset)
            bench.memory.open(address, 1000, read=True)
            bad = (address + (0, 500, 999)[n % 3 if n % 2 else 0]) & ~63
            bench.memory.read_errors[bad] = (SLVERR, DECERR)[n % 2]
            index[pair.send(address, 1000, flags=LOOKASIDE * (n % 2))] = DMA_READ
        else:
            good.append(data)
            index[bench.send(pair, data)] = OK
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == 24, "completions")
    assert {e["index"]: e["status"] for e in pair.sent} == index
    assert all(e["len"] == 0 for e in pair.sent if e["status"])
    assert [data for data, _ in bench.wire] == good
    # Not mapped at all.
    pair.send(0x7777_0000_0FFF, 9000)
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == 25, "completion")
    assert pair.sent[-1]["status"] == DMA_READ
    assert bench.memory.strays and all(
        0x7777_0000_0FC0 <= a < 0x7777_0000_0FFF + 9000 for a in bench.memory.strays
    )
    assert await pair.state() == ACTIVE
    await works(bench, pair)
    await bench.settle()


@cocotb.test()
async def unwritable_buffers(dut):
    """BRESP of a frame's data: the buffer completes with DMA_WRITE and no byte, a lookaside descriptor too."""
    bench = await Bench(dut, latency=15).start()
    pair = bench.pairs[1]
    first, second, third = (bench.give(pair, 4096 + 512) for _ in range(3))
    bench.memory.write_errors[first] = SLVERR
    bench.memory.write_errors[second + 4096] = DECERR
    await pair.ring("rx")
    bench.from_wire(bench.frame(100), pair=1)
    await bench.settle()
    bench.send(pair, bench.frame(4500), flags=LOOKASIDE)
    last = bench.frame(4500)
    bench.send(pair, last, flags=LOOKASIDE)
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == 2, "completions")
    assert statuses(pair.received) == [DMA_WRITE, DMA_WRITE, OK]
    assert [e["data"] for e in pair.received] == [b"", b"", last]
    assert [e["address"] for e in pair.received] == [first, second, third]
    assert [(e["status"], e["len"]) for e in pair.sent] == [(DMA_WRITE, 0), (OK, 4500)]
    assert bench.counts("rx") == {DMA_WRITE: 1} and bench.counts("tx") == {DMA_WRITE: 1, OK: 1}
    assert await pair.state() == ACTIVE
    await works(bench, pair)
    await bench.settle()


@cocotb.test()
async def ring_errors_halt_one_pair(dut):
    """A failed access to any of the four rings halts its pair, tells by interrupt, and spares the other."""
    bench = await Bench(dut, latency=25, stall=0.1).start()
    victim, other = bench.pairs
    await works(bench, other)
    for name, table in (
        ("tx desc", "read"), ("rx desc", "read"), ("tx cpl", "write"), ("rx cpl", "write"),
    ):  # fmt: skip
        ring = victim.tx if name.startswith("tx") else victim.rx
        address = ring.desc if name.endswith("desc") else ring.cpl
        errors = bench.memory.read_errors if table == "read" else bench.memory.write_errors
        errors[address] = SLVERR
        irqs = bench.irqs.count(0)
        await victim.arm(tx=0x7FFF, rx=0x7FFF)  # news only if something is wrong
        irqs += 1  # a `seen` beyond everything counts as news at once
        await bench.until(lambda n=irqs: bench.irqs.count(0) == n, "first interrupt")
        await victim.arm()
        for _ in range(8):
            bench.give(victim)
            bench.send(victim, bench.frame(200), flags=LOOKASIDE)
            bench.send(victim, bench.frame(200))
        await victim.ring("rx")
        await victim.ring()
        for _ in range(3):
            await works(bench, other)
        await bench.until(lambda n=irqs: bench.irqs.count(0) > n, f"interrupt after an error of {name}")
        assert await victim.state() == ACTIVE | DMA_ERROR, name
        await bench.settle()
        # Halted for good: doorbells do nothing.
        before = bench.memory.bursts
        await victim.ring()
        await ClockCycles(dut.clk, 200)
        assert bench.memory.bursts == before
        assert await other.state() == ACTIVE

        errors.clear()
        await victim.disable()
        await victim.enable()
        await works(bench, victim)
        await works(bench, other)
        await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def doorbells_beyond_the_ring(dut):
    """A tail too far or going back is ignored, flagged and counted; the next right one works."""
    bench = await Bench(dut, pairs=((4, 3), (15, 15))).start()
    pair, other = bench.pairs
    data = bench.frame(80)
    bench.send(pair, data)
    await pair.ring()
    await bench.until(lambda: pair.sent, "completion")
    assert await pair.state() == ACTIVE
    bursts = bench.memory.bursts
    for tail in (pair.tx.tail + 17, 0x8000, pair.tx.tail - 1, 0):
        await pair.ring("tx", tail)
    assert await pair.state() == ACTIVE | TX_BAD_DOORBELL
    for tail in (9, 0xFFFF):
        await pair.ring("rx", tail)
    assert await pair.state() == ACTIVE | TX_BAD_DOORBELL | RX_BAD_DOORBELL
    assert int(dut.bad_doorbells.value) == 6
    await ClockCycles(dut.clk, 100)
    assert bench.memory.bursts == bursts, "a refused doorbell fetched something"
    await works(bench, pair)
    assert await other.state() == ACTIVE
    # Exactly a ring ahead is right: all 16 at once.
    for _ in range(16):
        bench.send(pair, data)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    # Going back is wrong also while descriptors are open.
    bench.sink.stall = lambda: True
    for _ in range(3):
        bench.send(pair, data)
    await pair.ring()
    await pair.ring("tx", pair.tx.tail - 1)
    await ClockCycles(dut.clk, 4)
    assert int(dut.bad_doorbells.value) == 7
    bench.sink.stall = lambda: False
    await bench.until(lambda: not pair.tx.open, "completions")
    # And so it is on the largest ring.
    await other.ring("tx", 0x8001)
    assert await other.state() == ACTIVE | TX_BAD_DOORBELL
    # A new enable clears the flags.
    await pair.disable()
    await pair.enable()
    assert await pair.state() == ACTIVE
    await works(bench, pair)
    await bench.settle()


@cocotb.test()
async def refused_configuration(dut):
    """Ring sizes outside 3..15 and crooked bases: not active, bad_config, and nothing on the bus."""
    bench = await Bench(dut, pairs=((3, 3), (15, 4))).start(enable=False)
    pair = bench.pairs[0]
    for ctrl in (1 | 2 << 8 | 3 << 12, 1 | 3 << 8 | 0 << 12, 1):
        await pair.write(CTRL, ctrl)
        assert await pair.state() == BAD_CONFIG
        await pair.ring("tx", 1)
        await pair.write(CTRL, 0)
        assert await pair.state() == BAD_CONFIG
    await pair.enable()
    await pair.disable()
    for name in ("tx", "rx"):
        for offset in BASES[name]:
            await pair.write(offset, 0x1020)
            await pair.write(CTRL, 1 | 3 << 8 | 3 << 12)
            assert await pair.state() == BAD_CONFIG
            await pair.write(CTRL, 0)
            await pair.write(offset, 0x1000)
    assert bench.memory.bursts == 0
    for pair in bench.pairs:
        await pair.enable()
        await works(bench, pair)
    await bench.settle()


@cocotb.test()
async def bus_master_off(dut):
    """With bus mastering off no access starts, not even of a frame half asked for; switched on again it goes on."""
    bench = await Bench(dut, latency=40, size=16 << 20).start()
    pair = bench.pairs[0]
    frames = []

    async def burst():
        for _ in range(10):
            data = bench.frame(bench.random.choice((100, 9000)))
            frames.append(data)
            bench.send(pair, data, offset=7)
        await pair.ring()

    for wait in range(0, 120, 7):
        await burst()
        await ClockCycles(dut.clk, wait)
        dut.bus_master_en.value = 0
        # What is presented already may be taken; from then on nothing new.
        await ClockCycles(dut.clk, 4)
        before = bench.memory.bursts
        for _ in range(150):
            await RisingEdge(dut.clk)
            assert dut.m_axi_arvalid.value == 0 and dut.m_axi_awvalid.value == 0
        assert bench.memory.bursts == before
        dut.bus_master_en.value = 1
        await bench.until(lambda: not pair.tx.open, "completions")
    assert [data for data, _ in bench.wire] == frames
    assert statuses(pair.sent) == [OK] * len(frames)
    assert len(frames) == 180
    # Work that waits for the bus alone is no reason to keep the clock running.
    dut.bus_master_en.value = 0
    bench.send(pair, frames[0])
    await pair.ring()
    await bench.settle()
    dut.bus_master_en.value = 1
    await bench.until(lambda: not pair.tx.open, "completion")
    # Frames from the wire find no buffer meanwhile.
    bench.give(pair)
    await pair.ring("rx")
    await bench.settle()
    dut.bus_master_en.value = 0
    bench.from_wire(bench.frame(60))
    await bench.settle()
    dut.bus_master_en.value = 1
    bench.from_wire(frames[0][:60])
    await bench.settle()
    assert [e["data"] for e in pair.received] == [frames[0][:60]]
    assert not bench.memory.strays


@cocotb.test()
async def bus_master_off_within_a_frame(dut):
    """A received frame whose next burst may not begin is given up: the pipe goes on, its buffer comes back empty."""
    bench = await Bench(dut, latency=25, size=16 << 20).start()
    pair = bench.pairs[0]
    lost = whole = dropped = 0
    for wait in range(0, 170, 5):
        bench.give(pair, 9024)
        await pair.ring("rx")
        await bench.settle()
        data = bench.frame(9000)  # three bursts of 64 beats at most
        bench.from_wire(data)
        await ClockCycles(dut.clk, wait)
        dut.bus_master_en.value = 0
        await ClockCycles(dut.clk, 66)  # a burst that has begun may end
        before = bench.memory.bursts
        for _ in range(3):
            bench.from_wire(bench.frame(200))
        await bench.until(lambda: not bench.inject.items, "the pipe goes on", 400)
        await ClockCycles(dut.clk, 100)
        assert bench.memory.bursts == before, "an access with bus mastering off"
        dropped += 3
        dut.bus_master_en.value = 1
        count = len(pair.received)
        await bench.settle()
        if len(pair.received) == count and pair.rx.open:  # it came when nothing was allowed any more
            dropped += 1
            bench.from_wire(data)
            await bench.settle()
        entry = pair.received[-1]
        assert (entry["status"], entry["data"]) in ((OK, data), (DMA_WRITE, b""))
        lost += entry["status"] == DMA_WRITE
        whole += entry["status"] == OK
        assert len(pair.received) == lost + whole
    assert lost > 5 and whole > 5, (lost, whole)
    assert bench.counts("rx") == {OK: whole, DMA_WRITE: lost, NO_BUFFER: dropped}
    # The same for a lookaside result: its descriptor learns of it.
    bench.give(pair, 9024)
    await pair.ring("rx")
    bench.send(pair, bench.frame(9000), flags=LOOKASIDE)
    await pair.ring()
    while not (dut.m_axi_awvalid.value == 1 and int(dut.m_axi_awid.value) < 64):
        await RisingEdge(dut.clk)
    dut.bus_master_en.value = 0
    await ClockCycles(dut.clk, 400)
    dut.bus_master_en.value = 1
    await bench.until(lambda: not pair.tx.open, "completion")
    assert [(e["status"], e["len"]) for e in pair.sent] == [(DMA_WRITE, 0)]
    await works(bench, pair)
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def bus_master_off_for_long(dut):
    """More completions than the card can hold while bus mastering is off: their pair halts, the pipes go on."""
    bench = await Bench(dut, latency=60, size=16 << 20).start()
    pair, other = bench.pairs
    for _ in range(60):
        bench.give(pair, 256)
    await pair.ring("rx")
    await bench.settle()
    for _ in range(50):
        bench.from_wire(bench.frame(64))
    for _ in range(20):
        bench.send(pair, bench.frame(64), op=ENCRYPT, sa=0xDEAD)
        bench.send(pair, bench.frame(64), flags=LOOKASIDE)
    await pair.ring()
    for _ in range(400):
        await RisingEdge(dut.clk)
        if len(bench.inject.items) < 20:
            break
    dut.bus_master_en.value = 0
    await ClockCycles(dut.clk, 4)
    before = bench.memory.bursts
    for _ in range(200):
        bench.from_wire(bench.frame(64), pair=1)
    await bench.until(lambda: not bench.inject.items, "the pipe goes on", 4000)
    await bench.settle()
    assert bench.memory.bursts == before
    assert await pair.state() == ACTIVE | DMA_ERROR
    assert await other.state() == ACTIVE
    assert bench.counts("rx")[NO_BUFFER] >= 200
    dut.bus_master_en.value = 1
    await works(bench, other)
    await pair.disable()
    pair.turned.clear()
    pair.sent.clear()
    pair.received.clear()
    for ring in (pair.tx, pair.rx):
        ring.reset()
    await pair.enable()
    await works(bench, pair)
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def disable_under_load(dut):
    """Disabling in the middle of traffic drains: what was begun completes, and a new enable starts at 0."""
    bench = await Bench(dut, latency=30, stall=0.1, size=32 << 20).start()
    pair, other = bench.pairs
    for turn in range(25):
        for _ in range(20):
            bench.give(pair)
            bench.send(
                pair,
                bench.frame(bench.random.randrange(14, 1500)),
                flags=LOOKASIDE * bench.random.randrange(2),
            )
        await pair.ring("rx")
        await pair.ring()
        await ClockCycles(dut.clk, turn * 13)
        begun = len(bench.wire)
        await pair.disable()
        pair.poll()
        finished = len(bench.wire)
        # The order of completions of one path has no hole; what never began is still open.
        done = sorted(e["index"] for e in pair.sent)
        assert done == list(range(len(done))) and finished >= begun
        assert all(e["status"] == OK for e in pair.sent)
        before = bench.memory.bursts
        await ClockCycles(dut.clk, 150)
        assert bench.memory.bursts == before, "a disabled pair went to the bus"
        for ring in (pair.tx, pair.rx):
            ring.reset()
        pair.sent.clear()
        pair.received.clear()
        await pair.enable()
        await works(bench, other)
    await works(bench, pair)
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def interrupts(dut):
    """Armed: exactly one message as soon as there is news, at once if there was; disarmed: none."""
    bench = await Bench(dut, latency=20).start()
    pair, other = bench.pairs

    async def round_trip(count=1):
        for _ in range(count):
            bench.send(pair, bench.frame(64))
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions")
        await ClockCycles(dut.clk, 60)

    await round_trip()
    assert bench.irqs == [], "an interrupt though not armed"
    await pair.arm(tx=0)
    await ClockCycles(dut.clk, 20)
    assert bench.irqs == [0], "news before arming"
    await round_trip(5)
    assert bench.irqs == [0], "disarmed after one"
    await pair.arm()
    await ClockCycles(dut.clk, 200)
    assert bench.irqs == [0], "no news"
    await round_trip(8)
    assert bench.irqs == [0, 0], "one for all of them"

    # RX is news too, of pair 1, while the receiver of messages is slow.
    bench.give(other)
    await other.ring("rx")
    await other.arm()
    await pair.arm()
    dut.msix_ready.value = 0
    bench.from_wire(bench.frame(64), pair=1)
    await round_trip()
    await ClockCycles(dut.clk, 50)
    assert dut.msix_valid.value == 1 and dut.idle.value == 0
    dut.msix_ready.value = 1
    await bench.settle()
    assert sorted(bench.irqs[2:]) == [0, 1]

    # A driver as it is written: arm, sleep until the message, consume, arm again. It must never sleep for good,
    # and never wake for nothing, whatever the timing.
    bench.irqs.clear()
    total, spurious = 0, 0
    for n in range(150):
        await pair.arm()
        woken = len(bench.irqs)
        for _ in range(1 + n % 3):
            bench.send(pair, bench.frame(64))
        await ClockCycles(dut.clk, bench.random.randrange(30))
        await pair.ring()
        for _ in range(2000):
            if len(bench.irqs) > woken:
                break
            await RisingEdge(dut.clk)
        else:
            raise AssertionError(f"round {n}: no interrupt; {len(pair.tx.open)} open")
        assert len(bench.irqs) == woken + 1
        before = pair.tx.seen
        pair.poll()
        spurious += pair.tx.seen == before
        total += 1
        if bench.random.random() < 0.5:
            await bench.until(lambda: not pair.tx.open, "completions", step=1)
            await bench.settle()
    assert spurious == 0, f"{spurious} of {total} interrupts without news"
    await bench.settle()
