# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic against models in Python, and the two forms of each function against each other."""

import random

import cocotb
from cocotb.triggers import Timer
from gcm.bench import gf_mul


def values(rng, count):
    """Pairs of 128-bit numbers: single bits, all ones, random, sparse, dense."""
    ones = (1 << 128) - 1
    yield from ((1 << i, 1 << j) for i in range(0, 128, 7) for j in range(0, 128, 5))
    yield from (
        (x, y) for x in (0, 1, ones, 1 << 127, ones >> 64) for y in (0, 1, ones, 1 << 127, ones >> 64)
    )
    for _ in range(count):
        x, y = rng.getrandbits(128), rng.getrandbits(128)
        yield x, y
        yield x & rng.getrandbits(128) & rng.getrandbits(128), y
        yield x | rng.getrandbits(128) | rng.getrandbits(128), y | rng.getrandbits(128)


async def apply(dut, a, b):
    dut.a.value = a
    dut.b.value = b
    await Timer(1, "ns")


def clmul(a, b):
    return 0 if not b else (a if b & 1 else 0) ^ clmul(a << 1, b >> 1)


@cocotb.test()
async def carry_less_product(dut):
    for a, b in values(random.Random(1), 400):
        await apply(dut, a, b)
        want = clmul(a & 0xFFFFFFFF, b & 0xFFFFFFFF)
        assert dut.clmul.value == want, f"{a:x} {b:x}"


@cocotb.test()
async def field_product_and_square(dut):
    for a, b in values(random.Random(2), 400):
        await apply(dut, a, b)
        x, y = a.to_bytes(16, "big"), b.to_bytes(16, "big")
        for form in (dut.product, dut.product_logic):
            assert int(form.value).to_bytes(16, "big") == gf_mul(x, y), f"{x.hex()} * {y.hex()}"
        assert int(dut.square.value).to_bytes(16, "big") == gf_mul(x, x), f"{x.hex()} squared"
        assert int(dut.swapped.value).to_bytes(16, "little") == x


def aes_column(column, key):
    """SubBytes, MixColumns, AddRoundKey of one column (FIPS-197, 5.1)."""

    def gmul(x, y):
        return 0 if not y else (x if y & 1 else 0) ^ gmul((x << 1) ^ (0x11B if x & 0x80 else 0), y >> 1)

    def sub(x):
        inverse = next((y for y in range(256) if gmul(x, y) == 1), 0)
        return 0x63 ^ inverse ^ rotations(inverse)

    def rotations(v):
        result = 0
        for n in (1, 2, 3, 4):
            result ^= (v << n | v >> (8 - n)) & 0xFF
        return result

    s = [sub(x) for x in column]
    out = [gmul(s[r], 2) ^ gmul(s[(r + 1) % 4], 3) ^ s[(r + 2) % 4] ^ s[(r + 3) % 4] for r in range(4)]
    return bytes(o ^ k for o, k in zip(out, key, strict=True))


@cocotb.test()
async def aes_round_word(dut):
    rng = random.Random(3)
    columns = [bytes(x if i == row else 0 for i in range(4)) for x in range(256) for row in range(4)]
    columns += [rng.randbytes(4) for _ in range(500)]
    for n, column in enumerate(columns):
        key = rng.randbytes(4)
        await apply(dut, int.from_bytes(column, "little"), int.from_bytes(key, "little"))
        assert dut.round_logic.value == dut.round_table.value, column.hex()
        if n % 4 == 0 or n >= 1024:
            want = aes_column(column, key)
            assert int(dut.round_table.value).to_bytes(4, "little") == want, column.hex()


@cocotb.test()
async def aes_key_steps(dut):
    """As a function and as logic; that they are right shows in aes_pipe's tests."""
    for n, (a, b) in enumerate(values(random.Random(4), 300)):
        dut.key_len.value = n % 3
        await apply(dut, a, b)
        assert dut.key_steps_agree.value == (1 << 14) - 1, f"{n % 3} {a:x} {b:x}"
