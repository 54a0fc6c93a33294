# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of esp_out: the rules of docs/esp.md one by one; see esp_out_bench."""

import random

import cocotb
from esp_model import BYPASS, DISCARD, PROTECT, Sa
from esp_out_bench import (
    CHAINS,
    DUMMY,
    INPLACE,
    NUMBERED,
    POLICY,
    V6,
    Bench,
    any_frame,
    any_sa,
    flags,
    inplace_frame,
    often,
)
from esp_packet import (
    ENCRYPT,
    ETH,
    ETH6,
    FRAGMENT,
    HOP,
    OP,
    OPAQUE,
    OPTIONS,
    PLAIN,
    ROUTING,
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
from frames import META_T, to_int


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
@cocotb.parametrize(turn=range(2))
async def numbered(dut, turn):
    """ESP is built under the host's numbers, over the end of their lower half; the IV is the counter's, of which
    packets in place take, too."""
    sas = {
        0x20000 + i: any_sa(inplace=True, tos=random.getrandbits(6) << 2, ttl=random.randint(1, 255))
        for i in range(16)
    }
    for sa in sas.values():
        if sa.tunnel:
            sa.flags |= flags(
                random.choice(["DF", "DF_COPY", "DSCP_COPY", "DSCP_MAP", "ECN_OFF", "FLOW_COPY"])
            )
    following = dict.fromkeys(sas, 2**32 - 3)
    bench = Bench(dut, sas, gap=often, stall=often, dscp_map=random.sample(range(64), 64))
    await bench.start()
    want = []
    for i in range(200):
        handle, sa = random.choice(list(sas.items()))
        lookaside = random.getrandbits(1)
        if random.random() < 0.3:
            frame, high = inplace_frame(sa, 4 * random.randint(1, 100)), random.getrandbits(32)
            bench.send(frame, INPLACE, handle, number_hi=high, lookaside=lookaside)
            at = parse(frame).esp_at + sa.udp_bytes + 4
            want.append((handle, high << 32 | number(frame[at : at + 4])))
            continue
        given = random.choice([1, 2**64 - 1, random.getrandbits(64) | 1])
        if random.random() < 0.7:
            given = following[handle]
            following[handle] += 1
        ipv6 = bool(random.getrandbits(1)) if sa.tunnel else sa.ipv6
        frame = any_frame(ipv6, {50: 4000, 100: 9000, 150: 9500}.get(i))
        bench.send(frame, NUMBERED, handle, given=given, lookaside=lookaside)
        want.append((handle, given))
    await bench.finish()
    ivs = {handle: [] for handle in sas}
    for (data, item, _), (handle, given) in zip(bench.out.packets, want, strict=True):
        sa, info = sas[handle], parse(data)
        at = info.esp_at + sa.udp_bytes + 4
        assert number(data[at : at + 4]) == given & 0xFFFFFFFF
        told = META_T.unpack(item["meta"])["seq"]
        assert told == (given if sa.has("ESN") else given & 0xFFFFFFFF)
        ivs[handle].append(number(data[at + 4 : at + 12]))
    for handle, sa in sas.items():  # what is left of the counter is what the packets have not taken
        assert ivs[handle] == list(range(sa.seq - len(ivs[handle]), sa.seq))
    assert any(n > 2**32 for n in following.values())


@cocotb.test()
async def numbered_refusals(dut):
    """Only with an outbound SA of in-place encryption, and that with no other operation; then as with ENCRYPT."""
    tunnel, transport, six = 0x20000, 0x20001, 0x20002
    sas = {
        tunnel: Sa(flags=flags("INPLACE")),
        transport: Sa(flags=flags("INPLACE", "UDP"), tunnel=False),
        six: Sa(flags=flags("INPLACE", "ESN"), tunnel=False, **V6),
        0x20003: Sa(),
        0x20004: Sa(flags=flags("INPLACE"), seq=0xFFFFFFFF),
        0x20005: Sa(flags=flags("INPLACE"), seq=5, lease_end=5),
        0x20006: Sa(flags=flags("INPLACE"), hard_bytes=250),
    }
    policies = lambda asked: (PROTECT, tunnel)  # noqa: E731
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often, policies=policies)
    await bench.start()

    def bad(ip, status, sa=tunnel, op=NUMBERED):
        given = random.getrandbits(32) | 1 if op == NUMBERED else None
        done = bench.send(ethernet(ip), op, sa, status, given=given)
        bench.send(
            ethernet(packet(random.randint(20, 200))), NUMBERED, tunnel, given=random.getrandbits(64) | 1
        )
        return done

    good = packet(100)
    for op in (ENCRYPT, DUMMY):
        for sa in (tunnel, transport):
            bad(good, "SA_KIND", sa, op)
    bad(good, "SA_KIND", 0, POLICY)
    bad(good, "SA_KIND", 0x20003)
    bad(packet6(100), "SA_KIND", transport)
    bad(good, "SA_KIND", six)
    bad(good, "SA_DIRECTION", 0x30000)
    bad(good, "SA_STALE", 0x20009)
    for fragment in (0x2000, 1):
        bad(packet(100, fragment=fragment), "FRAGMENT", transport)
        bench.send(ethernet(packet(100, fragment=fragment)), NUMBERED, tunnel, given=9)
    bad(packet6(100, ((FRAGMENT, 0, 1),)), "FRAGMENT", six)
    bad(b"\x44" + good[1:], "IP_HEADER")
    for sa, ip in ((tunnel, packet), (tunnel, packet6), (transport, packet), (six, packet6)):
        fits = bad(ip(1600), "TOO_BIG", sa)["len"]
        assert 1400 < fits < 1500
        bench.send(ethernet(ip(fits)), NUMBERED, sa, given=2**32)
        assert bad(ip(fits + 1), "TOO_BIG", sa)["len"] == fits
    # Limits are of the counter and of the packet's bytes, whatever number the host gives.
    bench.send(ethernet(good), NUMBERED, 0x20004, given=1)
    bad(good, "SEQ_EXHAUSTED", 0x20004)
    bench.send(ethernet(good), NUMBERED, 0x20005, given=2**40)
    bad(good, "LEASE", 0x20005)
    for _ in range(2):
        bench.send(ethernet(good), NUMBERED, 0x20006, given=7)
    bad(good, "LIFETIME", 0x20006)
    # ESP of somebody else's is a packet like any other.
    bench.send(inplace_frame(Sa(), 40), NUMBERED, tunnel, given=8)
    await bench.finish()


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
    for op in ("CONTEXT", "CONTEXT_NUMBERED"):
        bad(ethernet(good), "BAD_OP", op=OP[op])
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
