# SPDX-License-Identifier: BSD-2-Clause
"""An SA_ADD through the mailbox, by the firmware: card cycles from doorbell to response.

    sa_add.py OUT.json

Kinds: the plainest SA of each direction, and one with every attribute that the direction can have; the table empty and
nine tenths full. What the host's own reads and writes cost is not in it.
"""

import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "rtl" / "mgmt"), str(ROOT / "tests" / "rtl")]

import runner  # noqa: E402
import test_mgmt  # noqa: E402
from merge import entry  # noqa: E402

LIMIT = 1500
NAMES = {"plain": "out", "inbound": "in", "full out": "out_all", "full in": "in_all"}


def main():
    if len(sys.argv) != 2:
        print("usage: sa_add.py OUT.json", file=sys.stderr)
        return 2
    out = Path(sys.argv[1]).absolute()
    report = out.with_name("sa-add-cycles.json")
    report.unlink(missing_ok=True)
    directory = runner.build("mgmt_bench", test_mgmt.SOURCES)
    runner.simulate(
        "mgmt_bench", directory, "mgmt.cocotb_requests", testcase="sa_add_cycles", name="bench",
        plusargs=[f"+firmware={test_mgmt.FIRMWARE}"], env={"SA_ADD_REPORT": report},
    )  # fmt: skip
    results = []
    for kind, fill, seen in json.loads(report.read_text()):
        for what, value in (("median", statistics.median(seen)), ("max", max(seen))):
            name = f"sa.add.cycles.{NAMES[kind]}.{'full' if fill else 'empty'}.{what}"
            results.append(entry(name, value, "cycles", LIMIT))
    out.write_text(json.dumps(results, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
