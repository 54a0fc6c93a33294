// SPDX-License-Identifier: BSD-2-Clause
//
// Frames from the card to the MAC (AXI4-Stream, 64 bytes a beat, no FCS), padded with zeros to the 60 bytes that
// Ethernet wants. With the last beat one verdict is given for each frame, which completes its TX descriptor.

`default_nettype none

module wire_tx
  import vesper_pkg::*;
(
    input  wire              clk,
    input  wire              rst,
    input  wire              s_valid,
    output logic             s_ready,
    input  beat_t            s_beat,
    // One type serves all stages; the wire needs only what the verdict says.
    /* verilator lint_off UNUSEDSIGNAL */
    input  meta_t            s_meta,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic     [511:0] m_axis_tdata,
    output logic     [ 63:0] m_axis_tkeep,
    output logic             m_axis_tvalid,
    input  wire              m_axis_tready,
    output logic             m_axis_tlast,
    output logic             sent_valid,
    input  wire              sent_ready,
    output verdict_t         sent_verdict,
    output logic             idle
);

  localparam logic [6:0] MIN_BYTES = 7'd60;

  logic first;
  logic [6:0] bytes;

  assign bytes = first && s_beat.last && s_beat.bytes < MIN_BYTES ? MIN_BYTES : s_beat.bytes;
  // The last beat leaves together with its verdict or not at all.
  logic go;
  assign s_ready    = go && (!s_beat.last || sent_ready);
  assign sent_valid = s_valid && s_beat.last && go;
  assign sent_verdict = '{
          host: s_meta.host,
          silent: 1'b0,
          more: s_meta.more,
          qid: s_meta.qid,
          index: s_meta.index,
          status: s_meta.status,
          len: s_meta.len,
          seq: s_meta.seq
      };
  assign idle = !m_axis_tvalid && first && !s_valid;

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) first <= s_beat.last;
    if (rst) first <= 1'b1;
  end

  skid_buffer #(
      .WIDTH(512 + 64 + 1)
  ) u_out (
      .clk,
      .rst,
      .s_valid(s_valid && s_ready),
      .s_ready(go),
      .s_data ({s_beat.last, ~(64'hffff_ffff_ffff_fffe << (bytes - 7'd1)), s_beat.data}),
      .m_valid(m_axis_tvalid),
      .m_ready(m_axis_tready),
      .m_data ({m_axis_tlast, m_axis_tkeep, m_axis_tdata})
  );

endmodule

`default_nettype wire
