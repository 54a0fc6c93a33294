# SPDX-License-Identifier: BSD-2-Clause
"""Latency of one packet through an idle card, in card cycles; host memory answers after LATENCY cycles."""

import json
import os
from pathlib import Path

import cocotb
from card_bench import Card
from card_sas import OutSa, in_sa
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_esp_in import numbers, text_of
from esp_in_frames import inner, outer
from esp_packet import ethernet, packet

LATENCY = 100
SIZES = (64, 1420)  # bytes of the inner IP packet
REPEATS = 3  # must all take the same time: the card is idle before each


async def first(dut, *conditions, limit=5000):
    """Cycles between the first time that each of the conditions held."""
    seen = [None] * len(conditions)
    for cycle in range(limit):
        await RisingEdge(dut.clk)
        for i, condition in enumerate(conditions):
            if seen[i] is None and condition():
                seen[i] = cycle
        if None not in seen:
            return seen[1] - seen[0]
    raise AssertionError(f"{limit} cycles: {seen}")


@cocotb.test()
async def latency(dut):
    """Doorbell taken to first beat on the wire; first beat from the wire to completion in host memory."""
    card = await Card(dut, latency=LATENCY, rx_queue=0, offloads=0).start()
    out = await card.add(OutSa(32, 16, True))
    usual = dict(tunnel=True, inplace=False, ipv6=False, gmac=False, flags=0, icv=16, window=1024)
    sa = await card.add(in_sa(0, **usual))
    pair = card.pairs[0]
    await card.settle()

    def doorbell():
        return dut.s_axil_wvalid.value == 1 and dut.s_axil_wready.value == 1

    def sent():
        return dut.wire_tx_axis_tvalid.value == 1 and dut.wire_tx_axis_tready.value == 1

    def arrives():
        return dut.wire_rx_axis_tvalid.value == 1

    def completed():
        pair.poll()
        return bool(pair.received)

    figures = {}
    for size in SIZES:
        there, back = set(), set()
        for _ in range(REPEATS):
            card.encrypts(0, ethernet(packet(size)), out)
            task = cocotb.start_soon(first(dut, doorbell, sent))
            await pair.ring()
            there.add(await task)
            await card.check()
            await ClockCycles(dut.clk, 1000)  # the fresh buffer's descriptor is fetched

            numbers(sa)
            plain = text_of(inner(card.random, size))
            card.from_wire(outer(card.random, sa, sa.seal(sa.top, plain), tos=0), want="OK")
            back.add(await first(dut, arrives, completed))
            await card.check()
            await ClockCycles(dut.clk, 1000)
        figures[f"doorbell_to_wire.{size}"] = max(there)
        figures[f"wire_to_host.{size}"] = max(back)
        dut._log.warning("%d bytes: doorbell to wire %s, wire to completion %s", size, there, back)
    await card.check_counters()
    # Each way goes to host memory twice: descriptor and frame, or frame and completion. The card adds little.
    own = {name: cycles - 2 * LATENCY for name, cycles in figures.items()}
    assert all(0 < cycles < 60 + int(name.split(".")[1]) // 16 for name, cycles in own.items()), own
    if report := os.environ.get("LATENCY_REPORT"):
        Path(report).write_text(json.dumps(figures))
