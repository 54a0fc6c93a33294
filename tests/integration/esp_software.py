# SPDX-License-Identifier: BSD-2-Clause
"""Random SAs, packets to match, and scapy's view of the same SA."""

from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet import UDP as ScapyUDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw
from vesper_lib import (
    DF,
    DF_COPY,
    DSCP_COPY,
    DSCP_MAP,
    ECN_OFF,
    ESN,
    FLOW_COPY,
    GCM,
    GMAC,
    IN,
    OUT,
    TRANSPORT,
    TUNNEL,
    UDP,
    make_sa,
)

HOSTS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
INNER = {4: ("10.1.2.3", "10.4.5.6"), 6: ("fd00::1:2", "fd00::3:4")}


class Kind:
    """Attributes of an SA, drawn at random, and both libraries' objects for it."""

    def __init__(self, rnd):
        self.mode = rnd.choice([TUNNEL, TRANSPORT])
        self.family = rnd.choice([4, 6])
        self.alg = rnd.choice([GCM, GCM, GMAC])
        self.icv = 16 if self.alg == GMAC else rnd.choice([8, 12, 16])
        self.key = rnd.randbytes(rnd.choice([16, 24, 32]) + 4)
        self.spi = rnd.randrange(256, 1 << 32)
        self.udp = rnd.choice([None, None, (4500, 4500), (rnd.randrange(1, 65536), rnd.randrange(1, 65536))])
        self.esn = rnd.random() < 0.4
        self.seq = rnd.randrange(1 << (64 if self.esn else 32)) - 1000 if rnd.random() < 0.5 else 0
        self.seq = max(self.seq, 0)
        self.ttl, self.tos, self.flow = rnd.randrange(1, 256), rnd.randrange(64) << 2, 0
        self.flags = (ESN if self.esn else 0) | (UDP if self.udp else 0)
        if self.mode == TUNNEL:
            self.flags |= rnd.choice([0, 0, DSCP_COPY, DSCP_MAP]) | rnd.choice([0, ECN_OFF])
            if self.family == 4:
                self.flags |= rnd.choice([0, DF, DF_COPY])
            else:
                self.flow = rnd.randrange(1 << 20)
                self.flags |= rnd.choice([0, FLOW_COPY])
        self.tfc = rnd.choice([0, 0, 300, 1280]) if self.mode == TUNNEL else 0

    def __str__(self):
        return ", ".join(f"{k}={v.hex() if isinstance(v, bytes) else v}" for k, v in vars(self).items())

    def ours(self, direction, **more):
        src, dst = HOSTS[self.family]
        flags = self.flags
        if direction == OUT:
            more |= {"ttl": self.ttl, "flow_label": self.flow, "tfc": self.tfc, "tos": self.tos}
            if self.mode == TRANSPORT:
                more |= {"tos": 0}
        else:
            flags &= ~(DF | DF_COPY | DSCP_MAP | FLOW_COPY)
        sport, dport = self.udp or (0, 0)
        return make_sa(
            direction,
            self.mode,
            self.key,
            self.icv,
            self.spi,
            seq=self.seq,
            flags=flags,
            alg=self.alg,
            src=src,
            dst=dst,
            sport=sport,
            dport=dport,
            **more,
        )

    def scapy(self, number=0, **outer):
        """Its next packet gets `number`."""
        src, dst = HOSTS[self.family]
        header = (IP if self.family == 4 else IPv6)(src=src, dst=dst, **outer)
        return SecurityAssociation(
            ESP,
            spi=self.spi,
            seq_num=number & 0xFFFFFFFF,
            crypt_algo="AES-GCM" if self.alg == GCM else "AES-NULL-GMAC",
            crypt_key=self.key,
            crypt_icv_size=self.icv,
            tunnel_header=header if self.mode == TUNNEL else None,
            nat_t_header=ScapyUDP(sport=self.udp[0], dport=self.udp[1]) if self.udp else None,
            esn_en=self.esn,
            esn=number >> 32,
        )


def packet(rnd, family, *, hosts=INNER, size=None, extensions=True):
    """An IP packet with random header fields."""
    src, dst = hosts[family]
    size = rnd.choice([0, 1, 2, 3, 7, 40, 63, 64, 65, 200, 1000]) if size is None else size
    if family == 4:
        ip = IP(src=src, dst=dst, tos=rnd.randrange(256), id=rnd.randrange(65536), ttl=rnd.randrange(1, 256))
        ip.flags = rnd.choice(["", "DF"])
        echo = ICMP(type=8, id=rnd.randrange(65536))
    else:
        ip = IPv6(src=src, dst=dst, tc=rnd.randrange(256), fl=rnd.randrange(1 << 20), hlim=rnd.randrange(256))
        if extensions and rnd.random() < 0.4:
            ip /= IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
        if extensions and rnd.random() < 0.3:
            ip /= IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
        if extensions and rnd.random() < 0.2:
            ip /= IPv6ExtHdrRouting(type=2, segleft=0, addresses=[dst])
        echo = ICMPv6EchoRequest(id=rnd.randrange(65536))
    upper = rnd.choice([TCP(sport=80, dport=rnd.randrange(65536)), ScapyUDP(sport=53, dport=9), echo])
    return ip.__class__(bytes(ip / upper / Raw(rnd.randbytes(size))))


def ethernet(rnd, ip):
    """Around it an Ethernet header with none, one or two tags."""
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    for tag in rnd.choice([[], [], [Dot1Q(vlan=5)], [Dot1AD(vlan=7), Dot1Q(vlan=9)], [Dot1Q(), Dot1Q()]]):
        ether /= tag
    return bytes(ether / ip)


def l2_len(frame):
    at = 12
    while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return at + 2


def parse(frame):
    """The IP packet of a frame, without Ethernet's padding."""
    at = l2_len(frame)
    return {b"\x08\x00": IP, b"\x86\xdd": IPv6}[frame[at - 2 : at]](frame[at:])


__all__ = ["HOSTS", "INNER", "IN", "OUT", "Kind", "ethernet", "l2_len", "packet", "parse"]
