# SPDX-License-Identifier: BSD-2-Clause
"""Packets of every kind for the whole card, with the fate of each."""

import random

from card_fates import OutSa
from cocotb_esp_in import bad_frames, plain_frame
from cocotb_esp_out import ethernet
from esp_in_frames import ETH, Scapy, encrypt, frame, inner_packet, ip_header, make_sa, trailer
from esp_model import packet
from mgmt import abi
from sa_model import TRANSPORT, TUNNEL

ST = {name[3:]: value for name, value in abi.CODES.items() if name.startswith("ST_")}
OK, REPLAY, ICV = ST["OK"], ST["REPLAY"], ST["ICV"]
FRAME_MAX = 9618
SIZES = (20, 21, 40, 46, 47, 64, 100, 128, 300, 576)


def size():
    """Length of an IP packet; short ones are the harder and the quicker."""
    return random.choice((*SIZES, random.randrange(20, 1400), random.randrange(20, 200)))


def out_sas(count, seq=1):
    kinds = [(key, icv, tunnel) for key in (16, 24, 32) for icv in (8, 12, 16) for tunnel in (True, False)]
    return [OutSa(*kind, seq=seq) for kind in random.sample(kinds, count)]


def in_sa(queue, mode=None, window=1024):
    mode = random.choice((TUNNEL, TRANSPORT)) if mode is None else mode
    return make_sa(random, mode, random.choice((8, 12, 16)), window=window, queue=queue)


class Peer:
    """The other end of an inbound SA: scapy makes its packets."""

    def __init__(self, sa):
        self.sa, self.scapy, self.seq = sa, Scapy(sa), sa.seq
        self.last = None  # a frame that was delivered, with its number

    def good(self):
        """(frame, what the card must make of it, sequence number)"""
        self.seq += 1
        ip = inner_packet(random, size())
        if self.sa.mode == TRANSPORT:
            ip = ip_header(len(ip) - 20, 17, dst=self.sa.dst[:4], ttl=random.randrange(1, 255)) + ip[20:]
        data = self.scapy.frame(ip, self.seq)
        self.last = (data, self.seq)
        self.sa.commit(self.seq, len(ip) - (20 if self.sa.mode == TRANSPORT else 0), OK)
        return data, ETH + ip, self.seq

    def forged(self):
        """A good packet's number with one bit of the ICV wrong; the good one may still come."""
        ip = inner_packet(random, size())
        esp = bytearray(encrypt(self.sa, self.seq + 1, ip + trailer(len(ip), 4)))
        esp[-1 - random.randrange(self.sa.icv_len)] ^= 1 << random.randrange(8)
        self.sa.commit(self.seq + 1, 0, ICV)
        return frame(self.sa, bytes(esp))

    def replayed(self):
        data, seq = self.last
        self.sa.commit(seq, 0, REPLAY)
        return data

    def unknown(self):
        """A packet of an SA that the card never had."""
        stranger = in_sa(0)
        return frame(stranger, encrypt(stranger, 1, bytes(48)))


class Mix:
    """Random traffic on both pairs and from the wire. `target`: an inbound tunnel of which only bad packets come."""

    def __init__(self, card, outs, wire_peers, host_peers, target):
        self.card, self.outs, self.wire_peers, self.host_peers = card, outs, wire_peers, host_peers
        self.target = target
        self.gone = []  # handles of SAs that were deleted

    def host(self, number):
        """One descriptor on a pair, if it has room for it and for its result."""
        card = self.card
        if card.room(number) < 4 or not card.pairs[number].tx.free:
            return
        kind, lookaside = random.random(), random.random() < 0.4
        if kind < 0.15:
            card.plain(number, random.randbytes(random.choice((14, 59, 60, 64, 65, size()))), lookaside)
        elif kind < 0.6:
            card.encrypts(number, ethernet(packet(size())), random.choice(self.outs), lookaside)
        elif kind < 0.8:
            self.decrypt(number)
        else:
            self.mistake(number, lookaside)

    def decrypt(self, number):
        card, peer = self.card, self.host_peers[number]
        kind = random.random()
        if kind < 0.7:
            data, result, seq = peer.good()
            card.decrypts(number, data, result, peer.sa, seq)
        elif kind < 0.8:
            card.decrypts(number, peer.forged(), may=(ICV,))
        elif kind < 0.9 and peer.last:
            card.decrypts(number, peer.replayed(), may=(REPLAY,))
        else:
            card.decrypts(number, peer.unknown(), may=(ST["NO_SA"],))

    def mistake(self, number, lookaside):
        """What the host did wrong."""
        card, sa = self.card, random.choice(self.outs)
        ip = packet(size())
        kind = random.randrange(9)
        if kind == 0:
            card.refused(number, ST["BAD_LENGTH"], length=random.choice((0, 13, FRAME_MAX + 1, 65535)))
        elif kind == 1:
            card.refused(number, ST["BAD_FLAGS"], flags=random.choice((2, 0x80, 3)))
        elif kind == 2:
            card.refused(number, ST["BAD_OP"], op=random.choice((3, 255)))
        elif kind == 3:
            card.refused(number, ST["DMA_READ"])
        elif kind == 4 and self.gone:
            card.encrypts(
                number, ethernet(ip), sa, lookaside, may=(ST["SA_STALE"],), handle=random.choice(self.gone)
            )
        elif kind == 5:
            handle = self.wire_peers[0].sa.handle
            card.encrypts(number, ethernet(ip), sa, lookaside, may=(ST["SA_DIRECTION"],), handle=handle)
        elif kind == 6:
            card.encrypts(number, ETH[:12] + b"\x86\xdd" + ip, sa, lookaside, may=(ST["NOT_IP"],))
        elif kind == 7:
            card.encrypts(
                number,
                ethernet(ip[:8] + bytes([ip[8] ^ 1]) + ip[9:]),
                sa,
                lookaside,
                may=(ST["IP_CHECKSUM"],),
            )
        else:
            # Beyond the MTU with any SA: costs no number.
            card.encrypts(number, ethernet(packet(1510)), sa, lookaside, may=(ST["TOO_BIG"],))

    def wire(self):
        """One frame from the wire."""
        card, peer = self.card, random.choice(self.wire_peers)
        if card.room(peer.sa.queue) < 4 or card.room(card.rx_queue) < 4:
            return
        kind = random.random()
        if kind < 0.2:
            card.wire_plain(plain_frame(random, random.choice((14, 60, 64, 65, size() + 14))))
        elif kind < 0.7:
            card.wire_esp(*self.args(peer))
        elif kind < 0.75:
            card.wire_drop(peer.forged(), ICV)
        elif kind < 0.8 and peer.last:
            card.wire_drop(peer.replayed(), REPLAY)
        elif kind < 0.85:
            card.wire_drop(peer.unknown(), ST["NO_SA"])
        elif kind < 0.9:
            card.wire_drop(random.randbytes(random.randrange(1, 14)), ST["RUNT"])
        elif kind < 0.95:
            card.wire_drop(random.randbytes(size()), ST["WIRE_ERROR"], bad=True)
        elif kind < 0.96:
            card.wire_drop(random.randbytes(FRAME_MAX + random.randrange(1, 100)), ST["OVERSIZE"])
        else:
            # Of a number that no good packet has: nothing of these moves the window.
            data, status = random.choice(list(bad_frames(random, self.target, 1)))
            if status == ICV:
                self.target.commit(1, 0, ICV)
            card.wire_drop(data, status)

    @staticmethod
    def args(peer):
        data, result, seq = peer.good()
        return data, result, peer.sa, seq
