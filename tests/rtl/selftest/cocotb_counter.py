# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of the counter: two that pass, two that must be seen to fail."""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly


async def start(dut):
    Clock(dut.clk, 2, "ns").start()
    dut.enable.value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


async def count(dut, cycles):
    dut.enable.value = 1
    await ClockCycles(dut.clk, cycles)
    dut.enable.value = 0
    await ReadOnly()


@cocotb.test()
async def counts(dut):
    await start(dut)
    await count(dut, 5)
    assert dut.count.value == 5


@cocotb.test()
async def wraps(dut):
    await start(dut)
    cycles = (1 << len(dut.count)) + 3
    await count(dut, cycles)
    assert dut.count.value == 3


@cocotb.test()
async def wrong_expectation(dut):
    await start(dut)
    await count(dut, 2)
    assert dut.count.value == int(os.environ["EXPECTED"])


@cocotb.test()
async def breaks_an_assertion(dut):
    await start(dut)
    dut.rst.value = 1
    dut.enable.value = 1
    await ClockCycles(dut.clk, 2)
