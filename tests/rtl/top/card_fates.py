# SPDX-License-Identifier: BSD-2-Clause
"""What must become of each packet that goes into the card: written down as it goes in, compared at the end."""

from collections import Counter
from dataclasses import dataclass, field

import esp_model
from cocotb_wire import check_order, padded
from esp_model import OPAQUE
from mgmt import abi
from ring_driver import CPL_ESP, CPL_LOOKASIDE, DECRYPT, ENCRYPT, OK, PLAIN
from sa_model import TUNNEL


@dataclass
class OutSa(esp_model.Sa):
    """An outbound SA of the card; `seq` is the number that goes out next."""

    handle: int = 0
    used: list = field(default_factory=list)  # numbers seen in completions
    lost: int = 0  # numbers of packets that were dropped after the lookup
    bytes: int = 0

    def __post_init__(self):
        super().__post_init__()
        self.first = self.seq

    def count(self, frame):
        """The packet in `frame` has passed the lookup."""
        header = 0 if self.tunnel else 4 * (frame[14] & 15)
        self.bytes += int.from_bytes(frame[16:18], "big") - header

    def message(self, **changes):
        """struct vesper_sa."""
        fields = dict(
            dir=1, mode=1 if self.tunnel else 2, key_len=len(self.key), icv_len=self.icv, ttl=self.ttl,
            flags=int(self.tunnel), spi=self.spi, salt=self.salt, src=self.src, dst=self.dst, key=self.key,
            seq=self.seq - 1,
        )  # fmt: skip
        return abi.sa(**(fields | changes))


def inbound_message(sa, **changes):
    """struct vesper_sa of a sa_model.Sa."""
    fields = dict(
        dir=2, mode=1 if sa.mode == TUNNEL else 2, key_len=len(sa.key), icv_len=sa.icv_len, ttl=0,
        replay_window=sa.window, spi=sa.spi, salt=sa.salt, src=b"", dst=sa.dst, key=sa.key, seq=sa.seq,
        queue=sa.queue,
    )  # fmt: skip
    return abi.sa(**(fields | changes))


@dataclass
class Fate:
    """Of one packet. `may`: statuses that it may end with; more than one while its SA comes or goes."""

    data: bytes
    may: tuple = (OK,)
    op: int = PLAIN
    sa: object = None  # that encrypts it, or decrypts it
    lookaside: bool = False
    result: bytes = b""  # what is delivered; for an encrypted packet it follows from the sequence number
    pair: int = 0  # a packet from the wire: where it is delivered
    status: int = OK  # a packet from the wire: status with which it is delivered
    seq: int = 0  # a decrypted packet's
    consumes: bool = False  # dropped after its sequence number was taken


def received(fate, tag=0):
    """The RX completion of a packet that is delivered."""
    esp = fate.op == DECRYPT and fate.sa is not None and fate.status == OK
    return {
        "tag": tag,
        "flags": CPL_LOOKASIDE * fate.lookaside | CPL_ESP * esp,
        "sa": fate.sa.handle if fate.sa and fate.status == OK else 0,
        "status": fate.status,
        "data": fate.result,
    }


class Ledger:
    """Compares what the card did with the fates; the sums are kept for the card's own counters."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.tx, self.rx = Counter(), Counter()
        self.tx_bytes = self.rx_bytes = 0
        self.wire_in = []  # fates of the frames from the wire, in their order
        self.scapy = 0  # packets that scapy decrypted

    def check(self, sent):
        """All that completed, and all that left on the wire (`sent`), since the last time."""
        lanes = [self._transmitted(pair) for pair in self.pairs]
        check_order(sent, [lane["wire"] for lane in lanes])
        for pair, lane in zip(self.pairs, lanes, strict=True):
            got = [{k: e[k] for k in ("tag", "flags", "sa", "status", "data")} for e in pair.received]
            turned = [e for e in got if e["flags"] & CPL_LOOKASIDE]
            decrypted = {e["tag"] for e in lane["in"]}
            assert [e for e in turned if e["tag"] in decrypted] == lane["in"], f"pair {pair.number}"
            assert [e for e in turned if e["tag"] not in decrypted] == lane["out"], f"pair {pair.number}"
            self._arrived(pair.number, [e for e in got if not e["flags"] & CPL_LOOKASIDE])
            pair.received.clear()
            pair.sent.clear()
        self.wire_in.clear()

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
                f"pair {pair.number}, descriptor {entry['index']} (op {fate.op}): {status}, not one of {fate.may}"
            )
            self.tx[status] += 1
            self.tx_bytes += entry["len"]
            if fate.op == ENCRYPT and (status == OK or fate.consumes):
                fate.sa.count(fate.data)
                fate.sa.lost += fate.consumes
            if status != OK:
                assert entry["len"] == 0
                if OK in fate.may:
                    gone.add(id(fate.sa))
                continue
            if fate.op == ENCRYPT:
                assert id(fate.sa) not in gone, "an SA was gone, and is back"
                seq = entry["seq"]
                assert seq > last.get(id(fate.sa), 0), "an SA's numbers do not rise along the queue"
                last[id(fate.sa)] = seq
                fate.sa.used.append(seq)
                fate.result = fate.sa.encapsulate(fate.data, seq)
                self._scapy(fate)
            else:
                assert entry["seq"] == fate.seq
            assert entry["len"] == len(fate.result)
            if not fate.lookaside:
                lane["wire"].append(padded(fate.result))
            else:
                lane["in" if fate.op == DECRYPT else "out"].append(received(fate, entry["index"]))
        return lane

    def _scapy(self, fate):
        if fate.data[23] != OPAQUE or (fate.sa.tunnel and fate.sa.dst != bytes([198, 51, 100, 2])):
            return
        length = int.from_bytes(fate.data[16:18], "big")
        assert fate.sa.scapy_decrypts(fate.result) == fate.data[14 : 14 + length], (
            "scapy reads something else"
        )
        self.scapy += 1

    def _arrived(self, number, got):
        """Frames from the wire that one pair received: each that must come, in order, and none else."""
        got, left = list(got), 0
        for fate in self.wire_in:
            if OK not in fate.may or fate.pair != number:
                continue
            if left < len(got) and got[left] == received(fate):
                left += 1
                self.rx[OK] += 1
                self.rx_bytes += len(fate.result)
                fate.may = (OK,)
            else:
                fate.may = tuple(status for status in fate.may if status != OK)
                assert fate.may, (
                    f"pair {number} did not receive a frame of {len(fate.result)} bytes as {received(fate)}"
                )
        assert left == len(got), f"pair {number} received what nobody sent: {got[left]}"
        for fate in self.wire_in:
            if OK not in fate.may and fate.pair == number:
                self.rx[fate.may] += 1

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


def check_sa(sa, info):
    """An SA's own counters (answer to SA_QUERY)."""
    got = {k: info[k] for k in ("handle", "seq", "packets", "bytes", "replayed", "icv_failed")}
    if isinstance(sa, OutSa):
        count = len(sa.used) + sa.lost
        used = set(sa.used)
        assert len(used) == len(sa.used) and used <= set(range(sa.first, sa.first + count)), (
            "a number came twice"
        )
        want = dict(seq=sa.first - 1 + count, packets=count, bytes=sa.bytes, replayed=0, icv_failed=0)
    else:
        want = {k: getattr(sa, k) for k in ("seq", "packets", "bytes", "replayed", "icv_failed")}
    assert got == {"handle": sa.handle} | want
