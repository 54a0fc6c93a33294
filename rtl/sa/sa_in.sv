// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound SAs: lookup with ESN's upper half and replay pre-check, and commit after the ICV.
//
//   lookup:  req -> hash, rows, compare (sa_hash) -> window's record, ring word -> upper half; context is read
//            -> pre-check -> answer queue
//   commit:  req -> c1: window (sa_window); counters and limits are read -> c2: limits, count -> answer queue
//
// Both may start in each cycle. The management's operations take a cycle of the commit pipe.

`default_nettype none

module sa_in
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int RING_LOG2 = 6,   // words of 64 numbers in a window's ring
    parameter int IW = $clog2(ENTRIES)
) (
    input wire clk,
    input wire rst,
    input logic open,  // 0: no request is accepted

    input  logic       req_valid,
    output logic       req_ready,
    input  sa_in_req_t req,
    output logic       rsp_valid,
    input  logic       rsp_ready,
    output sa_in_rsp_t rsp,

    input  logic           cm_valid,
    output logic           cm_ready,
    input  sa_commit_req_t cm,
    output logic           cm_rsp_valid,
    input  logic           cm_rsp_ready,
    output logic [7:0]     cm_rsp_status,

    // What the SA has to tell, in the cycle in which there is room.
    output logic     note_valid,
    output sa_note_t note,
    input  logic     note_room,

    // to sa_hash
    input  logic        look_valid,  // the management's turn
    output logic        hash_valid,
    output sa_key_t     hash_key,
    input  logic        hash_rsp_valid,
    input  logic        hash_rsp_hit,
    input  logic [15:0] hash_rsp_index,

    // Management; an operation enters in the cycle it is given.
    input  logic          op_valid,
    input  sa_op_t        op,
    output logic          st_valid,
    output logic [  63:0] st,
    input  logic          ctx_we,
    input  logic [IW-1:0] ctx_index,
    input  sa_in_ctx_t    ctx_wdata,
    input  sa_limits_t    lim_wdata,

    output logic idle
);

  localparam int DEPTH = 8;  // answers that may wait, of each kind
  localparam int WW = RING_LOG2 + 7;

  if ($bits(sa_in_ctx_t) != 874) begin : g_bad_size
    $error("sa_in: words of %0d bits; correct README.md", $bits(sa_in_ctx_t));
  end

  // ---- lookup ----
  logic [3:0] credit;
  logic accept;
  assign req_ready = open && !look_valid && credit != '0;
  assign accept = req_valid && req_ready;
  assign hash_valid = accept;
  assign hash_key = '{inbound: 1'b1, ipv6: req.ipv6, dst: req.dst, spi: req.spi};

  // What is not part of the key waits for its answer; sa_hash takes three cycles.
  typedef struct packed {
    logic [31:0] seq;
    logic        udp;
  } rest_t;
  rest_t [3:1] rest;
  logic v1, v2;
  always_ff @(posedge clk) begin
    v1 <= accept;
    v2 <= v1;
    if (accept) rest[1] <= '{seq: req.seq, udp: req.udp};
    if (v1) rest[2] <= rest[1];
    if (v2) rest[3] <= rest[2];
    if (rst) begin
      v1 <= 1'b0;
      v2 <= 1'b0;
    end
  end

  logic l1_valid, l1_hit, l1_udp, l2_valid, l2_hit, l2_udp;
  logic [15:0] l1_index, l2_index;
  logic lk_known, lk_replay, lk_udp;
  logic [14:0] lk_gen;
  logic [63:0] lk_number;
  sa_in_ctx_t l2_ctx;

  // Operations read it too, so that its output register does not keep a key that was erased.
  sa_ram #(
      .WIDTH($bits(sa_in_ctx_t)),
      .DEPTH(ENTRIES)
  ) u_ctx (
      .clk,
      .we(ctx_we),
      .waddr(ctx_index),
      .wdata(ctx_wdata),
      .re((l1_valid && l1_hit) || op_valid),
      .raddr(l1_valid && l1_hit ? l1_index[IW-1:0] : op.index[IW-1:0]),
      .rdata(l2_ctx)
  );

  always_ff @(posedge clk) begin
    l1_valid <= hash_rsp_valid;
    l2_valid <= l1_valid;
    if (hash_rsp_valid) begin
      l1_hit   <= hash_rsp_hit;
      l1_index <= hash_rsp_index;
      l1_udp   <= rest[3].udp;
    end
    if (l1_valid) begin
      l2_hit   <= l1_hit && lk_known;
      l2_index <= l1_index;
      l2_udp   <= l1_udp;
    end
    if (rst) begin
      l1_valid <= 1'b0;
      l2_valid <= 1'b0;
    end
  end

  sa_in_rsp_t answer;
  always_comb begin
    answer = '0;
    if (l2_valid) begin
      if (!l2_hit) answer.status = ST_NO_SA;
      else begin
        answer = '{
            status: l2_udp != lk_udp ? ST_ENCAP : lk_replay ? ST_REPLAY : ST_OK,
            handle: {lk_gen, 1'b1, l2_index},
            seq: lk_number,
            ctx: l2_ctx
        };
      end
    end
  end

  logic fifo_ready;
  fifo_wiped #(
      .WIDTH($bits(sa_in_rsp_t)),
      .DEPTH(DEPTH)
  ) u_answers (
      .clk,
      .rst,
      .s_valid(l2_valid),
      .s_ready(fifo_ready),
      .s_data(answer),
      .m_valid(rsp_valid),
      .m_ready(rsp_ready),
      .m_data(rsp)
  );

  always_ff @(posedge clk) begin
    credit <= credit - 4'(accept) + 4'(rsp_valid && rsp_ready);
    if (rst) credit <= 4'(DEPTH);
  end

  // ---- commit ----
  logic [3:0] cm_credit;
  logic cm_accept;
  assign cm_ready  = open && !op_valid && cm_credit != '0 && note_room;
  assign cm_accept = cm_valid && cm_ready;

  logic c1_valid, c1_op_valid, c1_named, c1_stale, c1_replay;
  logic [IW-1:0] c0_index, c1_index;
  sa_op_t c1_op;
  sa_commit_req_t c1_req;
  logic [63:0] c1_top;
  logic c0_authentic;
  assign c0_index = op_valid ? op.index[IW-1:0] : cm.handle[IW-1:0];
  assign c0_authentic = cm.handle[SA_INBOUND_BIT] && cm.handle[15:0] == 16'(c0_index) &&
      !(cm.status inside {ST_ICV, ST_REPLAY, ST_ENCAP, ST_ESP_LENGTH});

  always_ff @(posedge clk) begin
    c1_valid <= cm_accept;
    c1_op_valid <= op_valid;
    if (cm_accept || op_valid) c1_index <= c0_index;
    if (cm_accept) begin
      c1_req   <= cm;
      c1_named <= cm.handle[SA_INBOUND_BIT] && cm.handle[15:0] == 16'(c0_index);
    end
    if (op_valid) c1_op <= op;
    if (rst) begin
      c1_valid <= 1'b0;
      c1_op_valid <= 1'b0;
    end
  end

  sa_window #(
      .ENTRIES(ENTRIES),
      .RING_LOG2(RING_LOG2)
  ) u_window (
      .clk,
      .rst,
      .lk_valid(hash_rsp_valid && hash_rsp_hit),
      .lk_index(hash_rsp_index[IW-1:0]),
      .lk_seq(rest[3].seq),
      .lk_known,
      .lk_replay,
      .lk_number,
      .lk_gen,
      .lk_udp,
      .c0_valid(cm_accept),
      .c0_authentic,
      .c0_op_valid(op_valid),
      .c0_op(op.op),
      .c0_index,
      .c0_gen(op_valid ? op.gen : cm.handle[31:SA_GEN_SHIFT]),
      .c0_seq(op_valid ? op.seq : cm.seq),
      .c0_window(op.window[WW-1:0]),
      .c0_esn(op.esn),
      .c0_udp(op.udp),
      .c0_seen(op.seen),
      .c1_stale,
      .c1_replay,
      .c1_top
  );

  logic c2_valid, c2_op_valid, c2_known, over, drop;
  logic [7:0] c2_status, status;
  logic [3:0] reason;
  sa_op_t c2_op;
  sa_commit_req_t c2_req;
  logic [63:0] c2_top;
  logic [2:0] codes;
  logic [31:0] count_spi;

  always_ff @(posedge clk) begin
    c2_valid <= c1_valid;
    c2_op_valid <= c1_op_valid;
    if (c1_op_valid) c2_op <= c1_op;
    if (c1_valid) begin
      c2_req <= c1_req;
      c2_known <= c1_named && !c1_stale;
      c2_status <= !c1_named || c1_stale ? ST_SA_STALE : c1_replay ? ST_REPLAY : c1_req.status;
    end
    if (c1_op_valid) c2_top <= c1_top;
    if (rst) begin
      c2_valid <= 1'b0;
      c2_op_valid <= 1'b0;
    end
  end

  always_comb begin
    status = ST_OK;
    drop = 1'b0;
    reason = '0;
    if (c2_valid) begin
      status = over ? ST_LIFETIME : c2_status;
      drop = c2_known;
      case (status)
        ST_REPLAY: reason = SAD_REPLAY[3:0];
        ST_ICV: reason = SAD_ICV[3:0];
        ST_PADDING: reason = SAD_PADDING[3:0];
        ST_NEXT_HEADER: reason = SAD_NEXT_HEADER[3:0];
        ST_INNER: reason = SAD_INNER[3:0];
        ST_DUMMY: reason = SAD_DUMMY[3:0];
        ST_SELECTOR: reason = SAD_SELECTOR[3:0];
        ST_ECN: reason = SAD_ECN[3:0];
        ST_LIFETIME: reason = SAD_LIFETIME[3:0];
        ST_ENCAP: reason = SAD_ENCAP[3:0];
        ST_ESP_LENGTH: reason = SAD_ESP_LENGTH[3:0];
        default: drop = 1'b0;
      endcase
    end
  end

  logic count_idle, check;
  assign check = c2_valid && c2_known && c2_status == ST_OK;
  sa_count #(
      .ENTRIES(ENTRIES)
  ) u_count (
      .clk,
      .rst,
      .a_valid(c1_valid || c1_op_valid),
      .a_index(c1_index),
      .b_check(check),
      .b_go(check),
      .b_bytes(c2_req.bytes),
      .b_over(over),
      .b_codes(codes),
      .b_spi(count_spi),
      .b_drop(drop),
      .b_reason(reason),
      .b_op_valid(c2_op_valid),
      .b_op(c2_op.op),
      .b_word(c2_op.word),
      .b_value(c2_op.word == 5'(SNAP_SEQ) ? c2_top : '0),
      .st_valid,
      .st,
      .lim_we(ctx_we),
      .lim_index(ctx_index),
      .lim_wdata,
      .idle(count_idle)
  );

  assign note_valid = codes != '0;
  assign note = '{codes: {1'b0, codes}, handle: c2_req.handle, spi: count_spi, seq: c2_req.seq};

  logic cm_fifo_ready;
  logic [3:0] cm_fifo_count;
  fifo #(
      .WIDTH(8),
      .DEPTH(DEPTH)
  ) u_cm_answers (
      .clk,
      .rst,
      .s_valid(c2_valid),
      .s_ready(cm_fifo_ready),
      .s_data(status),
      .m_valid(cm_rsp_valid),
      .m_ready(cm_rsp_ready),
      .m_data(cm_rsp_status),
      .count(cm_fifo_count)
  );

  always_ff @(posedge clk) begin
    cm_credit <= cm_credit - 4'(cm_accept) + 4'(cm_rsp_valid && cm_rsp_ready);
    if (rst) cm_credit <= 4'(DEPTH);
  end

  assign idle = credit == 4'(DEPTH) && cm_credit == 4'(DEPTH) && !c1_op_valid && !c2_op_valid && count_idle;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // A credit is a place in the queue.
      assert (!l2_valid || fifo_ready);
      assert (!c2_valid || cm_fifo_ready);
      // Nothing that was found bad becomes good.
      assert (!(c2_valid && status == ST_OK) || (c2_req.status == ST_OK && c2_known));
    end
`endif

  wire unused = &{1'b0, fifo_ready, cm_fifo_count, cm_fifo_ready, op.index, op.window, op.lease_end,
                  c2_op.index, c2_op.gen, c2_op.seq, c2_op.lease_end, c2_op.window, c2_op.esn, c2_op.udp, c2_op.seen};

endmodule

`default_nettype wire
