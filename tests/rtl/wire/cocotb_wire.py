# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: frames through two receive ports, an arbiter, a demultiplexer and two send ports."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from frames import Struct

BEAT = 64
FRAME_MAX = 9618
RUNT, OVERSIZE, WIRE_ERROR, OVERFLOW, NOT_READY, FILTERED = 32, 33, 34, 35, 7, 42
FILTER_T = Struct(promisc=1, all_multicast=1, station=48, valid=16, addresses=16 * 48)


class Bench:
    """Drives both receive ports and collects what both send ports and the drop ports give."""

    def __init__(self, dut, seed):
        self.dut = dut
        self.random = random.Random(seed)
        self.sent = [[], []]  # frames, by port
        self.lengths = [[], []]
        self.drops = []
        self.tx_ready = 1.0  # how often the MAC takes a beat
        self.verdict_ready = 1.0

    async def start(self, enable=1):
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        for name in ("rx_tdata", "rx_tkeep", "rx_tvalid", "rx_tlast", "rx_tuser", "tx_tready", "sent_ready"):
            getattr(dut, name).value = 0
        dut.enable.value = enable
        dut.filter.value = FILTER_T.pack(promisc=1)
        dut.rst.value = 1
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.rst.value = 0
        cocotb.start_soon(self.collect())

    async def collect(self):
        dut, parts = self.dut, [b"", b""]
        while True:
            ready = sum((self.random.random() < self.tx_ready) << i for i in range(2))
            verdict = sum((self.random.random() < self.verdict_ready) << i for i in range(2))
            dut.tx_tready.value = ready
            dut.sent_ready.value = verdict
            await RisingEdge(dut.clk)
            valid, last = int(dut.tx_tvalid.value), int(dut.tx_tlast.value)
            fire = valid & ready
            if fire:
                data, keep = int(dut.tx_tdata.value), int(dut.tx_tkeep.value)
            for i in range(2):
                if fire >> i & 1:
                    size = (keep >> 64 * i & 2**64 - 1).bit_count()
                    parts[i] += (data >> 512 * i & 2**512 - 1).to_bytes(BEAT, "little")[:size]
                    if last >> i & 1:
                        self.sent[i].append(parts[i])
                        parts[i] = b""
                if int(dut.sent_valid.value) & verdict & (1 << i):
                    self.lengths[i].append(int(dut.sent_len.value) >> 16 * i & 0xFFFF)
                if int(dut.drop_valid.value) >> i & 1:
                    self.drops.append(int(dut.drop_status.value) >> 8 * i & 0xFF)

    async def send(self, jobs, gap=0.0):
        """jobs: two lists of (frame, bad), one a port; both ports run at the same time."""
        dut = self.dut
        beats = [
            [(f[o : o + BEAT], o + BEAT >= len(f), bad) for f, bad in port for o in range(0, len(f), BEAT)]
            for port in jobs
        ]
        while any(beats):
            words = [0] * 5
            for i in range(2):
                if beats[i] and self.random.random() >= gap:
                    chunk, last, bad = beats[i].pop(0)
                    # What lies beyond tkeep is noise: the card must not believe it.
                    noise = chunk + self.random.randbytes(BEAT - len(chunk))
                    for k, value in enumerate(
                        (
                            int.from_bytes(noise, "little") << 512 * i,
                            (1 << len(chunk)) - 1 << 64 * i,
                            1 << i,
                            last << i,
                            (bad and last) << i,
                        )
                    ):
                        words[k] |= value
            for name, value in zip(("tdata", "tkeep", "tvalid", "tlast", "tuser"), words, strict=True):
                getattr(dut, f"rx_{name}").value = value
            await RisingEdge(dut.clk)
        dut.rx_tvalid.value = 0

    async def drain(self):
        quiet = 0
        for _ in range(100000):
            await RisingEdge(self.dut.clk)
            quiet = quiet + 1 if int(self.dut.idle.value) else 0
            if quiet == 4:
                return
        raise AssertionError("never idle again")


def padded(frame):
    return frame.ljust(60, b"\0")


def expect(jobs, port):
    """What send port `port` gives, from each receive port in its order."""
    return [
        [padded(f) for f, bad in lane if not bad and len(f) & 1 == port and 14 <= len(f) <= FRAME_MAX]
        for lane in jobs
    ]


def check_order(got, lanes):
    """`got` is a merge of `lanes` that keeps the order within each."""
    lanes = [list(lane) for lane in lanes]
    for frame in got:
        lane = next((a for a in lanes if a and a[0] == frame), None)
        assert lane is not None, f"a frame of {len(frame)} bytes came that was not next in any port"
        lane.pop(0)
    assert not any(lanes), f"{sum(map(len, lanes))} frames did not come"


@cocotb.test()
async def every_length(dut):
    bench = Bench(dut, 1)
    await bench.start()
    bench.tx_ready, bench.verdict_ready = 0.9, 0.9
    rnd = bench.random
    lengths = [*range(14, 200), 1514, 1518, 4096, 9600, FRAME_MAX]
    jobs = [[(rnd.randbytes(n), False) for n in lengths] for _ in range(2)]
    await bench.send(jobs, gap=0.7)
    await bench.drain()
    for port in range(2):
        check_order(bench.sent[port], expect(jobs, port))
        assert bench.lengths[port].__len__() == len(bench.sent[port])
    assert bench.drops == []


@cocotb.test()
async def bad_frames_cost_themselves(dut):
    bench = Bench(dut, 2)
    await bench.start()
    rnd = bench.random
    jobs = [[], []]
    for lane in jobs:
        for _ in range(300):
            kind = rnd.randrange(6)
            size = {0: rnd.randrange(1, 14), 1: rnd.randrange(FRAME_MAX + 1, FRAME_MAX + 600)}.get(
                kind, rnd.randrange(14, 300)
            )
            lane.append((rnd.randbytes(size), kind == 2))
    await bench.send(jobs, gap=0.4)
    await bench.drain()
    for port in range(2):
        check_order(bench.sent[port], expect(jobs, port))
    flat = [j for lane in jobs for j in lane]
    assert bench.drops.count(WIRE_ERROR) == sum(bad for _, bad in flat)
    assert bench.drops.count(RUNT) == sum(len(f) < 14 for f, bad in flat)
    assert bench.drops.count(OVERSIZE) == sum(len(f) > FRAME_MAX for f, bad in flat)
    assert len(bench.drops) + sum(map(len, bench.sent)) == len(flat)


@cocotb.test()
async def broken_beats_cost_their_frame(dut):
    """A MAC whose tkeep has holes, is empty, or is short within a frame: that frame is bad, the next one passes."""
    bench = Bench(dut, 6)
    await bench.start()
    full = 2**64 - 1
    broken = [
        [0],  # nothing at all
        [full, 0],  # an empty last beat
        [full] * 150 + [full, full, 0],  # the same behind a frame that is too long
        [full >> 4, full],  # short, then more
        [0, full],
        [full & ~1],  # the first byte is missing
        [full & ~(1 << 20)],
        [full, full >> 30 & ~2],
    ]
    good = bench.random.randbytes(100)
    for keeps in broken:
        for i, keep in enumerate(keeps):
            dut.rx_tdata.value = bench.random.getrandbits(512)
            dut.rx_tkeep.value = keep
            dut.rx_tlast.value = int(i == len(keeps) - 1)
            dut.rx_tuser.value = 0
            dut.rx_tvalid.value = 1
            await RisingEdge(dut.clk)
        await bench.send([[(good, False)], []])
    await bench.drain()
    assert bench.sent[0] == [good] * len(broken)
    assert bench.drops == [WIRE_ERROR] * len(broken)


@cocotb.test()
async def overflow_is_counted(dut):
    bench = Bench(dut, 3)
    await bench.start()
    bench.tx_ready = 0.1
    jobs = [[(bench.random.randbytes(600), False) for _ in range(300)] for _ in range(2)]
    await bench.send(jobs)
    await bench.drain()
    assert OVERFLOW in bench.drops and set(bench.drops) == {OVERFLOW}
    assert len(bench.drops) + sum(map(len, bench.sent)) == 600
    whole = {padded(f) for lane in jobs for f, _ in lane}
    assert all(f in whole for lane in bench.sent for f in lane), "a frame came out in pieces"
    # And nothing is left behind: the next frame passes.
    before = len(bench.sent[0])
    await bench.send([[(b"\x55" * 100, False)], []])
    await bench.drain()
    assert len(bench.sent[0]) == before + 1


@cocotb.test()
async def closed_port_takes_nothing(dut):
    bench = Bench(dut, 4)
    await bench.start(enable=0)
    await bench.send([[(b"\x11" * 64, False)] * 3, []])
    await bench.drain()
    assert bench.drops == [NOT_READY] * 3 and bench.sent == [[], []]


@cocotb.test()
async def full_rate(dut):
    """Frames of one beat cross without a lost cycle once they flow."""
    bench = Bench(dut, 5)
    await bench.start()
    count = 400
    jobs = [[(bench.random.randbytes(64), False)] * count, []]
    task = cocotb.start_soon(bench.send(jobs))
    cycles = 0
    while len(bench.sent[0]) < count:
        await RisingEdge(dut.clk)
        cycles += 1
        assert cycles < 2 * count
    await task
    assert cycles <= count + 16, cycles


def wanted(f, destination):
    """The rule of RX_FILTER; `destination` as a number, byte 0 lowest."""
    if f["promisc"] or destination in (0xFFFFFFFFFFFF, f["station"]):
        return True
    if destination & 1 and f["all_multicast"]:
        return True
    return any(f["valid"] >> i & 1 and f["addresses"] >> 48 * i & 2**48 - 1 == destination for i in range(16))


@cocotb.test()
async def filter(dut):
    """Each rule alone and all of them at random: what is for others is counted as such and takes no room."""
    bench = Bench(dut, 7)
    await bench.start()
    rnd = bench.random
    station, other, group = 0x0100_5053_5602, 0x0200_5053_5602, 0x0100_005E_0001
    entries = [rnd.getrandbits(48) for _ in range(16)]
    none = dict(station=station, addresses=sum(e << 48 * i for i, e in enumerate(entries)))
    near = [station ^ 1 << bit for bit in (1, 7, 8, 40, 47)]
    settings = [none | dict(promisc=1), none, none | dict(all_multicast=1), none | dict(valid=0xFFFF)]
    settings += [none | dict(valid=1 << i) for i in range(16)]
    settings += [none | dict(valid=rnd.getrandbits(16), all_multicast=rnd.getrandbits(1)) for _ in range(5)]
    fields = FILTER_T.unpack(0)
    for values in settings:
        dut.filter.value = FILTER_T.pack(**values)
        lane, expected = [], []
        for destination in [2**48 - 1, station, other, group, group | 2, *near, *entries]:
            size = rnd.choice((14, 60, 64, 65, 200))
            data = destination.to_bytes(6, "little") + rnd.randbytes(size - 6)
            lane.append((data, False))
            if wanted(fields | values, destination):
                expected.append((data, False))
        await bench.send([lane, []], gap=0.3)
        await bench.drain()
        for port in range(2):
            check_order(bench.sent[port], expect([expected], port))
            bench.sent[port].clear()
        assert bench.drops.count(FILTERED) == len(lane) - len(expected), values
        bench.drops.clear()
    # A frame that is wrong in another way is counted under that.
    dut.filter.value = FILTER_T.pack(**none)
    await bench.send([[(bytes(13), False), (bytes(60), True)], []])
    await bench.send([[(bytes(FRAME_MAX + 1), False)], []])
    await bench.drain()
    assert bench.drops == [RUNT, WIRE_ERROR, OVERSIZE]
    # Frames of others fill no buffer: while nothing leaves, one of ours still finds room behind them.
    bench.drops.clear()
    bench.tx_ready = 0.0
    mine = station.to_bytes(6, "little") + rnd.randbytes(94)
    await bench.send([[(bytes(9000), False)] * 6 + [(mine, False)], []])
    bench.tx_ready = 1.0
    await bench.drain()
    assert bench.drops == [FILTERED] * 6 and bench.sent[0] == [mine]
