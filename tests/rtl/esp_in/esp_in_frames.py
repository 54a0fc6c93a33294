# SPDX-License-Identifier: BSD-2-Clause
"""ESP frames: by scapy where they are as they should be, by hand where they are not."""

from esp_in_model import Sa, Selector
from esp_packet import ESP, ETH, ETH6, FRAGMENT, HOP, OPTIONS, ROUTING, SAF, UDP, be, extension, with_checksum
from scapy.layers.inet import IP
from scapy.layers.inet import UDP as ScapyUDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP as ScapyESP
from scapy.layers.ipsec import SecurityAssociation

PORTS = (4500, 40000)  # where the card looks for ESP; the first eight of the tests' settings


def trailer(size, next_header, extra=0):
    """Padding, pad length, next header behind `size` bytes; `extra` words of 4 more than needed."""
    pad = -(size + 2) % 4 + 4 * extra
    return bytes(i & 255 for i in range(1, pad + 1)) + bytes([pad, next_header])


def ip4(rng, body, proto, src=None, dst=None, options=0, fragment=0, ident=None, ttl=None, tos=None):
    """An IPv4 packet around `body`; options in words of 4 bytes."""
    ident = rng.randrange(65536) if ident is None else ident
    tos = rng.randrange(256) if tos is None else tos
    head = bytes([0x45 + options, tos]) + be(20 + 4 * options + len(body), 2) + be(ident, 2) + be(fragment, 2)
    head += bytes([rng.randrange(1, 256) if ttl is None else ttl, proto, 0, 0])
    head += (src or rng.randbytes(4)) + (dst or rng.randbytes(4)) + bytes([1] * (4 * options))
    return with_checksum(head) + body


def ip6(rng, body, proto, src=None, dst=None, chain=(), tos=None, flow=None):
    """An IPv6 packet; chain: (kind, words of 8 bytes), or (FRAGMENT, offset, more)."""
    kinds = [c[0] for c in chain] + [proto]
    extensions = b""
    for entry, following in zip(chain, kinds[1:], strict=True):
        more = entry[1:] if entry[0] == FRAGMENT else ()
        extensions += extension(entry[0], 1 if more else entry[1], following, *more)
    tos = rng.randrange(256) if tos is None else tos
    flow = rng.randrange(1 << 20) if flow is None else flow
    head = be(6 << 28 | tos << 20 | flow, 4) + be(len(extensions) + len(body), 2) + bytes([kinds[0], 64])
    return head + (src or rng.randbytes(16)) + (dst or rng.randbytes(16)) + extensions + body


def ip(rng, ipv6, body, proto, **header):
    return (ip6 if ipv6 else ip4)(rng, body, proto, **header)


def inner(rng, size, ipv6=False, proto=None, **header):
    """An IP packet of `size` bytes, at least 20 or 40."""
    proto = rng.choice([1, 6, 17, 58, 132, 253]) if proto is None else proto
    return ip(rng, ipv6, rng.randbytes(size - (40 if ipv6 else 20)), proto, **header)


def random_chain(rng):
    """Extension headers that may stand before ESP, within what the card reads."""
    kinds = [(HOP, 1), (ROUTING, rng.choice([1, 2])), (OPTIONS, 1), (FRAGMENT, 0, 0)]
    return [c for c in kinds if rng.random() < 0.4][: rng.randrange(5)]


def eth(rng, packet, tags=0, pad=True):
    """Ethernet with tags, padded to 60 bytes as a MAC does."""
    base = ETH6 if packet[0] >> 4 == 6 else ETH
    vlan = b"".join(rng.choice([b"\x81\0", b"\x88\xa8"]) + rng.randbytes(2) for _ in range(tags))
    data = base[:12] + vlan + base[12:] + packet
    return data.ljust(60, b"\0") if pad else data


def in_udp(sa, esp, length=None):
    """ESP in UDP, with a checksum that nobody looks at."""
    return (
        be(sa.sport, 2)
        + be(sa.dport, 2)
        + be(8 + len(esp) if length is None else length, 2)
        + b"\xab\xcd"
        + esp
    )


def outer(rng, sa, esp, tags=0, pad=True, **header):
    """A frame around ESP, in UDP where the SA says so."""
    body, proto = (in_udp(sa, esp), UDP) if sa.has("UDP") else (esp, ESP)
    return eth(rng, ip(rng, sa.ipv6, body, proto, dst=sa.dst, **header), tags, pad)


def make_sa(rng, ipv6=False, key=None, **more):
    """An SA; what is not given is usual: tunnel, AES-GCM, ICV of 16 bytes."""
    n = rng.randrange(1, 1 << 15)
    return Sa(
        dst=rng.randbytes(16 if ipv6 else 4),
        spi=be(rng.randrange(256, 2**32), 4),
        key=rng.randbytes(key or rng.choice([16, 24, 32])),
        salt=rng.randbytes(4),
        handle=n << 17 | 1 << 16 | rng.randrange(1024),
        **more,
    )


def random_sa(rng, **fixed):
    """Any SA that the library would let in."""
    gmac = rng.random() < 0.25
    flags = 0
    for name, chance in (("ESN", 0.4), ("UDP", 0.35), ("ECN_OFF", 0.2), ("DSCP_COPY", 0.3), ("INPLACE", 0.2)):
        flags |= SAF[name] if rng.random() < chance else 0
    flags |= SAF["IIV"] if not gmac and rng.random() < 0.25 else 0
    what = {
        "ipv6": rng.random() < 0.5,
        "tunnel": rng.random() < 0.6,
        "gmac": gmac,
        "icv": 16 if gmac else rng.choice([8, 12, 16]),
        "flags": flags,
        "queue": rng.randrange(16),
        "sport": rng.randrange(1, 65536),
        "dport": rng.choice(PORTS),
        "top": rng.choice([0, rng.randrange(2**32)]),
    }
    sa = make_sa(rng, **(what | fixed))
    if "flags" not in fixed and rng.random() < 0.3:
        sa.flags |= SAF["SELECTOR"]
        sa.sel = random_selector(rng)
    return sa


def random_selector(rng, packet=None):
    """One that lets about every other packet through, if `packet` is one of them."""
    sel = Selector()
    if packet is None or rng.random() < 0.2:
        return sel
    ipv6 = packet[0] >> 4 == 6
    sel.family = rng.choice([0, 6 if ipv6 else 4, 6 if ipv6 else 4, 4 if ipv6 else 6])
    if sel.family:
        width = 16 if sel.family == 6 else 4
        at = 8 if ipv6 else 12
        size = 16 if ipv6 else 4
        for name, place in (("src", at), ("dst", at + size)):
            bits = rng.choice([0, rng.randrange(8 * width + 1), 8 * width])
            value = packet[place : place + size].ljust(16, b"\0")[:width]
            if rng.random() < 0.15 and bits:
                flip = rng.randrange(bits)
                value = bytes(b ^ (0x80 >> flip % 8 if i == flip // 8 else 0) for i, b in enumerate(value))
            cut = int.from_bytes(value, "big") >> (8 * width - bits) << (8 * width - bits)
            setattr(sel, name, be(cut, width))
            setattr(sel, f"{name}_len", bits)
    return sel


KINDS = [(False, False), (False, True), (True, False), (True, True)]  # outer, inner IPv6


def version(packet):
    return 41 if packet[0] >> 4 == 6 else 4


def text_of(packet, tfc=b"", extra=0):
    """A tunnel's plaintext with its trailer."""
    return packet + tfc + trailer(len(packet) + len(tfc), version(packet), extra)


def sealed(rng, sa, seq, size, extra=0, tos=None):
    """ESP around a packet or a payload of `size` bytes, as the SA's mode wants it."""
    if not sa.tunnel:
        following = rng.choice([6, 17, 1, 58, 253, 4, 50, 0])
        return sa.seal(seq, rng.randbytes(size) + trailer(size, following, extra), rng.randbytes(8))
    ipv6 = rng.random() < 0.5
    packet = inner(rng, max(size, 40 if ipv6 else 20), ipv6, tos=tos)
    return sa.seal(
        seq, text_of(packet, rng.randbytes(rng.choice([0, 0, 0, 1, 40, 64])), extra), rng.randbytes(8)
    )


def numbers(sa):
    """The SA's next number, and the upper half that the table must infer for it."""
    sa.top += 1
    return sa.top, {"high": sa.top >> 32}


def usual_tos(rng):
    """Of an outer header: not CE, which would cost the inner packet its life now and then."""
    return rng.randrange(64) << 2 | rng.randrange(3)


def good(b, sa, size=60, host=False, want="OK", **header):
    """A sound frame of this SA."""
    rng = b.rng
    seq, answers = numbers(sa)
    header = {"tos": usual_tos(rng)} | header
    return b.send(outer(rng, sa, sealed(rng, sa, seq, size), **header), host, want, **answers)


def plain_frame(rng, size):
    """Something that is not ESP."""
    kind = rng.randrange(5)
    if kind == 0 or size < 54:
        return (eth(rng, b"\x45")[:12] + rng.choice([b"\x08\x06", b"\x88\xcc"]) + rng.randbytes(9600))[:size]
    proto = rng.choice([1, 6, 51, 253])
    if kind == 1:
        return eth(rng, ip4(rng, rng.randbytes(size - 34), proto, fragment=0x2000))
    if kind == 2:
        return eth(rng, ip6(rng, rng.randbytes(size - 54), proto))
    body = be(rng.randrange(65536), 2) + be(rng.choice([53, 4501, 1]), 2) + rng.randbytes(size - 38)
    return eth(rng, ip4(rng, body, UDP))


class Scapy:
    """scapy's ESP with the same SA."""

    def __init__(self, sa, src):
        self.sa = sa
        kind = IPv6 if sa.ipv6 else IP
        outer_ip = kind(src=src, dst=_text(sa.dst)) if sa.tunnel else None
        self.peer = SecurityAssociation(
            ScapyESP,
            spi=int.from_bytes(sa.spi, "big"),
            crypt_algo="AES-NULL-GMAC" if sa.gmac else "AES-GCM",
            crypt_key=sa.key + sa.salt,
            crypt_icv_size=sa.icv,
            tunnel_header=outer_ip,
            nat_t_header=ScapyUDP(sport=sa.sport, dport=sa.dport) if sa.has("UDP") else None,
        )

    def frame(self, rng, packet, seq, tags=0):
        """packet: an IP packet; in transport mode with the SA's destination."""
        parsed = (IPv6 if packet[0] >> 4 == 6 else IP)(packet)
        esn = {"esn_en": True, "esn": seq >> 32} if self.sa.has("ESN") else {}
        sealed = bytes(self.peer.encrypt(parsed, seq_num=seq & 0xFFFFFFFF, iv=be(seq, 8), **esn))
        # scapy's AEAD interface always appends 16 bytes; a shorter ICV is the first bytes of it (RFC 4106 6).
        if self.sa.icv < 16:
            sealed = self._shortened(sealed[: len(sealed) - 16 + self.sa.icv])
        return eth(rng, sealed, tags)

    def _shortened(self, packet):
        """Lengths and checksum of a packet that lost its last bytes."""
        header = 40 if self.sa.ipv6 else 4 * (packet[0] & 15)
        if self.sa.has("UDP"):
            packet = packet[: header + 4] + be(len(packet) - header, 2) + packet[header + 6 :]
        if self.sa.ipv6:
            return packet[:4] + be(len(packet) - 40, 2) + packet[6:]
        return with_checksum(packet[:2] + be(len(packet), 2) + packet[4:header]) + packet[header:]


def _text(address):
    import ipaddress

    return str(ipaddress.ip_address(address))
