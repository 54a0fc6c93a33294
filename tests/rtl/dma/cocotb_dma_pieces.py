# SPDX-License-Identifier: BSD-2-Clause
"""Frames in pieces, and checksums that the card puts in."""

import cocotb
from cocotb.triggers import ClockCycles
from dma_bench import Bench, statuses, with_checksum
from host_memory import SLVERR
from ring_driver import (
    BAD_FLAGS,
    BAD_LENGTH,
    BAD_OP,
    CSUM,
    DECRYPT,
    DMA_READ,
    ENCRYPT,
    INPLACE,
    LOOKASIDE,
    MORE,
    NOT_READY,
    NUMBERED,
    OK,
    PIECES_MAX,
    PLAIN,
    POLICY,
)
from scapy.layers.inet import IP, TCP, UDP, in4_chksum
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.layers.l2 import Dot1Q, Ether

NOWHERE = 0xDEAD_0000_0000


def finished(bench, fates, wire):
    """All completions are as `fates` (of the last pieces, by pair and index) say, and each pair's frames left in order."""
    counts = {}
    for number, pair in enumerate(bench.pairs):
        assert not pair.tx.open
        for e in pair.sent:
            status, length = fates.get((number, e["index"]), (None, 0))
            assert (e["status"], e["len"]) == (status or OK, length), f"pair {number}: {e}, not {status}"
            if status is not None:
                counts[status] = counts.get(status, 0) + 1
        assert [data for data, meta in bench.wire if meta["qid"] == number] == wire[number]
    assert bench.counts("tx") == counts


@cocotb.test()
async def pieces(dut):
    """Sizes and alignments of pieces at random, short ones and long ones, with and without a wire that stops."""
    bench = await Bench(dut, latency=20, reorder=True, stall=0.1, wire_stall=0.2, size=32 << 20).start()
    pair = bench.pairs[0]
    fates, wire = {}, [[], []]
    cases = [(14, 14), (64, 64), (9618, PIECES_MAX), (128, 2), (9618, 2), (192, 3)]
    cases += [(bench.random.randrange(14, 300), bench.random.randrange(2, 8)) for _ in range(60)]
    cases += [(bench.random.randrange(14, 9619), bench.random.randrange(1, PIECES_MAX)) for _ in range(30)]
    for length, count in cases:
        if pair.tx.free < count:
            await pair.ring()
            await bench.until(lambda n=count: pair.tx.free >= n, "room in the ring")
        data = bench.frame(length)
        lookaside = bench.random.randrange(4) == 0
        if lookaside:
            await bench.until(lambda: pair.rx.free, "room in the ring")
            bench.give(pair, 9664)
            await pair.ring("rx")
        else:
            wire[0].append(data)
        index = bench.send_pieces(pair, data, bench.cuts(length, count), flags=LOOKASIDE * lookaside)
        fates[0, index] = OK, length
        if bench.random.randrange(3) == 0:
            await pair.ring()
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions", 60000)
    finished(bench, fates, wire)
    posted = [e["note"] for e in pair.sent if e["index"] in {r["tag"] for r in pair.received} and e["note"]]
    assert [e["data"] for e in pair.received] == posted
    await bench.settle()
    assert not bench.memory.strays


async def random_traffic(bench, rounds):
    """Frames whole and in pieces, with and without checksums, contexts anywhere, and faults anywhere, on both pairs."""
    random = bench.random
    fates, wire = {}, [[], []]
    for _ in range(rounds):
        for number, pair in enumerate(bench.pairs):
            pair.poll()
            while pair.tx.free >= 12 and random.random() < 0.8:
                length = random.choice((14, 64, 100, 300, random.randrange(14, 2000)))
                data = want = bench.frame(length)
                flags, fault, context = 0, random.randrange(16), {}
                op = random.choice((ENCRYPT, ENCRYPT, NUMBERED))
                if random.randrange(2) and length > 40:
                    start = random.randrange(14, min(length - 20, 193))
                    offset = 2 * random.randrange(8)
                    context = dict(csum_start=start, csum_offset=offset)
                    flags = CSUM
                    want = with_checksum(data, start, offset)
                if op == NUMBERED:
                    pair.context(seq=random.getrandbits(64) | 1, **context)
                elif context or random.randrange(4) == 0:
                    pair.context(random.getrandbits(32), **context)
                count = random.choice((1, 1, 2, 3, 6))
                ends = [0, *bench.cuts(length, count), length]
                victim = random.randrange(len(ends) - 1)
                status, late = OK, None
                for n, (start, end) in enumerate(zip(ends, ends[1:], strict=False)):
                    last = end == length
                    how = dict(op=op, sa=5, flags=flags | MORE * (not last))
                    address = bench.memory.alloc(end - start, offset=random.randrange(64))
                    bench.memory.open(address, end - start, read=True)
                    bench.memory.write(address, data[start:end])
                    size = end - start
                    if n == victim and fault == 1:
                        address, status = NOWHERE, DMA_READ
                    if n == victim and fault == 2:
                        size, status = random.choice(((0, BAD_LENGTH), (9619, BAD_LENGTH)))
                    if n == victim and fault == 3:
                        how["flags"] |= 0x20
                        status = BAD_FLAGS
                    if n == victim and fault == 4:
                        how["op"], status = 9, BAD_FLAGS if n else BAD_OP
                    if n == victim and fault == 5 and count > 1 and length > 5:
                        bench.memory.read_errors[address & ~63] = SLVERR
                        status = DMA_READ
                    if n and n == victim and fault == 6:
                        how["sa"], status = 6, BAD_FLAGS
                    if n and n == victim and fault == 7:
                        late = random.choice(({}, dict(csum_start=20, csum_offset=6), dict(seq=9)))
                        pair.context(7, **late)
                    index = pair.send(address, size, note=want if last else b"", **how)
                if late:  # that is the next frame's, which does not ask for it
                    fates[number, bench.send(pair, b"x" * 60, note=b"")] = BAD_FLAGS, 0
                fates[number, index] = (status, len(want) if status == OK else 0)
                if status == OK:
                    wire[number].append(want)
            await pair.ring()
        await ClockCycles(bench.dut.clk, random.randrange(1, 80))
    await bench.until(lambda: not any(pair.tx.open for pair in bench.pairs), "completions", 60000)
    finished(bench, fates, wire)
    assert all(NOWHERE <= a < NOWHERE + 4096 for a in bench.memory.strays)
    await bench.settle()


@cocotb.test()
async def faults_anywhere(dut):
    bench = await Bench(dut, latency=30, stall=0.1, reorder=True, wire_stall=0.1, size=64 << 20).start()
    await random_traffic(bench, 120)


@cocotb.test()
async def faults_anywhere_small_rings(dut):
    bench = await Bench(dut, seed=3, pairs=((4, 3), (5, 3)), latency=9, size=64 << 20).start()
    await random_traffic(bench, 200)


@cocotb.test()
async def rules(dut):
    """Each rule of frames in pieces and of checksums by itself; its neighbours are unharmed."""
    bench = await Bench(dut, pairs=((8, 6), (6, 6))).start()
    pair = bench.pairs[0]
    fates, wire = {}, [[], []]

    def frame(status, sizes, op=PLAIN, sa=0, flags=0, context=None):
        """Pieces of these sizes, and a frame behind them."""
        data = bench.frame(sum(sizes))
        if context is not None:
            pair.context(**context)
        at = 0
        for n, size in enumerate(sizes):
            how = dict(op=op, sa=sa, flags=flags | MORE * (n < len(sizes) - 1))
            index = bench.send(pair, data[at : at + size], bench.random.randrange(64), note=b"", **how)
            at += size
        fates[0, index] = status, len(data) if status == OK else 0
        if status == OK:
            if flags & CSUM:
                data = with_checksum(data, context["csum_start"], context["csum_offset"])
            wire[0].append(data)
        plain = bench.frame(70)
        fates[0, bench.send(pair, plain, 3, note=b"")] = OK, 70
        wire[0].append(plain)

    frame(OK, [7, 7])
    frame(BAD_LENGTH, [6, 7])
    frame(OK, [9617, 1])
    frame(BAD_LENGTH, [9618, 1])
    frame(BAD_LENGTH, [9618, 1, 1, 1])
    frame(BAD_LENGTH, [9000, 9000])
    frame(BAD_LENGTH, [9618] * 9)
    frame(OK, [1] * PIECES_MAX)
    frame(BAD_FLAGS, [30, 30], op=DECRYPT, flags=LOOKASIDE)
    frame(OK, [30, 30], op=INPLACE, sa=9, context=dict(seq_hi=77))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    assert bench.wire[-2][1]["seq"] == 77 << 32
    summed = dict(csum_start=14, csum_offset=2, seq=(77 << 32) + 5)
    frame(OK, [30, 30], op=NUMBERED, sa=9, flags=CSUM, context=summed)
    frame(BAD_FLAGS, [30, 30], op=NUMBERED, sa=9, context=dict(seq_hi=77))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    assert bench.wire[-3][1]["seq"] == summed["seq"]
    for odd in (dict(op=POLICY, sa=0), dict(sa=8), dict(op=INPLACE), dict(flags=LOOKASIDE), dict(flags=CSUM)):
        for n in range(3):
            how = dict(op=ENCRYPT, sa=9, flags=MORE if n < 2 else 0) | (odd if n == 2 else {})
            index = bench.send(pair, bench.frame(30), note=b"", **how)
        fates[0, index] = BAD_FLAGS, 0
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")

    top = dict(csum_start=192, csum_offset=62)
    for status, sizes, context in (
        (OK, [100], dict(csum_start=14, csum_offset=0)),
        (OK, [20], dict(csum_start=14, csum_offset=4)),
        (BAD_FLAGS, [19], dict(csum_start=14, csum_offset=4)),
        (BAD_FLAGS, [100], dict(csum_start=13, csum_offset=0)),
        (BAD_FLAGS, [100], dict(csum_start=14, csum_offset=1)),
        (BAD_FLAGS, [100], {}),
        (OK, [256], top),
        (OK, [100, 156], top),
        (BAD_FLAGS, [100, 155], top),
        (BAD_FLAGS, [500], dict(csum_start=193, csum_offset=0)),
        (BAD_FLAGS, [500], dict(csum_start=192, csum_offset=64)),
        (BAD_FLAGS, [500], dict(csum_start=14, csum_offset=0xFFFE)),
        (BAD_FLAGS, [500], dict(csum_start=0xFFFE, csum_offset=16)),
    ):
        frame(status, sizes, flags=CSUM, context=context)
        if len(pair.tx.open) > 12:
            await pair.ring()
            await bench.until(lambda: not pair.tx.open, "completions")
    frame(BAD_FLAGS, [100], flags=CSUM)  # without a context
    frame(BAD_FLAGS, [100], context=dict(csum_start=14))  # with one that is not asked for
    frame(BAD_FLAGS, [100, 20], context=dict(csum_offset=2))
    for field in ("mss", "hdr_len", "l3_offset"):  # nobody asks for segments
        frame(BAD_FLAGS, [100], context={field: 1})
        frame(BAD_FLAGS, [100], flags=CSUM, context={field: 1, "csum_start": 14})
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    frame(BAD_FLAGS, [100], op=DECRYPT, flags=LOOKASIDE | CSUM, context=dict(csum_start=14, csum_offset=2))
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    # Closed while a frame is half taken is as good as closed.
    dut.data_path_open.value = 0
    index = bench.send_pieces(pair, bench.frame(200), [50, 60])
    fates[0, index] = NOT_READY, 0
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    dut.data_path_open.value = 1
    finished(bench, fates, wire)
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def frames_without_end(dut):
    """A frame whose last piece does not come holds up nobody; one that cannot end is refused; disabling forgets."""
    bench = await Bench(dut, pairs=((8, 6), (3, 6))).start()
    pair, other = bench.pairs
    fates, wire = {}, [[], []]

    def whole(which):
        data = bench.frame(200)
        fates[which.number, bench.send(which, data, note=b"")] = OK, 200
        wire[which.number].append(data)

    # The other pair goes on, and so does what was posted before.
    whole(pair)
    data = bench.frame(PIECES_MAX * 10)
    cuts = list(range(10, len(data), 10))
    index = bench.send_pieces(pair, data, cuts)
    await pair.ring("tx", index)  # all but the last
    for _ in range(5):
        whole(other)
    await other.ring()
    await bench.until(lambda: not other.tx.open and len(pair.sent) == 1, "the other pair")
    await bench.settle()
    await pair.ring()
    fates[0, index] = OK, len(data)
    wire[0].append(data)
    whole(pair)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completions")
    finished(bench, fates, wire)

    # More pieces than a frame may have: the same whether the last is here when the card looks, or long after.
    for late in (0, 1, 100):
        data = bench.frame(10 * (PIECES_MAX + 1 + late))
        index = bench.send_pieces(pair, data, range(10, len(data), 10))
        fates[0, index] = BAD_LENGTH, 0
        if late:
            await pair.ring("tx", index)
            await bench.until(lambda n=late: len(pair.tx.open) == 1, "all pieces but the last")
            for _ in range(3):
                whole(other)
            await other.ring()
            await bench.until(lambda: not other.tx.open, "the other pair")
        whole(pair)
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions")
    finished(bench, fates, wire)

    # More pieces than the ring has descriptors.
    data = bench.frame(200)
    for _ in range(8):
        bench.send(other, data, note=b"", flags=MORE)
    await other.ring()
    await bench.until(lambda: not other.tx.open, "pieces")
    fates[1, bench.send(other, data, note=b"")] = BAD_LENGTH, 0
    whole(other)
    await other.ring()
    await bench.until(lambda: not other.tx.open, "completions")
    finished(bench, fates, wire)

    # Contexts count as pieces, and are the next frame's.
    for contexts, status in ((PIECES_MAX - 2, OK), (PIECES_MAX - 1, BAD_LENGTH)):
        data = bench.frame(60)
        bench.send(pair, data[:20], note=b"", flags=MORE)
        for _ in range(contexts):
            pair.context(3)
        index = bench.send(pair, data[20:], note=b"")
        fates[0, index] = status, 60 if status == OK else 0
        if status == OK:
            wire[0].append(data)
        data = bench.frame(99)
        fates[0, bench.send(pair, data, note=b"", op=INPLACE, sa=1)] = OK, 99
        wire[0].append(data)
        await pair.ring()
        await bench.until(lambda: not pair.tx.open, "completions")
        assert bench.wire[-1][1]["seq"] == 3 << 32
    finished(bench, fates, wire)
    await bench.settle()


@cocotb.test()
async def disable_within_a_frame(dut):
    """Disabling anywhere in frames of pieces drains: a frame is sent and completed whole, or nothing of it is."""
    bench = await Bench(dut, latency=30, stall=0.1, size=32 << 20).start()
    pair, other = bench.pairs
    partial = 0
    for turn in range(30):
        ends, frames = [], []
        for _ in range(6):
            data = bench.frame(bench.random.randrange(2000, 9618))
            frames.append(data)
            ends.append(bench.send_pieces(pair, data, bench.cuts(len(data), bench.random.randrange(2, 8))))
        for _ in range(turn % 4):
            bench.send(pair, bench.frame(50), flags=MORE)
        await pair.ring()
        before = len(bench.wire)
        await ClockCycles(dut.clk, 10 + turn * 8)
        await pair.disable()
        pair.poll()
        done = sorted(e["index"] for e in pair.sent)
        assert done == list(range(len(done))) and statuses(pair.sent) == [OK] * len(done)
        assert not done or done[-1] in ends, "a frame was begun and not ended"
        count = sum(end in done for end in ends)
        assert [d for d, _ in bench.wire[before:]] == frames[:count]
        partial += 0 < count < len(ends)
        for ring in (pair.tx, pair.rx):
            ring.reset()
        pair.sent.clear()
        data = bench.frame(300)
        await pair.enable()
        bench.send(pair, data)
        bench.send(other, data)
        await pair.ring()
        await other.ring()
        await bench.until(lambda: pair.sent and not other.tx.open, "both pairs work")
        assert [d for d, _ in bench.wire[-2:]] == [data, data]
        pair.sent.clear()
        await pair.disable()
        await pair.enable()
    assert partial > 5
    await bench.settle()
    assert not bench.memory.strays


@cocotb.test()
async def checksums(dut):
    """TCP and UDP over IPv4 and IPv6, tagged and not, odd lengths: as scapy computes them."""
    bench = await Bench(dut, latency=10, stall=0.05, size=16 << 20).start()
    pair = bench.pairs[1]
    random, want = bench.random, []
    for n in range(120):
        tags = [Dot1Q(vlan=random.randrange(4095)) for _ in range(random.randrange(3))]
        if n % 2:
            ip = IP(src=f"10.{random.randrange(256)}.3.4", dst=f"192.0.2.{random.randrange(256)}")
        else:
            ip = IPv6(src=f"2001:db8::{n:x}", dst=f"fe80::{random.getrandbits(16):x}")
        tcp = n % 4 < 2
        l4 = (TCP if tcp else UDP)(sport=random.randrange(65536), dport=random.randrange(65536))
        payload = random.randbytes(random.choice((0, 1, 2, 17, 1000, 1459, random.randrange(9000))))
        if n == 10:
            payload = b"\xff" * 1400
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        for tag in tags:
            packet /= tag
        start = len(packet) + len(ip)
        right = bytes(packet / ip / l4 / payload)
        offset = 16 if tcp else 6
        field = start + offset
        # scapy's sum over zeros is the pseudo header's, inverted.
        blank, proto = bytes(len(right) - start), 6 if tcp else 17
        pseudo = (
            in4_chksum(proto, ip, blank)
            if n % 2
            else in6_chksum(proto, IPv6(right[start - 40 : start]), blank)
        )
        partial = (~pseudo & 0xFFFF).to_bytes(2, "big")
        data = right[:field] + partial + right[field + 2 :]
        await bench.until(lambda: pair.tx.free > 12, "room in the ring")
        pair.context(csum_start=start, csum_offset=offset)
        if random.randrange(2):
            bench.send_pieces(pair, data, bench.cuts(len(data), random.randrange(2, 10)), flags=CSUM)
        else:
            bench.send(pair, data, random.randrange(64), flags=CSUM)
        await pair.ring()
        want.append(right)
    await bench.until(lambda: not pair.tx.open, "completions")
    got = [data for data, _ in bench.wire]
    for n, (a, b) in enumerate(zip(got, want, strict=True)):
        assert a == b, f"frame {n}: {a[:120].hex()}, not {b[:120].hex()}"
    # The sum that is zero is written as ones.
    data = bytes(20) + b"\xff\xff" + bytes(40)
    pair.context(csum_start=14, csum_offset=0)
    bench.send(pair, data, flags=CSUM)
    await pair.ring()
    await bench.until(lambda: not pair.tx.open, "completion")
    assert bench.wire[-1][0] == data[:14] + b"\xff\xff" + data[16:]
    await bench.settle()
