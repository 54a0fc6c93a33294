# SPDX-License-Identifier: BSD-2-Clause
"""What the outbound pipe must make of a frame, and stand-ins for its SA table and its engine."""

import random
from copy import copy
from dataclasses import dataclass, field
from functools import partial

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from frames import Sink, Source, Struct, check_framing, to_bytes, to_int
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation

SA_CTX_T = Struct(
    key=256, key_len=2, h=128, salt=32, spi=32, tunnel=1, icv_bytes=5,
    qid=4, flags=32, hdr_bytes=6, hdr=320, hdr_sum=16,
)  # fmt: skip
SA_OUT_REQ_T = Struct(handle=32, bytes=16, hdr_bytes=6)
SA_OUT_RSP_T = Struct(status=8, seq=64, ctx=SA_CTX_T.width)
GCM_JOB_T = Struct(key=256, key_len=2, h=128, j0=128, aad=160, aad_bytes=5, decrypt=1, auth_only=1)

ST = {
    "OK": 0, "BAD_OP": 3, "SA_STALE": 8, "SA_DIRECTION": 9, "SEQ_EXHAUSTED": 10, "TOO_BIG": 11,
    "NOT_IP": 16, "IP_HEADER": 17, "IP_CHECKSUM": 18, "TRUNCATED": 19, "FRAGMENT": 20,
}  # fmt: skip
PLAIN, ENCRYPT, DECRYPT = 0, 1, 2
ETH = bytes.fromhex("020000000002 020000000001 0800".replace(" ", ""))


def ip_sum(header):
    """One's complement sum of 16-bit words, not inverted (RFC 1071)."""
    total = sum(int.from_bytes(header[i : i + 2], "big") for i in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def with_checksum(header):
    header = header[:10] + b"\0\0" + header[12:]
    return header[:10] + (ip_sum(header) ^ 0xFFFF).to_bytes(2, "big") + header[12:]


OPAQUE = 253  # a protocol (RFC 3692) of which scapy takes nothing apart


def packet(length, options=0, proto=OPAQUE, fragment=0, ident=None):
    """An IPv4 packet of `length` bytes with random contents; options in words of 4 bytes."""
    ident = random.getrandbits(16) if ident is None else ident
    header = bytes([0x45 + options, random.getrandbits(8)]) + length.to_bytes(2, "big")
    header += ident.to_bytes(2, "big") + fragment.to_bytes(2, "big") + bytes([random.randint(1, 255), proto])
    header += b"\0\0" + random.randbytes(8) + bytes([1] * (4 * options))  # options: no operation
    return with_checksum(header) + random.randbytes(length - len(header))


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
    """An outbound SA; seq is the number that goes out next."""

    key_bytes: int = 16
    icv: int = 16
    tunnel: bool = True
    seq: int = 1
    status: int = 0  # what the table answers instead of ST_OK
    ttl: int = 64
    key: bytes = b""
    salt: bytes = field(default_factory=lambda: random.randbytes(4))
    spi: bytes = field(default_factory=lambda: random.randint(256, 0xFFFFFFFF).to_bytes(4, "big"))
    src: bytes = bytes([192, 0, 2, 1])
    dst: bytes = bytes([198, 51, 100, 2])

    def __post_init__(self):
        self.key = random.randbytes(self.key_bytes)
        self.template = b""
        if self.tunnel:
            self.template = bytes([0x45, 0, 0, 0, 0, 0, 0x40, 0, self.ttl, 50, 0, 0]) + self.src + self.dst
        crypt = Cipher(algorithms.AES(self.key), modes.ECB()).encryptor()
        self.h = crypt.update(bytes(16))

    def context(self):
        return SA_CTX_T.pack(
            key=to_int(self.key), key_len=self.key_bytes // 8 - 2, h=to_int(self.h), salt=to_int(self.salt),
            spi=to_int(self.spi), tunnel=int(self.tunnel), icv_bytes=self.icv, hdr_bytes=len(self.template),
            hdr=to_int(self.template), hdr_sum=ip_sum(self.template),
        )  # fmt: skip

    def encapsulate(self, frame, seq):
        """The frame that must leave for `frame` with number `seq`."""
        ip = frame[14 : 14 + int.from_bytes(frame[16:18], "big")]
        ihl = 4 * (ip[0] & 15)
        plain, nh = (ip, 4) if self.tunnel else (ip[ihl:], ip[9])
        pad = -(len(plain) + 2) % 4
        plain += bytes(range(1, pad + 1)) + bytes([pad, nh])
        head = self.spi + (seq & 0xFFFFFFFF).to_bytes(4, "big")
        iv = seq.to_bytes(8, "big")
        sealed = AESGCM(self.key).encrypt(self.salt + iv, plain, head)
        esp = head + iv + sealed[: len(plain) + self.icv]
        if self.tunnel:
            outer = self.template[:4] + (seq & 0xFFFF).to_bytes(2, "big") + self.template[6:]
        else:
            outer = ip[:9] + bytes([50]) + ip[10:ihl]
        outer = outer[:2] + (len(outer) + len(esp)).to_bytes(2, "big") + outer[4:]
        return frame[:14] + with_checksum(outer) + esp

    def scapy_decrypts(self, frame):
        """The IP packet that scapy finds in `frame`."""
        spi = int.from_bytes(self.spi, "big")
        header = IP(src="192.0.2.1", dst="198.51.100.2") if self.tunnel else None
        key = self.key + self.salt
        sa = SecurityAssociation(
            ESP, spi=spi, crypt_algo="AES-GCM", crypt_key=key, crypt_icv_size=self.icv, tunnel_header=header
        )
        if self.icv < 16:
            sa.crypt_algo = copy(sa.crypt_algo)
            sa.crypt_algo.cipher = partial(ShortTagGcm, self.icv)
        return bytes(sa.decrypt(IP(frame[14:])))


class SaTable:
    """Answers sa_req; `asked` keeps (handle, bytes, hdr_bytes)."""

    def __init__(self, dut, sas, gap=lambda: False, stall=lambda: False):
        self.sas, self.asked = sas, []
        self.answers = Source(dut, "sa_rsp", gap)
        self.tasks = [Sink(dut, "sa_req", [""], self.request, stall), self.answers]

    def request(self, item, _cycle):
        request = SA_OUT_REQ_T.unpack(item[""])
        self.asked.append((request["handle"], request["bytes"], request["hdr_bytes"]))
        sa = self.sas.get(request["handle"])
        if sa is None:
            garbage = random.getrandbits(SA_CTX_T.width)
            self.answers.send(
                SA_OUT_RSP_T.pack(status=ST["SA_STALE"], seq=random.getrandbits(64), ctx=garbage)
            )
        elif sa.status:
            self.answers.send(SA_OUT_RSP_T.pack(status=sa.status, seq=sa.seq, ctx=sa.context()))
        else:
            self.answers.send(SA_OUT_RSP_T.pack(status=0, seq=sa.seq, ctx=sa.context()))
            sa.seq += 1


class Engine:
    """gcm_engine's ports, behind them the `cryptography` package."""

    def __init__(self, dut, gap=lambda: False, stall=lambda: False):
        self.data, self.job = b"", None
        self.results = Source(dut, "r", gap)
        self.tasks = [Sink(dut, "e", ["job", "data", "bytes", "last"], self.beat, stall), self.results]

    def beat(self, item, _cycle):
        if self.job is None:
            self.job = GCM_JOB_T.unpack(item["job"])
        part, last = check_framing(item)
        self.data += part
        if not last:
            return
        job, data = self.job, self.data
        self.job, self.data = None, b""
        assert data and not job["decrypt"] and not job["auth_only"]
        key = to_bytes(job["key"], 32)
        key_bytes = 16 + 8 * job["key_len"]
        assert key[key_bytes:] == bytes(32 - key_bytes)
        h = Cipher(algorithms.AES(key[:key_bytes]), modes.ECB()).encryptor().update(bytes(16))
        assert to_bytes(job["h"], 16) == h
        j0 = to_bytes(job["j0"], 16)
        assert j0[12:] == b"\0\0\0\1"
        aad = to_bytes(job["aad"], 20)[: job["aad_bytes"]]
        sealed = AESGCM(key[:key_bytes]).encrypt(j0[:12], data, aad)
        cuts = [sealed[i : min(i + 64, len(data))] for i in range(0, len(data), 64)]
        for i, cut in enumerate(cuts):
            last = i == len(cuts) - 1
            tag = to_int(sealed[-16:]) if last else random.getrandbits(128)
            self.results.send(data=to_int(cut), bytes=len(cut), last=int(last), tag=tag)
