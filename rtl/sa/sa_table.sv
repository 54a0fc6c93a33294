// SPDX-License-Identifier: BSD-2-Clause
//
// SA table: outbound lookup by handle, inbound lookup by destination and SPI, commit after the ICV, management.
// See README.md in this folder for timing and memories.
//
// A handle is {generation[14:0], inbound, index[15:0]}; the generation steps at each install of an index, so that the
// handle of a removed SA never names the next one in its place. `ready` rises after the sweep that follows a reset.

`default_nettype none

module sa_table
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024  // SAs a direction, a power of two, 64..65536
) (
    input wire clk,
    input wire rst,
    output logic ready,
    output logic idle,

    input  logic        out_req_valid,
    output logic        out_req_ready,
    input  sa_out_req_t out_req,
    output logic        out_rsp_valid,
    input  logic        out_rsp_ready,
    output sa_out_rsp_t out_rsp,

    input  logic       in_req_valid,
    output logic       in_req_ready,
    input  sa_in_req_t in_req,
    output logic       in_rsp_valid,
    input  logic       in_rsp_ready,
    output sa_in_rsp_t in_rsp,

    input  logic           cm_req_valid,
    output logic           cm_req_ready,
    input  sa_commit_req_t cm_req,
    output logic           cm_rsp_valid,
    input  logic           cm_rsp_ready,
    output logic [7:0]     cm_rsp_status,

    // Staging of struct vesper_sa_record, word by word, write-only; erased by INSTALL and WIPE.
    input  logic        cfg_we,
    input  logic [ 5:0] cfg_word,
    input  logic [31:0] cfg_wdata,

    // One command at a time; the answer is valid from the pulse of cfg_rsp_valid until the next command.
    input  logic                        cfg_cmd_valid,
    output logic                        cfg_cmd_ready,
    input  logic [                 1:0] cfg_cmd,         // 0 INSTALL, 1 REMOVE, 2 READ, 3 WIPE
    input  logic                        cfg_next,        // READ: the first SA at or above cfg_handle
    input  logic [                31:0] cfg_handle,
    output logic                        cfg_rsp_valid,
    output logic [                 7:0] cfg_rsp_status,  // MBX_OK, MBX_E_DUPLICATE, MBX_E_FULL, MBX_E_HANDLE
    output logic [                31:0] cfg_rsp_handle,
    output logic [8*SA_STATE_BYTES-1:0] cfg_rsp_state    // READ: struct vesper_sa_state
);

  localparam int IW = $clog2(ENTRIES);
  localparam int ROW_W = IW - 1;

  if (ENTRIES < 64 || ENTRIES > 65536 || (ENTRIES & (ENTRIES - 1)) != 0) begin : g_bad_entries
    $error("sa_table: ENTRIES is %0d, not a power of two from 64 to 65536", ENTRIES);
  end

  logic look_valid, look_done, hash_valid, hash_rsp_valid, hash_rsp_hit;
  sa_key_t look_key, hash_key;
  logic [1:0][ROW_W-1:0] look_row;
  sa_row_t [1:0] look_data;
  sa_row_t wr_data;
  logic [1:0] wr_valid;
  logic [ROW_W-1:0] wr_row;
  logic [15:0] hash_rsp_index;

  logic op_valid_out, op_valid_in, st_valid_out, st_valid_in, ctx_we_out, ctx_we_in;
  sa_op_e op;
  logic [IW-1:0] op_index, ctx_index;
  logic [14:0] op_gen;
  logic [63:0] op_seq;
  logic [12:0] op_window;
  sa_counts_t st_out, st_in;
  sa_ctx_t ctx_wdata;
  sa_in_ctx_t ctx_in_wdata;
  logic idle_out, idle_in;

  assign ctx_in_wdata = '{
          key: ctx_wdata.key,
          key_len: ctx_wdata.key_len,
          h: ctx_wdata.h,
          salt: ctx_wdata.salt,
          spi: ctx_wdata.spi,
          tunnel: ctx_wdata.tunnel,
          icv_bytes: ctx_wdata.icv_bytes,
          qid: ctx_wdata.qid,
          flags: ctx_wdata.flags
      };

  assign idle = ready && cfg_cmd_ready && !cfg_rsp_valid && idle_out && idle_in;

  sa_cfg #(
      .ENTRIES(ENTRIES)
  ) u_cfg (
      .st_valid(st_valid_out || st_valid_in),
      .st(st_valid_out ? st_out : st_in),
      .*
  );

  sa_hash #(
      .ENTRIES(ENTRIES)
  ) u_hash (
      .req_valid(hash_valid),
      .req_key(hash_key),
      .rsp_valid(hash_rsp_valid),
      .rsp_hit(hash_rsp_hit),
      .rsp_index(hash_rsp_index),
      .*
  );

  sa_out #(
      .ENTRIES(ENTRIES)
  ) u_out (
      .clk,
      .rst,
      .open(ready),
      .req_valid(out_req_valid),
      .req_ready(out_req_ready),
      .req(out_req),
      .rsp_valid(out_rsp_valid),
      .rsp_ready(out_rsp_ready),
      .rsp(out_rsp),
      .op_valid(op_valid_out),
      .op,
      .op_index,
      .op_gen,
      .op_seq,
      .st_valid(st_valid_out),
      .st(st_out),
      .ctx_we(ctx_we_out),
      .ctx_index,
      .ctx_wdata,
      .idle(idle_out)
  );

  sa_in #(
      .ENTRIES(ENTRIES)
  ) u_in (
      .clk,
      .rst,
      .open(ready),
      .req_valid(in_req_valid),
      .req_ready(in_req_ready),
      .req(in_req),
      .rsp_valid(in_rsp_valid),
      .rsp_ready(in_rsp_ready),
      .rsp(in_rsp),
      .cm_valid(cm_req_valid),
      .cm_ready(cm_req_ready),
      .cm(cm_req),
      .cm_rsp_valid,
      .cm_rsp_ready,
      .cm_rsp_status,
      .look_valid,
      .hash_valid,
      .hash_key,
      .hash_rsp_valid,
      .hash_rsp_hit,
      .hash_rsp_index,
      .op_valid(op_valid_in),
      .op,
      .op_index,
      .op_gen,
      .op_seq,
      .op_window,
      .st_valid(st_valid_in),
      .st(st_in),
      .ctx_we(ctx_we_in),
      .ctx_index,
      .ctx_wdata(ctx_in_wdata),
      .idle(idle_in)
  );

endmodule

`default_nettype wire
