# SPDX-License-Identifier: BSD-2-Clause
"""The policy table alone: lookups a cycle with 1,000 policies.

policy.py OUT.json
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "rtl" / "policy"), str(ROOT / "tests" / "rtl")]

import runner  # noqa: E402
from merge import entry  # noqa: E402
from test_policy import SOURCES  # noqa: E402

ENTRIES, MASKS = 4096, 16
# Four masks a cycle.
LIMITS = {4: 0.98, 8: 0.49, 16: 0.245}


def measure(directory, masks):
    """Lookups a cycle with `masks` of them in use."""
    report = ROOT / "build" / "bench" / "policy.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    env = {"ENTRIES": ENTRIES, "MASKS": MASKS, "MASKS_USED": masks, "POLICY_REPORT": report}
    runner.simulate(
        "policy_table", directory, "cocotb_policy", testcase="spread", env=env, name=f"bench-{masks}"
    )
    return float(report.read_text())


def main():
    if len(sys.argv) != 2:
        print("usage: policy.py OUT.json", file=sys.stderr)
        return 2
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:2], os.environ.get("PYTHONPATH", "")])
    directory = runner.build("policy_table", SOURCES, {"ENTRIES": ENTRIES, "MASKS": MASKS})
    results = []
    for masks, limit in LIMITS.items():
        rate = measure(directory, masks)
        results.append(entry(f"fabric.policy.1000.masks{masks}", rate, "lookup/cycle", limit))
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
