# SPDX-License-Identifier: BSD-2-Clause
"""ESP frames: by scapy where they are as they should be, by hand where they are not."""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sa_model import IN, TUNNEL, Sa
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation

ETH = bytes.fromhex("02000000000102000000000208 00".replace(" ", ""))
PROTO_ESP = 50


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip_header(
    length, proto, src=b"\xc0\0\2\1", dst=b"\xc0\0\2\2", options=b"", fragment=0, ttl=64, ident=7, tos=0
):
    """An IPv4 header; `length` is of what follows."""
    size = 20 + len(options)
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x40 | size // 4, tos, size + length, ident, fragment, ttl, proto, 0, src, dst
    )
    head += options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:]


def inner_packet(rng, size, proto=17):
    """An IPv4 packet of `size` bytes, at least 20."""
    return ip_header(size - 20, proto, rng.randbytes(4), rng.randbytes(4)) + rng.randbytes(size - 20)


def trailer(size, next_header, extra=0):
    """Padding, pad length, next header behind `size` bytes; `extra` words of 4 more than needed."""
    pad = -(size + 2) % 4 + 4 * extra
    return bytes(i & 255 for i in range(1, pad + 1)) + bytes([pad, next_header])


def encrypt(sa, seq, plain, iv=None):
    """SPI || sequence number || IV || ciphertext || ICV (RFC 4106)."""
    iv = iv if iv is not None else seq.to_bytes(8, "big")
    aad = sa.spi + seq.to_bytes(4, "big")
    sealed = AESGCM(sa.key).encrypt(sa.salt + iv, plain, aad)
    return aad + iv + sealed[: len(plain) + sa.icv_len]


def make_sa(rng, mode=TUNNEL, icv=16, key=None, window=64, queue=0):
    key = rng.randbytes(key or rng.choice([16, 24, 32]))
    return Sa(
        dir=IN,
        dst=rng.randbytes(4).ljust(16, b"\0"),
        spi=rng.randrange(256, 2**32).to_bytes(4, "big"),
        mode=mode,
        key=key,
        h=Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(16)),
        salt=rng.randbytes(4),
        icv_len=icv,
        queue=queue,
        window=window,
    )


def frame(sa, esp, options=b"", ethernet_padding=True, **header):
    """Ethernet and IPv4 around ESP, padded to 60 bytes as a MAC does."""
    data = ETH + ip_header(len(esp), PROTO_ESP, dst=sa.dst[:4], options=options, **header) + esp
    return data.ljust(60, b"\0") if ethernet_padding else data


class Scapy:
    """scapy's ESP with the same SA."""

    def __init__(self, sa):
        self.sa = sa
        outer = IP(src="192.0.2.1", dst=".".join(map(str, sa.dst[:4]))) if sa.mode == TUNNEL else None
        self.peer = SecurityAssociation(
            ESP,
            spi=int.from_bytes(sa.spi, "big"),
            crypt_algo="AES-GCM",
            crypt_key=sa.key + sa.salt,
            crypt_icv_size=sa.icv_len,
            tunnel_header=outer,
        )

    def frame(self, packet, seq):
        """packet: an IPv4 packet; in transport mode with the SA's destination."""
        sealed = self.peer.encrypt(IP(packet), seq_num=seq, iv=seq.to_bytes(8, "big"))
        # scapy's AEAD interface always appends 16 bytes; a shorter ICV is the first bytes of it (RFC 4106 6).
        cut = IP(bytes(sealed)[: len(sealed) - 16 + self.sa.icv_len])
        cut.len = cut.chksum = None
        return (ETH + bytes(cut)).ljust(60, b"\0")
