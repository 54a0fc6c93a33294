# SPDX-License-Identifier: BSD-2-Clause
"""Model of the SA table, written from docs/esp.md and the ABI header, not from the RTL."""

import os
import random
import struct
from dataclasses import dataclass, field

from frames import Struct

OK, SA_STALE, SA_DIRECTION, SEQ_EXHAUSTED, TOO_BIG, NO_SA, SA_KIND, LEASE, LIFETIME = (
    0,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)
FRAGMENT, ESP_LENGTH, REPLAY, ICV, PADDING, NEXT_HEADER, INNER, DUMMY, NOT_ESP = (
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
    28,
)
SELECTOR, ECN, ENCAP, SPI = 29, 30, 31, 41
MBX_OK, MBX_DUPLICATE, MBX_FULL, MBX_HANDLE = 0, 17, 18, 19
OUT, IN = 1, 2
TUNNEL, TRANSPORT = 1, 2
GCM, GMAC = 1, 2
DF, DF_COPY, DSCP_COPY, DSCP_MAP, ECN_OFF, FLOW_COPY, ESN, UDP, IIV, INPLACE, SELECT = (
    1 << i for i in range(11)
)
EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED, EV_LEASE_LOW = range(64, 68)
# enum vesper_sa_drop, by status
DROPS = {
    REPLAY: 0, ICV: 1, PADDING: 2, NEXT_HEADER: 3, INNER: 4, DUMMY: 5, SELECTOR: 6, ECN: 7, LIFETIME: 8, ENCAP: 9,
    ESP_LENGTH: 10, TOO_BIG: 11, FRAGMENT: 12, SEQ_EXHAUSTED: 13, LEASE: 14, SA_KIND: 15, SPI: 15, NOT_ESP: 15,
}  # fmt: skip
COUNT_ONLY = (ICV, REPLAY, ENCAP, ESP_LENGTH)
# What a commit may say of a packet, but for ST_OK.
COMMITTED = (*COUNT_ONLY, PADDING, NEXT_HEADER, INNER, DUMMY, SELECTOR, ECN)

COMMON = {
    "key": 256, "key_len": 2, "h": 128, "salt": 32, "spi": 32, "flags": 32, "gmac": 1, "tunnel": 1, "ipv6": 1,
    "icv_bytes": 5, "sport": 16, "dport": 16,
}  # fmt: skip
OUT_CTX = Struct(**COMMON, src=128, dst=128, ttl=8, tos=8, flow_label=20, hdr_sum=16, tfc=14, mtu=16)
SEL = {
    "src": 128, "dst": 128, "src_len": 8, "dst_len": 8, "family": 4, "proto": 8, "sport_min": 16, "sport_max": 16,
    "dport_min": 16, "dport_max": 16,
}  # fmt: skip
IN_CTX = Struct(**COMMON, **{f"sel_{name}": width for name, width in SEL.items()}, qid=4)
OUT_REQ = Struct(
    handle=32, inplace=1, numbered=1, ipv6=1, fragment=1, esp=1, udp=1, spi=32, total=16, hdr_bytes=8, mtu=16
)
OUT_RSP = Struct(status=8, fits=16, seq=64, padded=14, ctx=OUT_CTX.width)
IN_REQ = Struct(ipv6=1, dst=128, spi=32, seq=32, udp=1)
IN_RSP = Struct(status=8, handle=32, seq=64, ctx=IN_CTX.width)
COMMIT = Struct(handle=32, seq=64, bytes=16, status=8)
EVENT = Struct(code=8, inbound=1, ipv6=1, src=128, dst=128, spi=32, sa=32, seq=64, flow_label=20)


def le(data):
    return int.from_bytes(data, "little")


@dataclass
class Selector:
    """struct vesper_selector; `family` 0 is either."""

    src: bytes = bytes(16)
    dst: bytes = bytes(16)
    src_len: int = 0
    dst_len: int = 0
    family: int = 0
    proto: int = 0
    sport: tuple = (0, 0)
    dport: tuple = (0, 0)

    def pack(self):
        return struct.pack(
            "<16s16sBBBBHHHH4x",
            self.src, self.dst, self.src_len, self.dst_len, self.family, self.proto, *self.sport, *self.dport,
        )  # fmt: skip

    def ctx(self):
        return {
            "sel_src": le(self.src), "sel_dst": le(self.dst), "sel_src_len": self.src_len,
            "sel_dst_len": self.dst_len, "sel_family": self.family, "sel_proto": self.proto,
            "sel_sport_min": self.sport[0], "sel_sport_max": self.sport[1],
            "sel_dport_min": self.dport[0], "sel_dport_max": self.dport[1],
        }  # fmt: skip


@dataclass
class Sa:
    """One SA (addresses and SPI as byte strings), and what must be remembered of it."""

    dir: int
    dst: bytes
    spi: bytes
    mode: int = TUNNEL
    ipv6: bool = False
    alg: int = GCM
    key: bytes = bytes(range(1, 33))
    h: bytes = bytes(range(16))
    salt: bytes = b"salt"
    src: bytes = b"\xc0\x00\x02\x01"
    icv_len: int = 16
    ttl: int = 64
    tos: int = 0
    queue: int = 0
    seq: int = 0
    window: int = 64
    flags: int = 0
    tfc: int = 0
    mtu: int = 0
    sport: bytes = bytes(2)
    dport: bytes = bytes(2)
    flow_label: int = 0
    soft_packets: int = 0
    soft_bytes: int = 0
    hard_packets: int = 0
    hard_bytes: int = 0
    lease_end: int = 0
    lease_warn: int = 0
    sel: Selector = field(default_factory=Selector)
    # since it was installed
    handle: int = 0
    packets: int = 0
    bytes: int = 0
    granted: int = 0  # the lease's end as last granted
    drops: list = field(default_factory=lambda: [0] * 16)
    told: set = field(default_factory=set)
    events: list = field(default_factory=list)  # (code, sequence number)
    received: set = field(default_factory=set)

    @property
    def name(self):
        return (self.dir, self.ipv6, self.dst.ljust(16, b"\0"), self.spi)

    def describe(self, secret=True):
        """struct vesper_sa, with key and salt or with zeros in their place."""
        return struct.pack(
            "<BBBBBBBBII4s4s16s16s32sQHHHH2s2sIQQQQQII48s48x",
            self.dir, self.mode, 6 if self.ipv6 else 4, self.alg, len(self.key), self.icv_len, self.ttl, self.tos,
            self.flags, self.window, self.spi, self.salt if secret else b"", self.src, self.dst,
            self.key if secret else b"", self.first if self.handle else self.seq,
            self.queue, self.tfc, self.mtu, 0, self.sport, self.dport, self.flow_label,
            self.soft_packets, self.soft_bytes, self.hard_packets, self.hard_bytes,
            self.lease_end, self.lease_warn, 0, self.sel.pack(),
        )  # fmt: skip

    def record(self):
        """struct vesper_sa_record."""
        return self.describe() + self.h

    def state(self):
        """struct vesper_sa_state."""
        numbers = [self.seq, self.packets, self.bytes, self.granted if self.dir == OUT else 0, *self.drops]
        return struct.pack("<20Q", *numbers) + self.describe(secret=False)

    def ctx(self):
        common = {
            "key": le(self.key), "key_len": len(self.key) // 8 - 2, "h": le(self.h), "salt": le(self.salt),
            "spi": le(self.spi), "flags": self.flags, "gmac": int(self.alg == GMAC),
            "tunnel": int(self.mode == TUNNEL), "ipv6": int(self.ipv6), "icv_bytes": self.icv_len,
            "sport": le(self.sport), "dport": le(self.dport),
        }  # fmt: skip
        if self.dir == IN:
            return {**common, **self.sel.ctx(), "qid": self.queue & 15}
        addresses = self.src[:4] + self.dst[:4]
        total = 0 if self.ipv6 else sum(struct.unpack(">4H", addresses))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return {
            **common, "src": le(self.src), "dst": le(self.dst), "ttl": self.ttl, "tos": self.tos,
            "flow_label": self.flow_label, "hdr_sum": total, "tfc": self.tfc, "mtu": self.mtu,
        }  # fmt: skip

    def start(self, handle):
        """It was installed. What stood in `seq` counts as received."""
        self.handle, self.first, self.granted = handle, self.seq, self.lease_end
        self.packets = self.bytes = 0
        self.received, self.told, self.events, self.drops = set(), set(), [], [0] * 16

    def lease(self, end):
        self.granted = end
        self.told.discard(EV_LEASE_LOW)

    def tell(self, code, seq):
        if code not in self.told:
            self.told.add(code)
            self.events.append((code, seq))

    # ---- limits ----
    def beyond(self, size):
        """Would a packet of `size` counted bytes exceed a hard limit?"""
        return (self.hard_packets and self.packets + 1 > self.hard_packets) or (
            self.hard_bytes and self.bytes + size > self.hard_bytes
        )

    def count(self, size, seq):
        self.packets += 1
        self.bytes += size
        if self.soft_packets and self.packets >= self.soft_packets:
            self.tell(EV_SOFT_PACKETS, seq)
        if self.soft_bytes and self.bytes >= self.soft_bytes:
            self.tell(EV_SOFT_BYTES, seq)
        if (self.hard_packets and self.packets == self.hard_packets) or (
            self.hard_bytes and self.bytes == self.hard_bytes
        ):
            self.tell(EV_EXPIRED, seq)

    # ---- outbound ----
    def grown(self, plain, own):
        """Length of the resulting IP packet: `own` bytes of header, `plain` of plaintext."""
        head = own + (8 if self.flags & UDP else 0) + 8 + (0 if self.flags & IIV else 8)
        return head + (plain + 2 + 3) // 4 * 4 + self.icv_len

    def largest(self, own, limit):
        """The longest plaintext whose result does not exceed `limit`; negative if none."""
        plain = limit
        while plain >= 0 and self.grown(plain, own) > limit:
            plain -= 1
        return plain

    def judge(self, req):
        """(status, fits, padded, counted bytes) of a packet, by the description of the SA alone."""
        limit = min(req["mtu"], self.mtu or req["mtu"])
        tunnel = self.mode == TUNNEL
        if bool(self.flags & INPLACE) != bool(req["inplace"] or req["numbered"]) or (
            not tunnel and self.ipv6 != bool(req["ipv6"])
        ):
            return SA_KIND, 0, 0, 0
        if req["fragment"] and (req["inplace"] or not tunnel):
            return FRAGMENT, 0, 0, 0
        if req["inplace"]:
            if not req["esp"] or bool(req["udp"]) != bool(self.flags & UDP):
                return NOT_ESP, 0, 0, 0
            if req["spi"] != le(self.spi):
                return SPI, 0, 0, 0
            esp = req["total"] - req["hdr_bytes"] - (8 if req["udp"] else 0)
            cipher = esp - 8 - (0 if self.flags & IIV else 8) - self.icv_len
            if cipher < 2 or esp % 4:
                return ESP_LENGTH, 0, 0, 0
            return (TOO_BIG, limit, 0, 0) if req["total"] > limit else (OK, 0, cipher, cipher)
        own = (40 if self.ipv6 else 20) if tunnel else req["hdr_bytes"]
        plain = req["total"] if tunnel else req["total"] - own
        largest = self.largest(own, limit)
        if plain > largest:
            return TOO_BIG, max(0, largest) and largest + (0 if tunnel else own), 0, 0
        padded = max(plain, min(self.tfc, largest)) if tunnel else plain
        return OK, 0, padded, plain

    def lookup_out(self, req):
        """(status, fits, seq, padded) of a request with this SA's handle."""
        status, fits, padded, size = self.judge(req)
        if status == OK:
            status = self.numbered(size)
        if status != OK:
            self.drops[DROPS[status]] += 1
            return status, fits, 0, 0
        return OK, 0, self.seq, padded

    def numbered(self, size):
        """Take a number, unless something forbids it."""
        end = 2**64 - 1 if self.flags & ESN else 2**32 - 1
        status = OK
        if self.beyond(size):
            status = LIFETIME
            self.tell(EV_EXPIRED, self.seq)
        elif self.seq >= end:
            status = SEQ_EXHAUSTED
        elif self.granted and self.seq >= self.granted:
            status = LEASE
        else:
            self.seq += 1
            self.count(size, self.seq)
        if self.granted and self.lease_warn and self.granted - self.seq <= self.lease_warn:
            self.tell(EV_LEASE_LOW, self.seq)
        return status

    # ---- inbound ----
    def infer(self, low):
        """The whole sequence number, None if it would lie below the first subspace (RFC 4303 A2.1)."""
        if not self.flags & ESN:
            return low
        checked = self.window > 1
        width = self.window if checked else 2**31
        high, tl = self.seq >> 32, self.seq & 0xFFFFFFFF
        if tl >= width - 1:
            space = high if low >= tl - width + 1 else high + 1
        else:
            space = high - 1 if low >= tl - width + 1 + 2**32 else high
        if space < 0:
            return None if checked else low
        return space % 2**32 << 32 | low

    def replay(self, seq):
        """RFC 4303 3.4.3: is this number a duplicate, or left of the window?"""
        if self.window <= 1:
            return False
        if seq == 0:
            return True
        if seq + self.window <= self.seq:
            return True
        return seq in self.received or seq <= self.first

    def lookup_in(self, low, udp=False):
        """(status, number) of the pre-check, with no commit under way."""
        seq = self.infer(low)
        if bool(udp) != bool(self.flags & UDP):
            return ENCAP, low if seq is None else seq
        if seq is None:
            return REPLAY, low
        return (REPLAY if self.replay(seq) else OK), seq

    def commit(self, seq, size, status):
        """The final status."""
        if status not in COUNT_ONLY:
            if self.replay(seq):
                status = REPLAY
            else:
                self.received.add(seq)
                self.seq = max(self.seq, seq)
                if status == OK and self.beyond(size):
                    status = LIFETIME
                    self.tell(EV_EXPIRED, seq)
        if status == OK:
            self.count(size, seq)
        elif status in DROPS:
            self.drops[DROPS[status]] += 1
        return status


def port_bytes(rng):
    return rng.randrange(1, 65536).to_bytes(2, "big")


def random_sa(rng, direction, spi=None, dst=None):
    """An SA whose packets pass: no limits, no lease. Flags at random where the table lets everything through."""
    mode = rng.choice([TUNNEL, TRANSPORT])
    ipv6 = rng.random() < 0.2 and dst is None
    flags = sum(f for f in (DF, DSCP_COPY, ECN_OFF, ESN, UDP, IIV) if rng.random() < 0.3)
    sel = Selector()
    if direction == IN and rng.random() < 0.3:
        flags |= SELECT
        sel = Selector(
            rng.randbytes(16), rng.randbytes(16), rng.randrange(129), rng.randrange(129), rng.choice([0, 4, 6]),
            rng.randrange(256), (rng.randrange(65536), rng.randrange(65536)),
            (rng.randrange(65536), rng.randrange(65536)),
        )  # fmt: skip
    return Sa(
        dir=direction,
        dst=(dst or rng.randbytes(16 if ipv6 else 4)).ljust(16, b"\0"),
        spi=spi or rng.randrange(256, 2**32).to_bytes(4, "big"),
        mode=mode,
        ipv6=ipv6,
        alg=rng.choice([GCM, GCM, GMAC]),
        key=rng.randbytes(rng.choice([16, 24, 32])),
        h=rng.randbytes(16),
        salt=rng.randbytes(4),
        src=rng.randbytes(16 if ipv6 else 4).ljust(16, b"\0"),
        icv_len=rng.choice([8, 12, 16]),
        ttl=rng.randrange(1, 256),
        tos=rng.randrange(64) << 2,
        queue=rng.randrange(16),
        seq=rng.choice([0, 0, 0, rng.randrange(1000)]),
        window=rng.choice([0, 1, 32, 64, 65, 128, 1024, 4096]) if direction == IN else 0,
        flags=flags,
        sport=port_bytes(rng) if flags & UDP else bytes(2),
        dport=port_bytes(rng) if flags & UDP else bytes(2),
        flow_label=rng.randrange(2**20) if direction == OUT else 0,
        sel=sel,
    )


def seeded():
    return random.Random(int(os.environ.get("VESPER_SEED", "1")))
