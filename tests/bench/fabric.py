# SPDX-License-Identifier: BSD-2-Clause
"""The card's fabric in simulated cycles: how much of the wire's beats it fills, without any host software.

    fabric.py OUT.json

Ratios are beats of the wire's side, which is the larger one, over cycles, while frames are offered as fast as they
are taken: outbound at the data path's door (fabric.out) and by the host DMA from a memory that answers after 100
cycles (fabric.hostout), inbound from the wire at its full rate (fabric.in; into that memory: fabric.hostin).
Tunnel mode, AES-256, ICV of 16 bytes.
Figures repeat exactly. A ratio may pass 1 a little: what the wire's buffer held back leaves faster than it came.
"""

import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests" / "rtl"
sys.path[:0] = [str(TESTS), *(str(TESTS / part) for part in ("dma", "sa", "esp_in", "fabric"))]

import runner  # noqa: E402
import test_sa_table  # noqa: E402
from merge import entry  # noqa: E402

RATIO, MPPS, CLOCK_MHZ = 0.95, 100, 250
FLAT = 0.99  # 65,536 SAs over one
MANY = 65536
# direction.mix.SAs, and by how many bytes frames in host memory are off the grain of 64
CASES = [
    *(
        (f"{direction}.{mix}.1", 0)
        for direction in ("out", "in", "hostout", "hostin")
        for mix in ("64", "imix", "1518", "9000")
    ),
    *(
        (f"{direction}.{mix}.1024", 0)
        for direction in ("out", "in")
        for mix in ("64", "imix", "1518", "9000")
    ),
    *((f"{direction}.64.65536", 0) for direction in ("out", "in")),
    *((f"{direction}.{mix}.1", 0) for direction in ("both", "hostboth") for mix in ("64", "imix")),
    ("hostout.64.1", 2),
    ("hostout.78.1", 0),
    ("hostout.78.1", 2),
]


def sources():
    """Those of the whole card but its management, and the bench's top."""
    listed = (ROOT / "build" / "gen" / "vesper_top.f").read_text().split()
    left_out = ("mgmt", "picorv32", "vesper_top.sv")
    kept = [s for s in listed if s.endswith("gcm_inject.sv") or not any(part in s for part in left_out)]
    return [*kept, "tests/rtl/sa/sa_filler.sv", "tests/rtl/fabric/fabric_tb.sv"]


def overflow():
    """The status of a frame for which the wire's buffer had no room."""
    header = (ROOT / "build" / "gen" / "vesper_abi_pkg.sv").read_text()
    return int(re.search(r"ST_WIRE_OVERFLOW = 8'd(\d+);", header)[1])


def measure(directory, testcase, top="fabric_tb", module="cocotb_fabric", **env):
    """{name: value} of one simulation."""
    report = ROOT / "build" / "bench" / "fabric.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text("")
    env = {"FABRIC_REPORT": report, "FABRIC_OVERFLOW": overflow(), **env}
    name = "-".join(["bench", *(str(v) for k, v in env.items() if k in ("FABRIC_CASE", "FABRIC_OFFSET"))])
    runner.simulate(top, directory, module, testcase=testcase, env=env, name=name)
    return dict(json.loads(line) for line in report.read_text().splitlines())


def main():
    if len(sys.argv) != 2:
        print("usage: fabric.py OUT.json", file=sys.stderr)
        return 2
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:7], os.environ.get("PYTHONPATH", "")])
    directory, results = runner.build("fabric_tb", sources()), []
    # The ring of a window is memory only: a large table makes do with small ones.
    large = runner.build("fabric_tb", sources(), {"SA_ENTRIES": MANY, "WINDOW_MAX": 128})
    for case, offset in CASES:
        direction, mix, count = case.split(".")
        where = large if int(count) > 1024 else directory
        figures = measure(where, "case", FABRIC_CASE=case, FABRIC_OFFSET=offset)
        suffix = (f".sas{count}" if count != "1" else "") + (f".offset{offset}" if offset else "")
        for side in ("out", "in"):
            if f"{case}.{side}.ratio" not in figures:
                continue
            name = f"fabric.{direction}.{mix}" + (f".{side}" if "both" in direction else "") + suffix
            # Off the grain the bus to the host carries a line more a frame than the wire does.
            limit = None if offset else RATIO
            results.append(entry(name, figures[f"{case}.{side}.ratio"], "wire beats/cycle", limit))
            if where is large:
                one = next(r["value"] for r in results if r["name"] == f"fabric.{direction}.{mix}")
                results.append(
                    entry(f"{name}.over_one", figures[f"{case}.{side}.ratio"] / one, "of one SA's", FLAT)
                )
            cycles = figures[f"{case}.{side}.cycles"]
            if mix in ("64", "78"):
                results.append(entry(f"{name}.cycles", cycles, "cycle/frame"))
            if mix == "64" and "both" not in direction and not suffix:
                rate = CLOCK_MHZ / cycles
                results.append(entry(f"{name}.mpps_at_250mhz", rate, "Mframe/s", MPPS))
    # The table alone: empty, and when 90 % of its places are taken. Inbound SAs take longer.
    figures = measure(test_sa_table.filled(1024), "cost", top="sa_fill", module="cocotb_sa_fill")
    for which in ("empty", "full"):
        for what in ("median", "max"):
            name = f"sa.table.add.cycles.{which}.{what}"
            results.append(entry(name, figures[f"sa.in.{which}.{what}"], "cycles"))
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
