#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""In a guest: a pair of SAs for every combination of the matrix at once, then datagrams through each of them.

Usage: guest_matrix.py ME DEVICE OFFLOAD, then with a line on standard input at each step. The SAs are made over
netlink, since iproute2 does not ask for extended sequence numbers of an outbound SA that is offloaded.
"""

import hashlib
import itertools
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

ESP, GCM = 50, b"rfc4106(gcm(aes))"
NEWSA, REQUEST_ACK_CREATE_EXCL = 0x10, 0x1 | 0x4 | 0x200 | 0x400
ATTR_ENCAP, ATTR_AEAD, ATTR_ESN, ATTR_OFFLOAD, ATTR_DIR = 4, 18, 23, 28, 33
STATE_ESN = 0x80
ERROR, MESSAGE = 2, 1
SOL_NETLINK, EXT_ACK, NETLINK_XFRM = 270, 11, 6
UDP_NO_CHECK6_RX = 102
SIZES = (64, 1200)
OLD = [int(n) for n in os.uname().release.split(".")[:2]] < [6, 12]


def cases():
    """Every combination, in the order of the table: a dictionary each."""
    names = ("mode", "family", "udp", "esn", "bits", "icv")
    values = (("tunnel", "transport"), (4, 6), (False, True), (False, True), (128, 256), (8, 12, 16))
    return [dict(zip(names, combination, strict=True)) for combination in itertools.product(*values)]


def address(number, case, who):
    return f"10.9.{number}.{who}" if case["family"] == 4 else f"fd09::{number:x}:{who}"


def packed(case, text):
    return socket.inet_pton(socket.AF_INET if case["family"] == 4 else socket.AF_INET6, text).ljust(16, b"\0")


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def sa_message(number, case, sender, receiver, outward, device, offload):
    """XFRM_MSG_NEWSA of the SA from `sender` to `receiver`."""
    family = socket.AF_INET if case["family"] == 4 else socket.AF_INET6
    source, target = (packed(case, address(number, case, who)) for who in (sender, receiver))
    spi = 0x1000 + 2 * number + sender % 2
    selector = b"\0" * 40 + struct.pack("=H", family) + b"\0" * 14
    ident = target + struct.pack(">IB3x", spi, ESP)
    limits = struct.pack("=4Q", *[2**64 - 1] * 4) + b"\0" * 32
    window = 0 if outward or case["esn"] else 32
    mode = 1 if case["mode"] == "tunnel" else 0
    flags = STATE_ESN if case["esn"] else 0
    tail = struct.pack("=IIHBBB7x", 0, number + 1, family, mode, window, 0)
    info = selector + ident + source + limits + b"\0" * 32 + b"\0" * 12 + tail
    flags_at = len(info) - 8  # after family, mode, window
    info = info[:flags_at] + bytes([flags]) + info[flags_at + 1 :]
    assert len(info) == 224
    key = hashlib.sha512(f"{number} {sender}".encode()).digest()[: case["bits"] // 8 + 4]
    aead = GCM.ljust(64, b"\0") + struct.pack("=II", 8 * len(key), 8 * case["icv"]) + key
    message = info + attribute(ATTR_AEAD, aead) + attribute(ATTR_DIR, bytes([2 if outward else 1]))
    if case["esn"]:
        # A kernel that has no direction of an SA wants a window of both.
        words = 0 if outward and not OLD else 1
        replay = struct.pack("=6I", words, 0, 0, 0, 0, 32 * words) + b"\0" * 4 * words
        message += attribute(ATTR_ESN, replay)
    if case["udp"]:
        message += attribute(ATTR_ENCAP, struct.pack("=H", 2) + struct.pack(">HH", 4500, 4500) + b"\0" * 18)
    if offload != "no":
        bits = (1 if case["family"] == 6 else 0) | (0 if outward else 2) | (4 if offload == "packet" else 0)
        message += attribute(ATTR_OFFLOAD, struct.pack("=iB3x", socket.if_nametoindex(device), bits))
    return struct.pack("=IHHII", 16 + len(message), NEWSA, REQUEST_ACK_CREATE_EXCL, 1, 0) + message


def ask(netlink, message):
    """The kernel's answer: (errno, its sentence or '')."""
    netlink.send(message)
    answer = netlink.recv(65536)
    kind, flags = struct.unpack_from("=HH", answer, 4)
    assert kind == ERROR
    error = -struct.unpack_from("=i", answer, 16)[0]
    at = 20 + (
        16 if flags & 0x100 else struct.unpack_from("=I", answer, 20)[0]
    )  # capped: only the request's header
    said = ""
    while flags & 0x200 and at + 4 <= len(answer):
        size, kind = struct.unpack_from("=HH", answer, at)
        if kind == MESSAGE:
            said = answer[at + 4 : at + size].rstrip(b"\0").decode()
        at += max(4, size + -size % 4)
    return error, said


def install(me, device, offload):
    """SAs, addresses and policies of every case; what the kernel said to each SA that it did not simply take."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
    netlink.setsockopt(SOL_NETLINK, EXT_ACK, 1)
    netlink.setsockopt(SOL_NETLINK, 10, 1)  # answers without the whole request
    said, addresses, policies = {}, [], []
    peer = 3 - me
    for number, case in enumerate(cases()):
        mine, other = address(number, case, me), address(number, case, peer)
        place = f"{mine}/24" if case["family"] == 4 else f"{mine}/112 nodad"
        addresses.append(f"address add {place} dev {device}")
        for outward in (True, False):
            sender, receiver = (me, peer) if outward else (peer, me)
            error, text = ask(netlink, sa_message(number, case, sender, receiver, outward, device, offload))
            if error or text:
                said[number] = (os.strerror(error) if error else "in software", text)
        offloaded = f"offload packet dev {device}" if offload == "packet" else ""
        for source, target, direction in ((mine, other, "out"), (other, mine, "in")):
            ends = f"src {source} dst {target} " if case["mode"] == "tunnel" else ""
            policy = (
                f"xfrm policy add src {source} dst {target} proto udp dir {direction} priority 10 {offloaded}"
            )
            policies.append(f"{policy} tmpl {ends}proto esp reqid {number + 1} mode {case['mode']}")
        # ESP in UDP comes as UDP first, and the policies must let that pass, as those of an IKE daemon's socket do.
        policies.append(f"xfrm policy add src {other} dst {mine} proto udp dport 4500 dir in priority 1")
        policies.append(f"xfrm policy add src {mine} dst {other} proto udp dport 4500 dir out priority 1")
    for lines in (addresses, policies):
        text = "\n".join(lines) + "\n"
        subprocess.run(["ip", "-force", "-batch", "-"], input=text, text=True, check=False)
    return said


def open_all(me):
    """What takes ESP out of UDP, and a socket for each case."""
    sockets = []
    for family in (socket.AF_INET, socket.AF_INET6):
        encap = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            encap.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            encap.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
        encap.bind(("", 4500))
        encap.setsockopt(socket.IPPROTO_UDP, 100, 2)
        sockets.append(encap)
    by_case = []
    for number, case in enumerate(cases()):
        one = socket.socket(socket.AF_INET if case["family"] == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
        one.bind((address(number, case, me), 7))
        by_case.append(one)
    return sockets, by_case


def serve(by_case):
    """Sends every datagram back, until standard input ends."""
    while True:
        ready, _, _ = select.select([*by_case, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        for one in ready:
            data, peer = one.recvfrom(4096)
            one.sendto(data, peer)


def call(me, by_case):
    """How many of the datagrams of each case came back."""
    back = [set() for _ in by_case]
    # The first ones wait for the neighbour's address, and every case has two more tries.
    for size in (*SIZES, *SIZES, *SIZES):
        for number, (case, one) in enumerate(zip(cases(), by_case, strict=True)):
            if size not in back[number]:
                try:
                    one.sendto(bytes([number]) * size, (address(number, case, 3 - me), 7))
                except OSError:
                    pass
            collect(by_case, back, 0.02)
        collect(by_case, back, 2)
    return [len(sizes) for sizes in back]


def collect(by_case, back, seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for one in select.select(by_case, [], [], left)[0]:
            number = by_case.index(one)
            data = one.recv(4096)
            if data == bytes([number]) * len(data):
                back[number].add(len(data))


def main():
    me, device, offload = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    said = install(me, device, offload)
    _encap, by_case = open_all(me)
    print("installed", flush=True)
    sys.stdin.readline()
    if me == 2:
        serve(by_case)
        return
    came = call(me, by_case)
    with open("matrix.json", "w") as file:
        json.dump(
            [
                {**case, "came": n, "said": said.get(i)}
                for i, (case, n) in enumerate(zip(cases(), came, strict=True))
            ],
            file,
        )


if __name__ == "__main__":
    main()
