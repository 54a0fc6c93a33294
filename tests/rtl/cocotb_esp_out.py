# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of esp_out. The SA table is a model; so is the engine, unless the top holds the real one.

Each test is random in its gaps and lengths, and compares every frame and every verdict.
"""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from esp_model import DECRYPT, ENCRYPT, ETH, OPAQUE, PLAIN, ST, Engine, Sa, SaTable, packet, with_checksum
from frames import META_T, VERDICT_T, Collector, Sink, Source, beats, reset

MTU = 9618


def never():
    return False


def often():
    return random.random() < 0.3


class Bench:
    """Sends frames through the pipe; what must come out is written down with each."""

    def __init__(self, dut, sas, mtu=MTU, gap=never, stall=never):
        self.dut, self.sas = dut, sas
        self.table = SaTable(dut, sas, gap, stall)
        self.source, self.out, self.drops = Source(dut, "s", gap), Collector(), []
        tasks = [self.source, *self.table.tasks, Sink(dut, "m", ["beat", "meta"], self.out, stall)]
        tasks.append(Sink(dut, "d", ["verdict"], lambda i, _: self.drops.append(i["verdict"]), stall))
        if dut._name == "esp_out":  # without its engine
            tasks += Engine(dut, gap, stall).tasks
        dut.cfg_mtu.value = mtu
        self.tasks = tasks
        self.next_seq = {handle: sa.seq for handle, sa in sas.items()}
        self.frames, self.verdicts, self.index = [], [], 0

    async def start(self, **how):
        self.stop = await reset(self.dut, self.tasks, **how)
        await ClockCycles(self.dut.clk, 2)
        assert self.dut.idle.value == 1

    def send(self, frame, op=ENCRYPT, sa=0, drop=None, consumes=False, lookaside=0):
        """drop: the status with which it must be dropped; consumes: it costs a sequence number all the same."""
        host = dict(host=1, qid=random.getrandbits(4), index=self.index & 0xFFFF)
        self.index += 1
        meta = META_T.pack(**host, lookaside=lookaside, op=op, sa=sa, len=len(frame))
        for beat in beats(frame):
            self.source.send(beat=beat, meta=meta)
        seq = self.next_seq.get(sa, 0)
        if op == ENCRYPT and (drop is None or consumes):
            self.next_seq[sa] = seq + 1
        if drop is not None:
            self.verdicts.append(VERDICT_T.pack(**host, status=ST[drop]))
        elif op == PLAIN:
            self.frames.append((frame, meta, None, frame))
        else:
            result = self.sas[sa].encapsulate(frame, seq)
            esp = dict(host, lookaside=lookaside, op=op, sa=sa, esp=1, len=len(result), seq=seq)
            self.frames.append((result, META_T.pack(**esp), self.sas[sa], frame))

    async def finish(self, scapy=True):
        limit = 2000 + 8 * len(self.source.items)
        for _ in range(limit):
            await RisingEdge(self.dut.clk)
            if len(self.out.packets) >= len(self.frames) and len(self.drops) >= len(self.verdicts):
                break
        got, want = len(self.out.packets), len(self.frames)
        assert got == want, (
            f"{got} of {want} frames, {len(self.drops)} of {len(self.verdicts)} verdicts after {limit}"
        )
        await ClockCycles(self.dut.clk, 40)
        assert self.dut.idle.value == 1
        assert len(self.out.packets) == want
        assert self.drops == self.verdicts
        for n, ((data, item, _), (result, meta, sa, frame)) in enumerate(
            zip(self.out.packets, self.frames, strict=True)
        ):
            assert data == result, f"frame {n}: {data.hex()} instead of {result.hex()} for {frame.hex()}"
            assert META_T.unpack(item["meta"]) == META_T.unpack(meta), f"frame {n}"
            if sa and scapy and frame[23] == OPAQUE:
                length = int.from_bytes(frame[16:18], "big")
                assert sa.scapy_decrypts(data) == frame[14 : 14 + length], f"frame {n}: scapy"
        assert {h: sa.seq for h, sa in self.sas.items()} == self.next_seq


def all_kinds(tunnel):
    kinds = [(key, icv) for key in (16, 24, 32) for icv in (8, 12, 16)]
    return {
        0x20000 + i: Sa(key, icv, tunnel, seq=random.randint(1, 0xFFFFF000))
        for i, (key, icv) in enumerate(kinds)
    }


def ethernet(ip, pad=True):
    """A frame as a host's stack sends it: at least 60 bytes."""
    return (ETH + ip).ljust(60 if pad else 0, b"\xee")


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def every_short_length(dut, tunnel):
    """Packets of 20 to 160 bytes, padded to Ethernet's minimum or not; keys and ICVs of all sizes."""
    sas = all_kinds(tunnel)
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for length in range(20, 161):
        bench.send(ethernet(packet(length), length % 3 != 0), sa=random.choice(list(sas)))
    await bench.finish()


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def lengths_and_options(dut, tunnel):
    """Lengths up to the largest, IP options of 0 to 10 words, data behind the IP packet."""
    sas = all_kinds(tunnel)
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for options in range(11):
        for length in (20 + 4 * options, 21 + 4 * options, 64, 78, 79, 115, 1500):
            if length >= 20 + 4 * options:
                tail = random.randbytes(random.choice([0, 0, 1, 64, 100]))
                frame = ethernet(packet(length, options)) + tail
                bench.send(frame, sa=random.choice(list(sas)), lookaside=random.getrandbits(1))
    for _ in range(30):
        ip = packet(random.randint(20, 1500), proto=random.randint(0, 255))
        bench.send(ethernet(ip), sa=random.choice(list(sas)))
    bench.send(ethernet(packet(9000)), sa=random.choice(list(sas)))
    await bench.finish()


@cocotb.test()
async def order_is_kept(dut):
    """Plain and encrypted frames of all lengths leave as they came; dropped ones leave no trace but a verdict."""
    sas = {0x20000: Sa(16, 16, True), 0x20001: Sa(32, 8, False)}
    bench = Bench(dut, sas, mtu=1600, gap=often, stall=often)
    await bench.start()
    for _ in range(250):
        length = random.choice([random.randint(20, 120), random.randint(20, 1400)])
        kind = random.random()
        if kind < 0.4:
            bench.send(random.randbytes(length), op=PLAIN, lookaside=random.getrandbits(1))
        elif kind < 0.5:
            bench.send(ethernet(packet(length)), sa=0x20005, drop="SA_STALE")
        elif kind < 0.6:
            bench.send(random.randbytes(1601), op=PLAIN, drop="TOO_BIG")
        else:
            bench.send(ethernet(packet(length)), sa=random.choice(list(sas)))
    await bench.finish(scapy=False)


@cocotb.test()
async def every_refusal(dut):
    """Each reason to drop a frame, between good frames."""
    tunnel, transport, shortest = 0x20000, 0x20001, 0x20004
    sas = {
        shortest: Sa(16, 8, False),
        tunnel: Sa(16, 16, True),
        transport: Sa(16, 16, False),
        0x20002: Sa(status=ST["SA_DIRECTION"]),
        0x20003: Sa(status=ST["SEQ_EXHAUSTED"]),
    }
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()

    def bad(frame, drop, sa=tunnel, **more):
        bench.send(frame, sa=sa, drop=drop, **more)
        bench.send(ethernet(packet(random.randint(20, 200))), sa=random.choice([tunnel, transport]))

    good = packet(100)

    def changed(at, value, fix=True, ip=good):
        ip = ip[:at] + value + ip[at + len(value) :]
        return ETH + (with_checksum(ip[:20]) + ip[20:] if fix else ip)

    for ethertype in ("86dd", "0806", "8100"):
        bad(ETH[:12] + bytes.fromhex(ethertype) + good, "NOT_IP")
    bad(ETH[:12] + b"\x08\x00", "TRUNCATED")
    bad(ETH + good[:19], "TRUNCATED")
    bad(ETH + good[:99], "TRUNCATED")
    bad(changed(2, b"\x00\x65"), "TRUNCATED")
    bad(changed(2, b"\xff\xff"), "TRUNCATED")
    bad(changed(0, b"\x65"), "IP_HEADER")
    bad(changed(0, b"\x44"), "IP_HEADER")
    bad(changed(2, b"\x00\x13"), "IP_HEADER")
    bad(changed(0, b"\x4f", ip=packet(59)), "IP_HEADER")
    for at in range(12, 20):
        bad(changed(at, bytes([good[at] ^ 1 << random.randrange(8)]), fix=False), "IP_CHECKSUM")
    long = packet(100, options=10)
    bad(ETH + long[:59] + b"\x07" + long[60:], "IP_CHECKSUM")
    for flags in (0x2000, 0x0001, 0x1FFF, 0x2800):
        bad(ethernet(packet(100, fragment=flags)), "FRAGMENT", sa=transport, consumes=True)
        bench.send(ethernet(packet(100, fragment=flags)), sa=tunnel)
    for flags in (0x4000, 0x8000):  # DF and the reserved bit make no fragment
        bench.send(ethernet(packet(100, fragment=flags)), sa=transport)
    bad(ethernet(good), "SA_STALE", sa=0x2FFFF)
    bad(ethernet(good), "SA_STALE", sa=0)
    bad(ethernet(good), "SA_DIRECTION", sa=0x20002)
    bad(ethernet(good), "SEQ_EXHAUSTED", sa=0x20003)
    bad(ethernet(good), "BAD_OP", op=DECRYPT)
    bad(ethernet(good), "BAD_OP", op=0xFF)
    bad(random.randbytes(1515), "TOO_BIG", op=PLAIN)
    bench.send(random.randbytes(1514), op=PLAIN)
    # 14 Ethernet, 20 outer, 16 ESP and IV, 1446 + 2, 16 ICV = 1514
    bench.send(ethernet(packet(1446)), sa=tunnel)
    bad(ethernet(packet(1447)), "TOO_BIG", consumes=True)
    bench.send(ethernet(packet(1466)), sa=transport)
    bad(ethernet(packet(1467)), "TOO_BIG", sa=transport, consumes=True)
    # Too big for any SA: no number is spent.
    bench.send(ethernet(packet(1474)), sa=shortest)
    bad(ethernet(packet(1475)), "TOO_BIG", sa=shortest)
    bad(ethernet(packet(1475)), "TOO_BIG")
    bad(ethernet(packet(9600)), "TOO_BIG")
    await bench.finish()
    asked = [handle for handle, _, _ in bench.table.asked]
    assert asked.count(tunnel) + asked.count(transport) == sum(
        sa.seq - 1 for h, sa in sas.items() if h in (tunnel, transport)
    )


@cocotb.test()
async def lookup_tells_lengths(dut):
    """The table gets the lengths of the IP packet and of its header, never Ethernet's padding."""
    bench = Bench(dut, {0x20000: Sa()})
    await bench.start()
    cases = [(20, 0), (21, 0), (60, 10), (1500, 3)]
    for length, options in cases:
        bench.send(ethernet(packet(length, options)), sa=0x20000)
    await bench.finish()
    assert bench.table.asked == [(0x20000, length, 20 + 4 * options) for length, options in cases]


@cocotb.test()
async def reset_in_traffic(dut):
    """A reset forgets all frames on their way; those sent after it are right."""
    sas = all_kinds(True)
    for turn in range(6):
        bench = Bench(dut, sas, gap=often, stall=often)
        await bench.start(cycles=16, clock=turn == 0)
        for _ in range(40):
            op = random.choice([PLAIN, ENCRYPT, ENCRYPT])
            bench.send(ethernet(packet(random.randint(20, 700))), op=op, sa=random.choice(list(sas)))
        if turn == 5:
            await bench.finish()
        else:
            await ClockCycles(dut.clk, random.randint(20, 150))
            assert dut.idle.value == 0
            bench.stop()


@cocotb.test()
@cocotb.parametrize(
    case=[(46, 2, True), (50, 2, True), (50, 2, False), (114, 3, True), (1500, 25, True), (1446, 24, False)]
)
async def throughput(dut, case):
    """Back to back, a frame costs the beats of its result: 64 bytes two cycles, a large one at most one more."""
    length, most, tunnel = case
    sas = {0x20000: Sa(16, 16, tunnel), 0x20001: Sa(32, 16, tunnel)}
    bench = Bench(dut, sas)
    await bench.start()
    count = 60 if length < 1000 else 20
    for i in range(count):
        bench.send(ethernet(packet(length)), sa=0x20000 + i % 2)
    await bench.finish(scapy=False)
    result = -(-len(bench.frames[0][0]) // 64)
    assert most <= result + 1
    ends = [cycle for _, _, cycle in bench.out.packets]
    half = count // 2
    taken = ends[-1] - ends[half]
    dut._log.info("%d bytes of IP: %.2f cycles a frame, %d beats", length, taken / (count - 1 - half), result)
    assert taken <= most * (count - 1 - half), f"{taken} cycles for {count - 1 - half} frames"
