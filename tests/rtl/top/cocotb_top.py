# SPDX-License-Identifier: BSD-2-Clause
"""The whole card, with its firmware: everything at once, and each mistake by itself."""

import os
import random
import struct

import cocotb
from card_bench import FRAGMENT_TO_HOST, MISS_TO_HOST, RX_ENABLE, Card
from card_fates import OutSa, inbound_message
from card_traffic import FRAME_MAX, ICV, OK, REPLAY, ST, Mix, Peer, in_sa, out_sas
from cocotb.triggers import ClockCycles
from cocotb_esp_in import bad_frames, plain_frame
from cocotb_esp_out import ethernet
from esp_in_frames import ETH, encrypt, frame, inner_packet, trailer
from esp_model import packet, with_checksum
from host_memory import SLVERR, RamMemory
from mgmt import abi
from ring_driver import DECRYPT, ENCRYPT, LOOKASIDE, PLAIN, RX_BAD_DOORBELL, TX_BAD_DOORBELL
from sa_model import TUNNEL

C = abi.CODES
ROUNDS = int(os.environ.get("CARD_ROUNDS", 45))


async def traffic(card, rounds, churn):
    """Random packets of every kind, and meanwhile SAs that come and go."""
    outs = [await card.add_out(sa) for sa in out_sas(4, seq=random.randrange(1, 1 << 31))]
    wire_peers = [Peer(await card.add_in(in_sa(queue))) for queue in (0, 1)]
    host_peers = [Peer(await card.add_in(in_sa(0))) for _ in card.pairs]
    target = await card.add_in(in_sa(0, TUNNEL))
    mix = Mix(card, outs, wire_peers, host_peers, target)
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
        out = await card.add_out(OutSa(16, 16, bool(n & 1)))
        peer = Peer(await card.add_in(in_sa(number)))
        mix.outs.append(out)
        await card.until(lambda number=number: card.room(number) > 30, "buffers")
        await ClockCycles(card.dut.clk, 300)
        mix.outs.remove(out)
        # What is on its way may find the SA or not; what is posted after the answer does not.
        may, uncertain = (OK, ST["SA_STALE"]), (OK, ST["NO_SA"], ST["SA_STALE"])
        for _ in range(8):
            if card.pairs[number].tx.free and card.room(number) > 4:
                card.encrypts(number, ethernet(packet(200)), out, random.random() < 0.5, may=may)
                card.wire_esp(*mix.args(peer), may=uncertain)
        for pair in card.pairs:
            for fate in pair.tx.open.values():
                if fate.sa is out and fate.may == (OK,):
                    fate.may = may
        await card.ring()
        await card.delete(out)
        await card.delete(peer.sa)
        mix.gone.append(out.handle)
        card.wire_drop(mix.args(peer)[0], ST["NO_SA"])
        await card.until(lambda number=number: card.pairs[number].tx.free, "room in the ring")
        card.encrypts(number, ethernet(packet(100)), out, may=(ST["SA_STALE"],))
        await card.ring()


@cocotb.test()
async def everything(dut):
    """Both pairs, all operations, all kinds of SA, SAs that come and go, host memory and wire that stall."""
    card = await Card(dut, latency=40, stall=0.1, reorder=True, wire_stall=0.15, size=32 << 20).start()
    await traffic(card, ROUNDS, churn=3)
    stats = await card.check_counters()
    total = sum(stats["tx"]), sum(stats["rx"])
    dut._log.warning(
        "seed %s: %d descriptors, %d frames from the wire, %d read by scapy, %d cycles",
        os.environ.get("VESPER_SEED", "1"), *total, card.ledger.scapy, stats["cycles"],
    )  # fmt: skip
    assert card.ledger.scapy > 20 and card.ledger.tx[OK] > 50 and card.ledger.rx[OK] > 20
    assert card.memory.strays, "no descriptor pointed nowhere"
    assert all(address >= 1 << 60 for address in card.memory.strays), "the card read what was not given to it"


@cocotb.test()
async def axiram(dut):
    """A short run before cocotbext-axi's own memory; what has no SA, and fragments, go to the host."""
    control = RX_ENABLE | MISS_TO_HOST | FRAGMENT_TO_HOST
    load = dict(seed=2, model=RamMemory, stall=0.2, wire_stall=0.1, size=16 << 20)
    card = await Card(dut, control=control, **load).start()
    outs = [await card.add_out(sa) for sa in out_sas(2)]
    peers = [Peer(await card.add_in(in_sa(queue))) for queue in (0, 1)]
    for n in range(24):
        card.plain(n & 1, random.randbytes(60 + n), lookaside=bool(n & 2))
        card.encrypts(n & 1, ethernet(packet(40 + 37 * n)), outs[n & 1], lookaside=bool(n & 2))
        card.wire_esp(*Mix.args(peers[n & 1]))
        if n % 4 == 0:
            card.wire_plain(peers[0].unknown(), ST["NO_SA"])
            card.wire_plain(frame(peers[0].sa, random.randbytes(48), fragment=0x2000), ST["FRAGMENT"])
            card.decrypts(1, peers[0].unknown(), may=(ST["NO_SA"],))
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
        data, result, seq = self.host.good()
        self.card.decrypts(number, data, result, self.host.sa, seq)

    def arrival(self):
        self.card.wire_esp(*Mix.args(self.wire))


async def prepared(dut, **how):
    """A card with an SA a path, and the next good packet of each."""
    card = await Card(dut, pairs=((8, 8), (8, 8)), size=32 << 20, latency=20, **how).start()
    out = await card.add_out(OutSa(32, 16, True))
    wire, host = Peer(await card.add_in(in_sa(0, TUNNEL))), Peer(await card.add_in(in_sa(1, TUNNEL)))
    return card, Good(card, out, wire, host)


@cocotb.test()
async def wrong_descriptors(dut):
    """Each costs itself, under its own status; the good one behind it passes, on both pairs."""
    card, good = await prepared(dut)
    pair, other = card.pairs
    transport = await card.add_out(OutSa(16, 8, False))
    gone = await card.add_out(OutSa(16, 16, True))
    await card.delete(gone)
    cases = [
        ("BAD_LENGTH", dict(length=0)),
        ("BAD_LENGTH", dict(length=13)),
        ("BAD_LENGTH", dict(length=FRAME_MAX + 1)),
        ("BAD_FLAGS", dict(flags=2)),
        ("BAD_FLAGS", dict(flags=LOOKASIDE | 0x80)),
        ("BAD_FLAGS", dict(op=DECRYPT)),
        ("BAD_FLAGS", dict(op=PLAIN, sa=1)),
        ("BAD_OP", dict(op=3)),
        ("BAD_OP", dict(op=255)),
        ("DMA_READ", dict(length=200)),
        ("DMA_READ", dict(op=ENCRYPT, sa=good.out.handle)),
    ]
    for status, case in cases:
        card.refused(0, ST[status], **case)
        good.descriptor()
        good.descriptor(1)
    broken = card.memory.alloc(256)
    card.memory.open(broken, 256, read=True)
    card.memory.read_errors[broken + 64] = SLVERR
    card.refused(0, ST["DMA_READ"], address=broken, length=256)
    good.descriptor()
    # What the pipe refuses. The last three have cost a number of their SA.
    ip = packet(100)
    for status, data, sa, handle, consumes in [
        ("SA_STALE", ip, good.out, gone.handle, False),
        ("SA_STALE", ip, good.out, 0, False),
        ("SA_STALE", ip, good.out, 0xFFFFFFFF & ~(1 << 16), False),
        ("SA_DIRECTION", ip, good.out, good.wire.sa.handle, False),
        ("IP_CHECKSUM", ip[:8] + bytes([ip[8] ^ 1]) + ip[9:], good.out, None, False),
        ("IP_HEADER", with_checksum(b"\x65" + ip[1:20]) + ip[20:], good.out, None, False),
        ("IP_HEADER", with_checksum(b"\x44" + ip[1:20]) + ip[20:], good.out, None, False),
        ("IP_HEADER", with_checksum(ip[:2] + b"\0\x13" + ip[4:20]) + ip[20:], good.out, None, False),
        ("TRUNCATED", ip[:-1], good.out, None, False),
        ("TRUNCATED", ip[:15], good.out, None, False),
        ("TOO_BIG", packet(1500), good.out, None, False),
        ("TOO_BIG", packet(1470), good.out, None, True),
        ("FRAGMENT", packet(100, fragment=0x2000), transport, None, True),
        ("FRAGMENT", packet(100, fragment=7), transport, None, True),
    ]:
        for lookaside in (False, True):
            card.encrypts(0, ETH + data, sa, lookaside, (ST[status],), consumes, handle)
            good.descriptor()
    card.encrypts(0, ETH[:12] + b"\x86\xdd" + ip, good.out, may=(ST["NOT_IP"],))
    good.descriptor()
    card.plain(0, random.randbytes(1515), may=(ST["TOO_BIG"],))
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
async def wrong_frames(dut):
    """From the wire and from the host: each under its own reason, the good one behind it passes."""
    card, good = await prepared(dut)
    for where, peer in (("wire", good.wire), ("host", good.host)):
        sa = peer.sa

        def drop(data, status, where=where):
            if where == "wire":
                card.wire_drop(data, status)
                good.arrival()
            else:
                card.decrypts(0, data, may=(status,))
                good.decryption()

        def next_seq(peer=peer):
            peer.seq += 1
            return peer.seq

        # A number that the good packets do not reach: a forged one may have it without moving the window.
        for data, status in bad_frames(random, sa, 500):
            if status == ICV:
                sa.commit(500, 0, ICV)
            drop(data, status)
        # Authentic, and wrong all the same: these move the window.
        ip, odd = inner_packet(random, 50), inner_packet(random, 49)
        for status, plain in [
            ("PADDING", odd + b"\x03\x01\x04"),
            ("PADDING", odd + b"\x01\xff\x04"),
            ("NEXT_HEADER", ip + trailer(50, 41)),
            ("DUMMY", ip + trailer(50, 59)),
            ("INNER", b"\x65" + ip[1:] + trailer(50, 4)),
            ("INNER", ip[:2] + b"\x7f\xff" + ip[4:] + trailer(50, 4)),
        ]:
            seq = next_seq()
            sa.commit(seq, 0, ST[status])
            drop(frame(sa, encrypt(sa, seq, plain)), ST[status])
        drop(peer.replayed(), REPLAY)
        drop(peer.unknown(), ST["NO_SA"])
        peer.seq += 2000
        old = peer.seq - 2000
        if where == "wire":
            good.arrival()
        else:
            good.decryption()
        sa.commit(old, 0, REPLAY)
        drop(frame(sa, encrypt(sa, old, ip + trailer(50, 4))), REPLAY)
    await card.ring()
    await card.check()
    card.decrypts(1, plain_frame(random, 100), may=(ST["NOT_ESP"],))
    good.decryption(1)
    for data, status, bad in [
        (b"\x55", "RUNT", False),
        (random.randbytes(13), "RUNT", False),
        (random.randbytes(FRAME_MAX + 1), "OVERSIZE", False),
        (random.randbytes(FRAME_MAX + 700), "OVERSIZE", False),
        (random.randbytes(64), "WIRE_ERROR", True),
        (random.randbytes(1000), "WIRE_ERROR", True),
    ]:
        card.wire_drop(data, ST[status], bad)
        good.arrival()
    await card.ring()
    await card.check()
    # A frame that no buffer can hold, and a good one that fits into that buffer.
    card.wire_drop(plain_frame(random, FRAME_MAX), ST["NO_BUFFER"])
    card.wire_plain(plain_frame(random, 1500))
    await card.check()
    await card.check_counters()


@cocotb.test()
async def wrong_messages(dut):
    """The mailbox refuses each with its code, field and value; traffic goes on, and so does the mailbox."""
    card, good = await prepared(dut)
    box = card.mailbox
    gone = await card.add_out(OutSa(16, 16, True))
    await card.delete(gone)
    fresh, inbound = OutSa(16, 12, True), in_sa(0)
    handle = struct.pack("<II", gone.handle, 0)
    cases = [
        ("COMMAND", 77, b"", {}, 0, 77),
        ("LENGTH", C["MBX_IDENTIFY"], b"", dict(len=23), 2, 23),
        ("LENGTH", C["MBX_SA_ADD"], fresh.message(), dict(len=151), 2, 151),
        ("RESERVED", C["MBX_STATS"], b"", dict(reserved=1), 14, 1),
        ("RESERVED", C["MBX_SA_ADD"], fresh.message(reserved1=4), {}, 24 + 100, 4),
        ("KEY_LEN", C["MBX_SA_ADD"], fresh.message(key_len=17), {}, 24 + 4, 17),
        ("ICV_LEN", C["MBX_SA_ADD"], fresh.message(icv_len=10), {}, 24 + 5, 10),
        ("SPI", C["MBX_SA_ADD"], fresh.message(spi=b"\0\0\0\xff"), {}, 24 + 16, 255),
        ("DUPLICATE", C["MBX_SA_ADD"], good.out.message(), {}, 24 + 16, int.from_bytes(good.out.spi, "big")),
        ("QUEUE", C["MBX_SA_ADD"], inbound_message(inbound, queue=2), {}, 24 + 96, 2),
        ("HANDLE", C["MBX_SA_DEL"], handle, {}, 24, gone.handle),
        ("HANDLE", C["MBX_SA_QUERY"], handle, {}, 24, gone.handle),
    ]
    for code, command, body, header, field, value in cases:
        rsp = await box.call(command, body, **header)
        assert (rsp.status, rsp.field, rsp.value) == (C[f"MBX_E_{code}"], field, value), (code, rsp)
        good.descriptor()
        good.decryption(1)
        good.arrival()
        await card.ring()
    await card.check()
    # None of them did anything; and the SA that was refused can still be installed, and works.
    await card.add_out(fresh)
    card.encrypts(1, ethernet(packet(333)), fresh)
    await card.ring()
    await card.check()
    identity = abi.IDENTIFY.unpack(await box.ok(C["MBX_IDENTIFY"]))
    assert identity[4:8] == (1024, 2, 4, 1)
    await card.check_counters()
    # Reset forgets every SA and every count.
    await box.ok(C["MBX_RESET"])
    stats = await box.stats()
    assert not any(stats["tx"]) and not any(stats["rx"])
    card.forget()
    card.encrypts(0, ethernet(packet(64)), good.out, may=(ST["SA_STALE"],))
    card.wire_drop(Mix.args(good.wire)[0], ST["NO_SA"])
    card.plain(0, random.randbytes(100))
    await card.ring()
    await card.check()
    await card.check_counters()


@cocotb.test()
async def reset_under_load(dut):
    """A function-level reset in the middle of everything: SAs and counts are gone, and the card works again."""
    card = await Card(dut, seed=3, latency=40, stall=0.1, wire_stall=0.1, size=32 << 20).start()
    outs = [await card.add_out(sa) for sa in out_sas(2)]
    peers = [Peer(await card.add_in(in_sa(queue))) for queue in (0, 1)]
    for n in range(30):
        card.encrypts(n & 1, ethernet(packet(40 + 45 * n)), outs[n & 1], lookaside=bool(n & 2))
        card.wire_esp(*Mix.args(peers[n & 1]))
    await card.ring()
    await ClockCycles(dut.clk, random.randrange(100, 800))
    assert dut.idle.value == 0
    await card.boot()
    while not card.wire_out.empty():
        card.wire_out.recv_nowait()
    for n in range(4):
        # The old handles and SPIs are nobody's.
        card.encrypts(n & 1, ethernet(packet(64)), outs[n & 1], may=(ST["SA_STALE"],))
        card.wire_drop(Mix.args(peers[n & 1])[0], ST["NO_SA"])
        card.plain(n & 1, random.randbytes(200), lookaside=bool(n & 2))
    await card.ring()
    await card.check()
    fresh, peer = await card.add_out(OutSa(24, 12, True)), Peer(await card.add_in(in_sa(1)))
    for n in range(8):
        card.encrypts(n & 1, ethernet(packet(100 * n + 20)), fresh, lookaside=bool(n & 2))
        card.wire_esp(*Mix.args(peer))
    await card.ring()
    await card.check()
    await card.check_counters()


@cocotb.test()
async def smoke(dut):
    """A little of everything, for cards of other sizes."""
    card = await Card(dut, latency=20, stall=0.05, size=16 << 20, control=RX_ENABLE).start()
    await traffic(card, 12, churn=1)
    await card.check_counters()
