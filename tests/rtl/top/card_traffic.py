# SPDX-License-Identifier: BSD-2-Clause
"""Packets of every kind for the whole card; what becomes of each says card_fates.Rules."""

import random

from card_sas import address, in_sa
from cocotb_esp_in import numbers, plain_frame, sealed, usual_tos, wrong_frames
from cocotb_esp_out import any_frame, inplace_frame
from esp_in_frames import eth, ip, outer, random_chain, text_of, trailer
from esp_packet import ETH, ST, TCP, UDP, be, ethernet, packet
from ring_driver import DUMMY, ENCRYPT, INPLACE, NUMBERED, POLICY
from rx_model import ones_sum
from tso_frames import Tso

OK = ST["OK"]
FRAME_MAX = 9618
SIZES = (20, 21, 40, 46, 47, 64, 100, 128, 300, 576)


def size():
    """Length of an IP packet; short ones are the harder and the quicker."""
    return random.choice((*SIZES, random.randrange(20, 1400), random.randrange(20, 200)))


def segment(src, dst):
    """(protocol, bytes) of TCP or UDP between these addresses; the checksum is wrong now and then."""
    proto, ports, data = random.choice((TCP, UDP)), random.randbytes(4), random.randbytes(size() - 20)
    if proto == UDP:
        head, at = ports + be(8 + len(data), 2) + b"\0\0", 6
    else:
        head, at = ports + random.randbytes(8) + b"\x50\x10" + random.randbytes(2) + bytes(4), 16
    pseudo = src + dst + be(len(head + data), 4) + be(proto, 4)
    check = be((ones_sum(pseudo + head + data) ^ 0xFFFF) or 0xFFFF, 2)
    if random.random() < 0.2:
        check = random.choice((b"\0\0", random.randbytes(2)))
    return proto, head[:at] + check + head[at + 2 :] + data


class Peer:
    """The other end of an inbound SA."""

    def __init__(self, sa):
        self.sa, self.last = sa, None

    def good(self, length=None):
        """The next packet of the SA; no packet of it is dropped but for ECN or its selector."""
        sa = self.sa
        numbers(sa)
        header = {"tos": usual_tos(random)}
        if sa.ipv6:
            header["chain"] = random_chain(random)
        esp = sealed(random, sa, sa.top, size() if length is None else length)
        self.last = outer(random, sa, esp, random.choice((0, 0, 1, 2)), **header)
        return self.last

    def carries(self):
        """The next packet of the SA, with TCP or UDP inside whose checksum is mostly right."""
        sa = self.sa
        numbers(sa)
        src, ends = address(sa.ipv6), None
        if sa.tunnel:
            ipv6 = random.random() < 0.5
            ends = dict(src=address(ipv6), dst=address(ipv6))
            proto, body = segment(**ends)
            text = text_of(ip(random, ipv6, body, proto, **ends, tos=usual_tos(random)))
        else:
            proto, body = segment(src, sa.dst)
            text = body + trailer(len(body), proto)
        esp = sa.seal(sa.top, text, random.randbytes(8))
        self.last = outer(random, sa, esp, random.randrange(3), src=src, tos=usual_tos(random))
        return self.last

    def forged(self):
        """A packet of a number that may still come, with one bit of the ICV wrong."""
        sa = self.sa
        esp = bytearray(sealed(random, sa, sa.top + 1, size()))
        esp[-1 - random.randrange(sa.icv)] ^= 1 << random.randrange(8)
        return outer(random, sa, bytes(esp))

    def wrong(self):
        """Wrong in one of many ways, mostly before its ICV is looked at."""
        numbers(self.sa)
        return random.choice(list(wrong_frames(random, self.sa, self.sa.top)))[0]


def stranger():
    """A packet of an SA that the card never had; not in UDP, where it might pass for something else."""
    return Peer(in_sa(0, flags=0)).good()


class Mix:
    """Random traffic on both pairs and from the wire. outs, inplace: of each pair; shared: used by both."""

    def __init__(self, card, outs, inplace, shared, wire_peers, host_peers):
        self.card, self.outs, self.inplace, self.shared = card, outs, inplace, shared
        self.wire_peers, self.host_peers = wire_peers, host_peers
        self.gone = []  # handles of SAs that were deleted

    def host(self, number):
        """One descriptor on a pair (two with a context), if it has room for it and for its result."""
        card = self.card
        if card.room(number) < 4 or card.pairs[number].tx.free < 2:
            return
        if random.random() < 0.05 and card.pairs[number].tx.free > 8:
            sa = random.choice((None, *self.outs[number][:3], self.inplace[number]))  # these stay
            first = random.randrange(1, 1 << 31) if sa is self.inplace[number] else None
            tso = Tso(random, random.randrange(1, 3000), random.randrange(300, 900))
            card.segments(number, tso, sa, first)
            return
        kind, lookaside = random.random(), random.random() < 0.4
        if kind < 0.12:
            data = random.randbytes(random.choice((14, 59, 60, 64, 65, size())))
            card.send_out(number, data, lookaside=lookaside)
        elif kind < 0.4:
            sa = random.choice((*self.outs[number], self.shared))
            ipv6 = sa.ipv6 if not sa.tunnel else random.random() < 0.5
            op = random.choice((ENCRYPT, ENCRYPT, ENCRYPT, DUMMY))
            card.send_out(number, any_frame(ipv6), op, sa.handle, lookaside)
        elif kind < 0.5:
            card.send_out(number, any_frame(random.random() < 0.5), POLICY, lookaside=lookaside)
        elif kind < 0.6:
            sa, high = self.inplace[number], random.choice((0, random.getrandbits(32)))
            if random.random() < 0.4:
                given = random.getrandbits(64) | 1
                card.context(number, seq=given)
                ipv6 = sa.ipv6 if not sa.tunnel else random.random() < 0.5
                card.send_out(number, any_frame(ipv6), NUMBERED, sa.handle, lookaside, given=given)
                return
            if high:
                card.context(number, high)
            frame = inplace_frame(sa, 4 * random.randint(1, 100), tags=random.randrange(3))
            card.send_out(number, frame, INPLACE, sa.handle, lookaside, number_hi=high)
        elif kind < 0.8:
            card.decrypts(number, self.inbound(random.choice(self.host_peers[number])))
        else:
            self.mistake(number, lookaside)

    @staticmethod
    def inbound(peer):
        kind = random.random()
        if kind < 0.1:
            return plain_frame(random, random.choice((60, 64, 65, size() + 54)))
        if kind < 0.2:
            ipv6 = random.random() < 0.5
            ends = dict(src=address(ipv6), dst=address(ipv6))
            proto, body = segment(**ends)
            return eth(random, ip(random, ipv6, body, proto, **ends), random.randrange(3))
        if kind < 0.4:
            return peer.carries()
        if kind < 0.7 or not peer.last:
            return peer.good()
        if kind < 0.78:
            return peer.forged()
        if kind < 0.86:
            return peer.last
        if kind < 0.92:
            return stranger()
        return peer.wrong()

    def mistake(self, number, lookaside):
        """What the host did wrong."""
        card, sa = self.card, random.choice(self.outs[number])
        frame = ethernet(packet(size()))
        kind = random.randrange(7)
        if kind == 0:
            card.refused(number, "BAD_LENGTH", length=random.choice((0, 13, FRAME_MAX + 1, 65535)))
        elif kind == 1:
            card.refused(number, "BAD_FLAGS", flags=random.choice((0x10, 0x80, 0x41)))
        elif kind == 2:
            card.refused(number, "BAD_OP", op=random.choice((9, 255)))
        elif kind == 3:
            card.refused(number, "DMA_READ")
        elif kind == 4 and self.gone:
            card.send_out(number, frame, ENCRYPT, random.choice(self.gone), lookaside, "SA_STALE")
        elif kind == 5:
            handle = self.wire_peers[0].sa.handle
            card.send_out(number, frame, ENCRYPT, handle, lookaside, "SA_DIRECTION")
        else:
            data = bytearray(frame)
            data[random.randrange(12, 34)] ^= 1 << random.randrange(8)
            card.send_out(number, bytes(data), ENCRYPT, sa.handle, lookaside)

    def wire(self):
        """One frame from the wire."""
        card, peer = self.card, random.choice(self.wire_peers)
        if any(card.room(number) < 4 for number in range(len(card.pairs))):
            return
        kind = random.random()
        if kind < 0.05:
            card.wire_drop(random.randbytes(random.randrange(1, 14)), "RUNT")
        elif kind < 0.1:
            card.wire_drop(random.randbytes(size()), "WIRE_ERROR", bad=True)
        elif kind < 0.11:
            card.wire_drop(random.randbytes(FRAME_MAX + random.randrange(1, 100)), "OVERSIZE")
        elif kind < 0.14:
            data = bytearray(self.inbound(peer))
            data[random.randrange(6)] ^= 1 << random.randrange(8)
            card.from_wire(bytes(data), want="FILTERED")
        elif kind < 0.18:
            card.from_wire(ETH[:12] + random.randbytes(random.choice((2, 46, 48))))
        else:
            card.from_wire(self.inbound(peer))
