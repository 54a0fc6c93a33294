# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of aes_pipe: FIPS-197, NIST CAVP, random blocks with a new key each cycle."""

import os
import random
from pathlib import Path

import cocotb
import cryptography_vectors
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCKS = int(os.environ.get("AES_BLOCKS", "4"))
STAGES = 15
STAGE_CYCLES = int(os.environ.get("AES_STAGE_CYCLES", "1"))  # 2: written in every cycle, see aes_pkg
LATENCY = STAGES * STAGE_CYCLES
ENTRY_128 = 4  # stages before the first round of a 128-bit key
KEY_LEN = {16: 0, 24: 1, 32: 2}
CAVP = Path(cryptography_vectors.__file__).parent / "ciphers" / "AES" / "ECB"

# FIPS-197, appendices B and C: key, plaintext, ciphertext.
FIPS_197 = [
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    ),
    (
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ),
    (
        "000102030405060708090a0b0c0d0e0f1011121314151617",
        "00112233445566778899aabbccddeeff",
        "dda97ca4864cdfe06eaf70a0ec0d7191",
    ),
    (
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "00112233445566778899aabbccddeeff",
        "8ea2b7ca516745bfeafc49904b496089",
    ),
]


def le(data):
    return int.from_bytes(data, "little")


def encrypt(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


async def start(dut):
    Clock(dut.clk, 2, "ns").start()
    dut.i_valid.value = 0
    dut.rst.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


async def check(dut, beats, gap=0.0):
    """Sends beats of (key, [(plain, cipher) or None for a column that rests]); checks order and latency."""
    rng = random.Random(len(beats))
    sent, cycle, beat, seen = [], 0, 0, 0
    while seen < len(beats):
        if beat < len(beats) and rng.random() >= gap:
            key, columns = beats[beat]
            columns = list(columns) + [None] * (BLOCKS - len(columns))
            block = 0
            for c, pair in enumerate(columns):
                block |= le(pair[0] if pair else rng.randbytes(16)) << 128 * c
            dut.i_valid.value = 1
            dut.i_len.value = KEY_LEN[len(key)]
            dut.i_key.value = le(key)
            dut.i_en.value = sum(1 << c for c, pair in enumerate(columns) if pair)
            dut.i_block.value = block
            sent.append((cycle, columns))
            beat += 1
        else:
            dut.i_valid.value = 0
            dut.i_key.value = rng.getrandbits(256)
        await ReadOnly()
        if dut.o_valid.value:
            at, columns = sent[seen]
            assert cycle - at == LATENCY, f"beat {seen}: latency {cycle - at}"
            out = int(dut.o_block.value).to_bytes(16 * BLOCKS, "little")
            for c, pair in enumerate(columns):
                got = out[16 * c : 16 * c + 16]
                assert not pair or got == pair[1], f"beat {seen} column {c}: {got.hex()}, not {pair[1].hex()}"
            seen += 1
        elif seen < len(sent):
            assert cycle - sent[seen][0] < LATENCY, f"beat {seen}: nothing after {LATENCY} cycles"
        await RisingEdge(dut.clk)
        cycle += 1
    dut.i_valid.value = 0


@cocotb.test()
async def fips_197(dut):
    await start(dut)
    vectors = [tuple(map(bytes.fromhex, v)) for v in FIPS_197]
    await check(dut, [(k, [(p, c)] * BLOCKS) for k, p, c in vectors * 3])


def cavp():
    beats = []
    for path in sorted(CAVP.glob("ECB*.rsp")):
        if "MCT" in path.name or "MMT" in path.name:
            continue
        fields = {}
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line
            if " = " not in line:
                continue
            name, value = line.split(" = ")
            fields[name] = value
            if section == "[ENCRYPT]" and name == "CIPHERTEXT":
                key, plain, cipher = (bytes.fromhex(fields[n]) for n in ("KEY", "PLAINTEXT", "CIPHERTEXT"))
                beats.append((key, [(plain, cipher)]))
    return beats


@cocotb.test()
async def nist_cavp(dut):
    await start(dut)
    beats = cavp()
    assert len(beats) > 1000
    assert {len(k) for k, _ in beats} == {16, 24, 32}
    await check(dut, beats)


def random_beats(rng, count):
    beats = []
    for _ in range(count):
        key = rng.randbytes(rng.choice((16, 24, 32)))
        columns = []
        for _ in range(BLOCKS):
            plain = rng.randbytes(16)
            columns.append((plain, encrypt(key, plain)) if rng.random() < 0.8 else None)
        beats.append((key, columns))
    return beats


@cocotb.test()
async def random_keys(dut):
    """A new key, of any length, in each cycle."""
    await start(dut)
    await check(dut, random_beats(random.Random(1), 400))


@cocotb.test()
async def random_gaps(dut):
    await start(dut)
    await check(dut, random_beats(random.Random(2), 300), gap=0.5)


@cocotb.test()
async def reset_empties(dut):
    """What was inside at a reset does not come out."""
    await start(dut)
    dut.i_valid.value = 1
    for _ in range(LATENCY - 2):
        await RisingEdge(dut.clk)
    dut.i_valid.value = 0
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    for _ in range(LATENCY + 2):
        await RisingEdge(dut.clk)
        await ReadOnly()
        assert dut.o_valid.value == 0
    await RisingEdge(dut.clk)
    await check(dut, random_beats(random.Random(3), 20))


def held(dut):
    """What the stages hold: key-schedule states, the columns' states, and blocks that wait for their first round."""
    words = [int(v.value) for v in dut.key][1:-1]  # there is no key behind the last round
    for name, stages in (("state", STAGES), ("entry", ENTRY_128)):
        for stage in list(getattr(dut, name))[1 : stages + 1]:
            words += [int(stage.value) >> 128 * c & 2**128 - 1 for c in range(BLOCKS)]
    return words


async def held_at_rest(dut):
    """The same, of a pipeline that is written in every cycle, when zeros went in for as long as it is."""
    for name in ("i_key", "i_len", "i_block"):
        getattr(dut, name).value = 0
    for _ in range(LATENCY + 1):
        await RisingEdge(dut.clk)
    return held(dut)


@cocotb.test(skip=STAGE_CYCLES == 1)
async def nothing_stays(dut):
    """Where every cycle writes, nothing of a key or a block outlasts the pipeline's length."""
    await start(dut)
    rng = random.Random(4)
    before = await held_at_rest(dut)
    for size in (16, 24, 32):
        plain = rng.randbytes(16)
        key = rng.randbytes(size)
        await check(dut, [(key, [(plain, encrypt(key, plain))] * BLOCKS)])
        assert held(dut) != before
        assert await held_at_rest(dut) == before, f"{8 * size}-bit key"


@cocotb.test(skip=STAGE_CYCLES != 1)
async def beat_overwrites(dut):
    """Nothing of a key or a block stays once a beat of any key length went through with every column."""
    await start(dut)
    rng = random.Random(4)
    for size in (16, 24, 32):
        for _ in range(2):
            before = held(dut)
            plain = rng.randbytes(16)
            key = rng.randbytes(size)
            await check(dut, [(key, [(plain, encrypt(key, plain))] * BLOCKS)])
        assert all(a != b for a, b in zip(held(dut), before, strict=True)), f"{8 * size}-bit key"
