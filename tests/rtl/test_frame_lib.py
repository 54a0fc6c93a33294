# SPDX-License-Identifier: BSD-2-Clause
"""Cutting and joining frames: frame_align, frame_join."""

import pytest
from runner import run


@pytest.mark.parametrize("top", ["frame_align", "frame_join"])
def test_frame(top):
    sources = ["rtl/vesper_pkg.sv", "rtl/lib/lane_pkg.sv", f"rtl/lib/{top}.sv"]
    assert run(top, sources, f"cocotb_{top}") == 6
