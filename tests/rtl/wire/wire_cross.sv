// SPDX-License-Identifier: BSD-2-Clause
//
// Test top: two receive ports, merged by frame_arb, parted again by frame_demux (odd lengths to port 1), two send
// ports. All that lies between a MAC and the pipes, with nothing but itself.

`default_nettype none

module wire_cross
  import vesper_pkg::*;
  import rx_pkg::*;
#(
    parameter int BEATS = 512
) (
    input  wire                clk,
    input  wire                rst,
    input  wire                enable,
    input  wire rx_filter_t    filter,
    input  wire  [1:0][511:0]  rx_tdata,
    input  wire  [1:0][ 63:0]  rx_tkeep,
    input  wire  [1:0]         rx_tvalid,
    input  wire  [1:0]         rx_tlast,
    input  wire  [1:0]         rx_tuser,
    output logic [1:0][511:0]  tx_tdata,
    output logic [1:0][ 63:0]  tx_tkeep,
    output logic [1:0]         tx_tvalid,
    input  wire  [1:0]         tx_tready,
    output logic [1:0]         tx_tlast,
    output logic [1:0]         drop_valid,
    output logic [1:0][  7:0]  drop_status,
    output logic [1:0]         sent_valid,
    output logic [1:0][ 15:0]  sent_len,
    input  wire  [1:0]         sent_ready,
    output logic               idle
);

  logic [1:0] rx_valid, rx_ready, out_valid, out_ready, rx_idle, tx_idle, rx_tready;
  beat_t rx_beat[2];
  meta_t rx_meta[2];
  beat_t mid_beat, out_beat;
  meta_t mid_meta, out_meta;
  logic mid_valid, mid_ready;

  assign idle = &rx_idle && &tx_idle;

  for (genvar i = 0; i < 2; i++) begin : g_port
    // The pulse is what is looked at here; of the verdict only the status matters.
    /* verilator lint_off UNUSEDSIGNAL */
    verdict_t drop, sent;
    /* verilator lint_on UNUSEDSIGNAL */
    assign drop_status[i] = drop.status;
    assign sent_len[i]    = sent.len;

    wire_rx #(
        .BEATS(BEATS)
    ) rx (
        .clk,
        .rst,
        .enable,
        .filter,
        .s_axis_tdata (rx_tdata[i]),
        .s_axis_tkeep (rx_tkeep[i]),
        .s_axis_tvalid(rx_tvalid[i]),
        .s_axis_tready(rx_tready[i]),
        .s_axis_tlast (rx_tlast[i]),
        .s_axis_tuser (rx_tuser[i]),
        .m_valid      (rx_valid[i]),
        .m_ready      (rx_ready[i]),
        .m_beat       (rx_beat[i]),
        .m_meta       (rx_meta[i]),
        .drop_valid   (drop_valid[i]),
        .drop_verdict (drop),
        .idle         (rx_idle[i])
    );

    wire_tx tx (
        .clk,
        .rst,
        .s_valid      (out_valid[i]),
        .s_ready      (out_ready[i]),
        .s_beat       (out_beat),
        .s_meta       (out_meta),
        .m_axis_tdata (tx_tdata[i]),
        .m_axis_tkeep (tx_tkeep[i]),
        .m_axis_tvalid(tx_tvalid[i]),
        .m_axis_tready(tx_tready[i]),
        .m_axis_tlast (tx_tlast[i]),
        .sent_valid   (sent_valid[i]),
        .sent_ready   (sent_ready[i]),
        .sent_verdict (sent),
        .idle         (tx_idle[i])
    );
  end

  always_ff @(posedge clk)
    assert (rst || &rx_tready)
    else $error("a MAC was made to wait");

  frame_arb #(
      .N(2)
  ) arb (
      .clk,
      .rst,
      .s_valid(rx_valid),
      .s_ready(rx_ready),
      .s_beat (rx_beat),
      .s_meta (rx_meta),
      .m_valid(mid_valid),
      .m_ready(mid_ready),
      .m_beat (mid_beat),
      .m_meta (mid_meta)
  );

  frame_demux #(
      .N(2)
  ) demux (
      .s_valid(mid_valid),
      .s_ready(mid_ready),
      .s_beat (mid_beat),
      .s_meta (mid_meta),
      .s_sel  (mid_meta.len[0]),
      .m_valid(out_valid),
      .m_ready(out_ready),
      .m_beat (out_beat),
      .m_meta (out_meta)
  );

endmodule

`default_nettype wire
