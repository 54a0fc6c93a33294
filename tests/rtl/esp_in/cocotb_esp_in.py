# SPDX-License-Identifier: BSD-2-Clause
"""cocotb: the inbound pipe with the real engine, against a model of docs/esp.md.

Each test says which status it has in mind; the model says all the rest, to the byte.
"""

import os

import cocotb
from cocotb.triggers import RisingEdge
from esp_in_drive import Bench, load
from esp_in_frames import (
    KINDS,
    PORTS,
    Scapy,
    eth,
    good,
    in_udp,
    inner,
    ip,
    make_sa,
    numbers,
    outer,
    plain_frame,
    random_chain,
    random_sa,
    sealed,
    text_of,
    trailer,
    usual_tos,
)
from esp_packet import ESP, FRAGMENT, HOP, OPTIONS, ROUTING, SAF, UDP, be, with_checksum


@cocotb.test()
async def scapy_encrypts(dut):
    """scapy's ESP: both families outside and inside, both modes, both algorithms, ICV, key sizes, ESN, UDP."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for gmac, icv in ((False, 8), (False, 12), (False, 16), (True, 16)):
        for v6, inner_v6 in KINDS:
            for tunnel in (True, False):
                for flags in (0, SAF["ESN"], SAF["UDP"], SAF["UDP"] | SAF["ESN"]):
                    if not tunnel and v6 != inner_v6:
                        continue
                    sa = make_sa(
                        rng, v6, tunnel=tunnel, gmac=gmac, icv=icv, flags=flags, queue=rng.randrange(16)
                    )
                    sa.sport, sa.dport = 4500, rng.choice(PORTS)
                    b.add(sa)
                    peer = Scapy(sa, "2001:db8::1" if v6 else "192.0.2.1")
                    least = 40 if inner_v6 else 20
                    sa.top = rng.choice([0, rng.randrange(2**63)]) if sa.has("ESN") else 0
                    for size in (
                        least,
                        least + 1,
                        *rng.sample(range(least, 200), 3),
                        rng.randrange(200, 1501),
                    ):
                        seq, answers = numbers(sa)
                        packet = inner(rng, size, inner_v6, 253, tos=0, **({} if tunnel else {"dst": sa.dst}))
                        frame = peer.frame(rng, packet, seq, tags=rng.randrange(3))
                        fate = b.send(frame, rng.random() < 0.2, "OK", **answers)
                        assert fate.data.endswith(packet), "model and scapy disagree"
        await b.finish()


@cocotb.test()
async def every_size(dut):
    """Plaintexts of each length: alignment of ciphertext, ICV, trailer and headers in the beats."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for tunnel in (True, False):
        for n, icv in enumerate((8, 12, 16, 16)):
            sa = random_sa(rng, tunnel=tunnel, gmac=n == 3, icv=icv, flags=0)
            sa.flags = rng.choice([0, SAF["UDP"]]) | rng.choice([0, SAF["ESN"]])
            sa.flags |= SAF["IIV"] if n == 1 else 0
            b.add(sa)
            for size in [*range(20 if tunnel else 0, 270), 1499, 1500, 9000, 9350]:
                seq, answers = numbers(sa)
                esp = sealed(rng, sa, seq, size, rng.choice([0, 0, 1, 5]))
                header = {"chain": random_chain(rng)} if sa.ipv6 else {"options": rng.choice([0, 0, 1, 10])}
                frame = outer(rng, sa, esp, rng.randrange(3), tos=usual_tos(rng), **header)
                b.send(frame, want="OK", **answers)
            await b.finish()


@cocotb.test()
async def headers(dut):
    """Every SA, every header: tags, options, extension headers in any order, also those that the card cannot read."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    seen = set()
    for _ in range(40):
        sa = random_sa(rng)
        b.add(sa)
        for _ in range(12):
            seq, answers = numbers(sa)
            header = {"tos": usual_tos(rng)}
            if sa.ipv6:
                kinds = [
                    (HOP, 1),
                    (HOP, 3),
                    (ROUTING, 1),
                    (ROUTING, 2),
                    (OPTIONS, 1),
                    (OPTIONS, 4),
                    (FRAGMENT, 0, 0),
                ]
                header["chain"] = [rng.choice(kinds) for _ in range(rng.choice([0, 1, 2, 3, 4, 5]))]
            else:
                header["options"] = rng.randrange(11)
            frame = outer(rng, sa, sealed(rng, sa, seq, rng.randrange(20, 200)), rng.randrange(3), **header)
            seen.add(b.send(frame, rng.random() < 0.3, **answers).status)
        await b.finish()
    assert "OK" in seen and "NOT_ESP" in seen


@cocotb.test()
async def padding(dut):
    """Each pad length the format knows, right and wrong in each place."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for tunnel in (True, False):
        sa = make_sa(rng, tunnel=tunnel, icv=rng.choice([8, 12, 16]))
        b.add(sa)

        def send(text, want, sa=sa):
            seq, answers = numbers(sa)
            b.send(outer(rng, sa, sa.seal(seq, text), tos=0), want=want, **answers)

        for size in [20, 21, 22, 23, 62, 84, 150]:
            packet = inner(rng, size, proto=253)
            for extra in range((255 - 3) // 4 + 1):
                tail = trailer(size, 4, extra)
                send(packet + tail, "OK")
                if len(tail) > 2 and (extra % 8 == 0 or extra > 58):
                    places = [0, len(tail) - 3, *(rng.randrange(len(tail) - 2) for _ in range(3))]
                    for place in places:
                        wrong = bytearray(tail)
                        wrong[place] ^= 1 << rng.randrange(8)
                        send(packet + bytes(wrong), "PADDING")
        # A pad length beyond what there is.
        for size, pad in ((2, 3), (6, 7), (22, 255), (50, 51), (126, 127), (254, 255)):
            plain = bytes((i + 1) & 255 for i in range(pad - size, pad))
            send(plain[-size:] + bytes([pad, 4]), "PADDING")
        await b.finish()


def wrong_frames(rng, sa, seq):
    """Each way in which a frame of this tunnel may be wrong before its ICV was found right, with its status."""
    esp = sealed(rng, sa, seq, 100, tos=1)
    tags = rng.randrange(3)
    l2 = 14 + 4 * tags
    whole = outer(rng, sa, esp, tags, tos=0)
    at = len(whole) - len(esp)

    def flip(data, place):
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]

    yield flip(whole, rng.randrange(at + 8, len(whole))), "ICV"
    yield flip(whole, at + rng.randrange(4)), "NO_SA"
    yield outer(rng, sa, esp[:-4], tags, tos=0), "ICV"
    for cut in (19, 16, 8, 7):
        yield outer(rng, sa, esp[:cut], tags, tos=0), None
    yield outer(rng, sa, esp[:-1], tags, tos=0), "ESP_LENGTH"
    yield outer(rng, sa, esp[: 8 + sa.iv_bytes + sa.icv], tags, tos=0), "ESP_LENGTH"
    if sa.ipv6:
        if not sa.has("UDP"):
            yield whole[:-1], "TRUNCATED"
            yield whole[: l2 + 30], "TRUNCATED"
            yield whole[:l2] + b"\x40" + whole[l2 + 1 :], "IP_HEADER"
            for more in ((0, 1), (1, 0), (5, 1)):
                chain = [(FRAGMENT, *more)]
                yield outer(rng, sa, esp, tags, chain=chain), "FRAGMENT"
    elif not sa.has("UDP"):
        yield whole[:-1], "TRUNCATED"
        yield whole[: l2 + 16], "TRUNCATED"
        for first in (b"\x65", b"\x44"):
            yield whole[:l2] + first + whole[l2 + 1 :], "IP_HEADER"
        yield whole[: l2 + 2] + b"\0\x13" + whole[l2 + 4 :], "IP_HEADER"
        yield flip(whole, l2 + rng.choice([10, 11, 4, 15])), "IP_CHECKSUM"
        for fragment in (0x2000, 1, 0x2001):
            yield outer(rng, sa, esp, tags, fragment=fragment), "FRAGMENT"
    # In UDP though the SA is not, or the reverse.
    bare, carried = (esp, ESP), (in_udp(sa, esp), UDP)
    body, proto = bare if sa.has("UDP") else carried
    yield eth(rng, ip(rng, sa.ipv6, body, proto, dst=sa.dst)), "ENCAP"
    short = esp[:20]
    body, proto = (short, ESP) if sa.has("UDP") else (in_udp(sa, short), UDP)
    yield eth(rng, ip(rng, sa.ipv6, body, proto, dst=sa.dst)), "ENCAP"


@cocotb.test()
async def refused(dut):
    """Each wrong frame costs its own status, and an event where there is one; the good ones around it come through."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for v6 in (False, True):
        for udp in (0, SAF["UDP"]):
            for icv in (8, 12, 16):
                sa = make_sa(
                    rng, v6, icv=icv, flags=udp | rng.choice([0, SAF["ESN"]]) | rng.choice([0, SAF["IIV"]])
                )
                sa.dport = rng.choice(PORTS)
                b.add(sa)
                for host in (False, True):
                    seq, answers = numbers(sa)
                    for data, status in wrong_frames(rng, sa, seq):
                        b.send(data, host, status, **answers)
                        if rng.random() < 0.3:
                            good(b, sa, host=host)
                await b.finish()
    # The shortest that may be, and four bytes less.
    sa = make_sa(rng, icv=8, flags=SAF["IIV"], tunnel=False)
    b.add(sa)
    seq, answers = numbers(sa)
    esp = sa.seal(seq, b"\1\2\2\6")
    assert len(esp) == 20
    b.send(outer(rng, sa, esp), want="OK", **answers)
    b.send(outer(rng, sa, esp[:16]), want="ESP_LENGTH")
    b.send(plain_frame(rng, 100), host=True, want="NOT_ESP")
    b.send(eth(rng, b"\x45")[:14], host=True, want="NOT_ESP")
    b.send(eth(rng, b"\x45")[:14], want="OK")
    b.send(eth(rng, b"\x45", 2)[:20], want="OK")
    await b.finish()


@cocotb.test()
async def udp(dut):
    """RFC 3948: ports, keepalive, non-ESP marker, lengths, fragments; what is not ESP goes to the host."""
    b = await Bench(dut, *load()).start(natt=(4500, 40000, 1, 65535, 2000, 3000, 5000, 6000))
    rng = b.rng
    for v6 in (False, True):
        sa = make_sa(rng, v6, flags=SAF["UDP"])
        b.add(sa)

        def send(payload, want, host=False, dport=4500, length=None, sa=sa, **header):
            sa.dport = dport
            body = in_udp(sa, payload, length)
            return b.send(eth(rng, ip(rng, sa.ipv6, body, UDP, dst=sa.dst, **header)), host, want)

        def whole(sa=sa):
            seq, _ = numbers(sa)
            return sa.seal(seq, text_of(inner(rng, 60, tos=0)))

        for host in (False, True):
            passes = "NOT_ESP" if host else "OK"
            for port in (4500, 40000, 1, 65535, 2000, 3000, 5000, 6000):
                assert send(whole(), "OK", host, port, tos=0).esp
            for port in (0, 4501, 0x9411, 40001, 2, 65534):
                fate = send(whole(), passes, host, port)
                assert not fate.esp and (host or fate.data)
            send(b"\xff", "KEEPALIVE", host)
            send(b"\xfe", passes, host)
            send(b"\xff\xff", passes, host)
            send(b"", passes, host)
            for size in range(1, 8):
                send(b"\x01" * size, passes, host)
            for size in (4, 7, 8, 40):
                send(bytes(4) + rng.randbytes(size), passes, host)
            send(b"\0\0\0\x01" + rng.randbytes(4), "ESP_LENGTH", host)
            esp = whole()
            for length in (0, 7, 8 + len(esp) + 1, 65535):
                send(esp, "UDP_LENGTH", host, length=length)
            send(esp, passes, host, length=8)
            send(esp + rng.randbytes(5), "OK", host, length=8 + len(esp), tos=0)  # bytes behind the datagram
            send(esp[:30], "ESP_LENGTH", host, length=8 + 18)
            for cut in range(8):
                body = in_udp(sa, b"")[:cut]
                want = passes if cut < 4 else "UDP_LENGTH"
                b.send(eth(rng, ip(rng, v6, body, UDP, dst=sa.dst)), host, want)
            if v6:
                for more in ((0, 1), (3, 0)):
                    send(esp, passes, host, chain=[(FRAGMENT, *more)])
            else:
                for fragment in (0x2000, 1):
                    send(esp, passes, host, fragment=fragment)
        await b.finish()


@cocotb.test()
async def in_place(dut):
    """In place: the frame in its length, decrypted; not a byte of it where the ICV is wrong."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for _ in range(24):
        sa = random_sa(rng, flags=0)
        extra = (
            rng.choice([0, SAF["UDP"]])
            | rng.choice([0, SAF["ESN"]])
            | (0 if sa.gmac else rng.choice([0, SAF["IIV"]]))
        )
        sa.flags = SAF["INPLACE"] | extra | rng.choice([0, SAF["DSCP_COPY"]])
        b.add(sa)
        sizes = [2, 6, 34, 38, *rng.sample(range(2, 400), 10), 1500, 9200]
        for size in sizes:
            seq, answers = numbers(sa)
            size -= (size + 2) % 4
            text = rng.randbytes(max(size, 2) + 2)  # whatever it is, it is not looked at
            esp = sa.seal(seq, text, rng.randbytes(8))
            header = {"chain": random_chain(rng)} if sa.ipv6 else {"options": rng.choice([0, 0, 5, 10])}
            frame = outer(rng, sa, esp, rng.randrange(3), **header) + bytes(rng.choice([0, 0, 1, 46, 100]))
            host = rng.random() < 0.3
            fate = b.send(frame, host, "OK", **answers)
            assert fate.inplace and len(fate.data) == len(frame) and text in fate.data
            at = frame.index(esp) + 8 + sa.iv_bytes
            place = rng.randrange(at, frame.index(esp) + len(esp))
            wrong = frame[:place] + bytes([frame[place] ^ 1 << rng.randrange(8)]) + frame[place + 1 :]
            fate = b.send(wrong, host, "ICV", **answers)
            assert fate.data == wrong[:at].ljust(len(frame), b"\0")
        for status in ("REPLAY", "SA_STALE", "LIFETIME"):
            assert b.send(frame, want=status, final=status, **answers).data is None
        b.send(outer(rng, sa, esp[: 8 + sa.iv_bytes + sa.icv]), **answers)
        await b.finish()


@cocotb.test()
async def forged(dut):
    """A bit wrong in any byte of header, ciphertext or ICV; nothing leaves, and the cycles do not tell where."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    for gmac, icv in ((False, 8), (False, 12), (False, 16), (True, 16)):
        sa = make_sa(rng, icv=icv, gmac=gmac, flags=rng.choice([0, SAF["ESN"]]))
        b.add(sa)
        seq, answers = numbers(sa)
        esp = sa.seal(seq, text_of(inner(rng, 90, tos=0)))
        cycles = set()
        for place in range(8, len(esp)):
            wrong = bytearray(esp)
            wrong[place] ^= 1 << rng.randrange(8)
            b.send(outer(rng, sa, bytes(wrong), tos=0, options=0), want="ICV", **answers)
            before = b.sinks[1].cycle
            await b.finish()
            cycles.add(b.sinks[1].cycle - before)
        if not any(load()):
            assert len(cycles) == 1, f"the verdict took {cycles} cycles"
        for n in range(8 * icv):
            place = len(esp) - icv + n // 8
            wrong = esp[:place] + bytes([esp[place] ^ 1 << n % 8]) + esp[place + 1 :]
            b.send(outer(rng, sa, wrong, tos=0), want="ICV", **answers)
        # Another number, or with ESN another upper half, than the one that was sealed.
        b.send(outer(rng, sa, esp[:4] + be(seq + 1, 4) + esp[8:], tos=0), want="ICV", **answers)
        if sa.has("ESN"):
            b.send(outer(rng, sa, esp, tos=0), want="ICV", high=answers["high"] ^ 1)
        b.send(outer(rng, sa, esp, tos=0), want="OK", **answers)
        await b.finish()


@cocotb.test()
async def table_says(dut):
    """What the table refuses before the engine or after it; refused packets do not enter the engine."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sas = [random_sa(rng, flags=rng.choice([0, SAF["ESN"], SAF["UDP"]])) for _ in range(8)]
    b.add(*sas)
    for _ in range(150):
        sa = rng.choice(sas)
        seq, answers = numbers(sa)
        frame = outer(rng, sa, sealed(rng, sa, seq, rng.randrange(20, 300), tos=1), tos=usual_tos(rng))
        host = rng.random() < 0.3
        what = rng.choice(["pre", "OK", "REPLAY", "SA_STALE", "LIFETIME"])
        if what == "pre":
            b.send(frame, host, "REPLAY", pre="REPLAY", **answers)
        else:
            b.send(frame, host, what, **answers, **({} if what == "OK" else {"final": what}))
    await b.finish()
    before = int(dut.engine_beats.value)
    for _ in range(50):
        sa = rng.choice(sas)
        seq, answers = numbers(sa)
        esp = sealed(rng, sa, seq, rng.randrange(20, 300))
        b.send(outer(rng, sa, esp), want="REPLAY", pre="REPLAY", **answers)
        b.send(outer(rng, sa, esp), want="SA_STALE", pre="REPLAY", final="SA_STALE", **answers)
        # The length is looked at before the number.
        short = esp[: 4 + sa.iv_bytes + sa.icv]
        b.send(outer(rng, sa, short), want="ESP_LENGTH", pre="REPLAY", **answers)
    await b.finish()
    assert int(dut.engine_beats.value) == before, "what is refused before the engine entered it"


@cocotb.test()
async def to_host(dut):
    """With miss_to_host and fragment_to_host such frames from the wire come untouched, with status and event."""
    b = await Bench(dut, *load()).start(miss=1, fragment=1)
    rng = b.rng
    for v6 in (False, True):
        sa, unknown = make_sa(rng, v6), make_sa(rng, v6)
        b.add(sa)
        first, later = ({"chain": [(FRAGMENT, *f)]} if v6 else {"fragment": 0x2000 if f[1] else 100}
                        for f in ((0, 1), (7, 0)))  # fmt: skip
        for _ in range(40):
            good(b, sa, rng.randrange(20, 300))
            missed = outer(rng, unknown, sealed(rng, unknown, 77, 100), rng.randrange(3))
            assert b.send(missed, want="NO_SA").data == missed
            esp = sealed(rng, sa, 5, 60)
            for kind in (first, later):
                assert b.send(outer(rng, sa, esp, **kind), want="FRAGMENT").data
                assert b.send(outer(rng, sa, esp, **kind), host=True, want="FRAGMENT").data is None
                assert b.send(outer(rng, sa, esp[:7], pad=False, **kind), want="FRAGMENT").data
            assert b.send(missed, host=True, want="NO_SA").data is None
            b.send(outer(rng, sa, esp[:-2]), want="ESP_LENGTH")
        await b.finish()


@cocotb.test()
async def damaged(dut):
    """Good frames with bytes overwritten or cut off anywhere: the model says what comes of it."""
    b = await Bench(dut, *load()).start(miss=b_bit(1), fragment=b_bit(2))
    rng = b.rng
    seen = {}
    for _ in range(int(os.environ.get("FRAMES", "1500"))):
        sa = random_sa(rng)
        b.add(sa)
        seq, answers = numbers(sa)
        header = {"tos": usual_tos(rng)}
        if sa.ipv6:
            header["chain"] = random_chain(rng)
        else:
            header["options"] = rng.choice([0, 0, 0, 3])
        tags = rng.choice([0, 0, 1, 2])
        frame = bytearray(outer(rng, sa, sealed(rng, sa, seq, rng.randrange(20, 120)), tags, **header))
        l2 = 14 + 4 * tags
        for _ in range(rng.choice([0, 1, 1, 2])):
            kind = rng.randrange(3)
            if kind == 0:
                frame[rng.randrange(12, min(len(frame), 110))] = rng.randrange(256)
            elif kind == 1:
                frame[l2 + rng.randrange(0, 50)] ^= 1 << rng.randrange(8)
            else:
                del frame[rng.randrange(14, len(frame)) :]
                frame += bytes(max(0, l2 + 60 - len(frame))) if rng.random() < 0.5 else b""
            if len(frame) < l2 + 60:
                break
        if not sa.ipv6 and rng.random() < 0.7 and len(frame) >= l2 + 60:
            size = max(20, 4 * (frame[l2] & 15))
            frame[l2 : l2 + size] = with_checksum(bytes(frame[l2 : l2 + size]))
        status = b.send(bytes(frame), rng.random() < 0.3, **answers).status
        seen[status] = seen.get(status, 0) + 1
    await b.finish()
    dut._log.info("%s", seen)


def b_bit(n):
    """A setting that differs with the seed."""
    return int(os.environ.get("VESPER_SEED", 1)) >> (n - 1) & 1


@cocotb.test()
async def mixed(dut):
    """Everything at once, from wire and host, many SAs; the order of what comes out is that of what went in."""
    b = await Bench(dut, *load()).start()
    rng = b.rng
    sas = [random_sa(rng) for _ in range(24)]
    b.add(*sas)
    for _ in range(int(os.environ.get("FRAMES", "800"))):
        sa = rng.choice(sas)
        host = rng.random() < 0.3
        size = rng.choice([20, 40, 64, rng.randrange(20, 1500), rng.randrange(20, 300)])
        what = rng.random()
        if what < 0.25:
            data = plain_frame(rng, rng.randrange(14, 1514) if rng.random() < 0.5 else 60)
            b.send(data, host, "NOT_ESP" if host else "OK")
            continue
        seq, answers = numbers(sa)
        header = {"chain": random_chain(rng)} if sa.ipv6 else {"options": rng.choice([0, 0, 0, 2])}
        frame = outer(rng, sa, sealed(rng, sa, seq, size), rng.choice([0, 0, 1, 2]), **header)
        if what < 0.35:
            at = rng.randrange(len(frame) // 2, len(frame))
            frame = frame[:at] + bytes([frame[at] ^ 0x80]) + frame[at + 1 :]
        elif what < 0.4:
            frame = frame[:-1]
        elif what < 0.5:
            answers |= rng.choice([{"pre": "REPLAY"}, {"final": "REPLAY"}])
        b.send(frame, host, **answers)
    await b.finish()


@cocotb.test()
async def full_buffer(dut):
    """The largest frames, with nobody taking the results for a long time."""
    b = await Bench(dut).start()
    rng = b.rng
    sa, kept = make_sa(rng), make_sa(rng, True, flags=SAF["INPLACE"])
    b.add(sa, kept)
    b.sinks[0].stall = lambda: b.sinks[0].cycle < 6000
    for _ in range(12):
        good(b, sa, 9500)
        b.send(plain_frame(rng, 9618), want="OK")
        seq, answers = numbers(sa)
        wrong = bytearray(outer(rng, sa, sealed(rng, sa, seq, 9300), tos=0))
        wrong[-1] ^= 1
        b.send(bytes(wrong), want="ICV", **answers)
        seq, answers = numbers(kept)
        frame = outer(rng, kept, kept.seal(seq, rng.randbytes(9500)))
        b.send(frame, want="OK", **answers)
        b.send(frame[:-1] + bytes([frame[-1] ^ 1]), want="ICV", **answers)
    await b.finish()


async def count_cycles(b, packets, make):
    """Cycles a packet at the output, without gaps."""
    for n in range(packets):
        make(n)
    b.out.starts.clear()
    await b.finish()
    starts = b.out.starts
    return (starts[-1] - starts[len(starts) // 4]) / (len(starts) - 1 - len(starts) // 4)


@cocotb.test()
async def rate(dut):
    """Back to back: as many cycles as the frame has beats, at each size and with every option."""
    b = await Bench(dut).start()
    rng = b.rng
    for v6, flags, tunnel in (
        (False, 0, True), (True, 0, True), (True, SAF["UDP"] | SAF["ESN"], True), (False, SAF["UDP"], False),
        (True, SAF["SELECTOR"] | SAF["DSCP_COPY"], True), (False, SAF["SELECTOR"], False),
        (True, SAF["INPLACE"] | SAF["ESN"], True),
    ):  # fmt: skip
        for size in (40, 50, 64, 100, 512, 1420):
            sas = [make_sa(rng, v6, key=32, flags=flags, tunnel=tunnel) for _ in range(4)]
            b.add(*sas)
            beats = []

            def make(n, size=size, sas=sas, beats=beats, header=20 if v6 else 0):
                sa = sas[n % 4]
                seq, answers = numbers(sa)
                frame = outer(rng, sa, sa.seal(seq, text_of(inner(rng, size, proto=17, tos=1))), tos=0)
                beats.append(-(-len(frame) // 64))
                b.send(frame, want="OK", **answers)

            left = await count_cycles(b, 80, make)
            dut._log.info("flags %#x, %d bytes inside: %.2f cycles, %d beats", flags, size, left, beats[0])
            assert left <= beats[0] + 0.05, f"{size} bytes: {left} cycles a packet of {beats[0]} beats"


@cocotb.test()
async def rate_plain(dut):
    """Frames that are not ESP: one cycle a beat."""
    b = await Bench(dut).start()
    for size in (60, 64, 65, 1514):
        left = await count_cycles(b, 120, lambda _, size=size: b.send(plain_frame(b.rng, size), want="OK"))
        dut._log.info("plain frame of %d bytes: %.2f cycles", size, left)
        assert left <= -(-size // 64) + 0.05


@cocotb.test()
async def latency(dut):
    """Cycles from a frame's first beat in to its first beat out; the table takes seven of them."""
    b = await Bench(dut).start()
    rng = b.rng
    sa = make_sa(rng, key=32)
    b.add(sa)
    seq, answers = numbers(sa)
    b.send(
        outer(rng, sa, sa.seal(seq, text_of(inner(rng, 64, proto=17, tos=1))), tos=0), want="OK", **answers
    )
    start = None
    while not b.out.starts:
        await RisingEdge(dut.clk)
        if start is None and dut.s_valid.value == 1:
            start = b.sinks[0].cycle
    cycles = b.out.starts[0] - start
    dut._log.info("latency: %d cycles", cycles)
    await b.finish()
    assert cycles <= 45
