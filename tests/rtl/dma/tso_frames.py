# SPDX-License-Identifier: BSD-2-Clause
"""Frames for TCP segmentation, and the segments that must come of them, by scapy."""

from dma_bench import ones_sum
from scapy.layers.inet import IP, TCP, IPOption_NOP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN
from scapy.layers.l2 import Dot1Q, Ether

FIN, PSH, CWR = 0x01, 0x08, 0x80


class Tso:
    """data: the frame; context: what its CONTEXT says; segments: frames as they leave. plain: IPv4 without any option."""

    def __init__(self, random, payload, mss, ipv6=None, plain=False):
        self.payload = random.randbytes(payload)
        ipv6 = random.randrange(2) * (not plain) if ipv6 is None else ipv6
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        for _ in range(0 if plain else random.randrange(3)):
            ether /= Dot1Q(vlan=random.randrange(4095))
        extra = None
        if ipv6:
            ip = IPv6(src=f"2001:db8::{random.getrandbits(16):x}", dst="fe80::1", fl=random.getrandbits(20))
            extra = random.choice(
                (None, IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(12))]), IPv6ExtHdrDestOpt())
            )
            addresses = bytes(ip)[8:40]
        else:
            options = [IPOption_NOP()] * (0 if plain else random.choice((0, 0, 4, 40)))
            ip = IP(
                src=f"10.{random.randrange(256)}.0.9", dst="192.0.2.7", flags="DF", ttl=9, options=options
            )
            ip.id = random.choice((0, 0xFFFE, random.getrandbits(16)))
            addresses = bytes(ip)[12:20]
        self.l3 = len(ether)
        start = self.l3 + len(ip / extra if extra else ip)
        first = random.choice((0, 0xFFFFFFFF, 0xFFFF0000, random.getrandbits(32)))
        tcp = TCP(sport=random.getrandbits(16), dport=random.getrandbits(16), ack=random.getrandbits(32))
        tcp.options = [("NOP", None)] * (0 if plain else 4 * random.randrange(11))
        flags, tcp.window = random.getrandbits(8), random.getrandbits(16)

        self.segments = []
        count = max(1, -(-payload // mss))
        for n in range(count):
            if n and not ipv6:
                ip.id = (ip.id + 1) & 0xFFFF
            tcp.seq = (first + n * mss) & 0xFFFFFFFF
            tcp.flags = flags & ~(FIN | PSH if n < count - 1 else 0) & ~(CWR if n else 0)
            head = ip / extra / tcp if extra else ip / tcp
            self.segments.append(bytes(ether / head / self.payload[n * mss : (n + 1) * mss]))

        # What the host gives: the first one's headers, with its own flags and lengths that are of no use.
        self.hdr_len = len(self.segments[0]) - min(payload, mss)
        headers = bytearray(self.segments[0][: self.hdr_len])
        headers[start + 13] = flags
        headers[start + 16 : start + 18] = ones_sum(addresses + bytes([0, 6])).to_bytes(2, "big")
        at, size = (self.l3 + 4, 2) if ipv6 else (self.l3 + 2, 2)
        headers[at : at + size] = random.randbytes(size)
        if not ipv6:
            headers[self.l3 + 10 : self.l3 + 12] = random.randbytes(2)
        self.data = bytes(headers) + self.payload
        self.context = {
            "mss": mss, "hdr_len": self.hdr_len, "csum_start": start, "csum_offset": 16, "l3_offset": self.l3,
        }  # fmt: skip
