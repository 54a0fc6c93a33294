# SPDX-License-Identifier: BSD-2-Clause
"""AES and GF(2^128) below the engine."""

import pytest
from gcm.sources import AES, LOGIC, PACKAGES
from runner import run


@pytest.mark.parametrize("rom", [False, True])
def test_aes_pipe(rom):
    """rom: S-boxes in block RAM, two cycles a stage, registers written in every cycle."""
    blocks = 1 if rom else 4
    run(
        "aes_pipe",
        ["tests/rtl/aes/stages.vlt", *AES],
        "aes.cocotb_aes_pipe",
        parameters={"BLOCKS": blocks},
        defines={"VESPER_LUT4": None} if rom else None,
        env={"AES_BLOCKS": blocks, "AES_STAGE_CYCLES": 1 + rom},
    )


@pytest.mark.parametrize("lut6", [False, True])
def test_arithmetic(lut6):
    """lut6: as placed by hand in a Xilinx FPGA's look-up tables, for which tests/synth/LUT6.sv stands."""
    # the packages' parameters are for the modules that are not here
    run(
        "arith",
        [*(["tests/synth/LUT6.sv"] if lut6 else []), *PACKAGES, *LOGIC, "tests/rtl/gcm/arith.sv"],
        "gcm.cocotb_arith",
        defines={"VESPER_LUT6": None} if lut6 else None,
        extra_args=["-Wno-UNUSEDPARAM"],
        opt="-O0",  # the look-up tables compile for longer than they run
    )
