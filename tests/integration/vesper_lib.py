# SPDX-License-Identifier: BSD-2-Clause
"""libvesper through ctypes: frames in, (status, bytes, SA, number) out, on a card or in software."""

import ctypes
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build" / "lib" / "libvesper.so.1"
ROOM = 9618 + 64
OUT, IN = 1, 2
TUNNEL, TRANSPORT = 1, 2
GCM, GMAC = 1, 2
PLAIN, ENCRYPT, DECRYPT, POLICY, INPLACE, DUMMY = range(6)
PROTECT, BYPASS, DISCARD = 1, 2, 3
(
    DF,
    DF_COPY,
    DSCP_COPY,
    DSCP_MAP,
    ECN_OFF,
    FLOW_COPY,
    ESN,
    UDP,
    IIV,
    INPLACE_SA,
    SELECTOR,
) = (1 << n for n in range(11))
# Index of SaInfo.drops.
DROPS = (
    "replay icv padding next_header inner dummy selector ecn lifetime encap esp_length too_big fragment "
    "seq_exhausted lease kind"
).split()
EV_SOFT_PACKETS, EV_SOFT_BYTES, EV_EXPIRED, EV_LEASE_LOW = range(64, 68)
EV_CARD_LOST, EV_CARD_BACK, EV_SA_SOFTWARE = range(128, 131)


class Selector(ctypes.LittleEndianStructure):
    _fields_ = [
        ("src", ctypes.c_uint8 * 16),
        ("dst", ctypes.c_uint8 * 16),
        ("src_len", ctypes.c_uint8),
        ("dst_len", ctypes.c_uint8),
        ("family", ctypes.c_uint8),
        ("proto", ctypes.c_uint8),
        ("sport_min", ctypes.c_uint16),
        ("sport_max", ctypes.c_uint16),
        ("dport_min", ctypes.c_uint16),
        ("dport_max", ctypes.c_uint16),
        ("reserved", ctypes.c_uint32),
    ]


class Sa(ctypes.LittleEndianStructure):
    _fields_ = [
        ("dir", ctypes.c_uint8),
        ("mode", ctypes.c_uint8),
        ("family", ctypes.c_uint8),
        ("alg", ctypes.c_uint8),
        ("key_len", ctypes.c_uint8),
        ("icv_len", ctypes.c_uint8),
        ("ttl", ctypes.c_uint8),
        ("tos", ctypes.c_uint8),
        ("flags", ctypes.c_uint32),
        ("replay_window", ctypes.c_uint32),
        ("spi", ctypes.c_uint8 * 4),
        ("salt", ctypes.c_uint8 * 4),
        ("src", ctypes.c_uint8 * 16),
        ("dst", ctypes.c_uint8 * 16),
        ("key", ctypes.c_uint8 * 32),
        ("seq", ctypes.c_uint64),
        ("queue", ctypes.c_uint16),
        ("tfc", ctypes.c_uint16),
        ("mtu", ctypes.c_uint16),
        ("reserved0", ctypes.c_uint16),
        ("sport", ctypes.c_uint8 * 2),
        ("dport", ctypes.c_uint8 * 2),
        ("flow_label", ctypes.c_uint32),
        ("soft_packets", ctypes.c_uint64),
        ("soft_bytes", ctypes.c_uint64),
        ("hard_packets", ctypes.c_uint64),
        ("hard_bytes", ctypes.c_uint64),
        ("lease_end", ctypes.c_uint64),
        ("lease_warn", ctypes.c_uint32),
        ("reserved1", ctypes.c_uint32),
        ("sel", Selector),
        ("reserved2", ctypes.c_uint8 * 48),
    ]


class SaInfo(ctypes.LittleEndianStructure):
    _fields_ = [
        ("handle", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("seq", ctypes.c_uint64),
        ("packets", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("lease_end", ctypes.c_uint64),
        ("drop_counts", ctypes.c_uint64 * 16),
        ("sa", Sa),
    ]

    @property
    def drops(self):
        """{reason: packets}, of those that happened."""
        return {name: n for name, n in zip(DROPS, self.drop_counts, strict=True) if n}


class Policy(ctypes.LittleEndianStructure):
    _fields_ = [
        ("src", ctypes.c_uint8 * 16),
        ("dst", ctypes.c_uint8 * 16),
        ("src_len", ctypes.c_uint8),
        ("dst_len", ctypes.c_uint8),
        ("family", ctypes.c_uint8),
        ("proto", ctypes.c_uint8),
        ("sport", ctypes.c_uint8 * 2),
        ("dport", ctypes.c_uint8 * 2),
        ("sport_mask", ctypes.c_uint8 * 2),
        ("dport_mask", ctypes.c_uint8 * 2),
        ("action", ctypes.c_uint8),
        ("reserved0", ctypes.c_uint8 * 3),
        ("priority", ctypes.c_uint32),
        ("sa", ctypes.c_uint32),
        ("reserved1", ctypes.c_uint64),
    ]


class Event(ctypes.LittleEndianStructure):
    _fields_ = [
        ("src", ctypes.c_uint8 * 16),
        ("dst", ctypes.c_uint8 * 16),
        ("time", ctypes.c_uint64),
        ("seq", ctypes.c_uint64),
        ("spi", ctypes.c_uint8 * 4),
        ("sa", ctypes.c_uint32),
        ("flow_label", ctypes.c_uint32),
        ("suppressed", ctypes.c_uint16),
        ("code", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
    ]


class FailoverStats(ctypes.Structure):
    _fields_ = [
        *((n, ctypes.c_uint64) for n in ("card_lost", "reattached", "sa_software", "sa_refused")),
        *((n, ctypes.c_uint64) for n in ("moved", "redone", "lost", "twice")),
        ("reason", ctypes.c_char * 160),
    ]


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("card", ctypes.c_char_p),
        ("queue", ctypes.c_uint),
        ("ring", ctypes.c_uint),
        ("mtu", ctypes.c_uint),
        ("timeout_ms", ctypes.c_uint),
        ("fallback", ctypes.c_uint),
        ("policy_bypass", ctypes.c_uint),
        ("lease", ctypes.c_uint),
    ]


class Frame(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.POINTER(ctypes.c_uint8)),
        ("len", ctypes.c_uint32),
        ("room", ctypes.c_uint32),
        ("sa", ctypes.c_uint32),
        ("status", ctypes.c_uint8),
        ("esp", ctypes.c_bool),
        ("seq", ctypes.c_uint64),
        ("op", ctypes.c_uint8),
        ("inplace", ctypes.c_bool),
        ("fits", ctypes.c_uint16),
        ("seq_hi", ctypes.c_uint32),
    ]


class Result(NamedTuple):
    status: str
    data: bytes
    seq: int
    esp: bool
    sa: int
    inplace: bool
    fits: int


class Vesper:
    """An open handle; `with` closes it."""

    def __init__(self, socket=None, mtu=0, ring=0, timeout_ms=60000, **more):
        self.lib = ctypes.CDLL(str(LIBRARY))
        self.lib.vesper_strerror.restype = ctypes.c_char_p
        self.lib.vesper_status_name.restype = ctypes.c_char_p
        self.lib.vesper_on_card.restype = ctypes.c_bool
        self.handle = ctypes.c_void_p()
        options = Options(size=ctypes.sizeof(Options), ring=ring, mtu=mtu, timeout_ms=timeout_ms, **more)
        options.card = str(socket).encode() if socket else None
        text = ctypes.create_string_buffer(256)
        status = self.lib.vesper_open(ctypes.byref(options), ctypes.byref(self.handle), text, 256)
        assert status == 0, text.value.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lib.vesper_close(self.handle)
        self.handle = ctypes.c_void_p()

    def error(self):
        return self.lib.vesper_strerror(self.handle).decode()

    def check(self, status):
        assert status >= 0, self.error()
        return status

    def status_name(self, code):
        name = self.lib.vesper_status_name(code)
        return name.decode() if name else code

    def sa_add(self, sa):
        handle = ctypes.c_uint32()
        self.check(self.lib.vesper_sa_add(self.handle, ctypes.byref(sa), ctypes.byref(handle)))
        return handle.value

    def sa_del(self, handle):
        self.check(self.lib.vesper_sa_del(self.handle, ctypes.c_uint32(handle)))

    def sa_lease(self, handle, end):
        self.check(self.lib.vesper_sa_lease(self.handle, ctypes.c_uint32(handle), ctypes.c_uint64(end)))

    def sa_query(self, handle):
        info = SaInfo()
        self.check(self.lib.vesper_sa_query(self.handle, ctypes.c_uint32(handle), ctypes.byref(info)))
        return info

    def policy_add(self, policy):
        handle = ctypes.c_uint32()
        self.check(self.lib.vesper_policy_add(self.handle, ctypes.byref(policy), ctypes.byref(handle)))
        return handle.value

    def policy_del(self, handle):
        self.check(self.lib.vesper_policy_del(self.handle, ctypes.c_uint32(handle)))

    def dscp_map(self, values):
        self.check(self.lib.vesper_dscp_map(self.handle, (ctypes.c_uint8 * 64)(*values)))

    def events(self, timeout_ms=0):
        """All that are there."""
        room = (Event * 256)()
        found = []
        while n := self.check(self.lib.vesper_events(self.handle, room, ctypes.c_size_t(256), timeout_ms)):
            found += [Event.from_buffer_copy(e) for e in room[:n]]
            timeout_ms = 0
        return found

    def reattach(self):
        return self.lib.vesper_reattach(self.handle)

    def failover_stats(self):
        stats = FailoverStats()
        self.check(self.lib.vesper_failover_stats(self.handle, ctypes.byref(stats)))
        return stats

    def on_card(self):
        return self.lib.vesper_on_card(self.handle)

    def process(self, call, frames, handles, ops=None, seq_his=None):
        """[Result]; `call` is "encrypt", "decrypt" or "send"."""
        ops, seq_his = ops or [0] * len(frames), seq_his or [0] * len(frames)
        array = (Frame * len(frames))()
        memory = [(ctypes.c_uint8 * ROOM)() for _ in frames]
        for slot, room, data, *rest in zip(array, memory, frames, handles, ops, seq_his, strict=True):
            ctypes.memmove(room, data, min(len(data), ROOM))
            slot.data = ctypes.cast(room, ctypes.POINTER(ctypes.c_uint8))
            slot.len, slot.room, slot.status = len(data), ROOM, 255
            slot.sa, slot.op, slot.seq_hi = rest
        function = getattr(self.lib, f"vesper_{call}")
        self.check(function(self.handle, array, ctypes.c_size_t(len(frames))))
        return [self._result(slot, room) for slot, room in zip(array, memory, strict=True)]

    def _result(self, slot, room):
        data = ctypes.string_at(room, slot.len)
        return Result(
            self.status_name(slot.status), data, slot.seq, slot.esp, slot.sa, slot.inplace, slot.fits
        )

    def encrypt(self, frames, handles):
        """[(name of status, frame, number, esp)], as decrypt()."""
        return [r[:4] for r in self.process("encrypt", frames, handles)]

    def decrypt(self, frames):
        return [r[:4] for r in self.process("decrypt", frames, [0] * len(frames))]

    def encrypt_one(self, frame, handle, op=0, seq_hi=0):
        return self.process("encrypt", [frame], [handle], [op], [seq_hi])[0]

    def decrypt_one(self, frame):
        return self.process("decrypt", [frame], [0])[0]


def put(field, value):
    """A byte string into an array field, from its first byte on."""
    field[: len(value)] = value


def make_sa(
    direction,
    mode,
    key,
    icv,
    spi,
    *,
    window=0,
    seq=0,
    tos=0,
    flags=0,
    src="192.0.2.1",
    dst="192.0.2.2",
    alg=GCM,
    sport=0,
    dport=0,
    **more,
):
    """`key` with its four bytes of salt behind it; other fields of struct vesper_sa by name."""
    src, dst = ip_address(src), ip_address(dst)
    sa = Sa(dir=direction, mode=mode, family=dst.version, alg=alg, key_len=len(key) - 4, icv_len=icv, ttl=64)
    sa.tos, sa.flags, sa.replay_window, sa.seq = tos, flags, window, seq
    put(sa.spi, spi.to_bytes(4))
    put(sa.salt, key[-4:])
    put(sa.key, key[:-4])
    put(sa.src, src.packed)
    put(sa.dst, dst.packed)
    if flags & UDP:
        put(sa.sport, sport.to_bytes(2))
        put(sa.dport, dport.to_bytes(2))
    for name, value in more.items():
        setattr(sa, name, value)
    return sa


def make_selector(src=None, dst=None, proto=0, sports=(0, 65535), dports=(0, 65535)):
    """Prefixes as text, of one family; None: any of either."""
    selector = Selector(proto=proto)
    for name, prefix in (("src", src), ("dst", dst)):
        if prefix:
            net = ip_network(prefix)
            selector.family = net.version
            put(getattr(selector, name), net.network_address.packed)
            setattr(selector, f"{name}_len", net.prefixlen)
    selector.sport_min, selector.sport_max = sports
    selector.dport_min, selector.dport_max = dports
    return selector
