# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: what sa_table decides of a packet and counts with its SA: lengths, limits, leases, drops, events."""

import cocotb
from cocotb.triggers import ClockCycles
from cocotb_sa_table import random_req, table, verdict
from sa_bench import REMOVE, out_req
from sa_model import (
    COMMIT,
    COMMITTED,
    DROPS,
    ENCAP,
    ESN,
    EV_EXPIRED,
    EV_LEASE_LOW,
    EV_SOFT_BYTES,
    EV_SOFT_PACKETS,
    ICV,
    IN,
    INPLACE,
    LIFETIME,
    MBX_OK,
    OK,
    OUT,
    OUT_REQ,
    OUT_RSP,
    SA_KIND,
    SA_STALE,
    TRANSPORT,
    TUNNEL,
    UDP,
    Sa,
    le,
    random_sa,
)
from sa_model import LEASE as ST_LEASE


@cocotb.test()
async def lengths(dut):
    """What fits the MTU, to the byte: kinds of SA, of packets, and lengths around the limit."""
    t, rng = await table(dut)
    seen, done, numbered = {}, 0, {}
    for _ in range(60):
        sa = random_sa(rng, OUT)
        sa.flags |= INPLACE if rng.random() < 0.5 else 0
        sa.tfc = rng.choice([0, 60, 1390, 1440, 9600]) if sa.mode == TUNNEL and not sa.flags & INPLACE else 0
        sa.mtu = rng.choice([0, 68, 1280, 1500])
        assert await t.install(sa) == MBX_OK
        for _ in range(40):
            req = random_req(rng, sa)
            if rng.random() < 0.5:
                # Around what fits.
                req["mtu"] = rng.choice([40, 70, 100, 1280, 1499, 1500, 1501, 1502, 1503])
                own = (40 if sa.ipv6 else 20) if sa.mode == TUNNEL else req["hdr_bytes"]
                largest = sa.largest(own, min(req["mtu"], sa.mtu or 9999))
                largest += req["hdr_bytes"] if sa.mode == TRANSPORT else 0
                req["total"] = max(req["hdr_bytes"], largest + rng.randrange(-3, 4))
            want = sa.lookup_out(req)
            seen[want[0]] = seen.get(want[0], 0) + 1
            if req["numbered"]:
                numbered[want[0]] = numbered.get(want[0], 0) + 1

            def check(word, want=want, req=req, sa=sa):
                nonlocal done
                assert verdict(OUT_RSP.unpack(word)) == want, f"{req} of {sa}"
                done += 1

            t.out.send(OUT_REQ.pack(**req), check)
        await t.drain()
        await t.same(sa)
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    assert done == 2400
    assert all(seen.get(s, 0) > 10 for s in (OK, 11, 13, 20, 21, 28, 41)), seen
    assert all(numbered.get(s, 0) > 10 for s in (OK, 11, SA_KIND)) and numbered.get(13, 0), numbered


@cocotb.test()
async def largest_that_fits(dut):
    """`fits` is true: a packet of that length passes, one byte more does not."""
    t, rng = await table(dut)
    for _ in range(40):
        sa = random_sa(rng, OUT)
        sa.mtu = rng.choice([0, 576, 1300])
        sa.flags |= INPLACE if rng.random() < 0.3 else 0
        kind = dict(numbered=int(sa.flags & INPLACE != 0))
        assert await t.install(sa) == MBX_OK
        req = out_req(
            sa.handle, **kind, ipv6=int(sa.ipv6), total=9000, mtu=rng.randrange(200, 1600), hdr_bytes=40
        )
        rsp = await t.lookup_out(**req)
        assert rsp["status"] == 11 and rsp["fits"] > 100
        for total, status in ((rsp["fits"], OK), (rsp["fits"] + 1, 11)):
            assert (await t.lookup_out(**{**req, "total": total}))["status"] == status
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK


@cocotb.test()
async def limits(dut):
    """Hard limits are exact to the packet and the byte, back to back; each event comes once, with its number."""
    t, rng = await table(dut, stall=0.5)
    codes = set()
    for _ in range(60):
        sa = random_sa(rng, rng.choice([OUT, IN]))
        sa.seq, sa.mode, sa.window = 0, TUNNEL, 64 if sa.dir == IN else 0
        sa.hard_packets = rng.choice([0, 1, rng.randrange(1, 20)])
        sa.hard_bytes = rng.choice([0, 100, rng.randrange(1, 2000)])
        sa.soft_packets = rng.choice([0, 1, sa.hard_packets, rng.randrange(1, 20)])
        sa.soft_bytes = rng.choice([0, 1, sa.hard_bytes, rng.randrange(1, 2000)])
        assert await t.install(sa) == MBX_OK
        wrong = []
        for i in range(25):
            size = rng.choice([100, 100, rng.randrange(20, 300)])
            if sa.dir == OUT:
                req = out_req(sa.handle, total=size)
                want = sa.lookup_out(req)
                t.out.send(
                    OUT_REQ.pack(**req),
                    lambda w, want=want, to=wrong: verdict(OUT_RSP.unpack(w)) == want or to.append(w),
                )
            else:
                want = sa.commit(i + 1, size, OK)
                word = COMMIT.pack(handle=sa.handle, seq=i + 1, bytes=size, status=OK)
                t.cm.send(word, lambda w, want=want, to=wrong: w == want or to.append(w))
        await t.drain()
        assert not wrong
        assert not sa.hard_packets or sa.packets <= sa.hard_packets
        assert not sa.hard_bytes or sa.bytes <= sa.hard_bytes
        await t.same(sa)
        assert sa.packets + sa.drops[DROPS[LIFETIME]] == 25
        if sa.dir == IN:
            assert sa.seq == 25, "the window moves all the same"
        await ClockCycles(dut.clk, 60)
        assert t.told(sa) == sa.events
        codes |= {code for code, _ in sa.events}
        assert (await t.command(REMOVE, sa.handle))[0] == MBX_OK
    assert codes == {EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED}


@cocotb.test()
async def wide_counters(dut):
    """Limits of 64 bits, and counters that would pass 2^64."""
    t, _ = await table(dut)
    sa = Sa(dir=OUT, dst=bytes([1] * 4).ljust(16, b"\0"), spi=b"\0\1\0\0", window=0, hard_bytes=2**64 - 1)
    assert await t.install(sa) == MBX_OK
    index = sa.handle & 0xFFFF
    memory = dut.u_out.u_count.u_counters.mem[index]
    memory.value = 2**64 - 251  # told and packets zero
    await ClockCycles(dut.clk, 2)
    sa.bytes = 2**64 - 251
    for status in (OK, OK, LIFETIME, LIFETIME):
        req = out_req(sa.handle)
        assert verdict(await t.lookup_out(**req)) == sa.lookup_out(req)
        assert (await t.lookup_out(sa.handle + 1))["status"] == SA_STALE
        del status
    assert sa.packets == 2 and sa.drops[DROPS[LIFETIME]] == 2
    await t.same(sa)


@cocotb.test()
async def leases(dut):
    """The card stops at the lease's end, goes on when it is renewed, warns once a lease."""
    t, rng = await table(dut)
    for flags in (0, ESN):
        sa = random_sa(rng, OUT)
        sa.seq, sa.mode, sa.flags, sa.lease_warn = 1000, TUNNEL, flags, 3
        sa.lease_end = 1010
        assert await t.install(sa) == MBX_OK
        statuses = []

        async def burst(count, sa=sa, statuses=statuses):
            wrong = []
            for _ in range(count):
                want = sa.lookup_out(out_req(sa.handle))
                statuses.append(want[0])
                t.out.send(
                    OUT_REQ.pack(**out_req(sa.handle)),
                    lambda w, want=want: verdict(OUT_RSP.unpack(w)) == want or wrong.append((w, want)),
                )
            await t.drain()
            assert not wrong
            await ClockCycles(dut.clk, 20)
            assert t.told(sa) == sa.events

        await burst(14)
        assert statuses == [OK] * 10 + [ST_LEASE] * 4 and sa.events == [(EV_LEASE_LOW, 1007)]
        # Renewed while it runs on, to a lower end than the counter, to no end at all.
        assert await t.lease(sa, 1020) == MBX_OK
        await burst(12)
        assert statuses[14:] == [OK] * 10 + [ST_LEASE] * 2 and sa.events[1:] == [(EV_LEASE_LOW, 1017)]
        assert await t.lease(sa, 1005) == MBX_OK
        await burst(2)
        assert statuses[26:] == [ST_LEASE] * 2 and sa.events[2:] == [(EV_LEASE_LOW, 1020)]
        assert await t.lease(sa, 0) == MBX_OK
        await burst(5)
        assert statuses[28:] == [OK] * 5
        await t.same(sa)
        assert sa.drops[DROPS[ST_LEASE]] == 8 and le(sa.state()[24:32]) == 0
        assert le(sa.state()[160 + 144 : 160 + 152]) == 1010, "as it was added"
    # Not told beforehand: no event.
    sa = random_sa(rng, OUT)
    sa.seq, sa.mode, sa.lease_end = 0, TUNNEL, 2
    assert await t.install(sa) == MBX_OK
    for status in (OK, OK, ST_LEASE):
        assert (await t.lookup_out(sa.handle))["status"] == status
    await ClockCycles(dut.clk, 20)
    assert t.told(sa) == []


@cocotb.test()
async def drop_reasons(dut):
    """Each reason inbound has its own counter; what only counts moves no window."""
    t, rng = await table(dut)
    inb = random_sa(rng, IN)
    inb.seq, inb.window, inb.flags, inb.hard_packets = 0, 64, 0, 5
    assert await t.install(inb) == MBX_OK
    seq = 0
    for status in [*COMMITTED, OK] * 3:
        seq += 3
        for s in (seq, seq):
            want = inb.commit(s, 10, status)
            assert await t.commit(inb.handle, s, 10, status) == want
        await t.same(inb)
    for _ in range(4):
        seq += 1
        assert await t.commit(inb.handle, seq, 10, OK) == inb.commit(seq, 10, OK)
    await t.same(inb)
    assert all(inb.drops[DROPS[status]] for status in (*COMMITTED, LIFETIME))


@cocotb.test()
async def encapsulation(dut):
    """ESP in UDP for an SA that is not, and the reverse."""
    t, rng = await table(dut)
    for flags in (0, UDP):
        sa = random_sa(rng, IN)
        sa.flags = flags
        assert await t.install(sa) == MBX_OK
        for udp in (False, True):
            for seq in (sa.seq + 1, sa.seq, 0):
                want = sa.lookup_in(seq, udp)
                rsp = await t.lookup_in(sa, seq, udp)
                assert (rsp["status"], rsp["seq"]) == want and rsp["ctx"] == sa.ctx()
                assert (rsp["status"] == ENCAP) == (udp != bool(flags))


@cocotb.test()
async def snapshot(dut):
    """READ under load: all numbers are those of one moment, though packets pass and are dropped all the time."""
    t, rng = await table(dut)
    out, inb = random_sa(rng, OUT), random_sa(rng, IN)
    out.seq, out.mode, out.flags, inb.seq, inb.window = 0, TUNNEL, 0, 0, 64
    assert await t.install(out) == MBX_OK and await t.install(inb) == MBX_OK
    done = False

    async def load():
        i = 0
        while not done:
            if t.out.pending() < 6:
                i += 1
                # In turn: passes, too big, fragment in place of a packet, wrong kind.
                t.out.send(OUT_REQ.pack(**out_req(out.handle)), lambda w: None)
                t.out.send(OUT_REQ.pack(**out_req(out.handle, total=5000, mtu=1500)), lambda w: None)
                t.out.send(OUT_REQ.pack(**out_req(out.handle, inplace=1)), lambda w: None)
                for status in (OK, ICV, ENCAP):
                    word = COMMIT.pack(handle=inb.handle, seq=i, bytes=10, status=status)
                    t.cm.send(word, lambda w: None)
            await ClockCycles(dut.clk, 1)

    task = cocotb.start_soon(load())
    before = {}
    for _ in range(60):
        for sa, names in ((out, (11, SA_KIND)), (inb, (ICV, ENCAP))):
            status, handle, state = await t.read(sa.handle)
            assert (status, handle) == (MBX_OK, sa.handle)
            numbers = [le(state[i : i + 8]) for i in range(0, 160, 8)]
            seq, packets, size, _, *drops = numbers
            assert seq == packets and size == packets * (100 if sa is out else 10)
            first, second = (drops[DROPS[name]] for name in names)
            # They come in turn, so at each moment they differ by one at most, in this order.
            assert packets >= first >= second >= packets - 1, numbers
            assert sum(drops) == first + second
            assert packets > before.get(sa.dir, 0)
            before[sa.dir] = packets
    done = True
    await task
    await t.drain()


@cocotb.test()
async def events_wait(dut):
    """While nobody takes events, none is lost: the pipes wait instead, and then all come in order."""
    t, rng = await table(dut)
    stalled = True
    t.event_stall = lambda: stalled
    sas = []
    for _ in range(24):
        sa = random_sa(rng, OUT)
        sa.seq, sa.mode, sa.soft_packets, sa.soft_bytes, sa.hard_packets = 0, TUNNEL, 1, 1, 1
        sa.lease_end, sa.lease_warn = 1, 9
        inb = random_sa(rng, IN)
        inb.window, inb.seq, inb.soft_packets, inb.hard_bytes = 0, 0, 1, 50
        assert await t.install(sa) == MBX_OK and await t.install(inb) == MBX_OK
        sas += [sa, inb]
    for sa in sas:
        for i in range(3):
            if sa.dir == OUT:
                sa.lookup_out(out_req(sa.handle))
                t.out.send(OUT_REQ.pack(**out_req(sa.handle)), lambda w: None)
            else:
                sa.commit(i + 1, 50, OK)
                t.cm.send(COMMIT.pack(handle=sa.handle, seq=i + 1, bytes=50, status=OK), lambda w: None)
    await ClockCycles(dut.clk, 400)
    assert t.out.pending() and t.cm.pending() and not t.events
    assert int(dut.idle.value) == 0
    stalled = False
    await t.drain()
    await ClockCycles(dut.clk, 100)
    for sa in sas:
        assert t.told(sa) == sa.events and len(sa.events) == (4 if sa.dir == OUT else 2)
    # Nothing is told twice.
    for sa in sas:
        if sa.dir == OUT:
            assert (await t.lookup_out(sa.handle))["status"] == LIFETIME
    await ClockCycles(dut.clk, 100)
    assert len(t.events) == sum(len(sa.events) for sa in sas)
