# SPDX-License-Identifier: BSD-2-Clause
"""BAR0 through AXI4-Lite: what each register shows or drives, doorbells, mailbox windows, holes."""

import logging
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from frames import Struct, to_int

QUEUES = 2
CFG_T = Struct(
    enable=1, tx_log2=4, rx_log2=4, wait_cycles=22, wait_frames=8, tx_base=64, tx_cpl=64, rx_base=64, rx_cpl=64
)  # fmt: skip
FILTER_T = Struct(promisc=1, all_multicast=1, station=48, valid=16, addresses=16 * 48)
RSS_T = Struct(enable=1, ipv4=1, tcp4=1, udp4=1, ipv6=1, tcp6=1, udp6=1, key=320, entries=1024)
OWN_MAC = 0x0100_5053_5602
DB_T = Struct(tx_tail_we=1, tx_tail=16, rx_tail_we=1, rx_tail=16, arm_we=1, tx_seen=16, rx_seen=16)
STATE_T = Struct(active=1, bad_config=1, tx_bad_doorbell=1, rx_bad_doorbell=1, dma_error=1)
EV_CFG_T = Struct(enable=1, size_log2=4, base=64, interval=32)
EV_DB_T = Struct(seen_we=1, seen=16, arm=1)
EV_STATE_T = Struct(active=1, bad_config=1, bad_seen=1, full=1, dma_error=1)
STATUS_T = Struct(fw_version=32, fw_ready=1, data_path_open=1, selftest_failed=1, fw_dead=1)


def element(signal, struct, i):
    return struct.unpack(int(signal.value) >> struct.width * i & ((1 << struct.width) - 1))


class Bench:
    def __init__(self, dut, seed=1):
        self.dut, self.random = dut, random.Random(seed)
        logging.getLogger("cocotb").setLevel(logging.WARNING)
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)
        self.response = [self.random.getrandbits(32) for _ in range(512)]
        self.request = [0] * 512
        self.rings, self.doorbells = 0, []

    async def start(self):
        dut = self.dut
        for name in ("q_state", "ev_state", "status", "mbx_busy", "mbx_count", "mbx_rd_data"):
            getattr(dut, name).value = 0
        dut.mac.value = OWN_MAC
        Clock(dut.clk, 2, "ns").start()
        dut.rst.value = 1
        await ClockCycles(dut.clk, 3)
        dut.rst.value = 0
        cocotb.start_soon(self._mailbox())
        await ClockCycles(dut.clk, 3)
        return self

    async def _mailbox(self):
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            dut.mbx_rd_data.value = self.response[int(dut.mbx_rd_addr.value)]
            self.rings += int(dut.mbx_ring.value)
            if dut.mbx_wr.value == 1:
                word, be = int(dut.mbx_wr_data.value), int(dut.mbx_wr_be.value)
                place = int(dut.mbx_wr_addr.value)
                for i in range(4):
                    if be >> i & 1:
                        mask = 0xFF << 8 * i
                        self.request[place] = self.request[place] & ~mask | word & mask
            bells = EV_DB_T.unpack(int(dut.ev_db.value))
            if bells["seen_we"]:
                self.doorbells.append(("event", bells["seen"], bells["arm"]))
            for i in range(QUEUES):
                bells = element(dut.q_db, DB_T, i)
                for bell, values in (
                    ("tx_tail", ["tx_tail"]),
                    ("rx_tail", ["rx_tail"]),
                    ("arm", ["tx_seen", "rx_seen"]),
                ):
                    if bells[f"{bell}_we"]:
                        self.doorbells.append((i, bell, *(bells[v] for v in values)))

    async def read(self, address):
        return await self.bus.read_dword(address)

    async def write(self, address, value):
        await self.bus.write_dword(address, value)


@cocotb.test()
async def card_registers(dut):
    """Identity, state, configuration: reset values, what the host sees, what the blocks get."""
    bench = await Bench(dut).start()
    assert await bench.read(0x00) == 0x56535052
    assert await bench.read(0x04) == 0x0002_0002
    assert await bench.read(0x08) == 0x7F_FFFF
    assert await bench.read(0x0C) == 10 << 16 | 4 << 8 | QUEUES
    for _ in range(20):
        status = {name: bench.random.getrandbits(width) for name, width in STATUS_T.widths.items()}
        dut.status.value = STATUS_T.pack(**status)
        busy, count = bench.random.getrandbits(1), bench.random.getrandbits(16)
        dut.mbx_busy.value, dut.mbx_count.value = busy, count
        assert await bench.read(0x10) == status["fw_version"]
        state = status["fw_ready"] | status["data_path_open"] << 1
        assert await bench.read(0x14) == state | status["selftest_failed"] << 2 | status["fw_dead"] << 3
        assert await bench.read(0x44) == count << 16 | busy

    assert await bench.read(0x24) == OWN_MAC & 0xFFFFFFFF
    assert await bench.read(0x28) == OWN_MAC >> 32

    def configuration():
        names = ("miss_to_host", "fragment_to_host", "rx_enable", "policy_bypass", "mtu", "rx_queue")
        return [int(getattr(dut, name).value) for name in names]

    assert configuration() == [0, 0, 0, 0, 1514, 0]
    await bench.write(0x18, 0xFFFFFFF5)
    await bench.write(0x1C, 0xFFFF2582)
    await bench.write(0x20, 0xFFFFFFF1)
    assert configuration() == [1, 0, 1, 0, 0x2582, 1]
    assert [await bench.read(a) for a in (0x18, 0x1C, 0x20)] == [5, 0x2582, 1]
    await bench.write(0x18, 2)
    assert configuration()[:4] == [0, 1, 0, 0]
    await bench.write(0x18, 8)
    assert configuration()[:4] == [0, 0, 0, 1]

    await bench.write(0x48, 0x12345678)
    await bench.bus.write(0x49, b"\xaa\xbb")
    assert await bench.read(0x48) == 0x12BBAA78
    for address in (0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x24, 0x28, 0x44, 0x64):
        before = await bench.read(address)
        await bench.write(address, ~before & 0xFFFFFFFF)
        assert await bench.read(address) == before, f"{address:#x} is read only"


@cocotb.test()
async def filter_registers(dut):
    """Everything is taken after a reset, and the station address is the card's own; each entry in its place."""
    bench = await Bench(dut).start()

    def configuration():
        return FILTER_T.unpack(int(dut.rx_filter.value))

    reset = {"promisc": 1, "all_multicast": 0, "station": OWN_MAC, "valid": 0, "addresses": 0}
    assert configuration() == reset
    assert [await bench.read(a) for a in (0x2C, 0x30, 0x34)] == [1, OWN_MAC & 0xFFFFFFFF, OWN_MAC >> 32]
    for n in range(3):
        await bench.write(0x2C, 0xFFFFFFFC | n)
        assert await bench.read(0x2C) == n
        assert (configuration()["promisc"], configuration()["all_multicast"]) == (n & 1, n >> 1)
    station = bench.random.getrandbits(48)
    await bench.write(0x30, station & 0xFFFFFFFF)
    await bench.write(0x34, 0xABCD << 16 | station >> 32)
    assert [await bench.read(a) for a in (0x30, 0x34)] == [station & 0xFFFFFFFF, station >> 32]
    assert configuration()["station"] == station
    assert await bench.read(0x24) == OWN_MAC & 0xFFFFFFFF, "the card's own address changed"
    entries = [(bench.random.getrandbits(48), bench.random.getrandbits(1)) for _ in range(16)]
    for i, (address, valid) in enumerate(entries):
        await bench.write(0x100 + 8 * i, address & 0xFFFFFFFF)
        await bench.write(0x104 + 8 * i, valid << 31 | 0x7FFF << 16 | address >> 32)
        assert await bench.read(0x104 + 8 * i) == valid << 31 | address >> 32
    got = configuration()
    assert got["addresses"] == sum(address << 48 * i for i, (address, _) in enumerate(entries))
    assert got["valid"] == sum(valid << i for i, (_, valid) in enumerate(entries))
    # A reset takes the pin anew.
    dut.mac.value = station
    dut.rst.value = 1
    await ClockCycles(dut.clk, 3)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 3)
    assert configuration() == reset | {"station": station}


@cocotb.test()
async def rss_registers(dut):
    """Off after a reset; each type, each byte of the key and of the table in its place."""
    bench = await Bench(dut).start()
    assert int(dut.rss.value) == 0
    for bit, name in {0: "enable", 4: "ipv4", 5: "tcp4", 6: "udp4", 8: "ipv6", 9: "tcp6", 10: "udp6"}.items():
        await bench.write(0x80, 1 << bit)
        assert await bench.read(0x80) == 1 << bit
        assert int(dut.rss.value) == RSS_T.pack(**{name: 1})
    await bench.write(0x80, 0xFFFFF88E)
    assert await bench.read(0x80) == 0
    key, table = bench.random.randbytes(40), bench.random.randbytes(128)
    await bench.bus.write(0x200, key)
    await bench.bus.write(0x280, table)
    assert (await bench.bus.read(0x200, 40)).data == key
    assert (await bench.bus.read(0x280, 128)).data == table
    assert int(dut.rss.value) == RSS_T.pack(key=to_int(key), entries=to_int(table))


@cocotb.test()
async def queue_registers(dut):
    """Each field of each pair goes where it belongs, and back."""
    bench = await Bench(dut).start()
    fields = {"tx_base": 0x10, "tx_cpl": 0x18, "rx_base": 0x20, "rx_cpl": 0x28}
    assert int(dut.q_cfg.value) == 0
    expected = []
    for i in range(QUEUES):
        values = {name: bench.random.getrandbits(64) for name in fields}
        values |= {
            "wait_cycles": bench.random.getrandbits(16) << 6,
            "wait_frames": bench.random.getrandbits(8),
        }
        values |= {"enable": 1 - i, "tx_log2": 3 + i, "rx_log2": 15 - i}
        for name, offset in fields.items():
            await bench.write(0x2000 + 0x80 * i + offset, values[name] & 0xFFFFFFFF)
            await bench.write(0x2004 + 0x80 * i + offset, values[name] >> 32)
        await bench.write(
            0x2000 + 0x80 * i, values["enable"] | values["tx_log2"] << 8 | values["rx_log2"] << 12
        )
        moderation = values["wait_frames"] << 16 | values["wait_cycles"] >> 6
        await bench.write(0x2008 + 0x80 * i, 0xFF000000 | moderation)
        assert await bench.read(0x2008 + 0x80 * i) == moderation
        expected.append(values)
    for i in range(QUEUES):
        assert element(dut.q_cfg, CFG_T, i) == expected[i]
        for name, offset in fields.items():
            assert await bench.read(0x2000 + 0x80 * i + offset) == expected[i][name] & 0xFFFFFFFF
    order = list(STATE_T.widths)
    for i in range(QUEUES):
        for bit, name in enumerate(order):
            dut.q_state.value = STATE_T.pack(**{name: 1}) << STATE_T.width * i
            assert [await bench.read(0x2004 + 0x80 * k) for k in range(QUEUES)] == [
                (1 << bit) * (k == i) for k in range(QUEUES)
            ], name
    assert bench.doorbells == []


@cocotb.test()
async def event_registers(dut):
    """The event ring's configuration and state, each field in its place."""
    bench = await Bench(dut).start()
    assert EV_CFG_T.unpack(int(dut.ev_cfg.value)) == {
        "enable": 0,
        "size_log2": 0,
        "base": 0,
        "interval": 250_000,
    }
    for _ in range(10):
        values = {name: bench.random.getrandbits(width) for name, width in EV_CFG_T.widths.items()}
        base = values["base"]
        words = [
            values["enable"] | values["size_log2"] << 8,
            base & 0xFFFFFFFF,
            base >> 32,
            values["interval"],
        ]
        for address, word in zip((0x60, 0x68, 0x6C, 0x70), words, strict=True):
            await bench.write(address, word)
            assert await bench.read(address) == word
        assert EV_CFG_T.unpack(int(dut.ev_cfg.value)) == values
    for bit, name in enumerate(EV_STATE_T.widths):
        dut.ev_state.value = EV_STATE_T.pack(**{name: 1})
        assert await bench.read(0x64) == 1 << bit, name
    expected = []
    for _ in range(50):
        seen, arm = bench.random.getrandbits(16), bench.random.getrandbits(1)
        await bench.write(0x74, seen | arm << 16)
        expected.append(("event", seen, arm))
    await ClockCycles(dut.clk, 5)
    assert bench.doorbells == expected
    assert await bench.read(0x74) == 0


@cocotb.test()
async def doorbells(dut):
    """Each write is one pulse with its value, in the order written; the pages cannot be read."""
    bench = await Bench(dut).start()
    expected = []
    for _ in range(200):
        pair, bell = bench.random.randrange(QUEUES), bench.random.randrange(3)
        value = bench.random.getrandbits(32)
        await bench.write(0x10000 + 0x1000 * pair + 4 * bell, value)
        low, high = value & 0xFFFF, value >> 16
        expected.append((pair, "arm", low, high) if bell == 2 else (pair, ("tx_tail", "rx_tail")[bell], low))
    # Written without waiting for answers, too.
    writes = []
    for n in range(50):
        writes.append(bench.bus.init_write(0x10000 + 0x1000 * (n % 2), n.to_bytes(4, "little")))
        expected.append((n % 2, "tx_tail", n))
    for write in writes:
        await write.wait()
    await ClockCycles(dut.clk, 5)
    assert bench.doorbells == expected
    for offset in (0, 4, 8):
        assert await bench.read(0x10000 + offset) == 0
    assert bench.doorbells == expected


@cocotb.test()
async def mailbox(dut):
    """The request window takes bytes and shows nothing, the response window the reverse; busy closes the door."""
    bench = await Bench(dut).start()
    message = bench.random.randbytes(2048)
    await bench.bus.write(0x1000, message)
    assert b"".join(w.to_bytes(4, "little") for w in bench.request) == message
    await bench.bus.write(0x1123, b"xyz")
    message = message[:0x123] + b"xyz" + message[0x126:]
    assert b"".join(w.to_bytes(4, "little") for w in bench.request) == message
    assert (await bench.bus.read(0x1000, 2048)).data == bytes(2048), "keys can be read"
    response = b"".join(w.to_bytes(4, "little") for w in bench.response)
    assert (await bench.bus.read(0x1800, 2048)).data == response
    await bench.bus.write(0x1800, bytes(64))
    assert (await bench.bus.read(0x1800, 64)).data == response[:64]
    assert b"".join(w.to_bytes(4, "little") for w in bench.request) == message

    assert bench.rings == 0
    await bench.write(0x40, 0)
    assert bench.rings == 0
    await bench.write(0x40, 1)
    await ClockCycles(dut.clk, 4)
    assert bench.rings == 1
    dut.mbx_busy.value = 1
    await bench.write(0x40, 1)
    await bench.bus.write(0x1000, bytes(2048))
    await ClockCycles(dut.clk, 4)
    assert bench.rings == 1, "rang while busy"
    assert b"".join(w.to_bytes(4, "little") for w in bench.request) == message, "request changed while busy"
    assert (await bench.bus.read(0x1800, 64)).data == response[:64]
    dut.mbx_busy.value = 0
    await bench.write(0x40, 1)
    await ClockCycles(dut.clk, 4)
    assert bench.rings == 2


@cocotb.test()
async def holes(dut):
    """Addresses without a register answer with 0 and take writes without effect; idle in between."""
    bench = await Bench(dut).start()
    used = {
        *range(0, 0x38, 4),
        0x80,
        *range(0x100, 0x180, 4),
        *range(0x200, 0x228, 4),
        *range(0x280, 0x300, 4),
        0x40,
        0x44,
        0x48,
        *range(0x60, 0x78, 4),
        *range(0x1000, 0x2000, 4),
    }
    for i in range(QUEUES):
        used |= {
            *range(0x2000 + 0x80 * i, 0x200C + 0x80 * i, 4),
            *range(0x2010 + 0x80 * i, 0x2030 + 0x80 * i, 4),
        }
        used |= {0x10000 + 0x1000 * i + offset for offset in (0, 4, 8)}
    near = {a + d for a in used for d in (-4, 4) if not 0x1000 <= a < 0x2000 - 4} | {
        0x1FFFC,
        0x12000,
        0x8000,
        0x2FFC,
    }
    far = {bench.random.randrange(0, 0x20000, 4) for _ in range(300)}
    before = int(dut.q_cfg.value), int(dut.mtu.value)
    for address in sorted((near | far) - used - {-4}):
        await bench.write(address, 0xFFFFFFFF)
        assert await bench.read(address) == 0, f"{address:#x}"
    assert (int(dut.q_cfg.value), int(dut.mtu.value)) == before
    assert bench.doorbells == [] and bench.rings == 0 and not any(bench.request)
    await ClockCycles(dut.clk, 3)
    assert dut.idle.value == 1
    write = bench.bus.init_write(0x48, b"1234")
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    assert dut.idle.value == 0
    await write.wait()
    assert await bench.read(0x48) == 0x34333231


@cocotb.test()
async def slow_host(dut):
    """Pauses on every channel change nothing."""
    bench = await Bench(dut, seed=3).start()
    channels = (
        bench.bus.write_if.aw_channel, bench.bus.write_if.w_channel, bench.bus.write_if.b_channel,
        bench.bus.read_if.ar_channel, bench.bus.read_if.r_channel,
    )  # fmt: skip
    for channel in channels:
        channel.set_pause_generator(iter(lambda: bench.random.random() < 0.6, None))
    expected = []
    for n in range(150):
        value = bench.random.getrandbits(32)
        await bench.write(0x48, value)
        await bench.write(0x11004, n)
        expected.append((1, "rx_tail", n))
        place = bench.random.randrange(512)
        assert await bench.read(0x48) == value
        assert await bench.read(0x1800 + 4 * place) == bench.response[place]
    assert bench.doorbells == expected
