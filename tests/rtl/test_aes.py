# SPDX-License-Identifier: BSD-2-Clause
"""AES and GF(2^128) below the engine."""

import pytest
from gcm.sources import AES, PACKAGES
from runner import run


@pytest.mark.parametrize("blocks", [1, 4])
def test_aes_pipe(blocks):
    run("aes_pipe", AES, "aes.cocotb_aes_pipe", parameters={"BLOCKS": blocks}, env={"AES_BLOCKS": blocks})


def test_arithmetic():
    # the packages' parameters are for the modules that are not here
    run(
        "arith",
        [*PACKAGES, "tests/rtl/gcm/arith.sv"],
        "gcm.cocotb_arith",
        extra_args=["-Wno-UNUSEDPARAM"],
    )
