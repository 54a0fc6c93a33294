# SPDX-License-Identifier: BSD-2-Clause
"""Latency of one ESP tunnel packet through an idle card, in card cycles, with host memory 100 cycles away.

    latency.py OUT.json

doorbell_to_wire: from the doorbell's register write to the first beat on the wire. wire_to_host: from
the first beat off the wire to the RX completion in host memory. Bytes of the inner IP packet at the end.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RTL = ROOT / "tests" / "rtl"
sys.path[:0] = [str(RTL), *(str(RTL / d) for d in ("dma", "esp_in", "event", "policy", "sa", "wire", "top"))]

import card_model  # noqa: E402
from merge import entry  # noqa: E402

LIMITS = {"wire_to_host.64": 250}


def main():
    if len(sys.argv) != 2:
        print("usage: latency.py OUT.json", file=sys.stderr)
        return 2
    out = Path(sys.argv[1]).absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    report = out.with_name("latency-cycles.json")
    report.unlink(missing_ok=True)
    env = {"LATENCY_REPORT": report}
    card_model.simulate(card_model.build(), "cocotb_latency", "latency", env=env, name="bench")
    figures = json.loads(report.read_text())
    results = [entry(f"latency.{name}", v, "cycles", LIMITS.get(name)) for name, v in figures.items()]
    out.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
