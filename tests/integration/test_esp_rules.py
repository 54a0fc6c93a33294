# SPDX-License-Identifier: BSD-2-Clause
"""The rules of docs/esp.md one by one, in software; scapy and `cryptography` make the packets."""

import itertools
import random
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from esp_software import HOSTS, Kind, ethernet, l2_len, packet, parse
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from vesper_lib import (
    BYPASS,
    DISCARD,
    DSCP_COPY,
    ECN_OFF,
    ENCRYPT,
    ESN,
    EV_EXPIRED,
    EV_LEASE_LOW,
    EV_SOFT_BYTES,
    EV_SOFT_PACKETS,
    GCM,
    GMAC,
    IIV,
    IN,
    INPLACE,
    INPLACE_SA,
    OUT,
    POLICY,
    PROTECT,
    SELECTOR,
    TRANSPORT,
    TUNNEL,
    Policy,
    Vesper,
    make_sa,
    make_selector,
    put,
)
from vesper_lib import UDP as SA_UDP

KEY = bytes(range(1, 21))
SPI = 0x1234
NOT_ECT, ECT1, ECT0, CE = range(4)
FAMILIES = list(itertools.product((4, 6), (4, 6)))


@pytest.fixture
def v():
    with Vesper(mtu=1514) as handle:
        yield handle


def sa(direction, family=4, mode=TUNNEL, *, icv=16, key=KEY, spi=SPI, **more):
    src, dst = HOSTS[family]
    return make_sa(direction, mode, key, icv, spi, src=src, dst=dst, **more)


def frame_of(ip):
    return bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ip)


def inner(family, tos=0, body=b"x" * 30, upper=None, **fields):
    src, dst = ("10.1.2.3", "10.4.5.6") if family == 4 else ("fd00::1", "fd00::2")
    upper = UDP(sport=1000, dport=2000) if upper is None else upper
    fields["tos" if family == 4 else "tc"] = tos
    return (IP if family == 4 else IPv6)(src=src, dst=dst, **fields) / upper / Raw(body)


def tos_of(ip):
    return ip.tos if ip.version == 4 else ip.tc


def seal(number, text, *, spi=SPI, key=KEY, iv=None, aad=None):
    """ESP bytes around a plaintext that is there to the next header."""
    iv = struct.pack(">Q", number) if iv is None else iv
    head = struct.pack(">II", spi, number & 0xFFFFFFFF)
    return head + iv + AESGCM(key[:-4]).encrypt(key[-4:] + iv, text, head if aad is None else aad)


def trailer(text, next_header):
    pad = -(len(text) + 2) % 4
    return text + bytes(range(1, pad + 1)) + bytes([pad, next_header])


def outer(family, esp, tos=0, udp=None, **fields):
    src, dst = HOSTS[family]
    fields |= {"tos": tos} if family == 4 else {"tc": tos}
    if udp:
        esp = struct.pack(">HHHH", *udp, 8 + len(esp), 0) + esp
    fields.setdefault("proto" if family == 4 else "nh", 17 if udp else 50)
    return frame_of((IP if family == 4 else IPv6)(src=src, dst=dst, **fields) / Raw(esp))


# ---- RFC 6040 ----


@pytest.mark.parametrize("out, into", FAMILIES)
def test_ecn_encapsulation(v, out, into):
    """Normal mode (RFC 6040 4.1): the outer field is the inner one; or Not-ECT where ECN is off."""
    on, off = v.sa_add(sa(OUT, out)), v.sa_add(sa(OUT, out, spi=SPI + 1, flags=ECN_OFF))
    for ecn in range(4):
        frame = frame_of(inner(into, tos=0xB8 | ecn))
        assert tos_of(parse(v.encrypt_one(frame, on).data)) == ecn
        assert tos_of(parse(v.encrypt_one(frame, off).data)) == NOT_ECT


# RFC 6040 4.2, figure 4: {(outer, inner): result}; None is a drop.
DECAPSULATION = {
    (NOT_ECT, NOT_ECT): NOT_ECT, (ECT0, NOT_ECT): NOT_ECT, (ECT1, NOT_ECT): NOT_ECT, (CE, NOT_ECT): None,
    (NOT_ECT, ECT0): ECT0, (ECT0, ECT0): ECT0, (ECT1, ECT0): ECT1, (CE, ECT0): CE,
    (NOT_ECT, ECT1): ECT1, (ECT0, ECT1): ECT1, (ECT1, ECT1): ECT1, (CE, ECT1): CE,
    (NOT_ECT, CE): CE, (ECT0, CE): CE, (ECT1, CE): CE, (CE, CE): CE,
}  # fmt: skip


@pytest.mark.parametrize("out, into", FAMILIES)
@pytest.mark.parametrize("flags", [0, ECN_OFF, DSCP_COPY, DSCP_COPY | ECN_OFF])
def test_ecn_decapsulation(v, out, into, flags):
    handle = v.sa_add(sa(IN, out, flags=flags))
    for number, ((outside, inside), result) in enumerate(DECAPSULATION.items(), 1):
        text = trailer(bytes(inner(into, tos=0x28 | inside)), {4: 4, 6: 41}[into])
        got = v.decrypt_one(outer(out, seal(number, text), tos=0xB8 | outside))
        if flags & ECN_OFF:
            result = inside
        if result is None:
            assert got.status == "ecn" and not got.data
            continue
        assert got.status == "ok"
        want = (0xB8 if flags & DSCP_COPY else 0x28) | result
        assert got.data == frame_of(inner(into, tos=want))
    assert v.sa_query(handle).drops == ({} if flags & ECN_OFF else {"ecn": 1})


# ---- RFC 3948 ----


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("ports", [(4500, 4500), (1024, 4500), (7, 40000)])
def test_udp(v, family, ports):
    handle = v.sa_add(sa(IN, family, flags=SA_UDP, sport=ports[0], dport=ports[1], replay_window=64))
    want = frame_of(inner(4))
    text = trailer(bytes(inner(4)), 4)

    def carried(payload, length=None, port=ports[1], checksum=0):
        head = struct.pack(">HHHH", 9, port, 8 + len(payload) if length is None else length, checksum)
        return outer(family, head + payload, **({"proto": 17} if family == 4 else {"nh": 17}))

    # The source port may be any (a NAT changes it), the checksum is not looked at (2.1).
    assert v.decrypt_one(carried(seal(1, text), checksum=0x1234))[:2] == ("ok", want)
    # What stands behind the UDP length is not the packet's.
    assert v.decrypt_one(carried(seal(2, text) + b"tail", 8 + len(seal(2, text))))[:2] == ("ok", want)
    for length in (0, 7, 9 + len(text) + 100):
        assert v.decrypt_one(carried(seal(3, text), length)).status == "udp_length"
    assert v.decrypt_one(carried(b"\xff")).status == "keepalive"
    assert v.decrypt_one(carried(b"\xfe")).status == "not_esp"
    assert v.decrypt_one(carried(b"\xff" * 7)).status == "not_esp"
    assert v.decrypt_one(carried(bytes(4) + seal(3, text)[4:])).status == "not_esp"  # IKE
    assert v.decrypt_one(carried(b"\xff" * 8)).status == "esp_length"
    assert v.decrypt_one(carried(seal(3, text), port=5)).status == "not_esp"
    # ESP alone is not the SA's, and ESP in UDP not that of an SA without.
    assert v.decrypt_one(outer(family, seal(3, text))).status == "encap"
    v.sa_add(sa(IN, family, spi=SPI + 1))
    assert v.decrypt_one(carried(seal(3, text, spi=SPI + 1))).status == "encap"
    assert v.decrypt_one(carried(seal(3, text)))[:2] == ("ok", want)
    assert v.sa_query(handle).drops == {"encap": 1}
    v.sa_del(handle)
    missed = v.decrypt_one(carried(seal(4, text))).status
    assert missed == ("no_sa" if ports[1] == 4500 else "not_esp")


def test_udp_fragment_passes(v):
    v.sa_add(sa(IN, flags=SA_UDP, sport=4500, dport=4500))
    frame = outer(4, seal(1, trailer(bytes(inner(4)), 4)), udp=(4500, 4500), flags="MF")
    assert v.decrypt_one(frame).status == "not_esp"


def test_ports_are_few(v):
    """Eight ports beside 4500."""
    handles = [v.sa_add(sa(IN, spi=SPI + n, flags=SA_UDP, sport=1, dport=5000 + n % 8)) for n in range(16)]
    v.sa_add(sa(IN, spi=SPI - 1, flags=SA_UDP, sport=1, dport=4500))
    with pytest.raises(AssertionError, match="ports"):
        v.sa_add(sa(IN, spi=SPI - 2, flags=SA_UDP, sport=1, dport=6000))
    v.sa_del(handles[0])
    with pytest.raises(AssertionError, match="ports"):
        v.sa_add(sa(IN, spi=SPI - 2, flags=SA_UDP, sport=1, dport=6000))
    v.sa_del(handles[8])
    v.sa_add(sa(IN, spi=SPI - 2, flags=SA_UDP, sport=1, dport=6000))


# ---- lengths ----


@pytest.mark.parametrize("case", range(12))
def test_too_big_says_what_fits(v, case):
    rnd = random.Random(case)
    kind = Kind(rnd)
    attributes = kind.ours(OUT)
    attributes.mtu = rnd.choice([0, 1280, 1400, 1499])
    attributes.tfc = rnd.choice([0, 1000, 9600]) if kind.mode == TUNNEL else 0
    handle = v.sa_add(attributes)
    limit = min(1500, attributes.mtu or 1500)
    family = kind.family if kind.mode == TRANSPORT else 4
    hosts = {"hosts": HOSTS} if kind.mode == TRANSPORT else {}

    def sized(total):
        base = len(packet(random.Random(case), family, size=0, extensions=False, **hosts))
        ip = packet(random.Random(case), family, size=total - base, extensions=False, **hosts)
        return ethernet(random.Random(case), ip)

    big = v.encrypt_one(sized(1500), handle)
    assert big.status == "too_big" and not big.data and 1100 < big.fits < limit
    assert v.encrypt_one(sized(big.fits + 1), handle).status == "too_big"
    fits = v.encrypt_one(sized(big.fits), handle)
    assert fits.status == "ok" and len(parse(fits.data)) <= limit
    assert len(parse(fits.data)) > limit - 4
    # TFC padding never goes beyond the MTU.
    assert len(parse(v.encrypt_one(sized(100), handle).data)) <= limit
    assert v.sa_query(handle).drops == {"too_big": 2} and v.sa_query(handle).packets == 2


def test_tags_do_not_count(v):
    """The MTU is the packet's."""
    handle = v.sa_add(sa(OUT))
    ip = inner(4, body=bytes(1500 - 62 - 28))
    assert v.encrypt_one(frame_of(ip), handle).status == "ok"
    tagged = bytes(Ether(type=0x88A8) / Raw(b"\0\1\x81\0\0\1\x08\0" + bytes(ip)))
    assert v.encrypt_one(tagged, handle).status == "ok"


# ---- numbers ----


@pytest.mark.parametrize("window", [0, 1, 2, 64, 100, 4096])
def test_extended_numbers(v, window):
    """RFC 4303 A2.1 over the edges of the 32-bit subspaces, against a plain model."""
    rnd = random.Random(window)
    top = start = (3 << 32) - 50
    handle = v.sa_add(sa(IN, flags=ESN, replay_window=window, seq=top))
    text, seen = trailer(bytes(inner(4)), 4), set()
    for _ in range(400):
        number = max(1, top + rnd.choice([1, 1, rnd.randrange(-70, 70), rnd.randrange(-5000, 5000)]))
        aad = struct.pack(">IQ", SPI, number)
        got = v.decrypt_one(outer(4, seal(number, text, aad=aad)))
        # An SA takes nothing up to the number with which it was installed.
        if window > 1 and (number in seen or number <= max(top - window, start)):
            # Far below the window, the number stands for one ahead of it, whose ICV it has not.
            assert got.status in ("replay", "icv")
            continue
        assert (got.status, got.seq) == ("ok", number)
        top = max(top, number)
        seen.add(number)
    assert v.sa_query(handle).seq == top


def test_numbers_end(v):
    handle = v.sa_add(sa(OUT, seq=0xFFFFFFFE))
    frame = frame_of(inner(4))
    assert v.encrypt_one(frame, handle).seq == 0xFFFFFFFF
    assert v.encrypt_one(frame, handle).status == "seq_exhausted"
    handle = v.sa_add(sa(OUT, spi=SPI + 1, seq=0xFFFFFFFE, flags=ESN))
    assert [v.encrypt_one(frame, handle).seq for _ in range(3)] == [0xFFFFFFFF, 1 << 32, (1 << 32) + 1]
    handle = v.sa_add(sa(OUT, spi=SPI + 2, seq=(1 << 64) - 2, flags=ESN))
    assert v.encrypt_one(frame, handle).seq == (1 << 64) - 1
    assert v.encrypt_one(frame, handle).status == "seq_exhausted"
    codes = [v.status_name(e.code) for e in v.events()]
    assert codes == ["seq_exhausted"] * 2


def test_lease(v):
    handle = v.sa_add(sa(OUT, lease_end=5, lease_warn=2))
    frame = frame_of(inner(4))
    states = [v.encrypt_one(frame, handle).status for _ in range(7)]
    assert states == ["ok"] * 5 + ["lease"] * 2
    assert [e.code for e in v.events()] == [EV_LEASE_LOW, 14, 14]
    v.sa_lease(handle, 8)
    assert [v.encrypt_one(frame, handle).seq for _ in range(4)] == [6, 7, 8, 0]
    assert [e.code for e in v.events()] == [EV_LEASE_LOW, 14]
    info = v.sa_query(handle)
    assert info.lease_end == 8 and info.drops == {"lease": 3} and info.packets == 8
    for bad in (7, 1 << 32):
        with pytest.raises(AssertionError, match="lease"):
            v.sa_lease(handle, bad)
    v.sa_lease(handle, 0)
    assert v.encrypt_one(frame, handle).seq == 9


@pytest.mark.parametrize("mode", [TUNNEL, TRANSPORT])
def test_lifetimes(v, mode):
    """Exact to the packet and the byte, both directions; each event comes once."""
    addresses = {"src": HOSTS[4][0], "dst": HOSTS[4][1]}
    ip = IP(**addresses) / inner(4).payload
    size = len(ip) - (20 if mode == TRANSPORT else 0)
    limits = {"soft_packets": 2, "hard_packets": 4, "soft_bytes": 3 * size, "hard_bytes": 5 * size - 1}
    out = v.sa_add(sa(OUT, mode=mode, **limits))
    seen = []
    for want in ["ok"] * 4 + ["lifetime"] * 2:
        assert v.encrypt_one(frame_of(ip), out).status == want
        seen.append([e.code for e in v.events()])
    assert seen == [[], [EV_SOFT_PACKETS], [EV_SOFT_BYTES], [EV_EXPIRED], [15], [15]]
    assert v.sa_query(out).seq == 4 and v.sa_query(out).bytes == 4 * size
    limits["hard_packets"] = 0
    back = v.sa_add(sa(IN, mode=mode, replay_window=64, **limits))
    v.sa_del(out)
    out = v.sa_add(
        sa(
            OUT,
            mode=mode,
        )
    )
    frames = [v.encrypt_one(frame_of(ip), out).data for _ in range(6)]
    # The fifth would exceed the bytes by one; a smaller one still fits.
    small = IP(**addresses) / Raw(b"x")
    small = v.encrypt_one(frame_of(small), out).data
    states = [v.decrypt_one(f).status for f in (*frames[:5], small, frames[5], frames[4])]
    assert states == ["ok"] * 4 + ["lifetime", "ok", "lifetime", "replay"]
    codes = [e.code for e in v.events()]
    assert codes == [EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED, 15, 15, 22]
    assert v.sa_query(back).drops == {"lifetime": 2, "replay": 1}


# ---- in place ----


@pytest.mark.parametrize("alg", [GCM, GMAC])
@pytest.mark.parametrize("esn", [False, True])
@pytest.mark.parametrize("family, udp", [(4, None), (6, None), (4, (4500, 4500)), (6, (9, 9999))])
def test_inplace(v, alg, esn, family, udp):
    flags = INPLACE_SA | (ESN if esn else 0) | (SA_UDP if udp else 0)
    ports = {"sport": udp[0], "dport": udp[1]} if udp else {}
    out = v.sa_add(sa(OUT, family, flags=flags, alg=alg, seq=40, **ports))
    back = v.sa_add(sa(IN, family, flags=flags, alg=alg, seq=(7 << 32) if esn else 0, **ports))
    number = (7 << 32 | 1000) if esn else 1000
    text = trailer(bytes(inner(4)), 4)
    built = outer(family, struct.pack(">II", SPI, 1000) + bytes(8) + text + bytes(16), udp=udp)
    got = v.encrypt_one(built, out, INPLACE, number >> 32)
    at = l2_len(built) + {4: 20, 6: 40}[family] + (8 if udp else 0)
    assert (got.status, got.seq, len(got.data)) == ("ok", number, len(built))
    # Nothing before the IV changed; the IV is the SA's counter, not the frame's number.
    assert got.data[: at + 8] == built[: at + 8]
    iv = got.data[at + 8 : at + 16]
    assert iv == struct.pack(">Q", 41)
    aad = struct.pack(">IQ" if esn else ">II", SPI, number)
    sealed = got.data[at + 16 :]
    if alg == GCM:
        assert AESGCM(KEY[:-4]).decrypt(KEY[-4:] + iv, sealed, aad) == text
    else:
        assert sealed[:-16] == text
        AESGCM(KEY[:-4]).decrypt(KEY[-4:] + iv, sealed[-16:], aad + iv + text)
    # And back: unstripped, without the ICV, Ethernet's padding gone.
    opened = v.decrypt_one(got.data + b"pad")
    assert (opened.status, opened.inplace, opened.esp, opened.seq) == ("ok", True, True, number)
    assert opened.data == got.data[: at + 16] + text + bytes(16 + 3) and opened.sa == back
    forged = got.data[:-1] + bytes([got.data[-1] ^ 1])
    bad = v.decrypt_one(forged)
    assert (bad.status, bad.inplace, bad.esp, bad.seq, bad.sa) == ("icv", True, False, 0, back)
    assert bad.data == got.data[: at + 16] + bytes(len(got.data) - at - 16)
    assert v.sa_query(out).bytes == v.sa_query(back).bytes == len(text)
    # What is not the SA's.
    assert v.encrypt_one(built, out, ENCRYPT).status == "sa_kind"
    other = v.sa_add(sa(OUT, family, spi=SPI + 5))
    assert v.encrypt_one(built, other, INPLACE).status == "sa_kind"
    changed = bytearray(built)
    changed[at] ^= 1
    assert v.encrypt_one(bytes(changed), out, INPLACE).status == "spi"
    assert v.encrypt_one(frame_of(inner(4)), out, INPLACE).status == ("spi" if udp else "not_esp")
    assert v.encrypt_one(frame_of(inner(4, upper=TCP())), out, INPLACE).status == "not_esp"
    wrong = outer(family, struct.pack(">II", SPI, 1000) + bytes(8), udp=None if udp else (4500, 4500))
    assert v.encrypt_one(wrong, out, INPLACE).status == "not_esp"
    short = outer(family, struct.pack(">II", SPI, 1000) + bytes(24), udp=udp)
    assert v.encrypt_one(short, out, INPLACE).status == "esp_length"
    drops = v.sa_query(out).drops
    assert drops == {"kind": 5, "esp_length": 1}
    assert v.sa_query(out).seq == 41


def test_implicit_iv(v):
    """RFC 8750: the IV is the number, and is not sent."""
    rnd = random.Random(1)
    for esn, family in itertools.product((0, ESN), (4, 6)):
        spi = SPI + 4 * bool(esn) + family
        out = v.sa_add(sa(OUT, family, spi=spi, flags=IIV | esn, seq=(5 << 32) if esn else 9))
        back = v.sa_add(sa(IN, family, spi=spi, flags=IIV | esn, seq=(5 << 32) if esn else 9))
        ip = packet(rnd, 4)
        got = v.encrypt_one(frame_of(ip), out)
        raw = bytes(parse(got.data))[{4: 20, 6: 40}[family] :]
        aad = struct.pack(">IQ" if esn else ">II", spi, got.seq)
        text = AESGCM(KEY[:-4]).decrypt(KEY[-4:] + struct.pack(">Q", got.seq), raw[8:], aad)
        assert text == trailer(bytes(ip), 4)
        assert v.decrypt_one(got.data).data == frame_of(ip)
        assert v.sa_query(back).packets == 1


# ---- selectors ----

SELECTORS = [
    ({}, True),
    ({"src": "10.0.0.0/8"}, True),
    ({"src": "10.1.2.3/32", "dst": "10.4.5.6/32"}, True),
    ({"src": "10.1.2.2/31", "dst": "10.4.0.0/15"}, True),
    ({"src": "11.0.0.0/8"}, False),
    ({"src": "10.0.0.0/8", "dst": "10.4.5.7/32"}, False),
    ({"src": "fd00::/16"}, False),
    ({"proto": 17}, True),
    ({"proto": 6}, False),
    ({"sports": (1000, 1000), "dports": (1999, 2001)}, True),
    ({"sports": (1001, 65535)}, False),
    ({"dports": (0, 1999)}, False),
]


@pytest.mark.parametrize("mode", [TUNNEL, TRANSPORT])
@pytest.mark.parametrize("fields, good", SELECTORS)
def test_selector(v, mode, fields, good):
    if mode == TRANSPORT:
        prefixes = {"src": "192.0.2.1/32" if good else "192.0.2.3/32"}
        fields = {k: prefixes["src"] if k in ("src", "dst") else x for k, x in fields.items() if k != "dst"}
    handle = v.sa_add(sa(IN, mode=mode, flags=SELECTOR, sel=make_selector(**fields)))
    ip = inner(4) if mode == TUNNEL else IP(src="192.0.2.1", dst="192.0.2.2") / inner(4).payload
    text = trailer(bytes(ip if mode == TUNNEL else ip.payload), 4 if mode == TUNNEL else 17)
    got = v.decrypt_one(outer(4, seal(1, text)))
    assert got.status == ("ok" if good else "selector")
    assert v.sa_query(handle).drops == ({} if good else {"selector": 1})
    assert [e.code for e in v.events()] == ([] if good else [29])


def test_selector_behind_extension_headers(v):
    """Two are read, within the first 64 bytes; what is not found matches only what asks for any."""
    pad = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
    dest = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    long = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(20))])
    udp = UDP(sport=1000, dport=2000)
    any_ports = make_selector(proto=17)
    ports = make_selector(proto=17, dports=(2000, 2000))
    icmp = make_selector(proto=58, sports=(128, 128), dports=(0, 0))
    cases = [
        (pad / udp, any_ports, True),
        (pad / dest / udp, ports, True),
        (pad / dest / dest / udp, ports, False),
        (pad / dest / dest / udp, any_ports, False),
        (pad / dest / dest / udp, make_selector(), True),
        (long / udp, any_ports, True),
        (long / udp, ports, False),
        (IPv6ExtHdrFragment(offset=0, m=1, id=1) / udp, ports, True),
        (IPv6ExtHdrFragment(offset=8, m=0, id=1, nh=17) / Raw(bytes(udp)), ports, False),
        (IPv6ExtHdrFragment(offset=8, m=0, id=1, nh=17) / Raw(bytes(udp)), any_ports, True),
        (Raw(bytes([128, 0, 1, 2])), icmp, True),
        (Raw(bytes([129, 0, 1, 2])), icmp, False),
    ]
    for number, (upper, selector, good) in enumerate(cases, 1):
        handle = v.sa_add(sa(IN, flags=SELECTOR, sel=selector))
        ip = IPv6(src="fd00::1", dst="fd00::2", **({"nh": 58} if number > 10 else {})) / upper
        got = v.decrypt_one(outer(4, seal(1, trailer(bytes(ip), 41))))
        assert got.status == ("ok" if good else "selector"), number
        v.sa_del(handle)


# ---- extension headers outbound ----


def test_extension_headers(v):
    """ESP goes before the first header that is not walked (transport)."""
    handle = v.sa_add(sa(OUT, 6, TRANSPORT))
    hop = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
    dest = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
    routing = IPv6ExtHdrRouting(type=2, segleft=0, addresses=["fd00::9"])
    whole = IPv6ExtHdrFragment(offset=0, m=0, id=1)
    part = IPv6ExtHdrFragment(offset=0, m=1, id=1)
    cases = [
        ([], 0),
        ([hop], 8),
        ([hop, dest], 16),
        ([hop, dest, routing], 40),
        ([hop, routing, dest], 32),  # as in Linux
        ([dest, whole], 16),
        ([hop, dest, dest, dest], 32),
        ([hop, dest, dest, dest, dest], "ext_header"),
        ([hop, part], "fragment"),
        ([part, whole], "fragment"),
    ]
    for headers, want in cases:
        ip = IPv6(src=HOSTS[6][0], dst=HOSTS[6][1])
        for header in headers:
            ip /= header
        got = v.encrypt_one(frame_of(ip / UDP() / Raw(b"x" * 9)), handle)
        if isinstance(want, str):
            assert got.status == want, headers
            continue
        assert got.status == "ok", headers
        assert got.data[14 + 40 + want :][:4] == SPI.to_bytes(4)
    # They must end within the first 104 bytes of the frame.
    for more, good in ((44, True), (52, False)):
        filler = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(more))])
        got = v.encrypt_one(frame_of(IPv6(src=HOSTS[6][0], dst=HOSTS[6][1]) / filler / UDP()), handle)
        assert got.status == ("ok" if good else "ext_header"), more


# ---- policies ----


def policy(action, priority=0, src=None, dst=None, sa=0, proto=0, sport=None, dport=None, family=4):
    selector = make_selector(src, dst)
    p = Policy(src=selector.src, dst=selector.dst, src_len=selector.src_len, dst_len=selector.dst_len)
    p.family, p.proto, p.action, p.priority, p.sa = family, proto, action, priority, sa
    for name, port in (("sport", sport), ("dport", dport)):
        if port:
            put(getattr(p, name), struct.pack(">H", port[0]))
            put(getattr(p, f"{name}_mask"), struct.pack(">H", port[1]))
    return p


def test_policies(v):
    out = v.sa_add(sa(OUT))
    frame = frame_of(inner(4))

    def ask(frame=frame):
        got = v.encrypt_one(frame, 0, POLICY)
        assert got.esp == (got.status == "ok" and got.sa == out)
        return got.status, got.sa

    assert ask() == ("no_policy", 0)
    lowest = v.policy_add(policy(DISCARD, 100))
    assert ask() == ("discard", 0)
    net = v.policy_add(policy(PROTECT, 50, "10.0.0.0/8", "10.4.0.0/16", out))
    assert ask() == ("ok", out)
    host = v.policy_add(policy(BYPASS, 10, "10.1.2.3/32", proto=17, dport=(0x0700, 0xFF00)))
    assert ask() == ("ok", 0)
    assert v.encrypt_one(frame, 0, POLICY).data == frame
    # A fragment behind the first has no ports.
    assert ask(frame_of(inner(4, frag=5))) == ("ok", out)
    assert ask(frame_of(inner(4, upper=TCP(sport=1, dport=2000)))) == ("ok", out)
    v.policy_del(host)
    assert ask() == ("ok", out)
    v.policy_add(policy(DISCARD, 5, proto=1, sport=(0x0800, 0xFF00)))
    assert ask(frame_of(inner(4, upper=ICMP(type=8)))) == ("discard", 0)
    assert ask(frame_of(inner(4, upper=ICMP(type=0)))) == ("ok", out)
    assert ask(frame_of(inner(6))) == ("no_policy", 0)
    v.policy_del(net)
    v.policy_del(lowest)
    assert ask() == ("no_policy", 0)
    with pytest.raises(AssertionError, match="sa = "):
        v.policy_add(policy(PROTECT, 1, sa=out + 1))
    with Vesper(mtu=1514, policy_bypass=1) as bypassing:
        assert bypassing.encrypt_one(frame, 0, POLICY)[:4] == ("ok", frame, 0, False)
        big = frame_of(inner(4, body=bytes(1473)))
        got = bypassing.encrypt_one(big, 0, POLICY)
        assert (got.status, got.fits) == ("too_big", 1500)


# ---- events ----


def test_events_say_what_rfc_4303_asks(v):
    v.sa_add(sa(IN, 6, replay_window=64))
    text = trailer(bytes(inner(4)), 4)
    good = outer(6, seal(3, text), fl=0x12345)
    v.decrypt_one(good)
    v.decrypt_one(good)
    (event,) = v.events()
    assert v.status_name(event.code) == "replay" and event.flags == 6
    assert bytes(event.src) + bytes(event.dst) == bytes(IPv6(src=HOSTS[6][0], dst=HOSTS[6][1]))[8:40]
    assert (event.seq, bytes(event.spi), event.flow_label) == (3, SPI.to_bytes(4), 0x12345)
    v.decrypt_one(outer(4, seal(9, text, spi=0x777), frag=3))
    v.decrypt_one(outer(4, seal(9, text, spi=0x777)))
    fragment, miss = v.events()
    assert v.status_name(fragment.code) == "fragment" and fragment.seq == 0
    assert v.status_name(miss.code) == "no_sa" and miss.sa == 0 and bytes(miss.spi) == b"\0\0\x07\x77"
    assert bytes(miss.src)[:4] == bytes([192, 0, 2, 1]) and not any(bytes(miss.src)[4:])
    assert miss.time >= fragment.time >= event.time


def test_events_are_limited(v):
    frame = outer(4, seal(9, bytes(32), spi=0x777))
    for _ in range(500):
        v.decrypt_one(frame)
    events = v.events()
    assert 16 <= len(events) < 400
    for _ in range(3):
        v.decrypt_one(outer(4, seal(9, bytes(32), spi=0x777), frag=1))
    assert len(v.events(5)) >= 3
    v.lib.vesper_events(v.handle, (type(events[0]) * 1)(), 1, 20)
    v.decrypt_one(frame)
    last = v.events()
    told = sum(e.suppressed for e in events + last if v.status_name(e.code) == "no_sa")
    assert told + len([e for e in events + last if v.status_name(e.code) == "no_sa"]) == 501
