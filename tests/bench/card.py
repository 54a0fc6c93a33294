# SPDX-License-Identifier: BSD-2-Clause
"""The whole card, as vesper-sim: bits a cycle, PCIe bytes, speed and memory of the simulation.

Traffic goes through the command, the library, the driver and the rings, as a
program's would. Outbound frames leave on the wire; inbound ones come back to
the host (lookaside), so that the host alone sets the pace. Cycles are the
card's own counter and hold what the management CPU did meanwhile; seconds are processor time of vesper-sim.

Usage: card.py OUT.json
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "demo"), str(ROOT / "tests" / "integration")]

from demo import vesper  # noqa: E402
from sim_process import CARD, Sim  # noqa: E402

# Lengths of the IP packet; IMIX is 7:4:1 of 64, 576 and 1500 bytes.
MIXES = {"64": [64], "512": [512], "1420": [1420], "imix": [64] * 7 + [576] * 4 + [1500]}
PACKETS = {"64": 24000, "512": 12000, "1420": 6000, "imix": 12000}
SA = "spi = 0x1001\nsource = 192.0.2.1\ndestination = 192.0.2.2\n"


@contextlib.contextmanager
def card(directory):
    """A card of its own; afterwards `counters` holds its statistics and `memory` its peak in bytes."""
    sim = Sim(CARD, directory, "--quiet")
    try:
        yield sim
        sim.memory = sim.rss()
    finally:
        sim.stop()
    sim.counters = json.loads(sim.stats_path.read_text())


def capture(path, mix, count):
    """`count` UDP packets of the lengths in `mix`; returns the bytes of the frames."""
    kinds = {
        n: bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(len=n) / UDP())
        for n in set(mix)
    }
    kinds = {n: frame + os.urandom(14 + n - len(frame)) for n, frame in kinds.items()}
    total = 0
    with PcapWriter(str(path), linktype=1, sync=False) as writer:
        writer.write_header(None)
        for i in range(count):
            frame = kinds[mix[i % len(mix)]]
            writer.write_packet(frame)
            total += len(frame)
    return total


def traffic(directory, name, results):
    """One mix, outbound to the wire and inbound back to the host."""
    count, plain = PACKETS[name], directory / "plain.pcap"
    sent = capture(plain, MIXES[name], count)
    sa = ["--sa", directory / "sa", "--key-file", directory / "key", "--strict", "--json", "-"]
    vesper("encrypt", "--software", *sa, "-o", directory / "esp.pcap", plain)

    with card(directory) as out:
        counts = json.loads(vesper("encrypt", "--card", out.path, *sa, "--wire", plain))
    bits = 8 * (sent - 14 * count)
    results.append((f"card.bits_per_cycle.{name}", bits / counts["cycles"], "plaintext bit/cycle", None))
    rings = out.counters["axi_read"]["rings"]["bytes"] + out.counters["axi_write"]["rings"]["bytes"]
    signals = 4 * (out.counters["register_writes"] + out.counters["interrupts"])
    results.append((f"card.pcie.bytes_per_packet.{name}", (rings + signals) / count, "B", 40))
    padding = out.counters["axi_read"]["frames"]["bytes"] - sent
    results.append((f"card.pcie.read_padding.{name}", padding / count, "B", None))

    with card(directory) as back:
        arguments = ["--card", back.path, *sa, "-o", directory / "back.pcap", directory / "esp.pcap"]
        counts = json.loads(vesper("decrypt", *arguments))
    results.append(
        (f"card.lookaside.bits_per_cycle.{name}", bits / counts["cycles"], "plaintext bit/cycle", None)
    )
    return out, count


def measure(directory):
    (directory / "sa").write_text(SA)
    (directory / "key").write_text(os.urandom(36).hex())
    results = []
    with card(directory) as idle:
        vesper("info", "--card", idle.path)
    for name in MIXES:
        out, count = traffic(directory, name, results)
        if name == "1420":
            busy = out.counters["cycles"] / out.counters["cpu_seconds"]
            results.append(("sim.cycles_per_second.busy", busy, "cycle/s", 200_000))
            # The start of the firmware is no part of the traffic.
            spent = out.counters["cpu_seconds"] - idle.counters["cpu_seconds"]
            results.append(("sim.packets_per_second.1420", count / spent, "packet/s", 5000))
            results.append(("sim.memory", out.memory / 2**20, "MiB", 200))
    rate = idle.counters["cycles"] / idle.counters["cpu_seconds"]
    results.append(("sim.cycles_per_second.idle", rate, "cycle/s, only the management CPU at work", None))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as directory:
        results = measure(Path(directory))
    rows = [
        {
            "name": name,
            "value": round(value, 3),
            "unit": unit,
            "limit": limit,
            "ratio": limit and round(value / limit, 3),
        }
        for name, value, unit, limit in results
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
