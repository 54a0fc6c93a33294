// SPDX-License-Identifier: BSD-2-Clause
//
// Policy table: the outbound policy of a packet by its 5-tuple, and the management of policies. See README.md in this
// folder for how it searches, its timing and its memories.
//
// A handle is {generation[15:0], index[15:0]}; the generation steps at each install of an index and is never 0.
// `ready` rises after the sweep that follows a reset.

`default_nettype none

module policy_table
  import vesper_pkg::*;
  import policy_pkg::*;
#(
    parameter int ENTRIES = 4096,  // policies, a power of two, 64..65536
    parameter int MASKS = 16       // different masks, a power of two, 4..64
) (
    input  wire  clk,
    input  wire  rst,
    output logic ready,
    output logic idle,

    // Answers in the order of the requests.
    input  logic        req_valid,
    output logic        req_ready,
    input  policy_req_t req,
    output logic        rsp_valid,
    input  logic        rsp_ready,
    output policy_rsp_t rsp,        // zero without `hit`

    // Staging of struct vesper_policy, word by word; it must be one that vesper_policy_check() accepts.
    input logic        cfg_we,
    input logic [ 3:0] cfg_word,
    input logic [31:0] cfg_wdata,

    // One command at a time; the answer is valid from the pulse of cfg_rsp_valid until the next command.
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 1:0] cfg_cmd,         // 0 INSTALL, 1 REMOVE, 2 READ, 3 WIPE
    input  logic        cfg_next,        // READ: the first policy at or above cfg_handle's index
    input  logic [31:0] cfg_handle,
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,  // MBX_OK, MBX_E_POLICY_DUPLICATE, _FULL, _MASKS, _HANDLE
    output logic [31:0] cfg_rsp_handle,

    // READ: struct vesper_policy, which overwrites the staging; a word comes in the next cycle.
    input  logic [ 3:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data
);

  localparam int IW = $clog2(ENTRIES);
  localparam int ROW_W = IW - 2;

  if (ENTRIES < 64 || ENTRIES > 65536 || (ENTRIES & (ENTRIES - 1)) != 0) begin : g_bad_entries
    $error("policy_table: ENTRIES is %0d, not a power of two from 64 to 65536", ENTRIES);
  end
  if (MASKS < LANES || MASKS > 64 || (MASKS & (MASKS - 1)) != 0) begin : g_bad_masks
    $error("policy_table: MASKS is %0d, not a power of two from 4 to 64", MASKS);
  end

  policy_mask_t [MASKS-1:0] masks;
  logic [MASKS-1:0][$clog2(MASKS)-1:0] order;
  logic [$clog2(MASKS):0] order_count;
  logic busy, no_packet;

  logic m_valid, m_ready, m_done, m_slots_valid, m_match, m_entry_valid;
  policy_kind_e m_kind;
  policy_flow_t m_flow;
  logic [5:0] m_mask;
  logic [ROW_W-1:0] m_row;
  logic [23:0] m_print, m_slots_print;
  logic [IW-1:0] m_index;
  logic [1:0][ROW_W-1:0] m_slots_row;
  policy_row_t [1:0] m_slots;
  logic [31:0] m_match_prio;
  policy_entry_t m_entry;

  logic [1:0] row_we;
  logic [ROW_W-1:0] row_waddr;
  policy_row_t row_wdata;
  logic ent_we;
  logic [IW-1:0] ent_waddr;
  policy_entry_t ent_wdata;

  assign idle = ready && cfg_cmd_ready && !cfg_rsp_valid && no_packet;

  policy_cfg #(
      .ENTRIES(ENTRIES),
      .MASKS  (MASKS)
  ) u_cfg (
      .*
  );

  policy_search #(
      .ENTRIES(ENTRIES),
      .MASKS  (MASKS)
  ) u_search (
      .open(ready),
      .idle(no_packet),
      .*
  );

endmodule

`default_nettype wire
