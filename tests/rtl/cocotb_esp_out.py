# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of esp_out. SA table and policies are models; so is the engine, unless the top holds the real one.

Each test is random in its gaps and contents, and compares every frame, verdict and event with esp_model.Outbound, which
docs/esp.md was the source of; every ESP packet is opened by scapy as well.
"""

import random

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from esp_model import BYPASS, DISCARD, EVENT_T, PROTECT, Engine, Outbound, PolicyTable, Sa, SaTable
from esp_packet import (
    ENCRYPT,
    ESP,
    ETH,
    ETH6,
    FRAGMENT,
    HOP,
    OP,
    OPAQUE,
    OPTIONS,
    PLAIN,
    ROUTING,
    SAF,
    ST,
    UDP,
    be,
    ethernet,
    number,
    packet,
    packet6,
    parse,
    with_checksum,
)
from frames import META_T, VERDICT_T, Collector, Sink, Source, beats, reset, to_int

MTU = 9618
INPLACE, DUMMY, POLICY = OP["INPLACE"], OP["DUMMY"], OP["POLICY"]
V6 = dict(
    ipv6=True,
    src=bytes.fromhex("20010db8") + bytes(11) + b"\1",
    dst=bytes.fromhex("20010db8") + bytes(range(12)),
)
IDENTITY = tuple(range(64))


def never():
    return False


def often():
    return random.random() < 0.3


def flags(*names):
    return sum(SAF[n] for n in names)


class Bench:
    """Sends frames through the pipe; what must come out is written down with each."""

    def __init__(self, dut, sas, mtu=MTU, gap=never, stall=never, policies=None, latency=0, **config):
        self.dut, self.sas = dut, sas
        self.reference = Outbound(sas, mtu, policies, **config)
        self.table = SaTable(dut, sas, gap, stall)
        self.policy = PolicyTable(dut, policies, gap, stall, latency)
        self.source, self.out, self.drops, self.events = Source(dut, "s", gap), Collector(), [], []
        tasks = [self.source, *self.table.tasks, *self.policy.tasks, self]
        tasks.append(Sink(dut, "m", ["beat", "meta"], self.out, stall))
        tasks.append(Sink(dut, "d", ["verdict"], lambda i, _: self.drops.append(i["verdict"]), stall))
        if dut._name == "esp_out":  # without its engine
            tasks += Engine(dut, gap, stall).tasks
        dut.cfg_mtu.value = mtu
        dut.cfg_policy_bypass.value = int(self.reference.bypass)
        dut.cfg_dscp_map.value = sum(d << 6 * i for i, d in enumerate(self.reference.dscp_map))
        self.tasks = tasks
        self.frames, self.verdicts, self.expected_events, self.index = [], [], [], 0

    async def run(self):
        """Notes the events."""
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.ev_valid.value == 1:
                self.events.append(EVENT_T.unpack(int(self.dut.ev.value)))

    async def start(self, **how):
        self.stop = await reset(self.dut, self.tasks, **how)
        await ClockCycles(self.dut.clk, 2)
        assert self.dut.idle.value == 1

    def send(self, frame, op=ENCRYPT, sa=0, status="OK", number_hi=0, lookaside=0):
        """One frame; the reference must find `status` (None: any). Returns what else it finds."""
        host = dict(host=1, qid=random.getrandbits(4), index=self.index & 0xFFFF)
        self.index += 1
        sent = dict(host, lookaside=lookaside, op=op, sa=sa)
        seq = number_hi << 32
        for beat in beats(frame):
            self.source.send(beat=beat, meta=META_T.pack(**sent, len=len(frame), seq=seq))
        got, more = self.reference.give(frame, op, sa, number_hi)
        assert status in (None, got), f"{got} instead of {status} for {frame.hex()}"
        if got == "OK":
            meta = dict(sent, sa=more["sa"], esp=more["esp"], len=len(more["data"]), seq=more["seq"])
            self.frames.append((more["data"], meta, frame))
        else:
            self.verdicts.append(VERDICT_T.pack(**host, status=ST[got], len=more.get("len", 0)))
            if "event" in more:
                self.expected_events.append(EVENT_T.unpack(more["event"]))
        return more

    async def finish(self, scapy=True):
        limit = 3000 + 8 * len(self.source.items) + sum(len(f[0]) // 16 for f in self.frames)
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
        assert self.events == self.expected_events
        for n, ((data, item, _), (result, meta, frame)) in enumerate(
            zip(self.out.packets, self.frames, strict=True)
        ):
            assert data == result, f"frame {n}: {data.hex()} instead of {result.hex()} for {frame.hex()}"
            assert META_T.unpack(item["meta"]) == META_T.unpack(META_T.pack(**meta)), f"frame {n}"
            if meta["esp"] and scapy:
                open_with_scapy(self.sas[meta["sa"]], frame, meta, data)
        assert self.sas == self.reference.sas


def open_with_scapy(sa, frame, meta, result):
    """What scapy finds in `result` must be what went in."""
    before, after = parse(frame), parse(result)
    assert after.status == "OK" and result[: before.l2 - 2] == frame[: before.l2 - 2]
    assert after.proto == (UDP if sa.has("UDP") else ESP) and after.l2 + after.total == len(result)
    data, padding, following = sa.scapy_opens(result[after.esp_at + sa.udp_bytes :], meta["seq"])
    assert padding == bytes(range(1, len(padding) + 1))
    end = before.l2 + before.total
    if meta["op"] == INPLACE:
        assert frame[after.esp_at + sa.udp_bytes + 8 + sa.iv_bytes : end].startswith(data)
        return
    plain = frame[before.l2 if sa.tunnel else before.esp_at : end]
    assert data[: len(plain)] == plain and not data[len(plain) :].strip(b"\0")
    assert following == (
        59 if meta["op"] == DUMMY else before.proto if not sa.tunnel else (4, 41)[before.ipv6]
    )
    # The whole packet, where scapy knows how to take it apart.
    simple = before.proto == OPAQUE and (sa.tunnel or not before.ipv6 or before.hdr == 40)
    if simple and meta["op"] != DUMMY and not sa.has("IIV") and sa.dport == b"\x11\x94":
        whole = sa.scapy_decrypts(result[after.l2 :], meta["seq"])
        assert whole == (data if sa.tunnel else frame[before.l2 : end])


def all_kinds(**more):
    """SAs of every key and ICV size; the sequence numbers of some are about to need their upper half."""
    kinds = [(key, icv) for key in (16, 24, 32) for icv in (8, 12, 16)]
    return {
        0x20000 + i: Sa(key, icv, seq=random.randint(1, 0xFFFFF000), **more)
        for i, (key, icv) in enumerate(kinds)
    }


def any_sa(inplace=False, **more):
    """An SA with random attributes, as the card would install it."""
    tunnel, gmac = random.getrandbits(1), random.random() < 0.3
    names = [
        n for n in ("ESN", "UDP", "IIV") if random.getrandbits(1) and not (n == "IIV" and (gmac or inplace))
    ]
    sa = dict(
        gmac=gmac, icv=16 if gmac else random.choice([8, 12, 16]), key_bytes=random.choice([16, 24, 32])
    )
    sa["seq"] = random.randint(1, 0xFFFFF000)
    if "ESN" in names:
        sa["seq"] = random.choice([random.getrandbits(63) | 1, 0xFFFFFFFE, 1])
    if random.getrandbits(1):
        sa.update(V6)
    if inplace:
        names.append("INPLACE")
    elif tunnel:
        names += [n for n in ("DF", "DF_COPY", "ECN_OFF", "FLOW_COPY") if random.getrandbits(1)]
        names += random.choice([[], ["DSCP_COPY"], ["DSCP_MAP"]])
        sa.update(
            ttl=random.randint(1, 255), tos=random.getrandbits(6) << 2, flow_label=random.getrandbits(20)
        )
        sa["tfc"] = random.choice([0, 0, 100, random.randint(1, 3000)])
    if "UDP" in names and random.getrandbits(1):
        sa.update(sport=random.randbytes(2), dport=random.randbytes(2))
    return Sa(tunnel=bool(tunnel), flags=flags(*names), **(sa | more))


CHAINS = [
    (),
    ((HOP, 1),),
    ((OPTIONS, 2),),
    ((HOP, 1), (ROUTING, 2)),
    ((ROUTING, 1), (OPTIONS, 1)),
    ((HOP, 1), (OPTIONS, 1), (ROUTING, 1), (FRAGMENT, 0, 0)),
    ((FRAGMENT, 0, 0), (OPTIONS, 1)),
]


def any_packet(ipv6, length=None):
    """A packet that every SA of its family takes."""
    length = length or random.choice(
        [random.randint(40, 140), random.randint(40, 140), random.randint(40, 1400)]
    )
    proto = random.choice([OPAQUE, OPAQUE, random.randint(61, 255)])
    if ipv6:
        chain = random.choice(CHAINS)
        size = 40 + 8 * sum(1 if c[0] == FRAGMENT else c[1] for c in chain)
        return packet6(max(length, size), chain, proto=proto)
    options = random.choice([0, 0, 0, 1, 10])
    return packet(max(length, 20 + 4 * options), options, proto, random.choice([0, 0x4000]))


def any_frame(ipv6, length=None):
    return ethernet(any_packet(ipv6, length), random.choice([0, 0, 1, 2]), random.getrandbits(1))


def inplace_frame(sa, text, spi=None, tags=0, cut=0, chain=(), udp=None, proto=ESP, pad=False):
    """A frame with room for IV and ICV, as the host builds it; text: plaintext bytes with trailer."""
    plain = random.randbytes(text - 2) + bytes([0, random.choice([4, 41, 6])]) if text >= 2 else b"\0" * text
    body = (
        (spi or sa.spi)
        + random.randbytes(4)
        + random.randbytes(sa.iv_bytes)
        + plain
        + random.randbytes(sa.icv)
    )
    body = body[: len(body) - cut]
    if sa.has("UDP") if udp is None else udp:
        body, proto = sa.sport + sa.dport + be(8 + len(body), 2) + b"\0\0" + body, UDP
    if sa.ipv6:
        size = 40 + 8 * sum(words for _, words in chain)
        ip = packet6(size + len(body), chain, proto, payload=body)
    else:
        ip = packet(20 + len(body), proto=proto, payload=body)
    return ethernet(ip, tags, pad)


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def every_short_length(dut, tunnel):
    """Packets of 20 to 160 bytes, padded to Ethernet's minimum or not; keys and ICVs of all sizes."""
    sas = all_kinds(tunnel=tunnel)
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for length in range(20, 161):
        bench.send(ethernet(packet(length), pad=length % 3 != 0), sa=random.choice(list(sas)))
    await bench.finish()


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def lengths_and_options(dut, tunnel):
    """Lengths up to the largest, IP options of 0 to 10 words, data behind the IP packet."""
    sas = all_kinds(tunnel=tunnel)
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
@cocotb.parametrize(turn=range(3))
async def any_attributes(dut, turn):
    """SAs with random attributes, IPv4 and IPv6, tags, extension headers, dummy packets, up to jumbo frames."""
    sas = {0x20000 + i: any_sa() for i in range(24)}
    dscp_map = random.sample(range(64), 64)
    bench = Bench(dut, sas, gap=often, stall=often, dscp_map=dscp_map)
    await bench.start()
    for i in range(200):
        handle, sa = random.choice(list(sas.items()))
        ipv6 = bool(random.getrandbits(1)) if sa.tunnel else sa.ipv6
        length = {50: 4000, 100: 9000, 150: 9500}.get(i)
        frame = any_frame(ipv6, length)
        bench.send(
            frame, random.choice([ENCRYPT, ENCRYPT, ENCRYPT, DUMMY]), handle, lookaside=random.getrandbits(1)
        )
    await bench.finish()


@cocotb.test()
async def largest_frames(dut):
    """Packets that make a result of just 9618 bytes, tags not counted, one of each kind; one byte more does not fit."""
    sas = {}
    for i in range(16):
        sa = any_sa(tfc=0)
        sas[0x20000 + i] = sa
    bench = Bench(dut, sas)
    await bench.start()
    for handle, sa in sas.items():
        ipv6 = sa.ipv6
        small = bench.send(any_or(ipv6, 9605), sa=handle, status="TOO_BIG")
        done = bench.send(any_or(ipv6, small["len"]), sa=handle)
        assert 9618 - 4 < len(done["data"]) <= 9618
        bench.send(any_or(ipv6, small["len"] + 1), sa=handle, status="TOO_BIG")
    await bench.finish(scapy=False)


def any_or(ipv6, length):
    return ethernet(packet6(length) if ipv6 else packet(length))


@cocotb.test()
async def too_big_tells_what_fits(dut):
    """What `len` promises passes, tags or not, and one byte more is refused again; 0 where nothing fits."""
    sas = {
        0x20000 + i: any_sa(tfc=random.choice([0, 5000]), mtu=random.choice([0, 0, 1280, 1300]))
        for i in range(30)
    }
    sas[0x20100] = Sa(tunnel=True, mtu=68, **V6)
    sas[0x20101] = Sa(tunnel=False, mtu=68, flags=flags("UDP"))
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()
    for handle, sa in list(sas.items())[:30]:
        ipv6 = sa.ipv6 if not sa.tunnel else bool(random.getrandbits(1))
        chain = random.choice(CHAINS)
        for tags in (0, random.choice([1, 2])):

            def frame(length, tags=tags, chain=chain, ipv6=ipv6):
                return ethernet(packet6(length, chain) if ipv6 else packet(length), tags)

            fits = bench.send(frame(1600), sa=handle, status="TOO_BIG")["len"]
            assert 1100 < fits < 1500
            bench.send(frame(fits), sa=handle)
            assert bench.send(frame(fits + 1), sa=handle, status="TOO_BIG")["len"] == fits
    assert bench.send(ethernet(packet(20)), sa=0x20100, status="TOO_BIG")["len"] == 0
    assert bench.send(ethernet(packet(60, 10)), sa=0x20101, status="TOO_BIG")["len"] == 0
    for tags in range(3):
        bench.send(ethernet(packet(1500), tags), PLAIN)
        assert bench.send(ethernet(packet(1501), tags), PLAIN, status="TOO_BIG")["len"] == 1500
    await bench.finish()


@cocotb.test()
async def traffic_flow_padding(dut):
    """Zeros up to the SA's length, over many beats, clipped where the MTU ends; the trailer at every place of a beat."""
    sas = {0x20000 + n: Sa(16, 16, tfc=n) for n in [*range(1, 200, 3), 1400, 2000]}
    sas[0x21000] = Sa(16, 16, tfc=9600, flags=flags("UDP"), **V6)
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()
    for handle, sa in sas.items():
        for length in (20, random.randint(20, 150), random.randint(20, 150)):
            bench.send(ethernet(packet(length)), random.choice([ENCRYPT, DUMMY]), handle)
            clipped = (min(max(sa.tfc, length), 1446) + 2 + 3) & ~3
            assert sa.ipv6 or len(bench.frames[-1][0]) == 14 + 20 + 16 + clipped + 16
    assert len(bench.frames[-1][0]) in range(1511, 1515)  # all that the MTU leaves
    await bench.finish()


@cocotb.test()
async def ecn_at_encapsulation(dut):
    """RFC 6040 4.1, normal mode: each inner field stands in the outer one; and the outer one is Not-ECT if asked for."""
    families = [(inner, outer) for inner in (False, True) for outer in (False, True)]
    for off in (False, True):
        sas = {}
        for outer in (False, True):
            more = V6 if outer else {}
            sas[0x20000 + outer] = Sa(tos=0xB8, flags=flags(*["ECN_OFF"] * off), **more)
        bench = Bench(dut, sas)
        await bench.start(clock=not off)
        want = []
        for ecn in range(4):
            for inner, outer in families:
                tos = random.getrandbits(6) << 2 | ecn
                bench.send(
                    ethernet(packet6(60, tos=tos) if inner else packet(60, tos=tos)), sa=0x20000 + outer
                )
                want.append(0xB8 | (0 if off else ecn))
        await bench.finish()
        assert [parse(data).tos for data, _, _ in bench.out.packets] == want
        bench.stop()


@cocotb.test()
async def outer_header_fields(dut):
    """DSCP fixed, copied and mapped; DF clear, set and copied; flow label and TTL, one by one."""
    dscp_map = random.sample(range(64), 64)
    kinds = {
        "plain": Sa(tos=0x48, ttl=7),
        "copy": Sa(tos=0x48, flags=flags("DSCP_COPY")),
        "map": Sa(tos=0x48, flags=flags("DSCP_MAP")),
        "df": Sa(flags=flags("DF")),
        "df copy": Sa(flags=flags("DF_COPY")),
        "flow": Sa(flow_label=0xABCDE, ttl=9, **V6),
        "flow copy": Sa(flow_label=0xABCDE, flags=flags("FLOW_COPY"), **V6),
    }
    handle = {name: 0x20000 + i for i, name in enumerate(kinds)}
    bench = Bench(dut, {handle[n]: sa for n, sa in kinds.items()}, dscp_map=dscp_map)
    await bench.start()
    want = []

    def case(name, ip, **fields):
        bench.send(ethernet(ip, random.randrange(3)), sa=handle[name])
        want.append(fields)

    for ip, df, flow in [
        (packet(60, tos=0xFC, fragment=0x4000), True, 0),
        (packet(60, tos=0x24), False, 0),
        (packet(60, tos=0x24, fragment=0x2000), False, 0),
        (packet6(60, tos=0x24, flow=0x12345), True, 0x12345),
    ]:
        tos = parse(ethernet(ip)).tos
        case("plain", ip, tos=0x48, df=False, ttl=7)
        case("copy", ip, tos=tos)
        case("map", ip, tos=dscp_map[tos >> 2] << 2)
        case("df", ip, df=True)
        case("df copy", ip, df=df)
        case("flow", ip, flow=0xABCDE, ttl=9)
        case("flow copy", ip, flow=flow if ip[0] >> 4 == 6 else 0xABCDE)
    await bench.finish()
    for (data, _, _), fields in zip(bench.out.packets, want, strict=True):
        info = parse(data)
        if "ttl" in fields:
            assert data[info.l2 + (7 if info.ipv6 else 8)] == fields.pop("ttl")
        assert {n: getattr(info, n) for n in fields} == fields


@cocotb.test()
async def esp_in_udp(dut):
    """RFC 3948 2.1, 3.1, 3.2: ports of the SA, length over header and ESP, checksum 0; in every mode and family."""
    sas, kinds = {}, [(mode, ipv6) for mode in ("tunnel", "transport", "inplace") for ipv6 in (False, True)]
    for i, (mode, ipv6) in enumerate(kinds):
        names = ["UDP", "ESN"] + ["INPLACE"] * (mode == "inplace")
        family = V6 if ipv6 else {}
        sas[0x20000 + i] = Sa(
            tunnel=mode == "tunnel",
            flags=flags(*names),
            sport=random.randbytes(2),
            dport=random.randbytes(2),
            **family,
        )
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for _ in range(15):
        for handle, sa in sas.items():
            if sa.has("INPLACE"):
                frame = inplace_frame(sa, 4 * random.randint(1, 60), tags=random.randrange(3))
                bench.send(frame, INPLACE, handle, number_hi=5)
            else:
                bench.send(any_frame(sa.ipv6 if not sa.tunnel else random.getrandbits(1)), sa=handle)
    await bench.finish()
    for n, (data, _, _) in enumerate(bench.out.packets):
        info, sa = parse(data), list(sas.values())[n % len(sas)]
        udp = data[info.esp_at : info.esp_at + 8]
        assert info.ipv6 == sa.ipv6 and info.proto == UDP
        assert udp == sa.sport + sa.dport + be(info.total - info.hdr, 2) + b"\0\0"


@cocotb.test()
@cocotb.parametrize(turn=range(2))
async def in_place(dut, turn):
    """The host's own ESP: IV and ICV come in, the middle is encrypted, all else stays; the number is the frame's."""
    sas = {0x20000 + i: any_sa(inplace=True) for i in range(16)}
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for i in range(150):
        handle, sa = random.choice(list(sas.items()))
        chain = (
            random.choice([(), (), ((HOP, 1),), ((HOP, 2), (OPTIONS, 1), (ROUTING, 1))]) if sa.ipv6 else ()
        )
        text = {50: 9400, 100: 4}.get(i, 4 * random.randint(1, 100))
        tail = random.choice([b"", b"", random.randbytes(random.randint(1, 100))])  # Ethernet's padding
        frame = inplace_frame(sa, text, tags=random.randrange(3), chain=chain)
        bench.send(frame + tail, INPLACE, handle, number_hi=random.getrandbits(32))
        data, meta, _ = bench.frames[-1]
        assert len(data) == len(frame)
        info = parse(frame)
        at = info.esp_at + sa.udp_bytes
        assert data[: at + 8] == frame[: at + 8]
        assert meta["seq"] & 0xFFFFFFFF == number(frame[at + 4 : at + 8])
    await bench.finish()


@cocotb.test()
async def in_place_refusals(dut):
    """What is not ESP, not this SA's, of an impossible length, a fragment or too long."""
    plain, udp = Sa(flags=flags("INPLACE")), Sa(flags=flags("INPLACE", "UDP"))
    six, other = Sa(flags=flags("INPLACE"), tunnel=False, **V6), Sa()
    sas = {0x20000: plain, 0x20001: udp, 0x20002: six, 0x20003: other}
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()

    def bad(frame, status, handle=0x20000, op=INPLACE):
        bench.send(frame, op, handle, status)
        bench.send(inplace_frame(plain, 40), INPLACE, 0x20000)

    bad(inplace_frame(plain, 40), "SA_KIND", op=ENCRYPT)
    bad(inplace_frame(plain, 40), "SA_KIND", op=DUMMY)
    bad(inplace_frame(plain, 40), "SA_KIND", 0x20003)
    bad(inplace_frame(plain, 40), "SA_KIND", 0x20002)
    for proto in (51, 6, 41, 4, 253):
        bad(inplace_frame(plain, 40, proto=proto), "NOT_ESP")
        bad(inplace_frame(six, 40, proto=proto), "NOT_ESP", 0x20002)
    bad(inplace_frame(plain, 40, udp=True), "NOT_ESP")
    bad(inplace_frame(udp, 40, udp=False), "NOT_ESP", 0x20001)
    for sa, handle in ((plain, 0x20000), (udp, 0x20001), (six, 0x20002)):
        for at in range(4):
            spi = bytes(b ^ (1 << random.randrange(8) if i == at else 0) for i, b in enumerate(sa.spi))
            bad(inplace_frame(sa, 40, spi=spi), "SPI", handle)
        for text in (0, 1, 2, 3, 5, 6, 7, 41, 42, 43):
            bad(inplace_frame(sa, text), "ESP_LENGTH", handle)
        whole = 8 + 8 + 16
        for cut in range(1, whole + 1):
            bad(inplace_frame(sa, 0, cut=cut), "ESP_LENGTH" if whole - cut >= 4 else "SPI", handle)
            bad(inplace_frame(sa, 0, cut=cut, pad=True), "ESP_LENGTH" if whole - cut >= 4 else "SPI", handle)
    for flag in (0x2000, 0x0001):
        frame = inplace_frame(plain, 40)
        ip = with_checksum(frame[14:20] + be(flag, 2) + frame[22:34]) + frame[34:]
        bad(ETH + ip, "FRAGMENT")
    limit = 1500 - 20 - 8 - 8 - 16
    bench.send(inplace_frame(plain, limit & ~3), INPLACE, 0x20000)
    assert bench.send(inplace_frame(plain, (limit & ~3) + 4), INPLACE, 0x20000, "TOO_BIG")["len"] == 1500
    await bench.finish()


@cocotb.test()
async def order_is_kept(dut):
    """Frames of all operations and lengths leave as they came; dropped ones leave no trace but a verdict."""

    def policies(asked):
        kind = asked["src"] % 5
        return [(PROTECT, 0x20000), (PROTECT, 0x20009), (BYPASS, None), (DISCARD, None), None][kind]

    sas = {0x20000: Sa(16, 16, True), 0x20001: Sa(32, 8, False), 0x20002: any_sa(inplace=True)}
    sas[0x20003] = Sa(tfc=1000)
    bench = Bench(dut, sas, mtu=1600, gap=often, stall=often, policies=policies)
    await bench.start()
    for _ in range(300):
        length = random.choice([random.randint(20, 120), random.randint(20, 1400)])
        kind = random.random()
        if kind < 0.25:
            bench.send(random.randbytes(length), op=PLAIN, lookaside=random.getrandbits(1), number_hi=7)
        elif kind < 0.3:
            bench.send(ethernet(packet(length)), sa=0x20005, status="SA_STALE")
        elif kind < 0.35:
            bench.send(random.randbytes(1609), op=PLAIN, status="TOO_BIG")
        elif kind < 0.6:
            bench.send(any_frame(random.getrandbits(1)), POLICY, status=None)
        elif kind < 0.7:
            bench.send(inplace_frame(sas[0x20002], 4 * random.randint(1, 90)), INPLACE, 0x20002)
        else:
            op = random.choice([ENCRYPT, DUMMY])
            bench.send(ethernet(packet(length)), op, random.choice([0x20000, 0x20001, 0x20003]))
    await bench.finish(scapy=False)


@cocotb.test()
@cocotb.parametrize(bypass=[False, True])
async def policies(dut, bypass):
    """Each answer of the policies, and what they are asked."""
    answers = {1: (PROTECT, 0x20000), 2: (BYPASS, None), 3: (DISCARD, None), 4: None, 5: (PROTECT, 0x20001)}

    def policy(asked):
        return answers[asked["dst"] & 0xFF]

    sas = {0x20000: Sa(16, 16, True), 0x20001: Sa(tunnel=False, flags=flags("ESN", "UDP"), **V6)}
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often, policies=policy, bypass=bypass, latency=9)
    await bench.start()

    def send(kind, ip, status="OK"):
        v6 = ip[0] >> 4 == 6
        at = 24 if v6 else 16
        ip = ip[:at] + bytes([kind]) + ip[at + 1 :]
        ip = ip if v6 else with_checksum(ip[: 4 * (ip[0] & 15)]) + ip[4 * (ip[0] & 15) :]
        return bench.send(ethernet(ip, random.randrange(3)), POLICY, status=status)

    unmatched = "OK" if bypass else "NO_POLICY"
    for proto in (6, 17, 33, 132, 136, 1, 58, 47, OPAQUE, 0, 43, 60):
        options = random.choice([0, 0, 2])
        send(1, packet(20 + 4 * options + random.choice([0, 1, 2, 3, 4, 60]), options, proto))
        send(2, packet(24, proto=proto, fragment=random.choice([0, 0x2000, 1, 0x4000])))
        send(3, packet(100, proto=proto), "DISCARD")
        send(4, packet(100, proto=proto), unmatched)
        if proto in (0, 43, 60):
            continue
        for chain in (
            *CHAINS,
            ((FRAGMENT, 0, 1),),
            ((FRAGMENT, 3, 0),),
            ((HOP, 1), (FRAGMENT, 3, 0), (OPTIONS, 1)),
        ):
            size = 40 + 8 * sum(1 if c[0] == FRAGMENT else c[1] for c in chain)
            send(1, packet6(size + random.choice([0, 1, 2, 3, 4, 60]), chain, proto))
            send(3, packet6(size + 4, chain, proto), "DISCARD")
            send(4, packet6(size + 4, chain, proto), unmatched)
            broken = chain and any(c[0] == FRAGMENT and any(c[1:]) for c in chain)
            send(5, packet6(size + 4, chain, proto), "FRAGMENT" if broken else "OK")
    send(2, packet(1501), "TOO_BIG")
    send(2, packet6(1500))
    send(4, packet(1501), "TOO_BIG" if bypass else "NO_POLICY")
    send(1, packet(1447), "TOO_BIG")
    send(5, packet(100), "SA_KIND")
    bench.send(ETH[:12] + b"\x08\x06" + bytes(50), POLICY, status="NOT_IP")
    await bench.finish(scapy=False)
    asked = [a for a in bench.policy.asked if a["ipv6"] and not a["proto"]]
    assert asked and not any(a["ports"] for a in asked)  # the upper layer is out of sight


@cocotb.test()
async def every_refusal(dut):
    """Each reason to drop a frame, between good frames."""
    tunnel, transport, six = 0x20000, 0x20001, 0x20006
    sas = {
        tunnel: Sa(16, 16, True),
        transport: Sa(16, 16, False),
        six: Sa(16, 16, False, **V6),
        0x20002: Sa(hard_packets=3),
        0x20003: Sa(seq=0xFFFFFFFF),
        0x20004: Sa(seq=5, lease_end=6),
        0x20005: Sa(hard_bytes=250),
        0x20007: Sa(seq=0xFFFFFFFF_FFFFFFFF, flags=flags("ESN")),
        0x20008: Sa(seq=0xFFFFFFFF, flags=flags("ESN")),
    }
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()

    def bad(frame, status, sa=tunnel, **more):
        bench.send(frame, sa=sa, status=status, **more)
        bench.send(ethernet(packet(random.randint(20, 200))), sa=random.choice([tunnel, transport]))

    good, good6 = packet(100), packet6(100)

    def changed(at, value, fix=True, ip=good):
        ip = ip[:at] + value + ip[at + len(value) :]
        return ETH + (with_checksum(ip[:20]) + ip[20:] if fix else ip)

    def changed6(at, value, ip=good6):
        return ETH6 + ip[:at] + value + ip[at + len(value) :]

    for ethertype in ("0806", "8847", "0801"):
        bad(ETH[:12] + bytes.fromhex(ethertype) + good, "NOT_IP")
    bad(ETH[:12] + bytes.fromhex("8100000188a80002810000030800") + good, "NOT_IP")  # three tags
    for short in ("8100", "81000001", "8100000188a80002"):
        bad(ETH[:12] + bytes.fromhex(short), "NOT_IP")
    bad(ETH[:12] + bytes.fromhex("86dd") + good, "IP_HEADER")
    bad(ETH + good6, "IP_HEADER")
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
    bad(ETH6 + good6[:39], "TRUNCATED")
    bad(ETH6 + good6[:99], "TRUNCATED")
    bad(changed6(4, b"\x00\x3d"), "TRUNCATED")
    bad(changed6(0, b"\x45"), "IP_HEADER")
    for chain in (((HOP, 1),) * 5, ((HOP, 9),), ((HOP, 4), (ROUTING, 3))):
        bad(ethernet(packet6(300, chain)), "EXT_HEADER", six)
        bad(ethernet(packet6(300, chain)), "EXT_HEADER")
    bad(ethernet(packet6(48, ((OPTIONS, 1),), OPTIONS)), "EXT_HEADER")
    bad(changed6(4, b"\0\0", packet6(48, ((HOP, 1),))), "EXT_HEADER")  # a jumbogram
    for flag in (0x2000, 0x0001, 0x1FFF, 0x2800):
        bad(ethernet(packet(100, fragment=flag)), "FRAGMENT", sa=transport)
        bench.send(ethernet(packet(100, fragment=flag)), sa=tunnel)
    for chain in (((FRAGMENT, 0, 1),), ((FRAGMENT, 1, 0),), ((HOP, 1), (FRAGMENT, 100, 1))):
        bad(ethernet(packet6(100, chain), 1), "FRAGMENT", sa=six)
        bench.send(ethernet(packet6(100, chain)), sa=tunnel)
    for flag in (0x4000, 0x8000):  # DF and the reserved bit make no fragment
        bench.send(ethernet(packet(100, fragment=flag)), sa=transport)
    bad(ethernet(good), "SA_STALE", sa=0x2FFFF)
    bad(ethernet(good), "SA_STALE", sa=0)
    bad(ethernet(good), "SA_DIRECTION", sa=0x30000)
    bad(ethernet(good), "SA_KIND", sa=six)
    bad(ethernet(good6), "SA_KIND", sa=transport)
    for _ in range(3):
        bench.send(ethernet(good), sa=0x20002)
    bad(ethernet(good), "LIFETIME", sa=0x20002)
    bad(ethernet(packet6(100), 2), "LIFETIME", sa=0x20002)
    bench.send(ethernet(good), sa=0x20005)
    bad(ethernet(packet(151)), "LIFETIME", sa=0x20005)
    bench.send(ethernet(packet(150)), sa=0x20005)
    for full in (0x20003, 0x20007):
        bench.send(ethernet(good), sa=full)
        bad(ethernet(good6, 1), "SEQ_EXHAUSTED", sa=full)
        bad(ethernet(packet(1447)), "TOO_BIG", sa=full)
    for _ in range(2):
        bench.send(ethernet(good), sa=0x20008)  # over the lower half's end
        bench.send(ethernet(good), sa=0x20004)
    bad(ethernet(good), "LEASE", sa=0x20004)
    bad(ethernet(good), "BAD_OP", op=OP["DECRYPT"])
    bad(ethernet(good), "BAD_OP", op=0xFF)
    bad(random.randbytes(1523), "TOO_BIG", op=PLAIN)
    bench.send(ETH + random.randbytes(1500), op=PLAIN)
    bench.send(ethernet(packet(1446)), sa=tunnel)
    bad(ethernet(packet(1447)), "TOO_BIG")
    bench.send(ethernet(packet(1466)), sa=transport)
    bad(ethernet(packet(1467)), "TOO_BIG", sa=transport)
    await bench.finish()
    codes = [e["code"] for e in bench.events]
    for status, least in (("FRAGMENT", 7), ("LIFETIME", 3), ("SEQ_EXHAUSTED", 2), ("LEASE", 1)):
        assert codes.count(ST[status]) == least
    assert len(codes) == 13


@cocotb.test()
async def lookup_tells_lengths(dut):
    """The table gets the lengths of the IP packet and of its header, never Ethernet's padding, and the port's MTU."""
    bench = Bench(dut, {0x20000: Sa(), 0x20001: Sa(flags=flags("INPLACE"))}, mtu=1514)
    await bench.start()
    cases = [(20, 0), (21, 0), (60, 10), (1400, 3)]
    for length, options in cases:
        bench.send(ethernet(packet(length, options)), sa=0x20000)
    bench.send(ethernet(packet6(72, ((HOP, 1), (ROUTING, 2))), 2), sa=0x20000)
    bench.send(inplace_frame(bench.sas[0x20001], 40), INPLACE, 0x20001)
    await bench.finish()
    asked = [(a["handle"], a["ipv6"], a["total"], a["hdr_bytes"], a["mtu"]) for a in bench.table.asked]
    want = [(0x20000, 0, length, 20 + 4 * options, 1500) for length, options in cases]
    assert asked[:5] == [*want, (0x20000, 1, 72, 64, 1500)]
    assert bench.table.asked[5]["inplace"] and bench.table.asked[5]["spi"] == to_int(bench.sas[0x20001].spi)


@cocotb.test()
async def reset_in_traffic(dut):
    """A reset forgets all frames on their way; those sent after it are right."""
    sas = all_kinds()
    for turn in range(6):
        bench = Bench(
            dut, sas, gap=often, stall=often, policies=lambda asked: (PROTECT, 0x20000 + asked["src"] % 9)
        )
        await bench.start(cycles=16, clock=turn == 0)
        for _ in range(40):
            op = random.choice([PLAIN, ENCRYPT, ENCRYPT, POLICY])
            bench.send(ethernet(packet(random.randint(20, 700))), op=op, sa=random.choice(list(sas)))
        if turn == 5:
            await bench.finish()
        else:
            await ClockCycles(dut.clk, random.randint(20, 150))
            assert dut.idle.value == 0
            bench.stop()


# IP bytes, cycles that a frame may take, SA
THROUGHPUT = {
    "46": (46, 2, {}),
    "50": (50, 2, {}),
    "50 transport": (50, 2, dict(tunnel=False)),
    "114": (114, 3, {}),
    "1500": (1500, 25, {}),
    "1446 transport": (1446, 24, dict(tunnel=False)),
    "IPv6 60": (60, 3, V6),
    "IPv6 50 transport": (50, 2, dict(V6, tunnel=False)),
    "IPv6 1420": (1420, 24, V6),
    "UDP 40": (40, 2, dict(flags=flags("UDP", "ESN"))),
    "UDP 1426": (1426, 24, dict(flags=flags("UDP", "ESN"))),
    "IPv6 UDP 40": (40, 3, dict(V6, flags=flags("UDP", "ESN"))),
    "GMAC ESN 46": (46, 2, dict(gmac=True, flags=flags("ESN"))),
    "TFC 500": (46, 9, dict(tfc=500)),
}


@cocotb.test()
@cocotb.parametrize(case=list(THROUGHPUT), op=[ENCRYPT, POLICY])
async def throughput(dut, case, op):
    """Back to back, a frame costs the beats of its result: 64 bytes two cycles, a large one at most one more."""
    length, most, kind = THROUGHPUT[case]
    ipv6 = kind.get("ipv6", False)
    sas = {0x20000: Sa(16, 16, **kind), 0x20001: Sa(32, 16, **kind)}
    bench = Bench(dut, sas, policies=lambda asked: (PROTECT, 0x20000 + asked["src"] % 2), latency=20)
    await bench.start()
    count = 60 if length < 1000 else 20
    for i in range(count):
        bench.send(any_or(ipv6, length), op, sa=0x20000 + i % 2 if op == ENCRYPT else 0)
    await bench.finish(scapy=False)
    result = -(-len(bench.frames[0][0]) // 64)
    assert most <= result + 1
    ends = [cycle for _, _, cycle in bench.out.packets]
    half = count // 2
    taken = ends[-1] - ends[half]
    dut._log.info("%s: %.2f cycles a frame, %d beats", case, taken / (count - 1 - half), result)
    assert taken <= most * (count - 1 - half), f"{taken} cycles for {count - 1 - half} frames"
