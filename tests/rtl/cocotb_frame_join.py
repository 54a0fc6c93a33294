# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of frame_join: what comes out is prefix + payload + suffix, in one beat a cycle."""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from frames import META_T, Collector, Sink, Source, beats, reset, to_int


async def check(dut, cases, gap=lambda: False, stall=lambda: False):
    jobs, source, out = Source(dut, "job", gap), Source(dut, "s", gap), Collector()
    sink = Sink(dut, "m", ["beat", "meta"], out, stall)
    await reset(dut, [jobs, source, sink])
    metas = []
    for prefix, payload, suffix in cases:
        metas.append(META_T.pack(index=len(metas), len=len(prefix + payload + suffix)))
        jobs.send(prefix=to_int(prefix), prefix_bytes=len(prefix), meta=metas[-1])
        packet = beats(payload)
        for i, beat in enumerate(packet):
            last = i == len(packet) - 1
            # Only with the last beat does the suffix count.
            source.send(
                beat=beat,
                suffix=to_int(suffix) if last else random.getrandbits(256),
                suffix_bytes=len(suffix) if last else random.getrandbits(6),
            )
    total = sum(len(b"".join(c)) // 64 + 3 for c in cases)
    for _ in range(20 * total + 100):
        await RisingEdge(dut.clk)
        if len(out.packets) >= len(cases) and dut.idle.value == 1:
            break
    assert len(out.packets) == len(cases), f"{len(out.packets)} of {len(cases)} came out"
    for (prefix, payload, suffix), (got, item, _), meta in zip(cases, out.packets, metas, strict=True):
        assert got == prefix + payload + suffix, f"{len(prefix)} + {len(payload)} + {len(suffix)}"
        assert item["meta"] == meta
    await ClockCycles(dut.clk, 3)
    assert dut.idle.value == 1 and len(out.packets) == len(cases)
    return out


def some(*lengths):
    return tuple(random.randbytes(n) for n in lengths)


@cocotb.test()
async def edges(dut):
    cases = [
        some(prefix, payload, suffix)
        for prefix in (0, 1, 8, 50, 63, 64, 65, 90, 127, 128)
        for payload in (0, 1, 14, 56, 63, 64, 65, 128)
        for suffix in (0, 1, 8, 16, 32)
        if prefix + payload + suffix
    ]
    await check(dut, cases)


@cocotb.test()
async def random_gaps(dut):
    cases = []
    for _ in range(300):
        payload = random.choice([random.randint(0, 130), random.randint(130, 1500)])
        cases.append(some(random.randint(1, 128), payload, random.randint(0, 32)))
    await check(dut, cases, lambda: random.random() < 0.3, lambda: random.random() < 0.3)


@cocotb.test()
@cocotb.parametrize(case=[(50, 52, 16, 50), (34, 30, 0, 50), (50, 1504, 16, 20), (128, 60, 16, 30)])
async def back_to_back(dut, case):
    """Frames follow one another without a gap, at the cost of the result's beats alone."""
    *lengths, count = case
    out = await check(dut, [some(*lengths)] * count)
    taken = out.packets[-1][2] - out.starts[0] + 1
    least = count * -(-sum(lengths) // 64)
    assert taken <= least, f"{taken} cycles instead of {least} for {lengths}"
