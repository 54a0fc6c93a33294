# SPDX-License-Identifier: BSD-2-Clause
"""The model of the whole card: made once, used by its tests and by the latency benchmark."""

import os
import subprocess

import runner
from gcm.sources import BY_INSTRUCTIONS, DEFINES

FIRMWARE = "build/firmware/vesper-fw.hex"
LIST = "build/gen/vesper_top.f"
WAVES = os.environ.get("WAVES", "0") not in ("", "0")


def build(blocks=4, **how):
    """Directory of the model with `blocks` 128-bit blocks a cycle; sources and firmware are made first."""
    root = runner.ROOT
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", FIRMWARE, LIST], cwd=root, check=True, env=env)
    sources = (root / LIST).read_text().split()
    generated = [s for s in sources if s.startswith("build/")]
    subprocess.run(["make", "-s", *generated], cwd=root, check=True, env=env)
    defines = {**DEFINES, "VESPER_CLOCK_GATES": None}  # as vesper-sim is built
    if runner.COVERAGE:
        how["opt"] = "-O0"  # g++ takes more than ten minutes to optimise all its counters
    return runner.build(
        "vesper_top", [*sources, *BY_INSTRUCTIONS], {"BLOCKS": blocks}, defines=defines, waves=WAVES, **how
    )


def simulate(directory, test_module, testcase=None, **how):
    """Run cocotb tests of `test_module` on the model, with the real firmware."""
    plusargs = [f"+firmware={runner.ROOT / FIRMWARE}"]
    return runner.simulate(
        "vesper_top", directory, test_module, testcase, plusargs=plusargs, waves=WAVES, **how
    )
