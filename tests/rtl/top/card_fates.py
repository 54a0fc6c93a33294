# SPDX-License-Identifier: BSD-2-Clause
"""What must become of each packet that goes into the card: written down as it goes in, compared at the end.

docs/esp.md by the models of the pipes and of the SA table; here is what the whole card adds: completions, order along
a queue, counters, events.
"""

from collections import Counter
from dataclasses import dataclass

import rx_model
from cocotb_wire import check_order, padded
from esp_in_model import Inbound
from esp_model import DROPS, EVENTS, INBOUND, policy_request, request
from esp_packet import SAD, ST, l2_bytes, parse
from frames import to_int
from ring_driver import CPL_ESP, CPL_INPLACE, CPL_LOOKASIDE, DECRYPT, INPLACE, NUMBERED, OK, PLAIN, POLICY

NAMES = {value: name for name, value in ST.items()}
PROTECT, BYPASS, DISCARD = 1, 2, 3


@dataclass
class Fate:
    """Of one packet. `may`: statuses that it may end with; more than one while its SA comes or goes."""

    data: bytes
    may: tuple = (OK,)
    op: int = PLAIN
    sa: object = None  # that encrypts it, or decrypts it
    lookaside: bool = False
    result: bytes = b""  # what is delivered; of an encrypted packet it is made when its number is known
    pair: int = 0  # a packet from the wire: where it is delivered
    status: int = OK  # of its RX completion
    esp: bool = False  # decrypted and proven
    inplace: bool = False
    handle: int = 0
    seq: int = 0
    length: int = 0  # of a drop's completion
    info: object = None
    plain: int = 0
    padded: int = 0
    number_hi: int = 0
    given: int = None  # NUMBERED: its number
    silent: bool = False  # CONTEXT
    event: dict = None
    hash: tuple = None  # of the receive hash: it, and whether it is over ports
    before: list = ()  # the segments before it, which complete nothing


def received(fate, tag=0):
    """The RX completion of a packet that is delivered."""
    flags = CPL_LOOKASIDE * fate.lookaside | CPL_ESP * fate.esp | CPL_INPLACE * fate.inplace
    flags |= rx_model.flags(fate.result, fate.hash, told=not fate.esp)
    told = fate.seq & 0xFFFFFFFF if fate.esp else fate.hash[0] if fate.hash else 0
    return {
        "tag": tag, "flags": flags, "sa": fate.handle, "status": fate.status, "data": fate.result,
        "seq": told,
    }  # fmt: skip


class Rules:
    """docs/esp.md for one card: its SAs, policies and settings."""

    def __init__(self, mtu, rx_queue, miss_to_host=False, fragment_to_host=False, bypass=False):
        self.mtu, self.rx_queue, self.bypass = mtu, rx_queue, bypass
        self.outs, self.ins, self.policies = {}, {}, []
        self.inbound = Inbound((), (4500,), miss_to_host, fragment_to_host)
        self.dscp_map = tuple(range(64))
        self.rss = rx_model.Rss()

    def add(self, sa):
        if sa.handle & INBOUND:
            self.ins[sa.handle] = sa
            self.inbound.add(sa)
        else:
            self.outs[sa.handle] = sa
        self._ports()

    def remove(self, sa):
        if sa.handle & INBOUND:
            del self.ins[sa.handle], self.inbound.sas[sa.dst, sa.spi]
        else:
            del self.outs[sa.handle]
        self._ports()

    def _ports(self):
        self.inbound.natt = {4500} | {sa.dport for sa in self.ins.values() if sa.has("UDP")}

    def outbound(self, frame, op, handle=0, number_hi=0, lookaside=False, given=None):
        """Fate of a frame of the host; numbers are the card's to give, but for number_hi and `given`."""
        fate = Fate(frame, op=op, lookaside=lookaside, number_hi=number_hi, given=given)
        status = self._outbound(fate, handle)
        if status != "OK":
            fate.may = (ST[status],)
            if status in EVENTS:
                info = fate.info
                fate.event = {
                    "code": ST[status], "inbound": 0, "ipv6": int(info.ipv6), "src": to_int(info.src),
                    "dst": to_int(info.dst), "spi": to_int(fate.sa.spi), "sa": fate.sa.handle, "seq": 0,
                    "flow_label": info.flow,
                }  # fmt: skip
        return fate

    def _outbound(self, fate, handle):
        if fate.op == PLAIN:
            return self._plain(fate)
        info = fate.info = parse(fate.data)
        if info.status != "OK":
            return info.status
        if fate.op == POLICY:
            packet = policy_request(info)
            found = [p for p in self.policies if p.matches_request(packet)]
            best = min(found, key=lambda p: p.priority, default=None)
            if best is None and not self.bypass:
                return "NO_POLICY"
            if best is None or best.action == BYPASS:
                return self._plain(fate)
            if best.action == DISCARD:
                return "DISCARD"
            handle = best.sa
        if handle & INBOUND:
            return "SA_DIRECTION"
        if handle not in self.outs:
            return "SA_STALE"
        fate.sa, fate.handle = self.outs[handle], handle
        asked = request(info, fate.data, fate.op, handle, self.mtu - 14)
        status, fate.length, fate.plain, fate.padded = fate.sa.refusal(asked)
        if status != "TOO_BIG":
            fate.length = 0
        return status

    def _plain(self, fate):
        fate.result = fate.data
        if len(fate.data) - (l2_bytes(fate.data) - 14) > self.mtu:
            fate.length = self.mtu - 14
            return "TOO_BIG"
        return "OK"

    def arrival(self, frame, host=False, pair=0):
        """Fate of a frame that the inbound pipe gets, from the wire or from a descriptor of `pair`."""
        first = self.inbound.process(frame, host)
        sa = self.ins.get(first.sa)
        found = first
        if sa is not None:
            pre, seq = sa.table.lookup_in(first.lookup["seq"], first.lookup["udp"])
            answers = dict(high=seq >> 32, pre=NAMES[pre])
            found = self.inbound.process(frame, host, **answers)
            if found.commit is not None:
                commit = found.commit
                final = NAMES[sa.table.commit(commit["seq"], commit["bytes"] or 0, commit["status"])]
                found = self.inbound.process(frame, host, final=final, **answers)
        fate = Fate(frame, op=DECRYPT, lookaside=host, event=found.event, sa=sa)
        if found.data is None:
            fate.may = (ST[found.status],)
            return fate
        fate.result, fate.status, fate.seq = found.data, ST[found.status], found.seq
        fate.inplace = found.inplace
        fate.esp = found.esp
        fate.handle = found.sa if found.esp or found.inplace else 0
        fate.pair = pair if host else found.queue if fate.handle else self.rx_queue
        if not host and fate.status == OK:
            fate.hash = self.rss.of(fate.result, sealed=fate.inplace)
            fate.pair = self.rss.queue(fate.hash, fate.pair, 2)
        return fate


class Ledger:
    """Compares what the card did with the fates; the sums are kept for the card's own counters."""

    def __init__(self, pairs, rules):
        self.pairs, self.rules = pairs, rules
        self.tx, self.rx = Counter(), Counter()
        self.tx_bytes = self.rx_bytes = 0
        self.wire_in = []  # fates of the frames from the wire, in their order
        self.events, self.maybe_events = [], []
        self.scapy = 0  # packets that scapy opened
        self.right = self.hashed = 0  # frames that arrived with CPL_CSUM, with a hash

    def check(self, sent):
        """All that completed, and all that left on the wire (`sent`), since the last time."""
        lanes = [self._transmitted(pair) for pair in self.pairs]
        for fate in self.wire_in:
            self._event(fate)
        check_order(sent, [lane["wire"] for lane in lanes])
        for pair, lane in zip(self.pairs, lanes, strict=True):
            got = [{k: e[k] for k in ("tag", "flags", "sa", "status", "data", "seq")} for e in pair.received]
            turned = [e for e in got if e["flags"] & CPL_LOOKASIDE]
            decrypted = {e["tag"] for e in lane["in"]}
            assert [e for e in turned if e["tag"] in decrypted] == lane["in"], f"pair {pair.number}"
            assert [e for e in turned if e["tag"] not in decrypted] == lane["out"], f"pair {pair.number}"
            self._arrived(pair.number, [e for e in got if not e["flags"] & CPL_LOOKASIDE])
            pair.received.clear()
            pair.sent.clear()
        self.wire_in.clear()

    def _event(self, fate):
        if fate.event:
            (self.events if len(fate.may) == 1 else self.maybe_events).append(fate.event)

    def _transmitted(self, pair):
        """Completions of one pair; returns what must have left on the wire and what came back."""
        lane = {"wire": [], "out": [], "in": []}
        last = {}  # sequence number by SA
        gone = set()  # SAs that a packet did not find any more
        assert not pair.tx.open, f"pair {pair.number}: {len(pair.tx.open)} descriptors did not complete"
        first = min((e["index"] for e in pair.sent), key=lambda i: (i - pair.tx.tail) & 0xFFFF, default=0)
        for entry in sorted(pair.sent, key=lambda e: (e["index"] - first) & 0xFFFF):
            fate, status = entry["note"], entry["status"]
            assert status in fate.may, (
                f"pair {pair.number}, descriptor {entry['index']} (op {fate.op}): {NAMES[status]}, not one of "
                f"{[NAMES[s] for s in fate.may]}, of {fate.data.hex()}"
            )
            if fate.silent:
                assert entry["len"] == entry["seq"] == 0
                continue
            self.tx[status] += 1
            self._event(fate)
            if status != OK:
                assert entry["len"] == fate.length
                if OK in fate.may:
                    gone.add(id(fate.sa))
                elif fate.op != DECRYPT and fate.sa:
                    place = SAD[DROPS.get(NAMES[status], NAMES[status])]
                    fate.sa.drops[place] = fate.sa.drops.get(place, 0) + 1
                continue
            for n, part in enumerate(fate.before):
                if part.sa:
                    self._number(part, entry["seq"] - len(fate.before) + n, last)
                self.tx[OK] += 1
                self.tx_bytes += len(part.result)
                lane["wire"].append(padded(part.result))
            self.tx_bytes += entry["len"]
            if fate.op != DECRYPT and fate.sa:
                assert id(fate.sa) not in gone, "an SA was gone, and is back"
                self._number(fate, entry["seq"], last)
            else:
                assert entry["seq"] == (fate.seq if fate.esp else 0)
            assert entry["len"] == len(fate.result)
            if not fate.lookaside:
                lane["wire"].append(padded(fate.result))
            else:
                lane["in" if fate.op == DECRYPT else "out"].append(received(fate, entry["index"]))
        return lane

    def _number(self, fate, seq, last):
        """An encrypted packet: its completion says which number it was given. Where that is the host's, the IV counts."""
        sa, sent, host = fate.sa, seq, dict(number_hi=fate.number_hi, given=fate.given)
        if fate.op in (INPLACE, NUMBERED):
            assert seq == sa.sent(fate.data, fate.info, fate.op, None, **host)
            seq = sa.seq
        assert seq > last.get(id(sa), 0), "an SA's numbers do not rise along the queue"
        last[id(sa)] = seq
        sa.used.append(seq)
        sa.seq, sa.packets, sa.bytes = sa.seq + 1, sa.packets + 1, sa.bytes + fate.plain
        fate.result = sa.build(
            fate.data, fate.info, fate.op, seq, fate.padded, dscp_map=self.rules.dscp_map, **host
        )
        after = parse(fate.result)
        text, _, _ = sa.scapy_opens(fate.result[after.esp_at + sa.udp_bytes : after.l2 + after.total], sent)
        start = fate.info.l2 if sa.tunnel else fate.info.esp_at
        end = fate.info.l2 + fate.info.total
        if fate.op != INPLACE:
            assert text.startswith(fate.data[start:end]), "scapy reads something else"
        self.scapy += 1

    def _arrived(self, number, got):
        """Frames from the wire that one pair received: each that must come, in order, and none else."""
        got, left = list(got), 0
        for fate in self.wire_in:
            if OK not in fate.may or fate.pair != number:
                continue
            if left < len(got) and got[left] == received(fate):
                self.right += bool(got[left]["flags"] & rx_model.CPL_CSUM)
                self.hashed += fate.hash is not None
                left += 1
                self.rx[OK] += 1
                self.rx_bytes += len(fate.result)
                fate.may = (OK,)
            else:
                fate.may = tuple(status for status in fate.may if status != OK)
                assert fate.may, (
                    f"pair {number} did not receive a frame of {len(fate.result)} bytes as {received(fate)}, "
                    f"but {got[left : left + 1]}"
                )
        assert left == len(got), f"pair {number} received what nobody sent: {got[left]}"
        for fate in self.wire_in:
            if OK not in fate.may and fate.pair == number:
                self.rx[fate.may] += 1

    def check_events(self, got):
        """Each event that must come came once, and none else; `got`: event_t's fields."""
        left = [e for e in got if e["code"] < 64]
        for event in self.events:
            assert event in left, f"no event {event}"
            left.remove(event)
        for event in left:
            assert event in self.maybe_events, f"an event of nothing: {event}"
        self.events.clear()

    def check_stats(self, stats):
        """The card's counters against the sums: each packet once, under one reason."""
        tx = {i: n for i, n in enumerate(stats["tx"]) if n}
        assert tx == {k: n for k, n in self.tx.items() if n}, f"the card counts {tx}, not {self.tx}"
        rx = Counter({i: n for i, n in enumerate(stats["rx"]) if n})
        assert sum(rx.values()) == sum(self.rx.values()), f"the card counts {rx}, not {self.rx}"
        assert rx[OK] == self.rx[OK]
        for statuses, count in self.rx.items():
            if statuses != OK and len(statuses) == 1:
                rx[statuses[0]] -= count
        unsure = {
            status for statuses in self.rx if statuses != OK and len(statuses) > 1 for status in statuses
        }
        wrong = {s: n for s, n in rx.items() if s != OK and (n < 0 or (n and s not in unsure))}
        assert not wrong, f"drops from the wire beside the model: {wrong} ({self.rx})"
        assert (stats["tx_bytes"], stats["rx_bytes"]) == (self.tx_bytes, self.rx_bytes)
