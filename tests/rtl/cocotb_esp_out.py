# SPDX-License-Identifier: BSD-2-Clause
"""cocotb tests of esp_out: packets of all kinds and lengths, order, reset, throughput; see esp_out_bench."""

import random

import cocotb
from cocotb.triggers import ClockCycles
from esp_model import BYPASS, DISCARD, PROTECT, Sa
from esp_out_bench import (
    DUMMY,
    INPLACE,
    POLICY,
    V6,
    Bench,
    all_kinds,
    any_frame,
    any_sa,
    flags,
    frame_of,
    inplace_frame,
    often,
)
from esp_packet import (
    ENCRYPT,
    PLAIN,
    ethernet,
    packet,
)


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def every_short_length(dut, tunnel):
    """Packets of 20 to 160 bytes, padded to Ethernet's minimum or not; keys and ICVs of all sizes."""
    sas = all_kinds(tunnel=tunnel)
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for length in range(20, 161):
        bench.send(ethernet(packet(length), pad=length % 3 != 0), sa=random.choice(list(sas)))
    await bench.finish()


@cocotb.test()
@cocotb.parametrize(tunnel=[True, False])
async def lengths_and_options(dut, tunnel):
    """Lengths up to the largest, IP options of 0 to 10 words, data behind the IP packet."""
    sas = all_kinds(tunnel=tunnel)
    bench = Bench(dut, sas, gap=often, stall=often)
    await bench.start()
    for options in range(11):
        for length in (20 + 4 * options, 21 + 4 * options, 64, 78, 79, 115, 1500):
            if length >= 20 + 4 * options:
                tail = random.randbytes(random.choice([0, 0, 1, 64, 100]))
                frame = ethernet(packet(length, options)) + tail
                bench.send(frame, sa=random.choice(list(sas)), lookaside=random.getrandbits(1))
    for _ in range(30):
        ip = packet(random.randint(20, 1500), proto=random.randint(0, 255))
        bench.send(ethernet(ip), sa=random.choice(list(sas)))
    bench.send(ethernet(packet(9000)), sa=random.choice(list(sas)))
    await bench.finish()


@cocotb.test()
@cocotb.parametrize(turn=range(3))
async def any_attributes(dut, turn):
    """SAs with random attributes, IPv4 and IPv6, tags, extension headers, dummy packets, up to jumbo frames."""
    sas = {0x20000 + i: any_sa() for i in range(24)}
    dscp_map = random.sample(range(64), 64)
    bench = Bench(dut, sas, gap=often, stall=often, dscp_map=dscp_map)
    await bench.start()
    for i in range(200):
        handle, sa = random.choice(list(sas.items()))
        ipv6 = bool(random.getrandbits(1)) if sa.tunnel else sa.ipv6
        length = {50: 4000, 100: 9000, 150: 9500}.get(i)
        frame = any_frame(ipv6, length)
        bench.send(
            frame, random.choice([ENCRYPT, ENCRYPT, ENCRYPT, DUMMY]), handle, lookaside=random.getrandbits(1)
        )
    await bench.finish()


@cocotb.test()
async def largest_frames(dut):
    """Packets that make a result of just 9618 bytes, tags not counted, one of each kind; one byte more does not fit."""
    sas = {}
    for i in range(16):
        sa = any_sa(tfc=0)
        sas[0x20000 + i] = sa
    bench = Bench(dut, sas)
    await bench.start()
    for handle, sa in sas.items():
        ipv6 = sa.ipv6
        small = bench.send(frame_of(ipv6, 9605), sa=handle, status="TOO_BIG")
        done = bench.send(frame_of(ipv6, small["len"]), sa=handle)
        assert 9618 - 4 < len(done["data"]) <= 9618
        bench.send(frame_of(ipv6, small["len"] + 1), sa=handle, status="TOO_BIG")
    await bench.finish(scapy=False)


@cocotb.test()
async def traffic_flow_padding(dut):
    """Zeros up to the SA's length, over many beats, clipped where the MTU ends; the trailer at every place of a beat."""
    sas = {0x20000 + n: Sa(16, 16, tfc=n) for n in [*range(1, 200, 3), 1400, 2000]}
    sas[0x21000] = Sa(16, 16, tfc=9600, flags=flags("UDP"), **V6)
    bench = Bench(dut, sas, mtu=1514, gap=often, stall=often)
    await bench.start()
    for handle, sa in sas.items():
        for length in (20, random.randint(20, 150), random.randint(20, 150)):
            bench.send(ethernet(packet(length)), random.choice([ENCRYPT, DUMMY]), handle)
            clipped = (min(max(sa.tfc, length), 1446) + 2 + 3) & ~3
            assert sa.ipv6 or len(bench.frames[-1][0]) == 14 + 20 + 16 + clipped + 16
    assert len(bench.frames[-1][0]) in range(1511, 1515)  # all that the MTU leaves
    await bench.finish()


@cocotb.test()
async def order_is_kept(dut):
    """Frames of all operations and lengths leave as they came; dropped ones leave no trace but a verdict."""

    def policies(asked):
        kind = asked["src"] % 5
        return [(PROTECT, 0x20000), (PROTECT, 0x20009), (BYPASS, None), (DISCARD, None), None][kind]

    sas = {0x20000: Sa(16, 16, True), 0x20001: Sa(32, 8, False), 0x20002: any_sa(inplace=True)}
    sas[0x20003] = Sa(tfc=1000)
    bench = Bench(dut, sas, mtu=1600, gap=often, stall=often, policies=policies)
    await bench.start()
    for _ in range(300):
        length = random.choice([random.randint(20, 120), random.randint(20, 1400)])
        kind = random.random()
        if kind < 0.25:
            bench.send(random.randbytes(length), op=PLAIN, lookaside=random.getrandbits(1), number_hi=7)
        elif kind < 0.3:
            bench.send(ethernet(packet(length)), sa=0x20005, status="SA_STALE")
        elif kind < 0.35:
            bench.send(random.randbytes(1609), op=PLAIN, status="TOO_BIG")
        elif kind < 0.6:
            bench.send(any_frame(random.getrandbits(1)), POLICY, status=None)
        elif kind < 0.7:
            bench.send(inplace_frame(sas[0x20002], 4 * random.randint(1, 90)), INPLACE, 0x20002)
        else:
            op = random.choice([ENCRYPT, DUMMY])
            bench.send(ethernet(packet(length)), op, random.choice([0x20000, 0x20001, 0x20003]))
    await bench.finish(scapy=False)


@cocotb.test()
async def reset_in_traffic(dut):
    """A reset forgets all frames on their way; those sent after it are right."""
    sas = all_kinds()
    for turn in range(6):
        bench = Bench(
            dut, sas, gap=often, stall=often, policies=lambda asked: (PROTECT, 0x20000 + asked["src"] % 9)
        )
        await bench.start(cycles=16, clock=turn == 0)
        for _ in range(40):
            op = random.choice([PLAIN, ENCRYPT, ENCRYPT, POLICY])
            bench.send(ethernet(packet(random.randint(20, 700))), op=op, sa=random.choice(list(sas)))
        if turn == 5:
            await bench.finish()
        else:
            await ClockCycles(dut.clk, random.randint(20, 150))
            assert dut.idle.value == 0
            bench.stop()


# IP bytes, cycles that a frame may take, SA
THROUGHPUT = {
    "46": (46, 2, {}),
    "50": (50, 2, {}),
    "50 transport": (50, 2, dict(tunnel=False)),
    "114": (114, 3, {}),
    "1500": (1500, 25, {}),
    "1446 transport": (1446, 24, dict(tunnel=False)),
    "IPv6 60": (60, 3, V6),
    "IPv6 50 transport": (50, 2, dict(V6, tunnel=False)),
    "IPv6 1420": (1420, 24, V6),
    "UDP 40": (40, 2, dict(flags=flags("UDP", "ESN"))),
    "UDP 1426": (1426, 24, dict(flags=flags("UDP", "ESN"))),
    "IPv6 UDP 40": (40, 3, dict(V6, flags=flags("UDP", "ESN"))),
    "GMAC ESN 46": (46, 2, dict(gmac=True, flags=flags("ESN"))),
    "TFC 500": (46, 9, dict(tfc=500)),
}


@cocotb.test()
@cocotb.parametrize(case=list(THROUGHPUT), op=[ENCRYPT, POLICY])
async def throughput(dut, case, op):
    """Back to back, a frame costs the beats of its result: 64 bytes two cycles, a large one at most one more."""
    length, most, kind = THROUGHPUT[case]
    ipv6 = kind.get("ipv6", False)
    sas = {0x20000: Sa(16, 16, **kind), 0x20001: Sa(32, 16, **kind)}
    bench = Bench(dut, sas, policies=lambda asked: (PROTECT, 0x20000 + asked["src"] % 2), latency=20)
    await bench.start()
    count = 60 if length < 1000 else 20
    for i in range(count):
        bench.send(frame_of(ipv6, length), op, sa=0x20000 + i % 2 if op == ENCRYPT else 0)
    await bench.finish(scapy=False)
    result = -(-len(bench.frames[0][0]) // 64)
    assert most <= result + 1
    ends = [cycle for _, _, cycle in bench.out.packets]
    half = count // 2
    taken = ends[-1] - ends[half]
    dut._log.info("%s: %.2f cycles a frame, %d beats", case, taken / (count - 1 - half), result)
    assert taken <= most * (count - 1 - half), f"{taken} cycles for {count - 1 - half} frames"
