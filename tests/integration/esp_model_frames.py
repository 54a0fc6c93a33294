# SPDX-License-Identifier: BSD-2-Clause
"""Frames, good and bad, for comparing card and software; ESP made with `cryptography`."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ETH = bytes.fromhex("020000000002020000000001")
ADDRESSES = bytes([192, 0, 2, 1, 192, 0, 2, 2])


def checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def ip_frame(proto, body, *, options=b"", flags=0, first=None, total=None, bad_sum=0, ident=0, kind=0x0800):
    """Ethernet and IPv4 around `body`; named fields may be wrong."""
    hlen = 20 + len(options)
    first = 0x40 | hlen // 4 if first is None else first
    total = hlen + len(body) if total is None else total
    header = struct.pack(">BBHHHBBH", first, 0, total, ident, flags, 64, proto, 0) + ADDRESSES + options
    used = header[: max(20, 4 * (first & 15))]
    if len(used) % 2 == 0:
        header = header[:10] + struct.pack(">H", checksum(used) ^ bad_sum) + header[12:]
    return ETH + struct.pack(">H", kind) + header + body


def plain_frame(rnd, size):
    """`size` bytes of payload behind the IP header; sometimes with options and Ethernet padding."""
    options = b"\x01" * rnd.choice([0, 0, 0, 4, 20, 40])
    if size + len(options) > 1480:
        options = b""
    frame = ip_frame(17, rnd.randbytes(size), options=options, ident=rnd.randrange(65536))
    return frame + bytes(rnd.choice([0, 0, 1, 7, 46]))


def bad_plain(rnd):
    """Frames that cannot be encrypted, or only in one mode."""
    body = rnd.randbytes(50)
    frames = [ip_frame(17, body)[:n] for n in [0, 13, *range(14, 84)]]
    frames += [ip_frame(17, body, kind=k) for k in (0x0806, 0x86DD, 0x8100, 0)]
    frames += [ip_frame(17, body, first=f) for f in (0x44, 0x40, 0x55, 0x65, 0x05, 0x4F)]
    frames += [ip_frame(17, body, total=t) for t in (0, 19, 71, 1000, 65535)]
    frames += [ip_frame(17, body, bad_sum=s) for s in (1, 0x8000, 0xFFFF)]
    frames += [ip_frame(17, body, flags=f) for f in (0x2000, 0x0001, 0x3FFF, 0x4000, 0x8000)]
    frames += [ip_frame(17, body, total=1000, bad_sum=1), ip_frame(17, body, flags=0x2000, bad_sum=1)]
    frames += [ip_frame(17, rnd.randbytes(n)) for n in (1481, 2000, 9000, 9584, 9585)]
    frames += [ip_frame(17, b""), ip_frame(0, bytes(1480))]
    return frames


def seal(key, iv, aad, text, icv):
    """AES-GCM; the tag may be cut to 8 bytes, which AESGCM itself does not offer."""
    sealed = AESGCM(key[:-4]).encrypt(key[-4:] + iv, text, aad)
    return sealed[: len(text) + icv]


def trailer(text, pad, next_header):
    return text + bytes(i & 255 for i in range(1, pad + 1)) + bytes([pad, next_header])


def fitting(text, more=0):
    return -(len(text) + 2) % 4 + 4 * more


def esp_raw(key, icv, spi, number, text, rnd, **fields):
    """ESP whose plaintext is `text` as it stands."""
    head, iv = struct.pack(">II", spi, number), rnd.randbytes(8)
    return ip_frame(50, head + iv + seal(key, iv, head, text, icv), **fields)


def esp_of(rnd, key, icv, spi, number, inner, *, tunnel):
    """A good one, around an IP packet or its payload; padding and TFC padding vary."""
    length = struct.unpack(">H", inner[2:4])[0]
    inner = inner[:length]
    if tunnel:
        text = inner + rnd.randbytes(rnd.choice([0, 0, 5, 64]))
    else:
        text = inner[4 * (inner[0] & 15) :]
    pad = fitting(text, rnd.choice([0, 0, 0, 1, 16, 62]))
    options = b"" if tunnel else b"\x01" * rnd.choice([0, 0, 8, 40])
    return esp_raw(key, icv, spi, number, trailer(text, pad, 4 if tunnel else 17), rnd, options=options)


def bad_esp(rnd, key, icv, spi, number, *, tunnel):
    """Frames that inbound ESP refuses, each with a sequence number of its own from `number` on."""
    inner = ip_frame(17, rnd.randbytes(61))[14:]
    proto = 4 if tunnel else 17
    good = trailer(inner, fitting(inner), proto)
    frames = []

    def add(text, **fields):
        frames.append(esp_raw(key, icv, spi, number + len(frames), text, rnd, **fields))

    for pad in (1, 2, 7, 63, 64, 65, 127, 128, 200, 254, 255):
        text = inner + bytes((-(len(inner) + pad + 2)) % 4)
        padding = bytearray(range(1, pad + 1))
        padding[rnd.randrange(pad)] ^= 1 << rnd.randrange(8)
        add(text + padding + bytes([pad, proto]))
    add(bytes(30) + bytes([31, proto]))
    add(bytes(30) + bytes([30, proto]))
    add(bytes(2) + bytes([255, proto]))
    add(bytes([1, 2, 2, proto]))
    for next_header in (0, 41, 59, 59, 50, 255):
        add(trailer(inner, fitting(inner), next_header))
    add(trailer(b"", 2, 59))
    add(trailer(b"", 2, proto))
    for change in (b"\x60", b"\x44", b"\x4f\0\0\x20", b"\x45\0\0\x13", b"\x45\0\xff\xff", b"\x45\0\0\x52"):
        wrong = change + inner[len(change) :]
        add(trailer(wrong, fitting(wrong), proto))
    for flip in (4, 11, 12, 40, -1, -icv):
        add(good)
        frame = bytearray(frames[-1])
        frame[34 + flip if flip > 0 else flip] ^= 0x10
        frames[-1] = bytes(frame)
    for fields in (
        {"flags": 0x2000},
        {"flags": 5},
        {"bad_sum": 1},
        {"first": 0x44},
        {"first": 0x65},
        {"total": 2000},
        {"total": 19},
        {"options": b"\x01" * 4, "total": 60},
    ):
        add(good, **fields)
    add(good)
    whole = frames[-1]
    frames += [whole[:n] for n in [*range(14, 70), len(whole) - 1]]
    for n in range(0, 64):
        frames.append(ip_frame(50, whole[34 : 34 + n]))
    frames.append(ip_frame(50, struct.pack(">II", spi ^ 1, 5) + whole[42:]))
    frames.append(ip_frame(50, struct.pack(">II", spi, 0) + whole[42:]))
    frames.append(ip_frame(50, struct.pack(">II", 0, 7) + whole[42:]))
    return frames
