# SPDX-License-Identifier: BSD-2-Clause
"""Outbound ESP by docs/esp.md: what an SA makes of a packet, and stand-ins for the blocks around the pipe.

Sa.answer() is the SA table's half of the rules: every refusal that depends on the SA, and what it counts.
Sa.build() is the pipe's: the frame that leaves. Outbound puts both behind the rules that need no SA.
"""

import random
from collections import deque
from copy import copy, deepcopy
from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from esp_packet import (
    ENCRYPT,
    ESP,
    ETH,
    IP6,
    IPIP,
    NONE,
    OP,
    OPAQUE,
    PLAIN,
    SAD,
    SAF,
    ST,
    UDP,
    be,
    ethernet,
    ip_sum,
    l2_bytes,
    number,
    packet,
    parse,
    with_checksum,
)
from frames import EVENT_T, Sink, Source, Struct, check_framing, to_bytes, to_int
from scapy.layers import ipsec
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6

# Also for the benches of the card.
__all__ = ["ENCRYPT", "ETH", "OPAQUE", "PLAIN", "ST", "Sa", "ethernet", "packet", "with_checksum"]

SA_COMMON_T = Struct(
    key=256, key_len=2, h=128, salt=32, spi=32, flags=32, gmac=1, tunnel=1, ipv6=1, icv_bytes=5, sport=16, dport=16
)  # fmt: skip
SA_OUT_CTX_T = Struct(
    c=SA_COMMON_T.width, src=128, dst=128, ttl=8, tos=8, flow_label=20, hdr_sum=16, tfc=14, mtu=16
)
SA_OUT_REQ_T = Struct(
    handle=32, inplace=1, numbered=1, ipv6=1, fragment=1, esp=1, udp=1, spi=32, total=16, hdr_bytes=8, mtu=16
)
SA_OUT_RSP_T = Struct(status=8, fits=16, seq=64, padded=14, ctx=SA_OUT_CTX_T.width)
POLICY_REQ_T = Struct(ipv6=1, src=128, dst=128, proto=8, ports=1, sport=16, dport=16)
POLICY_RSP_T = Struct(hit=1, action=2, sa=32)
GCM_JOB_T = Struct(key=256, key_len=2, h=128, j0=128, aad=160, aad_bytes=5, decrypt=1, auth_only=1)

INBOUND = 1 << 16  # in a handle
PROTECT, BYPASS, DISCARD = 1, 2, 3
EVENTS = ("FRAGMENT", "SEQ_EXHAUSTED", "LEASE", "LIFETIME")  # outbound drops that the host hears of
DROPS = {
    "SA_KIND": "KIND",
    "SPI": "KIND",
    "NOT_ESP": "KIND",
}  # index of the SA's drop counter, if named otherwise


class ShortTagGcm:
    """The part of AESGCM's interface that scapy uses, for tags under 16 bytes, which AESGCM refuses."""

    def __init__(self, icv, key):
        self.icv, self.key = icv, key

    def decrypt(self, nonce, data, aad):
        mode = modes.GCM(nonce, data[-self.icv :], min_tag_length=self.icv)
        crypt = Cipher(algorithms.AES(self.key), mode).decryptor()
        crypt.authenticate_additional_data(aad)
        return crypt.update(data[: -self.icv]) + crypt.finalize()


@dataclass
class Sa:
    """An outbound SA; seq is the number that goes out next. Byte strings are as on the wire."""

    key_bytes: int = 16
    icv: int = 16
    tunnel: bool = True
    seq: int = 1
    status: int = 0  # what the table answers whatever is asked
    ttl: int = 64
    key: bytes = b""
    salt: bytes = field(default_factory=lambda: random.randbytes(4))
    spi: bytes = field(default_factory=lambda: be(random.randint(256, 0xFFFFFFFF), 4))
    src: bytes = bytes([192, 0, 2, 1])
    dst: bytes = bytes([198, 51, 100, 2])
    ipv6: bool = False
    flags: int = 0
    gmac: bool = False
    tos: int = 0
    flow_label: int = 0
    tfc: int = 0
    mtu: int = 0
    sport: bytes = b"\x11\x94"  # with UDP
    dport: bytes = b"\x11\x94"
    hard_packets: int = 0
    hard_bytes: int = 0
    lease_end: int = 0
    packets: int = 0
    bytes: int = 0
    drops: dict = field(default_factory=dict)  # by index

    def __post_init__(self):
        self.key = self.key or random.randbytes(self.key_bytes)
        crypt = Cipher(algorithms.AES(self.key), modes.ECB()).encryptor()
        self.h = crypt.update(bytes(16))

    def has(self, *names):
        return any(self.flags & SAF[n] for n in names)

    def context(self):
        """sa_out_ctx_t."""
        common = SA_COMMON_T.pack(
            key=to_int(self.key), key_len=len(self.key) // 8 - 2, h=to_int(self.h), salt=to_int(self.salt),
            spi=to_int(self.spi), flags=self.flags, gmac=int(self.gmac), tunnel=int(self.tunnel),
            ipv6=int(self.ipv6), icv_bytes=self.icv, sport=to_int(self.sport), dport=to_int(self.dport),
        )  # fmt: skip
        total = 0 if self.ipv6 or not self.tunnel else ip_sum(self.src + self.dst)
        return SA_OUT_CTX_T.pack(
            c=common, src=to_int(self.src), dst=to_int(self.dst), ttl=self.ttl, tos=self.tos,
            flow_label=self.flow_label, hdr_sum=total, tfc=self.tfc, mtu=self.mtu,
        )  # fmt: skip

    # ---- the table's half

    @property
    def iv_bytes(self):
        return 0 if self.has("IIV") else 8

    @property
    def udp_bytes(self):
        return 8 if self.has("UDP") else 0

    def most(self, request):
        """The longest plaintext that the port and the SA let through; below zero if there is none."""
        limit = min(request["mtu"], self.mtu or 65535)
        header = request["hdr_bytes"]
        if self.tunnel:
            header = 40 if self.ipv6 else 20
        room = limit - header - self.udp_bytes - 8 - self.iv_bytes - self.icv
        return (room & ~3) - 2

    def refusal(self, r):
        """(status, fits, plaintext bytes, with TFC padding) of sa_out_req_t's fields; the rules' order."""
        limit = min(r["mtu"], self.mtu or 65535)
        inplace = bool(r["inplace"])  # else ESP is built
        rest = r["total"] - r["hdr_bytes"]  # behind the header
        if self.has("INPLACE") != (inplace or bool(r["numbered"])) or (
            not self.tunnel and self.ipv6 != r["ipv6"]
        ):
            return "SA_KIND", 0, 0, 0
        if r["fragment"] and (inplace or not self.tunnel):
            return "FRAGMENT", 0, 0, 0
        if inplace:
            if not r["esp"] or r["udp"] != self.has("UDP"):
                return "NOT_ESP", 0, 0, 0
            if r["spi"] != to_int(self.spi):
                return "SPI", 0, 0, 0
            plain = rest - self.udp_bytes - 8 - self.iv_bytes - self.icv
            if plain < 4 or plain % 4:
                return "ESP_LENGTH", 0, 0, 0
            return ("OK" if r["total"] <= limit else "TOO_BIG"), limit, plain, plain
        plain, most = r["total"] if self.tunnel else rest, self.most(r)
        if plain > most:
            return "TOO_BIG", max(most + (0 if self.tunnel else r["hdr_bytes"]), 0) if most > 0 else 0, 0, 0
        return "OK", 0, plain, max(plain, min(self.tfc, most))

    def answer(self, request):
        """sa_out_rsp_t's fields for sa_out_req_t's; an answer with OK takes a number."""
        status, fits, plain, padded = self.refusal(request)
        if status == "OK":
            last = 0xFFFFFFFF_FFFFFFFF if self.has("ESN") else 0xFFFFFFFF
            if (self.hard_packets and self.packets + 1 > self.hard_packets) or (
                self.hard_bytes and self.bytes + plain > self.hard_bytes
            ):
                status = "LIFETIME"
            elif self.seq > last:
                status = "SEQ_EXHAUSTED"
            elif self.lease_end and self.seq > self.lease_end:
                status = "LEASE"
        answer = dict(status=self.status or ST[status], seq=0, fits=0, padded=0, ctx=self.context())
        if answer["status"] != ST["OK"]:
            index = SAD[DROPS.get(status, status)] if not self.status else -1
            self.drops[index] = self.drops.get(index, 0) + 1
            answer["fits"] = fits if status == "TOO_BIG" else 0
            return answer
        answer.update(seq=self.seq, padded=padded)
        self.seq, self.packets, self.bytes = self.seq + 1, self.packets + 1, self.bytes + plain
        return answer

    # ---- the pipe's half

    def seal(self, seq, iv, plain, text):
        """[IV], ciphertext and ICV behind the 64-bit number `seq`; `text` is the plaintext with its trailer."""
        esn = be(seq, 8) if self.has("ESN") else be(seq & 0xFFFFFFFF, 4)
        aad, nonce, iv_sent = self.spi + esn, self.salt + iv, b"" if self.has("IIV") else iv
        if self.gmac:
            return iv_sent + text + AESGCM(self.key).encrypt(nonce, b"", aad + iv + text)[: self.icv]
        sealed = AESGCM(self.key).encrypt(nonce, text, aad)
        return iv_sent + sealed[: len(text) + self.icv]

    def outer(self, info, payload, seq, dscp_map):
        """Outer header of a tunnel before `payload` bytes."""
        dscp = self.tos >> 2
        if self.has("DSCP_COPY"):
            dscp = info.tos >> 2
        elif self.has("DSCP_MAP"):
            dscp = dscp_map[info.tos >> 2]
        tos = dscp << 2 | (0 if self.has("ECN_OFF") else info.tos & 3)
        proto = UDP if self.has("UDP") else ESP
        if self.ipv6:
            flow = info.flow if self.has("FLOW_COPY") and info.ipv6 else self.flow_label
            return (
                be(6 << 28 | tos << 20 | flow, 4)
                + be(payload, 2)
                + bytes([proto, self.ttl])
                + self.src
                + self.dst
            )
        df = self.has("DF") or (self.has("DF_COPY") and (info.ipv6 or info.df))
        header = bytes([0x45, tos]) + be(20 + payload, 2) + be(seq & 0xFFFF, 2) + be(0x4000 * df, 2)
        return with_checksum(header + bytes([self.ttl, proto, 0, 0]) + self.src + self.dst)

    def sent(self, frame, info, op, seq, number_hi=0, given=None):
        """The packet's number; seq is the table's. In place it is the frame's, with NUMBERED the one that is given."""
        whole = seq
        if op == OP["INPLACE"]:
            at = info.esp_at + self.udp_bytes
            whole = number(frame[at + 4 : at + 8]) | number_hi << 32
        if op == OP["NUMBERED"]:
            whole = given
        return whole if self.has("ESN") else whole & 0xFFFFFFFF

    def build(self, frame, info, op, seq, padded, dscp_map=tuple(range(64)), **host):
        """The frame that leaves for `frame`; seq and padded are the table's, `host` is what sent() wants."""
        sent = self.sent(frame, info, op, seq, **host)
        end = info.l2 + info.total
        if op == OP["INPLACE"]:
            at = info.esp_at + self.udp_bytes
            text = frame[at + 8 + self.iv_bytes : end - self.icv]
            return frame[: at + 8] + self.seal(sent, be(seq, 8), text, text)
        start = info.l2 if self.tunnel else info.esp_at
        following = (IP6 if info.ipv6 else IPIP) if self.tunnel else info.proto
        if op == OP["DUMMY"]:
            following = NONE
        plain = frame[start:end].ljust(padded, b"\0")
        pad = -(len(plain) + 2) % 4
        text = plain + bytes(range(1, pad + 1)) + bytes([pad, following])
        esp = self.spi + be(sent & 0xFFFFFFFF, 4) + self.seal(sent, be(seq, 8), plain, text)
        if self.has("UDP"):
            esp = self.sport + self.dport + be(8 + len(esp), 2) + b"\0\0" + esp
        if self.tunnel:
            kind = b"\x86\xdd" if self.ipv6 else b"\x08\x00"
            return frame[: info.l2 - 2] + kind + self.outer(info, len(esp), sent, dscp_map) + esp
        head = bytearray(frame[: info.esp_at])
        head[info.proto_at] = UDP if self.has("UDP") else ESP
        if info.ipv6:
            head[info.l2 + 4 : info.l2 + 6] = be(info.hdr - 40 + len(esp), 2)
            return bytes(head) + esp
        head[info.l2 + 2 : info.l2 + 4] = be(info.hdr + len(esp), 2)
        return bytes(head[: info.l2]) + with_checksum(bytes(head[info.l2 :])) + esp

    def encapsulate(self, frame, seq, op=ENCRYPT, mtu=65535, **more):
        """The frame that must leave for `frame` with number `seq`."""
        info = parse(frame)
        _, _, _, padded = self.refusal(request(info, frame, op, 0, mtu))
        return self.build(frame, info, op, seq, padded, **more)

    # ---- the other end, which is scapy

    def scapy_algorithm(self, seq):
        algorithm = copy(ipsec.CRYPT_ALGOS["AES-NULL-GMAC" if self.gmac else "AES-GCM"])
        algorithm.icv_size = self.icv
        if self.icv < 16:
            algorithm.cipher = partial(ShortTagGcm, self.icv)
        if self.has("IIV"):
            algorithm.iv_size = 0
            algorithm._format_mode_iv = lambda sa, iv, **_: sa.crypt_salt + be(seq, 8)
        return algorithm

    def scapy_decrypts(self, packet, seq):
        """The IP packet that scapy finds in the IP packet `packet`, and its next header."""
        header = IP(src="192.0.2.1", dst="198.51.100.2") if self.tunnel else None
        nat = ipsec.UDP(sport=4500, dport=4500) if self.has("UDP") else None
        sa = ipsec.SecurityAssociation(
            ipsec.ESP, spi=number(self.spi), crypt_algo="AES-GCM", crypt_key=self.key + self.salt,
            crypt_icv_size=self.icv, tunnel_header=header, nat_t_header=nat, esn_en=self.has("ESN"), esn=seq >> 32,
        )  # fmt: skip
        sa.crypt_algo = self.scapy_algorithm(seq)
        return bytes(sa.decrypt((IPv6 if packet[0] >> 4 == 6 else IP)(packet)))

    def scapy_opens(self, esp, seq):
        """What scapy finds in an ESP packet: plaintext with TFC padding, padding, next header."""
        sa = ipsec.SecurityAssociation(ipsec.ESP, spi=number(self.spi), crypt_key=self.key)
        sa.crypt_salt = self.salt
        parts = self.scapy_algorithm(seq).decrypt(
            sa, ipsec.ESP(esp), self.key, self.icv, esn_en=self.has("ESN"), esn=seq >> 32
        )
        return bytes(parts.data), bytes(parts.padding), parts.nh


def request(info, frame, op, handle, mtu):
    """sa_out_req_t's fields."""
    inplace = op == OP["INPLACE"]
    fields = dict(handle=handle, inplace=inplace, numbered=int(op == OP["NUMBERED"]), ipv6=info.ipv6)
    fields.update(fragment=info.fragment, esp=0, udp=0, spi=0, total=info.total, hdr_bytes=info.hdr, mtu=mtu)
    if inplace and info.proto in (ESP, UDP):
        at = info.esp_at + (8 if info.proto == UDP else 0)
        whole = at + 4 <= info.l2 + info.total
        fields.update(esp=1, udp=int(info.proto == UDP), spi=to_int(frame[at : at + 4]) if whole else 0)
    return fields


@dataclass
class Outbound:
    """The section "Outbound" whole: give() says what a frame becomes. The SAs are this object's own copies."""

    sas: dict
    mtu: int
    policies: object = None  # callable: policy_req_t's fields to (action, handle) or None
    bypass: bool = False
    dscp_map: tuple = tuple(range(64))

    def __post_init__(self):
        self.sas = deepcopy(self.sas)

    def give(self, frame, op, handle=0, **host):
        """(status, fields): of the frame (data, and meta_t's sa, seq, esp) or the drop (len, perhaps event).

        host: number_hi or given, of the numbers that are the host's, see Sa.sent().
        """
        if op == PLAIN:
            return self.plain(frame)
        if op not in (ENCRYPT, OP["POLICY"], OP["INPLACE"], OP["DUMMY"], OP["NUMBERED"]):
            return "BAD_OP", {}
        info = parse(frame)
        if info.status != "OK":
            return info.status, {}
        if op == OP["POLICY"]:
            answer = self.policies(policy_request(info))
            if answer is None and not self.bypass:
                return "NO_POLICY", {}
            if answer is None or answer[0] == BYPASS:
                return self.plain(frame)
            if answer[0] == DISCARD:
                return "DISCARD", {}
            handle = answer[1]
        asked = request(info, frame, op, handle, self.mtu - 14)
        found = lookup(self.sas, asked)
        status = next(n for n, v in ST.items() if v == found["status"])
        if status == "OK":
            sa, seq = self.sas[handle], found["seq"]
            data = sa.build(frame, info, op, seq, found["padded"], self.dscp_map, **host)
            return "OK", dict(data=data, sa=handle, seq=sa.sent(frame, info, op, seq, **host), esp=1)
        drop = dict(len=found["fits"])
        if status in EVENTS:
            drop["event"] = EVENT_T.pack(
                code=ST[status], ipv6=info.ipv6, src=to_int(info.src), dst=to_int(info.dst),
                spi=to_int(self.sas[handle].spi), sa=handle, flow_label=info.flow,
            )  # fmt: skip
        return status, drop

    def plain(self, frame):
        if len(frame) - (l2_bytes(frame) - 14) > self.mtu:
            return "TOO_BIG", dict(len=self.mtu - 14)
        return "OK", dict(data=frame, sa=0, seq=0, esp=0)


def policy_request(info):
    """policy_req_t's fields; protocol 0 where the upper layer was not found."""
    sport, dport = info.ports or (b"", b"")
    return dict(
        ipv6=info.ipv6, src=to_int(info.src), dst=to_int(info.dst), proto=info.proto if info.upper else 0,
        ports=int(info.ports is not None), sport=to_int(sport), dport=to_int(dport),
    )  # fmt: skip


def lookup(sas, request):
    """sa_out_rsp_t's fields for sa_out_req_t's."""
    handle = request["handle"]
    garbage = dict(seq=random.getrandbits(64), fits=0, padded=random.getrandbits(14))
    garbage["ctx"] = random.getrandbits(SA_OUT_CTX_T.width)
    if handle & INBOUND:
        return dict(garbage, status=ST["SA_DIRECTION"])
    if handle not in sas:
        return dict(garbage, status=ST["SA_STALE"])
    return sas[handle].answer(request)


class SaTable:
    """Answers sa_req; `asked` keeps the requests' fields."""

    def __init__(self, dut, sas, gap=lambda: False, stall=lambda: False):
        self.sas, self.asked = sas, []
        self.answers = Source(dut, "sa_rsp", gap)
        self.tasks = [Sink(dut, "sa_req", [""], self.request, stall), self.answers]

    def request(self, item, _cycle):
        self.asked.append(SA_OUT_REQ_T.unpack(item[""]))
        self.answers.send(SA_OUT_RSP_T.pack(**lookup(self.sas, self.asked[-1])))


class PolicyTable:
    """Answers policy_req by `policies`, see Outbound, `latency` cycles later; what counts not is random."""

    def __init__(self, dut, policies, gap=lambda: False, stall=lambda: False, latency=0):
        self.policies, self.asked, self.latency, self.gap, self.due = policies, [], latency, gap, deque()
        self.answers = Source(dut, "policy_rsp", self.early)
        self.requests = Sink(dut, "policy_req", [""], self.request, stall)
        self.tasks = [self.requests, self.answers]

    def early(self):
        if self.gap() or self.due[0] > self.requests.cycle:
            return True
        self.due.popleft()
        return False

    def request(self, item, cycle):
        self.asked.append(POLICY_REQ_T.unpack(item[""]))
        self.due.append(cycle + self.latency)
        answer = self.policies(self.asked[-1])
        action, handle = answer or (random.getrandbits(2), None)
        handle = random.getrandbits(32) if handle is None else handle
        self.answers.send(POLICY_RSP_T.pack(hit=int(answer is not None), action=action, sa=handle))


class Engine:
    """gcm_engine's ports, behind them the `cryptography` package."""

    def __init__(self, dut, gap=lambda: False, stall=lambda: False):
        self.data, self.job = b"", None
        self.results = Source(dut, "r", gap)
        self.tasks = [Sink(dut, "e", ["job", "data", "bytes", "last"], self.beat, stall), self.results]

    def beat(self, item, _cycle):
        if self.job is None:
            self.job = item["job"]
        assert self.job == item["job"], "the job changed within a packet"
        part, last = check_framing(item)
        self.data += part
        if not last:
            return
        job, data = GCM_JOB_T.unpack(self.job), self.data
        self.job, self.data = None, b""
        assert data and not job["decrypt"]
        key = to_bytes(job["key"], 32)
        key_bytes = 16 + 8 * job["key_len"]
        assert key[key_bytes:] == bytes(32 - key_bytes)
        h = Cipher(algorithms.AES(key[:key_bytes]), modes.ECB()).encryptor().update(bytes(16))
        assert to_bytes(job["h"], 16) == h
        j0 = to_bytes(job["j0"], 16)
        assert j0[12:] == b"\0\0\0\1"
        aad = to_bytes(job["aad"], 20)
        assert aad[job["aad_bytes"] :].strip(b"\0") == b""
        assert job["aad_bytes"] in ((16, 20) if job["auth_only"] else (8, 12))
        aad = aad[: job["aad_bytes"]]
        gcm = AESGCM(key[:key_bytes])
        if job["auth_only"]:
            sealed = data + gcm.encrypt(j0[:12], b"", aad + data)
        else:
            sealed = gcm.encrypt(j0[:12], data, aad)
        cuts = [sealed[i : min(i + 64, len(data))] for i in range(0, len(data), 64)]
        for i, cut in enumerate(cuts):
            last = i == len(cuts) - 1
            tag = to_int(sealed[-16:]) if last else random.getrandbits(128)
            self.results.send(data=to_int(cut), bytes=len(cut), last=int(last), tag=tag)
