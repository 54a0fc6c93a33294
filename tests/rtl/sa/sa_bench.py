# SPDX-License-Identifier: BSD-2-Clause
"""Drives the ports of sa_table."""

from collections import deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, SimTimeoutError, with_timeout
from sa_model import COMMIT, EVENT, IN_CTX, IN_REQ, IN_RSP, OK, OUT, OUT_CTX, OUT_REQ, OUT_RSP, UDP

PERIOD_NS = 4
INSTALL, REMOVE, READ, WIPE, LEASE = range(5)
STATE_WORDS = 104
INBOUND = 1 << 16


class Port:
    """A request and its answer, both ready/valid; answers come in the order of requests."""

    def __init__(self, dut, request, rsp, data, gap, stall):
        self.dut, self.gap, self.stall = dut, gap, stall
        self.request, self.waiting, self.busy = deque(), deque(), False
        self.valid, self.ready = getattr(dut, f"{request}_valid"), getattr(dut, f"{request}_ready")
        self.word = getattr(dut, request)
        self.rsp_valid, self.rsp_ready = getattr(dut, f"{rsp}_valid"), getattr(dut, f"{rsp}_ready")
        self.rsp_word = getattr(dut, data)
        self.valid.value = 0
        self.rsp_ready.value = 0
        self.taken, self.answered = [], []  # cycles in which requests were accepted, answers taken
        self.cycle = 0

    def send(self, word, done):
        """done(answer) is called with the answer's packed word."""
        self.request.append((word, done))

    async def run(self):
        ready = 0
        offered = None
        while True:
            await RisingEdge(self.dut.clk)
            self.cycle += 1
            if self.busy and int(self.ready.value):
                self.waiting.append(self.request.popleft()[1])
                self.taken.append(self.cycle)
                self.busy = False
            if int(self.rsp_valid.value):
                word = int(self.rsp_word.value)
                assert offered is None or offered == word, "an offered answer changed"
                offered = word
                if ready:
                    self.waiting.popleft()(word)
                    self.answered.append(self.cycle)
                    offered = None
            if not self.busy and self.request and not self.gap():
                self.word.value = self.request[0][0]
                self.busy = True
            self.valid.value = int(self.busy)
            ready = int(not self.stall())
            self.rsp_ready.value = ready

    def pending(self):
        return len(self.request) + len(self.waiting)


class Management:
    """The cfg_* ports."""

    def __init__(self, dut):
        self.dut = dut
        for name in ("we", "cmd_valid", "next", "cmd", "word", "wdata", "handle", "arg", "rd_word"):
            getattr(dut, f"cfg_{name}").value = 0

    async def reset(self):
        dut = self.dut
        dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        # The sweep takes two cycles an entry.
        await with_timeout(RisingEdge(dut.ready), 10, "ms")
        await RisingEdge(dut.clk)

    async def stage(self, record):
        dut = self.dut
        for i in range(0, len(record), 4):
            dut.cfg_we.value = 1
            dut.cfg_word.value = i // 4
            dut.cfg_wdata.value = int.from_bytes(record[i : i + 4], "little")
            await RisingEdge(dut.clk)
        dut.cfg_we.value = 0

    async def command(self, cmd, handle=0, nxt=0, arg=0, limit=20000):
        dut = self.dut
        dut.cfg_cmd.value, dut.cfg_handle.value, dut.cfg_next.value = cmd, handle, nxt
        dut.cfg_arg.value = arg
        dut.cfg_cmd_valid.value = 1
        while True:
            await RisingEdge(dut.clk)
            if int(dut.cfg_cmd_ready.value):
                break
        dut.cfg_cmd_valid.value = 0
        # Not by every edge of the clock: a table takes a million of them to be filled.
        try:
            await with_timeout(RisingEdge(dut.cfg_rsp_valid), limit * PERIOD_NS, "ns")
        except SimTimeoutError:
            raise AssertionError(f"no answer to command {cmd}") from None
        await RisingEdge(dut.clk)
        return int(dut.cfg_rsp_status.value), int(dut.cfg_rsp_handle.value)

    async def install(self, sa):
        await self.stage(sa.record())
        status, handle = await self.command(INSTALL)
        if status == OK:
            sa.start(handle)
        return status

    async def read(self, handle, nxt=0):
        """Status, handle, struct vesper_sa_state."""
        status, handle = await self.command(READ, handle, nxt)
        words = []
        for i in range(STATE_WORDS + 2):
            if i >= 2:
                words.append(int(self.dut.cfg_rd_data.value).to_bytes(4, "little"))
            self.dut.cfg_rd_word.value = min(i, STATE_WORDS - 1)
            await RisingEdge(self.dut.clk)
        return status, handle, b"".join(words)

    async def same(self, sa):
        """READ answers what the model remembers of `sa`."""
        got, want = await self.read(sa.handle), (0, sa.handle, sa.state())
        wrong = [i for i in range(0, len(want[2]), 4) if got[2][i : i + 4] != want[2][i : i + 4]]
        assert got == want, f"READ of {sa}: {got[:2]}, bytes {[(i, got[2][i : i + 4].hex()) for i in wrong]}"

    async def lease(self, sa, end):
        status, handle = await self.command(LEASE, sa.handle, arg=end)
        assert handle == sa.handle
        if status == OK:
            sa.lease(end)
        return status


class Table(Management):
    def __init__(self, dut, rng, gap=0.0, stall=0.0):
        super().__init__(dut)
        self.rng = rng
        self.gap, self.stall = gap, stall

        def g():
            return rng.random() < self.gap

        def s():
            return rng.random() < self.stall

        self.out = Port(dut, "out_req", "out_rsp", "out_rsp", g, s)
        self.inb = Port(dut, "in_req", "in_rsp", "in_rsp", g, s)
        self.cm = Port(dut, "cm_req", "cm_rsp", "cm_rsp_status", g, s)
        self.events, self.event_stall = [], s
        self.tasks = []
        dut.ev_ready.value = 0

    async def start(self):
        await self.begin()
        self.listen_all()

    async def begin(self):
        """Clock and reset only: as long as no port is served a cycle costs little."""
        cocotb.start_soon(Clock(self.dut.clk, PERIOD_NS, "ns").start())
        await self.reset()

    def listen_all(self):
        runs = [self.out.run(), self.inb.run(), self.cm.run(), self.listen()]
        self.tasks = [cocotb.start_soon(run) for run in runs]

    def listen_none(self):
        """After drain()."""
        for task in self.tasks:
            task.cancel()

    async def listen(self):
        """What SAs tell."""
        ready = 0
        offered = None
        while True:
            await RisingEdge(self.dut.clk)
            if int(self.dut.ev_valid.value):
                word = int(self.dut.ev.value)
                assert offered is None or offered == word, "an offered event changed"
                offered = word
                if ready:
                    self.events.append(EVENT.unpack(word))
                    offered = None
            ready = int(not self.event_stall())
            self.dut.ev_ready.value = ready

    def told(self, sa):
        """(code, sequence number) of each event of this SA so far, in order."""
        mine = [event for event in self.events if event["sa"] == sa.handle]
        for event in mine:
            code, seq = event.pop("code"), event.pop("seq")
            assert event == {
                "inbound": int(sa.dir != OUT), "ipv6": 0, "src": 0, "dst": 0, "spi": int.from_bytes(sa.spi, "little"),
                "sa": sa.handle, "flow_label": 0,
            }  # fmt: skip
            event.update(code=code, seq=seq)
        return [(event["code"], event["seq"]) for event in mine]

    async def drain(self):
        for _ in range(200000):
            if not (self.out.pending() or self.inb.pending() or self.cm.pending()):
                return
            await RisingEdge(self.dut.clk)
        raise AssertionError("requests were never answered")

    async def ask(self, port, word):
        got, event = [], Event()

        def done(answer):
            got.append(answer)
            event.set()

        port.send(word, done)
        await event.wait()
        return got[0]

    async def lookup_out(self, handle, **req):
        rsp = OUT_RSP.unpack(await self.ask(self.out, OUT_REQ.pack(**out_req(handle, **req))))
        rsp["ctx"] = OUT_CTX.unpack(rsp["ctx"])
        return rsp

    async def lookup_in(self, sa, seq, udp=None):
        rsp = IN_RSP.unpack(await self.ask(self.inb, in_req(sa, seq, udp)))
        rsp["ctx"] = IN_CTX.unpack(rsp["ctx"])
        return rsp

    async def commit(self, handle, seq, size, status):
        return await self.ask(self.cm, COMMIT.pack(handle=handle, seq=seq, bytes=size, status=status))


def out_req(handle, **req):
    """An IPv4 packet of 100 bytes with room for everything, unless `req` says otherwise."""
    return {"inplace": 0, "numbered": 0, "ipv6": 0, "fragment": 0, "esp": 0, "udp": 0, "spi": 0, "total": 100,
            "hdr_bytes": 20, "mtu": 9604, **req, "handle": handle}  # fmt: skip


def in_req(sa, seq, udp=None):
    """`seq`: the packet's 32 bits; the upper half of a whole number is left out."""
    return IN_REQ.pack(
        ipv6=int(sa.ipv6),
        dst=int.from_bytes(sa.dst, "little"),
        spi=int.from_bytes(sa.spi, "little"),
        seq=seq & 0xFFFFFFFF,
        udp=int(bool(sa.flags & UDP) if udp is None else udp),
    )
