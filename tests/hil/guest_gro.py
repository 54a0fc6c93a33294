# SPDX-License-Identifier: BSD-2-Clause
"""In guests: GRO joins TCP segments that came protected, and none of them with one in clear that would be the next.

guest_gro.py receive IFINDEX: prints what came, fails unless it is so.
guest_gro.py send DEVICE SOURCE DESTINATION: the policies there protect what sockets send.
"""

import socket
import struct
import sys
import time
from pathlib import Path

PORT = 7000
ROUNDS = 6
SIZE = 100


def total(data):
    """Internet checksum of an even number of bytes."""
    n = sum(struct.unpack(f">{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


def segment(source, destination, to_port, number, letter):
    """An IPv4 packet with the segment of that number, filled with the letter; of a connection that nobody has."""
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    payload = letter * SIZE

    def tcp(checksum):
        at = 1000 + number * SIZE
        return struct.pack(">HHIIBBHHH", PORT, to_port, at, 1, 5 << 4, 0x10, 1000, checksum, 0) + payload

    length = len(tcp(0))
    checksum = total(ends + struct.pack(">HH", socket.IPPROTO_TCP, length) + tcp(0))

    def ip(checksum):
        return struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, number + 1, 0x4000, 64, 6, checksum) + ends

    return ip(total(ip(0))) + tcp(checksum)


def send(device, source, destination):
    """Rounds of two segments that are protected, one in clear, one protected."""
    protected = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    clear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    neighbour = None
    for line in Path("/proc/net/arp").read_text().splitlines():
        if line.split()[0] == destination:
            neighbour = bytes.fromhex(line.split()[3].replace(":", ""))
    for port in range(1, ROUNDS + 1):
        for number, letter in enumerate((b"P", b"P", b"C", b"P")):
            packet = segment(source, destination, port, number, letter)
            if letter == b"P":
                protected.sendto(packet, (destination, 0))
            else:
                clear.sendto(packet, (device, 0x0800, 0, 0, neighbour))
        time.sleep(2)


def receive(ifindex):
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    sniffer.settimeout(15)
    Path("/work/meet/receiving").touch()
    rounds = {}
    try:
        while sum(map(len, map("".join, rounds.values()))) < 4 * ROUNDS:
            packet, about = sniffer.recvfrom(65536)
            start = (packet[0] & 15) * 4
            if packet[9] != socket.IPPROTO_TCP or about[2] == socket.PACKET_OUTGOING:
                continue
            if socket.if_nametoindex(about[0]) != ifindex:
                continue
            source, port = struct.unpack_from(">HH", packet, start)
            payload = packet[start + 20 :].decode()
            if source == PORT:
                rounds.setdefault(port, []).append("".join(payload[i] for i in range(0, len(payload), SIZE)))
    except TimeoutError:
        pass
    print("GRO:", *(",".join(one) for one in rounds.values()))
    joined = [packet for one in rounds.values() for packet in one]
    wrong = [packet for packet in joined if len(set(packet)) > 1]
    return not wrong and "PP" in joined and "C" in joined


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(*sys.argv[2:])
    else:
        sys.exit(not receive(int(sys.argv[2])))
