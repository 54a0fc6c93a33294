# SPDX-License-Identifier: BSD-2-Clause
"""The whole card, with its firmware: everything at once, and each mistake by itself."""

import os
import random
import struct

import cocotb
from card_bench import FRAGMENT_TO_HOST, MISS_TO_HOST, RX_ENABLE, Card
from card_sas import flags, in_sa, out_sa, policy
from card_traffic import FRAME_MAX, OK, ST, Mix, Peer, stranger
from cocotb.triggers import ClockCycles
from cocotb_esp_in import numbers, plain_frame, text_of, wrong_frames
from cocotb_esp_out import inplace_frame
from esp_in_frames import inner, outer, trailer
from esp_packet import ETH, ethernet, packet, parse, with_checksum
from event_driver import ACTIVE, FULL
from frames import to_int
from host_memory import SLVERR, RamMemory
from mgmt import abi
from ring_driver import (
    DECRYPT,
    ENCRYPT,
    INPLACE,
    LOOKASIDE,
    NUMBERED,
    PLAIN,
    POLICY,
    RX_BAD_DOORBELL,
    TX_BAD_DOORBELL,
)
from rx_model import Rss
from tso_frames import Tso

C = abi.CODES
ROUNDS = int(os.environ.get("CARD_ROUNDS", 45))
BYPASS, DISCARD, PROTECT = 2, 3, 1


async def traffic(card, rounds, churn):
    """Random packets of every kind, and meanwhile SAs that come and go."""
    outs = [[await card.add(out_sa()) for _ in range(3)] for _ in card.pairs]
    inplace = [await card.add(out_sa(inplace=True)) for _ in card.pairs]
    shared = await card.add(out_sa())
    wire_peers = [Peer(await card.add(in_sa(queue, selector=queue == 2))) for queue in (0, 1, 0)]
    host_peers = [[Peer(await card.add(in_sa(0))) for _ in range(2)] for _ in card.pairs]
    protect = await card.add(out_sa(tunnel=True))
    await card.map_dscp([random.randrange(64) for _ in range(64)])
    for n, ipv6 in enumerate((False, True)):
        # One tells apart by the first bits of the address, the other takes what is left of a protocol.
        for top, action in ((0x00, PROTECT), (0x40, BYPASS), (0x80, DISCARD)):
            dst = bytes([top]) + bytes(15 if ipv6 else 3)
            sa = protect.handle if action == PROTECT else 0
            await card.add_policy(policy(action, 10 + n, sa, dst, 2, ipv6=ipv6))
        await card.add_policy(policy(PROTECT, 5, protect.handle, proto=17, ipv6=ipv6))
    mix = Mix(card, outs, inplace, shared, wire_peers, host_peers)
    changes = cocotb.start_soon(come_and_go(card, mix, churn))
    for n in range(rounds):
        for number, pair in enumerate(card.pairs):
            pair.poll()
            if n % 8 == 0:
                await pair.arm()
            await card.feed(pair)
            for _ in range(random.randrange(1, 6)):
                mix.host(number)
        for _ in range(random.randrange(6)):
            mix.wire()
        await card.ring()
        await ClockCycles(card.dut.clk, random.choice((1, 20, 100, 400)))
    await changes
    await card.check()
    assert set(card.irqs) == {0, 1}
    return mix


async def come_and_go(card, mix, times):
    """Install an SA, use it, delete it while its packets are still on their way, use its handle once more."""
    for n in range(times):
        number = n % len(card.pairs)
        out = await card.add(out_sa(tunnel=True))
        peer = Peer(await card.add(in_sa(number, window=0, inplace=False, tunnel=True, flags=0)))
        mix.outs[number].append(out)
        await card.until(lambda number=number: card.room(number) > 30, "buffers")
        await ClockCycles(card.dut.clk, 300)
        mix.outs[number].remove(out)
        # What is on its way may find the SA or not; what is posted after the answer does not.
        may, uncertain = (OK, ST["SA_STALE"]), (OK, ST["NO_SA"], ST["SA_STALE"])
        for _ in range(8):
            if card.pairs[number].tx.free and card.room(number) > 4:
                card.encrypts(number, ethernet(packet(200)), out, random.random() < 0.5, may=may)
                fate = card.from_wire(peer.good(), want="OK", may=uncertain)
                fate.event = dict(code=ST["NO_SA"], inbound=1, **endpoints(fate.data, peer.sa))
        for pair in card.pairs:
            for fate in pair.tx.open.values():
                if fate.sa is out and fate.may == (OK,):
                    fate.may = may
        await card.ring()
        await card.delete(out)
        await card.delete(peer.sa)
        mix.gone.append(out.handle)
        card.from_wire(peer.good(), want="NO_SA")
        await card.until(lambda number=number: card.pairs[number].tx.free, "room in the ring")
        card.send_out(number, ethernet(packet(100)), ENCRYPT, out.handle, want="SA_STALE")
        await card.ring()


def endpoints(frame, sa):
    """What an event says of a packet of this SA, which is gone."""
    info = parse(frame, outbound=False)
    at = info.l2 + info.hdr + (8 if info.proto == 17 else 0)
    return {
        "ipv6": int(info.ipv6), "src": to_int(info.src), "dst": to_int(info.dst), "spi": to_int(sa.spi), "sa": 0,
        "seq": int.from_bytes(frame[at + 4 : at + 8], "big"), "flow_label": info.flow,
    }  # fmt: skip


@cocotb.test()
async def everything(dut):
    """Both pairs, all operations, all kinds of SA, SAs that come and go, host memory and wire that stall."""
    # A table whose last entries name no pair.
    rss = Rss(random.randbytes(40), True, table=[random.randrange(2) for _ in range(100)] + [2, 255] * 14)
    load = dict(latency=40, stall=0.1, reorder=True, wire_stall=0.15, size=32 << 20)
    card = await Card(dut, rss=rss, **load).start()
    await traffic(card, ROUNDS, churn=3)
    stats = await card.check_counters()
    total = sum(stats["tx"]), sum(stats["rx"])
    dut._log.warning(
        "seed %s: %d descriptors, %d frames from the wire, %d opened by scapy, %d events, %d cycles",
        os.environ.get("VESPER_SEED", "1"), *total, card.ledger.scapy, stats["events"], stats["cycles"],
    )  # fmt: skip
    assert card.ledger.scapy > 20 and card.ledger.tx[OK] > 50 and card.ledger.rx[OK] > 20
    assert card.ledger.right > 10 and card.ledger.hashed > 10
    assert stats["events"] > 10 and stats["events_lost"] == stats["events_suppressed"] == 0
    assert card.memory.strays, "no descriptor pointed nowhere"
    assert all(address >= 1 << 60 for address in card.memory.strays), "the card read what was not given to it"


@cocotb.test()
async def axiram(dut):
    """A short run before cocotbext-axi's own memory; what has no SA, and fragments, go to the host."""
    control = RX_ENABLE | MISS_TO_HOST | FRAGMENT_TO_HOST
    load = dict(seed=2, model=RamMemory, stall=0.2, wire_stall=0.1, size=16 << 20)
    card = await Card(dut, control=control, **load).start()
    outs = [await card.add(out_sa(tunnel=True)) for _ in range(2)]
    peers = [Peer(await card.add(in_sa(queue))) for queue in (0, 1)]
    four = Peer(await card.add(in_sa(0, ipv6=False, flags=0, inplace=False)))
    for n in range(24):
        card.send_out(n & 1, random.randbytes(60 + n), lookaside=bool(n & 2))
        card.encrypts(n & 1, ethernet(packet(40 + 37 * n)), outs[n & 1], lookaside=bool(n & 2))
        card.from_wire(peers[n & 1].good())
        if n % 4 == 0:
            missed = card.from_wire(stranger(), want="OK")
            part = card.from_wire(outer(random, four.sa, random.randbytes(48), fragment=0x2000), want="OK")
            assert (missed.status, part.status) == (ST["NO_SA"], ST["FRAGMENT"])
            card.decrypts(1, stranger(), "NO_SA")
        await card.ring()
    await card.check()
    await card.check_counters()


class Good:
    """The next good packet of each path, to be sent after each mistake."""

    def __init__(self, card, out, wire, host):
        self.card, self.out, self.wire, self.host = card, out, wire, host

    def descriptor(self, number=0):
        self.card.encrypts(number, ethernet(packet(64)), self.out)

    def decryption(self, number=0):
        self.card.decrypts(number, self.host.good(64), "OK")

    def arrival(self):
        self.card.from_wire(self.wire.good(64), want="OK")


async def prepared(dut, **how):
    """A card with an SA a path, and the next good packet of each."""
    card = await Card(dut, pairs=((8, 8), (8, 8)), size=32 << 20, latency=20, **how).start()
    out = await card.add(out_sa(tunnel=True, tfc=0))
    ins = [await card.add(in_sa(n, tunnel=True, inplace=False, window=1024, icv=16)) for n in (0, 1)]
    return card, Good(card, out, *map(Peer, ins))


@cocotb.test()
async def numbered(dut):
    """TCP segments under the host's numbers, over the end of their lower half; packets in place between take of the
    same counter for their IVs, and single packets with NUMBERED too."""
    card = await Card(dut, latency=20, pairs=((8, 8), (8, 8)), size=32 << 20).start()
    frames = []
    for n in range(12):
        tunnel, ipv6, esn = bool(n & 1), bool(n & 2), n < 8
        names = ["INPLACE"] + ["ESN"] * esn + ["UDP"] * (n & 4 != 0)
        sa = out_sa(inplace=True, tunnel=tunnel, ipv6=ipv6)
        sa.flags = flags(*names)
        await card.add(sa)
        first = (2**32 if esn else 2**20) - 1 - random.randrange(3)
        for number in (first, first + 4):
            frame = card.segments(0, Tso(random, 2500, 700, ipv6), sa, number)
            assert frame.before[0].given == number and len(frame.before) == 3
            frames.append((sa, frame))
            card.send_out(0, inplace_frame(sa, 40), INPLACE, sa.handle, want="OK")
        card.context(0, seq=first + 8)
        ip = frame.data[frame.info.l2 :]
        card.send_out(0, ethernet(ip), NUMBERED, sa.handle, want="OK", given=first + 8)
        await card.ring()
        await card.check()
    for sa, last in frames:
        # What left, by scapy alone: the numbers follow one another, and inside is what the host would have cut.
        for part in (*last.before, last):
            after = parse(part.result)
            at = after.esp_at + sa.udp_bytes
            esp = part.result[at : after.l2 + after.total]
            assert int.from_bytes(esp[4:8], "big") == part.given & 0xFFFFFFFF
            text, _, _ = sa.scapy_opens(esp, part.given)
            assert text == part.data[part.info.l2 if sa.tunnel else part.info.esp_at :]
    assert any(last.given > 2**32 for _, last in frames)
    await card.check_counters()


@cocotb.test()
async def wrong_descriptors(dut):
    """Each costs itself, under its own status; the good one behind it passes, on both pairs."""
    card, good = await prepared(dut)
    pair, other = card.pairs
    transport = await card.add(out_sa(tunnel=False, ipv6=False))
    six = await card.add(out_sa(tunnel=False, ipv6=True))
    inplace = await card.add(out_sa(inplace=True))
    gone = await card.add(out_sa())
    await card.delete(gone)
    await card.add_policy(policy(DISCARD, 1, dst=b"\x0a\0\0\0", dst_len=8))
    cases = [
        ("BAD_LENGTH", dict(length=0)),
        ("BAD_LENGTH", dict(length=13)),
        ("BAD_LENGTH", dict(length=FRAME_MAX + 1)),
        ("BAD_LENGTH", dict(address=(1 << 64) - 64, length=65)),
        ("BAD_FLAGS", dict(flags=0x10)),
        ("BAD_FLAGS", dict(flags=LOOKASIDE | 0x80)),
        ("BAD_FLAGS", dict(op=DECRYPT)),
        ("BAD_FLAGS", dict(op=PLAIN, sa=1)),
        ("BAD_FLAGS", dict(op=POLICY, sa=1)),
        ("BAD_FLAGS", dict(op=NUMBERED, sa=good.out.handle)),
        ("BAD_OP", dict(op=9)),
        ("BAD_OP", dict(op=255)),
        ("DMA_READ", dict(length=200)),
        ("DMA_READ", dict(op=ENCRYPT, sa=good.out.handle)),
    ]
    for status, case in cases:
        card.refused(0, status, **case)
        good.descriptor()
        good.descriptor(1)
    broken = card.memory.alloc(256)
    card.memory.open(broken, 256, read=True)
    card.memory.read_errors[broken + 64] = SLVERR
    card.refused(0, "DMA_READ", address=broken, length=256)
    good.descriptor()
    # What the pipe refuses: none of it costs a number.
    ip = packet(100)
    tunnel = good.out.handle
    spi = inplace_frame(inplace, 40, spi=bytes(b ^ 0x55 for b in inplace.spi))
    for status, frame, op, handle in [
        ("SA_STALE", ETH + ip, ENCRYPT, gone.handle),
        ("SA_STALE", ETH + ip, ENCRYPT, 0),
        ("SA_STALE", ETH + ip, ENCRYPT, 0xFFFFFFFF & ~(1 << 16)),
        ("SA_DIRECTION", ETH + ip, ENCRYPT, good.wire.sa.handle),
        ("SA_KIND", ETH + ip, ENCRYPT, six.handle),
        ("SA_KIND", ETH + ip, ENCRYPT, inplace.handle),
        ("SA_KIND", ETH + ip, INPLACE, tunnel),
        ("NOT_ESP", ETH + ip, INPLACE, inplace.handle),
        ("SPI", spi, INPLACE, inplace.handle),
        ("ESP_LENGTH", inplace_frame(inplace, 3), INPLACE, inplace.handle),
        ("IP_CHECKSUM", ETH + ip[:8] + bytes([ip[8] ^ 1]) + ip[9:], ENCRYPT, tunnel),
        ("IP_HEADER", ETH + with_checksum(b"\x65" + ip[1:20]) + ip[20:], ENCRYPT, tunnel),
        ("IP_HEADER", ETH + with_checksum(b"\x44" + ip[1:20]) + ip[20:], ENCRYPT, tunnel),
        ("IP_HEADER", ETH + with_checksum(ip[:2] + b"\0\x13" + ip[4:20]) + ip[20:], ENCRYPT, tunnel),
        ("TRUNCATED", ETH + ip[:-1], ENCRYPT, tunnel),
        ("TRUNCATED", ETH + ip[:15], ENCRYPT, tunnel),
        ("TOO_BIG", ETH + packet(1500), ENCRYPT, tunnel),
        ("TOO_BIG", ETH + packet(1470), ENCRYPT, tunnel),
        ("FRAGMENT", ETH + packet(100, fragment=0x2000), ENCRYPT, transport.handle),
        ("FRAGMENT", ETH + packet(100, fragment=7), ENCRYPT, transport.handle),
        ("NOT_IP", ETH[:12] + b"\x08\x06" + ip, ENCRYPT, tunnel),
        ("NOT_IP", ETH[:12] + b"\x08\x06" + ip, POLICY, 0),
        ("NO_POLICY", ETH + packet(100)[:16] + b"\x0b", POLICY, 0),
        ("DISCARD", ETH + packet(100)[:16] + b"\x0a", POLICY, 0),
    ]:
        if status in ("NO_POLICY", "DISCARD"):
            data = frame[14:] + ip[17:]
            frame = ETH + with_checksum(data[:20]) + data[20:]
        for lookaside in (False, True):
            card.send_out(0, frame, op, handle, lookaside, status)
            good.descriptor()
    card.send_out(0, random.randbytes(12) + b"\x88\xb5" + bytes(1501), want="TOO_BIG")
    good.descriptor()
    await card.ring()
    await card.check()
    # Doorbells beyond the ring: ignored, counted, told; the next one counts.
    for which, beyond in (("tx", 257), ("tx", 0x8000), ("rx", 1), ("rx", 0x7FFF)):
        await pair.ring(which, getattr(pair, which).tail + beyond)
    await ClockCycles(dut.clk, 50)
    assert await pair.state() & (TX_BAD_DOORBELL | RX_BAD_DOORBELL) == TX_BAD_DOORBELL | RX_BAD_DOORBELL
    assert not await other.state() & (TX_BAD_DOORBELL | RX_BAD_DOORBELL)
    for number in (0, 1):
        good.descriptor(number)
        good.decryption(number)
    await card.ring()
    await card.check()
    await card.check_counters(doorbells=(2, 2))
    assert all(address >= 1 << 60 for address in card.memory.strays)


@cocotb.test()
async def wrong_frames_of_both_doors(dut):
    """From the wire and from the host: each under its own reason, the good one behind it passes."""
    card, good = await prepared(dut)
    for where, peer in (("wire", good.wire), ("host", good.host)):
        sa = peer.sa

        def drop(data, status, where=where):
            if where == "wire":
                card.from_wire(data, want=status)
                good.arrival()
            else:
                card.decrypts(0, data, status)
                good.decryption()

        def next_seq(sa=sa):
            numbers(sa)
            return sa.top

        # A number that the good packets do not reach: a forged one may have it without moving the window.
        for data, status in wrong_frames(random, sa, sa.top + 500):
            drop(data, status)
        # Authentic, and wrong all the same: these move the window.
        ip, odd = inner(random, 50), inner(random, 49)
        for status, plain in [
            ("PADDING", odd + b"\x03\x01\x04"),
            ("PADDING", odd + b"\x01\xff\x04"),
            ("NEXT_HEADER", ip + trailer(50, 6)),
            ("DUMMY", ip + trailer(50, 59)),
            ("INNER", b"\x65" + ip[1:] + trailer(50, 4)),
            ("INNER", ip + trailer(50, 41)),
            ("INNER", ip[:2] + b"\x7f\xff" + ip[4:] + trailer(50, 4)),
        ]:
            drop(outer(random, sa, sa.seal(next_seq(), plain), tos=0), status)
        drop(peer.good(64), "OK")
        drop(peer.last, "REPLAY")
        drop(stranger(), "NO_SA")
        old = sa.top + 1
        sa.top += 2000
        drop(peer.good(64), "OK")
        # The window must have moved: the card's first look would find this number right before that.
        await card.ring()
        await card.check()
        # With ESN so old a number may look like one of the next subspace, and then its ICV is wrong.
        drop(outer(random, sa, sa.seal(old, text_of(ip)), tos=0), None if sa.has("ESN") else "REPLAY")
    await card.ring()
    await card.check()
    card.decrypts(1, plain_frame(random, 100), "NOT_ESP")
    good.decryption(1)
    for data, status, bad in [
        (b"\x55", "RUNT", False),
        (random.randbytes(13), "RUNT", False),
        (random.randbytes(FRAME_MAX + 1), "OVERSIZE", False),
        (random.randbytes(FRAME_MAX + 700), "OVERSIZE", False),
        (random.randbytes(64), "WIRE_ERROR", True),
        (random.randbytes(1000), "WIRE_ERROR", True),
    ]:
        card.wire_drop(data, status, bad)
        good.arrival()
    await card.ring()
    await card.check()
    # A frame that no buffer can hold, and a good one that fits into that buffer.
    card.wire_drop(ETH[:12] + b"\x88\xb5" + bytes(FRAME_MAX - 14), "NO_BUFFER")
    card.from_wire(ETH[:12] + b"\x88\xb5" + bytes(1500), want="OK")
    await card.check()
    await card.check_counters()


@cocotb.test()
async def wrong_messages(dut):
    """The mailbox refuses each with its code, field and value; traffic goes on, and so does the mailbox."""
    card, good = await prepared(dut)
    box = card.mailbox
    gone = await card.add(out_sa())
    await card.delete(gone)
    fresh, inbound = out_sa(tunnel=True, ipv6=False), in_sa(0)
    handle = struct.pack("<II", gone.handle, 0)
    at = {name: 24 + offset for name, offset in abi.SA_AT.items()}
    add = C["MBX_SA_ADD"]
    cases = [
        ("COMMAND", 77, b"", {}, 0, 77),
        ("LENGTH", C["MBX_IDENTIFY"], b"", dict(len=23), 2, 23),
        ("LENGTH", add, fresh.message(), dict(len=279), 2, 279),
        ("RESERVED", C["MBX_STATS"], b"", dict(reserved=1), 14, 1),
        ("RESERVED", add, fresh.message(reserved1=4), {}, at["reserved1"], 4),
        ("KEY_LEN", add, fresh.message(key_len=17), {}, at["key_len"], 17),
        ("ICV_LEN", add, fresh.message(icv_len=10), {}, at["icv_len"], 10),
        ("SPI", add, fresh.message(spi=b"\0\0\0\xff"), {}, at["spi"], 255),
        ("DUPLICATE", add, good.out.message(), {}, at["spi"], int.from_bytes(good.out.spi, "big")),
        ("QUEUE", add, inbound.message(queue=2), {}, at["queue"], 2),
        ("HANDLE", C["MBX_SA_DEL"], handle, {}, 24, gone.handle),
        ("HANDLE", C["MBX_SA_QUERY"], handle, {}, 24, gone.handle),
        ("POLICY_HANDLE", C["MBX_POLICY_DEL"], struct.pack("<II", 0x10005, 0), {}, 24, 0x10005),
    ]
    for code, command, body, header, place, value in cases:
        rsp = await box.call(command, body, **header)
        assert (rsp.status, rsp.field, rsp.value) == (C[f"MBX_E_{code}"], place, value), (code, rsp)
        good.descriptor()
        good.decryption(1)
        good.arrival()
        await card.ring()
    await card.check()
    # None of them did anything; and the SA that was refused can still be installed, and works.
    await card.add(fresh)
    card.encrypts(1, ethernet(packet(333)), fresh)
    await card.ring()
    await card.check()
    identity = abi.IDENTIFY.unpack(await box.ok(C["MBX_IDENTIFY"]))
    assert (identity[0], identity[2]) == (2, abi.FEATURES)
    assert identity[4:11] == (1024, 2, 4, 1, 4096, 16, 4096)
    await card.check_counters()
    # Reset forgets every SA and every count.
    await box.ok(C["MBX_RESET"])
    stats = await box.stats()
    assert not any(stats["tx"]) and not any(stats["rx"]) and stats["events"] == 0
    card.forget()
    card.send_out(0, ethernet(packet(64)), ENCRYPT, good.out.handle, want="SA_STALE")
    card.from_wire(good.wire.good(), want="NO_SA")
    card.send_out(0, random.randbytes(100))
    await card.ring()
    await card.check()
    await card.check_counters()


@cocotb.test()
async def reset_under_load(dut):
    """A function-level reset in the middle of everything: SAs and counts are gone, and the card works again."""
    card = await Card(dut, seed=3, latency=40, stall=0.1, wire_stall=0.1, size=32 << 20).start()
    outs = [await card.add(out_sa(tunnel=True)) for _ in range(2)]
    peers = [Peer(await card.add(in_sa(queue))) for queue in (0, 1)]
    for n in range(30):
        card.encrypts(n & 1, ethernet(packet(40 + 40 * n)), outs[n & 1], bool(n & 2))
        card.from_wire(peers[n & 1].good())
    await card.ring()
    await ClockCycles(dut.clk, random.randrange(100, 800))
    assert dut.idle.value == 0
    await card.boot()
    while not card.wire_out.empty():
        card.wire_out.recv_nowait()
    for n in range(4):
        # The old handles and SPIs are nobody's.
        card.send_out(n & 1, ethernet(packet(64)), ENCRYPT, outs[n & 1].handle, want="SA_STALE")
        card.from_wire(peers[n & 1].good(), want="NO_SA" if not peers[n & 1].sa.has("UDP") else None)
        card.send_out(n & 1, random.randbytes(200), lookaside=bool(n & 2))
    await card.ring()
    await card.check()
    fresh, peer = await card.add(out_sa(tunnel=True)), Peer(await card.add(in_sa(1)))
    for n in range(8):
        card.encrypts(n & 1, ethernet(packet(100 * n + 20)), fresh, bool(n & 2))
        card.from_wire(peer.good())
    await card.ring()
    await card.check()
    await card.check_counters()


@cocotb.test()
async def events(dut):
    """What an attacker does is told, but does not flood; SAs tell of their limits; what was left out is counted."""
    card = await Card(dut, latency=20, interval=100_000, pairs=((8, 8), (8, 8)), size=16 << 20).start()
    out = await card.add(out_sa(tunnel=True, tfc=0, hard_packets=6))
    for _ in range(40):
        card.from_wire(stranger(), want="NO_SA")
    for _ in range(8):
        card.send_out(0, ethernet(packet(64)), ENCRYPT, out.handle, may=(OK, ST["LIFETIME"]))
    await card.ring()
    await card.settle()
    card.take()
    codes = [e["code"] for e in card.got]
    assert codes.count(ST["NO_SA"]) == 16 and codes.count(ST["LIFETIME"]) == 2
    assert codes.count(66) == 1, "EV_EXPIRED comes once"
    stats = await card.mailbox.stats()
    assert (stats["events"], stats["events_suppressed"], stats["events_lost"]) == (19, 24, 0)
    cycles = [e["time"] for e in card.got]
    assert 0 < min(cycles) and max(cycles) < stats["cycles"]
    # The next one says how many were left out.
    await card.limit(10)
    await card.tell()
    await ClockCycles(dut.clk, 20)
    card.from_wire(stranger(), want="NO_SA")
    await card.settle()
    assert card.take() == 1
    assert (card.got[-1]["code"], card.got[-1]["suppressed"]) == (ST["NO_SA"], 24)
    # A host that does not look: the ring fills, the rest is lost, and nothing stops.
    await card.limit(0)
    for _ in range(20):
        for _ in range(64):
            card.from_wire(stranger(), want="NO_SA")
        await card.settle()
    assert await card.ring_state() == ACTIVE | FULL
    stats = await card.mailbox.stats()
    assert stats["events"] == 19 + 1 + 1023 and stats["events_lost"] == 20 * 64 - 1023
    assert stats["rx"][ST["NO_SA"]] == 41 + 20 * 64


@cocotb.test()
async def smoke(dut):
    """A little of everything, for cards of other sizes."""
    card = await Card(dut, latency=20, stall=0.05, size=16 << 20, control=RX_ENABLE).start()
    await traffic(card, 12, churn=1)
    await card.check_counters()
