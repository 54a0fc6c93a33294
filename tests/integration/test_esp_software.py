# SPDX-License-Identifier: BSD-2-Clause
"""ESP in software against scapy: random SAs of every kind, both directions."""

import os
import random

import pytest
from esp_software import HOSTS, Kind, ethernet, l2_len, packet, parse
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP
from scapy.packet import Raw
from vesper_lib import (
    DF,
    DF_COPY,
    DSCP_COPY,
    DSCP_MAP,
    DUMMY,
    ECN_OFF,
    FLOW_COPY,
    GCM,
    IN,
    OUT,
    TRANSPORT,
    TUNNEL,
    Vesper,
)

SEED = int(os.environ.get("VESPER_SEED", random.randrange(1 << 32)))
MAP = [(5 * n + 3) % 64 for n in range(64)]


@pytest.fixture
def v():
    with Vesper() as handle:
        handle.dscp_map(MAP)
        yield handle


def tos_of(ip):
    return ip.tos if ip.version == 4 else ip.tc


def expect_outer(kind, inner, outer, number):
    """The table of docs/esp.md."""
    dscp = kind.tos >> 2
    if kind.flags & DSCP_COPY:
        dscp = tos_of(inner) >> 2
    if kind.flags & DSCP_MAP:
        dscp = MAP[tos_of(inner) >> 2]
    assert tos_of(outer) == dscp << 2 | (0 if kind.flags & ECN_OFF else tos_of(inner) & 3)
    assert (outer.src, outer.dst) == HOSTS[kind.family]
    if kind.family == 4:
        assert outer.ttl == kind.ttl and outer.id == number & 0xFFFF and outer.ihl == 5
        df = bool(kind.flags & DF)
        if kind.flags & DF_COPY:
            df = inner.version == 6 or bool(inner.flags.DF)
        assert bool(outer.flags.DF) == df and not outer.flags.MF and outer.frag == 0
    else:
        assert outer.hlim == kind.ttl
        copied = kind.flags & FLOW_COPY and inner.version == 6
        assert outer.fl == (inner.fl if copied else kind.flow)


def expect_udp(kind, ip):
    udp = ip.payload
    assert (udp.sport, udp.dport, udp.chksum) == (*kind.udp, 0)
    assert udp.len == len(udp)


@pytest.mark.parametrize("case", range(40))
def test_scapy_opens_ours(v, case):
    rnd = random.Random(f"out {SEED} {case}")
    kind = Kind(rnd)
    kind.icv = 16  # scapy knows no other
    print(f"VESPER_SEED={SEED}: {kind}")
    handle = v.sa_add(kind.ours(OUT))
    for n in range(1, 8):
        transport = kind.mode == TRANSPORT
        family = kind.family if transport else rnd.choice([4, 6])
        inner = packet(rnd, family, **({"hosts": HOSTS} if transport else {}))
        frame = ethernet(rnd, inner)
        got = v.encrypt_one(frame + bytes(rnd.choice([0, 0, 9])), handle)
        assert got.status == "ok" and got.esp and got.seq == kind.seq + n
        assert got.data[: l2_len(frame) - 2] == frame[: l2_len(frame) - 2]
        outer = parse(got.data)
        assert bytes(outer.__class__(bytes(outer))) == got.data[l2_len(got.data) :]
        if kind.family == 4:
            sound = IP(bytes(outer))
            del sound.chksum
            assert IP(bytes(sound)).chksum == outer.chksum
        if kind.mode == TUNNEL:
            expect_outer(kind, inner, outer, got.seq)
        if kind.udp:
            carrier = outer
            while carrier.payload.name not in ("UDP",):
                carrier = carrier.payload
            expect_udp(kind, carrier)
        raw = bytes(outer)
        at = raw.index(kind.spi.to_bytes(4) + (got.seq & 0xFFFFFFFF).to_bytes(4))
        next_header, text = opened(kind, raw[at:], got.seq)
        if kind.mode == TUNNEL:
            assert next_header == {4: 4, 6: 41}[inner.version] and text[: len(inner)] == bytes(inner)
            # What is left is TFC padding: zeros, where asked for.
            left = text[len(inner) :]
            assert len(left) == max(0, kind.tfc - len(inner)) and not any(left)
        else:
            head = at - (8 if kind.udp else 0)
            assert text == bytes(inner)[head:]
            expect_same_header(raw[:head], bytes(inner)[:head], next_header)


def opened(kind, esp, number):
    """(next header, plaintext) of the bytes of an ESP packet, by scapy."""
    carrier = IP(bytes(IP(src="1.2.3.4", dst="5.6.7.8", proto=50) / Raw(esp)))
    kind.mode, mode = TRANSPORT, kind.mode
    kind.udp, udp = None, kind.udp
    plain = kind.scapy(number).decrypt(carrier, esn=number >> 32)
    kind.mode, kind.udp = mode, udp
    return plain.proto, bytes(plain)[20:]


def expect_same_header(sent, given, proto):
    """A transport packet's header differs in length, checksum, and the last protocol, which was `proto`."""
    changed = {i for i, (a, b) in enumerate(zip(sent, given, strict=True)) if a != b}
    if sent[0] >> 4 == 4:
        assert given[9] == proto and changed <= {2, 3, 9, 10, 11}
        return
    at, here = 6, 40
    while here < len(given):
        at, here = here, here + 8 * (given[here + 1] + 1)
    assert here == len(given) and given[at] == proto and changed <= {4, 5, at}


@pytest.mark.parametrize("case", range(40))
def test_we_open_scapys(v, case):
    rnd = random.Random(f"in {SEED} {case}")
    kind = Kind(rnd)
    kind.icv = 16  # scapy knows no other
    kind.flags &= ~DSCP_COPY
    print(f"VESPER_SEED={SEED}: {kind}")
    handle = v.sa_add(kind.ours(IN, replay_window=rnd.choice([0, 1, 32, 64, 4096])))
    numbers = list(range(kind.seq + 1, kind.seq + 10))
    rnd.shuffle(numbers)
    for number in numbers:
        transport = kind.mode == TRANSPORT
        family = kind.family if transport else rnd.choice([4, 6])
        inner = packet(rnd, family, extensions=False, **({"hosts": HOSTS} if transport else {}))
        outer = {"tos": 0} if kind.family == 4 else {"tc": 0}
        sealed = kind.scapy(number, **(outer if not transport else {})).encrypt(
            inner.copy(), seq_num=number & 0xFFFFFFFF, esn=number >> 32
        )
        frame = ethernet(rnd, sealed)
        got = v.decrypt_one(frame)
        assert got.status == "ok" and got.esp and got.seq == number and got.sa == handle
        want = bytes(inner)
        assert got.data[l2_len(got.data) :] == want
        assert got.data[: l2_len(got.data) - 2] == frame[: l2_len(frame) - 2]
    info = v.sa_query(handle)
    assert info.packets == len(numbers) and info.seq == max(numbers) and not info.drops


@pytest.mark.parametrize("case", range(15))
def test_there_and_back(v, case):
    """What one handle sends another receives; dummies are discarded; forgeries and replays are counted."""
    rnd = random.Random(f"both {SEED} {case}")
    kind = Kind(rnd)
    print(f"VESPER_SEED={SEED}: {kind}")
    kind.flags &= ~(DSCP_COPY | DSCP_MAP)
    out, back = v.sa_add(kind.ours(OUT)), v.sa_add(kind.ours(IN, replay_window=128))
    wire = []
    for _ in range(10):
        family = kind.family if kind.mode == TRANSPORT else rnd.choice([4, 6])
        hosts = {"hosts": HOSTS} if kind.mode == TRANSPORT else {}
        frame = ethernet(rnd, packet(rnd, family, **hosts))
        sent = v.encrypt_one(frame, out)
        wire.append(sent.data)
        got = v.decrypt_one(sent.data)
        assert (got.status, got.data, got.seq) == ("ok", frame, sent.seq)
    dummy = v.encrypt_one(frame, out, op=DUMMY)
    assert dummy.status == "ok" and v.decrypt_one(dummy.data).status == "dummy"
    for frame in wire:
        assert v.decrypt_one(frame).status == "replay"
    sent = bytearray(v.encrypt_one(ethernet(rnd, packet(rnd, family, **hosts)), out).data)
    sent[-1 - rnd.randrange(kind.icv)] ^= 1 << rnd.randrange(8)
    assert v.decrypt_one(bytes(sent)).status == "icv"
    assert v.sa_query(back).drops == {"dummy": 1, "replay": len(wire), "icv": 1}
    assert v.sa_query(out).packets == 12 and v.sa_query(back).packets == 10


@pytest.mark.parametrize("icv", [8, 12])
def test_short_icv(v, icv):
    """The short ICV is the long one's beginning (RFC 4106 6)."""
    rnd = random.Random(f"icv {SEED} {icv}")
    kind = Kind(rnd)
    print(f"VESPER_SEED={SEED}: {kind}")
    kind.alg, kind.tfc, kind.mode, kind.family = GCM, 0, TUNNEL, 6
    kind.flags &= ~(DF | DF_COPY)
    frames = [ethernet(rnd, packet(rnd, 6)) for _ in range(10)]
    sent = []
    for kind.icv in (16, icv):
        handle = v.sa_add(kind.ours(OUT))
        sent.append([v.encrypt_one(frame, handle).data for frame in frames])
        v.sa_del(handle)
    handle = v.sa_add(kind.ours(IN))
    for long, short, frame in zip(*sent, frames, strict=True):
        assert len(long) == len(short) + 16 - icv
        # The outer lengths differ; behind them only the ICV's end does.
        assert long[l2_len(long) + 48 : icv - 16] == short[l2_len(short) + 48 :]
        assert v.decrypt_one(short).data == frame


def test_spi_and_esp_are_there(v):
    """A plain look at the frame, without a library that shares our view of the format."""
    rnd = random.Random(1)
    kind = Kind(rnd)
    kind.udp, kind.flags, kind.mode, kind.family, kind.esn, kind.seq = None, 0, TUNNEL, 4, False, 0
    kind.tfc = kind.flow = 0
    handle = v.sa_add(kind.ours(OUT))
    got = v.encrypt_one(ethernet(rnd, packet(rnd, 4)), handle)
    esp = parse(got.data)[ESP]
    assert esp.spi == kind.spi and esp.seq == 1
