# SPDX-License-Identifier: BSD-2-Clause
"""Interrupt moderation: a message waits for a number of completions or for a time, and is never lost."""

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from dma_bench import Bench
from host_memory import SLVERR
from ring_driver import DMA_ERROR, LOOKASIDE

MODERATION = 0x08
SLACK = 40  # cycles between an answer of the bus and the message, at most


async def moderate(pair, delay=0, frames=0):
    await pair.write(MODERATION, frames << 16 | delay)


async def complete(bench, pair, count=1):
    """So many TX completions more, each of which stands in host memory."""
    for _ in range(count):
        bench.send(pair, bench.frame(64))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions", step=1)


async def cycles_to_irq(bench, limit):
    """Cycles until the next message; the card is never idle before it, for the simulator would stop its clock."""
    count = len(bench.irqs)
    for cycle in range(limit):
        if len(bench.irqs) > count:
            return cycle
        assert bench.dut.idle.value == 0, "idle while a message waits"
        await RisingEdge(bench.dut.clk)
    return None


async def quiet(bench, cycles):
    count = len(bench.irqs)
    await ClockCycles(bench.dut.clk, cycles)
    assert len(bench.irqs) == count, f"a message within {cycles} cycles"


@cocotb.test()
async def by_delay(dut):
    """One message, `delay` after the first completion, however many follow; the other pair's comes at once."""
    bench = await Bench(dut, latency=20).start()
    pair, other = bench.pairs
    for delay in (1, 2, 7, 30):
        await moderate(pair, delay)
        await pair.arm()
        await complete(bench, pair)
        gone = 0
        if delay > 10:
            start = get_sim_time("ns")
            await other.arm()
            await complete(bench, other)
            assert await cycles_to_irq(bench, SLACK) is not None and bench.irqs.pop() == 1
            await complete(bench, pair, 5)
            gone = (get_sim_time("ns") - start) // 2
        waited = await cycles_to_irq(bench, 64 * delay + SLACK)
        assert waited is not None and abs(gone + waited - 64 * delay) <= SLACK
        assert bench.irqs == [0]
        await bench.settle()
        await quiet(bench, 64 * delay)
        bench.irqs.clear()


@cocotb.test()
async def by_number(dut):
    """At the last of `frames` completions, TX and RX together; the delay ends the wait for one that does not come."""
    bench = await Bench(dut, latency=20).start()
    pair, _ = bench.pairs
    for frames in (1, 2, 3, 8, 40):
        await moderate(pair, 0xFFFF, frames)
        await pair.arm()
        for _ in range(frames - 1):
            await complete(bench, pair)
        if frames > 1:
            await quiet(bench, 300)
        await complete(bench, pair)
        assert await cycles_to_irq(bench, SLACK) is not None, f"{frames} completions, and no message"
    # A lookaside frame makes two.
    await moderate(pair, 0xFFFF, 4)
    await pair.arm()
    await complete(bench, pair, 2)
    await quiet(bench, 300)
    bench.give(pair)
    await pair.ring("rx")
    bench.send(pair, bench.frame(64), flags=LOOKASIDE)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "result", step=1)
    assert await cycles_to_irq(bench, SLACK) is not None, "RX completions do not count"
    # The delay comes first.
    await moderate(pair, 3, 200)
    await pair.arm()
    await complete(bench, pair, 2)
    waited = await cycles_to_irq(bench, 3 * 64 + SLACK)
    assert waited is not None and waited > 3 * 64 - 2 * SLACK
    # A number without a delay would wait for ever: it does not wait.
    await moderate(pair, 0, 200)
    await pair.arm()
    await complete(bench, pair)
    assert await cycles_to_irq(bench, SLACK) is not None
    await bench.settle()


@cocotb.test()
async def orders(dut):
    """Arm, completions and register writes in any order: the message that is due comes, and no other."""
    bench = await Bench(dut, latency=20).start()
    pair, _ = bench.pairs
    # News before arming: the wait begins then.
    await moderate(pair, 4)
    await complete(bench, pair)
    await ClockCycles(dut.clk, 300)
    await pair.arm(tx=0)
    waited = await cycles_to_irq(bench, 4 * 64 + SLACK)
    assert waited is not None and waited > 4 * 64 - SLACK
    # Enough of it before arming: at once.
    await moderate(pair, 4000, 3)
    await complete(bench, pair, 3)
    await pair.arm(tx=(pair.tx.seen - 3) & 0xFFFF)
    assert await cycles_to_irq(bench, SLACK) is not None
    # Seen while the message waited, and armed again: nothing is left to tell.
    await moderate(pair, 8)
    await pair.arm()
    await complete(bench, pair, 2)
    await ClockCycles(dut.clk, 100)
    await pair.arm()
    await quiet(bench, 8 * 64 + SLACK)
    # Seen in part: what is left is told in time.
    await complete(bench, pair, 2)
    await ClockCycles(dut.clk, 100)
    await pair.arm(tx=(pair.tx.seen - 1) & 0xFFFF)
    assert await cycles_to_irq(bench, 8 * 64 + SLACK) is not None
    # The registers change while the message waits: longer, shorter, not at all, by number.
    changes = [((4000,), ()), ((100,), (1,)), ((4000,), (4000, 2))]
    for late, now in changes:
        await moderate(pair, *late)
        await pair.arm()
        await complete(bench, pair, 2)
        await quiet(bench, 200)
        await moderate(pair, *now)
        assert await cycles_to_irq(bench, SLACK) is not None, now
    await moderate(pair, 3)
    await pair.arm()
    await complete(bench, pair)
    await moderate(pair, 20)
    await quiet(bench, 12 * 64)
    assert await cycles_to_irq(bench, 8 * 64 + SLACK) is not None
    # A message that the host's side is slow to take is not sent twice.
    await moderate(pair, 1, 1)
    dut.msix_ready.value = 0
    await pair.arm()
    await complete(bench, pair, 3)
    await ClockCycles(dut.clk, 200)
    count = len(bench.irqs)
    dut.msix_ready.value = 1
    await bench.settle()
    assert len(bench.irqs) == count + 1
    # A pair that is disabled meanwhile tells in time all the same.
    await moderate(pair, 10)
    await pair.arm()
    await complete(bench, pair)
    await pair.disable()
    assert await cycles_to_irq(bench, 10 * 64 + SLACK) is not None
    await bench.settle()


@cocotb.test()
async def errors_do_not_wait(dut):
    bench = await Bench(dut, latency=20).start()
    pair, _ = bench.pairs
    await moderate(pair, 0xFFFF, 255)
    await pair.arm()
    await complete(bench, pair)
    await quiet(bench, 100)
    bench.memory.read_errors[pair.tx.desc] = SLVERR
    bench.send(pair, bench.frame(64))
    await pair.ring()
    for _ in range(50):
        await ClockCycles(dut.clk, 8)
        if await pair.state() & DMA_ERROR:
            break
    assert await pair.state() & DMA_ERROR
    await ClockCycles(dut.clk, SLACK)
    assert bench.irqs == [0]
    await bench.settle()


@cocotb.test()
async def driver(dut):
    """As a driver is written: arm, sleep, consume; any setting, any timing. No sleep for good, no waking for nothing."""
    bench = await Bench(dut, latency=20).start()
    pair, _ = bench.pairs
    rnd, delay = bench.random, 0
    for n in range(120):
        if rnd.random() < 0.3:
            delay = rnd.choice((0, 0, 1, 2, 5))
            await moderate(pair, delay, rnd.choice((0, 0, 1, 2, 3, 6, 255)))
        await pair.arm()
        woken, sent = len(bench.irqs), rnd.randrange(1, 6)
        for _ in range(sent):
            bench.send(pair, bench.frame(64))
            if rnd.random() < 0.4:
                await pair.ring()
                await ClockCycles(dut.clk, rnd.randrange(100))
        await pair.ring()
        if rnd.random() < 0.2:
            delay = rnd.choice((0, 1, 3))
            await moderate(pair, delay, rnd.randrange(4))
        for _ in range(2000):
            if len(bench.irqs) > woken:
                break
            await RisingEdge(dut.clk)
        else:
            raise AssertionError(f"round {n}: no interrupt; {len(pair.tx.open)} open")
        before = pair.tx.seen
        pair.poll()
        assert pair.tx.seen != before, "woken for nothing"
        if rnd.random() < 0.5:
            await bench.until(lambda: not pair.tx.open, "completions", step=1)
            await bench.settle()
        assert len(bench.irqs) == woken + 1
    await bench.settle()
