# SPDX-License-Identifier: BSD-2-Clause
"""The AES-GCM engine at each width, and at one of them in the forms that synthesis takes."""

import pytest
from gcm.sources import BY_INSTRUCTIONS, DEFINES, ENGINE
from runner import run


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_gcm_engine(blocks):
    run(
        "gcm_engine",
        ENGINE,
        "gcm.cocotb_gcm_engine",
        parameters={"BLOCKS": blocks},
        env={"GCM_BLOCKS": blocks},
    )


@pytest.mark.skipif(not DEFINES, reason="the processor lacks AES-NI or PCLMULQDQ")
@pytest.mark.parametrize("blocks", [1, 4])
def test_gcm_engine_dpi(blocks):
    """All of the above, cycle counts included, with AES and products by the processor's instructions."""
    run(
        "gcm_engine",
        [*ENGINE, *BY_INSTRUCTIONS],
        "gcm.cocotb_gcm_engine",
        parameters={"BLOCKS": blocks},
        defines=DEFINES,
        env={"GCM_BLOCKS": blocks},
    )


@pytest.mark.parametrize("blocks, form", [(2, "VESPER_LOGIC_FORM"), (1, "VESPER_LUT4")])
def test_gcm_engine_logic_form(blocks, form):
    """The whole engine as synthesis takes it, for either kind of FPGA; what is below it is in test_aes.py."""
    small = {"GCM_SMALL_FIFO": "1"} if form == "VESPER_LUT4" else {}
    run(
        "gcm_engine",
        ENGINE,
        "gcm.cocotb_gcm_engine",
        parameters={"BLOCKS": blocks},
        defines={form: None},
        env={"GCM_BLOCKS": blocks, "GCM_RANDOM": 20} | small,
        testcase="published_examples,random_both,cycle_counts",
    )


def test_gcm_engine_reset_erases():
    """Keys, H and its powers, wherever the engine keeps them."""
    run(
        "gcm_engine",
        ["tests/rtl/gcm/secrets.vlt", *ENGINE],
        "gcm.cocotb_gcm_engine",
        env={"GCM_SECRETS": "1"},
        testcase="reset_erases",
    )
