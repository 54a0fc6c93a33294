# SPDX-License-Identifier: BSD-2-Clause
"""Rates and bus overhead with a host memory that answers after 100 cycles."""

import json
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from dma_bench import Bench
from ring_driver import CSUM, LOOKASIDE, OK, TSO
from tso_frames import Tso

FIGURES = {}


def note(name, value):
    FIGURES[name] = round(value, 2)
    Path("dma_figures.json").write_text(json.dumps(FIGURES, indent=1))
    print(f"{name}: {value:.2f}", flush=True)


async def load(dut, count, offset=0, lookaside=False, incoming=False):
    """`count` frames of 64 bytes; returns cycles a frame and bus bytes a frame beyond the payload."""
    bench = await Bench(dut, latency=100, size=16 << 20, pairs=((10, 10), (10, 10))).start()
    pair, memory = bench.pairs[0], bench.memory
    if lookaside or incoming:
        for _ in range(count):
            bench.give(pair, 64)
        await pair.ring("rx")
        await ClockCycles(dut.clk, 600)  # the prefetch is not what is measured
    read, written = memory.read_bytes, memory.write_bytes
    frames = [bench.frame(64) for _ in range(count)]
    for data in frames:
        if incoming:
            bench.from_wire(data)
        else:
            bench.send(pair, data, offset=offset, flags=LOOKASIDE * lookaside)
    if not incoming:
        await pair.ring()
    start = memory.cycle
    done = (lambda: len(pair.received) == count) if incoming else (lambda: len(pair.sent) == count)
    await bench.until(done, "all frames", 40000, step=4)
    cycles = memory.cycle - start
    payload = 64 * count * (2 if lookaside else 1)
    extra = memory.read_bytes - read + memory.write_bytes - written - payload
    assert all(e["status"] == OK for e in pair.sent + pair.received)
    if lookaside or incoming:
        assert [e["data"] for e in pair.received] == frames
    else:
        assert [d for d, _ in bench.wire] == frames
    await bench.settle()
    return cycles / count, extra / count


@cocotb.test()
async def transmit(dut):
    cycles, extra = await load(dut, 1000)
    note("dma.tx.cycles.64", cycles)
    note("dma.tx.bus_bytes", extra)
    assert cycles <= 3 and extra <= 40


@cocotb.test()
async def transmit_off_the_grain(dut):
    cycles, _ = await load(dut, 1000, offset=2)
    note("dma.tx.cycles.64.offset2", cycles)
    assert cycles <= 3


@cocotb.test()
async def receive(dut):
    cycles, extra = await load(dut, 1000, incoming=True)
    note("dma.rx.cycles.64", cycles)
    note("dma.rx.bus_bytes", extra)
    assert cycles <= 3 and extra <= 40


@cocotb.test()
async def both(dut):
    cycles, extra = await load(dut, 1000, lookaside=True)
    note("dma.lookaside.cycles.64", cycles)
    note("dma.lookaside.bus_bytes", extra)
    assert cycles <= 4 and extra <= 80


@cocotb.test()
async def receive_behind_reads(dut):
    """Memory reads a full buffer of frames ahead of the wire, and descriptors for what comes in stand behind those."""
    bench = await Bench(dut, wire_stall=0.15, latency=100, size=16 << 20, pairs=((10, 10), (10, 10))).start()
    pair, frames, length = bench.pairs[0], 400, 320
    for _ in range(frames):
        bench.give(pair, length)
    await pair.ring("rx")
    for _ in range(160):
        bench.send(pair, bench.frame(1514))
    await ClockCycles(dut.clk, 600)
    await pair.ring()
    for _ in range(frames):
        bench.from_wire(bench.frame(length))
    start = bench.memory.cycle
    await bench.until(lambda: len(pair.received) == frames, "all frames", step=4)
    cycles = (bench.memory.cycle - start) / frames
    note("dma.rx.cycles.320.behind_reads", cycles)
    assert len(pair.sent) < 160, "sending ended first"
    assert cycles <= 7.2


async def offloaded(dut, frames, post):
    """Post all frames, which leave as beats; returns cycles a beat, from the first to the last."""
    bench = await Bench(dut, latency=100, size=16 << 20, pairs=((10, 10), (10, 10))).start()
    pair, beats, seen = bench.pairs[0], 0, []
    for frame in frames(bench.random):
        beats += post(bench, pair, frame)
    await pair.ring()
    while pair.tx.open:
        await RisingEdge(dut.clk)
        if dut.wire_valid.value == 1 and dut.wire_ready.value == 1:
            seen.append(bench.memory.cycle)
        pair.poll()
    assert len(seen) == beats
    return (seen[-1] - seen[0] + 1) / beats


@cocotb.test()
async def checksums(dut):
    """Frames of 1,514 bytes in two pieces, with a checksum: 24 beats that take 27 of the bus, at two bytes off the grain."""

    def post(bench, pair, data):
        pair.context(csum_start=34, csum_offset=16)
        bench.send_pieces(pair, data, [66], CSUM)
        return 24

    rate = await offloaded(dut, lambda random: (random.randbytes(1514) for _ in range(60)), post)
    note("dma.tx.csum.cycles_a_beat.1514", rate)
    assert rate <= 1.35


@cocotb.test()
async def segmentation(dut):
    """Segments of 1,448 bytes of payload out of frames of 64 KiB."""

    def post(bench, pair, tso):
        pair.context(**tso.context)
        bench.send_pieces(pair, tso.data, [66, *range(4096, len(tso.data), 4096)], TSO)
        return sum(-(-len(s) // 64) for s in tso.segments)

    rate = await offloaded(dut, lambda random: (Tso(random, 65000, 1448, plain=True) for _ in range(4)), post)
    note("dma.tx.tso.cycles_a_beat.1448", rate)
    assert rate <= 1.35


@cocotb.test()
async def latency(dut):
    """One frame alone: nothing waits for company."""
    bench = await Bench(dut, latency=100).start()
    pair = bench.pairs[0]
    bench.send(pair, bench.frame(64))
    await pair.ring()
    start = bench.memory.cycle
    while not bench.wire:
        await RisingEdge(dut.clk)
    wire = bench.memory.cycle - start
    await bench.until(lambda: pair.sent, "completion", step=1)
    note("dma.latency.doorbell_to_wire", wire)
    note("dma.latency.wire_to_completion", bench.memory.cycle - start - wire)
    assert wire < 225 and bench.memory.cycle - start - wire < 115
