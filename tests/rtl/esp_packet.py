# SPDX-License-Identifier: BSD-2-Clause
"""Frames as docs/esp.md reads them, and random ones to be read: Ethernet with tags, IPv4, IPv6, extension headers."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

_ABI = (Path(__file__).resolve().parents[2] / "driver/abi/vesper_abi.h").read_text()


def _codes(prefix):
    return {n: int(v) for n, v in re.findall(rf"\bVESPER_{prefix}_(\w+)\s*=?\s*(\d+)\b", _ABI)}


ST = _codes("ST")  # status codes by name
OP = _codes("OP")
SAD = _codes("SAD")
SAF = {n: 1 << int(v) for n, v in re.findall(r"VESPER_SAF_(\w+)[ \t\\\n]+\(1u << (\d+)\)", _ABI)}
PLAIN, ENCRYPT, DECRYPT = OP["PLAIN"], OP["ENCRYPT"], OP["DECRYPT"]

HOP, ROUTING, FRAGMENT, OPTIONS = 0, 43, 44, 60
IPIP, TCP, UDP, IP6, ESP, NONE = 4, 6, 17, 41, 50, 59
WITH_PORTS = (6, 17, 33, 132, 136)
WITH_TYPE = (1, 58)
OPAQUE = 253  # a protocol (RFC 3692) of which scapy takes nothing apart
LAST_END = 104  # bytes of a frame behind which no extension header may end

MACS = bytes.fromhex("020000000002020000000001")
ETH = MACS + b"\x08\x00"
ETH6 = MACS + b"\x86\xdd"


def be(value, length):
    return value.to_bytes(length, "big")


def number(data):
    return int.from_bytes(data, "big")


def ip_sum(header):
    """One's complement sum of 16-bit words, not inverted (RFC 1071)."""
    total = sum(number(header[i : i + 2]) for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_checksum(header):
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + be(ip_sum(header) ^ 0xFFFF, 2) + header[12:]


# ---- building


def packet(length, options=0, proto=OPAQUE, fragment=0, ident=None, tos=None, payload=None):
    """An IPv4 packet of `length` bytes with random contents; options in words of 4 bytes."""
    ident = random.getrandbits(16) if ident is None else ident
    tos = random.getrandbits(8) if tos is None else tos
    header = bytes([0x45 + options, tos]) + be(length, 2) + be(ident, 2) + be(fragment, 2)
    header += bytes([random.randint(1, 255), proto, 0, 0]) + random.randbytes(8)
    header += bytes([1] * (4 * options))  # options: no operation
    return with_checksum(header) + (payload or random.randbytes(length - len(header)))


def extension(kind, words, following, offset=0, more=0):
    """An IPv6 extension header of 8 * words bytes (fragment: 8)."""
    if kind == FRAGMENT:
        return bytes([following, 0]) + be(offset << 3 | more, 2) + random.randbytes(4)
    body = b"\x01" + bytes([8 * words - 4]) + bytes(8 * words - 4)  # PadN
    if kind == ROUTING:
        body = b"\x04\0" + bytes(8 * words - 4)  # no segments left
    return bytes([following, words - 1]) + body


def packet6(length, chain=(), proto=OPAQUE, tos=None, flow=None, payload=None):
    """An IPv6 packet of `length` bytes; chain: (kind, words) or (FRAGMENT, offset, more) each."""
    tos = random.getrandbits(8) if tos is None else tos
    flow = random.getrandbits(20) if flow is None else flow
    kinds = [c[0] for c in chain] + [proto]
    body = b""
    for entry, following in zip(chain, kinds[1:], strict=True):
        more = entry[1:] if entry[0] == FRAGMENT else ()
        body += extension(entry[0], 1 if more else entry[1], following, *more)
    header = (
        be(6 << 28 | tos << 20 | flow, 4) + be(length - 40, 2) + bytes([kinds[0], random.randint(1, 255)])
    )
    addresses = b"\x20\x01\x0d\xb8" + random.randbytes(12) + b"\x20\x01\x0d\xb8" + random.randbytes(12)
    head = header + addresses + body
    assert len(head) <= length
    return head + (payload if payload is not None else random.randbytes(length - len(head)))


def ethernet(ip, tags=0, pad=True):
    """A frame as a host's stack sends it: with tags, and at least 60 bytes."""
    kinds = [be(random.choice([0x8100, 0x88A8]), 2) + random.randbytes(2) for _ in range(tags)]
    frame = MACS + b"".join(kinds) + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip
    return frame.ljust(60 if pad else 0, b"\xee")


# ---- reading


@dataclass
class Info:
    """What is read of a frame. Lengths and offsets in bytes; addresses and ports are byte strings."""

    status: str = "OK"
    l2: int = 14
    ipv6: bool = False
    hdr: int = 0  # IP header with the extension headers that were walked
    total: int = 0  # IP packet
    proto: int = 0
    proto_at: int = 0  # in the frame: the field that holds proto
    upper: bool = True  # proto is the upper layer's
    fragment: bool = False
    later: bool = False  # a fragment other than the first
    df: bool = False
    tos: int = 0
    flow: int = 0
    src: bytes = b""
    dst: bytes = b""
    ports: tuple = None

    @property
    def esp_at(self):
        return self.l2 + self.hdr


def l2_bytes(frame):
    """Ethernet header with up to two tags."""
    at = 12
    while at < 20 and number(frame[at : at + 2]) in (0x8100, 0x88A8):
        at += 4
    return at + 2


def parse(frame, outbound=True):
    """Reads `frame` by the section "Reading a frame"; outbound: destination options stop behind a routing header."""
    info = Info(l2=l2_bytes(frame))
    kind = number(frame[info.l2 - 2 : info.l2])
    info.ipv6 = kind == 0x86DD
    if kind not in (0x0800, 0x86DD) or len(frame) < info.l2:
        info.status = "NOT_IP"
        return info
    ip = frame[info.l2 :]
    info.status = _parse6(info, ip, outbound) if info.ipv6 else _parse4(info, ip)
    if info.status == "OK":
        _ports(info, ip)
    return info


def _parse4(info, ip):
    if len(ip) < 20:
        return "TRUNCATED"
    info.hdr, info.total, info.tos = 4 * (ip[0] & 15), number(ip[2:4]), ip[1]
    if ip[0] >> 4 != 4 or info.hdr < 20 or info.total < info.hdr:
        return "IP_HEADER"
    if info.total > len(ip):
        return "TRUNCATED"
    if ip_sum(ip[: info.hdr]) != 0xFFFF:
        return "IP_CHECKSUM"
    word = number(ip[6:8])
    info.df, info.fragment, info.later = bool(word & 0x4000), bool(word & 0x3FFF), bool(word & 0x1FFF)
    info.proto, info.proto_at = ip[9], info.l2 + 9
    info.src, info.dst = ip[12:16], ip[16:20]
    return "OK"


def _parse6(info, ip, outbound):
    if len(ip) < 40:
        return "TRUNCATED"
    if ip[0] >> 4 != 6:
        return "IP_HEADER"
    info.total = 40 + number(ip[4:6])
    if info.total > len(ip):
        return "TRUNCATED"
    word = number(ip[:4])
    info.tos, info.flow, info.src, info.dst = word >> 20 & 0xFF, word & 0xFFFFF, ip[8:24], ip[24:40]
    at, field, walked, routing = 40, 6, 0, False
    while True:
        kind = ip[field]
        if kind not in (HOP, ROUTING, FRAGMENT, OPTIONS) or info.later:
            break
        if kind == OPTIONS and routing and outbound:
            break
        if walked == 4:
            return "EXT_HEADER"
        if at + 8 > info.total or info.l2 + at + 8 > LAST_END:
            return "EXT_HEADER"
        if kind == FRAGMENT:
            length, offset = 8, number(ip[at + 2 : at + 4])
            info.fragment |= bool(offset & 0xFFF9)
            info.later |= bool(offset & 0xFFF8)
        else:
            length = 8 * (ip[at + 1] + 1)
        if at + length > info.total or info.l2 + at + length > LAST_END:
            return "EXT_HEADER"
        routing |= kind == ROUTING
        field, at, walked = at, at + length, walked + 1
    info.hdr, info.proto, info.proto_at = at, ip[field], info.l2 + field
    info.upper = info.proto not in (HOP, ROUTING, FRAGMENT, OPTIONS)
    return "OK"


def _ports(info, ip):
    at = info.hdr
    if info.later or not info.upper:
        return
    if info.proto in WITH_PORTS and at + 4 <= info.total:
        info.ports = ip[at : at + 2], ip[at + 2 : at + 4]
    elif info.proto in WITH_TYPE and at + 2 <= info.total:
        info.ports = ip[at : at + 1], ip[at + 1 : at + 2]
