# SPDX-License-Identifier: BSD-2-Clause
"""The AES-GCM engine alone: cycles a packet (cocotb) and time a simulated cycle (C++).

    engine.py OUT.json

Cycles are counted between the tags of packets that follow back to back, at the payload sizes 64 and
1456, with one key and with a new key and key size each packet; the difference is the rekeying bubble.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
sys.path.insert(0, str(ROOT / "tests" / "rtl"))

import runner  # noqa: E402
from gcm.sources import ENGINE  # noqa: E402

LIMITS = {(4, 64): 2, (4, 1456): 24, (1, 64): 6, (1, 1456): 93}
# A study of the same shape, the engine alone, on a machine like this one.
PEER_BUSY_NS, PEER_IDLE_NS = 1000, 225
PEER_DPI_BUSY_NS, PEER_DPI_IDLE_NS = 208, 45
SIM_CYCLES = 300000


def entry(name, value, unit, **against):
    """One line of the results; `against` is limit=... or peer=..., to which the ratio is taken."""
    reference = next(iter(against.values()))
    return {
        "name": name,
        "value": value,
        "unit": unit,
        **against,
        "ratio": value / reference if reference else 0.0,
    }


def cycles(blocks):
    """{(size, rekey): cycles a packet} as the simulation counts them."""
    report = BUILD / "bench" / f"engine-b{blocks}.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    env = {"GCM_BLOCKS": blocks, "GCM_REPORT": report}
    directory = runner.build("gcm_engine", ENGINE, {"BLOCKS": blocks})
    runner.simulate(
        "gcm_engine", directory, "gcm.cocotb_gcm_engine", testcase="cycle_counts", env=env, name="bench"
    )
    result = {}
    for line in report.read_text().splitlines():
        size, rekey, took = line.split()
        result[int(size), int(rekey)] = float(took)
    return result


def has_instructions():
    """Does this processor have AES-NI and PCLMULQDQ?"""
    words = Path("/proc/cpuinfo").read_text().split()
    return "aes" in words and "pclmulqdq" in words


def simulator(dpi):
    """Build the C++ harness as the card's simulator is built, and return its path."""
    directory = BUILD / "bench" / ("engine_sim_dpi" if dpi else "engine_sim")
    sources = [*ENGINE, "tests/bench/engine_sim.cc", *(["rtl/gcm/gcm_dpi.c"] if dpi else [])]
    state = hashlib.sha256(b"".join((ROOT / s).read_bytes() for s in sources)).hexdigest()
    program, stamp = directory / "engine_sim", directory / ".sources"
    if program.is_file() and stamp.is_file() and stamp.read_text() == state:
        return program
    command = [
        "verilator", "--cc", "--exe", "--build", "-j", "1", "-Wall", "-O3", "--x-assign", "fast",
        "--x-initial", "fast", "--noassert", "--top-module", "gcm_engine", "-GBLOCKS=4",
        "--Mdir", str(directory), "-o", "engine_sim", "-CFLAGS", "-O3 -march=native",
        "-MAKEFLAGS", "OPT_FAST=-O3 OPT_SLOW=-O1 OPT_GLOBAL=-O3 CFG_CXXFLAGS_PCH_I=-include",
        *(["-DVESPER_DPI"] if dpi else []), *sources,
    ]  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    if built.returncode:
        raise SystemExit(
            f"engine: the simulator does not build:\n{built.stdout[-3000:]}{built.stderr[-3000:]}"
        )
    stamp.write_text(state)
    return program


def times(dpi):
    """{"busy": ns, "idle": ns}: the best of three runs, for the machine may be busy otherwise."""
    program = simulator(dpi)
    best = {}
    for _ in range(3):
        out = subprocess.run([program, str(SIM_CYCLES)], check=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            name, value = line.split()
            best[name] = min(best.get(name, float("inf")), float(value))
    return best


def main():
    if len(sys.argv) != 2:
        print("usage: engine.py OUT.json", file=sys.stderr)
        return 2
    results, bubble = [], 0.0
    for blocks in (4, 1):
        took = cycles(blocks)
        for size in (64, 1456):
            limit = LIMITS[blocks, size]
            results.append(entry(f"engine.b{blocks}.cycles.{size}", took[size, 1], "cycles", limit=limit))
            bubble = max(bubble, took[size, 1] - took[size, 0])
    results.append(entry("engine.rekey.bubble", bubble, "cycles", limit=0))
    spent = times(dpi=False)
    results.append(entry("engine.sim.ns_per_busy_cycle", spent["busy"], "ns", peer=PEER_BUSY_NS))
    results.append(entry("engine.sim.ns_per_idle_cycle", spent["idle"], "ns", peer=PEER_IDLE_NS))
    if has_instructions():
        spent = times(dpi=True)
        results.append(entry("engine.sim.dpi.ns_per_busy_cycle", spent["busy"], "ns", peer=PEER_DPI_BUSY_NS))
        results.append(entry("engine.sim.dpi.ns_per_idle_cycle", spent["idle"], "ns", peer=PEER_DPI_IDLE_NS))
    Path(sys.argv[1]).write_text(json.dumps(results, indent=2) + "\n")
    missed = [r["name"] for r in results if "limit" in r and r["value"] > r["limit"]]
    for name in missed:
        print(f"engine: {name} is above its limit", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
