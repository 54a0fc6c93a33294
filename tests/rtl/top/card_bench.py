# SPDX-License-Identifier: BSD-2-Clause
"""The whole card with its real firmware: host, mailbox and wire around it, and a ledger of every packet."""

import logging
import struct

import cocotb
from card_fates import Fate, Ledger, Rules
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Lock, ReadWrite
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from dma_bench import Host, before_checksum
from esp_packet import MACS, ST
from event_driver import EventRing, fields
from frames import to_int
from mgmt import abi
from mgmt.card import Card as MailboxClient
from ring_driver import CONTEXT, CSUM, DECRYPT, ENCRYPT, LOOKASIDE, NUMBERED, OK, PLAIN, TSO
from rx_model import Rss

STATE, CONTROL, MTU, RX_QUEUE, RX_FILTER, RING, STATUS = 0x14, 0x18, 0x1C, 0x20, 0x2C, 0x40, 0x44
REQUEST, RESPONSE = 0x1000, 0x1800
READY = 3  # fw_ready, data_path_open
MISS_TO_HOST, FRAGMENT_TO_HOST, RX_ENABLE, POLICY_BYPASS = 1, 2, 4, 8
BUFFER = 2048
MAC = MACS[:6]  # to which the test frames go


class Mailbox(MailboxClient):
    """The mailbox through BAR0."""

    def __init__(self, dut, bus):
        super().__init__(dut)
        self.bus, self.lock = bus, Lock()

    async def write(self, data, word=0):
        await self.bus.write(REQUEST + 4 * word, data)

    async def read(self, length):
        return bytes((await self.bus.read(RESPONSE, (length + 3) & ~3)).data)[:length]

    async def raw(self, message):
        async with self.lock:
            await self.write(message)
            await self.bus.write_dword(RING, 1)
            for _ in range(2000):
                if not await self.bus.read_dword(STATUS) & 1:
                    return await self.response()
                await ClockCycles(self.dut.clk, 100)
        raise AssertionError("the firmware does not answer")


class Card(Host, EventRing):
    """mtu: largest frame sent; control: CONTROL; rx_queue: pair of what comes from the wire without an SA; interval:
    of the events' rate limit, 0 for none; offloads: share of frames that go in pieces or with a checksum to be put in;
    rss: an rx_model.Rss."""

    def __init__(
        self,
        dut,
        wire_stall=0.0,
        mtu=1514,
        control=RX_ENABLE,
        rx_queue=1,
        interval=0,
        offloads=0.3,
        rss=None,
        **host,
    ):
        super().__init__(dut, **host)
        self.mtu, self.control, self.rx_queue, self.interval = mtu, control, rx_queue, interval
        self.mailbox, self.offloads, self.rss = Mailbox(dut, self.bus), offloads, rss or Rss()
        for name in ("wire_rx_axis", "wire_tx_axis"):
            logging.getLogger(f"cocotb.{dut._name}.{name}").setLevel(logging.WARNING)
        self.wire_in = AxiStreamSource(AxiStreamBus.from_prefix(dut, "wire_rx_axis"), dut.clk, dut.rst)
        self.wire_out = AxiStreamSink(AxiStreamBus.from_prefix(dut, "wire_tx_axis"), dut.clk, dut.rst)
        self.wire_stall = wire_stall
        self.memory_task = None
        self.ring_memory(10)
        self.forget()

    async def start(self):
        """Clock, reset, boot; then open the queues and the wire."""
        self.dut.bus_master_en.value = 1
        self.dut.mac.value = to_int(MAC)
        self.dut.msix_ready.value = 1
        self.dut.rst.value = 1
        await ReadWrite()  # the clock's first edge must find it
        Clock(self.dut.clk, 2, "ns").start()
        if self.wire_stall:
            for end in (self.wire_in, self.wire_out):
                end.set_pause_generator(iter(lambda: self.random.random() < self.wire_stall, None))
        await self.boot()
        cocotb.start_soon(self._interrupts())
        return self

    async def boot(self):
        """Hold the reset for 16 cycles, wait for the firmware, configure."""
        dut, memory = self.dut, self.memory
        dut.rst.value = 1
        if self.memory_task:
            # The bridge answers nothing that was asked before the reset; the wire falls silent.
            self.wire_in.clear()
            self.memory_task.cancel()
            for queue in (memory.reads, memory.writes, memory.addresses, memory.data):
                queue.clear()
            for name in ("awready", "wready", "arready", "rvalid", "bvalid"):
                getattr(dut, f"m_axi_{name}").value = 0
        await ClockCycles(dut.clk, 16)
        dut.rst.value = 0
        for _ in range(200):
            await ClockCycles(dut.clk, 1000)
            if await self.bus.read_dword(STATE) == READY:
                break
        else:
            raise AssertionError("the firmware does not start")
        self.memory_task = cocotb.start_soon(memory.run())
        settings = (CONTROL, self.control), (MTU, self.mtu), (RX_QUEUE, self.rx_queue), (RX_FILTER, 0)
        for register, value in settings:
            await self.bus.write_dword(register, value)
        await self.rss.write(self.bus)
        self.forget()
        await self.limit(self.interval)
        await self.enable_ring()
        for pair in self.pairs:
            await pair.enable()
            await self.feed(pair)

    def forget(self):
        """After a reset nothing is on its way any more, and nothing was counted."""
        flags = (bool(self.control & bit) for bit in (MISS_TO_HOST, FRAGMENT_TO_HOST, POLICY_BYPASS))
        self.rules = Rules(self.mtu, self.rx_queue, *flags)
        self.rules.rss = self.rss
        self.ledger = Ledger(self.pairs, self.rules)
        self.sas = []
        self.got.clear()
        self.coming = [0] * len(self.pairs)  # frames that each pair may still receive
        for pair in self.pairs:
            pair.sent.clear()
            pair.received.clear()

    def fed(self):
        return self.wire_in.idle()

    async def feed(self, pair, length=BUFFER):
        """Fill the RX ring."""
        pair.poll()
        while pair.rx.free:
            self.give(pair, length)
        await pair.ring("rx")

    def room(self, number):
        """RX buffers of a pair beyond what is on its way to it."""
        pair = self.pairs[number]
        return len(pair.rx.open) - (self.coming[number] - len(pair.received))

    # ---- SAs and policies ----
    async def add(self, sa):
        """Install a card_sas.OutSa or InSa."""
        body = await self.mailbox.ok(abi.CODES["MBX_SA_ADD"], sa.message())
        (sa.handle, flags) = struct.unpack("<II", body)
        assert flags == 0
        if hasattr(sa, "table"):
            sa.table.start(sa.handle)
        self.sas.append(sa)
        self.rules.add(sa)
        return sa

    async def delete(self, sa):
        self.sas.remove(sa)
        self.rules.remove(sa)
        await self.mailbox.ok(abi.CODES["MBX_SA_DEL"], struct.pack("<II", sa.handle, 0))

    async def add_policy(self, policy):
        """Install a card_sas.OutPolicy."""
        body = await self.mailbox.ok(abi.CODES["MBX_POLICY_ADD"], policy.struct())
        (policy.handle, flags) = struct.unpack("<II", body)
        assert flags == 0
        self.rules.policies.append(policy)
        return policy

    async def map_dscp(self, values):
        self.rules.dscp_map = tuple(values)
        await self.mailbox.ok(abi.CODES["MBX_DSCP_MAP"], bytes(values))

    # ---- packets; each returns its Fate. `want`: the status, by name, that the test has in mind ----
    def _post(self, number, fate, want, handle=0, may=None):
        assert want is None or fate.may == (ST[want],), f"the model says {fate.may}, the test {want}"
        if may:
            fate.may = may
        flags = LOOKASIDE if fate.lookaside else 0
        if fate.lookaside and OK in fate.may:
            self.coming[number] += 1
        pair, how = self.pairs[number], dict(op=fate.op, sa=handle, note=fate)
        if self.offloads and fate.op != DECRYPT and pair.tx.free > 6 and self.random.random() < self.offloads:
            self._offloaded(pair, fate, flags, how)
        else:
            self.send(pair, fate.data, self.random.randrange(64), flags=flags, **how)
        return fate

    def _offloaded(self, pair, fate, flags, how):
        """In pieces, or with some checksum left to the card, or both: to what becomes of it that makes no difference."""
        data, silent = fate.data, Fate(b"", op=CONTEXT, silent=True)
        start = self.random.randrange(14, 60)
        offset = 2 * self.random.randrange(30)
        if any(data[start + offset : start + offset + 2]) and start + offset + 2 <= len(data):
            data = before_checksum(data, start, offset)
            flags |= CSUM
            pair.context(fate.number_hi, csum_start=start, csum_offset=offset, seq=fate.given, note=silent)
        self.send_pieces(
            pair, data, self.cuts(len(data), self.random.randrange(1, 5)), flags, part=silent, **how
        )

    def send_out(
        self, number, data, op=PLAIN, handle=0, lookaside=False, want=None, number_hi=0, may=None, given=None
    ):
        """number_hi, given: what the context before it says of the number, see context()."""
        fate = self.rules.outbound(data, op, handle, number_hi, lookaside, given)
        return self._post(number, fate, want, handle, may)

    def encrypts(self, number, data, sa, lookaside=False, want="OK", may=None):
        return self.send_out(number, data, ENCRYPT, sa.handle, lookaside, want, may=may)

    def segments(self, number, tso, sa=None, first=None):
        """A tso_frames.Tso, in pieces; each segment encrypted, with an SA of this pair alone. Not if one would be dropped.

        first: NUMBERED, from this number on. Returns the last one's fate.
        """
        op, handle = (ENCRYPT if first is None else NUMBERED, sa.handle) if sa else (PLAIN, 0)
        given = [None if first is None else first + n for n in range(len(tso.segments))]
        fates = [
            self.rules.outbound(segment, op, handle, given=n)
            for segment, n in zip(tso.segments, given, strict=True)
        ]
        if any(OK not in fate.may for fate in fates):
            return None
        fates[-1].before = fates[:-1]
        pair, silent = self.pairs[number], Fate(b"", op=CONTEXT, silent=True)
        pair.context(**tso.context, seq=first, note=silent)
        cuts = self.cuts(len(tso.data), self.random.randrange(1, 5))
        self.send_pieces(pair, tso.data, cuts, TSO, fates[-1], silent, op=op, sa=handle)
        return fates[-1]

    def context(self, number, seq_hi=0, seq=None):
        self.pairs[number].context(seq_hi, seq=seq, note=Fate(b"", op=CONTEXT, silent=True))

    def decrypts(self, number, data, want=None):
        return self._post(number, self.rules.arrival(data, True, number), want)

    def refused(self, number, status, address=None, length=64, op=PLAIN, flags=0, sa=0):
        """A descriptor that the DMA refuses, or whose memory does not answer."""
        fate = Fate(b"", (ST[status],), op)
        self.pairs[number].send(1 << 60 if address is None else address, length, op, flags, sa, note=fate)

    def from_wire(self, data, fate=None, want=None, bad=False, may=None):
        """A frame from the wire; fate: if the port drops it; `bad`: the MAC says so."""
        if fate is None and data[:6] not in (MAC, b"\xff" * 6):
            fate = Fate(data, (ST["FILTERED"],))
        fate = fate or self.rules.arrival(data)
        assert want is None or fate.may == (ST[want],), f"the model says {fate.may}, the test {want}"
        if may:
            fate.may = may
        self.ledger.wire_in.append(fate)
        if OK in fate.may:
            self.coming[fate.pair] += 1
        self.wire_in.send_nowait(AxiStreamFrame(data, tuser=int(bad)))
        return fate

    def wire_drop(self, data, status, bad=False):
        """What the port drops, or finds no buffer."""
        return self.from_wire(data, Fate(data, (ST[status],)), bad=bad)

    async def ring(self):
        for pair in self.pairs:
            await pair.ring()

    # ---- the end ----
    async def check(self, patience=60000):
        """Everything has come to its end; compare it with the ledger."""
        await self.settle(patience)
        sent = []
        while not self.wire_out.empty():
            sent.append(bytes(self.wire_out.recv_nowait().tdata))
        self.ledger.check(sent)
        self.take()
        await self.tell()
        if not self.interval:
            self.ledger.check_events([fields(e) for e in self.got])
            assert all(e["suppressed"] == 0 for e in self.got)
            self.got.clear()
        self.coming = [0] * len(self.pairs)
        for pair in self.pairs:
            await self.feed(pair)

    async def check_counters(self, doorbells=(0, 0)):
        """The card's counters and those of each SA that is left."""
        stats = await self.mailbox.stats()
        self.ledger.check_stats(stats)
        assert (stats["tx_bad_doorbell"], stats["rx_bad_doorbell"]) == doorbells
        for sa in self.sas:
            sa.check(await self.mailbox.query(sa.handle))
        return stats
