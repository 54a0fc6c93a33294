# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: sa_table against a model of it."""

import os

import cocotb
from cocotb.triggers import ClockCycles
from sa_bench import REMOVE, WIPE, Table, in_req
from sa_model import (
    COMMIT,
    CTX,
    ICV,
    IN,
    IN_RSP,
    MBX_DUPLICATE,
    MBX_FULL,
    MBX_HANDLE,
    MBX_OK,
    NO_SA,
    OK,
    OUT,
    OUT_REQ,
    OUT_RSP,
    PADDING,
    REPLAY,
    SA_DIRECTION,
    SA_STALE,
    SEQ_EXHAUSTED,
    TUNNEL,
    Sa,
    random_sa,
    seeded,
)

INBOUND = 1 << 16


async def table(dut, gap=0.0, stall=0.0):
    rng = seeded()
    t = Table(dut, rng, gap, stall)
    await t.start()
    return t, rng


def entries(dut):
    return len(dut.u_out.u_ctx.mem)


@cocotb.test()
async def fields(dut):
    """What is installed comes out: context, handle, state."""
    t, rng = await table(dut)
    for _ in range(40):
        sa = random_sa(rng, rng.choice([OUT, IN]))
        assert await t.install(sa) == MBX_OK
        assert bool(sa.handle & INBOUND) == (sa.dir == IN)
        assert sa.handle >> 17, "a generation is never 0"
        assert await t.read(sa.handle) == (MBX_OK, sa.handle, sa.state())
        if sa.dir == OUT:
            status, seq = sa.lookup_out(1000, 24)
            rsp = await t.lookup_out(sa.handle, 1000, 24)
            assert (rsp["status"], rsp["seq"], rsp["ctx"]) == (status, seq, sa.ctx())
        else:
            seq = sa.seq + 5
            rsp = await t.lookup_in(sa, seq)
            assert rsp == {"status": OK, "handle": sa.handle, "seq": seq, "ctx": sa.ctx()}
            assert await t.commit(sa.handle, seq, 77, OK) == sa.commit(seq, 77, OK) == OK
        assert await t.read(sa.handle) == (MBX_OK, sa.handle, sa.state())


@cocotb.test()
async def nearly_full(dut):
    """Every entry of both directions can be installed, neighbouring and random SPIs alike; then it says full."""
    t, rng = await table(dut)
    n = entries(dut)
    for style in os.environ.get("STYLES", "sequential addresses random").split():
        sas = []
        for direction in (OUT, IN):
            for i in range(n):
                spi = (0x1000 + i).to_bytes(4, "big") if style == "sequential" else None
                dst = bytes([10, 0, i >> 8, i & 255]) if style == "addresses" else bytes([192, 0, 2, 1])
                sa = random_sa(rng, direction, spi, None if style == "random" else dst)
                if style == "addresses":
                    sa.spi = b"\0\0\1\1"
                sas.append(sa)
                assert await t.install(sa) == MBX_OK, f"{style}: SA {i} of {n}"
        assert len({sa.handle for sa in sas}) == 2 * n
        for direction in (OUT, IN):
            assert await t.install(random_sa(rng, direction)) == MBX_FULL
        for sa in sas:
            if sa.dir == IN:
                rsp = await t.lookup_in(sa, sa.seq + 1)
                assert (rsp["status"], rsp["handle"], rsp["ctx"]) == (OK, sa.handle, sa.ctx())
        # A walk through all of them, as the list command makes it.
        handle, seen = 0, []
        while True:
            status, found, state = await t.read(handle, nxt=1)
            if status == MBX_HANDLE:
                break
            seen.append((found, state))
            if found & 0x1FFFF == INBOUND | (n - 1):
                break
            handle = (found & 0x1FFFF) + 1 if (found & 0xFFFF) < n - 1 else INBOUND
        assert seen == [(sa.handle, sa.state()) for sa in sorted(sas, key=lambda s: s.handle & 0x1FFFF)]
        # A full table gives back what is removed, and nothing else.
        for sa in rng.sample(sas, 30):
            assert await t.command(REMOVE, sa.handle) == (MBX_OK, sa.handle)
            again = random_sa(rng, sa.dir)
            assert await t.install(again) == MBX_OK
            assert again.handle & 0x1FFFF == sa.handle & 0x1FFFF and again.handle != sa.handle
            assert await t.install(random_sa(rng, sa.dir)) == MBX_FULL
        assert (await t.command(WIPE))[0] == MBX_OK
        assert (await t.read(0, nxt=1))[0] == MBX_HANDLE


def rows(sa, entries):
    """The rows of an inbound IPv4 SA in both tables: sa_pkg's hash, so that SAs can be made that collide."""
    spi = int.from_bytes(sa.spi, "big")
    dst = int.from_bytes(sa.dst[:4], "big") ^ 0x5BD1E995
    found = []
    for k_spi, k_dst in ((0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F), (0xD6E8FEB86659FD93, 0xA0761D6478BD642F)):
        x = (spi * k_spi + dst * k_dst) & 2**64 - 1
        x = (x >> 32) ^ ((x & 0xFFFF) << 16 | x >> 16 & 0xFFFF)
        found.append(x >> 32 - (entries.bit_length() - 2))
    return tuple(found)


@cocotb.test()
async def both_rows_full(dut):
    """An SA whose rows are both full moves another one to its other row; if none can move, it is refused."""
    t, rng = await table(dut)
    n = entries(dut)

    def colliding(row0, row1):
        while True:
            sa = random_sa(rng, IN, dst=b"\xc0\0\2\1")
            if rows(sa, n) == (row0, row1):
                sa.seq = 0
                return sa

    async def add(row0, row1):
        sa = colliding(row0, row1)
        assert await t.install(sa) == MBX_OK
        return sa

    async def check(sas):
        for sa in sas:
            rsp = await t.lookup_in(sa, 7)
            assert (rsp["status"], rsp["handle"]) == (OK, sa.handle)

    # Row 20 of table 1 is full, so that `mover` goes to row 3 of table 0; then rows 3 and 9 are full too.
    others = [await add(11, 20) for _ in range(8)]
    first = [await add(3, 9) for _ in range(6)]
    mover = await add(3, 20)
    first.append(await add(3, 9))
    await check([*others, *first, mover])
    assert await t.install(colliding(3, 9)) == MBX_FULL
    await check([*others, *first, mover])
    # With a place in row 20 `mover` can go there.
    gone = others.pop(1)
    assert (await t.command(REMOVE, gone.handle))[0] == MBX_OK
    last = await add(3, 9)
    everyone = [*others, *first, mover, last]
    await check(everyone)
    assert await t.install(colliding(3, 9)) == MBX_FULL
    # Each of them is there once: once removed, it is gone.
    for sa in everyone:
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
        assert (await t.lookup_in(sa, 7))["status"] == NO_SA
    assert all(int(row.value) == 0 for k in range(2) for row in row_words(dut, k))


def row_words(dut, number):
    mem = dut.u_hash.g_table[number].u_rows.mem
    return [mem[i] for i in range(len(mem))]


@cocotb.test()
async def random_commands(dut):
    """Installs, removes, duplicates, stale handles, reads, all while lookups and commits go on."""
    t, rng = await table(dut, gap=0.3, stall=0.3)
    n = entries(dut)
    live, dead = {}, []
    checks = 0

    async def traffic(count):
        """Requests for SAs that stay where they are; the model is asked in the order of the requests."""
        nonlocal checks
        for _ in range(count):
            sa = (
                rng.choice(list(live.values()))
                if live and rng.random() < 0.8
                else (rng.choice(dead) if dead else None)
            )
            if sa is None:
                continue
            alive = live.get(sa.name) is sa
            if sa.dir == OUT:
                size, hdr = rng.randrange(40, 1500), rng.choice([20, 24, 60])
                want = sa.lookup_out(size, hdr) if alive else (SA_STALE, 0)
                ctx = sa.ctx() if want[0] == OK else CTX.unpack(0)

                def out_done(word, want=want, ctx=ctx):
                    nonlocal checks
                    rsp = OUT_RSP.unpack(word)
                    assert (rsp["status"], rsp["seq"]) == want
                    assert CTX.unpack(rsp["ctx"]) == ctx
                    checks += 1

                t.out.send(OUT_REQ.pack(handle=sa.handle, bytes=size, hdr_bytes=hdr), out_done)
            elif rng.random() < 0.5:
                # A number that no commit under way can decide otherwise: far to the right.
                seq = sa.seq + rng.randrange(5000, 6000)
                other = live.get(sa.name)
                want = {"status": OK, "handle": other.handle, "seq": seq} if other else None

                def in_done(word, want=want, other=other):
                    nonlocal checks
                    rsp = IN_RSP.unpack(word)
                    ctx = CTX.unpack(rsp.pop("ctx"))
                    if other:
                        assert rsp["handle"] == want["handle"] and ctx == other.ctx()
                        assert rsp["status"] == OK and rsp["seq"] == want["seq"]
                    else:
                        assert rsp["status"] == NO_SA and rsp["handle"] == 0 and ctx == CTX.unpack(0)
                    checks += 1

                if other and other.seq > sa.seq:
                    continue
                t.inb.send(in_req(sa, seq), in_done)
            else:
                seq = max(0, sa.seq + rng.randrange(-100, 70))
                status = rng.choice([OK, OK, OK, ICV, REPLAY, PADDING])
                want = sa.commit(seq, 64, status) if alive else SA_STALE

                def cm_done(word, want=want):
                    nonlocal checks
                    assert word == want
                    checks += 1

                t.cm.send(COMMIT.pack(handle=sa.handle, seq=seq, bytes=64, status=status), cm_done)

    for _ in range(250):
        task = cocotb.start_soon(traffic(12))
        # Traffic stands in the queues while the management works on SAs that it does not name.
        await task
        what = rng.random()
        if what < 0.5 and len(live) < 2 * n:
            sa = random_sa(rng, rng.choice([OUT, IN]))
            assert await t.install(sa) == MBX_OK
            await t.drain()
            live[sa.name] = sa
        elif what < 0.65 and live:
            twin = rng.choice(list(live.values()))
            copy = Sa(dir=twin.dir, dst=twin.dst, spi=twin.spi, ipv6=twin.ipv6)
            assert await t.install(copy) == MBX_DUPLICATE
            # The same name in the other direction or family is another SA.
            mirror = Sa(dir=IN + OUT - twin.dir, dst=twin.dst, spi=twin.spi, ipv6=twin.ipv6)
            if mirror.name not in live:
                assert await t.install(mirror) == MBX_OK
                await t.drain()
                live[mirror.name] = mirror
        elif what < 0.85 and live:
            await t.drain()
            sa = live.pop(rng.choice(list(live)))
            assert await t.command(REMOVE, sa.handle) == (MBX_OK, sa.handle)
            dead.append(sa)
        elif dead:
            sa = rng.choice(dead)
            if sa.handle not in [s.handle for s in live.values()]:
                assert (await t.command(REMOVE, sa.handle))[0] == MBX_HANDLE
                assert (await t.read(sa.handle))[0] == MBX_HANDLE
        if live and rng.random() < 0.3:
            await t.drain()
            sa = rng.choice(list(live.values()))
            assert await t.read(sa.handle) == (MBX_OK, sa.handle, sa.state())
    await t.drain()
    assert checks > 2000
    for sa in live.values():
        assert await t.read(sa.handle) == (MBX_OK, sa.handle, sa.state())


@cocotb.test()
async def handles(dut):
    """Handles that name nothing, an SA of the other direction, or an index beyond the table."""
    t, rng = await table(dut)
    n = entries(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    cases = {
        0: SA_STALE,
        out.handle + 1: SA_STALE,
        out.handle ^ 1 << 17: SA_STALE,
        out.handle ^ 1 << 31: SA_STALE,
        inb.handle: SA_DIRECTION,
        out.handle: OK,
    }
    if n < 65536:
        cases[out.handle | n] = SA_STALE
    for handle, status in cases.items():
        rsp = await t.lookup_out(handle)
        assert rsp["status"] == status, f"handle {handle:#x}"
        if status != OK:
            assert rsp["seq"] == 0 and rsp["ctx"] == CTX.unpack(0), "nothing of an SA with an error"
            assert (await t.commit(handle, 5, 1, OK)) == (OK if handle == inb.handle else SA_STALE)
            assert (await t.command(REMOVE, handle))[0] == (MBX_OK if handle == inb.handle else MBX_HANDLE)
    assert await t.commit(out.handle, 5, 1, OK) == SA_STALE


@cocotb.test()
async def generations(dut):
    """Each install of an index has another generation, and it never is 0, round the whole circle."""
    t, rng = await table(dut)
    n = entries(dut)
    sa = random_sa(rng, OUT)
    seen = set()
    for _ in range(3 * n):
        assert await t.install(sa) == MBX_OK
        assert sa.handle not in seen
        seen.add(sa.handle)
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    assert (await t.lookup_out(min(seen)))["status"] == SA_STALE
    # The last generation, then round.
    for index in range(n):
        dut.u_cfg.u_gen.mem[index].value = 0x7FFE
    await ClockCycles(dut.clk, 2)
    gens = []
    for _ in range(3 * n):
        assert await t.install(sa) == MBX_OK
        gens.append(sa.handle >> 17)
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    assert set(gens) == {0x7FFF, 1, 2}


def in_memory(dut, needle):
    """Where the bytes `needle` stand in any memory or register that ever holds key material."""
    places = {"stage": dut.u_cfg.stage}
    for name, pipe in (("out", dut.u_out), ("in", dut.u_in)):
        for i in range(len(pipe.u_ctx.mem)):
            places[f"{name}[{i}]"] = pipe.u_ctx.mem[i]
        places[f"{name} output register"] = pipe.u_ctx.rdata
        for i in range(len(pipe.u_answers.words)):
            places[f"{name} answer {i}"] = pipe.u_answers.words[i]
    return [name for name, handle in places.items() if in_word(int(handle.value), needle)]


def in_word(word, needle):
    """At any bit position."""
    return f"{int.from_bytes(needle, 'little'):0{8 * len(needle)}b}" in f"{word:02048b}"


@cocotb.test()
async def keys_are_erased(dut):
    """After REMOVE, WIPE and reset neither key nor salt nor H stands in a memory of the table."""
    t, rng = await table(dut)
    for direction in (OUT, IN):
        sas = [random_sa(rng, direction) for _ in range(3)]
        for sa in sas:
            sa.salt = rng.randbytes(4)
            assert await t.install(sa) == MBX_OK
        for sa in [*sas, sas[0]]:
            for secret in (sa.key, sa.h, sa.salt):
                assert any("[" in place for place in in_memory(dut, secret))
            rsp = await (t.lookup_out(sa.handle) if direction == OUT else t.lookup_in(sa, sa.seq + 1))
            assert rsp["status"] == OK
        # The one that was looked up last stands in the output register too.
        await ClockCycles(dut.clk, 2)
        assert len(in_memory(dut, sas[0].key)) == 2
        await t.command(REMOVE, sas[0].handle)
        for i, sa in enumerate(sas):
            for secret in (sa.key, sa.h, sa.salt):
                assert bool(in_memory(dut, secret)) == (i != 0)
        # A refused install leaves nothing in the staging either.
        twin = Sa(dir=direction, dst=sas[1].dst, spi=sas[1].spi, ipv6=sas[1].ipv6, key=rng.randbytes(32))
        assert await t.install(twin) == MBX_DUPLICATE
        assert in_memory(dut, twin.key) == []
        await t.stage(twin.record())
        assert in_memory(dut, twin.key) == ["stage"]
        await t.command(WIPE)
        for sa in [*sas, twin]:
            assert [in_memory(dut, secret) for secret in (sa.key, sa.h, sa.salt)] == [[], [], []]
            assert (await t.read(sa.handle))[0] == MBX_HANDLE
        await ClockCycles(dut.clk, 2)
        assert await t.install(sas[1]) == MBX_OK
        await t.reset()
        assert in_memory(dut, sas[1].key) == []
        assert (await t.read(sas[1].handle))[0] == MBX_HANDLE
        assert (await t.lookup_out(sas[1].handle))["status"] != OK
        assert (await t.lookup_in(sas[1], 1))["status"] == NO_SA


@cocotb.test()
async def exhausted(dut):
    """Without ESN the last number is 2^32-1; then nothing more, whatever is asked."""
    t, rng = await table(dut)
    sa = random_sa(rng, OUT)
    sa.seq = 2**32 - 4
    assert await t.install(sa) == MBX_OK
    got = []
    for _ in range(12):
        t.out.send(OUT_REQ.pack(handle=sa.handle, bytes=9), lambda w: got.append(OUT_RSP.unpack(w)))
    await t.drain()
    assert [(r["status"], r["seq"]) for r in got[:3]] == [(OK, 2**32 - 3), (OK, 2**32 - 2), (OK, 2**32 - 1)]
    for r in got[3:]:
        assert (r["status"], r["seq"], r["ctx"]) == (SEQ_EXHAUSTED, 0, 0)
    status, _, state = await t.read(sa.handle)
    assert status == MBX_OK and int.from_bytes(state[:8], "little") == 2**32 - 1
    assert int.from_bytes(state[8:16], "little") == 3


@cocotb.test()
async def rate(dut):
    """One SA back to back: a request each cycle in all three ports, numbers without a gap or a repeat."""
    t, rng = await table(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    out.seq, inb.seq, inb.window = 0, 0, 64
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    seqs, commits = [], []
    for i in range(400):
        t.out.send(
            OUT_REQ.pack(handle=out.handle, bytes=100), lambda w: seqs.append(OUT_RSP.unpack(w)["seq"])
        )
        t.inb.send(in_req(inb, i + 1000), lambda w: None)
        t.cm.send(COMMIT.pack(handle=inb.handle, seq=i // 2 + 1, bytes=10, status=OK), commits.append)
    await t.drain()
    assert seqs == list(range(1, 401))
    assert commits == [OK, REPLAY] * 200, "the second of a pair, one cycle later, is a replay"
    for name, port in (("out", t.out), ("in", t.inb), ("commit", t.cm)):
        cycles = port.taken[-1] - port.taken[0]
        dut._log.info("%s: %d cycles for 400 requests", name, cycles)
        assert cycles <= 400 * 1.5


@cocotb.test()
async def management_under_load(dut):
    """While SAs come and go, a request waits for a few cycles at most, and nothing is answered wrongly."""
    t, rng = await table(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    out.seq, inb.seq, inb.window = 0, 0, 4096
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    done, seqs, commits, hits = False, [], [], []

    async def load():
        i = 0
        while not done:
            if len(t.out.request) < 4:
                t.out.send(
                    OUT_REQ.pack(handle=out.handle, bytes=100),
                    lambda w: seqs.append(OUT_RSP.unpack(w)["seq"]),
                )
                t.inb.send(in_req(inb, 2**31 + i), lambda w: hits.append(IN_RSP.unpack(w)["handle"]))
                i += 1
                t.cm.send(COMMIT.pack(handle=inb.handle, seq=i, bytes=10, status=OK), commits.append)
            await ClockCycles(dut.clk, 1)

    task = cocotb.start_soon(load())
    for _ in range(20):
        sas = [random_sa(rng, d) for d in (OUT, IN)]
        for sa in sas:
            assert await t.install(sa) == MBX_OK
        for sa in sas:
            assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    done = True
    await task
    await t.drain()
    assert seqs == list(range(1, len(seqs) + 1))
    assert set(hits) == {inb.handle} and set(commits) == {OK}
    assert len(seqs) > 2000
    for port in (t.out, t.inb, t.cm):
        gaps = [b - a for a, b in zip(port.taken, port.taken[1:], strict=False)]
        assert max(gaps) <= 4, f"a request waited for {max(gaps)} cycles"


@cocotb.test()
async def tunnel_bytes(dut):
    """The byte counter has the inner packet in tunnel mode, what follows the IP header in transport mode."""
    t, rng = await table(dut)
    for mode in (TUNNEL, TUNNEL + 1):
        sa = random_sa(rng, OUT)
        sa.mode, sa.seq = mode, 0
        assert await t.install(sa) == MBX_OK
        await t.lookup_out(sa.handle, 1000, 40)
        _, _, state = await t.read(sa.handle)
        assert int.from_bytes(state[16:24], "little") == (1000 if mode == TUNNEL else 960)


@cocotb.test()
async def listing(dut):
    """READ with `next` finds each SA once, up to the last index of both directions, and then ends."""
    t, rng = await table(dut)
    entries = 64
    sas = {}
    for i in range(entries):
        for d in (OUT, IN):
            sa = random_sa(rng, d)
            assert await t.install(sa) == MBX_OK
            sas[sa.handle & 0x1FFFF] = sa.handle
            if i % 5 == 2:
                assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
                del sas[sa.handle & 0x1FFFF]
    assert max(sas) == 0x10000 + entries - 1 and entries - 1 in sas
    found, place = [], 0
    while len(found) <= len(sas):
        status, handle, _ = await t.read(place, nxt=1)
        if status != MBX_OK:
            assert status == MBX_HANDLE
            break
        found.append(handle)
        place = (handle & 0x1FFFF) + 1
    assert found == [sas[p] for p in sorted(sas)]
