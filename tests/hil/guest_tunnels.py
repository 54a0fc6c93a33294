#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""In a guest: a thousand SAs, how many a second; a thousand tunnels, and a datagram through each.

Usage: guest_tunnels.py ME rates|install|pass; ME is 1, with a card that does packet offload, or 2, without.
Tunnel N is between 10.51.N and 10.52.N, N as its last two bytes, and between the gateways 10.1.0.1 and 10.1.0.2.
"""

import select
import socket
import subprocess
import sys
import time
from pathlib import Path

TUNNELS = 1000
DEVICE = "vesper0"
MEET = Path("/work/meet")
PORT = 7


def figure(name, value):
    print(f"[0] figure {name} {value:.1f}", flush=True)


def host(who, number):
    return f"10.{50 + who}.{number >> 8}.{number & 255}"


def batch(lines):
    """Has iproute2 do all of it in one process."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def states(me, sender, offload, salt):
    """An SA of each tunnel from `sender` to the other gateway; keys differ with `salt`."""
    ends = f"src 10.1.0.{sender} dst 10.1.0.{3 - sender}"
    way = "out" if sender == me else "in"
    window = "" if sender == me else "replay-window 32"
    offloaded = {None: "", "crypto": f"offload dev {DEVICE} dir {way}"}
    offloaded["packet"] = f"offload packet dev {DEVICE} dir {way}"
    for number in range(1, TUNNELS + 1):
        key = f"0x{number:08x}{sender:08x}{salt:08x}{0:016x}"
        yield (
            f"xfrm state add {ends} proto esp spi {0x10000 * sender + number:#x} reqid {number} mode tunnel {window} "
            f"aead rfc4106(gcm(aes)) {key} 128 {offloaded[offload]}"
        )


def policies(me, offload):
    for number in range(1, TUNNELS + 1):
        for way, source in (("out", me), ("in", 3 - me)):
            yield (
                f"xfrm policy add src {host(source, number)} dst {host(3 - source, number)} dir {way} "
                f"tmpl src 10.1.0.{source} dst 10.1.0.{3 - source} proto esp reqid {number} mode tunnel "
                + (f"offload packet dev {DEVICE}" if offload else "")
            )


def on_card():
    told = subprocess.run(["ethtool", "-S", DEVICE], check=True, text=True, capture_output=True).stdout
    return sum(int(line.split()[1]) for line in told.splitlines() if "ipsec_sa_on_card:" in line)


def rates(me):
    """SAs installed a second by netlink: in software, with crypto and with packet offload."""
    for salt, offload in enumerate((None, "crypto", "packet")):
        lines = list(states(me, me, offload, salt))
        start = time.monotonic()
        batch(lines)
        figure(f"sa_per_second.{offload or 'software'}", TUNNELS / (time.monotonic() - start))
        subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
        while on_card():  # the stack gives them back one by one, later
            time.sleep(1)


def install(me):
    offload = "packet" if me == 1 else None
    for sender in (me, 3 - me):
        batch(states(me, sender, offload, 9))
    batch(policies(me, offload))
    batch([f"route add local 10.{50 + me}.0.0/16 dev lo", f"route add 10.{53 - me}.0.0/16 dev {DEVICE}"])


def send():
    """A datagram through each tunnel, until the other end has had all."""
    while not (MEET / "listens").exists():
        time.sleep(0.2)
    while not (MEET / "all").exists():
        for number in range(1, TUNNELS + 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((host(1, number), 0))
                one.sendto(b"x", (host(2, number), PORT))
            time.sleep(0.002)
        time.sleep(3)


def receive():
    """Status 1 if a tunnel passed nothing within two minutes."""
    left = set(range(1, TUNNELS + 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("", PORT))
        (MEET / "listens").touch()
        end = time.monotonic() + 120
        while left and time.monotonic() < end:
            if select.select([one], [], [], 1)[0]:
                high, low = one.recvfrom(99)[1][0].split(".")[2:]
                left.discard(int(high) * 256 + int(low))
    (MEET / "all").touch()
    figure("tunnels", TUNNELS - len(left))
    return bool(left)


def main():
    me, what = int(sys.argv[1]), sys.argv[2]
    if what == "rates":
        return rates(me)
    if what == "install":
        return install(me)
    return send() if me == 1 else receive()


if __name__ == "__main__":
    sys.exit(main())
