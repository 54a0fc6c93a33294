# SPDX-License-Identifier: BSD-2-Clause
"""Frames through the DMA: every alignment, many sizes, both pairs, wraps, refused descriptors, missing buffers."""

import cocotb
from cocotb.triggers import ClockCycles
from dma_bench import Bench, statuses
from host_memory import RamMemory
from ring_driver import (
    BAD_FLAGS,
    BAD_LENGTH,
    BAD_OP,
    CPL_ESP,
    CPL_INPLACE,
    CPL_LOOKASIDE,
    DECRYPT,
    DMA_READ,
    DUMMY,
    ENCRYPT,
    ICV,
    INPLACE,
    LOOKASIDE,
    NO_BUFFER,
    NOT_READY,
    NUMBERED,
    OK,
    PLAIN,
    POLICY,
    SA_STALE,
    TOO_BIG,
)


@cocotb.test()
async def every_alignment(dut):
    """Each start within a beat, with lengths around whole beats: what leaves is what was in memory."""
    bench = await Bench(dut, latency=10).start()
    pair = bench.pairs[0]
    frames = []
    for offset in range(64):
        for length in (14, 63 - offset % 32, 64, 65, 127 - offset, 128, 128 - offset, 129, 192 - offset, 200):
            if length < 14:
                length += 64
            await bench.until(lambda: pair.tx.free, "room in the ring", step=1)
            data = bench.frame(length)
            bench.send(pair, data, offset=offset)
            frames.append(data)
            if len(frames) % 16 == 0:
                await pair.ring()
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == len(frames), "completions")
    assert [data for data, _ in bench.wire] == frames
    assert all(e["status"] == OK and e["len"] == len(e["note"]) and e["seq"] == 0 for e in pair.sent)
    await bench.settle()
    assert not bench.memory.strays
    assert bench.counts("tx") == {OK: len(frames)} and bench.counts("rx") == {}


@cocotb.test()
async def long_frames(dut):
    """Frames up to the longest at random alignments, across 4 KiB, and back into buffers that cross it too."""
    bench = await Bench(dut, latency=30, stall=0.2, reorder=True, wire_stall=0.2, size=16 << 20).start()
    pair = bench.pairs[0]
    sizes = [9618, 9617, 4096, 4097, 4095, 8192, 64, 14, 15, 1514, 9600]
    sizes += [bench.random.randrange(14, 9619) for _ in range(40)]
    for n, size in enumerate(sizes):
        await bench.until(lambda: pair.tx.free and pair.rx.free, "room in the rings")
        lookaside = n % 2
        if lookaside:
            bench.give(pair, -(-size // 64) * 64)  # just as large as needed
            await pair.ring("rx")
        bench.send(pair, bench.frame(size), offset=bench.random.randrange(64), flags=LOOKASIDE * lookaside)
        await pair.ring()
    await bench.until(lambda: len(pair.sent) == len(sizes), "completions", 60000)
    posted = {e["index"]: e["note"] for e in pair.sent}
    assert statuses(pair.sent) == [OK] * len(sizes)
    assert [data for data, _ in bench.wire] == [posted[i] for i in range(0, len(sizes), 2)]
    assert [(e["tag"], e["data"]) for e in pair.received] == [(i, posted[i]) for i in range(1, len(sizes), 2)]
    assert all(e["flags"] == CPL_LOOKASIDE and e["sa"] == 0 for e in pair.received)
    await bench.settle()
    assert not bench.memory.strays


async def traffic(bench, rounds):
    """Everything at once: both pairs, each operation, refusals, frames from the wire; nothing lost, nothing twice."""
    random = bench.random
    fates = {}  # (pair, index): expected status
    results = [[], []]  # what each pair's RX ring should show, by source
    silent = 0
    on_wire = [[], []]
    incoming = [[], []]
    for _ in range(rounds):
        for number, pair in enumerate(bench.pairs):
            pair.poll()
            while pair.rx.free and random.random() < 0.9:
                bench.give(pair, 1536)
            await pair.ring("rx")
            for _ in range(random.randrange(1, 6)):
                if not pair.tx.free:
                    break
                data = bench.frame(random.choice((14, 60, 64, 65, 300, random.randrange(14, 1536))))
                kind = random.randrange(9)
                offset = random.randrange(64)
                if kind < 2:
                    index = bench.send(pair, data, offset)
                    fates[number, index] = OK
                    on_wire[number].append(data)
                elif kind == 2:
                    op = random.choice((ENCRYPT, POLICY, INPLACE, DUMMY))
                    index = bench.send(pair, data, offset, op=op, sa=0x20001 if op != POLICY else 0)
                    fates[number, index] = OK
                    on_wire[number].append(data)
                elif kind == 3:
                    index = bench.send(pair, data, offset, op=ENCRYPT, sa=0xDEAD)
                    fates[number, index] = SA_STALE
                elif kind == 4:
                    op = random.choice((PLAIN, ENCRYPT, DECRYPT))
                    sa = 0x20007 if op == ENCRYPT else 0
                    index = bench.send(pair, data, offset, op=op, sa=sa, flags=LOOKASIDE)
                    flags = CPL_LOOKASIDE | (CPL_ESP if op == DECRYPT else 0)
                    applied = {PLAIN: 0, ENCRYPT: sa, DECRYPT: 0x30005}[op]
                    # Of the number the completion has the lower half, which the bench makes the index.
                    seq = index if op == DECRYPT else 0
                    result = {"tag": index, "flags": flags, "sa": applied, "seq": seq, "data": data}
                    results[number].append(result)
                    fates[number, index] = OK
                elif kind == 8:
                    fates[number, pair.context(random.getrandbits(32))] = OK
                    silent += 1
                elif kind == 5:
                    length = random.choice((0, 13, 9619, 65535))
                    fates[number, pair.send(1 << 60, length)] = BAD_LENGTH
                elif kind == 6:
                    fates[number, pair.send(1 << 60, 64, flags=random.choice((0x10, 0x80, 0x41)))] = BAD_FLAGS
                else:
                    fates[number, pair.send(1 << 60, 64, op=random.choice((9, 255)))] = BAD_OP
            await pair.ring()
            if random.random() < 0.5 and len(pair.rx.open) > 12:
                data = bench.frame(random.randrange(14, 1536))
                esp = random.randrange(2)
                seq = random.getrandbits(64) if esp else 0
                bench.from_wire(data, number, esp=esp, sa=0x30009 * esp, seq=seq)
                frame = {"tag": 0, "flags": CPL_ESP * esp, "sa": 0x30009 * esp, "seq": seq & 0xFFFFFFFF}
                incoming[number].append(frame | {"data": data})
        await ClockCycles(bench.dut.clk, random.randrange(1, 60))
    await bench.until(lambda: all(not pair.tx.open for pair in bench.pairs), "completions", 60000)
    await bench.until(lambda: bench.dut.idle.value == 1, "idle", 60000)
    await bench.settle()

    assert not bench.memory.strays
    lost = 0
    for number, pair in enumerate(bench.pairs):
        keys = ("tag", "flags", "sa", "seq", "data")
        got = [{k: e[k] for k in keys} for e in pair.received]
        no_buffer = {e["index"] for e in pair.sent if e["status"] == NO_BUFFER}
        lost += len(no_buffer)
        assert all(e["status"] == OK for e in pair.received)
        for e in pair.sent:
            expected = fates[number, e["index"]] if e["index"] not in no_buffer else NO_BUFFER
            assert e["status"] == expected, f"pair {number}: {e}, expected {expected}"
            assert e["len"] == (len(e["note"]) if e["status"] == OK and e["note"] else 0)
            if (number, e["index"]) in fates and e["status"] == OK:
                looped = next(
                    (r for r in results[number] if r["tag"] == e["index"] and r["data"] == e["note"]), None
                )
                assert (e["seq"] == (1 << 32) + e["index"]) == bool(looped and looped["sa"])
        assert [e for e in got if e["flags"] & CPL_LOOKASIDE] == [
            r for r in results[number] if r["tag"] not in no_buffer
        ]
        inside = [e for e in got if not e["flags"] & CPL_LOOKASIDE]
        remaining = iter(incoming[number])
        assert all(e in remaining for e in inside), "frames from the wire are out of order or not ours"
        lost += len(incoming[number]) - len(inside)
        wire = [data for data, meta in bench.wire if meta["qid"] == number]
        assert wire == on_wire[number]
    tx, rx = bench.counts("tx"), bench.counts("rx")
    assert sum(tx.values()) == sum(len(pair.sent) for pair in bench.pairs) - silent
    assert sum(rx.values()) == sum(map(len, incoming))
    assert tx.get(NO_BUFFER, 0) + rx.get(NO_BUFFER, 0) == lost
    return lost


@cocotb.test()
async def mixed_traffic(dut):
    bench = await Bench(dut, latency=30, stall=0.15, reorder=True, wire_stall=0.1, size=32 << 20).start()
    await traffic(bench, 150)


@cocotb.test()
async def mixed_traffic_small_rings(dut):
    """The smallest rings wrap all the time; buffers run out, and each frame without one is counted."""
    bench = await Bench(dut, seed=2, pairs=((3, 3), (4, 3)), latency=12, size=32 << 20).start()
    await traffic(bench, 250)


@cocotb.test()
async def mixed_traffic_axiram(dut):
    """The same against cocotbext-axi's memory."""
    bench = await Bench(dut, seed=4, model=RamMemory, stall=0.2, wire_stall=0.1, size=32 << 20).start()
    await traffic(bench, 100)


@cocotb.test()
async def index_wrap(dut):
    """More than 65,536 descriptors and completions on one ring."""
    bench = await Bench(dut, pairs=((9, 3), (3, 3)), latency=5).start()
    pair = bench.pairs[0]
    data = bench.frame(14)
    address = bench.memory.alloc(14)
    bench.memory.open(address, 14, read=True)
    bench.memory.write(address, data)
    total, posted, done = 66000, 0, 0
    while done < total:
        while posted < total and pair.tx.free:
            # Refused descriptors are the quick ones; every 37th is a frame.
            good = posted % 37 == 0
            pair.send(address, 14 if good else 13, note=good)
            posted += 1
        await pair.ring()
        await bench.until(lambda: pair.tx.free > 256 or not pair.tx.open, "completions")
        for entry in pair.sent:
            assert entry["status"] == (OK if entry["note"] else BAD_LENGTH)
        refused = [e["index"] for e in pair.sent if not e["note"]]
        assert all((b - a) & 0xFFFF in (1, 2) for a, b in zip(refused, refused[1:], strict=False)), (
            "out of order"
        )
        done += len(pair.sent)
        pair.sent.clear()
    assert bench.counts("tx") == {OK: len(bench.wire), BAD_LENGTH: total - len(bench.wire)}
    assert len(bench.wire) == -(-total // 37) and all(d == data for d, _ in bench.wire)
    assert await pair.state() == 1


@cocotb.test()
async def refused_descriptors(dut):
    """Each rule of a descriptor by itself, its neighbours unharmed; nothing of a refused one is read."""
    bench = await Bench(dut).start()
    pair = bench.pairs[1]
    nowhere = 0xDEAD_0000_0000
    cases = [
        (dict(length=0), BAD_LENGTH),
        (dict(length=13), BAD_LENGTH),
        (dict(length=9619), BAD_LENGTH),
        (dict(length=65535), BAD_LENGTH),
        (dict(length=64, flags=0x10), BAD_FLAGS),
        (dict(length=64, flags=0x81), BAD_FLAGS),
        (dict(length=64, op=9), BAD_OP),
        (dict(length=64, op=0xFF, sa=1), BAD_OP),
        (dict(length=64, op=DECRYPT), BAD_FLAGS),
        (dict(length=64, op=PLAIN, sa=1), BAD_FLAGS),
        (dict(length=64, op=POLICY, sa=1), BAD_FLAGS),
        (dict(length=64, op=NUMBERED, sa=1), BAD_FLAGS),
        (dict(length=64, address=(1 << 64) - 63), BAD_LENGTH),
        (dict(length=9618, address=(1 << 64) - 1, op=9), BAD_LENGTH),
        (dict(length=64, op=DECRYPT, flags=LOOKASIDE, sa=0x80000000), BAD_FLAGS),
    ]
    frames = []
    for case, _ in cases:
        pair.send(**{"address": nowhere} | case)
        frames.append(bench.frame(77))
        bench.send(pair, frames[-1], offset=3)
    await pair.ring()
    await bench.until(lambda: len(pair.sent) == 2 * len(cases), "completions")
    by_index = sorted(pair.sent, key=lambda e: e["index"])
    assert statuses(by_index) == [s for _, status in cases for s in (status, OK)]
    assert [data for data, _ in bench.wire] == frames
    assert not bench.memory.strays
    # Which SA these name is the table's business.
    done = len(bench.wire)
    good = [(ENCRYPT, 0), (ENCRYPT, 7), (INPLACE, 0), (INPLACE, 7), (DUMMY, 0), (DUMMY, 7), (POLICY, 0)]
    for op, sa in good:
        bench.send(pair, bench.frame(100), op=op, sa=sa)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    assert [(meta["op"], meta["sa"], meta["seq"]) for _, meta in bench.wire[done:]] == [(*g, 0) for g in good]

    # The last byte of the address space can be asked for: here it is not mapped.
    pair.send((1 << 64) - 64, 64)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert statuses(pair.sent[-1:]) == [DMA_READ] and set(bench.memory.strays) == {(1 << 64) - 64}

    dut.data_path_open.value = 0
    bench.send(pair, bench.frame(64))
    pair.send(nowhere, 5)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    assert statuses(pair.sent[-2:]) == [NOT_READY, BAD_LENGTH]
    dut.data_path_open.value = 1
    bench.send(pair, bench.frame(64))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert statuses(pair.sent[-1:]) == [OK]
    await bench.settle()


@cocotb.test()
async def contexts(dut):
    """A CONTEXT completes in its turn, is not counted, and holds for the next descriptor of its ring alone."""
    bench = await Bench(dut).start()
    pair, other = bench.pairs
    expected = [[], []]  # seq of each frame, by pair

    def post(which, op, seq_hi):
        bench.send(which, bench.frame(200), op=op, sa=0 if op in (PLAIN, POLICY) else 9)
        expected[which.number].append(seq_hi << 32)

    pair.context(0xFEDC_BA98)
    post(pair, INPLACE, 0xFEDC_BA98)
    post(pair, INPLACE, 0)
    pair.context(1)
    pair.context(0x8000_0000)  # replaces the first
    post(pair, INPLACE, 0x8000_0000)
    pair.context(2)
    post(other, INPLACE, 0)  # another ring
    for op in (PLAIN, ENCRYPT, DUMMY, POLICY):  # they do not care, and use it up
        post(pair, op, 0)
        post(pair, INPLACE, 0)
        pair.context(3)
    pair.send(0, 5)  # nor does one that is refused
    post(pair, INPLACE, 0)
    bad = [
        dict(flags=1),
        dict(flags=0x80),
    ]
    indices = [pair.context(7, **case) for case in bad]
    post(pair, INPLACE, 0)
    pair.context(4)
    await other.ring()
    await pair.ring()
    await bench.until(lambda: not pair.tx.open and not other.tx.open, "completions")
    for number in range(2):
        got = [meta["seq"] for _, meta in bench.wire if meta["qid"] == number]
        assert got == expected[number]
    entries = {e["index"]: e for e in pair.sent}
    assert [entries[i]["status"] for i in indices] == [BAD_FLAGS] * len(bad)
    assert all(e["len"] == e["seq"] == 0 for e in pair.sent if e["note"] is None)
    frames = len(bench.wire)
    assert statuses(pair.sent).count(OK) == len(expected[0]) + 9
    assert bench.counts("tx") == {OK: frames, BAD_LENGTH: 1, BAD_FLAGS: len(bad)}
    # A pair that starts anew knows nothing of the last one.
    await pair.disable()
    await pair.enable()
    post(pair, INPLACE, 0)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert bench.wire[-1][1]["seq"] == 0
    # While the data path is closed, a context harms nobody.
    dut.data_path_open.value = 0
    pair.context(5)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert statuses(pair.sent[-1:]) == [OK]
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def numbers(dut):
    """CONTEXT_NUMBERED is a CONTEXT in all but what it says: the number of the NUMBERED frame behind it, and of no other."""
    bench = await Bench(dut).start()
    pair, other = bench.pairs
    expected, fates, big = [[], []], {}, 2**64 - 1

    def post(which, status=OK, op=NUMBERED, seq=0, **how):
        sa = 0 if op in (PLAIN, POLICY) else 9
        index = bench.send(which, bench.frame(200), op=op, sa=sa, **how)
        fates[which.number, index] = status
        if status == OK:
            expected[which.number].append((op, sa, seq))

    for seq in (1, 0xFFFFFFFF, 1 << 32, 1 << 63, 0x0123_4567_89AB_CDEF, big):
        pair.context(seq=seq)
        post(pair, seq=seq)
    post(pair, BAD_FLAGS)  # without
    pair.context(seq=0)
    post(pair, BAD_FLAGS)
    pair.context(7)  # the upper half is no number
    post(pair, BAD_FLAGS)
    pair.context(7)
    pair.context(seq=5)  # replaces it
    post(pair, seq=5)
    pair.context(seq=6)
    pair.context()  # so does this
    post(pair, BAD_FLAGS)
    pair.context(seq=8)
    post(other, BAD_FLAGS)  # another ring
    post(pair, seq=8)
    for op in (PLAIN, ENCRYPT, DUMMY, POLICY, INPLACE):  # not theirs; it is used up all the same
        pair.context(seq=big)
        post(pair, BAD_FLAGS, op)
        post(pair, BAD_FLAGS)
        post(pair, op=op)
    pair.context(seq=9)
    fates[0, pair.send(0, 5)] = BAD_LENGTH
    post(pair, BAD_FLAGS)
    for flags in (1, 2, 0x80):  # MORE, too: it carries no piece
        pair.context(seq=3)
        fates[0, pair.context(seq=4, flags=flags)] = BAD_FLAGS
        post(pair, BAD_FLAGS)
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions")
    bench.give(pair)
    await pair.ring("rx")
    pair.context(seq=10)
    fates[0, bench.send(pair, bench.frame(100), op=NUMBERED, sa=9, flags=LOOKASIDE)] = OK
    pair.context(seq=11)
    await other.ring()
    await pair.ring()
    await bench.until(lambda: not pair.tx.open and not other.tx.open, "completions")
    for which in bench.pairs:
        got = [(m["op"], m["sa"], m["seq"]) for _, m in bench.wire if m["qid"] == which.number]
        assert got == expected[which.number]
        for e in which.sent:
            assert e["status"] == fates.get((which.number, e["index"]), OK), e
    assert len(pair.received) == 1
    # Contexts that are in order are not counted.
    counts = {status: list(fates.values()).count(status) for status in set(fates.values())}
    assert bench.counts("tx") == counts
    # A pair that starts anew knows nothing of the last one.
    await pair.disable()
    await pair.enable()
    index = bench.send(pair, bench.frame(60), op=NUMBERED, sa=9)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert (pair.sent[-1]["index"], pair.sent[-1]["status"]) == (index, BAD_FLAGS)
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def completion_fields(dut):
    """What completions say of packets that are too big, decrypted, or decrypted in place with their verdict."""
    bench = await Bench(dut).start()
    pair = bench.pairs[0]
    index = bench.send(pair, bench.frame(1600), op=ENCRYPT, sa=0xB16)
    await pair.ring()
    await bench.until(lambda: pair.sent, "completion")
    assert [(e["index"], e["status"], e["len"]) for e in pair.sent] == [(index, TOO_BIG, 1400)]
    for _ in range(5):
        bench.give(pair)
    await pair.ring("rx")
    seq = 0x89AB_CDEF_0123_4567
    data = bench.frame(200)
    bench.from_wire(data, esp=1, sa=0x30001, seq=seq)
    bench.from_wire(data, esp=1, inplace=1, sa=0x30002, seq=seq)
    bench.from_wire(data, esp=1, inplace=1, sa=0x30003, seq=seq, status=ICV)
    bench.from_wire(data, esp=0, inplace=1, sa=0x30003, seq=seq, status=ICV)
    bench.from_wire(data, sa=0x30004, seq=seq, status=12)  # untouched
    await bench.settle()
    low = seq & 0xFFFF_FFFF
    got = [(e["status"], e["flags"], e["sa"], e["seq"]) for e in pair.received]
    assert got == [
        (OK, CPL_ESP, 0x30001, low),
        (OK, CPL_ESP | CPL_INPLACE, 0x30002, low),
        (ICV, CPL_INPLACE, 0x30003, 0),
        (ICV, CPL_INPLACE, 0x30003, 0),
        (12, 0, 0, 0),
    ]
    assert all(e["data"] == data for e in pair.received)
    assert bench.counts("rx") == {OK: 5}


@cocotb.test()
async def missing_buffers(dut):
    """No buffer, or one that is too small: the frame is dropped and counted, the buffer stays."""
    bench = await Bench(dut).start()
    pair, other = bench.pairs
    bench.from_wire(bench.frame(500))
    bench.from_wire(bench.frame(60), pair=1)
    bench.from_wire(bench.frame(60), pair=7)  # no such pair
    await bench.settle()
    assert bench.counts("rx") == {NO_BUFFER: 3}

    address = bench.give(pair, 128)
    await pair.ring("rx")
    big, fitting = bench.frame(129), bench.frame(128)
    bench.from_wire(big)
    bench.from_wire(fitting)
    bench.from_wire(bench.frame(14))
    await bench.settle()
    assert [(e["data"], e["address"]) for e in pair.received] == [(fitting, address)]
    assert bench.counts("rx") == {NO_BUFFER: 5, OK: 1}

    bench.send(pair, bench.frame(300), flags=LOOKASIDE)
    await pair.ring()
    await bench.until(lambda: pair.sent, "completion")
    assert statuses(pair.sent) == [NO_BUFFER] and pair.sent[0]["len"] == 0

    # Malformed buffers complete as such and cost no frame.
    pair.give(0xDEAD_0001, 2048)
    pair.give(0xDEAD_0000, 100)
    pair.give(0xDEAD_0000, 0)
    pair.give(0xDEAD_0000, 16448)
    pair.give(0xDEAD_0000, 2048, reserved0=1)
    pair.give(0xDEAD_0000, 2048, reserved1=1 << 31)
    pair.give((1 << 64) - 2048, 2112)
    bench.give(pair)
    await pair.ring("rx")
    good = bench.frame(1000)
    bench.from_wire(good, status=12)  # delivered untouched: no SA
    await bench.settle()
    bad = [BAD_FLAGS, BAD_LENGTH, BAD_LENGTH, BAD_LENGTH, BAD_FLAGS, BAD_FLAGS, BAD_LENGTH]
    assert statuses(pair.received[1:]) == bad + [12]
    assert pair.received[-1]["data"] == good and all(e["data"] == b"" for e in pair.received[1:-1])
    assert bench.counts("rx") == {NO_BUFFER: 5, OK: 2}
    assert not bench.memory.strays and not other.received


@cocotb.test()
async def buffers_on_their_way(dut):
    """Buffers that were posted are used even if their descriptors are still being fetched."""
    bench = await Bench(dut, latency=200).start()
    pair = bench.pairs[0]
    frames = [bench.frame(64) for _ in range(64)]
    for _ in frames:
        bench.give(pair, 64)
    await pair.ring("rx")
    for data in frames:
        bench.from_wire(data)
    await bench.settle()
    assert [e["data"] for e in pair.received] == frames
    assert bench.counts("rx") == {OK: 64}


@cocotb.test()
async def largest_buffer(dut):
    """A buffer of 16384 bytes holds a frame of as many, whatever the pipes would let through today."""
    bench = await Bench(dut, stall=0.1).start()
    pair = bench.pairs[0]
    frames = [bench.frame(size) for size in (16384, 16321, 16320)]
    for data in frames:
        bench.give(pair, 16384)
        await pair.ring("rx")
        await bench.settle()
        bench.from_wire(data)
    await bench.settle()
    assert [e["data"] for e in pair.received] == frames
    assert bench.counts("rx") == {OK: 3} and not bench.memory.strays


@cocotb.test()
async def completions_do_not_wait(dut):
    """A completion is written after the hold-off, though others of its ring are still to come."""
    bench = await Bench(dut, latency=10).start()
    pair = bench.pairs[0]
    bench.sink.stall = lambda: True  # the wire takes nothing
    pair.send(0, 5)
    bench.send(pair, bench.frame(64))
    await pair.ring()
    await bench.until(lambda: pair.sent, "the refused one's completion", 150, step=4)
    assert statuses(pair.sent) == [BAD_LENGTH] and len(pair.tx.open) == 1
    bench.sink.stall = lambda: False
    await bench.until(lambda: not pair.tx.open, "the other one's", 150, step=4)
    await bench.settle()


@cocotb.test()
async def result_before_completion(dut):
    """The TX completion of a lookaside descriptor never overtakes its RX completion, nor that the data."""
    bench = await Bench(dut, latency=30, reorder=True, stall=0.1).start()
    pair = bench.pairs[0]
    for _ in range(12):
        for _ in range(bench.random.randrange(1, 30)):
            bench.give(pair, 512)
            bench.send(pair, bench.frame(bench.random.randrange(14, 512)), flags=LOOKASIDE)
        await pair.ring("rx")
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions", step=1)  # looks in every cycle
    posted = {e["index"]: e["note"] for e in pair.sent}
    assert all(e["data"] == posted[e["tag"]] for e in pair.received)
    assert len(pair.received) == len(pair.sent)
