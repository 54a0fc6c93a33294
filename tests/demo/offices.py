#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two offices joined by IPsec: gateways with stock kernels, a Vesper card and strongSwan each.

Runs the scenario `offices` of tests/hil, prints what it proved, and makes build/demo/offices.html of it.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import offices_html
import tshark
from demo import frames

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "hil"))

import vpn  # noqa: E402

REQUEST = b"GET /page.html"


def excerpt(report, out, directory):
    """One packet that carries a request: (its bytes on the wire, what tshark decrypts of it)."""
    number = re.match(r"frame (\d+)", report["requests"][0])[1]
    one = directory / "request.pcapng"
    command = [
        "tshark",
        "-n",
        "-r",
        out / "card1" / "wire.pcapng",
        "-Y",
        f"frame.number == {number}",
        "-w",
        one,
    ]
    subprocess.run(command, check=True, capture_output=True)
    keys = directory / "offices.esp_sa"
    keys.touch(mode=0o600)
    keys.write_text("".join(f"{vpn.key_line(sa)}\n" for sa in report["keys"]))
    plain = tshark.inner_packets(one, keys, directory / "wireshark")
    if len(plain) != 1 or not plain[0] or REQUEST not in plain[0]:
        raise RuntimeError(f"{one}: tshark does not find the request in it")
    return frames(one)[0], plain[0]


def steps(out, machine):
    """What a guest said that it did: [(seconds, text)]."""
    found = re.findall(r"^\[ *([\d.]+)\] (.*)$", (out / machine / "out").read_text(), re.MULTILINE)
    return [(float(at), text) for at, text in found]


def rates(lines):
    """Samples of the interface's counters as [(seconds, bytes/s in, bytes/s out)]."""
    samples = [[float(value) for value in line.split()] for line in lines if line.count(" ") == 4]
    return [
        (b[0], (b[2] - a[2]) / (b[0] - a[0]), (b[4] - a[4]) / (b[0] - a[0]))
        for a, b in zip(samples, samples[1:], strict=False)
        if b[0] > a[0]
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--directory", type=Path, default=ROOT / "build" / "demo", help="for the page (build/demo)"
    )
    parser.add_argument("--mode", default="packet", help="strongSwan's hw_offload (default: packet)")
    parser.add_argument("--have", type=Path, help="artifacts of a run of the scenario, instead of a new run")
    options = parser.parse_args()
    start = time.monotonic()
    out = options.have or ROOT / "build" / "hil" / "out" / f"offices-{options.mode}"
    options.directory.mkdir(parents=True, exist_ok=True)
    if not options.have:
        command = [sys.executable, ROOT / "tests" / "hil" / "run", "--show", f"offices:{options.mode}@stock"]
        if subprocess.run(command).returncode:
            return 1
    report = json.loads((out / "report.json").read_text())
    story = {name: steps(out, name) for name in report["gateways"]}
    speed = {name: rates(g["samples"]) for name, g in report["gateways"].items()}
    wire, plain = excerpt(report, out, options.directory)
    negotiated = (out / "gateway1" / "negotiated").read_text()
    page = options.directory / "offices.html"
    page.write_text(offices_html.page(report, story, speed, negotiated, wire, plain))
    shown = os.path.relpath(page)
    print(f"\nTwo offices, two cards, {len(report['requests'])} pages loaded through them: look at {shown}.")
    print(
        f"The wire: {os.path.relpath(out)}/card1/wire.pcapng, its keys: {os.path.relpath(options.directory)}/offices.esp_sa."
    )
    print(f"{time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
