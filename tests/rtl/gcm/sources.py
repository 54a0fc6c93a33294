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
