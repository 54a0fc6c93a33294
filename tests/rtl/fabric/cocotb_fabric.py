# SPDX-License-Identifier: BSD-2-Clause
"""Rates of the card's fabric: beats of the wire's side over cycles, with frames offered as fast as they are taken.

FABRIC_CASE names what is measured, FABRIC_REPORT the file that gets one line a figure: name and value. The rate is
taken between the ends of the first quarter and of the third quarter of the frames that leave, so that neither start
nor end counts. Whatever leaves is checked: each frame's status, and every 16th frame's bytes.
"""

import json
import os
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from dma_bench import Host
from esp_in_frames import outer, text_of
from esp_in_model import Sa as InSa
from esp_model import ENCRYPT
from esp_model import Sa as OutSa
from esp_packet import ethernet, packet
from frames import META_T, Source, beats, to_bytes, to_int
from sa_bench import Management

CONTROL, MTU, RX_ENABLE = 0x18, 0x1C, 4
SPI, ADDRESS = 0x1000, bytes([192, 0, 2, 1])  # of the first SA; of both ends (sa_filler.sv)
WIRE_OVERFLOW = int(os.environ.get("FABRIC_OVERFLOW", -1))
OFFSET = int(os.environ.get("FABRIC_OFFSET", 0))  # of each frame in host memory
# Bytes of the plaintext frame, Ethernet header included.
MIXES = {"64": [64], "78": [78], "imix": [64] * 7 + [590] * 4 + [1514], "1518": [1518], "9000": [9000]}
COUNTS = {"64": 800, "78": 800, "imix": 360, "1518": 120, "9000": 40}


def note(name, value):
    with open(os.environ["FABRIC_REPORT"], "a") as report:
        report.write(json.dumps([name, value]) + "\n")
    print(f"{name}: {value:.4f}", flush=True)


def rate(ends):
    """Beats a cycle, and cycles a frame, of [(cycle, beats)], without the first and the last quarter."""
    first, last = len(ends) // 4, 3 * len(ends) // 4
    cycles = ends[last][0] - ends[first][0]
    return sum(n for _, n in ends[first + 1 : last + 1]) / cycles, cycles / (last - first)


class Fabric(Host):
    def __init__(self, dut, direct, **host):
        super().__init__(dut, pairs=((10, 10), (10, 10)), size=64 << 20, latency=100, **host)
        self.direct, self.cycle = direct, 0
        self.table = Management(dut)
        self.sent, self.part = [], []  # frames on the wire: (cycle, beats, words)
        self.came = []  # frames to the host's side: (cycle, meta)
        self.arriving = []  # beats of the wire still to come
        self.plain = {}  # what each frame of the wire must become

    async def start(self):
        dut = self.dut
        dut.direct.value = int(self.direct)
        dut.bus_master_en.value = dut.msix_ready.value = dut.wire_tx_axis_tready.value = 1
        for name in ("tdata", "tkeep", "tvalid", "tlast", "tuser"):
            getattr(dut, f"wire_rx_axis_{name}").value = 0
        dut.inj_beat.value = dut.inj_meta.value = dut.fill_go.value = 0
        self.inject = Source(dut, "inj")
        Clock(dut.clk, 2, "ns").start()
        await self.table.reset()
        await self.bus.write_dword(MTU, 9618)
        await self.bus.write_dword(CONTROL, RX_ENABLE)
        return self

    async def run(self):
        """What happens in each cycle from now on."""
        tasks = [self.watch()]
        tasks.append(self.inject.run() if self.direct else self.memory.run())
        for task in tasks:
            cocotb.start_soon(task)
        await ClockCycles(self.dut.clk, 3)
        if not self.direct:
            for pair in self.pairs:
                await pair.enable()

    async def watch(self):
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        offered = False
        while True:
            await edge
            self.cycle += 1
            if dut.wire_tx_axis_tvalid.value == 1:
                self.part.append(dut.wire_tx_axis_tdata.value)
                if dut.wire_tx_axis_tlast.value == 1:
                    self.sent.append((self.cycle, len(self.part), self.part))
                    self.part = []
            if dut.out_valid.value == 1:
                self.came.append((self.cycle, META_T.unpack(int(dut.out_meta.value))))
            if self.arriving:
                data, last, count = self.arriving.pop()
                dut.wire_rx_axis_tdata.value = data
                dut.wire_rx_axis_tkeep.value = (1 << count) - 1
                dut.wire_rx_axis_tlast.value = last
                dut.wire_rx_axis_tvalid.value = 1
                offered = True
            elif offered:
                dut.wire_rx_axis_tvalid.value = 0
                offered = False

    # ---- SAs ----
    async def install(self, inbound, count):
        """`count` SAs of one key; which key, and the handle of the first: those of a new table count up."""
        dut, key = self.dut, random.randbytes(32)
        dut.fill_in.value, dut.fill_count.value, dut.fill_spi.value = int(inbound), count, SPI
        dut.fill_key.value, dut.fill_h.value = to_int(key), to_int(OutSa(key=key).h)
        dut.fill_go.value = 1
        await RisingEdge(dut.fill_busy)
        dut.fill_go.value = 0
        await FallingEdge(dut.fill_busy)
        assert int(dut.fill_refused.value) == 0
        return key, 1 << 17 | int(inbound) << 16

    async def out_sas(self, count):
        key, first = await self.install(False, count)
        names = [(SPI + i).to_bytes(4, "big") for i in range(count)]
        end = dict(src=ADDRESS, dst=ADDRESS, key=key)
        return {first + i: OutSa(32, 16, True, spi=n, salt=n, **end) for i, n in enumerate(names)}

    async def in_sas(self, count):
        key, first = await self.install(True, count)
        names = [(SPI + i).to_bytes(4, "big") for i in range(count)]
        return [
            InSa(dst=ADDRESS, spi=n, key=key, salt=n, handle=first + i, icv=16) for i, n in enumerate(names)
        ]

    # ---- outbound ----
    async def outbound(self, mix, sas):
        """Post all frames; their results in order."""
        handles, want = list(sas), []
        for i in range(COUNTS[mix]):
            handle = self.random.choice(handles)
            length = MIXES[mix][i % len(MIXES[mix])]
            data = ethernet(packet(length - 14), pad=False)
            want.append(sas[handle].encapsulate(data, sas[handle].seq) if i % 16 == 0 else None)
            sas[handle].seq += 1
            if self.direct:
                meta = META_T.pack(host=1, op=ENCRYPT, sa=handle, len=length, index=i)
                for word in beats(data):
                    self.inject.send(beat=word, meta=meta)
            else:
                self.send(self.pairs[0], data, offset=OFFSET, op=ENCRYPT, sa=handle)
        if not self.direct:
            await self.pairs[0].ring()
        return want

    async def end_out(self, want, name):
        for _ in range(60000 // 16):
            await ClockCycles(self.dut.clk, 16)
            if len(self.sent) >= len(want):
                break
        assert len(self.sent) == len(want), f"{name}: {len(self.sent)} of {len(want)} frames"
        for i, (data, (_, count, words)) in enumerate(zip(want, self.sent, strict=True)):
            if data is not None:
                got = b"".join(to_bytes(word, 64) for word in words)
                assert count == -(-len(data) // 64) and got == data.ljust(64 * count, b"\0"), (
                    f"{name}: frame {i}"
                )
        if not self.direct:
            pair = self.pairs[0]
            await self.until(lambda: len(pair.sent) == len(want), "completions")
            assert all(entry["status"] == 0 for entry in pair.sent)
        return rate([(cycle, count) for cycle, count, _ in self.sent])

    # ---- inbound ----
    async def buffers(self, mix, count):
        """Room for all frames in host memory, and time to fetch the first descriptors."""
        for _ in range(count):
            self.give(self.pairs[0], -(-max(MIXES[mix]) // 64) * 64)
        await self.pairs[0].ring("rx")
        await ClockCycles(self.dut.clk, 600)

    def inbound(self, mix, sas):
        """Beats of all frames, and by (SA, sequence number) the beats of each."""
        words, size, next_seq = [], {}, dict.fromkeys(range(len(sas)), 0)
        for i in range(COUNTS[mix]):
            n = self.random.randrange(len(sas))
            sa = sas[n]
            next_seq[n] += 1
            ip = packet(MIXES[mix][i % len(MIXES[mix])] - 14, tos=0)
            data = outer(self.random, sa, sa.seal(next_seq[n], text_of(ip), self.random.randbytes(8)), tos=0)
            size[sa.handle, next_seq[n]] = -(-len(data) // 64)
            self.plain[sa.handle, next_seq[n]] = data[:14] + ip
            for at in range(0, len(data), 64):
                part = data[at : at + 64]
                words.append((to_int(part), int(at + 64 >= len(data)), len(part)))
        return words[::-1], size

    async def end_in(self, size, name):
        quiet, seen = 0, -1
        while self.arriving or quiet < 40:
            await ClockCycles(self.dut.clk, 16)
            quiet = quiet + 1 if len(self.came) == seen else 0
            seen = len(self.came)
        word = int(self.dut.drops.value)
        drops = {i: n for i in range(64) if (n := word >> 32 * i & 0xFFFFFFFF)}
        assert set(drops) <= {WIRE_OVERFLOW}, f"{name}: drops by status {drops}"
        assert len(self.came) + sum(drops.values()) == len(size), f"{name}: {len(self.came)} came, {drops}"
        assert all(meta["status"] == 0 and meta["esp"] for _, meta in self.came)
        if not self.direct:
            received = self.pairs[0].received
            await self.until(lambda: len(received) >= len(self.came), "completions")
            assert [e["data"] for e in received] == [self.plain[m["sa"], m["seq"]] for _, m in self.came], (
                name
            )
        return rate([(cycle, size[meta["sa"], meta["seq"]]) for cycle, meta in self.came])


@cocotb.test()
async def case(dut):
    """FABRIC_CASE: direction, mix and number of SAs, as out.64.1.

    Directions: out, in, both without the host's DMA; hostout, hostin, hostboth with it.
    """
    random.seed(7)
    direction, mix, count = os.environ["FABRIC_CASE"].split(".")
    name = os.environ["FABRIC_CASE"]
    host = direction.startswith("host")
    way = direction.removeprefix("host")
    card = await Fabric(dut, direct=not host).start()
    outs = await card.out_sas(int(count)) if way != "in" else {}
    ins = await card.in_sas(int(count)) if way != "out" else []
    await card.run()
    if ins:
        words, size = card.inbound(mix, ins)
        if host:
            await card.buffers(mix, len(size))
    if outs:
        want = await card.outbound(mix, outs)
    if ins:
        card.arriving = words
    if outs:
        ratio, cycles = await card.end_out(want, name)
        note(f"{name}.out.ratio", ratio)
        note(f"{name}.out.cycles", cycles)
    if ins:
        ratio, cycles = await card.end_in(size, name)
        note(f"{name}.in.ratio", ratio)
        note(f"{name}.in.cycles", cycles)
