# SPDX-License-Identifier: BSD-2-Clause
"""SAs of the whole card: the pipes' models and the table's in one, with their mailbox messages and counters."""

import random
from dataclasses import dataclass, field

import esp_in_model
import esp_model
import policy_model
import sa_model
from esp_in_frames import random_selector
from esp_packet import SAF, be
from frames import to_bytes
from mgmt import abi

PORTS = (4500, 40000)  # of inbound SAs in UDP
V6 = bytes.fromhex("20010db8")


@dataclass
class OutSa(esp_model.Sa):
    """An outbound SA of the card; `seq` is the number that goes out next."""

    handle: int = 0
    used: list = field(default_factory=list)  # numbers seen in completions

    def __post_init__(self):
        super().__post_init__()
        self.first = self.seq

    def message(self, **changes):
        """struct vesper_sa."""
        header = self.tunnel and not self.has("INPLACE")
        values = dict(
            dir=1, mode=1 if self.tunnel else 2, family=6 if self.ipv6 else 4, alg=2 if self.gmac else 1,
            key_len=len(self.key), icv_len=self.icv, ttl=self.ttl, tos=self.tos, flags=self.flags, spi=self.spi,
            salt=self.salt, src=self.src, dst=self.dst, key=self.key, seq=self.seq - 1, tfc=self.tfc, mtu=self.mtu,
            flow_label=self.flow_label if header and self.ipv6 else 0, hard_packets=self.hard_packets,
            hard_bytes=self.hard_bytes, lease_end=self.lease_end,
        )  # fmt: skip
        if self.has("UDP"):
            values.update(sport=self.sport, dport=self.dport)
        return abi.sa(**(values | changes))

    def check(self, info):
        """SA_QUERY's answer against the packets that went through it."""
        count, used = info["packets"], set(self.used)
        assert len(used) == len(self.used) == count, (
            f"{len(self.used)} numbers, {count} packets, {len(used)} different"
        )
        if not self.has("INPLACE"):
            assert used == set(range(self.first, self.first + count)), "a number was left out"
        assert (info["handle"], info["state_seq"]) == (self.handle, self.first + count - 1)
        assert (count, info["bytes"]) == (self.packets, self.bytes)
        assert list(info["drops"]) == [self.drops.get(i, 0) for i in range(16)]


@dataclass
class InSa(esp_in_model.Sa):
    """An inbound SA of the card; `table` is what the SA table remembers of it."""

    window: int = 1024
    seq: int = 0

    def __post_init__(self):
        self.top = self.seq
        self.table = sa_model.Sa(
            sa_model.IN, self.dst, self.spi, window=self.window, seq=self.seq, flags=self.flags
        )  # fmt: skip

    def message(self, **changes):
        """struct vesper_sa."""
        values = dict(
            dir=2, mode=1 if self.tunnel else 2, family=6 if self.ipv6 else 4, alg=2 if self.gmac else 1,
            key_len=len(self.key), icv_len=self.icv, ttl=0, flags=self.flags, replay_window=self.window, spi=self.spi,
            salt=self.salt, src=b"", dst=self.dst, key=self.key, seq=self.seq, queue=self.queue,
        )  # fmt: skip
        if self.has("UDP"):
            values.update(dport=be(self.dport, 2))
        if self.has("SELECTOR"):
            sel = self.sel
            values.update(
                sel_src=sel.src, sel_dst=sel.dst, sel_src_len=sel.src_len, sel_dst_len=sel.dst_len,
                sel_family=sel.family, sel_proto=sel.proto, sel_sport_min=sel.sport[0], sel_sport_max=sel.sport[1],
                sel_dport_min=sel.dport[0], sel_dport_max=sel.dport[1],
            )  # fmt: skip
        return abi.sa(**(values | changes))

    def check(self, info):
        table = self.table
        assert (info["handle"], info["state_seq"]) == (self.handle, table.seq)
        assert (info["packets"], info["bytes"]) == (table.packets, table.bytes)
        assert list(info["drops"]) == table.drops


def flags(*names):
    return sum(SAF[n] for n in names)


def address(ipv6):
    return V6 + random.randbytes(12) if ipv6 else bytes([198, 51]) + random.randbytes(2)


def _usual(gmac=None, icv=None, key=None):
    gmac = random.random() < 0.25 if gmac is None else gmac
    return gmac, 16 if gmac else icv or random.choice((8, 12, 16)), key or random.choice((16, 24, 32))


def out_sa(inplace=False, **fixed):
    """An outbound SA of any kind that the card takes."""
    gmac, icv, key = _usual()
    tunnel = fixed.pop("tunnel", random.random() < 0.6)
    ipv6 = fixed.pop("ipv6", random.random() < 0.5)
    names = [n for n in ("ESN", "UDP") if random.random() < 0.4]
    if not gmac and not inplace and random.random() < 0.25:
        names.append("IIV")
    more = dict(ttl=random.randrange(1, 256), sport=b"\x11\x94", dport=b"\x11\x94")
    if inplace:
        names.append("INPLACE")
    elif tunnel:
        names += [n for n in ("ECN_OFF",) if random.random() < 0.3]
        names += random.choice(([], ["DSCP_COPY"], ["DSCP_MAP"]))
        names += random.choice(([], ["FLOW_COPY"]) if ipv6 else ([], ["DF"], ["DF_COPY"]))
        more |= dict(tos=random.randrange(64) << 2, flow_label=random.randrange(1 << 20) if ipv6 else 0)
        more |= dict(tfc=random.choice((0, 0, random.randrange(1500))))
    seq = (
        random.choice((1, random.randrange(1, 1 << 31), (1 << 32) - 20))
        if "ESN" in names
        else random.randrange(1, 1 << 31)
    )
    more |= dict(src=address(ipv6), dst=address(ipv6))
    return OutSa(key, icv, tunnel, seq, gmac=gmac, ipv6=ipv6, flags=flags(*names), **(more | fixed))


def in_sa(queue, **fixed):
    """An inbound SA of any kind that the card takes; selectors only where `selector` is set."""
    gmac, icv, key = _usual()
    selector = fixed.pop("selector", False)
    ipv6 = fixed.pop("ipv6", random.random() < 0.5)
    names = [n for n in ("ESN", "UDP") if random.random() < 0.4]
    inplace = fixed.pop("inplace", random.random() < 0.15)
    tunnel = fixed.get("tunnel", random.random() < 0.6)
    if inplace:
        names.append("INPLACE")
    elif not gmac and random.random() < 0.25:
        names.append("IIV")
    if tunnel and not inplace:
        names += [n for n in ("ECN_OFF", "DSCP_COPY") if random.random() < 0.3]
    if selector:
        names.append("SELECTOR")
    seq = (
        random.choice((0, random.randrange(1 << 32), (1 << 32) - 5))
        if "ESN" in names
        else random.choice((0, 1000))
    )
    values = dict(
        dst=address(ipv6), spi=be(random.randrange(256, 1 << 32), 4), key=random.randbytes(key), salt=random.randbytes(4),
        tunnel=tunnel, gmac=gmac, icv=icv, flags=flags(*names), queue=queue, dport=random.choice(PORTS), seq=seq,
        window=0 if inplace else random.choice((0, 64, 1024, 4096)),
    )  # fmt: skip
    sa = InSa(**(values | fixed))
    if selector:
        sa.sel = random_selector(random)
    return sa


@dataclass
class OutPolicy(policy_model.Policy):
    """An outbound policy of the card."""

    def matches_request(self, asked):
        """asked: policy_req_t's fields."""
        size = 16 if asked["ipv6"] else 4
        packet = policy_model.Packet(
            to_bytes(asked["src"], size), to_bytes(asked["dst"], size), asked["proto"], bool(asked["ports"]),
            policy_model.swap(asked["sport"]), policy_model.swap(asked["dport"]),
        )  # fmt: skip
        return self.matches(packet)


def policy(action, priority, sa=0, dst=None, dst_len=0, proto=0, dport=None, ipv6=False):
    """A policy on destination, protocol and perhaps destination port."""
    mask = policy_model.Mask(ipv6, 0, dst_len, proto != 0, 0, 0xFFFF if dport is not None else 0)
    prefix = policy_model.prefix(dst or bytes(16 if ipv6 else 4), dst_len)
    return OutPolicy(mask, bytes(16), prefix, proto, 0, dport or 0, priority, action, sa)
