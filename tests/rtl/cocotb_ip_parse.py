# SPDX-License-Identifier: BSD-2-Clause
"""Headers of frames that scapy builds, sound and damaged, against a reading of docs/esp.md in plain Python."""

import random

import cocotb
from frames import Sink, Source, Struct, reset, to_bytes, to_int
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw

INFO_T = Struct(
    status=8, ipv6=1, l2_bytes=5, hdr_bytes=8, total=16, proto=8, proto_at=8, fragment=1, later=1, df=1, tos=8,
    flow_label=20, src=128, dst=128, ports=1, sport=16, dport=16, l4=192,
)  # fmt: skip
OK, NOT_IP, IP_HEADER, IP_CHECKSUM, TRUNCATED, EXT_HEADER = 0, 16, 17, 18, 19, 37
WINDOW, L4 = 128, 24


def number(data):
    return int.from_bytes(data, "big")


def checksum_ok(header):
    total = sum(number(header[i : i + 2]) for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def upper_layer(info, ip):
    """The ports, and what is behind the header."""
    rest = ip[info["hdr_bytes"] : info["total"]]
    info["l4"] = rest[:L4]
    info["ports"], info["sport"], info["dport"] = 0, 0, 0
    if info["later"]:
        return
    if info["proto"] in (6, 17, 33, 132, 136) and len(rest) >= 4:
        info.update(ports=1, sport=to_int(rest[:2]), dport=to_int(rest[2:4]))
    if info["proto"] in (1, 58) and len(rest) >= 2:
        info.update(ports=1, sport=rest[0], dport=rest[1])


def walk(info, ip, every):
    """Along the extension headers; False where they cannot be read."""
    at, routing = 40, False
    info.update(proto=ip[6], proto_at=6, fragment=0, later=0)
    for count in range(5):
        kind = info["proto"]
        if kind not in (0, 43, 44, 60) or (kind == 60 and routing and not every):
            break
        head = ip[at : at + 4].ljust(4, b"\0")
        length = 8 if kind == 44 else 8 * (head[1] + 1)
        if count == 4 or at + length > info["total"] or info["l2_bytes"] + at + length > WINDOW - L4:
            return False
        info.update(proto=head[0], proto_at=at)
        at += length
        routing |= kind == 43
        if kind == 44:
            info["later"] = int(number(head[2:4]) >> 3 != 0)
            # A second one does not undo what the first one said.
            info["fragment"] |= int(number(head[2:4]) & 0xFFF9 != 0)
            if info["later"]:
                break
    info["hdr_bytes"] = at
    info["proto_at"] += info["l2_bytes"]
    return True


def expect(frame, every):
    """What the parser must say."""
    l2 = 14
    while l2 < 22 and frame[l2 - 2 : l2] in (b"\x81\x00", b"\x88\xa8"):
        l2 += 4
    info = {"status": NOT_IP, "l2_bytes": l2}
    kind, ip = frame[l2 - 2 : l2], frame[l2:]
    if len(frame) < l2 or kind not in (b"\x08\x00", b"\x86\xdd"):
        return info
    if kind == b"\x08\x00":
        hdr, total = 4 * ((ip + b"\0")[0] & 15), number(ip[2:4])
        if len(ip) < 20:
            info["status"] = TRUNCATED
        elif ip[0] >> 4 != 4 or hdr < 20 or total < hdr:
            info["status"] = IP_HEADER
        elif total > len(ip):
            info["status"] = TRUNCATED
        elif not checksum_ok(ip[:hdr]):
            info["status"] = IP_CHECKSUM
        else:
            off = number(ip[6:8])
            info.update(
                status=OK, ipv6=0, hdr_bytes=hdr, total=total, proto=ip[9], proto_at=l2 + 9,
                fragment=int(off & 0x3FFF != 0), later=int(off & 0x1FFF != 0), df=off >> 14 & 1, tos=ip[1],
                flow_label=0, src=to_int(ip[12:16]), dst=to_int(ip[16:20]),
            )  # fmt: skip
    else:
        if len(ip) < 40:
            info["status"] = TRUNCATED
        elif ip[0] >> 4 != 6:
            info["status"] = IP_HEADER
        elif 40 + number(ip[4:6]) > len(ip):
            info["status"] = TRUNCATED
        else:
            info.update(
                status=OK, ipv6=1, total=40 + number(ip[4:6]), df=0, tos=number(ip[:2]) >> 4 & 255,
                flow_label=number(ip[1:4]) & 0xFFFFF, src=to_int(ip[8:24]), dst=to_int(ip[24:40]),
            )  # fmt: skip
            if not walk(info, ip, every):
                info["status"] = EXT_HEADER
    if info["status"] == OK:
        upper_layer(info, ip)
    return info


def extension():
    options = [PadN(optdata=random.randbytes(random.choice([0, 4, 4, 12, 20, 28])))]
    return random.choice(
        [
            IPv6ExtHdrHopByHop(options=options),
            IPv6ExtHdrDestOpt(options=options),
            IPv6ExtHdrRouting(addresses=["::1"] * random.randint(0, 1)),
            IPv6ExtHdrFragment(offset=random.choice([0, 0, 5]), m=random.randint(0, 1), res1=0),
        ]
    )


def frame():
    packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    for _ in range(random.choice([0, 0, 1, 2])):
        packet /= random.choice([Dot1Q(vlan=5), Dot1AD(vlan=6)])
    if random.random() < 0.5:
        packet /= IP(
            src=f"10.0.0.{random.randint(1, 9)}", dst="10.1.0.1", tos=random.getrandbits(8), ttl=9,
            flags=random.choice(["", "DF", "MF"]), frag=random.choice([0, 0, 0, 7]),
            options=random.choice([[], [], b"\1" * 4 * random.randint(1, 10)]),
        )  # fmt: skip
    else:
        packet /= IPv6(src="fd00::1", dst="fd00::2", tc=random.getrandbits(8), fl=random.getrandbits(20))
        for _ in range(random.choice([0, 0, 1, 2, 3, 4, 5])):
            packet /= extension()
    packet /= random.choice(
        [UDP(sport=7, dport=4500), TCP(sport=80, dport=81), ICMP(type=8, code=3), Raw(), Raw(b"ab")]
    )
    data = bytes(packet / Raw(random.randbytes(random.choice([0, 1, 3, 20, 60, 200]))))
    fate = random.random()
    if fate < 0.15:
        data = data[: random.randint(0, len(data))]
    elif fate < 0.4:
        at = random.randrange(12, min(len(data), 80))
        data = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    elif fate < 0.6:
        data += bytes(random.randint(1, 20))
    return data


@cocotb.test()
async def parse(dut):
    wanted, seen = [], []
    stalls, gaps = random.choice([(0, 0), (0.3, 0.3)]), 0
    source = Source(dut, "s", lambda: random.random() < gaps)

    def take(item, _cycle):
        seen.append(item)

    sink = Sink(dut, "m", ["info", "head", "side"], take, lambda: random.random() < stalls[0])
    stop = await reset(dut, [source, sink])
    for number_ in range(4000):
        data, every = frame(), random.randint(0, 1)
        window = (data + random.randbytes(WINDOW))[:WINDOW]
        wanted.append((data, every, window, number_ & 1))
        source.send(head=to_int(window), len=len(data), all=every, side=number_ & 1)
    while len(seen) < len(wanted):
        await cocotb.triggers.ClockCycles(dut.clk, 20)
    stop()
    statuses = set()
    for (data, every, window, side), item in zip(wanted, seen, strict=True):
        assert item["head"] == to_int(window) and item["side"] == side
        info, want = INFO_T.unpack(item["info"]), expect(data, every)
        statuses.add(want["status"])
        l4 = want.pop("l4", b"")
        if want["status"] != OK:
            want = {"status": want["status"], "l2_bytes": want["l2_bytes"]}
        for name, value in want.items():
            assert info[name] == value, f"{name}: {info[name]}, not {value}, of {data.hex()}"
        if want["status"] == OK:
            assert to_bytes(info["l4"], L4)[: len(l4)] == l4
    assert statuses == {OK, NOT_IP, IP_HEADER, IP_CHECKSUM, TRUNCATED, EXT_HEADER}
