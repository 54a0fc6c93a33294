# SPDX-License-Identifier: BSD-2-Clause
"""What the card finds out about a frame that it delivers: are its checksums right, and to which queue does its hash send it?"""

from dataclasses import dataclass, field

from esp_packet import TCP, UDP, be, number, parse

RSS_CTRL, RSS_KEY, RSS_TABLE = 0x80, 0x200, 0x280
TYPES = {"ipv4": 4, "tcp4": 5, "udp4": 6, "ipv6": 8, "tcp6": 9, "udp6": 10}  # bits of RSS_CTRL
ALL = frozenset(TYPES)
CPL_CSUM, CPL_HASH, CPL_L4HASH = 16, 32, 64
WINDOW = 128  # bytes of a frame in which a packet may end before the frame does


def ones_sum(data):
    """One's complement sum of big-endian words (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(number(data[i : i + 2]) for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def checksums_right(frame):
    """Does the completion say CPL_CSUM?"""
    info = parse(frame, outbound=False)
    if info.status != "OK" or info.fragment or info.proto not in (TCP, UDP):
        return False
    body = frame[info.l2 + info.hdr : info.l2 + info.total]
    if len(frame) > max(WINDOW, info.l2 + info.total):
        return False
    if info.proto == TCP and len(body) < 20:
        return False
    if info.proto == UDP and (len(body) < 8 or number(body[4:6]) != len(body) or body[6:8] == b"\0\0"):
        return False
    pseudo = info.src + info.dst + be(len(body), 4) + be(info.proto, 4)
    return ones_sum(pseudo + body) == 0xFFFF


def toeplitz(key, data):
    """By the text of the specification: a set bit of the input adds the key's leftmost 32 bits, which move on."""
    result, window = 0, number(key)
    for byte in data:
        for bit in range(7, -1, -1):
            if byte >> bit & 1:
                result ^= window >> 8 * len(key) - 32 & 0xFFFFFFFF
            window <<= 1
    return result


@dataclass
class Rss:
    """The registers, and what they do."""

    key: bytes = bytes(40)
    enable: bool = False
    types: frozenset = ALL
    table: list = field(default_factory=lambda: [0] * 128)

    async def write(self, bus):
        await bus.write(RSS_KEY, self.key)
        await bus.write(RSS_TABLE, bytes(self.table))
        await bus.write_dword(RSS_CTRL, self.enable | sum(1 << TYPES[t] for t in self.types))

    def of(self, frame, sealed=False):
        """(hash, is it over ports?) or None; `sealed`: ESP that was not stripped."""
        info = parse(frame, outbound=False)
        if not self.enable or info.status != "OK":
            return None
        kind, family = {TCP: "tcp", UDP: "udp"}.get(info.proto), "6" if info.ipv6 else "4"
        data = info.src + info.dst
        if info.ports and not info.fragment and not sealed and kind and kind + family in self.types:
            return toeplitz(self.key, data + info.ports[0] + info.ports[1]), True
        if "ipv" + family in self.types:
            return toeplitz(self.key, data), False
        return None

    def queue(self, found, usual, queues):
        """Where a frame with that hash goes; `usual`: without RSS."""
        entry = usual if found is None else self.table[found[0] & 127]
        return entry if entry < queues else usual


def flags(frame, found, told=True):
    """Of the RX completion; `told`: there is no ESP number in the hash's place."""
    hashed = CPL_HASH | CPL_L4HASH * found[1] if found and told else 0
    return hashed | CPL_CSUM * checksums_right(frame)
