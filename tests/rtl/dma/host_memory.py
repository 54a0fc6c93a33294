# SPDX-License-Identifier: BSD-2-Clause
"""Host memory behind an AXI4 master of 512 bits: latency, back-pressure, answers out of order, errors.

It is strict: every access must lie in lines of 64 bytes that were opened for it, else it answers DECERR and
notes the address in `strays`. Written data become visible only when the write is answered, so a card that
writes a completion before its data are answered is caught.
"""

import random
from collections import deque

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiRam
from frames import to_bytes, to_int

LINE = 64
SLVERR, DECERR = 2, 3


class HostMemory:
    """`size` bytes from address `base`.

    latency: cycles from a request to its answer; stall: share of cycles without a ready; reorder: answers of
    different IDs overtake each other and interleave.
    """

    def __init__(self, dut, size=8 << 20, base=0x1_2000_0000, latency=20, stall=0.0, reorder=False, seed=1):
        self.dut, self.base, self.size = dut, base, size
        self.latency, self.stall, self.reorder = latency, stall, reorder
        self.random = random.Random(seed)
        self.bytes = bytearray(b"\xa5") * size  # what lies around a frame shows if it leaks out
        self.readable = bytearray(size // LINE)
        self.writable = bytearray(size // LINE)
        self.read_errors, self.write_errors = {}, {}  # line address to response
        self.strays = []
        self.cycle = 0
        self.next = base
        self.reads, self.writes = deque(), deque()
        self.addresses, self.data = deque(), deque()
        self.read_bytes = self.write_bytes = self.bursts = self.outstanding = 0
        for name in ("awready", "wready", "arready", "rvalid", "bvalid"):
            getattr(dut, f"m_axi_{name}").value = 0

    # ---- what the host does ----
    def alloc(self, length, align=LINE, offset=0):
        """An address of its own lines; not yet open to the card."""
        address = -(-self.next // align) * align + offset
        self.next = -(-(address + length) // LINE) * LINE
        assert self.next <= self.base + self.size, "host memory is full"
        return address

    def open(self, address, length, read=False, write=False):
        first, last = (address - self.base) // LINE, (address + length - 1 - self.base) // LINE
        count = last - first + 1
        if read:
            self.readable[first : last + 1] = b"\1" * count
        if write:
            self.writable[first : last + 1] = b"\1" * count

    def __getitem__(self, where):
        address, length = where
        return bytes(self.bytes[address - self.base : address - self.base + length])

    def write(self, address, data):
        self.bytes[address - self.base : address - self.base + len(data)] = data

    # ---- what the card does ----
    def _response(self, address, table, errors):
        line = (address - self.base) // LINE
        if address in errors:
            return errors[address]
        if not 0 <= line < len(table) or not table[line]:
            self.strays.append(address)
            return DECERR
        return 0

    def _due(self):
        return self.cycle + self.latency + (self.random.randrange(self.latency + 1) if self.reorder else 0)

    def _pick(self, queue):
        """Of the bursts that are due, one whose ID has no older one."""
        if not queue:
            return None
        if not self.reorder:
            return queue[0] if queue[0]["due"] <= self.cycle else None
        seen, able = set(), []
        for burst in queue:
            if burst["id"] not in seen and burst["due"] <= self.cycle:
                able.append(burst)
            seen.add(burst["id"])
        return self.random.choice(able) if able else None

    def _stalled(self):
        return self.stall and self.random.random() < self.stall

    async def run(self):
        dut = self.dut
        edge = RisingEdge(dut.clk)
        arready = awready = wready = 0
        rvalid = bvalid = False
        while True:
            await edge
            self.cycle += 1
            if dut.rst.value == 1:
                continue
            # reads
            if arready and dut.m_axi_arvalid.value == 1:
                address, beats = int(dut.m_axi_araddr.value), int(dut.m_axi_arlen.value) + 1
                assert address % LINE == 0 and address % 4096 + beats * LINE <= 4096, (
                    f"{beats} beats at {address:x}"
                )
                assert int(dut.m_axi_arsize.value) == 6 and int(dut.m_axi_arburst.value) == 1
                burst = {
                    "id": int(dut.m_axi_arid.value),
                    "address": address,
                    "left": beats,
                    "due": self._due(),
                }
                self.reads.append(burst)
                self.bursts += 1
            assert not rvalid or dut.m_axi_rready.value == 1
            rvalid = False
            if not self._stalled() and (burst := self._pick(self.reads)):
                address = burst["address"]
                response = self._response(address, self.readable, self.read_errors)
                data = (1 << 512) - 1 if response else to_int(self[address, LINE])
                dut.m_axi_rid.value = burst["id"]
                dut.m_axi_rdata.value = data
                dut.m_axi_rresp.value = response
                burst["left"] -= 1
                burst["address"] += LINE
                dut.m_axi_rlast.value = int(burst["left"] == 0)
                if burst["left"] == 0:
                    self.reads.remove(burst)
                self.read_bytes += LINE
                rvalid = True
            dut.m_axi_rvalid.value = int(rvalid)
            arready = int(not self._stalled())
            dut.m_axi_arready.value = arready
            # writes
            if awready and dut.m_axi_awvalid.value == 1:
                address, beats = int(dut.m_axi_awaddr.value), int(dut.m_axi_awlen.value) + 1
                assert address % LINE == 0 and address % 4096 + beats * LINE <= 4096, (
                    f"{beats} beats at {address:x}"
                )
                assert int(dut.m_axi_awsize.value) == 6 and int(dut.m_axi_awburst.value) == 1
                self.addresses.append((int(dut.m_axi_awid.value), address, beats))
                self.bursts += 1
            if wready and dut.m_axi_wvalid.value == 1:
                strobe = int(dut.m_axi_wstrb.value)
                self.data.append((int(dut.m_axi_wdata.value), strobe, int(dut.m_axi_wlast.value)))
                self.write_bytes += strobe.bit_count()
            while self.addresses and len(self.data) >= self.addresses[0][2]:
                number, address, beats = self.addresses.popleft()
                data = [self.data.popleft() for _ in range(beats)]
                assert [last for _, _, last in data] == [0] * (beats - 1) + [1], "WLAST is out of place"
                self.writes.append({"id": number, "address": address, "data": data, "due": self._due()})
            assert not bvalid or dut.m_axi_bready.value == 1
            bvalid = False
            if not self._stalled() and (burst := self._pick(self.writes)):
                self.writes.remove(burst)
                dut.m_axi_bid.value = burst["id"]
                dut.m_axi_bresp.value = self._store(burst)
                bvalid = True
            dut.m_axi_bvalid.value = int(bvalid)
            awready, wready = int(not self._stalled()), int(not self._stalled())
            dut.m_axi_awready.value = awready
            dut.m_axi_wready.value = wready

    def _store(self, burst):
        response = 0
        for i, (word, strobe, _) in enumerate(burst["data"]):
            address = burst["address"] + LINE * i
            answer = self._response(address, self.writable, self.write_errors)
            response = max(response, answer)
            if answer:
                continue
            place = address - self.base
            data = to_bytes(word, LINE)
            if strobe == (1 << LINE) - 1:
                self.bytes[place : place + LINE] = data
            else:
                for k in range(LINE):
                    if strobe >> k & 1:
                        self.bytes[place + k] = data[k]
        return response


class RamMemory(HostMemory):
    """The same interface before cocotbext-axi's AxiRam: another's reading of the AXI protocol, with pauses."""

    def __init__(self, dut, size=8 << 20, stall=0.0, seed=1):
        super().__init__(dut, size=size, base=1 << 20, stall=stall, seed=seed)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=(1 << 20) + size)
        interfaces = (self.ram.write_if, self.ram.read_if)
        for interface in interfaces:
            for name in ("aw_channel", "w_channel", "b_channel", "ar_channel", "r_channel"):
                if hasattr(interface, name):
                    getattr(interface, name).set_pause_generator(iter(lambda: bool(self._stalled()), None))

    def __getitem__(self, where):
        return bytes(self.ram.read(*where))

    def write(self, address, data):
        self.ram.write(address, data)

    async def run(self):
        """The RAM runs by itself."""
