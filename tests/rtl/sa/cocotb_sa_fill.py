# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: a table that is empty, nine tenths full and full: what an install, a lookup and a packet cost.

FABRIC_REPORT, if set, is a file that gets a line a figure: name and value.
"""

import json
import os

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotb.utils import get_sim_time
from sa_bench import INBOUND, INSTALL, REMOVE, Table, in_req, out_req
from sa_model import (
    COMMIT,
    IN,
    IN_CTX,
    IN_RSP,
    MBX_FULL,
    MBX_OK,
    NO_SA,
    OK,
    OUT,
    OUT_CTX,
    OUT_REQ,
    OUT_RSP,
    Sa,
    seeded,
)

FIRST = {OUT: 0x1000, IN: 0x0200_0000}  # SPI of index 0
DST = bytes([192, 0, 2, 1]).ljust(16, b"\0")


async def fill(dut, direction, start, count):
    """Install `count` SAs."""
    dut.fill_in.value, dut.fill_spi.value, dut.fill_count.value = (
        int(direction == IN),
        FIRST[direction] + start,
        count,
    )
    dut.fill_go.value = 1
    await RisingEdge(dut.fill_busy)
    dut.fill_go.value = 0
    await FallingEdge(dut.fill_busy)
    assert int(dut.fill_refused.value) == 0


async def measured(t, direction, start, count):
    """Install `count` SAs one by one: cycles from the command to its answer, sorted."""
    took = []
    for i in range(start, start + count):
        await t.stage(nth(direction, i).record())
        before = get_sim_time("ns")
        status, handle = await t.command(INSTALL)
        took.append(round(get_sim_time("ns") - before) // 4)
        assert (status, handle) == (MBX_OK, nth(direction, i).handle)
    return sorted(took)


def note(name, value):
    if "FABRIC_REPORT" in os.environ:
        with open(os.environ["FABRIC_REPORT"], "a") as report:
            report.write(json.dumps([name, value]) + "\n")


def nth(direction, index):
    """The SA that `fill` put at this index of a table that was empty."""
    spi = FIRST[direction] + index
    name = spi.to_bytes(4, "big")
    sa = Sa(dir=direction, dst=DST, spi=name, key=bytes(16), h=bytes(16), salt=name, src=DST)
    sa.window = 64 if direction == IN else 0
    sa.start(1 << 17 | (INBOUND if direction == IN else 0) | index)
    return sa


async def traffic(t, picks, count):
    """`count` requests at each port, back to back, of random SAs among `picks`: (beats, latencies) of each port."""
    rng, good = t.rng, 0
    marks = [len(port.taken) for port in (t.out, t.inb, t.cm)]
    for _ in range(count):
        out, inb = rng.choice(picks[OUT]), rng.choice(picks[IN])
        want = out.lookup_out(out_req(out.handle))

        def out_done(word, want=want, out=out):
            nonlocal good
            rsp = OUT_RSP.unpack(word)
            good += (rsp["status"], rsp["seq"]) == (want[0], want[2]) and OUT_CTX.unpack(
                rsp["ctx"]
            ) == out.ctx()

        t.out.send(OUT_REQ.pack(**out_req(out.handle)), out_done)

        def in_done(word, inb=inb):
            nonlocal good
            rsp = IN_RSP.unpack(word)
            good += (rsp["status"], rsp["handle"]) == (OK, inb.handle) and IN_CTX.unpack(
                rsp["ctx"]
            ) == inb.ctx()

        t.inb.send(in_req(inb, 2**31 + 5), in_done)
        number = inb.seq + 1
        assert inb.commit(number, 10, OK) == OK

        def cm_done(status):
            nonlocal good
            good += status == OK

        t.cm.send(COMMIT.pack(handle=inb.handle, seq=number, bytes=10, status=OK), cm_done)
    await t.drain()
    assert good == 3 * count
    cost = []
    for port, mark in zip((t.out, t.inb, t.cm), marks, strict=True):
        taken, answered = port.taken[mark:], port.answered[mark:]
        cost.append((taken[-1] - taken[0], {b - a for a, b in zip(taken, answered, strict=True)}))
    return cost


@cocotb.test()
async def cost(dut):
    n = int(dut.ENTRIES.value)
    dut.fill_go.value = 0
    t = Table(dut, seeded())
    await t.begin()
    few, tenth = 32, n * 9 // 10
    empty, ninety = {}, {}
    # A few of both directions are there when traffic runs for the first time.
    for direction in (OUT, IN):
        empty[direction] = await measured(t, direction, 0, few)
    picks = {d: [nth(d, i) for i in range(few)] for d in (OUT, IN)}
    t.listen_all()
    first = await traffic(t, {d: picks[d][:1] for d in picks}, 300)
    t.listen_none()
    for direction in (OUT, IN):
        await fill(dut, direction, few, tenth - few)
        ninety[direction] = await measured(t, direction, tenth, few)
        await fill(dut, direction, tenth + few, n - tenth - few)
    for which, took in (("empty", empty), ("full", ninety)):
        for direction, name in ((OUT, "out"), (IN, "in")):
            cycles = took[direction]
            dut._log.info("INSTALL %s, %s: %d to %d cycles", name, which, cycles[0], cycles[-1])
            note(f"sa.{name}.{which}.median", cycles[few // 2])
            note(f"sa.{name}.{which}.max", cycles[-1])
    for direction in (OUT, IN):
        # A displacement may come on top; nothing else.
        assert ninety[direction][-1] <= empty[direction][-1] + 40 and ninety[direction][-1] <= 220
        assert ninety[direction][few // 2] == empty[direction][few // 2]
        picks[direction] += [nth(direction, i) for i in t.rng.sample(range(few, n), 400)]
    t.listen_all()
    for direction in (OUT, IN):
        more = nth(direction, n)
        assert await t.install(more) == MBX_FULL
    full = await traffic(t, picks, 1000)
    for (cycles1, latency1), (cycles, latency), name in zip(
        first, full, ("out", "in", "commit"), strict=True
    ):
        dut._log.info(
            "%s: full %d cycles for 1000, latency %s; one SA %d for 300, %s",
            name,
            cycles,
            latency,
            cycles1,
            latency1,
        )
        assert cycles / 1000 * 0.99 <= cycles1 / 300 and latency == latency1
    # They come and go in a full table, in the midst of traffic.
    for i in range(10):
        for direction in (OUT, IN):
            sa = picks[direction].pop()
            task = cocotb.start_soon(traffic(t, picks, 40))
            assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
            if direction == IN:
                assert (await t.lookup_in(sa, 9))["status"] == NO_SA
            new = nth(direction, n + i)
            assert await t.install(new) == MBX_OK and new.handle & 0x1FFFF == sa.handle & 0x1FFFF
            await task
            await t.same(new)
            picks[direction].insert(0, new)
    for sa in t.rng.sample(picks[OUT], 5) + t.rng.sample(picks[IN], 5):
        await t.same(sa)
    await ClockCycles(dut.clk, 10)
