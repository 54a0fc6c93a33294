# SPDX-License-Identifier: BSD-2-Clause
"""TCP segmentation: the segments are those that scapy builds, whatever pieces the frame comes in."""

import cocotb
from dma_bench import Bench
from frames import BEAT_T, META_T
from host_memory import SLVERR
from ring_driver import (
    BAD_FLAGS,
    BAD_LENGTH,
    CSUM,
    DECRYPT,
    DMA_READ,
    ENCRYPT,
    INPLACE,
    LOOKASIDE,
    MORE,
    NUMBERED,
    OK,
    PIECES_MAX,
    SA_STALE,
    TSO,
)
from tso_frames import Tso


async def send(bench, pair, tso, pieces, flags=TSO, seq=None, **how):
    """Post a Tso in about so many pieces, with its context; returns the index of the last."""
    # A piece holds at most 9,618 bytes.
    cuts = {*bench.cuts(len(tso.data), pieces), *range(9000, len(tso.data), 9000)}
    if pair.tx.free < len(cuts) + 2:
        await pair.ring()
        await bench.until(lambda: pair.tx.free >= len(cuts) + 2, "room in the ring", 60000)
    pair.context(**tso.context, seq=seq)
    return bench.send_pieces(pair, tso.data, sorted(cuts), flags, note=b"", **how)


def same(got, want):
    for n, (a, b) in enumerate(zip(got, want, strict=True)):
        assert a == b, f"frame {n}: {len(a)} bytes {a[:120].hex()}, not {len(b)} bytes {b[:120].hex()}"


@cocotb.test()
async def segments(dut):
    """Headers, sizes and pieces at random, whole frames and pieces in between, on both pairs; all in their order. With
    NUMBERED each segment has the next number of 64 bits."""
    bench = await Bench(dut, latency=15, reorder=True, stall=0.1, wire_stall=0.1, size=64 << 20).start()
    random, wire, fates, count = bench.random, [[], []], {}, 0
    seqs = [[], []]
    cases = [(1, 1), (1, 9000), (100, 100), (101, 100), (99, 100), (200, 1), (65400, 9100), (64 * 64, 64)]
    cases += [
        (random.randrange(1, 6000), random.choice((536, 1448, random.randrange(20, 3000)))) for _ in range(50)
    ]
    for payload, mss in cases:
        number = random.randrange(2)
        pair, tso = bench.pairs[number], Tso(random, payload, mss)
        first = random.choice((None, 1, 2**32 - 1, 2**32 - 2, 2**64 - 2, random.getrandbits(64) | 1))
        op = ENCRYPT if first is None else NUMBERED
        index = await send(bench, pair, tso, random.randrange(1, 12), op=op, sa=4, seq=first)
        wire[number] += tso.segments
        seqs[number] += [0 if first is None else (first + n) % 2**64 for n in range(len(tso.segments))]
        count += len(tso.segments)
        fates[number, index] = OK, len(tso.segments[-1])
        await bench.until(lambda p=pair: p.tx.free > 4, "room in the ring", 60000)
        if random.randrange(2):
            data = bench.frame(random.randrange(14, 400))
            cuts = bench.cuts(len(data), random.randrange(1, 3))
            fates[number, bench.send_pieces(pair, data, cuts)] = OK, len(data)
            wire[number].append(data)
            seqs[number].append(0)
            count += 1
        await pair.ring()
    await bench.until(lambda: not any(p.tx.open for p in bench.pairs), "completions", 200000)
    for number, pair in enumerate(bench.pairs):
        same([d for d, meta in bench.wire if meta["qid"] == number], wire[number])
        assert [meta["seq"] for _, meta in bench.wire if meta["qid"] == number] == seqs[number]
        assert all(meta["sa"] == 4 for d, meta in bench.wire if meta["op"] in (ENCRYPT, NUMBERED))
        for e in pair.sent:
            assert (e["status"], e["len"]) == fates.get((number, e["index"]), (OK, 0)), e
    assert bench.counts("tx") == {OK: count}
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def most_segments(dut):
    """The longest frame in segments of one byte: there are more than 65,536, and each has a number of its own."""
    bench = await Bench(dut, size=64 << 20).start()
    pair, seqs, first = bench.pairs[0], [], 2**32 - 7
    # For its headers: to build all the segments would take scapy too long.
    tso = Tso(bench.random, 1, 1, plain=True)
    tso.data = tso.data[: tso.hdr_len] + bench.random.randbytes(65600 - tso.hdr_len)

    def take(item, _cycle):
        if BEAT_T.unpack(item["beat"])["last"]:
            seqs.append(META_T.unpack(item["meta"])["seq"])

    bench.sink.take = take
    await send(bench, pair, tso, 2, op=NUMBERED, sa=4, seq=first)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions", 1000000, step=512)
    assert seqs == [first + n for n in range(65600 - tso.hdr_len)] and len(seqs) > 65536
    await bench.settle()


@cocotb.test()
async def faults(dut):
    """What cannot be read costs the rest of the frame, wrong headers all of it; one completion either way."""
    bench = await Bench(dut, latency=15, size=64 << 20).start()
    pair, random = bench.pairs[0], bench.random
    sent = lost = refused = stale = 0

    async def done(index, status, length=0):
        data = bench.frame(80)
        bench.send(pair, data, note=b"")
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions", 60000)
        entries = {e["index"]: (e["status"], e["len"]) for e in pair.sent}
        assert entries.pop(index) == (status, length)
        assert entries.pop((index + 1) & 0xFFFF) == (OK, 80) and set(entries.values()) <= {(OK, 0)}
        pair.sent.clear()
        got = [d for d, _ in bench.wire]
        bench.wire.clear()
        assert got.pop() == data
        return got

    for n in range(12):
        tso = Tso(random, random.randrange(3000, 20000), random.randrange(300, 3000))
        victim = 4000 * n // 3 % len(tso.data)
        pair.context(**tso.context)
        for at in range(0, len(tso.data), 4000):
            part = tso.data[at : at + 4000]
            address = bench.memory.alloc(len(part), offset=random.randrange(64))
            bench.memory.open(address, len(part), read=True)
            bench.memory.write(address, part)
            if at <= victim < at + 4000:
                bench.memory.read_errors[address & ~63] = SLVERR
            last = at + 4000 >= len(tso.data)
            index = pair.send(address, len(part), flags=TSO | MORE * (not last), note=b"")
        got = await done(index, DMA_READ)
        assert len(got) < len(tso.segments)
        same(got, tso.segments[: len(got)])
        sent, lost = sent + len(got) + 1, lost + 1

    def wrong_headers():
        for ipv6 in (0, 1):
            tso = Tso(random, 900, 100, ipv6)
            start, l3 = tso.context["csum_start"], tso.l3
            cases = [(l3, 0x50), (l3, 0x00), (start + 12, 0x40), (start + 12, (tso.data[start + 12] ^ 0x10))]
            if not ipv6:
                cases += [(l3, 0x44), (l3, tso.data[l3] ^ 1), (l3 + 9, 17)]
            for at, value in cases:
                good = tso.data
                tso.data = good[:at] + bytes([value]) + good[at + 1 :]
                yield tso
                tso.data = good
            if ipv6:  # too short for one
                tso.context["l3_offset"] = start - 24
                tso.data = tso.data[: start - 24] + b"\x60" + tso.data[start - 23 :]
                yield tso

    for tso in wrong_headers():
        assert await done(await send(bench, pair, tso, random.randrange(1, 5)), BAD_FLAGS) == []
        sent, refused = sent + 1, refused + 1

    # Segments that a later stage drops: each is counted, one completion tells of it.
    tso = Tso(random, 1000, 100)
    assert await done(await send(bench, pair, tso, 3, op=ENCRYPT, sa=0xDEAD), SA_STALE) == []
    sent, stale = sent + 1, stale + 10
    # Both flags say no more than the one.
    tso = Tso(random, 1000, 300)
    same(
        await done(await send(bench, pair, tso, 3, flags=TSO | CSUM), OK, len(tso.segments[-1])), tso.segments
    )
    sent += 5
    assert bench.counts("tx") == {OK: sent, DMA_READ: lost, BAD_FLAGS: refused, SA_STALE: stale}
    await bench.settle()


@cocotb.test()
async def rules(dut):
    """Each rule of a descriptor with TSO by itself: nothing of the frame leaves."""
    bench = await Bench(dut, size=64 << 20, pairs=((7, 3), (3, 3))).start()
    pair, random = bench.pairs[0], bench.random
    base = Tso(random, 1000, 100, plain=True)
    start, hdr_len = base.context["csum_start"], base.hdr_len
    fates = []

    async def frame(status, tso=base, how=None, **context):
        tso.context, kept = tso.context | context, tso.context
        fates.append((await send(bench, pair, tso, 2, **(how or {})), status))
        tso.context = kept

    await frame(OK)
    await frame(BAD_FLAGS, mss=0)
    await frame(BAD_FLAGS, mss=9618 - hdr_len + 1)
    await frame(BAD_FLAGS, hdr_len=start + 19)
    await frame(BAD_FLAGS, hdr_len=193)
    await frame(BAD_FLAGS, hdr_len=0x8000)
    await frame(BAD_FLAGS, csum_start=33)
    await frame(BAD_FLAGS, csum_start=hdr_len - 19)
    await frame(BAD_FLAGS, csum_start=0xFFF0)
    await frame(BAD_FLAGS, csum_offset=14)
    await frame(BAD_FLAGS, l3_offset=13)
    await frame(BAD_FLAGS, l3_offset=start - 19)
    await frame(BAD_FLAGS, l3_offset=0xFFF0)
    await frame(BAD_FLAGS, how=dict(flags=TSO | LOOKASIDE))
    await frame(BAD_FLAGS, how=dict(op=INPLACE, sa=3))
    await frame(BAD_FLAGS, how=dict(op=NUMBERED, sa=3))
    await frame(BAD_FLAGS, how=dict(op=NUMBERED, sa=3, seq=0))
    await frame(BAD_FLAGS, how=dict(op=ENCRYPT, sa=3, seq=1))
    await frame(BAD_FLAGS, how=dict(op=NUMBERED, sa=3, seq=1, flags=TSO | LOOKASIDE))
    await frame(BAD_FLAGS, mss=0, how=dict(op=NUMBERED, sa=3, seq=1))
    await frame(BAD_FLAGS, hdr_len=193, how=dict(op=NUMBERED, sa=3, seq=1))
    await frame(OK, how=dict(op=NUMBERED, sa=3, seq=1))
    await frame(BAD_FLAGS, how=dict(op=DECRYPT, flags=TSO | LOOKASIDE))
    empty = Tso(random, 1, 100, plain=True)
    empty.data = empty.data[:-1]
    await frame(BAD_FLAGS, empty)
    await frame(OK, Tso(random, 2000, 9618 - hdr_len, plain=True))
    await frame(OK, Tso(random, 9618, 9618 - hdr_len, plain=True))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions", 60000)
    found = {e["index"]: e["status"] for e in pair.sent}
    assert [(index, found[index]) for index, _ in fates] == fates
    pair.sent.clear()
    bench.wire.clear()

    # The longest, and one byte more.
    for more, status in ((0, OK), (1, BAD_LENGTH)):
        tso = Tso(random, 65600 + more - hdr_len, 9000, plain=True)
        index = await send(bench, pair, tso, 2)
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions", 60000)
        assert {e["index"]: e["status"] for e in pair.sent}[index] == status
        same([d for d, _ in bench.wire], tso.segments[: len(bench.wire)])
        lost = len(tso.segments) - len(bench.wire)
        assert lost == 0 if status == OK else 0 < lost < 3  # those of the last piece
        bench.wire.clear()
    # More pieces than a frame may have.
    index = await send(bench, pair, base, PIECES_MAX + 1)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions", 60000)
    assert {e["index"]: e["status"] for e in pair.sent}[index] == BAD_LENGTH
    await bench.settle()
    assert not bench.memory.strays
