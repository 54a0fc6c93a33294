# SPDX-License-Identifier: BSD-2-Clause
"""Runs the fuzzers: the card by frames and mailbox messages, the command's readers by files.

`make fuzz` calls this; tests/fuzz/test_fuzz.py calls its functions.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CARD = ROOT / "build" / "fuzz" / "card"
FILES = ROOT / "build" / "fuzz" / "files"
sys.path.insert(0, str(ROOT / "tests" / "integration"))

sys.path.insert(0, str(Path(__file__).parent))

import server  # noqa: E402
import sim_process  # noqa: E402


def card(directory, seed, frames, messages, first=0, attacks=0, progress=False):
    """Starts a card, fuzzes it and ends it; returns (status, output).

    attacks: mutated vfio-user messages before that, of which nothing may be left.
    """
    wire = Path(directory) / "wire"
    # Slower than the card's inbound side: what the line overruns is another test's matter.
    sim = sim_process.Sim(
        sim_process.CARD, Path(directory), "--wire", f"unix:{wire}", "--wire-rate", "40", "--quiet"
    )
    command = [CARD, "--socket", sim.path, "--wire", wire, "--seed", seed, "--frames", frames]
    command += ["--messages", messages, "--first", first, *(["--progress"] if progress else [])]
    try:
        if attacks:
            server.attack(sim.path, seed, attacks)
        result = subprocess.run(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=None if progress else subprocess.STDOUT,
            text=True,
        )
    finally:
        sim.stop()
    return result.returncode, result.stdout


def files(directory, seed, count, first=0):
    """Returns (status, output)."""
    command = [FILES, directory, seed, count, first]
    result = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return result.returncode, result.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--attacks", type=int, default=100_000, help="mutated vfio-user messages")
    parser.add_argument("--first", type=int, default=0, help="number of the first batch")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vesper.") as directory:
        if args.files:
            status, text = files(directory, args.seed, args.files)
            print(text, end="", flush=True)
            if status:
                return status
        status, text = card(directory, args.seed, args.frames, args.messages, args.first, args.attacks, True)
        print(text, end="", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
