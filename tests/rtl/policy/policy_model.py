# SPDX-License-Identifier: BSD-2-Clause
"""Model of the policy table: a list that is searched from one end to the other (docs/esp.md, Outbound, step 2)."""

import random
import struct
from dataclasses import dataclass, replace

from frames import Struct

REQ = Struct(ipv6=1, src=128, dst=128, proto=8, ports=1, sport=16, dport=16)
RSP = Struct(hit=1, action=2, sa=32)
OK, DUPLICATE, FULL, MASKS, HANDLE = 0, 36, 37, 38, 39
PROTECT, BYPASS, DISCARD = 1, 2, 3
PORT_PROTOCOLS = (6, 17, 136, 33, 132, 1, 58)


@dataclass(frozen=True)
class Packet:
    """Addresses as bytes in network order, 4 or 16 of them; ports as numbers."""

    src: bytes
    dst: bytes
    proto: int = 0
    ports: bool = False
    sport: int = 0
    dport: int = 0

    def word(self):
        """The packed policy_req_t."""
        return REQ.pack(
            ipv6=int(len(self.src) == 16),
            src=int.from_bytes(self.src, "little"),
            dst=int.from_bytes(self.dst, "little"),
            proto=self.proto,
            ports=int(self.ports),
            sport=swap(self.sport),
            dport=swap(self.dport),
        )


@dataclass(frozen=True)
class Mask:
    ipv6: bool
    src_len: int
    dst_len: int
    proto: bool
    sport: int = 0
    dport: int = 0


@dataclass
class Policy:
    mask: Mask
    src: bytes
    dst: bytes
    proto: int
    sport: int
    dport: int
    priority: int
    action: int
    sa: int
    handle: int = 0

    def struct(self):
        """struct vesper_policy."""
        return struct.pack(
            "<16s16sBBBB2s2s2s2sB3xIIQ",
            self.src,
            self.dst,
            self.mask.src_len,
            self.mask.dst_len,
            6 if self.mask.ipv6 else 4,
            self.proto,
            *(v.to_bytes(2, "big") for v in (self.sport, self.dport, self.mask.sport, self.mask.dport)),
            self.action,
            self.priority,
            self.sa,
            0,
        )

    @property
    def selector(self):
        return (self.mask, self.src, self.dst, self.proto, self.sport, self.dport)

    def matches(self, p):
        m = self.mask
        if m.ipv6 != (len(p.src) == 16) or ((m.sport or m.dport) and not p.ports):
            return False
        return (
            prefix(p.src, m.src_len) == self.src
            and prefix(p.dst, m.dst_len) == self.dst
            and (not m.proto or p.proto == self.proto)
            and p.sport & m.sport == self.sport
            and p.dport & m.dport == self.dport
        )

    def answer(self):
        return RSP.pack(hit=1, action=self.action, sa=self.sa)


def swap(port):
    return (port & 0xFF) << 8 | port >> 8


def prefix(address, length):
    """The first bits of an address, the rest zero, in 16 bytes."""
    bits = 8 * len(address)
    value = int.from_bytes(address, "big") >> (bits - length) << (bits - length)
    return value.to_bytes(len(address), "big").ljust(16, b"\0")


class Model:
    """Policies in the order in which they were installed."""

    def __init__(self, entries, masks):
        self.entries, self.masks, self.policies = entries, masks, []

    def refusal(self, policy):
        same = [p for p in self.policies if p.selector == policy.selector]
        if len(same) > 1 or any(p.priority == policy.priority for p in same):
            return DUPLICATE
        if len(self.policies) == self.entries:
            return FULL
        if len({p.mask for p in self.policies} | {policy.mask}) > self.masks:
            return MASKS
        return OK

    def find(self, packet):
        """The packed policy_rsp_t."""
        best = None
        for p in self.policies:
            if p.matches(packet) and (best is None or p.priority < best.priority):
                best = p
        return best.answer() if best else 0


def random_mask(rng):
    ipv6 = rng.random() < 0.5
    bits = 128 if ipv6 else 32
    lens = [rng.choice([0, 8, 16, 24, bits, bits - 1, rng.randrange(bits + 1)]) for _ in range(2)]
    proto = rng.random() < 0.7
    ports = [
        rng.choice([0, 0, 0xFFFF, 0xFF00, 0xFFF0, rng.randrange(1 << 16)]) if proto else 0 for _ in range(2)
    ]
    return Mask(ipv6, *lens, proto, *ports)


class Maker:
    """Random policies and packets that meet: both are drawn from a few addresses and ports."""

    def __init__(self, rng, masks):
        self.rng, self.masks, self.number = rng, masks, 0
        self.addresses = {v6: [rng.randbytes(16 if v6 else 4) for _ in range(3)] for v6 in (False, True)}

    def address(self, ipv6):
        """One of few, with a random tail, so that prefixes tell them apart at every length."""
        full = self.rng.choice(self.addresses[ipv6])
        bits = 8 * len(full)
        keep = self.rng.choice([bits, self.rng.randrange(bits + 1)])
        value = int.from_bytes(full, "big")
        value ^= self.rng.getrandbits(bits) & ((1 << (bits - keep)) - 1)
        return value.to_bytes(len(full), "big")

    def port(self):
        return self.rng.choice([0, 53, 443, 0x1234, self.rng.randrange(1 << 16)])

    def packet(self):
        ipv6 = self.rng.random() < 0.5
        proto = self.rng.choice([0, 6, 17, 50, 58])
        ports = proto in PORT_PROTOCOLS and self.rng.random() < 0.8
        return Packet(
            self.address(ipv6),
            self.address(ipv6),
            proto,
            ports,
            self.port() if ports else 0,
            self.port() if ports else 0,
        )

    def policy(self, mask=None):
        m = mask or self.rng.choice(self.masks)
        self.number += 1
        return Policy(
            m,
            prefix(self.address(m.ipv6), m.src_len),
            prefix(self.address(m.ipv6), m.dst_len),
            self.rng.choice([6, 17, 50]) if m.proto else 0,
            self.port() & m.sport,
            self.port() & m.dport,
            self.rng.choice([5, 6, 7, self.rng.getrandbits(32)]),
            self.rng.choice([PROTECT, BYPASS, DISCARD]),
            self.rng.getrandbits(12) << 20 | self.number,  # names the policy
        )

    def inside(self, policy):
        """A packet that the policy matches, with random bits where it does not look."""
        m, rng = policy.mask, self.rng
        size = 16 if m.ipv6 else 4

        def under(value, length):
            bits = 8 * size
            tail = rng.getrandbits(bits) & ((1 << (bits - length)) - 1)
            return (int.from_bytes(value[:size], "big") | tail).to_bytes(size, "big")

        proto = policy.proto if m.proto else rng.choice([0, 6, 17])
        ports = bool(m.sport or m.dport) or rng.random() < 0.5
        return Packet(
            under(policy.src, m.src_len),
            under(policy.dst, m.dst_len),
            proto,
            ports,
            (policy.sport | rng.getrandbits(16) & ~m.sport) if ports else 0,
            (policy.dport | rng.getrandbits(16) & ~m.dport) if ports else 0,
        )

    def near(self, policy):
        """The same with one bit changed, or without its ports."""
        packet = self.inside(policy)
        field = self.rng.choice(["src", "dst", "proto", "ports", "sport", "dport"])
        if field == "ports":
            return replace(packet, ports=False, sport=0, dport=0)
        return flip(packet, field, self.rng.randrange(width(packet, field)))


def width(packet, field):
    return {"proto": 8, "sport": 16, "dport": 16}.get(field, 8 * len(packet.src))


def flip(packet, field, bit):
    value = getattr(packet, field)
    if isinstance(value, bytes):
        number = int.from_bytes(value, "big") ^ 1 << bit
        return replace(packet, **{field: number.to_bytes(len(value), "big")})
    return replace(packet, **{field: value ^ 1 << bit})


def distinct_masks(rng, count):
    found = []
    while len(found) < count:
        m = random_mask(rng)
        if m not in found:
            found.append(m)
    return found


# ---- the hash of rtl/policy/policy_pkg.sv, so that policies can be made that collide ----
PI = (
    *(0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707345, 0xA4093823),
    *(0x299F31D1, 0x082EFA99, 0xEC4E6C89, 0x452821E7, 0x38D01377),
)


def place(policy, mask_id, entries):
    """(row in table 0, row in table 1, fingerprint)."""

    def words(address):
        return [int.from_bytes(address[i : i + 4], "big") for i in (12, 8, 4, 0)]

    w = words(policy.src) + words(policy.dst)
    w += [swap(policy.dport) << 16 | swap(policy.sport), mask_id << 8 | policy.proto]
    w = [a ^ b for a, b in zip(w, PI, strict=True)]
    total = sum(w[i] * w[i + 1] for i in range(0, 10, 2)) & (1 << 64) - 1
    total ^= total >> 31
    spread = (total * 0x9E3779B97F4A7C15 >> 24) & (1 << 40) - 1
    bits = entries.bit_length() - 3
    row, fingerprint = spread >> (40 - bits), spread & 0xFFFFFF
    return row, row ^ fingerprint & ((1 << bits) - 1), fingerprint


def seeded(log):
    import os

    seed = int(os.environ.get("VESPER_SEED", "1"))
    log.info("seed %d", seed)
    return random.Random(seed)
