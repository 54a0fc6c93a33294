// SPDX-License-Identifier: BSD-2-Clause
//
// sa_table, with sa_filler at its management ports.

`default_nettype none

module sa_fill
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int ENTRIES    = 1024,
    parameter int WINDOW_MAX = 4096
) (
    input wire clk,
    input wire rst,
    output logic ready,
    output logic idle,

    // From a pulse of fill_go until fill_busy falls: `fill_count` SAs with SPIs from `fill_spi` on.
    input  logic        fill_go,
    input  logic        fill_in,
    input  logic [31:0] fill_spi,
    input  logic [16:0] fill_count,
    output logic        fill_busy,
    output logic [16:0] fill_refused,

    input  logic           out_req_valid,
    output logic           out_req_ready,
    input  sa_out_req_t    out_req,
    output logic           out_rsp_valid,
    input  logic           out_rsp_ready,
    output sa_out_rsp_t    out_rsp,
    input  logic           in_req_valid,
    output logic           in_req_ready,
    input  sa_in_req_t     in_req,
    output logic           in_rsp_valid,
    input  logic           in_rsp_ready,
    output sa_in_rsp_t     in_rsp,
    input  logic           cm_req_valid,
    output logic           cm_req_ready,
    input  sa_commit_req_t cm_req,
    output logic           cm_rsp_valid,
    input  logic           cm_rsp_ready,
    output logic [7:0]     cm_rsp_status,
    output logic           ev_valid,
    input  logic           ev_ready,
    output event_t         ev,

    input  logic        cfg_we,
    input  logic [ 6:0] cfg_word,
    input  logic [31:0] cfg_wdata,
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 2:0] cfg_cmd,
    input  logic        cfg_next,
    input  logic [31:0] cfg_handle,
    input  logic [63:0] cfg_arg,
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    input  logic [ 6:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data
);

  logic fill_we, fill_cmd_valid;
  logic [6:0] fill_word;
  logic [31:0] fill_wdata;
  sa_filler filler (
      .clk,
      .rst,
      .go(fill_go),
      .inbound(fill_in),
      .spi(fill_spi),
      .count(fill_count),
      .key('0),
      .key_bytes(8'd16),
      .h('0),
      .busy(fill_busy),
      .refused(fill_refused),
      .we(fill_we),
      .word(fill_word),
      .wdata(fill_wdata),
      .cmd_valid(fill_cmd_valid),
      .cmd_ready(cfg_cmd_ready),
      .rsp_valid(cfg_rsp_valid),
      .rsp_status(cfg_rsp_status)
  );

  sa_table #(
      .ENTRIES(ENTRIES),
      .WINDOW_MAX(WINDOW_MAX)
  ) table_i (
      .cfg_we(fill_busy ? fill_we : cfg_we),
      .cfg_word(fill_busy ? fill_word : cfg_word),
      .cfg_wdata(fill_busy ? fill_wdata : cfg_wdata),
      .cfg_cmd_valid(fill_busy ? fill_cmd_valid : cfg_cmd_valid),
      .cfg_cmd(fill_busy ? 3'd0 : cfg_cmd),
      .*
  );

endmodule

`default_nettype wire
