# SPDX-License-Identifier: BSD-2-Clause
"""Drives the ports of policy_table."""

from collections import deque

from cocotb.triggers import ClockCycles, RisingEdge
from frames import Sink, Source, reset
from policy_model import OK

INSTALL, REMOVE, READ, WIPE = range(4)


class Table:
    """Requests and their answers, and commands.

    gap, stall: how often a request or the taking of an answer waits, 0 to 1.
    """

    def __init__(self, dut, rng, gap=0.0, stall=0.0):
        self.dut, self.gap, self.stall = dut, gap, stall
        self.source = Source(dut, "req", lambda: rng.random() < self.gap)
        self.sink = Sink(dut, "rsp", [""], self._answer, lambda: rng.random() < self.stall)
        self.waiting, self.sent = deque(), deque()
        self.taken, self.answered = [], []  # cycles
        self.cycle = 0
        for name in ("we", "word", "wdata", "cmd_valid", "cmd", "next", "handle", "rd_word"):
            getattr(dut, f"cfg_{name}").value = 0

    async def start(self):
        await reset(self.dut, [self, self.source, self.sink])
        await self.swept()

    async def again(self):
        """Reset in the middle of everything; nothing is under way afterwards."""
        dut = self.dut
        dut.rst.value = 1
        await ClockCycles(dut.clk, 2)
        dut.rst.value = 0
        await self.swept()

    async def swept(self):
        for _ in range(20000):
            await RisingEdge(self.dut.clk)
            if self.dut.rst.value == 0 and self.dut.ready.value == 1:
                return
        raise AssertionError("never ready")

    async def run(self):
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            self.cycle += 1
            if dut.rst.value == 0 and dut.req_valid.value == 1 and dut.req_ready.value == 1:
                self.taken.append(self.cycle)
                self.waiting.append((self.cycle, self.sent.popleft()))

    def _answer(self, item, _):
        began, done = self.waiting.popleft()
        self.answered.append(self.cycle)
        done(item[""], began, self.cycle)

    def send(self, packet, done):
        """done(answer, cycle in which the request was taken, cycle of the answer)."""
        self.sent.append(done)
        self.source.send(packet.word())

    async def drain(self):
        for _ in range(200000):
            if not (self.sent or self.waiting):
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError("requests were never answered")

    async def lookups(self, packets):
        """The answers to these packets, sent one behind the other."""
        got = []
        for packet in packets:
            self.send(packet, lambda answer, *_: got.append(answer))
        await self.drain()
        return got

    async def stage(self, data):
        dut = self.dut
        for i in range(0, len(data), 4):
            dut.cfg_we.value = 1
            dut.cfg_word.value = i // 4
            dut.cfg_wdata.value = int.from_bytes(data[i : i + 4], "little")
            await RisingEdge(dut.clk)
        dut.cfg_we.value = 0

    async def command(self, cmd, handle=0, nxt=0, limit=20000):
        """(status, handle); self.took is the cycles from the command to its answer."""
        dut = self.dut
        dut.cfg_cmd.value, dut.cfg_handle.value, dut.cfg_next.value = cmd, handle, nxt
        dut.cfg_cmd_valid.value = 1
        while True:
            await RisingEdge(dut.clk)
            if dut.cfg_cmd_ready.value == 1:
                break
        dut.cfg_cmd_valid.value = 0
        for took in range(limit):
            await RisingEdge(dut.clk)
            if dut.cfg_rsp_valid.value == 1:
                self.took = took
                return int(dut.cfg_rsp_status.value), int(dut.cfg_rsp_handle.value)
        raise AssertionError(f"no answer to command {cmd}")

    async def install(self, policy):
        await self.stage(policy.struct())
        status, handle = await self.command(INSTALL)
        if status == OK:
            policy.handle = handle
        return status

    async def remove(self, policy):
        return (await self.command(REMOVE, policy.handle))[0]

    async def read(self, handle, nxt=0):
        """(status, handle, struct vesper_policy)."""
        status, handle = await self.command(READ, handle, nxt)
        data = b""
        for i in range(16):
            self.dut.cfg_rd_word.value = i
            await ClockCycles(self.dut.clk, 2)
            data += int(self.dut.cfg_rd_data.value).to_bytes(4, "little")
        return status, handle, data
