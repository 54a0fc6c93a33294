# SPDX-License-Identifier: BSD-2-Clause
"""Checksums and hash of received frames, by registers and completions; scapy makes the frames."""

import struct

import cocotb
from cocotb.triggers import ClockCycles
from cocotb.utils import get_sim_time
from dma_bench import Bench
from ring_driver import CPL_ESP, CPL_INPLACE, CPL_LOOKASIDE, LOOKASIDE, OK
from rx_model import ALL, CPL_CSUM, CPL_HASH, CPL_L4HASH, Rss, checksums_right, flags
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
# Microsoft, "Verifying the RSS Hash Calculation": source, its port, destination, its port, hash of addresses, of all
VECTORS = [
    ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x323E8FC2, 0x51CCC178),
    ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xD718262A, 0xC626B0EA),
    ("24.19.198.95", 12898, "12.22.207.184", 38024, 0xD2D0A5DE, 0x5C2B394A),
    ("38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176, 0xAFC7327F),
    ("153.39.163.191", 44251, "202.188.127.2", 1303, 0x5D1809C5, 0x10E828A2),
    ("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x2CC18CD5, 0x40207D3D),
    ("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0x0F0C461C, 0xDDE51BBF),
    ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x4B61E985, 0x02D1FEEF),
]
ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


async def started(dut, **how):
    bench = await Bench(dut, pairs=((8, 8), (8, 8)), size=4 << 20, **how).start()
    return bench


async def feed(bench, length=2048):
    for pair in bench.pairs:
        while pair.rx.free:
            bench.give(pair, length)
        await pair.ring("rx")


async def deliver(bench, frames, pair=0, **meta):
    """What comes of them, by pair: lists of (data, flags, seq)."""
    before = [len(p.received) for p in bench.pairs]
    for data in frames:
        bench.from_wire(data, pair, **meta)
    await bench.settle()
    await feed(bench)
    return [
        [(e["data"], e["flags"], e["seq"]) for e in p.received[n:]]
        for p, n in zip(bench.pairs, before, strict=True)
    ]


def packet(source, sport, destination, dport, upper=TCP, payload=b""):
    layer = IPv6 if ":" in source else IP
    return ETHER / layer(src=source, dst=destination) / upper(sport=sport, dport=dport) / payload


@cocotb.test()
async def published_hashes(dut):
    bench = await started(dut)
    await feed(bench)
    rss = Rss(KEY, True, table=[0] * 128)
    for types, column, l4 in ((ALL, 5, CPL_L4HASH), ({"ipv4", "ipv6"}, 4, 0)):
        rss.types = frozenset(types)
        await rss.write(bench.bus)
        for upper in (TCP, UDP):
            frames = [bytes(packet(*v[:4], upper=upper)).ljust(60, b"\0") for v in VECTORS]
            got, _ = await deliver(bench, frames)
            assert [seq for _, _, seq in got] == [v[column] for v in VECTORS]
            assert all(f == CPL_HASH | l4 | CPL_CSUM for _, f, _ in got)
            assert all(rss.of(f) == (v[column], bool(l4)) for f, v in zip(frames, VECTORS, strict=True))


def cases():
    """Frames, and whether their checksums are to be found right."""
    v4, v6 = IP(src="10.0.0.1", dst="10.0.0.2"), IPv6(src="2001:db8::1", dst="2001:db8::2")
    pad = PadN(optdata=bytes(4))
    hop, options = IPv6ExtHdrHopByHop(options=[pad]), IPv6ExtHdrDestOpt(options=[pad])
    routing = IPv6ExtHdrRouting(addresses=["2001:db8::9"], segleft=0)
    yield "nothing", ETHER / bytes(60), False
    for size in (0, 1, 2, 5, 11, 18, 19, 40, 41, 60, 61, 62, 63, 86, 87, 88, 200, 201, 1400, 1401):
        text = bytes((7 * i + size) % 256 for i in range(size))
        for ip in (v4, v6):
            for upper in (TCP(sport=5, dport=80), UDP(sport=5, dport=53)):
                yield f"{size}", ETHER / ip / upper / text, True
                yield "changed", (ETHER / ip / upper / (text[:-1] + b"\xff"), -1, 0x01), False
    for tags in (Dot1Q(vlan=5), Dot1AD(vlan=7) / Dot1Q(vlan=5)):
        for ip in (v4, v6):
            yield "tags", ETHER / tags / ip / TCP() / b"abc", True
            yield "tags, changed", (ETHER / tags / ip / TCP() / b"abc", -1, 0x40), False
    yield "options", ETHER / IP(options=[IPOption(b"\x94\x04\0\0")] * 3) / TCP() / bytes(100), True
    yield "TCP options", ETHER / v4 / TCP(options=[("NOP", None)] * 12) / b"x", True
    for chain in (hop, options, hop / options, routing, hop / routing / options):
        for text in (b"", b"abc", bytes(range(200))):
            yield "extension headers", ETHER / v6 / chain / TCP() / text, True
            yield "extension headers", ETHER / v6 / chain / UDP() / text, True
            yield "and changed", (ETHER / v6 / chain / UDP() / (text + b"z"), -1, 0x80), False
    yield "IPv4 header", (ETHER / v4 / TCP(), 22, 0x01), False
    yield "address", (ETHER / v6 / TCP(), 30, 0x01), False
    yield "TCP checksum", (ETHER / v4 / TCP(), 50, 0x80), False
    yield "UDP without", ETHER / v4 / UDP(chksum=0) / b"abc", False
    yield "UDP over IPv6 without", ETHER / v6 / UDP(chksum=0) / b"abc", False
    yield "UDP of 0xffff", ETHER / v4 / UDP(sport=5, dport=6) / zero_sum(v4, UDP(sport=5, dport=6)), True
    yield "UDP length", ETHER / v4 / UDP(len=11) / b"abcd", False
    yield "TCP too short", ETHER / IP(proto=6) / bytes(19), False
    yield "UDP too short", ETHER / IP(proto=17) / bytes(7), False
    yield "no IP", Ether(type=0x88B5) / bytes(50), False
    yield "ICMP", ETHER / v4 / ICMP() / b"abcd", False
    yield "first fragment", ETHER / IP(flags="MF") / UDP() / bytes(64), False
    yield "later fragment", ETHER / IP(frag=3) / UDP() / bytes(64), False
    yield "IPv6 fragment", ETHER / v6 / IPv6ExtHdrFragment(m=1) / UDP() / bytes(64), False
    yield "whole fragment", ETHER / v6 / IPv6ExtHdrFragment() / UDP() / bytes(64), True
    yield "ESP", ETHER / IP(proto=50) / bytes(64), False
    yield "cut", bytes(ETHER / v4 / TCP() / bytes(100))[:-1], False
    # Behind the packet's end: seen up to 128 bytes of frame.
    yield "padded", bytes(ETHER / v4 / UDP() / b"ab") + b"\xab" * 30, True
    yield "padded", bytes(ETHER / v6 / UDP() / b"abc") + b"\xab" * 59, True
    yield "padded too far", bytes(ETHER / v6 / UDP() / b"abc") + b"\xab" * 100, False


def zero_sum(ip, upper):
    """Two bytes for which the checksum of UDP comes out as 0, and is sent as 0xffff."""
    bare = UDP(bytes(ip / upper / b"\0\0")[20:])
    return struct.pack(">H", bare.chksum)


@cocotb.test()
async def checksums(dut):
    """Right and wrong, for TCP and UDP, with tags, options, extension headers, padding; what says nothing."""
    bench = await started(dut)
    await feed(bench)
    todo = []
    for name, frame, right in cases():
        position, bit = None, 0
        if isinstance(frame, tuple):
            frame, position, bit = frame
        data = bytearray(bytes(frame))
        if position is not None:
            data[position] ^= bit
        todo.append((name, bytes(data), right))
    assert any(bytes(f)[40:42] == b"\xff\xff" for n, f, _ in todo if n == "UDP of 0xffff")
    for at in range(0, len(todo), 100):
        part = todo[at : at + 100]
        got, other = await deliver(bench, [data for _, data, _ in part])
        assert other == [] and len(got) == len(part)
        for (name, data, right), (there, said, seq) in zip(part, got, strict=True):
            assert there == data and (said, seq) == (CPL_CSUM * right, 0), f"{name}: {data.hex()}"
            assert checksums_right(data) == right, f"the model: {name}"


@cocotb.test()
async def whose_hash(dut):
    """Kinds of delivery: only what the wire brought and is delivered as OK is hashed; ESP's number goes before its hash."""
    bench = await started(dut)
    await feed(bench)
    rss = Rss(KEY, True, table=[1] * 128)
    await rss.write(bench.bus)
    data = bytes(packet(*VECTORS[0][:4], payload=b"abc"))
    plain = flags(data, rss.of(data)), VECTORS[0][5]
    assert await deliver(bench, [data]) == [[], [(data, *plain)]]
    opened = CPL_ESP | CPL_CSUM, 0x55667788
    meta = dict(esp=1, sa=0x10005, seq=0x1155667788)
    assert await deliver(bench, [data], **meta) == [[], [(data, *opened)]]
    # Not stripped: on addresses, although there are ports (ESP in UDP).
    assert await deliver(bench, [data], **meta, inplace=1) == [
        [],
        [(data, opened[0] | CPL_INPLACE, opened[1])],
    ]
    rss.table = [0] * 128
    rss.table[VECTORS[0][4] & 127] = 1
    await rss.write(bench.bus)
    got = await deliver(bench, [data], inplace=1, sa=0x10005)
    assert got == [[], [(data, CPL_INPLACE | CPL_CSUM | CPL_HASH, VECTORS[0][4])]]
    # Not as OK: where it would go without RSS, and no hash.
    assert await deliver(bench, [data], status=12) == [[(data, CPL_CSUM, 0)], []]
    # A result of the host's stays with its pair.
    rss.table = [1] * 128
    await rss.write(bench.bus)
    bench.send(bench.pairs[0], data, flags=LOOKASIDE)
    await bench.pairs[0].ring()
    await bench.settle()
    entry = bench.pairs[0].received[-1]
    assert (entry["data"], entry["flags"], entry["seq"]) == (data, CPL_LOOKASIDE | CPL_CSUM, 0)
    # An entry without a queue, and a frame without a hash: as without RSS.
    for entry in (2, 16, 255):
        rss.table = [entry] * 128
        await rss.write(bench.bus)
        assert await deliver(bench, [data], pair=1) == [[], [(data, *plain)]]
    rss.types = frozenset({"ipv6", "udp4"})
    await rss.write(bench.bus)
    assert await deliver(bench, [data], pair=1) == [[], [(data, CPL_CSUM, 0)]]
    # Fragments go with each other.
    rss.types, rss.table = ALL, [0] * 128
    rss.table[VECTORS[0][4] & 127] = 1
    await rss.write(bench.bus)
    source, _, destination, _ = VECTORS[0][:4]
    parts = [
        ETHER / IP(src=source, dst=destination, frag=f, flags=m, proto=6) / bytes(80)
        for f, m in ((0, 1), (10, 0))
    ]
    _, got = await deliver(bench, [bytes(p) for p in parts])
    assert [(said, seq) for _, said, seq in got] == [(CPL_HASH, VECTORS[0][4])] * 2


@cocotb.test()
async def flows(dut):
    """Many flows spread over the pairs by the table, and each keeps its order, while the memory stalls."""
    bench = await started(dut, stall=0.3, latency=30, reorder=True)
    await feed(bench)
    rnd = bench.random
    rss = Rss(rnd.randbytes(40), True, table=[rnd.randrange(2) for _ in range(128)])
    await rss.write(bench.bus)
    sent = [[], []]
    for _ in range(3):
        frames = []
        for n in range(120):
            flow = rnd.randrange(40)
            payload = struct.pack("<II", flow, n) + rnd.randbytes(rnd.choice((10, 60, 300)))
            data = bytes(packet("10.0.0.1", 1000 + flow, "10.0.0.2", 80, payload=payload))
            frames.append(data)
            found = rss.of(data)
            sent[rss.queue(found, 0, 2)].append((data, flags(data, found), found[0]))
        got = await deliver(bench, frames)
        assert got == sent, "wrong queue or order"
        assert min(map(len, got)) > 20, "not spread"
        sent = [[], []]


def any_frame(rnd):
    """TCP, UDP or something else over IPv4 or IPv6, whole or not, mostly sound."""
    ip = rnd.choice((
        IP(src=f"10.0.{rnd.randrange(4)}.1", dst="10.0.0.2", frag=rnd.choice((0,) * 9 + (5,))),
        IPv6(src="2001:db8::1", dst=f"2001:db8::{rnd.randrange(1, 9)}"),
    ))  # fmt: skip
    if ip.version == 6 and rnd.random() < 0.3:
        ip = ip / IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(rnd.choice((4, 12, 20))))])
    ports = dict(sport=rnd.randrange(1, 65536), dport=rnd.randrange(1, 65536))
    upper = rnd.choice((TCP(**ports), TCP(**ports), UDP(**ports), UDP(**ports, chksum=0), ICMP()))
    tags = [Dot1Q(vlan=3)] * rnd.choice((0, 0, 0, 1, 2))
    frame = ETHER
    for tag in tags:
        frame = frame / tag
    size = rnd.choice((0, 3, 20, 46, 64, 65, 100, 200, rnd.randrange(1400)))
    data = bytearray(bytes(frame / ip / upper / rnd.randbytes(size)).ljust(60, b"\0"))
    kind = rnd.random()
    if kind < 0.2:
        data[rnd.randrange(12, len(data))] ^= 1 << rnd.randrange(8)
    elif kind < 0.25:
        data = data[: rnd.randrange(14, len(data) + 1)]
    elif kind < 0.35:
        data += rnd.randbytes(rnd.randrange(40))
    return bytes(data)


@cocotb.test()
async def mixed(dut):
    """Random frames and settings, RSS on and off, against the model; buffers that are missing now and then."""
    bench = await started(dut, stall=0.2, wire_stall=0.2, latency=15, reorder=True)
    await feed(bench)
    rnd, hashed, right = bench.random, 0, 0
    for _ in range(12):
        types = frozenset(t for t in ALL if rnd.random() < 0.7)
        table = [rnd.choice((0, 1, 0, 1, 3)) for _ in range(128)]
        rss = Rss(rnd.randbytes(40), rnd.random() < 0.7, types, table)
        await rss.write(bench.bus)
        usual, frames, expected = rnd.randrange(2), [any_frame(rnd) for _ in range(60)], [[], []]
        for data in frames:
            found = rss.of(data)
            said = flags(data, found)
            expected[rss.queue(found, usual, 2)].append((data, said, found[0] if found else 0))
            hashed, right = hashed + bool(found), right + bool(said & CPL_CSUM)
        assert await deliver(bench, frames, pair=usual) == expected
    assert hashed > 200 and right > 200
    assert bench.counts("rx") == {OK: 12 * 60}


@cocotb.test()
async def switched_under_load(dut):
    """RSS goes on and off, and buffers run out, while frames pass: each arrives whole on one of the pairs or is counted."""
    bench = await started(dut, stall=0.1, latency=20)
    rnd = bench.random
    rss = Rss(KEY, False, table=[n & 1 for n in range(128)])
    await rss.write(bench.bus)
    await feed(bench)
    frames = [any_frame(rnd) for _ in range(900)]
    for data in frames:
        bench.from_wire(data, pair=rnd.randrange(2))
    while not bench.fed():
        await bench.bus.write_dword(0x80, rnd.choice((0, 0x771)))
        await ClockCycles(dut.clk, rnd.randrange(40))
        if rnd.random() < 0.3:
            for pair in bench.pairs:
                pair.poll()
            await feed(bench)
    await bench.settle()
    got = [e for pair in bench.pairs for e in pair.received]
    counts = bench.counts("rx")
    assert sum(counts.values()) == len(frames) and counts[OK] == len(got)
    left = {}
    for data in frames:
        left[data] = left.get(data, 0) + 1
    for entry in got:
        assert left.get(entry["data"], 0), "a frame that nobody sent"
        left[entry["data"]] -= 1
        assert bool(entry["flags"] & CPL_CSUM) == checksums_right(entry["data"])
    assert counts.keys() <= {OK, 6}


@cocotb.test()
async def rate(dut):
    """A beat a cycle, with RSS on and off: frames of one beat, of two, and long ones."""
    bench, took = await started(dut), {}
    for enable in (False, True):
        rss = Rss(KEY, enable, table=[0] * 128)
        await rss.write(bench.bus)
        for size, count in ((64, 200), (128, 150), (1514, 20)):
            await feed(bench)
            await bench.settle()
            frames = [
                bytes(packet("10.0.0.1", n + 1, "10.0.0.2", 9, payload=bytes(size - 54)))
                for n in range(count)
            ]
            for data in frames:
                bench.from_wire(data)
            start = get_sim_time("ns")
            while not bench.fed():
                await ClockCycles(dut.clk, 1)
            cycles = (get_sim_time("ns") - start) // 2
            beats = count * ((size + 63) // 64)
            dut._log.warning("RSS %d, %d bytes: %d beats in %d cycles", enable, size, beats, cycles)
            await bench.settle()
            assert len(bench.pairs[0].received) == count
            bench.pairs[0].received.clear()
            # A line of completions goes to the bus for every four frames.
            assert cycles <= beats + count // 4 + 40
            assert cycles <= took.setdefault(size, cycles) + 20, "the hash costs time"
