# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: the inbound pipe with the real SA table and engine."""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from esp_in_frames import (
    ETH,
    PROTO_ESP,
    Scapy,
    checksum,
    encrypt,
    frame,
    inner_packet,
    ip_header,
    make_sa,
    trailer,
)
from frames import META_T, VERDICT_T, Collector, Sink, Source, beats
from sa_bench import Management
from sa_model import IN, MBX_OK, TRANSPORT, TUNNEL, seeded

OK, NO_SA, IP_HEADER, IP_CHECKSUM, TRUNCATED, FRAGMENT, ESP_LENGTH = 0, 12, 17, 18, 19, 20, 21
REPLAY, ICV, PADDING, NEXT_HEADER, INNER, DUMMY, NOT_ESP = 22, 23, 24, 25, 26, 27, 28
DECRYPT = 2
WIRE_QUEUE = 3


class Bench:
    """Frames in; what must come out is said with each, and compared in order at the end."""

    def __init__(self, dut, gap=0.0, stall=0.0, engine_stall=0.0):
        self.dut, self.rng = dut, seeded()
        self.want_m, self.want_d, self.got_d, self.taken = [], [], [], []
        rng = self.rng
        self.source = Source(dut, "s", lambda: rng.random() < gap)
        self.out = Collector()
        self.sinks = [
            Sink(dut, "m", ["beat", "meta"], self.out, lambda: rng.random() < stall),
            Sink(
                dut,
                "d",
                ["verdict"],
                lambda i, c: self.got_d.append(i["verdict"]),
                lambda: rng.random() < stall,
            ),
        ]
        self.engine_stall = engine_stall
        self.index = 0

    async def start(self, miss=0, fragment=0):
        dut = self.dut
        cocotb.start_soon(Clock(dut.clk, 4, "ns").start())
        dut.miss_to_host.value, dut.fragment_to_host.value = miss, fragment
        dut.rx_queue.value, dut.engine_stall.value = WIRE_QUEUE, 0
        dut.table_stall.value = 0
        self.table = Management(dut)
        await self.table.reset()
        for part in (self.source, *self.sinks):
            cocotb.start_soon(part.run())
        if self.engine_stall:
            cocotb.start_soon(self.stall_inside())
        return self

    async def stall_inside(self):
        """Engine and table: single cycles, and now and then so long that everything behind fills."""
        while True:
            self.dut.engine_stall.value = int(self.rng.random() < self.engine_stall)
            self.dut.table_stall.value = sum((self.rng.random() < self.engine_stall) << i for i in range(3))
            await ClockCycles(self.dut.clk, 300 if self.rng.random() < 0.002 else 1)

    async def install(self, *sas):
        for sa in sas:
            assert await self.table.install(sa) == MBX_OK

    def send(self, data, host=False):
        self.index += 1
        meta = {"host": int(host), "len": len(data), "index": self.index, "qid": 1 if host else 0}
        meta |= {"lookaside": 1, "op": DECRYPT} if host else {}
        for beat in beats(data):
            self.source.send(beat=beat, meta=META_T.pack(**meta))
        return meta

    def passes(self, data, host=False, status=OK):
        """A frame that comes out as it is."""
        meta = self.send(data, host)
        self.want_m.append((data, meta | {"qid": WIRE_QUEUE, "status": status}))

    def decrypts(self, data, result, sa, seq, host=False):
        meta = self.send(data, host)
        sa.commit(seq, 0, OK)
        meta |= {"esp": 1, "len": len(result), "sa": sa.handle, "seq": seq, "qid": 1 if host else sa.queue}
        self.want_m.append((result, meta))

    def drops(self, data, status, host=False, seq=None):
        meta = self.send(data, host)
        self.want_d.append((meta["host"], meta["index"], status, seq))

    async def finish(self, limit=400000):
        for _ in range(limit):
            await RisingEdge(self.dut.clk)
            if not self.source.items and int(self.dut.idle.value):
                break
        else:
            raise AssertionError(
                f"never idle: {len(self.out.packets)} of {len(self.want_m)} frames, {len(self.got_d)} drops"
            )
        await ClockCycles(self.dut.clk, 3)
        blank = META_T.unpack(0)
        got = [VERDICT_T.unpack(v) for v in self.got_d]
        statuses = [g["status"] for g in got]
        assert len(got) == len(self.want_d), f"dropped as {statuses}, not {[w[2] for w in self.want_d]}"
        assert len(self.out.packets) == len(self.want_m), (
            f"{len(self.out.packets)} of {len(self.want_m)} frames"
        )
        for n, ((data, item, _), (want, meta)) in enumerate(zip(self.out.packets, self.want_m, strict=True)):
            assert META_T.unpack(item["meta"]) == blank | meta, f"meta of frame {n}"
            assert data == want, f"frame {n} differs:\n{data.hex()}\n{want.hex()}"
        for g, (host, index, status, seq) in zip(got, self.want_d, strict=True):
            assert (g["host"], g["index"], g["status"], g["len"]) == (host, index, status, 0)
            assert seq is None or g["seq"] == seq
        self.out.packets.clear()
        self.got_d.clear()
        self.want_m, self.want_d = [], []


def load():
    """Gaps, back-pressure and engine stalls from the environment."""
    return [float(x) for x in os.environ.get("LOAD", "0 0 0").split()]


def plain_frame(rng, size):
    """Something that is not ESP."""
    kind = rng.randrange(4)
    if kind == 0 or size < 34:
        return (ETH[:12] + rng.choice([b"\x08\x06", b"\x86\xdd"]) + rng.randbytes(9600))[:size]
    proto = rng.choice([1, 6, 17, 51])
    return ETH + ip_header(size - 34, proto, fragment=0x2000 if kind == 1 else 0) + rng.randbytes(size - 34)


def bad_frames(rng, sa, seq):
    """Each way in which an ESP frame may be wrong, with its status. `sa`: tunnel; nothing of it moves the window."""
    packet = inner_packet(rng, 100)
    good = encrypt(sa, seq, packet + trailer(100, 4))
    whole = frame(sa, good)
    flipped = bytearray(good)
    flipped[rng.randrange(8, len(good))] ^= 1 << rng.randrange(8)
    other_spi = bytes([sa.spi[0] ^ 1]) + sa.spi[1:]
    yield frame(sa, bytes(flipped)), ICV
    yield frame(sa, other_spi + good[4:]), NO_SA
    yield whole[:-1], TRUNCATED
    yield whole[:30], TRUNCATED
    yield ETH + b"\x65" + whole[15:], IP_HEADER
    yield ETH + b"\x44" + whole[15:], IP_HEADER
    yield ETH + whole[14:16] + b"\0\x13" + whole[18:], IP_HEADER
    yield whole[:24] + bytes([whole[24] ^ 1]) + whole[25:], IP_CHECKSUM
    yield frame(sa, good, fragment=0x2000), FRAGMENT
    yield frame(sa, good, fragment=0x0001), FRAGMENT
    yield frame(sa, good[:25]), ESP_LENGTH
    yield frame(sa, good[: 16 + sa.icv_len]), ESP_LENGTH
    yield frame(sa, good[:-1]), ESP_LENGTH
    yield frame(sa, good[:8]), ESP_LENGTH
    yield frame(sa, good[:-4]), ICV


@cocotb.test()
async def scapy_encrypts(dut):
    """Tunnel and transport, all ICV lengths, all key sizes, inner packets from 20 bytes on."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for icv in (8, 12, 16):
        for mode in (TUNNEL, TRANSPORT):
            for key in (16, 24, 32):
                sa = make_sa(rng, mode, icv, key, queue=rng.randrange(4))
                await b.install(sa)
                peer = Scapy(sa)
                sizes = [*range(20, 30), *rng.sample(range(30, 200), 8), rng.randrange(200, 1500), 1500]
                for seq, size in enumerate(sizes, 1):
                    if mode == TUNNEL:
                        packet = inner_packet(rng, size)
                    else:
                        options = rng.choice([b"", b"", b"\1\1\1\1", bytes([1] * 40)])
                        body = rng.randbytes(size - 20)
                        packet = (
                            ip_header(
                                len(body), 17, dst=sa.dst[:4], options=options, ttl=rng.randrange(1, 255)
                            )
                            + body
                        )
                    if rng.random() < 0.3:
                        b.passes(plain_frame(rng, rng.randrange(14, 300)))
                    b.decrypts(peer.frame(packet, seq), ETH + packet, sa, seq, host=rng.random() < 0.2)
                await b.finish()


@cocotb.test()
async def every_size(dut):
    """Inner packets of each length: alignment of ciphertext, ICV, trailer and header in the beats."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for mode in (TUNNEL, TRANSPORT):
        for icv in (8, 12, 16):
            sa = make_sa(rng, mode, icv)
            await b.install(sa)
            sizes = list(range(20 if mode == TUNNEL else 0, 270)) + [1499, 1500, 9000, 9618 - 150]
            for seq, size in enumerate(sizes, 1):
                options = bytes([1] * 4 * rng.randrange(11)) if rng.random() < 0.4 else b""
                extra = rng.choice([0, 0, 1, 5])
                if mode == TUNNEL:
                    packet = inner_packet(rng, size)
                    tfc = rng.randbytes(rng.choice([0, 0, 0, 1, 40, 64]))
                    plain = packet + tfc
                    result = ETH + packet
                    next_header = 4
                else:
                    next_header = rng.choice([0, 1, 6, 17, 4, 50, 255])
                    plain = rng.randbytes(size)
                    result = ETH + ip_header(size, next_header, dst=sa.dst[:4], options=options) + plain
                esp = encrypt(sa, seq, plain + trailer(len(plain), next_header, extra), rng.randbytes(8))
                b.decrypts(frame(sa, esp, options), result, sa, seq)
            await b.finish()


@cocotb.test()
async def padding(dut):
    """Each pad length the format knows, right and wrong in each place."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for mode in (TUNNEL, TRANSPORT):
        sa = make_sa(rng, mode, rng.choice([8, 12, 16]), window=4096)
        await b.install(sa)
        seq = 0
        for size in [20, 21, 22, 23, 62, 84, 150]:
            packet = inner_packet(rng, size)
            result = ETH + (packet if mode == TUNNEL else ip_header(size, 4, dst=sa.dst[:4]) + packet)
            for extra in range((255 - 3) // 4 + 1):
                tail = trailer(size, 4, extra)
                seq += 1
                b.decrypts(frame(sa, encrypt(sa, seq, packet + tail)), result, sa, seq)
                if len(tail) > 2 and (extra % 8 == 0 or extra > 58):
                    for _ in range(3):
                        wrong = bytearray(tail)
                        wrong[rng.randrange(len(tail) - 2)] ^= 1 << rng.randrange(8)
                        seq += 1
                        b.drops(frame(sa, encrypt(sa, seq, packet + bytes(wrong))), PADDING, seq=seq)
                    # The first and the last byte of it.
                    for place in (0, len(tail) - 3):
                        wrong = bytearray(tail)
                        wrong[place] = (wrong[place] + 1) & 255
                        seq += 1
                        b.drops(frame(sa, encrypt(sa, seq, packet + bytes(wrong))), PADDING, seq=seq)
        # A pad length beyond what there is.
        for size, pad in ((2, 3), (6, 7), (22, 255), (50, 51), (126, 127), (254, 255)):
            plain = bytes((i + 1) & 255 for i in range(pad - size, pad)) if pad - size else b""
            seq += 1
            b.drops(frame(sa, encrypt(sa, seq, plain[-size:] + bytes([pad, 4]))), PADDING)
        await b.finish()


@cocotb.test()
async def drop_reasons(dut):
    """Each wrong frame costs its own status; the good ones around it come through."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sas = [make_sa(rng, TUNNEL, icv, window=4096) for icv in (8, 12, 16)]
    transport = make_sa(rng, TRANSPORT)
    await b.install(*sas, transport)
    seqs = {id(sa): 0 for sa in (*sas, transport)}

    def good(sa, host=False):
        seqs[id(sa)] += 1
        seq = seqs[id(sa)]
        packet = inner_packet(rng, rng.randrange(20, 200))
        b.decrypts(frame(sa, encrypt(sa, seq, packet + trailer(len(packet), 4))), ETH + packet, sa, seq, host)

    for _ in range(6):
        for sa in sas:
            for host in (False, True):
                seqs[id(sa)] += 1
                for data, status in bad_frames(rng, sa, seqs[id(sa)]):
                    b.drops(data, status, host)
                    if rng.random() < 0.3:
                        good(sa, host)
        for sa in (*sas, transport):
            # What is authentic, and still not to be delivered: it moves the window.
            for next_header, tunnel_status, transport_status in ((59, DUMMY, DUMMY), (6, NEXT_HEADER, None)):
                status = tunnel_status if sa.mode == TUNNEL else transport_status
                if status is None:
                    continue
                seqs[id(sa)] += 1
                seq = seqs[id(sa)]
                data = frame(sa, encrypt(sa, seq, rng.randbytes(46) + trailer(46, next_header)))
                b.drops(data, status, seq=seq)
                sa.commit(seq, 0, status)
                await b.finish()
                b.drops(data, REPLAY, seq=seq)
                sa.commit(seq, 0, REPLAY)
        for sa in sas:
            for inner in (
                b"\x65" + bytes(59),
                b"\x44" + bytes(59),
                b"\x45\0\0\x13" + bytes(56),
                b"\x45\0\0\x3d" + bytes(56),
                b"\x45\0\xff\xff" + bytes(56),
                b"\x4f\0\0\x14" + bytes(56),
                b"",
                b"\x45\0\0",
            ):
                seqs[id(sa)] += 1
                b.drops(frame(sa, encrypt(sa, seqs[id(sa)], inner + trailer(len(inner), 4))), INNER)
            good(sa)
        b.drops(plain_frame(rng, 100), NOT_ESP, host=True)
        b.drops(ETH, NOT_ESP, host=True)
        b.passes(ETH)
        await b.finish()


@cocotb.test()
async def forged(dut):
    """A bit wrong in any byte of header, ciphertext or ICV; nothing leaves, and the cycles do not tell where."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for icv in (8, 12, 16):
        sa = make_sa(rng, TUNNEL, icv, 32)
        await b.install(sa)
        packet = inner_packet(rng, 90)
        esp = encrypt(sa, 1, packet + trailer(90, 4))
        cycles = set()
        for place in range(4, len(esp)):
            wrong = bytearray(esp)
            wrong[place] ^= 1 << rng.randrange(8)
            b.drops(frame(sa, bytes(wrong)), ICV)
            before = b.sinks[1].cycle
            await b.finish()
            cycles.add(b.sinks[1].cycle - before)
        if not any(load()):
            assert len(cycles) == 1, f"the verdict took {cycles} cycles"
        for n in range(1 + 8 * icv // 8):
            b.drops(frame(sa, esp[:-icv] + esp[-icv:-1] + bytes([esp[-1] ^ (1 << n % 8)])), ICV)
        b.decrypts(frame(sa, esp), ETH + packet, sa, 1)
        await b.finish()
        b.drops(frame(sa, esp), REPLAY)
        await b.finish()
        _, _, state = await b.table.read(sa.handle)
        counts = [int.from_bytes(state[i : i + 8], "little") for i in range(0, 40, 8)]
        assert counts == [1, 1, 90, 1, len(esp) - 4 + 1 + icv]


@cocotb.test()
async def replays(dut):
    """A duplicate right behind the first passes the pre-check, and fails at the commit; a late one fails at once."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sa = make_sa(rng, TUNNEL, window=64)
    await b.install(sa)
    frames = {}
    for seq in range(1, 200):
        packet = inner_packet(rng, rng.randrange(20, 90))
        frames[seq] = (frame(sa, encrypt(sa, seq, packet + trailer(len(packet), 4))), ETH + packet)
        if seq == 100:
            continue
        b.decrypts(*frames[seq], sa, seq)
        if seq % 3 == 0:
            b.drops(frames[seq][0], REPLAY, seq=seq)
            sa.commit(seq, 0, REPLAY)
    b.drops(frames[100][0], REPLAY, seq=100)  # 199 - 100 is beyond 64
    sa.commit(100, 0, REPLAY)
    packet = inner_packet(rng, 40)
    zero = frame(sa, encrypt(sa, 0, packet + trailer(40, 4)))
    b.drops(zero, REPLAY, seq=0)
    sa.commit(0, 0, REPLAY)
    beats_before = None
    await b.finish()
    beats_before = int(dut.engine_beats.value)
    for seq in range(150, 199):
        b.drops(frames[seq][0], REPLAY, seq=seq)
        sa.commit(seq, 0, REPLAY)
    await b.finish()
    assert int(dut.engine_beats.value) == beats_before, "the pre-check keeps replays out of the engine"
    _, _, state = await b.table.read(sa.handle)
    assert int.from_bytes(state[24:32], "little") == sa.replayed


@cocotb.test()
async def to_host(dut):
    """With miss_to_host and fragment_to_host such frames from the wire come untouched, with their status."""
    b = await Bench(dut, *load()).start(miss=1, fragment=1)
    rng = b.rng
    sa, unknown = make_sa(rng), make_sa(rng)
    await b.install(sa)
    for seq in range(1, 60):
        packet = inner_packet(rng, rng.randrange(20, 300))
        esp = encrypt(sa, seq, packet + trailer(len(packet), 4))
        b.decrypts(frame(sa, esp), ETH + packet, sa, seq)
        missed = frame(unknown, encrypt(unknown, seq, packet + trailer(len(packet), 4)))
        b.passes(missed, status=NO_SA)
        b.passes(frame(sa, esp, fragment=0x2000), status=FRAGMENT)
        b.passes(frame(sa, esp, fragment=100), status=FRAGMENT)
        b.drops(missed, NO_SA, host=True)
        b.drops(frame(sa, esp, fragment=100), FRAGMENT, host=True)
        b.drops(frame(sa, esp[:-2]), ESP_LENGTH)
    await b.finish()


@cocotb.test()
async def mixed(dut):
    """Everything at once, from wire and host, many SAs; the order of what comes out is that of what went in."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sas = [
        make_sa(rng, rng.choice([TUNNEL, TRANSPORT]), rng.choice([8, 12, 16]), window=4096) for _ in range(12)
    ]
    await b.install(*sas)
    seqs = [0] * len(sas)
    for _ in range(int(os.environ.get("FRAMES", "700"))):
        i = rng.randrange(len(sas))
        sa = sas[i]
        host = rng.random() < 0.3
        size = rng.choice([20, 40, 64, rng.randrange(20, 1500), rng.randrange(20, 300)])
        what = rng.random()
        if what < 0.25:
            data = plain_frame(rng, rng.randrange(14, 1514) if rng.random() < 0.5 else 60)
            if host:
                b.drops(data, NOT_ESP, host=True)
            else:
                b.passes(data)
            continue
        seqs[i] += 1
        seq = seqs[i]
        packet = inner_packet(rng, size)
        plain = packet if sa.mode == TUNNEL else packet[20:]
        esp = encrypt(sa, seq, plain + trailer(len(plain), 4 if sa.mode == TUNNEL else 17))
        if what < 0.35:
            esp = esp[:-1] + bytes([esp[-1] ^ 0x80])
            b.drops(frame(sa, esp), ICV, host, seq)
        elif what < 0.4:
            b.drops(
                frame(sa, esp)[:-1] if len(esp) > 60 else frame(sa, esp, ethernet_padding=False)[:-1],
                TRUNCATED,
                host,
            )
        else:
            header = ETH if sa.mode == TUNNEL else ETH + ip_header(len(plain), 17, dst=sa.dst[:4])
            b.decrypts(frame(sa, esp), header + plain, sa, seq, host)
    await b.finish()


@cocotb.test()
async def full_buffer(dut):
    """The largest frames, with nobody taking the results for a long time; then with an engine that stands."""
    b = await Bench(dut).start()
    rng = b.rng
    sa = make_sa(rng, TUNNEL, window=1024)
    await b.install(sa)
    b.sinks[0].stall = lambda: b.sinks[0].cycle < 6000
    for seq in range(1, 16):
        packet = inner_packet(rng, 9618 - 100)
        b.decrypts(frame(sa, encrypt(sa, seq, packet + trailer(len(packet), 4))), ETH + packet, sa, seq)
        b.passes(plain_frame(rng, 9618))
        wrong = bytearray(encrypt(sa, 500 + seq, packet + trailer(len(packet), 4)))
        wrong[-1] ^= 1
        b.drops(frame(sa, bytes(wrong)), ICV)
    await b.finish()


async def count_cycles(b, packets, make):
    """Cycles a packet at the input and at the output, without gaps."""
    for seq in range(1, packets + 1):
        make(seq)
    b.out.starts.clear()
    start = b.sinks[0].cycle
    while b.source.items:
        await RisingEdge(b.dut.clk)
    taken = b.sinks[0].cycle - start
    starts = list(b.out.starts)
    await b.finish()
    starts = b.out.starts
    return taken / packets, (starts[-1] - starts[len(starts) // 4]) / (len(starts) - 1 - len(starts) // 4)


@cocotb.test()
async def rate(dut):
    """Back to back: as many cycles as the frame has beats, at each size; a frame of 64 bytes before ESP has two."""
    b = await Bench(dut).start()
    rng = b.rng
    sas = [make_sa(rng)]
    for size in (20, 50, 64, 100, 512, 1420):
        limit = -(-len(frame(sas[0], bytes(32 + size + 2 + -(size + 2) % 4))) // 64) + 0.05
        sas = [make_sa(rng, TUNNEL, 16, 32, window=1024) for _ in range(4)]
        await b.install(*sas)

        def make(seq, size=size, sas=sas):
            sa = sas[seq % 4]
            packet = inner_packet(rng, size)
            b.decrypts(frame(sa, encrypt(sa, seq, packet + trailer(size, 4))), ETH + packet, sa, seq)

        taken, left = await count_cycles(b, 120, make)
        dut._log.info("inner packet of %d bytes: %.2f cycles in, %.2f cycles out", size, taken, left)
        assert left <= limit, f"{size} bytes: {left} cycles a packet, not {limit}"
        assert size != 50 or left < 2.05


@cocotb.test()
async def rate_plain(dut):
    """Frames that are not ESP: one cycle a beat."""
    b = await Bench(dut).start()
    for size in (60, 64, 65, 1514):
        _, left = await count_cycles(b, 120, lambda seq, size=size: b.passes(plain_frame(b.rng, size)))
        dut._log.info("plain frame of %d bytes: %.2f cycles", size, left)
        assert left <= -(-size // 64) + 0.05


@cocotb.test()
async def checksum_of_every_change(dut):
    """Transport: the rebuilt header checksum is what a fresh sum gives, at the ends of one's complement too."""
    b = await Bench(dut).start()
    rng = b.rng
    sa = make_sa(rng, TRANSPORT, window=4096)
    await b.install(sa)
    for seq in range(1, 400):
        size = rng.randrange(0, 80)
        header = {"ident": rng.randrange(65536), "ttl": rng.randrange(256), "tos": rng.randrange(256)}
        if seq % 3 == 0:
            # Make the checksum of the result 0x0000 or 0xfffe.
            want = ip_header(size, 17, dst=sa.dst[:4], **(header | {"ident": 0}))
            header["ident"] = int.from_bytes(want[10:12], "big") - (seq // 3 & 1)
            header["ident"] %= 65536
        body = rng.randbytes(size)
        esp = encrypt(sa, seq, body + trailer(size, 17))
        result = ip_header(size, 17, dst=sa.dst[:4], **header)
        assert checksum(result) == 0
        b.decrypts(frame(sa, esp, **header), ETH + result + body, sa, seq)
    await b.finish()
    assert sa.dir == IN and PROTO_ESP == 50
