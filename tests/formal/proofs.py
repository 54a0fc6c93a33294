# SPDX-License-Identifier: BSD-2-Clause
"""The proofs: which module, with which parameters, what is claimed, and how to break it."""

from dataclasses import dataclass, field


@dataclass
class Proof:
    """`define` selects the block FORMAL_<define>; a mutation is (file, text found once, text instead).

    `smaller`, likewise, are changes that only make the state smaller, so that the proof ends.
    `undecided` says why a proof is skipped unless it is asked for by name.
    """

    name: str
    what: str
    sources: list
    top: str = ""
    define: str = ""
    parameters: dict = field(default_factory=dict)
    depth: int = 3
    reach: int = 12  # cycles from reset in which a broken RTL must fail
    extra: str = ""  # yosys commands
    undecided: str = ""
    smaller: list = field(default_factory=list)
    mutations: list = field(default_factory=list)

    def __post_init__(self):
        self.top = self.top or self.name
        self.define = self.define or self.name


# Who only moves beats does not look into them: one byte stands for 64.
NARROW = ("rtl/vesper_pkg.sv", "BEAT_BYTES = 64", "BEAT_BYTES = 1")

# Limits of 18 bits are compared and counted as those of 64 are, and hold a packet's 16 bits of length.
COUNTERS = ("rtl/sa/sa_pkg.sv", "COUNT_W = 64", "COUNT_W = 18")

SA = ["build/gen/vesper_abi_pkg.sv", "rtl/vesper_pkg.sv"]

PROOFS = [
    Proof(
        "fifo",
        "neither loses nor invents nor reorders",
        ["rtl/lib/fifo.sv"],
        parameters={"WIDTH": 4, "DEPTH": 4},
        mutations=[
            ("rtl/lib/fifo.sv", "count != DEPTH[$bits(count)-1:0]", "1'b1"),
            ("rtl/lib/fifo.sv", "head <= head + 1'b1", "head <= head + 2'd2"),
            ("rtl/lib/fifo.sv", "mem[tail] <= s_data", "mem[tail] <= {s_data[0+:1], s_data[WIDTH-1:1]}"),
        ],
    ),
    Proof(
        "skid_buffer",
        "neither loses nor invents nor reorders; what is offered stays",
        ["rtl/lib/skid_buffer.sv"],
        parameters={"WIDTH": 4},
        mutations=[
            ("rtl/lib/skid_buffer.sv", "assign s_ready = !full", "assign s_ready = 1'b1"),
            ("rtl/lib/skid_buffer.sv", "wire free = !m_valid || m_ready", "wire free = 1'b1"),
            ("rtl/lib/skid_buffer.sv", "if (full) m_data <= kept;", "if (full) m_data <= s_data;"),
        ],
    ),
    Proof(
        "frame_fifo",
        "whole frames leave unchanged, in order, with their own meta; only s_drop drops",
        ["rtl/vesper_pkg.sv", "rtl/lib/fifo.sv", "rtl/lib/frame_fifo.sv"],
        parameters={"BEATS": 4, "FRAMES": 2},
        smaller=[NARROW],
        mutations=[
            ("rtl/lib/frame_fifo.sv", "s_beat.last && s_drop) wr <= wr_done", "s_drop) wr <= wr_done"),
            ("rtl/lib/frame_fifo.sv", "if (commit) wr_done", "if (take) wr_done"),
            (
                "rtl/lib/frame_fifo.sv",
                ".m_ready(m_valid && m_ready && m_beat.last)",
                ".m_ready(m_valid && m_ready)",
            ),
            ("rtl/lib/frame_fifo.sv", "whole && (!m_valid || m_ready)", "whole"),
            ("rtl/lib/frame_fifo.sv", "commit && rd != wr)", "rd != wr)"),
        ],
    ),
    Proof(
        "frame_arb",
        "never mixes frames, keeps its choice, starves no one",
        ["rtl/vesper_pkg.sv", "rtl/lib/frame_arb.sv"],
        parameters={"N": 3},
        smaller=[NARROW],
        mutations=[
            ("rtl/lib/frame_arb.sv", "grant   = busy ? owner : next", "grant   = next"),
            ("rtl/lib/frame_arb.sv", "int i = N; i > 0; i--", "int i = 1; i <= N; i++"),
            (
                "rtl/lib/frame_arb.sv",
                "busy  <= !(m_ready && m_beat.last)",
                "busy  <= !m_ready || m_beat.last",
            ),
        ],
    ),
    Proof(
        "sa_out",
        "an outbound number never repeats nor goes back, ends at 2^32-1 (ESN: 2^64-1) and at the lease's end",
        [*SA, "rtl/lib/fifo_wiped.sv"]
        + [f"rtl/sa/{name}.sv" for name in ("sa_pkg", "sa_ram", "sa_count", "sa_fit", "sa_out")],
        parameters={"ENTRIES": 2},
        smaller=[COUNTERS],
        # Bits that nothing here depends on (key, drop counters) go away.
        extra="memory_map; opt -full",
        mutations=[
            ("rtl/sa/sa_out.sv", "byp_valid <= we && s2_index == s1_index", "byp_valid <= 1'b0"),
            ("rtl/sa/sa_out.sv", "cur.seq >= 64'hffff_ffff", "cur.seq >= 64'h1_0000_0000"),
            ("rtl/sa/sa_out.sv", "cur.seq == '1 :", "1'b0 :"),
            ("rtl/sa/sa_out.sv", "seq_up = cur.seq + 64'd1", "seq_up = cur.seq + 64'd0"),
            ("rtl/sa/sa_out.sv", "cur.seq >= cur.lease_end", "cur.seq > cur.lease_end"),
        ],
    ),
    Proof(
        "sa_count",
        "an SA's packets and bytes never exceed its hard limits, and each of its events comes once",
        [*SA, "rtl/sa/sa_pkg.sv", "rtl/sa/sa_ram.sv", "rtl/sa/sa_count.sv"],
        parameters={"ENTRIES": 2},
        depth=2,
        smaller=[COUNTERS],
        extra="memory_map; opt -full",
        mutations=[
            ("rtl/sa/sa_count.sv", "byp_valid <= b_we && b_index == a_index", "byp_valid <= 1'b0"),
            ("rtl/sa/sa_count.sv", "cur.packets >= limits.hard_packets", "cur.packets > limits.hard_packets"),
            (
                "rtl/sa/sa_count.sv",
                "bytes_up > {1'b0, limits.hard_bytes}",
                "bytes_up > {1'b0, limits.hard_bytes} + 1'b1",
            ),
            ("rtl/sa/sa_count.sv", "b_codes &= ~cur.told", "b_codes &= '1"),
        ],
    ),
    Proof(
        "sa_window",
        "the window takes each number once (rings of 2 words of 4 numbers of 10 bits: the module's parameters)",
        [*SA, "rtl/sa/sa_pkg.sv", "rtl/sa/sa_ram.sv", "rtl/sa/sa_window.sv"],
        parameters={"ENTRIES": 2, "SEQ_W": 10, "BLOCK_LOG2": 2, "RING_LOG2": 1},
        depth=2,
        extra="memory_map; opt -full",
        mutations=[
            ("rtl/sa/sa_window.sv", "word_byp_valid <= ring_we &&", "word_byp_valid <= 1'b0 &&"),
            ("rtl/sa/sa_window.sv", "edge_byp_valid <= edge_we &&", "edge_byp_valid <= 1'b0 &&"),
            (
                "rtl/sa/sa_window.sv",
                "stamp: cur.top[SEQ_W-1-:STAMP_W], seen: cur.head",
                "stamp: cur.top[SEQ_W-1-:STAMP_W], seen: c1_bit",
            ),
            ("rtl/sa/sa_window.sv", "e.top - seq >= SEQ_W'(e.window)", "e.top - seq > SEQ_W'(e.window)"),
            ("rtl/sa/sa_window.sv", "F_MAX = {1'b1, {WW - 1{1'b0}}}", "F_MAX = {1'b1, {WW - 1{1'b1}}}"),
        ],
    ),
    Proof(
        "dma_queue",
        "doorbells move a tail forward only and never beyond the ring",
        ["build/gen/vesper_abi_pkg.sv", "rtl/dma/dma_pkg.sv", "rtl/dma/dma_queue.sv"],
        mutations=[
            ("rtl/dma/dma_queue.sv", "tx_new >= tx_old && ", ""),
            ("rtl/dma/dma_queue.sv", "rx_new <= (16'd1 << rx_ring.size_log2)", "rx_new <= 16'd32768"),
            ("rtl/dma/dma_queue.sv", "int'(cfg.tx_log2) >= RING_LOG2_MIN &&", ""),
        ],
    ),
    Proof(
        "esp_in_emit",
        "nothing of a packet is read before its fate is known to be good",
        ["build/gen/vesper_abi_pkg.sv", "rtl/vesper_pkg.sv", "rtl/gcm/gcm_pkg.sv", "rtl/lib/fifo.sv"]
        + ["rtl/lib/lane_pkg.sv", "rtl/lib/frame_join.sv", "rtl/esp/ip_pkg.sv", "rtl/esp/esp_in_pkg.sv"]
        + ["rtl/esp/esp_in_emit.sv"],
        # Its assertions speak of lengths, which the stages before see to.
        smaller=[("rtl/lib/frame_join.sv", "`ifndef SYNTHESIS", "`ifndef FORMAL")],
        mutations=[
            (
                "rtl/esp/esp_in_emit.sv",
                "decrypted = order.kind == IN_ESP && fate.status == ST_OK",
                "decrypted = order.kind == IN_ESP",
            ),
            ("rtl/esp/esp_in_emit.sv", "good = fate_valid && (fate.status", "good = (fate.status"),
            ("rtl/esp/esp_in_emit.sv", "plain_now - 14'd64 : 14'd0", "plain_now - 14'd64 : plain_now"),
            (
                "rtl/esp/esp_in_emit.sv",
                "else if (d_valid && d_ready && order.kind == IN_ESP) rd",
                "else if (d_valid && d_ready) rd",
            ),
        ],
    ),
]
