# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: what the inbound pipe makes of the packets that it decrypted: length, ECN, selector, header."""

import cocotb
from esp_in_drive import Bench, load
from esp_in_frames import (
    KINDS,
    inner,
    ip,
    ip4,
    ip6,
    make_sa,
    numbers,
    outer,
    random_chain,
    random_sa,
    random_selector,
    text_of,
    trailer,
)
from esp_in_model import Selector
from esp_packet import (
    FRAGMENT,
    HOP,
    OPTIONS,
    ROUTING,
    SAF,
    be,
    ip_sum,
    with_checksum,
)


@cocotb.test()
async def inner_packets(dut):
    """What is authentic, and still not to be delivered; TFC padding behind what is."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    base4, base6 = b"\x45\0\0\x3c" + bytes(56), b"\x60\0\0\0\0\x14" + bytes(54)
    bad = [
        (4, b"\x65" + base4[1:]), (4, b"\x44" + base4[1:]), (4, b"\x45\0\0\x13" + bytes(56)),
        (4, b"\x45\0\0\x3d" + bytes(56)), (4, b"\x45\0\xff\xff" + bytes(56)), (4, b"\x4f\0\0\x14" + bytes(56)),
        (4, b""), (4, b"\x45\0\0"), (4, base4[:19]), (4, base6), (41, base4), (41, b""), (41, base6[:39]),
        (41, b"\x60\0\0\0\0\x15" + bytes(54)), (41, b"\x60\0\0\0\xff\xff" + bytes(54)), (41, b"\x50" + base6[1:]),
    ]  # fmt: skip
    fine = [
        (4, base4),
        (41, base6),
        (4, base4 + b"\x99" * 70),
        (41, base6 + b"\x99" * 7),
        (41, b"\x60" + bytes(39)),
    ]
    for v6 in (False, True):
        for gmac in (False, True):
            sa = make_sa(rng, v6, gmac=gmac)
            other = make_sa(rng, v6, gmac=gmac, tunnel=False)
            b.add(sa, other)

            def send(sa, packet, following, want):
                seq, answers = numbers(sa)
                text = packet + trailer(len(packet), following)
                b.send(outer(rng, sa, sa.seal(seq, text), tos=0), want=want, **answers)

            for following, packet in bad:
                send(sa, packet, following, "INNER")
            for following, packet in fine:
                send(sa, packet, following, "OK")
            for size in (0, 46, 1000):
                send(sa, rng.randbytes(size), 59, "DUMMY")
                send(other, rng.randbytes(size), 59, "DUMMY")
                for following in (6, 0, 17, 50, 255, 5, 40):
                    send(sa, rng.randbytes(size), following, "NEXT_HEADER")
                    send(other, rng.randbytes(size), following, "OK")
            for size in range(20, 140, 3):
                for tfc in (1, 63, 64, 65, 700):
                    seq, answers = numbers(sa)
                    packet = inner(rng, max(size, 40), rng.random() < 0.5, tos=0)
                    text = text_of(packet, rng.randbytes(tfc))
                    fate = b.send(outer(rng, sa, sa.seal(seq, text), tos=0), want="OK", **answers)
                    assert fate.data.endswith(packet)
            await b.finish()


@cocotb.test()
async def ecn_table(dut):
    """RFC 6040, figure 4, case by case, both families; with ECN_OFF and DSCP_COPY."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for v6, inner_v6 in KINDS:
        for off in (0, SAF["ECN_OFF"]):
            for dscp in (0, SAF["DSCP_COPY"]):
                sa = make_sa(rng, v6, flags=off | dscp)
                b.add(sa)
                for arriving in range(4):
                    for field in range(4):
                        seq, answers = numbers(sa)
                        packet = inner(rng, 60, inner_v6, tos=rng.randrange(64) << 2 | field)
                        frame = outer(
                            rng, sa, sa.seal(seq, text_of(packet)), tos=rng.randrange(64) << 2 | arriving
                        )
                        lost = not off and arriving == 3 and field == 0
                        fate = b.send(frame, want="ECN" if lost else "OK", **answers)
                        if not lost and not inner_v6:
                            assert ip_sum(fate.data[14:34]) == 0xFFFF
        await b.finish()


@cocotb.test()
async def ecn_at_random(dut):
    """Any TOS outside and inside: the inner checksum is what a fresh sum gives, also at the ends."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sa = make_sa(rng, flags=SAF["DSCP_COPY"])
    b.add(sa)
    for n in range(400):
        seq, answers = numbers(sa)
        packet = inner(rng, 40, tos=rng.randrange(256))
        tos = rng.randrange(256)
        if n % 4 == 0:
            # The checksum before or after is 0x0000 or 0xfffe.
            want = (
                packet
                if n % 8
                else with_checksum(packet[:1] + bytes([tos & 0xFC | packet[1] & 3]) + packet[2:20])
            )
            ident = int.from_bytes(packet[4:6], "big") + int.from_bytes(want[10:12], "big") - (n // 8 & 1)
            packet = with_checksum(packet[:4] + be(ident % 65535, 2) + packet[6:20]) + packet[20:]
        fate = b.send(outer(rng, sa, sa.seal(seq, text_of(packet)), tos=tos), **answers)
        assert fate.data is None or ip_sum(fate.data[14:34]) == 0xFFFF
    await b.finish()


def selector_cases(rng, packet, proto, ports):
    """(selector, does it match) for a packet of this protocol and these ports (None: unknown)."""
    v6 = packet[0] >> 4 == 6
    width, at = (16, 8) if v6 else (4, 12)
    src, dst = packet[at : at + width], packet[at + width : at + 2 * width]
    family = 6 if v6 else 4
    yield Selector(), True
    yield Selector(family=family), True
    yield Selector(family=10 - family), False
    for bits in (1, 7, 8, 9, 8 * width - 1, 8 * width):
        for name, value in (("src", src), ("dst", dst)):
            number = int.from_bytes(value, "big") >> (8 * width - bits)
            for flip, match in ((0, True), (1 << rng.randrange(bits), False), (1, False)):
                cut = be((number ^ flip) << (8 * width - bits), width)
                yield Selector(family=family, **{name: cut, f"{name}_len": bits}), match
    yield Selector(proto=proto or 17), proto is not None
    yield Selector(proto=(proto or 0) ^ 1 or 2), False
    for name, port in (("sport", ports and ports[0]), ("dport", ports and ports[1])):
        if port is None:
            yield Selector(**{name: (0, 65534)}), False
            yield Selector(**{name: (1, 65535)}), False
        else:
            yield Selector(**{name: (port, port)}), True
            yield Selector(**{name: (0, port)}), True
            yield Selector(**{name: (port, 65535)}), True
            if port:
                yield Selector(**{name: (0, port - 1)}), False
            if port < 65535:
                yield Selector(**{name: (port + 1, 65535)}), False
    if proto is not None and ports:
        yield Selector(family=family, src=src, src_len=8 * width, dst=dst, dst_len=8 * width, proto=proto,
                       sport=(ports[0], ports[0]), dport=(ports[1], ports[1])), True  # fmt: skip


def packets_for_selectors(rng):
    """(packet, protocol or None, ports or None): what is in its first 64 bytes, behind at most two extensions."""
    body = b"\x12\x34\xab\xcd" + rng.randbytes(30)
    ports, kind = (0x1234, 0xABCD), (0x12, 0x34)
    for proto in (6, 17, 33, 132, 136):
        yield ip4(rng, body, proto, tos=0), proto, ports
        yield ip6(rng, body, proto, tos=0), proto, ports
    for proto in (1, 58):
        yield ip4(rng, body, proto, tos=0), proto, kind
        yield ip6(rng, body, proto, tos=0), proto, kind
    for proto in (50, 253, 4, 47):
        yield ip4(rng, body, proto, tos=0), proto, None
        yield ip6(rng, body, proto, tos=0), proto, None
    yield ip4(rng, body, 17, options=10, tos=0), 17, ports
    yield ip4(rng, body, 17, fragment=0x2000, tos=0), 17, ports
    yield ip4(rng, body, 17, fragment=1, tos=0), 17, None
    yield ip4(rng, body[:3], 17, tos=0), 17, None
    yield ip4(rng, body[:4], 17, tos=0), 17, ports
    yield ip4(rng, body[:1], 1, tos=0), 1, None
    yield ip4(rng, body[:2], 1, tos=0), 1, kind
    yield ip4(rng, b"", 17, tos=0), 17, None
    yield ip6(rng, body, 6, chain=[(HOP, 1)], tos=0), 6, ports
    yield ip6(rng, body, 6, chain=[(HOP, 1), (OPTIONS, 1)], tos=0), 6, ports
    yield ip6(rng, body, 6, chain=[(HOP, 1), (ROUTING, 1), (OPTIONS, 1)], tos=0), None, None
    yield ip6(rng, body, 6, chain=[(OPTIONS, 2)], tos=0), 6, ports
    yield ip6(rng, body, 6, chain=[(OPTIONS, 3)], tos=0), 6, None  # the ports are behind the first 64 bytes
    yield ip6(rng, body, 6, chain=[(OPTIONS, 3), (OPTIONS, 1)], tos=0), None, None
    yield ip6(rng, body, 6, chain=[(FRAGMENT, 0, 1)], tos=0), 6, ports
    yield ip6(rng, body, 6, chain=[(FRAGMENT, 9, 0)], tos=0), 6, None
    yield ip6(rng, body, 6, chain=[(HOP, 1), (FRAGMENT, 9, 1)], tos=0), 6, None
    yield ip6(rng, body[:3], 6, chain=[(OPTIONS, 1)], tos=0), 6, None
    yield ip6(rng, b"\x06\x09" + bytes(6), OPTIONS, tos=0), None, None  # a header longer than the packet
    yield ip6(rng, b"\x06", OPTIONS, tos=0), None, None


@cocotb.test()
async def selectors(dut):
    """Family, prefixes, protocol and ports, met and missed; where they cannot be read only 'any' matches."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sa = make_sa(rng, flags=SAF["SELECTOR"], key=16)
    b.add(sa)
    for packet, proto, ports in packets_for_selectors(rng):
        for sel, match in selector_cases(rng, packet, proto, ports):
            sa.sel = sel
            seq, answers = numbers(sa)
            frame = outer(rng, sa, sa.seal(seq, text_of(packet)), tos=0)
            b.send(frame, want="OK" if match else "SELECTOR", **answers)
        await b.finish()


@cocotb.test()
async def selectors_at_random(dut):
    """Both modes, all headers; in transport mode the header is the outer one, and what followed it."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    seen = {}
    for _ in range(900):
        sa = random_sa(rng, flags=SAF["SELECTOR"] | rng.choice([0, SAF["UDP"]]), tunnel=rng.random() < 0.3)
        b.add(sa)
        seq, answers = numbers(sa)
        header = {"tos": 0}
        if sa.ipv6:
            header["chain"] = random_chain(rng)[: rng.choice([0, 1, 2, 4])]
        else:
            header["options"] = rng.choice([0, 0, 1, 5, 10])
        proto = rng.choice([6, 17, 1, 58, 132, 253, 60, 44, 0])
        body = rng.randbytes(rng.choice([0, 1, 2, 3, 4, 20, 100]))
        if proto in (60, 0) and len(body) > 4:
            body = bytes([rng.choice([6, 17, 60]), rng.choice([0, 0, 1, 9])]) + body[2:]
        if sa.tunnel:
            text = text_of(ip(rng, rng.random() < 0.5, body, proto, tos=0))
        else:
            text = body + trailer(len(body), proto)
        state = rng.getstate()
        frame = outer(rng, sa, sa.seal(seq, text), **header)
        sa.sel = Selector()
        probe = b.model.process(frame, **answers)
        assert probe.status == "OK"
        rng.setstate(state)
        packet = probe.data[14:]
        sa.sel = random_selector(rng, packet)
        sa.sel.proto = rng.choice([0, 0, proto, packet[6 if packet[0] >> 4 == 6 else 9], 17])
        for name in ("sport", "dport"):
            low = rng.choice([0, 0, rng.randrange(65536)])
            setattr(sa.sel, name, (low, rng.choice([65535, 65535, rng.randrange(low, 65536)])))
        status = b.send(frame, **answers).status
        seen[status, sa.tunnel] = seen.get((status, sa.tunnel), 0) + 1
    await b.finish()
    dut._log.info("%s", seen)
    assert min(seen.get((s, t), 0) for s in ("OK", "SELECTOR") for t in (False, True)) > 20


@cocotb.test()
async def checksum_of_every_change(dut):
    """Transport: the rebuilt header checksum is what a fresh sum gives, at the ends of one's complement too."""
    b = await Bench(dut).start()
    rng = b.rng
    sa = make_sa(rng, tunnel=False, flags=rng.choice([0, SAF["UDP"]]))
    b.add(sa)
    for n in range(400):
        seq, answers = numbers(sa)
        size = rng.randrange(0, 80)
        header = {"ident": rng.randrange(65536), "ttl": rng.randrange(256), "tos": rng.randrange(256)}
        if n % 3 == 0:
            # Make the checksum of the result 0x0000 or 0xfffe.
            want = ip4(rng, bytes(size), 17, src=bytes(4), dst=sa.dst, **(header | {"ident": 0}))
            header["ident"] = (int.from_bytes(want[10:12], "big") - (n // 3 & 1)) % 65536
        esp = sa.seal(seq, rng.randbytes(size) + trailer(size, 17))
        fate = b.send(outer(rng, sa, esp, src=bytes(4), **header), want="OK", **answers)
        assert ip_sum(fate.data[14:34]) == 0xFFFF
    await b.finish()
