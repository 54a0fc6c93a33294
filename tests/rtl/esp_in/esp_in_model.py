# SPDX-License-Identifier: BSD-2-Clause
"""What docs/esp.md says of a frame that comes in: a model of the inbound rules, written from that page.

Inbound.process() says what becomes of a frame: what the SA table is asked, what is committed, what comes out, which
event the host reads.
"""

from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from esp_packet import ESP, IP6, IPIP, NONE, SAF, ST, UDP, WITH_PORTS, WITH_TYPE, be, ip_sum, number, parse
from frames import Struct, to_int

COMMON_T = Struct(
    key=256, key_len=2, h=128, salt=32, spi=32, flags=32, gmac=1, tunnel=1, ipv6=1, icv_bytes=5, sport=16, dport=16
)  # fmt: skip
SELECTOR_T = Struct(
    src=128, dst=128, src_len=8, dst_len=8, family=4, proto=8,
    sport_min=16, sport_max=16, dport_min=16, dport_max=16,
)  # fmt: skip
CTX_T = Struct(c=COMMON_T.width, sel=SELECTOR_T.width, qid=4)
IN_REQ_T = Struct(ipv6=1, dst=128, spi=32, seq=32, udp=1)
IN_RSP_T = Struct(status=8, handle=32, seq=64, ctx=CTX_T.width)
COMMIT_T = Struct(handle=32, seq=64, bytes=16, status=8)

EXTENSIONS = (0, 43, 44, 60)
EVENTS = {ST[n] for n in ("NO_SA", "FRAGMENT", "REPLAY", "ICV", "SELECTOR", "ENCAP", "PADDING", "LIFETIME")}


@dataclass
class Selector:
    """struct vesper_selector; ports as (low, high)."""

    src: bytes = b""
    dst: bytes = b""
    src_len: int = 0
    dst_len: int = 0
    family: int = 0
    proto: int = 0
    sport: tuple = (0, 65535)
    dport: tuple = (0, 65535)

    def pack(self):
        return SELECTOR_T.pack(
            src=to_int(self.src), dst=to_int(self.dst), src_len=self.src_len, dst_len=self.dst_len,
            family=self.family, proto=self.proto, sport_min=self.sport[0], sport_max=self.sport[1],
            dport_min=self.dport[0], dport_max=self.dport[1],
        )  # fmt: skip

    def matches(self, packet, total):
        """`packet`: the IP packet's first 64 bytes at most; it is `total` bytes long."""
        ipv6 = packet[0] >> 4 == 6
        src, dst = (packet[8:24], packet[24:40]) if ipv6 else (packet[12:16], packet[16:20])
        proto, ports = upper_layer(packet[:64], min(total, 64), total)
        return (
            self.family in (0, 6 if ipv6 else 4)
            and prefix(src, self.src_len) == prefix(self.src.ljust(16, b"\0")[: len(src)], self.src_len)
            and prefix(dst, self.dst_len) == prefix(self.dst.ljust(16, b"\0")[: len(dst)], self.dst_len)
            and self.proto in (0, proto)
            and all(
                low <= port <= high if ports else (low, high) == (0, 65535)
                for port, (low, high) in zip(ports or (0, 0), (self.sport, self.dport), strict=True)
            )
        )


def prefix(address, bits):
    bits = min(bits, 8 * len(address))
    return number(address) >> (8 * len(address) - bits)


def upper_layer(packet, limit, total):
    """(protocol or None, ports or None) by what stands in the first `limit` bytes."""
    later = False
    if packet[0] >> 4 == 4:
        proto, at = packet[9], 4 * (packet[0] & 15)
        later = bool(number(packet[6:8]) & 0x1FFF)
    else:
        proto, at, walked = packet[6], 40, 0
        while proto in EXTENSIONS and not later:
            if walked == 2 or at + 8 > limit:
                return None, None
            length = 8 if proto == 44 else 8 * (packet[at + 1] + 1)
            if at + length > total:
                return None, None
            later = proto == 44 and bool(number(packet[at + 2 : at + 4]) & 0xFFF8)
            proto, at, walked = packet[at], at + length, walked + 1
    if later:
        return proto, None
    if proto in WITH_PORTS and at + 4 <= limit:
        return proto, (number(packet[at : at + 2]), number(packet[at + 2 : at + 4]))
    if proto in WITH_TYPE and at + 2 <= limit:
        return proto, (packet[at], packet[at + 1])
    return proto, None


@dataclass
class Sa:
    """An inbound SA. Byte strings are as on the wire."""

    dst: bytes
    spi: bytes
    key: bytes
    salt: bytes
    tunnel: bool = True
    gmac: bool = False
    icv: int = 16
    flags: int = 0
    queue: int = 0
    handle: int = 0
    sport: int = 4500
    dport: int = 4500
    sel: Selector = field(default_factory=Selector)
    top: int = 0  # highest number sent: used by the tests

    @property
    def ipv6(self):
        return len(self.dst) == 16

    @property
    def iv_bytes(self):
        return 0 if self.has("IIV") else 8

    def has(self, name):
        return bool(self.flags & SAF[name])

    def context(self):
        h = Cipher(algorithms.AES(self.key), modes.ECB()).encryptor().update(bytes(16))
        common = COMMON_T.pack(
            key=to_int(self.key), key_len=len(self.key) // 8 - 2, h=to_int(h), salt=to_int(self.salt),
            spi=to_int(self.spi), flags=self.flags, gmac=int(self.gmac), tunnel=int(self.tunnel),
            ipv6=int(self.ipv6), icv_bytes=self.icv, sport=to_int(be(self.sport, 2)), dport=to_int(be(self.dport, 2)),
        )  # fmt: skip
        return CTX_T.pack(c=common, sel=self.sel.pack(), qid=self.queue)

    def _crypt(self, seq, iv):
        number_sent = be(seq, 8) if self.has("ESN") else be(seq & 0xFFFFFFFF, 4)
        return self.salt + (be(seq, 8) if self.has("IIV") else iv), self.spi + number_sent

    def seal(self, seq, text, iv=None):
        """SPI, number, IV, ciphertext and ICV for a plaintext with its trailer."""
        iv = be(seq, 8) if iv is None else iv
        nonce, aad = self._crypt(seq, iv)
        sent = self.spi + be(seq & 0xFFFFFFFF, 4) + (b"" if self.has("IIV") else iv)
        if self.gmac:
            return sent + text + AESGCM(self.key).encrypt(nonce, b"", aad + iv + text)[: self.icv]
        return sent + AESGCM(self.key).encrypt(nonce, text, aad)[: len(text) + self.icv]

    def open(self, seq, esp):
        """The plaintext with its trailer, or None where the ICV is wrong."""
        iv, body = esp[8 : 8 + self.iv_bytes], esp[8 + self.iv_bytes :]
        nonce, aad = self._crypt(seq, iv)
        text, icv = body[: -self.icv], body[-self.icv :]
        gcm = AESGCM(self.key)
        if self.gmac:
            return text if gcm.encrypt(nonce, b"", aad + iv + text)[: self.icv] == icv else None
        if self.icv == 16:
            try:
                return gcm.decrypt(nonce, body, aad)
            except InvalidTag:
                return None
        # A short ICV: the key stream is what zeros become, and the tag is made anew.
        stream = gcm.encrypt(nonce, bytes(len(text)), b"")[: len(text)]
        plain = bytes(a ^ b for a, b in zip(text, stream, strict=True))
        return plain if gcm.encrypt(nonce, plain, aad)[len(plain) :][: self.icv] == icv else None


@dataclass
class Fate:
    """What must become of a frame. Where data is None it is dropped."""

    status: str = "OK"
    data: bytes = None
    esp: bool = False
    inplace: bool = False
    sa: int = 0
    queue: int = None  # of the SA
    seq: int = 0
    spi: bytes = bytes(4)
    lookup: dict = None  # sa_in_req_t that must be asked
    answer: int = 0  # sa_in_rsp_t
    commit: dict = None  # sa_commit_req_t
    final: int = 0  # answer to it
    info: object = None

    @property
    def event(self):
        """event_t's fields, or None."""
        if ST[self.status] not in EVENTS:
            return None
        return {
            "code": ST[self.status], "inbound": 1, "ipv6": int(self.info.ipv6), "src": to_int(self.info.src),
            "dst": to_int(self.info.dst), "spi": to_int(self.spi), "sa": self.sa, "seq": self.event_seq,
            "flow_label": self.info.flow,
        }  # fmt: skip


def ecn(outer, inner):
    """RFC 6040, figure 4: the inner field after decapsulation, None where the packet is dropped."""
    not_ect, ect1, ect0, ce = 0, 1, 2, 3
    table = {
        (not_ect, not_ect): not_ect, (not_ect, ect0): not_ect, (not_ect, ect1): not_ect, (not_ect, ce): None,
        (ect0, not_ect): ect0, (ect0, ect0): ect0, (ect0, ect1): ect1, (ect0, ce): ce,
        (ect1, not_ect): ect1, (ect1, ect0): ect1, (ect1, ect1): ect1, (ect1, ce): ce,
        (ce, not_ect): ce, (ce, ect0): ce, (ce, ect1): ce, (ce, ce): ce,
    }  # fmt: skip
    return table[inner, outer]


def with_tos(packet, tos):
    """An IP packet with another TOS or traffic class; IPv4's checksum changes by as much, right or wrong."""
    if packet[0] >> 4 == 6:
        word = number(packet[:4]) & ~(0xFF << 20) | tos << 20
        return be(word, 4) + packet[4:]
    if tos == packet[1]:
        return packet
    change = ip_sum(be(~number(packet[:2]) & 0xFFFF, 2) + bytes([packet[0], tos]))
    total = ip_sum(be(~number(packet[10:12]) & 0xFFFF, 2) + be(change, 2))
    return packet[:1] + bytes([tos]) + packet[2:10] + be(~total & 0xFFFF, 2) + packet[12:]


def inner_total(packet, family):
    """Length of a decrypted packet, None if its header cannot be."""
    if family == IP6:
        total = 40 + number(packet[4:6]) if len(packet) >= 40 and packet[0] >> 4 == 6 else None
    else:
        total = number(packet[2:4]) if len(packet) >= 20 and packet[0] >> 4 == 4 else None
        if total is not None and not 20 <= 4 * (packet[0] & 15) <= total:
            total = None
    return total if total is not None and total <= len(packet) else None


class Inbound:
    """The inbound pipe's rules with these SAs and settings."""

    def __init__(self, sas=(), natt=(4500,), miss_to_host=False, fragment_to_host=False):
        self.sas = {(sa.dst, sa.spi): sa for sa in sas}
        self.natt, self.miss_to_host, self.fragment_to_host = natt, miss_to_host, fragment_to_host

    def add(self, *sas):
        self.sas.update({(sa.dst, sa.spi): sa for sa in sas})

    def process(self, frame, host=False, high=0, pre="OK", final=None):
        """high: upper half that the table infers with ESN; pre, final: the table's answers if it has no objection."""
        fate = self._read(frame, host, high, pre)
        if fate.commit is not None:
            if final is not None:
                fate.status = final
            fate.final = ST[fate.status]
            if fate.status != "OK" and not (fate.inplace and fate.status == "ICV"):
                fate.data = None
        fate.event_seq = fate.seq
        if fate.data is not None and (not fate.esp or fate.status == "ICV"):
            fate.seq, fate.esp = 0, False
        return fate

    def _read(self, frame, host, high, pre):
        info = parse(frame, outbound=False)
        passes = Fate("NOT_ESP", info=info) if host else Fate("OK", frame, info=info)
        ip = frame[info.l2 :]
        if info.status == "NOT_IP" or info.status == "EXT_HEADER":
            return passes
        if info.status != "OK":
            proto = ip[6:7] if info.ipv6 else ip[9:10]
            return Fate(info.status, info=info) if proto == bytes([ESP]) else passes
        payload = ip[info.hdr : info.total]
        udp = info.proto == UDP and info.ports is not None and number(info.ports[1]) in self.natt
        if (info.proto != ESP and not udp) or (udp and info.fragment):
            return passes
        if info.fragment:
            to_host = self.fragment_to_host and not host
            fate = Fate("FRAGMENT", frame if to_host else None, info=info)
            if not info.later and len(payload) >= 8:
                fate.spi, fate.seq = payload[:4], number(payload[4:8])
            return fate
        if udp:
            length = number(ip[info.hdr + 4 : info.hdr + 6]) if len(payload) >= 8 else 0
            if not 8 <= length <= len(payload):
                return Fate("UDP_LENGTH", info=info)
            payload = payload[8:length]
            if payload == b"\xff":
                return Fate("KEEPALIVE", info=info)
            if len(payload) < 8 or payload[:4] == bytes(4):
                return passes
        if len(payload) < 20 or len(payload) % 4:
            return Fate("ESP_LENGTH", info=info)
        spi, low = payload[:4], number(payload[4:8])
        fate = Fate(info=info, spi=spi, seq=low)
        fate.lookup = {
            "ipv6": int(info.ipv6), "dst": to_int(info.dst), "spi": to_int(spi), "seq": low, "udp": int(udp),
        }  # fmt: skip
        sa = self.sas.get((info.dst, spi))
        if sa is None:
            fate.status = "NO_SA"
            fate.answer = IN_RSP_T.pack(status=ST["NO_SA"])
            fate.data = frame if self.miss_to_host and not host else None
            return fate
        fate.seq = low | high << 32 if sa.has("ESN") else low
        fate.sa, fate.queue, fate.esp = sa.handle, sa.queue, True
        answer = pre if udp == sa.has("UDP") else "ENCAP"
        fate.answer = IN_RSP_T.pack(status=ST[answer], handle=sa.handle, seq=fate.seq, ctx=sa.context())
        fate.commit = {"handle": sa.handle, "seq": fate.seq, "bytes": None}
        if answer == "OK" or answer == "REPLAY":
            if len(payload) - 8 - sa.iv_bytes - sa.icv < 4:
                answer = "ESP_LENGTH"
        fate.status = answer
        if answer == "OK":
            self._decrypt(fate, sa, frame, payload, udp)
        fate.commit["status"] = ST[fate.status]
        return fate

    def _decrypt(self, fate, sa, frame, esp, udp):
        info = fate.info
        text = sa.open(fate.seq, esp)
        head = frame[: info.l2 + info.hdr]
        if sa.has("INPLACE"):
            fate.inplace = True
            stays = frame[: len(head) + (8 if udp else 0) + 8 + sa.iv_bytes]
            fate.data = (stays + (text or b"")).ljust(len(frame), b"\0")
            fate.status = "ICV" if text is None else "OK"
            fate.commit["bytes"] = len(esp) - 8 - sa.iv_bytes - sa.icv
            return
        if text is None:
            fate.status = "ICV"
            return
        pad, following = text[-2:]
        if pad + 2 > len(text) or text[len(text) - 2 - pad : -2] != bytes(i & 255 for i in range(1, pad + 1)):
            fate.status = "PADDING"
            return
        plain = text[: len(text) - 2 - pad]
        if following == NONE:
            fate.status = "DUMMY"
            return
        if sa.tunnel:
            if following not in (IPIP, IP6):
                fate.status = "NEXT_HEADER"
                return
            total = inner_total(plain, following)
            if total is None:
                fate.status = "INNER"
                return
            packet = plain[:total]
            counted = total
            head = head[: info.l2 - 2] + (b"\x86\xdd" if following == IP6 else b"\x08\x00")
        else:
            packet = self._transport(info, frame, following, plain)
            counted = len(plain)
            head = head[: info.l2]
        if sa.has("SELECTOR") and not sa.sel.matches(packet[:64], len(packet)):
            fate.status = "SELECTOR"
            return
        if sa.tunnel:
            tos = packet[1] if following == IPIP else number(packet[:2]) >> 4 & 255
            field = tos & 3
            if not sa.has("ECN_OFF"):
                field = ecn(info.tos & 3, field)
                if field is None:
                    fate.status = "ECN"
                    return
            dscp = info.tos if sa.has("DSCP_COPY") else tos
            packet = with_tos(packet, dscp & 0xFC | field)
        fate.commit["bytes"] = counted
        fate.data = head + packet

    @staticmethod
    def _transport(info, frame, following, plain):
        """The IP packet that remains."""
        head = bytearray(frame[: info.l2 + info.hdr])
        head[info.proto_at] = following
        ip = head[info.l2 :]
        if info.ipv6:
            ip[4:6] = be(info.hdr - 40 + len(plain), 2)
        else:
            ip[2:4] = be(info.hdr + len(plain), 2)
            ip[10:12] = bytes(2)
            ip[10:12] = be(~ip_sum(ip) & 0xFFFF, 2)
        return bytes(ip) + plain


__all__ = [
    "COMMIT_T",
    "IN_REQ_T",
    "IN_RSP_T",
    "Fate",
    "Inbound",
    "Sa",
    "Selector",
    "ecn",
    "replace",
    "with_tos",
]
