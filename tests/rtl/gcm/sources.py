# SPDX-License-Identifier: BSD-2-Clause
"""The engine's sources, packages first, as its file list has them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENGINE = (ROOT / "rtl/gcm/gcm_engine.f").read_text().split()
PACKAGES = [source for source in ENGINE if source.endswith("_pkg.sv")]
AES = [source for source in ENGINE if source.startswith("rtl/aes/")]
# what the packages' functions are in hardware
LOGIC = ["rtl/aes/aes_sub_word.sv", "rtl/gcm/xor_of_products.sv", "rtl/gcm/clmul.sv", "rtl/gcm/gf_product.sv"]
