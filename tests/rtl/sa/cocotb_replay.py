# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: replay windows of every size against a set of all numbers ever received (RFC 4303 3.4.3, RFC 6479)."""

import cocotb
from sa_bench import Table, in_req
from sa_model import COMMIT, DROPS, ESN, ICV, IN, IN_RSP, MBX_OK, OK, REPLAY, random_sa, seeded

WINDOWS = [0, 1, 2, 32, 63, 64, 65, 128, 1000, 1024, 4095, 4096]


async def sas(dut, windows, seq=0, t=None, flags=0):
    rng = t.rng if t else seeded()
    if t:
        await t.reset()
    else:
        t = Table(dut, rng)
        await t.start()
    made = []
    for window in windows:
        sa = random_sa(rng, IN)
        sa.window, sa.seq, sa.flags = window, seq, flags
        assert await t.install(sa) == MBX_OK
        made.append(sa)
    return t, rng, made


async def precheck(t, sa, seq):
    """The lookup's verdict with no commit under way is the model's, and so is the upper half it infers."""
    rsp = await t.lookup_in(sa, seq)
    got, want = (rsp["status"], rsp["seq"]), sa.lookup_in(seq & 0xFFFFFFFF, sa.flags & 128)
    assert got == want, f"window {sa.window} at {sa.seq:#x}: {seq:#x} is {got}, not {want}"


def commit(t, sa, seq, status=OK):
    want = sa.commit(seq, 1, status)
    top = sa.seq

    def done(got):
        assert got == want, f"window {sa.window}, top {top}, number {seq}: {got}, not {want}"

    t.cm.send(COMMIT.pack(handle=sa.handle, seq=seq, bytes=1, status=status), done)


def next_number(rng, sa):
    """In order mostly; late, at the window's left edge, repeated, or far ahead."""
    kind = rng.random()
    if kind < 0.4:
        seq = sa.seq + 1
    elif kind < 0.7:
        seq = sa.seq - rng.randrange(0, max(2, sa.window + 70))
    elif kind < 0.8:
        seq = sa.seq - sa.window + rng.choice([-1, 0, 1, 2])
    elif kind < 0.97:
        seq = sa.seq + rng.randrange(1, 200)
    else:
        seq = sa.seq + rng.choice([63, 64, 65, 4031, 4032, 4095, 4096, 4097, 8192, 100000])
    return min(max(seq, 0), 2**64 - 1 if sa.flags & ESN else 2**32 - 1)


@cocotb.test()
async def random_walk(dut):
    """All windows at the same time, back to back, so that bypasses of different SAs meet."""
    t, rng, all_sas = await sas(dut, WINDOWS)
    for _ in range(500):
        sa = rng.choice(all_sas)
        for _ in range(rng.choice([1, 1, 2, 5, 20])):
            commit(t, sa, next_number(rng, sa), ICV if rng.random() < 0.05 else OK)
        if rng.random() < 0.3:
            await t.drain()
            for _ in range(4):
                await precheck(t, sa, next_number(rng, sa))
    await t.drain()
    for sa in all_sas:
        await t.same(sa)
        assert sa.packets > 50 and (sa.drops[DROPS[REPLAY]] > 5 or sa.window < 2)


@cocotb.test()
async def every_position(dut):
    """Each number of a window is accepted once and only once, whichever order they come in."""
    t, rng, all_sas = await sas(dut, WINDOWS)
    for sa in all_sas:
        top = 3 * 4096 + rng.randrange(4096)
        commit(t, sa, top)
        numbers = list(range(top - sa.window - 3, top + 1))
        rng.shuffle(numbers)
        for seq in numbers:
            commit(t, sa, seq)
        for seq in rng.sample(numbers, min(len(numbers), 60)):
            commit(t, sa, seq)
        await t.drain()
        if sa.window > 1:
            assert sa.packets == sa.window


@cocotb.test()
async def zero_is_refused(dut):
    t, _, all_sas = await sas(dut, WINDOWS)
    for sa in all_sas:
        rsp = IN_RSP.unpack(await t.ask(t.inb, in_req(sa, 0)))
        assert rsp["status"] == (OK if sa.window <= 1 else REPLAY)


@cocotb.test()
async def forged_packet_moves_nothing(dut):
    """A number far ahead with a bad ICV does not push the window (the reason for the two steps)."""
    t, _, all_sas = await sas(dut, WINDOWS)
    for sa in all_sas:
        commit(t, sa, 10)
        commit(t, sa, 2**32 - 1, ICV)
        commit(t, sa, 11)
        await t.drain()
        assert sa.packets == 2 and sa.drops[DROPS[ICV]] == 1
        await t.same(sa)


@cocotb.test()
async def resumed(dut):
    """An SA installed with `seq` takes nothing up to it: what was seen before is not known."""
    t = None
    for start in (1, 63, 64, 5000, 70000):
        t, rng, all_sas = await sas(dut, WINDOWS, start, t)
        for sa in all_sas:
            for seq in sorted(
                {0, 1, start // 2, start - 1, start, start + 1, start + 2, max(1, start - sa.window + 1)}
            ):
                await precheck(t, sa, seq)
            for _ in range(60):
                commit(t, sa, next_number(rng, sa))
            await t.drain()


EDGES = [
    0,
    1,
    2,
    62,
    63,
    64,
    1000,
    4094,
    4095,
    4096,
    4097,
    2**31 - 2,
    2**31 - 1,
    2**31,
    2**32 - 4096,
    2**32 - 2,
]


@cocotb.test()
async def esn_inference(dut):
    """The upper half of a number, at every edge of the window and of the subspaces (RFC 4303 A2.1)."""
    t = None
    for high in (0, 1, 0x1234, 2**32 - 1):
        for low in EDGES:
            t, rng, all_sas = await sas(dut, [0, 1, 2, 64, 1000, 4095, 4096], high << 32 | low, t, ESN)
            for sa in all_sas:
                # s around Tl, around the window's bottom, around half a subspace away, anywhere
                tests = {low + d for d in (-1, 0, 1, 2)} | {low - sa.window + d for d in (0, 1, 2)}
                tests |= {low + 2**31 + d for d in (-1, 0, 1)} | {0, 2**32 - 1, rng.randrange(2**32)}
                for s in sorted(tests):
                    await precheck(t, sa, s & 0xFFFFFFFF)


@cocotb.test()
async def esn_subspaces(dut):
    """Traffic across 2^32, with every window: numbers are inferred, accepted once, and late ones of the subspace
    below still are."""
    t, rng, all_sas = await sas(dut, WINDOWS, 2**32 - 3000, None, ESN)
    for sa in all_sas:
        for _ in range(150):
            ahead = rng.choice([1, 1, 1, 50, 200, -rng.randrange(0, max(2, sa.window))])
            number = max(0, sa.seq + ahead)
            # As the receiver does it: infer, then commit what was inferred.
            want = sa.lookup_in(number & 0xFFFFFFFF, sa.flags & 128)
            rsp = await t.lookup_in(sa, number)
            assert (rsp["status"], rsp["seq"]) == want
            if sa.window > 1:
                assert want[1] == number
            if want[0] == OK:
                commit(t, sa, want[1])
                await t.drain()
        await t.drain()
        assert sa.seq > 2**32
        await t.same(sa)
        # Late ones from below 2^33 are of the subspace below, and are taken once.
        steps = ((2**32 + 2**20, 0), (2**33 - 20, 0), (2**33 + 10, 0))
        for number, late in (*steps, (2**33 - 5, 1), (2**33 - 5, 2), (2**33 - 20, 2)):
            rsp = await t.lookup_in(sa, number)
            if sa.window >= 64:
                assert (rsp["status"], rsp["seq"]) == (REPLAY if late == 2 else OK, number)
            commit(t, sa, number)
            await t.drain()


@cocotb.test()
async def esn_walk(dut):
    """Windows of ESN SAs high up, back to back."""
    t, rng, all_sas = await sas(dut, WINDOWS, (7 << 32) - 500, None, ESN)
    for _ in range(250):
        sa = rng.choice(all_sas)
        for _ in range(rng.choice([1, 2, 5, 20])):
            commit(t, sa, next_number(rng, sa), ICV if rng.random() < 0.05 else OK)
    await t.drain()
    for sa in all_sas:
        await t.same(sa)


@cocotb.test()
async def clipped(dut):
    """On a card with small rings a wider window is as wide as the ring, and no wider: no number is taken twice."""
    t, rng, all_sas = await sas(dut, [128, 256, 257, 4096])
    for sa in all_sas:
        ring = int(dut.WINDOW_MAX.value)
        model, sa.window = sa.window, min(sa.window, ring)
        for _ in range(600):
            commit(t, sa, next_number(rng, sa))
        await t.drain()
        sa.window = model
        await t.same(sa)


@cocotb.test()
async def highest_number(dut):
    """At the top of 32 bits the window stays where it is."""
    t, _, all_sas = await sas(dut, WINDOWS)
    for sa in all_sas:
        for seq in (2**32 - 5, 2**32 - 1, 2**32 - 3, 2**32 - 3, 1, 0, 2**32 - 2, 2**32 - 1):
            commit(t, sa, seq)
        await t.drain()
        await t.same(sa)


@cocotb.test()
async def index_reused(dut):
    """The window of the next SA in an index knows nothing of the one before, though the numbers are the same."""
    t, rng, all_sas = await sas(dut, [4096])
    n = 2 * len(dut.u_in.u_ctx.mem)
    sa = all_sas[0]
    for _ in range(n // len(dut.u_in.u_ctx.mem) + 1):
        for seq in range(60, 700, 3):
            commit(t, sa, seq)
        await t.drain()
        assert sa.packets == len(range(60, 700, 3)), "none of them was a replay"
        # Round the free list to the same index.
        index = sa.handle & 0xFFFF
        while True:
            assert (await t.command(1, sa.handle))[0] == MBX_OK
            sa = random_sa(rng, IN)
            sa.window, sa.seq, sa.flags = 4096, 0, 0
            assert await t.install(sa) == MBX_OK
            if sa.handle & 0xFFFF == index:
                break
