# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of frame_align: what comes out is frame[skip : skip + keep], in one beat a cycle."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from frames import Collector, Sink, Source, beats, reset


async def check(dut, cases, gap=lambda: False, stall=lambda: False):
    source, out = Source(dut, "s", gap), Collector()
    await reset(dut, [source, Sink(dut, "m", ["beat"], out, stall)])
    for data, skip, keep in cases:
        for i, beat in enumerate(beats(data)):
            # Only the first beat's numbers count.
            wrong = random.getrandbits(14)
            source.send(beat=beat, skip=wrong if i else skip, keep=wrong if i else keep)
    total = sum(len(beats(c[0])) for c in cases)
    for _ in range(20 * total + 100):
        await RisingEdge(dut.clk)
        if len(out.packets) >= len(cases) and dut.idle.value == 1:
            break
    assert len(out.packets) == len(cases), f"{len(out.packets)} of {len(cases)} came out"
    for (data, skip, keep), (got, _, _) in zip(cases, out.packets, strict=True):
        assert got == data[skip : skip + keep], f"length {len(data)}, skip {skip}, keep {keep}"
    await ClockCycles(dut.clk, 3)
    assert dut.idle.value == 1 and len(out.packets) == len(cases)
    return out


def some(length):
    return random.randbytes(length)


@cocotb.test()
async def edges(dut):
    """Every pair of places around the ends of beats."""
    near = [0, 1, 7, 8, 63, 64, 65, 127, 128, 129]
    cases = [
        (some(length), skip, keep)
        for length in (1, 14, 63, 64, 65, 128, 129, 200)
        for skip in near
        for keep in near
        if skip + keep <= length
    ]
    await check(dut, cases)


@cocotb.test()
async def random_gaps(dut):
    cases = []
    for _ in range(300):
        length = random.choice([random.randint(1, 200), random.randint(200, 1600)])
        skip = random.randint(0, min(length, 200))
        cases.append((some(length), skip, random.randint(0, length - skip)))
    await check(dut, cases, lambda: random.random() < 0.3, lambda: random.random() < 0.3)


@cocotb.test()
@cocotb.parametrize(case=[(64, 14, 50, 50), (128, 14, 114, 40), (1514, 14, 1500, 20), (64, 0, 64, 50)])
async def back_to_back(dut, case):
    """Frames follow one another without a gap, at the cost of the beats alone."""
    length, skip, keep, count = case
    out = await check(dut, [(some(length), skip, keep)] * count)
    taken = out.packets[-1][2] - out.starts[0] + 1
    assert taken <= count * len(beats(bytes(length))), f"{taken} cycles for {count} frames of {length} bytes"
