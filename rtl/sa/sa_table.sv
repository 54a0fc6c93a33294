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
    parameter int ENTRIES    = 1024,  // SAs a direction, a power of two, 64..65536
    parameter int WINDOW_MAX = 4096   // largest replay window, a power of two, 128..4096
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

    // EV_* of SAs: each comes once, and none is lost. While one waits long, the pipes stand still.
    output logic   ev_valid,
    input  logic   ev_ready,
    output event_t ev,

    // Staging of struct vesper_sa_record, word by word, write-only; erased by INSTALL and WIPE.
    input logic        cfg_we,
    input logic [ 6:0] cfg_word,
    input logic [31:0] cfg_wdata,

    // One command at a time; the answer is valid from the pulse of cfg_rsp_valid until the next command.
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 2:0] cfg_cmd,         // 0 INSTALL, 1 REMOVE, 2 READ, 3 WIPE, 4 LEASE
    input  logic        cfg_next,        // READ: the first SA at or above cfg_handle
    input  logic [31:0] cfg_handle,
    input  logic [63:0] cfg_arg,         // LEASE: lease_end
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,  // MBX_OK, MBX_E_DUPLICATE, MBX_E_FULL, MBX_E_HANDLE
    output logic [31:0] cfg_rsp_handle,

    // What READ found, struct vesper_sa_state: a word of it in the next cycle.
    input  logic [ 6:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data
);

  localparam int IW = $clog2(ENTRIES);
  localparam int ROW_W = IW - 1;
  localparam int RING_LOG2 = $clog2(WINDOW_MAX / 64);

  if (ENTRIES < 64 || ENTRIES > 65536 || (ENTRIES & (ENTRIES - 1)) != 0) begin : g_bad_entries
    $error("sa_table: ENTRIES is %0d, not a power of two from 64 to 65536", ENTRIES);
  end
  if (WINDOW_MAX < 128 || WINDOW_MAX > REPLAY_MAX || (WINDOW_MAX & (WINDOW_MAX - 1)) != 0) begin : g_bad_window
    $error("sa_table: WINDOW_MAX is %0d, not a power of two from 128 to %0d", WINDOW_MAX, REPLAY_MAX);
  end
  if (SA_REC_BYTES != 4 * DESC_WORDS + 16 || SA_STATE_BYTES != 8 * SNAP_WORDS + 4 * DESC_WORDS) begin : g_bad_abi
    $error("sa_table: SA record of %0d and state of %0d bytes", SA_REC_BYTES, SA_STATE_BYTES);
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
  sa_op_t op;
  logic [IW-1:0] ctx_index;
  logic [63:0] st_out, st_in;
  sa_out_ctx_t ctx_out_wdata;
  sa_in_ctx_t ctx_in_wdata;
  sa_shape_t shape_wdata;
  sa_limits_t lim_wdata;
  logic [1:0] note_valid, note_room;
  sa_note_t [1:0] note;
  logic idle_out, idle_in, idle_events;

  assign idle = ready && cfg_cmd_ready && !cfg_rsp_valid && idle_out && idle_in && idle_events;

  sa_cfg #(
      .ENTRIES  (ENTRIES),
      .RING_LOG2(RING_LOG2)
  ) u_cfg (
      .st_valid(st_valid_out || st_valid_in),
      .st(st_valid_out ? st_out : st_in),
      .*
  );

  sa_events u_events (
      .clk,
      .rst,
      .s_valid(note_valid),
      .s_note(note),
      .s_room(note_room),
      .ev_valid,
      .ev_ready,
      .ev,
      .idle(idle_events)
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
      .st_valid(st_valid_out),
      .st(st_out),
      .ctx_we(ctx_we_out),
      .ctx_index,
      .ctx_wdata(ctx_out_wdata),
      .shape_wdata,
      .lim_wdata,
      .note_valid(note_valid[0]),
      .note(note[0]),
      .note_room(note_room[0]),
      .idle(idle_out)
  );

  sa_in #(
      .ENTRIES  (ENTRIES),
      .RING_LOG2(RING_LOG2)
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
      .st_valid(st_valid_in),
      .st(st_in),
      .ctx_we(ctx_we_in),
      .ctx_index,
      .ctx_wdata(ctx_in_wdata),
      .lim_wdata,
      .note_valid(note_valid[1]),
      .note(note[1]),
      .note_room(note_room[1]),
      .idle(idle_in)
  );

endmodule

`default_nettype wire
