# SPDX-License-Identifier: BSD-2-Clause
"""The model of the whole card: made once, used by its tests and by the latency benchmark."""

import os
import subprocess

import runner

FIRMWARE = "build/firmware/vesper-fw.hex"
LIST = "build/gen/vesper_top.f"
HERE = os.path.dirname(__file__)


def build(blocks=4):
    """Directory of the model with `blocks` 128-bit blocks a cycle; sources and firmware are made first."""
    root = runner.ROOT
    subprocess.run(["make", "-s", FIRMWARE, LIST], cwd=root, check=True)
    sources = (root / LIST).read_text().split()
    subprocess.run(["make", "-s", *(s for s in sources if s.startswith("build/"))], cwd=root, check=True)
    return runner.build("vesper_top", sources, {"BLOCKS": blocks})


def simulate(directory, test_module, testcase=None, **how):
    """Run cocotb tests of `test_module` on the model, with the real firmware."""
    plusargs = [f"+firmware={runner.ROOT / FIRMWARE}"]
    return runner.simulate("vesper_top", directory, test_module, testcase, plusargs=plusargs, **how)
