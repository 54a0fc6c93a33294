# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the card as they are synthesized: small enough for yosys, large enough to mean something."""

from dataclasses import dataclass, field


@dataclass
class Part:
    """`sources` may name .f lists; `without` are modules counted elsewhere; `gates`: tables become gates early."""

    name: str
    sources: list
    top: str = ""
    parameters: dict = field(default_factory=dict)
    without: list = field(default_factory=list)
    gates: bool = False

    def __post_init__(self):
        self.top = self.top or self.name

    def files(self, root):
        found = []
        for name in self.sources:
            more = (root / name).read_text().split() if name.endswith(".f") else [name]
            found += [f for f in more if f not in found]
        return found


ABI = "build/gen/vesper_abi_pkg.sv"
COMMON = [ABI, "rtl/vesper_pkg.sv", "rtl/gcm/gcm_pkg.sv", "rtl/lib/fifo.sv"]
AES = ["rtl/aes/aes_pkg.sv", "rtl/aes/aes_stage.sv"]
ENGINE = ["rtl/gcm/gcm_engine.f"]


def stage(blocks, number):
    return Part(
        f"aes_stage_{blocks}_{number}", AES, "aes_stage", {"BLOCKS": blocks, "STAGE": number}, gates=True
    )


def around(blocks):
    """The engine's parts but for the AES stages, hardest first."""
    n = {"BLOCKS": blocks}
    inner = [
        Part(f"ghash_{blocks}", ENGINE, "ghash", n, gates=True),
        Part(f"gcm_powers_{blocks}", ENGINE, "gcm_powers", n, gates=True),
        Part(f"gcm_slots_{blocks}", ENGINE, "gcm_slots", {**n, "CREDITS": 32}),
        Part(f"gcm_pack_{blocks}", ENGINE, "gcm_pack", {**n, "DEPTH": 32}),
    ]
    return [
        *inner,
        Part(f"gcm_engine_{blocks}", ENGINE, "gcm_engine", n, ["aes_stage", *(p.top for p in inner)]),
    ]


# No two stages are the same logic: rounds that a key length has not, and the key schedule's step, differ.
STAGES = range(1, 15)
ENGINES = {n: around(n) + [stage(n, s) for s in STAGES] for n in (1, 4)}
OTHERS = [
    Part("esp_out", [*COMMON, "rtl/esp/esp_out.f"]),
    Part("esp_in", [*COMMON, "rtl/esp/esp_in.f"]),
    Part("vesper_dma", [ABI, "rtl/vesper_pkg.sv", "rtl/lib/fifo.sv", "rtl/dma/dma.f"]),
    Part("gcm_inject", ["rtl/gcm/gcm_pkg.sv", "rtl/mgmt/gcm_inject.sv"]),
    Part("frame_fifo", ["rtl/vesper_pkg.sv", "rtl/lib/fifo.sv", "rtl/lib/frame_fifo.sv"]),
    Part("sa_table", [ABI, "rtl/vesper_pkg.sv", "rtl/lib/fifo.sv", "rtl/sa/sa_table.f"]),
]
PARTS = ENGINES[1] + ENGINES[4] + OTHERS

# The engine's parts with BLOCKS=1, placed and routed each alone.
ROUTED = [part for part in ENGINES[1] if part.top != "gcm_engine"]
