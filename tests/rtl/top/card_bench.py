# SPDX-License-Identifier: BSD-2-Clause
"""The whole card with its real firmware: host, mailbox and wire around it, and a ledger of every packet."""

import logging
import struct

import cocotb
from card_fates import Fate, Ledger, check_sa, inbound_message
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Lock, ReadWrite
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from dma_bench import Host
from mgmt import abi
from mgmt.cocotb_mgmt import Card as MailboxClient
from ring_driver import DECRYPT, ENCRYPT, LOOKASIDE, OK, PLAIN

STATE, CONTROL, MTU, RX_QUEUE, RING, STATUS = 0x14, 0x18, 0x1C, 0x20, 0x40, 0x44
REQUEST, RESPONSE = 0x1000, 0x1800
READY = 3  # fw_ready, data_path_open
MISS_TO_HOST, FRAGMENT_TO_HOST, RX_ENABLE = 1, 2, 4
BUFFER = 2048


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


class Card(Host):
    """mtu: largest frame sent; control: CONTROL; rx_queue: pair of what comes from the wire without an SA."""

    def __init__(self, dut, wire_stall=0.0, mtu=1514, control=RX_ENABLE, rx_queue=1, **host):
        super().__init__(dut, **host)
        self.mtu, self.control, self.rx_queue = mtu, control, rx_queue
        self.mailbox = Mailbox(dut, self.bus)
        for name in ("wire_rx_axis", "wire_tx_axis"):
            logging.getLogger(f"cocotb.{dut._name}.{name}").setLevel(logging.WARNING)
        self.wire_in = AxiStreamSource(AxiStreamBus.from_prefix(dut, "wire_rx_axis"), dut.clk, dut.rst)
        self.wire_out = AxiStreamSink(AxiStreamBus.from_prefix(dut, "wire_tx_axis"), dut.clk, dut.rst)
        self.wire_stall = wire_stall
        self.memory_task = None
        self.forget()

    async def start(self):
        """Clock, reset, boot; then open the queues and the wire."""
        self.dut.bus_master_en.value = 1
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
        for register, value in ((CONTROL, self.control), (MTU, self.mtu), (RX_QUEUE, self.rx_queue)):
            await self.bus.write_dword(register, value)
        self.forget()
        for pair in self.pairs:
            await pair.enable()
            await self.feed(pair)

    def forget(self):
        """After a reset nothing is on its way any more, and nothing was counted."""
        self.ledger = Ledger(self.pairs)
        self.sas = []
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

    # ---- SAs ----
    async def add_out(self, sa):
        """Install a card_fates.OutSa."""
        (sa.handle, flags) = struct.unpack(
            "<II", await self.mailbox.ok(abi.CODES["MBX_SA_ADD"], sa.message())
        )
        assert flags == 0 and not sa.handle & 1 << 16
        self.sas.append(sa)
        return sa

    async def add_in(self, sa):
        """Install a sa_model.Sa."""
        body = await self.mailbox.ok(abi.CODES["MBX_SA_ADD"], inbound_message(sa))
        handle, flags = struct.unpack("<II", body)
        assert flags == 0 and handle & 1 << 16
        sa.start(handle)
        self.sas.append(sa)
        return sa

    async def delete(self, sa):
        self.sas.remove(sa)
        await self.mailbox.ok(abi.CODES["MBX_SA_DEL"], struct.pack("<II", sa.handle, 0))

    # ---- packets; each returns its Fate ----
    def _post(self, number, fate, sa=0):
        flags = LOOKASIDE if fate.lookaside else 0
        if fate.lookaside and OK in fate.may:
            self.coming[number] += 1
        pair, offset = self.pairs[number], self.random.randrange(64)
        self.send(pair, fate.data, offset, op=fate.op, flags=flags, sa=sa, note=fate)
        return fate

    def plain(self, number, data, lookaside=False, may=(OK,)):
        return self._post(number, Fate(data, may, PLAIN, lookaside=lookaside, result=data))

    def encrypts(self, number, data, sa, lookaside=False, may=(OK,), consumes=False, handle=None):
        fate = Fate(data, may, ENCRYPT, sa, lookaside, consumes=consumes)
        return self._post(number, fate, sa.handle if handle is None else handle)

    def decrypts(self, number, data, result=b"", sa=None, seq=0, may=(OK,)):
        return self._post(number, Fate(data, may, DECRYPT, sa, True, result, seq=seq))

    def refused(self, number, status, address=None, length=64, op=PLAIN, flags=0, sa=0):
        """A descriptor that the DMA refuses, or whose memory does not answer."""
        fate = Fate(b"", (status,), op)
        self.pairs[number].send(1 << 60 if address is None else address, length, op, flags, sa, note=fate)

    def from_wire(self, data, fate, bad=False):
        """A frame from the wire; `bad`: the MAC says so."""
        self.ledger.wire_in.append(fate)
        if OK in fate.may:
            self.coming[fate.pair] += 1
        self.wire_in.send_nowait(AxiStreamFrame(data, tuser=int(bad)))
        return fate

    def wire_plain(self, data, status=OK):
        """A frame that passes the inbound pipe untouched."""
        return self.from_wire(data, Fate(data, op=PLAIN, result=data, pair=self.rx_queue, status=status))

    def wire_esp(self, data, result, sa, seq, may=(OK,)):
        return self.from_wire(data, Fate(data, may, DECRYPT, sa, result=result, pair=sa.queue, seq=seq))

    def wire_drop(self, data, status, bad=False):
        return self.from_wire(data, Fate(data, (status,)), bad)

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
        self.coming = [0] * len(self.pairs)
        for pair in self.pairs:
            await self.feed(pair)

    async def check_counters(self, doorbells=(0, 0)):
        """The card's counters and those of each SA that is left."""
        stats = await self.mailbox.stats()
        self.ledger.check_stats(stats)
        assert (stats["tx_bad_doorbell"], stats["rx_bad_doorbell"]) == doorbells
        for sa in self.sas:
            check_sa(sa, await self.mailbox.query(sa.handle))
        return stats
