# SPDX-License-Identifier: BSD-2-Clause
"""Drives gcm_engine from cocotb: packets in with gaps, packets out with back-pressure, cycles counted."""

import random
from dataclasses import dataclass, field

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_LEN = {16: 0, 24: 1, 32: 2}


def le(data):
    """A byte string as the card holds it: byte 0 in the lowest bits."""
    return int.from_bytes(data, "little")


def aes(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def gf_mul(x, y):
    """Product of two 16-byte blocks in GF(2^128), bit by bit as in SP 800-38D, 6.3."""
    x, v, z = int.from_bytes(x, "big"), int.from_bytes(y, "big"), 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= v
        v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
    return z.to_bytes(16, "big")


def ghash(h, data):
    y = bytes(16)
    for i in range(0, len(data), 16):
        y = gf_mul(bytes(a ^ b for a, b in zip(y, data[i : i + 16], strict=True)), h)
    return y


def pad16(data):
    return data + bytes(-len(data) % 16)


def j0_of(key, iv):
    """Pre-counter block (SP 800-38D, 7.1)."""
    if len(iv) == 12:
        return iv + b"\0\0\0\1"
    return ghash(aes(key, bytes(16)), pad16(iv) + bytes(8) + (8 * len(iv)).to_bytes(8, "big"))


@dataclass
class Packet:
    """One packet, what must come out, and (when seen) in which cycle it did."""

    key: bytes
    j0: bytes
    aad: bytes
    data: bytes
    want: bytes
    tag: bytes
    decrypt: bool = False
    auth_only: bool = False
    tag_bytes: int = 16  # how many bytes of the tag are known
    h: bytes = None
    name: str = ""
    first_in: int = field(default=None, compare=False)
    last_out: int = field(default=None, compare=False)

    def job(self):
        h = aes(self.key, bytes(16)) if self.h is None else self.h
        value, width = 0, 0
        # packed struct, last member lowest
        for part, bits in (
            (int(self.auth_only), 1),
            (int(self.decrypt), 1),
            (len(self.aad), 5),
            (le(self.aad), 160),
            (le(self.j0), 128),
            (le(h), 128),
            (KEY_LEN[len(self.key)], 2),
            (le(self.key), 256),
        ):
            value |= part << width
            width += bits
        return value


def gcm_packet(key, iv, aad, plain, decrypt=False, name=""):
    """A packet of AES-GCM, checked against `cryptography`."""
    sealed = AESGCM(key).encrypt(iv, plain, aad)
    cipher, tag = sealed[:-16], sealed[-16:]
    data, want = (cipher, plain) if decrypt else (plain, cipher)
    return Packet(key, j0_of(key, iv), aad, data, want, tag, decrypt=decrypt, name=name)


def model_packet(key, j0, aad, plain, name=""):
    """A packet of AES-GCM with a J0 of one's choice, by the model in this file."""
    counter = int.from_bytes(j0[12:], "big")
    blocks = (len(plain) + 15) // 16
    stream = b"".join(
        aes(key, j0[:12] + ((counter + 1 + i) % 2**32).to_bytes(4, "big")) for i in range(blocks)
    )
    cipher = bytes(a ^ b for a, b in zip(plain, stream, strict=False))
    lengths = (8 * len(aad)).to_bytes(8, "big") + (8 * len(plain)).to_bytes(8, "big")
    hashed = ghash(aes(key, bytes(16)), pad16(aad) + pad16(cipher) + lengths)
    tag = bytes(a ^ b for a, b in zip(hashed, aes(key, j0), strict=True))
    return Packet(key, j0, aad, plain, cipher, tag, name=name)


def gmac_packet(key, iv, aad, stream, name=""):
    """A GMAC packet: aad (0, 16 or 20 bytes) and then stream, all of it authenticated only."""
    tag = AESGCM(key).encrypt(iv, b"", aad + stream)
    return Packet(key, j0_of(key, iv), aad, stream, stream, tag, auth_only=True, name=name)


def h_packet(key):
    """The trick by which the card computes H: with H = 0 and nothing to hash the tag is E(key, J0)."""
    return Packet(key, bytes(16), b"", b"", b"", aes(key, bytes(16)), h=bytes(16), name="E(K,0)")


def random_packet(rng, size=None):
    key = rng.randbytes(rng.choice((16, 24, 32)))
    iv = rng.randbytes(12 if rng.random() < 0.8 else rng.choice((8, 16, 60)))
    size = rng.choice((rng.randrange(0, 100), rng.randrange(0, 1601))) if size is None else size
    data = rng.randbytes(size)
    kind = rng.random()
    if kind < 0.05:
        return h_packet(key)
    if kind < 0.25:
        return gmac_packet(key, iv, rng.randbytes(rng.choice((0, 16, 20))), data)
    return gcm_packet(key, iv, rng.randbytes(rng.choice((0, 8, 12, 16, rng.randrange(17)))), data, kind < 0.6)


class Bench:
    """One engine. `gap` and `stall` are the probabilities of a pause at the input and at the output."""

    def __init__(self, dut, seed=1):
        self.dut = dut
        self.rng = random.Random(seed)
        self.cycle = 0

    async def start(self):
        Clock(self.dut.clk, 2, "ns").start()
        self.dut.s_valid.value = 0
        self.dut.m_ready.value = 0
        await self.reset()
        cocotb.start_soon(self._count())

    async def reset(self):
        self.dut.rst.value = 1
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def _count(self):
        while True:
            await RisingEdge(self.dut.clk)
            self.cycle += 1

    async def send(self, packets, gap=0.0):
        dut = self.dut
        for packet in packets:
            beats = [packet.data[i : i + 64] for i in range(0, len(packet.data), 64)] or [b""]
            for i, beat in enumerate(beats):
                while self.rng.random() < gap:
                    dut.s_valid.value = 0
                    # what is not valid must not matter
                    dut.s_data.value = self.rng.getrandbits(512)
                    await RisingEdge(dut.clk)
                dut.s_valid.value = 1
                dut.s_job.value = packet.job() if i == 0 else self.rng.getrandbits(681)
                # what lies beyond the last byte must not matter either
                dut.s_data.value = le(beat + self.rng.randbytes(64 - len(beat)))
                dut.s_bytes.value = len(beat)
                dut.s_last.value = int(i == len(beats) - 1)
                while True:
                    await ReadOnly()
                    accepted = bool(dut.s_ready.value)
                    await RisingEdge(dut.clk)
                    if accepted:
                        break
                if i == 0:
                    packet.first_in = self.cycle
        dut.s_valid.value = 0

    async def receive(self, packets, stall=0.0):
        dut = self.dut
        for number, packet in enumerate(packets):
            got = b""
            what = f"packet {number} {packet.name} ({len(packet.data)} B, key {len(packet.key)} B, aad {len(packet.aad)} B)"
            held = None
            while True:
                dut.m_ready.value = int(self.rng.random() >= stall)
                await ReadOnly()
                taken = bool(dut.m_valid.value) and bool(dut.m_ready.value)
                if dut.m_valid.value:
                    now = (dut.m_data.value, dut.m_bytes.value, dut.m_last.value)
                    assert held is None or held == now, f"{what}: output changed while it waited"
                    held = None if taken else now
                else:
                    assert held is None, f"{what}: m_valid fell while the output waited"
                if taken:
                    data = int(dut.m_data.value).to_bytes(64, "little")
                    count = int(dut.m_bytes.value)
                    last = bool(dut.m_last.value)
                    tag = int(dut.m_tag.value).to_bytes(16, "little")
                    assert last or count == 64, f"{what}: {count} bytes in a beat that is not the last"
                    assert not any(data[count:]), f"{what}: bytes beyond m_bytes are not zero"
                    got += data[:count]
                await RisingEdge(dut.clk)
                if taken and last:
                    break
            packet.last_out = self.cycle
            assert got == packet.want, f"{what}: data\n got {got.hex()}\nwant {packet.want.hex()}"
            n = packet.tag_bytes
            assert tag[:n] == packet.tag[:n], f"{what}: tag {tag.hex()}, not {packet.tag.hex()}"
        dut.m_ready.value = 0

    async def exchange(self, packets, gap=0.0, stall=0.0):
        """All packets through the engine and checked; returns the cycles between first and last tag."""
        sender = cocotb.start_soon(self.send(packets, gap))
        await self.receive(packets, stall)
        await sender
        await RisingEdge(self.dut.clk)  # the credit of the last beat is on its way
        await ReadOnly()
        assert self.dut.idle.value == 1, "idle is not set though all packets have left"
        assert self.dut.m_valid.value == 0, "a packet more came out than went in"
        await RisingEdge(self.dut.clk)
        return packets[-1].last_out - packets[0].last_out
