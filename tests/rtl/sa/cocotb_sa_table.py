# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: sa_table against a model of it."""

import os

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from sa_bench import INBOUND, INSTALL, LEASE, REMOVE, STATE_WORDS, WIPE, Table, in_req, out_req
from sa_model import (
    COMMIT,
    COMMITTED,
    ESN,
    EV_EXPIRED,
    EV_LEASE_LOW,
    EV_SOFT_BYTES,
    EV_SOFT_PACKETS,
    IN,
    IN_CTX,
    IN_RSP,
    INPLACE,
    MBX_DUPLICATE,
    MBX_FULL,
    MBX_HANDLE,
    MBX_OK,
    NO_SA,
    OK,
    OUT,
    OUT_CTX,
    OUT_REQ,
    OUT_RSP,
    REPLAY,
    SA_DIRECTION,
    SA_STALE,
    SEQ_EXHAUSTED,
    TRANSPORT,
    TUNNEL,
    UDP,
    Sa,
    le,
    random_sa,
    seeded,
)


async def table(dut, gap=0.0, stall=0.0):
    rng = seeded()
    t = Table(dut, rng, gap, stall)
    await t.start()
    return t, rng


def entries(dut):
    return len(dut.u_out.u_ctx.mem)


def verdict(rsp):
    return rsp["status"], rsp["fits"], rsp["seq"], rsp["padded"]


def nothing(sa):
    """Of an SA whose packet was refused the answer has the SPI only."""
    return {**OUT_CTX.unpack(0), "spi": le(sa.spi)}


@cocotb.test()
async def fields(dut):
    """What is installed comes out: context, handle, state."""
    t, rng = await table(dut)
    for _ in range(40):
        sa = random_sa(rng, rng.choice([OUT, IN]))
        assert await t.install(sa) == MBX_OK
        assert bool(sa.handle & INBOUND) == (sa.dir == IN)
        assert sa.handle >> 17, "a generation is never 0"
        await t.same(sa)
        if sa.dir == OUT:
            req = out_req(sa.handle, total=1000, hdr_bytes=24, ipv6=int(sa.ipv6))
            rsp = await t.lookup_out(**req)
            assert verdict(rsp) == sa.lookup_out(req) and rsp["status"] == OK
            assert rsp["ctx"] == sa.ctx()
        else:
            seq = sa.seq + 5
            rsp = await t.lookup_in(sa, seq)
            assert rsp == {"status": OK, "handle": sa.handle, "seq": seq, "ctx": sa.ctx()}
            assert await t.commit(sa.handle, seq, 77, OK) == sa.commit(seq, 77, OK) == OK
        await t.same(sa)


@cocotb.test()
async def nearly_full(dut):
    """Every entry of both directions can be installed, neighbouring and random SPIs alike; then it says full."""
    rng = seeded()
    t = Table(dut, rng)
    await t.begin()
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
        if not t.tasks:
            t.listen_all()
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


def random_req(rng, sa):
    """A packet for an outbound SA: what passes mostly, and each way in which it does not."""
    # Which operation of the host: in place, numbered, or any other.
    right = rng.random() < 0.95
    kind = rng.choice(["inplace", "numbered"]) if bool(sa.flags & INPLACE) == right else ""
    inplace = kind == "inplace"
    udp = bool(sa.flags & UDP) if rng.random() < 0.9 else rng.random() < 0.5
    hdr = rng.choice([20, 24, 60] if not sa.ipv6 else [40, 48, 120])
    total = rng.choice([hdr + rng.randrange(200), rng.randrange(hdr, 1600), rng.randrange(hdr, 9600)])
    if inplace and rng.random() < 0.8:
        total = hdr + 8 * udp + max(0, total - hdr) // 4 * 4
    return out_req(
        sa.handle,
        inplace=int(inplace),
        numbered=int(kind == "numbered"),
        ipv6=int(sa.ipv6 if rng.random() < 0.9 else not sa.ipv6),
        fragment=int(rng.random() < 0.05),
        esp=int(inplace and rng.random() < 0.95),
        udp=int(udp and inplace),
        spi=0 if not inplace else le(sa.spi) if rng.random() < 0.95 else rng.randrange(2**32),
        total=total,
        hdr_bytes=hdr,
        mtu=rng.choice([9604, 9604, 1500, 576, rng.randrange(20, 200)]),
    )


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
                req = random_req(rng, sa)
                want = sa.lookup_out(req) if alive else (SA_STALE, 0, 0, 0)
                ctx = sa.ctx() if want[0] == OK else nothing(sa) if alive else OUT_CTX.unpack(0)

                def out_done(word, want=want, ctx=ctx):
                    nonlocal checks
                    rsp = OUT_RSP.unpack(word)
                    assert verdict(rsp) == want
                    assert OUT_CTX.unpack(rsp["ctx"]) == ctx
                    checks += 1

                t.out.send(OUT_REQ.pack(**req), out_done)
            elif rng.random() < 0.5:
                # A number that no commit under way can decide otherwise: far to the right.
                seq = sa.seq + rng.randrange(5000, 6000)
                other = live.get(sa.name)

                def in_done(word, seq=seq, other=other):
                    nonlocal checks
                    rsp = IN_RSP.unpack(word)
                    ctx = IN_CTX.unpack(rsp.pop("ctx"))
                    if other:
                        assert rsp == {"status": OK, "handle": other.handle, "seq": seq}
                        assert ctx == other.ctx()
                    else:
                        assert rsp == {"status": NO_SA, "handle": 0, "seq": 0} and ctx == IN_CTX.unpack(0)
                    checks += 1

                if other and other.seq > sa.seq:
                    continue
                t.inb.send(in_req(other or sa, seq), in_done)
            else:
                seq = max(0, sa.seq + rng.randrange(-100, 70))
                status = rng.choice([OK] * 10 + [*COMMITTED])
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
        room = [way for way in (OUT, IN) if sum(sa.dir == way for sa in live.values()) < n]
        if what < 0.5 and room:
            sa = random_sa(rng, rng.choice(room))
            if sa.dir == OUT:
                sa.tfc = rng.choice([0, 0, 100, 1400, 9600]) if sa.mode == TUNNEL else 0
                sa.mtu = rng.choice([0, 0, 68, 500, 1280])
                sa.flags |= INPLACE if rng.random() < 0.3 else 0
            for name in ("soft_packets", "hard_packets", "soft_bytes", "hard_bytes"):
                setattr(sa, name, rng.choice([0, 0, rng.randrange(1, 40 * (64 if "bytes" in name else 1))]))
            if sa.dir == OUT and rng.random() < 0.3:
                sa.lease_end, sa.lease_warn = sa.seq + rng.randrange(30), rng.choice([0, 1, 5])
            assert await t.install(sa) == MBX_OK
            await t.drain()
            live[sa.name] = sa
        elif what < 0.65 and live:
            twin = rng.choice(list(live.values()))
            copy = Sa(dir=twin.dir, dst=twin.dst, spi=twin.spi, ipv6=twin.ipv6)
            assert await t.install(copy) == MBX_DUPLICATE
            # The same name in the other direction or family is another SA.
            mirror = Sa(dir=IN + OUT - twin.dir, dst=twin.dst, spi=twin.spi, ipv6=twin.ipv6, window=0)
            if mirror.name not in live and mirror.dir in room:
                assert await t.install(mirror) == MBX_OK
                await t.drain()
                live[mirror.name] = mirror
        elif what < 0.85 and live:
            await t.drain()
            sa = live.pop(rng.choice(list(live)))
            assert await t.command(REMOVE, sa.handle) == (MBX_OK, sa.handle)
            dead.append(sa)
        elif what < 0.9 and live:
            await t.drain()
            sa = rng.choice(list(live.values()))
            end = sa.seq + rng.randrange(20)
            assert await t.lease(sa, end) == (MBX_OK if sa.dir == OUT else MBX_HANDLE)
        elif dead:
            sa = rng.choice(dead)
            if sa.handle not in [s.handle for s in live.values()]:
                assert (await t.command(REMOVE, sa.handle))[0] == MBX_HANDLE
                assert (await t.read(sa.handle))[0] == MBX_HANDLE
        if live and rng.random() < 0.3:
            await t.drain()
            sa = rng.choice(list(live.values()))
            await t.same(sa)
    await t.drain()
    assert checks > 2000
    for sa in live.values():
        await t.same(sa)
    await ClockCycles(dut.clk, 100)
    for sa in [*live.values(), *dead]:
        assert t.told(sa) == sa.events
    assert {e["code"] for e in t.events} == {EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED, EV_LEASE_LOW}


@cocotb.test()
async def handles(dut):
    """Handles that name nothing, an SA of the other direction, or an index beyond the table."""
    t, rng = await table(dut)
    n = entries(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    inb.seq = 0
    out.mode = TUNNEL
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
            assert rsp["seq"] == 0 and rsp["ctx"] == OUT_CTX.unpack(0), "nothing of an SA with an error"
            assert (await t.commit(handle, 5, 1, OK)) == (OK if handle == inb.handle else SA_STALE)
            if handle != inb.handle:
                assert (await t.read(handle))[::2] == (MBX_HANDLE, bytes(4 * STATE_WORDS))
            assert (await t.command(LEASE, handle, arg=9))[0] == MBX_HANDLE
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
            rsp = await (
                t.lookup_out(sa.handle, ipv6=int(sa.ipv6))
                if direction == OUT
                else t.lookup_in(sa, sa.seq + 1)
            )
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
    """The last number is 2^32-1, with ESN 2^64-1; then nothing more, whatever is asked."""
    t, rng = await table(dut)
    for flags, last in ((0, 2**32 - 1), (ESN, 2**64 - 1)):
        sa = random_sa(rng, OUT)
        sa.seq, sa.flags, sa.mode = last - 3, flags, TUNNEL
        assert await t.install(sa) == MBX_OK
        got = []
        for _ in range(12):
            sa.lookup_out(out_req(sa.handle))
            t.out.send(OUT_REQ.pack(**out_req(sa.handle)), lambda w, got=got: got.append(OUT_RSP.unpack(w)))
        await t.drain()
        assert [(r["status"], r["seq"]) for r in got[:3]] == [(OK, last - 2), (OK, last - 1), (OK, last)]
        for r in got[3:]:
            assert (r["status"], r["seq"], OUT_CTX.unpack(r["ctx"])) == (SEQ_EXHAUSTED, 0, nothing(sa))
        await t.same(sa)
    # With ESN 32 bits are no end.
    sa = random_sa(rng, OUT)
    sa.seq, sa.flags, sa.mode = 2**32 - 2, ESN, TUNNEL
    assert await t.install(sa) == MBX_OK
    for n in range(1, 5):
        assert (await t.lookup_out(sa.handle))["seq"] == 2**32 - 2 + n


@cocotb.test()
async def idle(dut):
    """`idle` is 0 from a request's acceptance until its last effect."""
    t, rng = await table(dut)
    sa = random_sa(rng, OUT)
    sa.mode = TUNNEL
    assert await t.install(sa) == MBX_OK
    await ClockCycles(dut.clk, 10)
    assert int(dut.idle.value) == 1
    for req in (out_req(sa.handle), out_req(sa.handle, inplace=1)):
        t.out.send(OUT_REQ.pack(**req), lambda w: None)
        busy = 0
        while t.out.pending():
            await RisingEdge(dut.clk)
            busy += int(dut.idle.value) == 0
        assert busy >= 3
        await ClockCycles(dut.clk, 4)
        assert int(dut.idle.value) == 1


@cocotb.test()
async def install_cost(dut):
    """An INSTALL takes at most 220 cycles, each direction, also with a displacement's worth of slack."""
    t, rng = await table(dut)
    took = {}
    for direction in (OUT, IN):
        for _ in range(entries(dut)):
            sa = random_sa(rng, direction)
            await t.stage(sa.record())
            start = t.out.cycle
            assert (await t.command(INSTALL))[0] == MBX_OK
            took.setdefault(direction, []).append(t.out.cycle - start)
    dut._log.info("INSTALL: outbound %d, inbound %d cycles", max(took[OUT]), max(took[IN]))
    assert max(took[OUT]) <= 150 and max(took[IN]) <= 220


@cocotb.test()
async def rate(dut):
    """One SA back to back: a request each cycle in all three ports, numbers without a gap or a repeat."""
    t, rng = await table(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    out.seq, out.mode, inb.seq, inb.window = 0, TUNNEL, 0, 64
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    seqs, commits = [], []
    for i in range(400):
        t.out.send(OUT_REQ.pack(**out_req(out.handle)), lambda w: seqs.append(OUT_RSP.unpack(w)["seq"]))
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
    out.seq, out.mode, inb.seq, inb.window = 0, TUNNEL, 0, 4096
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    done, seqs, commits, hits = False, [], [], []

    async def load():
        i = n = 0
        while not done:
            # Each port has its own pace: while a READ holds one, the others go on.
            if len(t.out.request) < 4:
                t.out.send(
                    OUT_REQ.pack(**out_req(out.handle)),
                    lambda w: seqs.append(OUT_RSP.unpack(w)["seq"]),
                )
            if len(t.inb.request) < 4:
                i += 1
                t.inb.send(in_req(inb, 2**31 + i), lambda w: hits.append(IN_RSP.unpack(w)["handle"]))
            if len(t.cm.request) < 4:
                n += 1
                t.cm.send(COMMIT.pack(handle=inb.handle, seq=n, bytes=10, status=OK), commits.append)
            await ClockCycles(dut.clk, 1)

    task = cocotb.start_soon(load())
    for _ in range(20):
        sas = [random_sa(rng, d) for d in (OUT, IN)]
        for sa in sas:
            assert await t.install(sa) == MBX_OK
        reads = rng.random() < 0.5
        for sa in sas:
            if reads:
                await t.same(sa)
            assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    done = True
    await task
    await t.drain()
    assert seqs == list(range(1, len(seqs) + 1))
    assert set(hits) == {inb.handle} and set(commits) == {OK}
    assert len(seqs) > 2000
    for port in (t.out, t.inb, t.cm):
        gaps = [b - a for a, b in zip(port.taken, port.taken[1:], strict=False)]
        # A READ's snapshot takes 20 cycles of its direction.
        assert max(gaps) <= (4 if port is t.inb else 24), f"a request waited for {max(gaps)} cycles"
        assert sorted(gaps)[-len(gaps) // 50] <= 4


@cocotb.test()
async def counted_bytes(dut):
    """Tunnel: the inner packet. Transport: what follows its header, and so with NUMBERED. In place: what follows the IV up
    to the ICV."""
    t, rng = await table(dut)
    for mode, flags, kind, want in (
        (TUNNEL, 0, {}, 1000),
        (TRANSPORT, 0, {}, 960),
        (TUNNEL, INPLACE | UDP, dict(numbered=1), 1000),
        (TRANSPORT, INPLACE | UDP, dict(numbered=1), 960),
        (TRANSPORT, INPLACE | UDP, dict(inplace=1, esp=1, udp=1), 920),
    ):
        sa = random_sa(rng, OUT)
        sa.mode, sa.seq, sa.flags, sa.icv_len, sa.tfc = mode, 0, flags, 16, 1200 * (mode == TUNNEL)
        assert await t.install(sa) == MBX_OK
        rsp = await t.lookup_out(
            sa.handle,
            total=1000,
            hdr_bytes=40,
            ipv6=int(sa.ipv6),
            spi=le(sa.spi) if "esp" in kind else 0,
            **kind,
        )
        assert rsp["status"] == OK and rsp["padded"] == (1200 if mode == TUNNEL else want)
        _, _, state = await t.read(sa.handle)
        assert int.from_bytes(state[16:24], "little") == want


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
