# SPDX-License-Identifier: BSD-2-Clause
"""A bench around esp_out. SA table and policies are models; so is the engine, unless the top holds the real one.

Every frame, verdict and event is compared with esp_model.Outbound, which docs/esp.md was the source of, and every ESP
packet is opened by scapy as well.
"""

import random

from cocotb.triggers import ClockCycles, RisingEdge
from esp_model import Engine, Outbound, PolicyTable, Sa, SaTable
from esp_packet import (
    ENCRYPT,
    ESP,
    FRAGMENT,
    HOP,
    OP,
    OPAQUE,
    OPTIONS,
    ROUTING,
    SAF,
    ST,
    UDP,
    be,
    ethernet,
    packet,
    packet6,
    parse,
)
from frames import EVENT_T, META_T, VERDICT_T, Collector, Sink, Source, beats, reset

MTU = 9618
INPLACE, DUMMY, POLICY, NUMBERED = OP["INPLACE"], OP["DUMMY"], OP["POLICY"], OP["NUMBERED"]
V6 = dict(
    ipv6=True,
    src=bytes.fromhex("20010db8") + bytes(11) + b"\1",
    dst=bytes.fromhex("20010db8") + bytes(range(12)),
)


def never():
    return False


def often():
    return random.random() < 0.3


def flags(*names):
    return sum(SAF[n] for n in names)


class Bench:
    """Sends frames through the pipe; what must come out is written down with each."""

    def __init__(self, dut, sas, mtu=MTU, gap=never, stall=never, policies=None, latency=0, **config):
        self.dut, self.sas = dut, sas
        self.reference = Outbound(sas, mtu, policies, **config)
        self.table = SaTable(dut, sas, gap, stall)
        self.policy = PolicyTable(dut, policies, gap, stall, latency)
        self.source, self.out, self.drops, self.events = Source(dut, "s", gap), Collector(), [], []
        tasks = [self.source, *self.table.tasks, *self.policy.tasks, self]
        tasks.append(Sink(dut, "m", ["beat", "meta"], self.out, stall))
        tasks.append(Sink(dut, "d", ["verdict"], lambda i, _: self.drops.append(i["verdict"]), stall))
        if dut._name == "esp_out":  # without its engine
            tasks += Engine(dut, gap, stall).tasks
        dut.cfg_mtu.value = mtu
        dut.cfg_policy_bypass.value = int(self.reference.bypass)
        dut.cfg_dscp_map.value = sum(d << 6 * i for i, d in enumerate(self.reference.dscp_map))
        self.tasks = tasks
        self.frames, self.verdicts, self.expected_events, self.index = [], [], [], 0

    async def run(self):
        """Notes the events."""
        while True:
            await RisingEdge(self.dut.clk)
            if self.dut.ev_valid.value == 1:
                self.events.append(EVENT_T.unpack(int(self.dut.ev.value)))

    async def start(self, **how):
        self.stop = await reset(self.dut, self.tasks, **how)
        await ClockCycles(self.dut.clk, 2)
        assert self.dut.idle.value == 1

    def send(self, frame, op=ENCRYPT, sa=0, status="OK", number_hi=0, lookaside=0, given=None):
        """One frame; the reference must find `status` (None: any). Returns what else it finds.

        given: its number, with NUMBERED.
        """
        host = dict(host=1, qid=random.getrandbits(4), index=self.index & 0xFFFF)
        self.index += 1
        sent = dict(host, lookaside=lookaside, op=op, sa=sa)
        seq = number_hi << 32 if given is None else given
        for beat in beats(frame):
            self.source.send(beat=beat, meta=META_T.pack(**sent, len=len(frame), seq=seq))
        got, more = self.reference.give(frame, op, sa, number_hi=number_hi, given=given)
        assert status in (None, got), f"{got} instead of {status} for {frame.hex()}"
        if got == "OK":
            meta = dict(sent, sa=more["sa"], esp=more["esp"], len=len(more["data"]), seq=more["seq"])
            self.frames.append((more["data"], meta, frame))
        else:
            self.verdicts.append(VERDICT_T.pack(**host, status=ST[got], len=more.get("len", 0)))
            if "event" in more:
                self.expected_events.append(EVENT_T.unpack(more["event"]))
        return more

    async def finish(self, scapy=True):
        limit = 3000 + 8 * len(self.source.items) + sum(len(f[0]) // 16 for f in self.frames)
        for _ in range(limit):
            await RisingEdge(self.dut.clk)
            if len(self.out.packets) >= len(self.frames) and len(self.drops) >= len(self.verdicts):
                break
        got, want = len(self.out.packets), len(self.frames)
        assert got == want, (
            f"{got} of {want} frames, {len(self.drops)} of {len(self.verdicts)} verdicts after {limit}"
        )
        await ClockCycles(self.dut.clk, 200)  # a refused frame may still be on its way into nothing
        assert self.dut.idle.value == 1
        assert len(self.out.packets) == want
        assert self.drops == self.verdicts
        assert self.events == self.expected_events
        for n, ((data, item, _), (result, meta, frame)) in enumerate(
            zip(self.out.packets, self.frames, strict=True)
        ):
            assert data == result, f"frame {n}: {data.hex()} instead of {result.hex()} for {frame.hex()}"
            assert META_T.unpack(item["meta"]) == META_T.unpack(META_T.pack(**meta)), f"frame {n}"
            if meta["esp"] and scapy:
                open_with_scapy(self.sas[meta["sa"]], frame, meta, data)
        assert self.sas == self.reference.sas


def open_with_scapy(sa, frame, meta, result):
    """What scapy finds in `result` must be what went in."""
    before, after = parse(frame), parse(result)
    assert after.status == "OK" and result[: before.l2 - 2] == frame[: before.l2 - 2]
    assert after.proto == (UDP if sa.has("UDP") else ESP) and after.l2 + after.total == len(result)
    data, padding, following = sa.scapy_opens(result[after.esp_at + sa.udp_bytes :], meta["seq"])
    assert padding == bytes(range(1, len(padding) + 1))
    end = before.l2 + before.total
    if meta["op"] == INPLACE:
        assert frame[after.esp_at + sa.udp_bytes + 8 + sa.iv_bytes : end].startswith(data)
        return
    plain = frame[before.l2 if sa.tunnel else before.esp_at : end]
    assert data[: len(plain)] == plain and not data[len(plain) :].strip(b"\0")
    assert following == (
        59 if meta["op"] == DUMMY else before.proto if not sa.tunnel else (4, 41)[before.ipv6]
    )
    # The whole packet, where scapy knows how to take it apart.
    simple = before.proto == OPAQUE and (sa.tunnel or not before.ipv6 or before.hdr == 40)
    if simple and meta["op"] != DUMMY and not sa.has("IIV") and sa.dport == b"\x11\x94":
        whole = sa.scapy_decrypts(result[after.l2 :], meta["seq"])
        assert whole == (data if sa.tunnel else frame[before.l2 : end])


def all_kinds(**more):
    """SAs of every key and ICV size; the sequence numbers of some are about to need their upper half."""
    kinds = [(key, icv) for key in (16, 24, 32) for icv in (8, 12, 16)]
    return {
        0x20000 + i: Sa(key, icv, seq=random.randint(1, 0xFFFFF000), **more)
        for i, (key, icv) in enumerate(kinds)
    }


def any_sa(inplace=False, **more):
    """An SA with random attributes, as the card would install it."""
    tunnel, gmac = random.getrandbits(1), random.random() < 0.3
    names = [
        n for n in ("ESN", "UDP", "IIV") if random.getrandbits(1) and not (n == "IIV" and (gmac or inplace))
    ]
    sa = dict(
        gmac=gmac, icv=16 if gmac else random.choice([8, 12, 16]), key_bytes=random.choice([16, 24, 32])
    )
    sa["seq"] = random.randint(1, 0xFFFFF000)
    if "ESN" in names:
        sa["seq"] = random.choice([random.getrandbits(63) | 1, 0xFFFFFFFE, 1])
    if random.getrandbits(1):
        sa.update(V6)
    if inplace:
        names.append("INPLACE")
    elif tunnel:
        names += [n for n in ("DF", "DF_COPY", "ECN_OFF", "FLOW_COPY") if random.getrandbits(1)]
        names += random.choice([[], ["DSCP_COPY"], ["DSCP_MAP"]])
        sa.update(
            ttl=random.randint(1, 255), tos=random.getrandbits(6) << 2, flow_label=random.getrandbits(20)
        )
        sa["tfc"] = random.choice([0, 0, 100, random.randint(1, 3000)])
    if "UDP" in names and random.getrandbits(1):
        sa.update(sport=random.randbytes(2), dport=random.randbytes(2))
    return Sa(tunnel=bool(tunnel), flags=flags(*names), **(sa | more))


CHAINS = [
    (),
    ((HOP, 1),),
    ((OPTIONS, 2),),
    ((HOP, 1), (ROUTING, 2)),
    ((ROUTING, 1), (OPTIONS, 1)),
    ((HOP, 1), (OPTIONS, 1), (ROUTING, 1), (FRAGMENT, 0, 0)),
    ((FRAGMENT, 0, 0), (OPTIONS, 1)),
]


def any_packet(ipv6, length=None):
    """A packet that every SA of its family takes."""
    length = length or random.choice(
        [random.randint(40, 140), random.randint(40, 140), random.randint(40, 1400)]
    )
    proto = random.choice([OPAQUE, OPAQUE, random.randint(61, 255)])
    if ipv6:
        chain = random.choice(CHAINS)
        size = 40 + 8 * sum(1 if c[0] == FRAGMENT else c[1] for c in chain)
        return packet6(max(length, size), chain, proto=proto)
    options = random.choice([0, 0, 0, 1, 10])
    return packet(max(length, 20 + 4 * options), options, proto, random.choice([0, 0x4000]))


def any_frame(ipv6, length=None):
    return ethernet(any_packet(ipv6, length), random.choice([0, 0, 1, 2]), random.getrandbits(1))


def inplace_frame(sa, text, spi=None, tags=0, cut=0, chain=(), udp=None, proto=ESP, pad=False):
    """A frame with room for IV and ICV, as the host builds it; text: plaintext bytes with trailer."""
    plain = random.randbytes(text - 2) + bytes([0, random.choice([4, 41, 6])]) if text >= 2 else b"\0" * text
    body = (
        (spi or sa.spi)
        + random.randbytes(4)
        + random.randbytes(sa.iv_bytes)
        + plain
        + random.randbytes(sa.icv)
    )
    body = body[: len(body) - cut]
    if sa.has("UDP") if udp is None else udp:
        body, proto = sa.sport + sa.dport + be(8 + len(body), 2) + b"\0\0" + body, UDP
    if sa.ipv6:
        size = 40 + 8 * sum(words for _, words in chain)
        ip = packet6(size + len(body), chain, proto, payload=body)
    else:
        ip = packet(20 + len(body), proto=proto, payload=body)
    return ethernet(ip, tags, pad)


def frame_of(ipv6, length):
    """An untagged frame with a packet of just `length` bytes."""
    return ethernet(packet6(length) if ipv6 else packet(length))
