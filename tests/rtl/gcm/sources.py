# SPDX-License-Identifier: BSD-2-Clause
"""The engine's sources, packages first, as its file list has them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENGINE = (ROOT / "rtl/gcm/gcm_engine.f").read_text().split()
PACKAGES = [source for source in ENGINE if source.endswith("_pkg.sv")]
AES = [source for source in ENGINE if source.startswith("rtl/aes/")]
# what the packages' functions are in hardware
LOGIC = [f"rtl/aes/{name}.sv" for name in ("aes_sub_word", "aes_new_word", "aes_key_step")]
LOGIC += [f"rtl/gcm/{name}.sv" for name in ("xor_of_products", "clmul", "gf_product")]


def has_instructions():
    """Does this processor have AES-NI and PCLMULQDQ?"""
    words = Path("/proc/cpuinfo").read_text().split()
    return "aes" in words and "pclmulqdq" in words


# For what stands around the engine: its AES and products by the processor's instructions, where it has them. The bits
# and cycles are the same (test_gcm_engine_dpi), and the model compiles in half the time.
BY_INSTRUCTIONS = ["rtl/gcm/gcm_dpi.c"] if has_instructions() else []
DEFINES = {"VESPER_DPI": None} if has_instructions() else {}
