#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real traffic through the simulated card and back.

  record ──► vesper encrypt --wire ──► card ──► wire.pcapng ──┬─► tshark decrypts     ─► same packets?
     │                                                        └─► card, from the wire ─► same frames?
     └─────► vesper encrypt --software ───────────────────────────────────────────────► same ciphertext?

Ends with a table; any difference gives a non-zero exit status and says which
packet differs where.
"""

import argparse
import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import traffic
import tshark
from scapy.utils import RawPcapNgReader, RawPcapReader

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"
ETH = 14
OUTER = {"source": "192.0.2.1", "destination": "192.0.2.2", "spi": "0x56535001"}


class DemoError(RuntimeError):
    """Something differs, or a step failed."""


@contextlib.contextmanager
def step(text):
    """One line for a step, and one more every two seconds while it lasts."""
    start, over = time.monotonic(), threading.Event()
    print(f"  {text} ...", flush=True)

    def tick():
        while not over.wait(2):
            print(f"    {text}: {time.monotonic() - start:.0f} s", flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def vesper(*arguments):
    """Run the command; return its standard output."""
    result = subprocess.run([BIN / "vesper", *arguments], capture_output=True, text=True, timeout=600)
    if result.returncode:
        raise DemoError(f"vesper {arguments[0]}: status {result.returncode}: {result.stderr.strip()}")
    return result.stdout


@contextlib.contextmanager
def card(directory, name, *options):
    """A running card; yields its socket. The statistics stand in NAME.json afterwards."""
    socket = directory / f"{name}.sock"
    socket.unlink(missing_ok=True)
    log = directory / f"{name}.log"
    command = [BIN / "vesper-sim", "--socket", socket, "--stats", directory / f"{name}.json", *options]
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        for _ in range(600):
            if socket.exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        if not socket.exists():
            raise DemoError(f"the card did not start, {log}: {log.read_text().strip()}")
        yield socket
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
    if status:
        raise DemoError(f"the card ended with status {status}, {log}: {log.read_text().strip()}")


def frames(path):
    """The frames of a pcap or pcapng file."""
    with open(path, "rb") as capture:
        reader = RawPcapNgReader if capture.read(4) == b"\x0a\x0d\x0d\x0a" else RawPcapReader
    return [frame for frame, _ in reader(str(path))]


def compare(what, got, wanted):
    """Raise DemoError at the first packet and byte that differ."""
    for number, (a, b) in enumerate(zip(got, wanted, strict=False), 1):
        if a == b:
            continue
        at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
        raise DemoError(
            f"{what}: packet {number} differs at byte {at}: {a[at : at + 8].hex() or 'nothing'} instead of "
            f"{b[at : at + 8].hex() or 'nothing'} ({len(a)} bytes, {len(b)} wanted)"
        )
    if len(got) != len(wanted):
        raise DemoError(f"{what}: {len(got)} packets instead of {len(wanted)}")


def digest(packets):
    total = hashlib.sha256()
    for packet in packets:
        total.update(packet)
    return total.hexdigest()


def check_tshark(directory, originals):
    """tshark's plaintext must begin with each inner packet; what follows is padding that ESP describes."""
    plain = tshark.inner_packets(directory / "wire.pcapng", directory / "esp_sa.txt", directory / "wireshark")
    inner = []
    for number, (text, frame) in enumerate(zip(plain, originals, strict=False), 1):
        if text is None:
            raise DemoError(f"tshark: packet {number} was not decrypted")
        inner.append(text[: len(frame) - ETH])
    compare("tshark's plaintext", inner, [frame[ETH:] for frame in originals])
    if len(plain) != len(originals):
        raise DemoError(f"tshark: {len(plain)} packets instead of {len(originals)}")


def outbound(directory, sa):
    """Through the card to the wire; returns (counts, counters)."""
    with card(directory, "out", "--pcap", directory / "wire.pcapng") as socket:
        print(vesper("info", "--card", socket), end="")
        common = ["--card", socket, *sa, "--strict", "--json", directory / "encrypt.json"]
        vesper(
            "encrypt", *common, "--wire", "--esp-keylog", directory / "esp_sa.txt", directory / "traffic.pcap"
        )
        counters = json.loads(vesper("stats", "--card", socket, "--json", "-"))
    return json.loads((directory / "encrypt.json").read_text()), counters


def inbound(directory, sa, count):
    """From the wire through the card to the host; returns (frames, counts, counters)."""
    with card(directory, "in", "--wire", f"pcap:{directory}/unused.pcap,{directory}/wire.pcapng") as socket:
        vesper("sa", "--card", socket, *sa, "--direction", "in", "add")
        before = json.loads(vesper("stats", "--card", socket, "--json", "-"))["cycles"]
        arguments = ["--card", socket, "--count", str(count), "--timeout", "20000"]
        vesper("receive", *arguments, "--json", directory / "receive.json", "-o", directory / "back.pcap")
        counters = json.loads(vesper("stats", "--card", socket, "--json", "-"))
    received = json.loads((directory / "receive.json").read_text())
    return frames(directory / "back.pcap"), {**received, "cycles": counters["cycles"] - before}, counters


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  "
            + "  ".join(
                str(cell).rjust(w) if i else str(cell).ljust(w)
                for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            )
        )


def drops(counters, side):
    lost = {name: n for name, n in counters[side].items() if name != "ok"}
    return ", ".join(f"{name} {n}" for name, n in lost.items()) or "none"


def run(directory, capture):
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("*.json"):
        stale.unlink()
    (directory / "esp_sa.txt").unlink(missing_ok=True)
    if capture:
        (directory / "traffic.pcap").write_bytes(capture.read_bytes())
    else:
        with step("recording an HTTP download, DNS queries and pings in namespaces of our own"):
            traffic.record(directory)
    originals = frames(directory / "traffic.pcap")
    if not originals:
        raise DemoError("the capture holds no packet")

    sa_file, key_file = directory / "tunnel.sa", directory / "tunnel.key"
    sa_file.write_text("mode = tunnel\nicv = 16\n" + "".join(f"{k} = {v}\n" for k, v in OUTER.items()))
    key_file.touch(mode=0o600)
    key_file.write_text(secrets.token_hex(36) + "\n")
    sa = ["--sa", sa_file, "--key-file", key_file]

    with step(f"{len(originals)} packets through the card to the wire (ESP tunnel, AES-256-GCM)"):
        sent, out_counters = outbound(directory, sa)
    wire = frames(directory / "wire.pcapng")
    if len(wire) != len(originals):
        raise DemoError(f"wire.pcapng holds {len(wire)} packets, {len(originals)} were sent")
    with step("tshark decrypts wire.pcapng"):
        check_tshark(directory, originals)
    with step("the same packets back from the wire through the card"):
        back, received, in_counters = inbound(directory, sa, len(originals))
    compare("what came back", back, originals)
    with step("the same packets and the same SA in software"):
        vesper(
            "encrypt",
            "--software",
            *sa,
            "--strict",
            "-o",
            directory / "software.pcap",
            directory / "traffic.pcap",
        )
    compare("the card's ciphertext beside the software's", wire, frames(directory / "software.pcap"))

    out_sim, in_sim = (json.loads((directory / f"{name}.json").read_text()) for name in ("out", "in"))
    plain_bits = 8 * sum(map(len, originals))
    print()
    table(
        [
            ("", "out", "in"),
            ("packets in", sent["packets"], len(wire)),
            ("packets out", len(wire), received["packets"]),
            ("bytes in", sum(map(len, originals)), sum(map(len, wire))),
            ("bytes out", sum(map(len, wire)), sum(map(len, back))),
            ("dropped", drops(out_counters, "tx"), drops(in_counters, "rx")),
            ("simulated cycles", out_sim["cycles"], in_sim["cycles"]),
            ("of these with traffic", sent["cycles"], received["cycles"]),
            # A capture is played into the card one frame at a time: that side tells nothing about speed.
            ("plaintext bits a cycle", f"{plain_bits / max(sent['cycles'], 1):.1f}", "-"),
        ]
    )
    print(f"  SHA-256 of what went in    {digest(originals)}")
    print(f"  SHA-256 of what came back  {digest(back)}")
    print(
        f"\nAll {len(originals)} packets: decrypted by tshark, returned by the card, encrypted alike in software."
    )
    shown = os.path.relpath(directory)
    print(f"Look at {shown}/wire.pcapng (its key: {shown}/esp_sa.txt) and {shown}/back.pcap.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--capture", type=Path, help="send this capture (Ethernet, IPv4) instead of recording one"
    )
    parser.add_argument(
        "--directory", type=Path, default=ROOT / "build" / "demo", help="for all files (build/demo)"
    )
    options = parser.parse_args()
    start = time.monotonic()
    try:
        run(options.directory, options.capture)
    except (DemoError, traffic.TrafficError, OSError, subprocess.SubprocessError, RuntimeError) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
