# SPDX-License-Identifier: BSD-2-Clause
"""What is synthesized, and what must come out."""

from dataclasses import dataclass, field


@dataclass
class Part:
    """`top` is one of make's SYNTH_TOPS or a module in the sources of `of`, which is one."""

    name: str
    top: str = ""
    of: str = ""
    parameters: dict = field(default_factory=dict)
    what: str = ""
    # yosys' pass of that name: merges cells that are never needed together; a SAT solver looks at each pair
    share: bool = True

    def __post_init__(self):
        self.top = self.top or self.name
        self.of = self.of or self.top


# Small ones first: `make synth` shows something early.
PARTS = [
    Part("gcm_inject", what="shares the engine between data path and firmware"),
    Part("ip_parse", what="IP headers of a frame's first beats"),
    Part("wire_rx", what="frames from the wire: address filter, drop of what is bad or too much"),
    Part("wire_tx", what="frames to the wire"),
    Part("vesper_csr", what="registers, MSI-X table"),
    Part("event_ring", what="events to the host"),
    Part("esp_out", what="ESP outbound around the engine"),
    Part("esp_in", what="ESP inbound around the engine"),
    Part("sa_table", what="security associations: look-up, numbers, replay window, counters"),
    Part("policy_table", what="outbound policies: look-up by masks and hashes"),
    # 158 cells to compare, some of which are used under 256 conditions: hours
    Part("vesper_dma", what="rings and DMA", share=False),
    Part("tx_offload", of="vesper_dma", what="of it: TSO, checksums on sending", share=False),
    Part("rx_class", of="vesper_dma", what="of it: checksums, RSS on receipt", share=False),
    Part("vesper_mgmt", what="management CPU, its memory and mailbox"),
    Part("gcm_engine_1", "gcm_engine", parameters={"BLOCKS": 1}, what="AES-GCM, a block a cycle"),
    Part("aes_pipe_1", "aes_pipe", "gcm_engine", {"BLOCKS": 1}, "of it: AES"),
    Part("ghash_1", "ghash", "gcm_engine", {"BLOCKS": 1}, "of it: GHASH"),
    Part("gcm_engine_4", "gcm_engine", parameters={"BLOCKS": 4}, what="AES-GCM, four blocks a cycle"),
]
# Placed and routed on an ECP5-85k of this speed grade (8 is the fastest), between the registers of a module of this folder.
ROUTED = {"gcm_engine_1": "gcm_engine_pins"}
SPEED_GRADE = "8"

LUT_LIMIT = {"gcm_engine_1": 25_000, "gcm_engine_4": 100_000}
MHZ_LIMIT = {"gcm_engine_1": 90}
