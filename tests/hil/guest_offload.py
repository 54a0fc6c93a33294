#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Traffic of scenario offload, in the guests: data that both sides know, frames to any address, expected queues."""

import hashlib
import ipaddress
import random
import re
import socket
import struct
import subprocess
import sys
import time

BYTES = 600_000
ETHERTYPE = 0x88B5  # for local experiments: no stack takes it
SINK = 9999


def data(seed):
    return random.Random(int(seed)).randbytes(BYTES)


def send(host, port, seed):
    """The data of a seed over TCP, in pieces of odd sizes; the receiver says whether it is that."""
    payload, sizes = data(seed), random.Random(seed)
    with socket.create_connection((host, int(port)), timeout=60) as link:
        at = 0
        while at < len(payload):
            size = sizes.choice((1, 700, 1460, 9000, 100_000))
            link.sendall(payload[at : at + size])
            at += size
        link.shutdown(socket.SHUT_WR)
        answer = link.recv(100).decode()
    if answer != hashlib.sha256(payload).hexdigest():
        sys.exit(f"the other side received something else: {answer}")


def serve(port):
    """Answers each connection with the digest of what came; for ever."""
    with socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        while True:
            link, _ = server.accept()
            with link:
                digest = hashlib.sha256()
                while piece := link.recv(1 << 16):
                    digest.update(piece)
                link.sendall(digest.hexdigest().encode())


def sink():
    """Takes datagrams, so that nobody answers that nobody is there."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taker:
        taker.bind(("::", SINK))
        while True:
            taker.recv(2000)


def datagrams(host, first, ports, each, pause=0):
    """Some datagrams from each of so many ports, with a pause of so many seconds after each."""
    for port in range(int(first), int(first) + int(ports)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("", port))
            for _ in range(int(each)):
                sender.sendto(bytes(100), (host, SINK))
                time.sleep(float(pause))


def frames(device, number, *addresses):
    """So many frames to each address."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((device, 0))
        for address in addresses:
            frame = bytes.fromhex(address.replace(":", "")) + bytes.fromhex("0256535000ff")
            for _ in range(int(number)):
                sender.send(frame + struct.pack(">H", ETHERTYPE) + bytes(100))


def toeplitz(key, fields):
    """The receive hash: Microsoft's, bit by bit."""
    window, result = int.from_bytes(key, "big"), 0
    bits = len(key) * 8
    for number in range(len(fields) * 8):
        if fields[number // 8] >> 7 - number % 8 & 1:
            result ^= window >> bits - 32 - number & 0xFFFFFFFF
    return result


def rss(device):
    """Key and table that the driver says it uses."""
    text = subprocess.run(["ethtool", "-x", device], capture_output=True, text=True, check=True).stdout
    table = []
    for row in re.findall(r"^ *\d+: +(.*)$", text, re.MULTILINE):
        table += [int(queue) for queue in row.split()]
    key = re.search(r"^([0-9a-f]{2}(?::[0-9a-f]{2}){39})$", text, re.MULTILINE)
    return bytes.fromhex(key[1].replace(":", "")), table


def expected(device, source, destination, first, ports, each):
    """How many of `datagrams` each of two queues should get."""
    key, table = rss(device)
    counts = [0, 0]
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    for port in range(int(first), int(first) + int(ports)):
        found = toeplitz(key, addresses + struct.pack(">HH", port, SINK))
        counts[table[found % len(table)]] += int(each)
    print(*counts)


if __name__ == "__main__":
    commands = {one.__name__: one for one in (send, serve, sink, datagrams, frames, expected)}
    commands[sys.argv[1]](*sys.argv[2:])
