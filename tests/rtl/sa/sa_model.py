# SPDX-License-Identifier: BSD-2-Clause
"""Model of the SA table, written from RFC 4303 and the ABI header, not from the RTL."""

import random
import struct
from dataclasses import dataclass, field

from frames import Struct

OK, SA_STALE, SA_DIRECTION, SEQ_EXHAUSTED, NO_SA = 0, 8, 9, 10, 12
REPLAY, ICV, PADDING, DUMMY = 22, 23, 24, 27
MBX_OK, MBX_DUPLICATE, MBX_FULL, MBX_HANDLE = 0, 17, 18, 19
OUT, IN = 1, 2
TUNNEL, TRANSPORT = 1, 2

CTX = Struct(
    key=256,
    key_len=2,
    h=128,
    salt=32,
    spi=32,
    tunnel=1,
    icv_bytes=5,
    qid=4,
    flags=32,
    hdr_bytes=6,
    hdr=320,
    hdr_sum=16,
)
OUT_REQ = Struct(handle=32, bytes=16, hdr_bytes=6)
OUT_RSP = Struct(status=8, seq=64, ctx=CTX.width)
IN_REQ = Struct(ipv6=1, dst=128, spi=32, seq=32)
IN_RSP = Struct(status=8, handle=32, seq=64, ctx=CTX.width)
COMMIT = Struct(handle=32, seq=64, bytes=16, status=8)


def le(data):
    return int.from_bytes(data, "little")


@dataclass
class Sa:
    """One SA, and what must be remembered of it."""

    dir: int
    dst: bytes
    spi: bytes
    mode: int = TUNNEL
    ipv6: bool = False
    key: bytes = bytes(range(1, 33))
    h: bytes = bytes(range(16))
    salt: bytes = b"salt"
    src: bytes = b"\xc0\x00\x02\x01"
    hdr: bytes = b""
    hdr_sum: int = 0
    icv_len: int = 16
    queue: int = 0
    seq: int = 0
    window: int = 64
    flags: int = 0
    handle: int = 0
    packets: int = 0
    bytes: int = 0
    replayed: int = 0
    icv_failed: int = 0
    received: set = field(default_factory=set)

    @property
    def name(self):
        return (self.dir, self.ipv6, self.dst.ljust(16, b"\0"), self.spi)

    def record(self):
        """struct vesper_sa_record."""
        return struct.pack(
            "<32s16s4s4s16s16s40sBBBBBBHQIIH102x",
            self.key,
            self.h,
            self.salt,
            self.spi,
            self.dst,
            self.src,
            self.hdr,
            len(self.hdr),
            {16: 0, 24: 1, 32: 2}[len(self.key)],
            self.icv_len,
            self.mode,
            6 if self.ipv6 else 4,
            self.dir,
            self.queue,
            self.seq,
            self.window,
            self.flags,
            self.hdr_sum,
        )

    def state(self):
        """struct vesper_sa_state."""
        return struct.pack(
            "<QQQQQ4sBBBB16s16sHHI",
            self.seq,
            self.packets,
            self.bytes,
            self.replayed,
            self.icv_failed,
            self.spi,
            self.mode,
            6 if self.ipv6 else 4,
            {16: 0, 24: 1, 32: 2}[len(self.key)],
            self.icv_len,
            self.src,
            self.dst,
            self.queue,
            self.window,
            0,
        )

    def ctx(self):
        outbound = self.dir == OUT
        return {
            "key": le(self.key),
            "key_len": {16: 0, 24: 1, 32: 2}[len(self.key)],
            "h": le(self.h),
            "salt": le(self.salt),
            "spi": le(self.spi),
            "tunnel": int(self.mode == TUNNEL),
            "icv_bytes": self.icv_len,
            "qid": self.queue & 15,
            "flags": self.flags,
            "hdr_bytes": len(self.hdr) if outbound else 0,
            "hdr": le(self.hdr) if outbound else 0,
            "hdr_sum": self.hdr_sum if outbound else 0,
        }

    def replay(self, seq):
        """RFC 4303 3.4.3: is this number a duplicate, or left of the window? What stood at install counts as seen."""
        if self.window <= 1:
            return False
        if seq == 0:
            return True
        if seq + self.window <= self.seq:
            return True
        return seq in self.received or seq <= self.first

    def start(self, handle):
        self.handle, self.first, self.received = handle, self.seq, set()

    def commit(self, seq, size, status):
        if status == ICV:
            self.icv_failed += 1
            return ICV
        if status == REPLAY or self.replay(seq):
            self.replayed += 1
            return REPLAY
        self.received.add(seq)
        self.seq = max(self.seq, seq)
        if status == OK:
            self.packets += 1
            self.bytes += size
        return status

    def lookup_out(self, size, hdr_bytes):
        if self.seq >= 0xFFFFFFFF:
            return SEQ_EXHAUSTED, 0
        self.seq += 1
        self.packets += 1
        self.bytes += size - (0 if self.mode == TUNNEL else hdr_bytes)
        return OK, self.seq


def random_sa(rng, direction, spi=None, dst=None):
    mode = rng.choice([TUNNEL, TRANSPORT])
    ipv6 = rng.random() < 0.2
    return Sa(
        dir=direction,
        dst=(dst or rng.randbytes(16 if ipv6 else 4)).ljust(16, b"\0"),
        spi=spi or rng.randrange(256, 2**32).to_bytes(4, "big"),
        mode=mode,
        ipv6=ipv6 and dst is None,
        key=rng.randbytes(rng.choice([16, 24, 32])),
        h=rng.randbytes(16),
        salt=rng.randbytes(4),
        src=rng.randbytes(16 if ipv6 else 4).ljust(16, b"\0"),
        hdr=rng.randbytes(20) if direction == OUT and mode == TUNNEL else b"",
        hdr_sum=rng.randrange(65536),
        icv_len=rng.choice([8, 12, 16]),
        queue=rng.randrange(16),
        seq=rng.choice([0, 0, 0, rng.randrange(1000)]),
        window=rng.choice([0, 1, 32, 64, 65, 128, 1024, 4096]) if direction == IN else 0,
        flags=rng.randrange(2) if direction == OUT else 0,
    )


def seeded():
    import os

    return random.Random(int(os.environ.get("VESPER_SEED", "1")))
