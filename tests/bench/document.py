#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print build/bench/results.json into the documents, so that no figure is copied by hand.

docs/performance.md is written whole; in README.md the table between the two
marks is. Usage: document.py [RESULTS.json]
"""

import json
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

# What each family of figures means; the first prefix that fits counts.
MEANING = [
    ("engine.sim.", "the engine alone under Verilator: processor time of a simulated cycle"),
    ("engine.rekey.", "cycles lost when each packet has a new key, key size and H"),
    (
        "engine.b",
        "the engine alone: cycles a packet, back to back, new key each packet; payload bytes at the end",
    ),
    (
        "fabric.out.",
        "data path alone, outbound: beats to the wire over cycles; bytes of the plaintext frame, IMIX 7:4:1 of 64, 590, 1514",
    ),
    (
        "fabric.in.",
        "data path alone, inbound: beats from the wire over cycles, the wire sending without a gap",
    ),
    (
        "fabric.policy.",
        "the policy table alone, 1,000 policies under so many masks: lookups over cycles",
    ),
    ("fabric.both.", "data path alone, both directions at once"),
    (
        "fabric.host",
        "the same with rings and DMA, host memory 100 cycles away; offset2: frames begin 2 bytes behind a 64-byte line",
    ),
    ("sa.table.add.", "cycles of an addition in the table's hardware; the firmware's part is not in it"),
    (
        "card.bits_per_cycle.",
        "plaintext through the whole card to the wire: rings, DMA, ESP, AES-256-GCM; IP bytes at the end",
    ),
    ("card.lookaside.", "the same, inbound and back to the host: decryption of ESP packets"),
    (
        "sa.add.cycles.",
        "an SA added by the firmware, doorbell to response: plainest SA or every attribute (all), table empty or 90 % full",
    ),
    ("latency.", "an idle card, one packet, host memory 100 cycles away"),
    ("card.pcie.bytes", "descriptors, completions, doorbells and interrupts a packet"),
    ("card.pcie.read_padding.", "bytes read beyond the frame, because reads are whole 64-byte beats"),
    ("sim.", "vesper-sim on one core; seconds of processor time"),
    (
        "driver.instructions.",
        "the userspace driver, a packet, bursts of 32: from the wire and sent on; to the card and back",
    ),
    ("sw.", "ESP in software (OpenSSL) beside raw EVP with a kept context, in the same run"),
]
SHOWN = [
    "engine.b4.cycles.64",
    "engine.b4.cycles.1456",
    "engine.b1.cycles.64",
    "engine.b1.cycles.1456",
    "engine.rekey.bubble",
    "fabric.hostout.64.mpps_at_250mhz",
    "fabric.hostin.64.mpps_at_250mhz",
    "fabric.hostout.imix",
    "fabric.hostin.imix",
    "sa.add.cycles.in.full.max",
    "latency.doorbell_to_wire.64",
    "latency.wire_to_host.64",
    "card.bits_per_cycle.64",
    "card.bits_per_cycle.1420",
    "card.bits_per_cycle.imix",
    "card.pcie.bytes_per_packet.64",
    "sim.cycles_per_second.busy",
    "sim.packets_per_second.1420",
    "sim.memory",
]


def text(value):
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def anchor(row):
    if "limit" in row and row["limit"] is not None:
        return f"limit {text(row['limit'])}"
    if "peer" in row and row["peer"] is not None:
        return f"peer {text(row['peer'])}"
    return ""


def table(rows):
    lines = ["| figure | value | unit | beside |", "|---|---:|---|---|"]
    lines += [f"| `{r['name']}` | {text(r['value'])} | {r['unit']} | {anchor(r)} |" for r in rows]
    return "\n".join(lines) + "\n"


def performance(rows):
    left = list(rows)
    parts = [
        "# Performance\n",
        "Printed by `make bench` (tests/bench/document.py) from `build/bench/results.json`; not edited by hand.",
        "Cycles are simulated. Those of `engine.*`, `fabric.*` and `latency.*` repeat exactly; those of",
        "`card.bits_per_cycle.*` and `card.lookaside.*` hold the pace of a host program, and vary by a tenth.",
        f"Seconds are those of the machine that printed this ({platform.machine()}, shared with other work).\n",
    ]
    for prefix, meaning in MEANING:
        some = [r for r in left if r["name"].startswith(prefix)]
        left = [r for r in left if r not in some]
        if some:
            parts.append(f"## `{prefix}*`\n\n{meaning[0].upper()}{meaning[1:]}.\n\n{table(some)}")
    if left:
        parts.append(f"## Others\n\n{table(left)}")
    return "\n".join(parts)


def main():
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "bench" / "results.json"
    rows = json.loads(source.read_text())
    (ROOT / "docs" / "performance.md").write_text(performance(rows))
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    _, after = rest.split(END)
    by_name = {r["name"]: r for r in rows}
    readme.write_text(
        before + BEGIN + "\n" + table([by_name[n] for n in SHOWN if n in by_name]) + END + after
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
