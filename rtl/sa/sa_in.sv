// SPDX-License-Identifier: BSD-2-Clause
//
// Inbound SAs: lookup with replay pre-check, and commit after the ICV.
//
//   lookup:  req -> hash, rows, compare (sa_hash) -> read context, edge, ring word -> pre-check -> answer queue
//   commit:  req -> read edge, ring word, counters -> check, set, count, write back -> answer queue
//
// Both may start in each cycle. The commit pipe alone writes edge, ring and counters and bypasses its own writes; so
// what decides is exact, while the pre-check may miss a packet that is between it and its commit. Edge and ring stand
// twice, since both pipes read them. The management's operations take a cycle of the commit pipe.

`default_nettype none

module sa_in
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
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

    // to sa_hash
    input  logic        look_valid,  // the management's turn
    output logic        hash_valid,
    output sa_key_t     hash_key,
    input  logic        hash_rsp_valid,
    input  logic        hash_rsp_hit,
    input  logic [15:0] hash_rsp_index,

    // Management; an operation enters in the cycle it is given.
    input  logic          op_valid,
    input  sa_op_e        op,
    input  logic [IW-1:0] op_index,
    input  logic [  14:0] op_gen,
    input  logic [  63:0] op_seq,
    input  logic [  12:0] op_window,
    output logic          st_valid,
    output sa_counts_t    st,
    input  logic          ctx_we,
    input  logic [IW-1:0] ctx_index,
    input  sa_in_ctx_t    ctx_wdata,

    output logic idle
);

  localparam int DEPTH = 8;  // answers that may wait

  typedef struct packed {
    logic [63:0] packets;
    logic [63:0] bytes;
    logic [63:0] replayed;
    logic [63:0] icv_failed;
  } counters_t;

  typedef struct packed {
    logic [7:0]  status;
    logic [31:0] handle;
    logic [63:0] seq;
    sa_in_ctx_t  ctx;
  } answer_t;

  // ---- memories that both pipes read ----
  logic edge_we, ring_we;
  logic [IW-1:0] c1_index, lk_index;
  logic [IW+RING_LOG2-1:0] ring_waddr, lk_ring;
  sa_edge_t edge_wdata, lk_edge;
  sa_ring_t ring_wdata, lk_word;
  sa_in_ctx_t lk_ctx;
  logic lk_re;

  sa_ram #(
      .WIDTH($bits(sa_edge_t)),
      .DEPTH(ENTRIES)
  ) u_lookup_edge (
      .clk,
      .we(edge_we),
      .waddr(c1_index),
      .wdata(edge_wdata),
      .re(lk_re),
      .raddr(lk_index),
      .rdata(lk_edge)
  );
  sa_ram #(
      .WIDTH($bits(sa_ring_t)),
      .DEPTH(ENTRIES << RING_LOG2)
  ) u_lookup_ring (
      .clk,
      .we(ring_we),
      .waddr(ring_waddr),
      .wdata(ring_wdata),
      .re(lk_re),
      .raddr(lk_ring),
      .rdata(lk_word)
  );
  sa_ram #(
      .WIDTH($bits(sa_in_ctx_t)),
      .DEPTH(ENTRIES)
  ) u_ctx (
      .clk,
      .we(ctx_we),
      .waddr(ctx_index),
      .wdata(ctx_wdata),
      .re(lk_re || op_valid),
      .raddr(lk_re ? lk_index : op_index),
      .rdata(lk_ctx)
  );

  // ---- lookup ----
  logic [3:0] credit;
  logic accept;
  assign req_ready = open && !look_valid && credit != '0;
  assign accept = req_valid && req_ready;
  assign hash_valid = accept;
  assign hash_key = '{inbound: 1'b1, ipv6: req.ipv6, dst: req.dst, spi: req.spi};

  // The sequence numbers wait for their answers; sa_hash takes three cycles.
  logic [31:0] seq_d1, seq_d2, seq_d3, l4_seq;
  logic v1, v2;
  always_ff @(posedge clk) begin
    v1 <= accept;
    v2 <= v1;
    if (accept) seq_d1 <= req.seq;
    if (v1) seq_d2 <= seq_d1;
    if (v2) seq_d3 <= seq_d2;
    if (rst) begin
      v1 <= 1'b0;
      v2 <= 1'b0;
    end
  end

  assign lk_re = hash_rsp_valid && hash_rsp_hit;
  assign lk_index = hash_rsp_index[IW-1:0];
  assign lk_ring = {lk_index, seq_d3[6+:RING_LOG2]};

  logic l4_valid, l4_hit;
  logic [15:0] l4_index;
  always_ff @(posedge clk) begin
    l4_valid <= hash_rsp_valid;
    if (hash_rsp_valid) begin
      l4_hit   <= hash_rsp_hit;
      l4_index <= hash_rsp_index;
      l4_seq   <= seq_d3;
    end
    if (rst) l4_valid <= 1'b0;
  end

  answer_t l4_answer, answer;
  always_comb begin
    l4_answer = '0;
    if (l4_valid) begin
      if (!l4_hit || !lk_edge.valid) l4_answer.status = ST_NO_SA;
      else begin
        l4_answer.status = replay_seen(lk_edge, lk_word, 64'(l4_seq)) ? ST_REPLAY : ST_OK;
        l4_answer.handle = {lk_edge.gen, 1'b1, l4_index};
        l4_answer.seq = 64'(l4_seq);
        l4_answer.ctx = lk_ctx;
      end
    end
  end

  logic fifo_ready;
  fifo_wiped #(
      .WIDTH($bits(answer_t)),
      .DEPTH(DEPTH)
  ) u_answers (
      .clk,
      .rst,
      .s_valid(l4_valid),
      .s_ready(fifo_ready),
      .s_data(l4_answer),
      .m_valid(rsp_valid),
      .m_ready(rsp_ready),
      .m_data(answer)
  );

  always_comb begin
    rsp = '0;
    if (rsp_valid) begin
      rsp.status = answer.status;
      rsp.handle = answer.handle;
      rsp.seq = answer.seq;
      rsp.ctx.key = answer.ctx.key;
      rsp.ctx.key_len = answer.ctx.key_len;
      rsp.ctx.h = answer.ctx.h;
      rsp.ctx.salt = answer.ctx.salt;
      rsp.ctx.spi = answer.ctx.spi;
      rsp.ctx.tunnel = answer.ctx.tunnel;
      rsp.ctx.icv_bytes = answer.ctx.icv_bytes;
      rsp.ctx.qid = answer.ctx.qid;
      rsp.ctx.flags = answer.ctx.flags;
    end
  end

  always_ff @(posedge clk) begin
    credit <= credit - 4'(accept) + 4'(rsp_valid && rsp_ready);
    if (rst) credit <= 4'(DEPTH);
  end

  // ---- commit ----
  logic [2:0] cm_credit;
  logic cm_accept;
  assign cm_ready  = open && !op_valid && cm_credit != '0;
  assign cm_accept = cm_valid && cm_ready;

  logic c1_valid, c1_op_valid;
  sa_op_e c1_op;
  sa_commit_req_t c1_req;
  logic [14:0] c1_gen;
  logic [12:0] c1_window;
  logic [IW-1:0] c0_index;
  logic [63:0] c0_seq;
  logic [IW+RING_LOG2-1:0] c0_ring;
  assign c0_index = op_valid ? op_index : cm.handle[IW-1:0];
  assign c0_seq   = op_valid ? op_seq : cm.seq;
  assign c0_ring  = {c0_index, c0_seq[6+:RING_LOG2]};

  always_ff @(posedge clk) begin
    c1_valid <= cm_accept;
    c1_op_valid <= op_valid;
    if (cm_accept || op_valid) begin
      c1_req <= cm;
      c1_req.seq <= c0_seq;
      c1_index <= c0_index;
      c1_op <= op;
      c1_gen <= op_gen;
      c1_window <= op_window;
    end
    if (rst) begin
      c1_valid <= 1'b0;
      c1_op_valid <= 1'b0;
    end
  end

  sa_edge_t rd_edge, edge_byp, cur;
  sa_ring_t rd_word, word_byp, word;
  counters_t rd_count, count_byp, count, count_wdata;
  logic edge_byp_valid, word_byp_valid, count_byp_valid, count_we;

  sa_ram #(
      .WIDTH($bits(sa_edge_t)),
      .DEPTH(ENTRIES)
  ) u_edge (
      .clk,
      .we(edge_we),
      .waddr(c1_index),
      .wdata(edge_wdata),
      .re(cm_accept || op_valid),
      .raddr(c0_index),
      .rdata(rd_edge)
  );
  sa_ram #(
      .WIDTH($bits(sa_ring_t)),
      .DEPTH(ENTRIES << RING_LOG2)
  ) u_ring (
      .clk,
      .we(ring_we),
      .waddr(ring_waddr),
      .wdata(ring_wdata),
      .re(cm_accept || op_valid),
      .raddr(c0_ring),
      .rdata(rd_word)
  );
  sa_ram #(
      .WIDTH($bits(counters_t)),
      .DEPTH(ENTRIES)
  ) u_counters (
      .clk,
      .we(count_we),
      .waddr(c1_index),
      .wdata(count_wdata),
      .re(cm_accept || op_valid),
      .raddr(c0_index),
      .rdata(rd_count)
  );

  // The memories return what stood there before the writes of the preceding request.
  always_ff @(posedge clk) begin
    if (cm_accept || op_valid) begin
      edge_byp_valid <= edge_we && c1_index == c0_index;
      count_byp_valid <= count_we && c1_index == c0_index;
      word_byp_valid <= ring_we && ring_waddr == c0_ring;
      edge_byp <= edge_wdata;
      count_byp <= count_wdata;
      word_byp <= ring_wdata;
    end
  end
  assign cur   = edge_byp_valid ? edge_byp : rd_edge;
  assign count = count_byp_valid ? count_byp : rd_count;
  assign word  = word_byp_valid ? word_byp : rd_word;

  logic [7:0] c1_status;
  logic [63:0] c1_bit;
  logic stale, authentic, windowed;
  always_comb begin
    edge_wdata = cur;
    count_wdata = count;
    ring_wdata = '{stamp: c1_req.seq[63:12], seen: '1};
    ring_waddr = {c1_index, c1_req.seq[6+:RING_LOG2]};
    edge_we = 1'b0;
    count_we = 1'b0;
    ring_we = 1'b0;
    c1_status = ST_OK;
    c1_bit = '0;
    stale = 1'b0;
    authentic = 1'b0;
    windowed = 1'b0;
    if (c1_op_valid) begin
      unique case (c1_op)
        SA_SET: begin
          // Everything up to the number given counts as received: see SA_FILL for the older blocks.
          edge_wdata = '{
              valid: 1'b1,
              gen: c1_gen,
              window: c1_window,
              top: c1_req.seq,
              head: ~64'd0 >> (6'd63 - c1_req.seq[5:0])
          };
          count_wdata = '0;
          edge_we = 1'b1;
          count_we = 1'b1;
        end
        SA_CLEAR: begin
          edge_wdata = '0;
          count_wdata = '0;
          edge_we = 1'b1;
          count_we = 1'b1;
        end
        SA_FILL: ring_we = 1'b1;
        default: ;
      endcase
    end else if (c1_valid) begin
      c1_status = c1_req.status;
      stale = !cur.valid || c1_req.handle != {cur.gen, 1'b1, 16'(c1_index)};
      authentic = c1_req.status != ST_ICV && c1_req.status != ST_REPLAY;
      windowed = cur.window > 13'd1;
      c1_bit = 64'd1 << c1_req.seq[5:0];
      if (stale) c1_status = ST_SA_STALE;
      else if (authentic && replay_seen(cur, word, c1_req.seq)) c1_status = ST_REPLAY;
      else if (authentic) begin
        edge_we = 1'b1;
        if (c1_req.seq > cur.top) begin
          edge_wdata.top = c1_req.seq;
          if (c1_req.seq[63:6] == cur.top[63:6]) edge_wdata.head = cur.head | c1_bit;
          else begin
            // A new block: the one that was newest moves to the ring.
            edge_wdata.head = c1_bit;
            ring_waddr = {c1_index, cur.top[6+:RING_LOG2]};
            ring_wdata = '{stamp: cur.top[63:12], seen: cur.head};
            ring_we = windowed;
          end
        end else if (c1_req.seq[63:6] == cur.top[63:6]) edge_wdata.head = cur.head | c1_bit;
        else begin
          ring_wdata.seen = c1_bit | (word.stamp == c1_req.seq[63:12] ? word.seen : '0);
          ring_we = windowed;
        end
      end
      if (!stale) begin
        count_we = 1'b1;
        case (c1_status)
          ST_OK: begin
            count_wdata.packets = count.packets + 64'd1;
            count_wdata.bytes   = count.bytes + 64'(c1_req.bytes);
          end
          ST_REPLAY: count_wdata.replayed = count.replayed + 64'd1;
          ST_ICV: count_wdata.icv_failed = count.icv_failed + 64'd1;
          default: count_we = 1'b0;
        endcase
      end
    end
  end

  assign st_valid = c1_op_valid && c1_op == SA_GET;
  assign st = '{
          seq: cur.top,
          packets: count.packets,
          bytes: count.bytes,
          replayed: count.replayed,
          icv_failed: count.icv_failed
      };

  logic cm_fifo_ready;
  logic [2:0] cm_fifo_count;
  fifo #(
      .WIDTH(8),
      .DEPTH(4)
  ) u_cm_answers (
      .clk,
      .rst,
      .s_valid(c1_valid),
      .s_ready(cm_fifo_ready),
      .s_data(c1_status),
      .m_valid(cm_rsp_valid),
      .m_ready(cm_rsp_ready),
      .m_data(cm_rsp_status),
      .count(cm_fifo_count)
  );

  always_ff @(posedge clk) begin
    cm_credit <= cm_credit - 3'(cm_accept) + 3'(cm_rsp_valid && cm_rsp_ready);
    if (rst) cm_credit <= 3'd4;
  end

  assign idle = credit == 4'(DEPTH) && cm_credit == 3'd4 && !c1_op_valid;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
`ifndef FORMAL
  // A credit is a place in the queue.
  always_ff @(posedge clk) if (was_reset && !rst) assert (!l4_valid || fifo_ready);
  always_ff @(posedge clk) if (was_reset && !rst) assert (!c1_valid || cm_fifo_ready);
`endif
`endif

  wire unused = &{1'b0, fifo_ready, cm_fifo_count, cm_fifo_ready};

`ifdef FORMAL_SA_IN
  // One SA (index) and one sequence number, any: how often the number is taken from one install to the next.
  logic [IW-1:0] f_index, f_index_past;
  logic [63:0] f_seq, f_seq_past;
  logic f_past, f_taken, f_wide;
  initial {f_past, f_taken, f_wide} = '0;
  wire f_hit = c1_valid && !c1_op_valid && c1_index == f_index;
  wire f_accept = f_hit && !stale && authentic && windowed && c1_status != ST_REPLAY && c1_req.seq == f_seq;
  wire f_op = c1_op_valid && c1_index == f_index && (c1_op == SA_SET || c1_op == SA_CLEAR);
  sa_edge_t f_edge;
  assign f_edge = u_edge.mem[f_index];
  always_ff @(posedge clk) begin
    f_past <= 1'b1;
    f_index_past <= f_index;
    f_seq_past <= f_seq;
    if (f_past) assume (f_index == f_index_past && f_seq == f_seq_past);
    // Windows are at most 4,096 wide: the management refuses others. It fills the ring only of an index not installed.
    if (op_valid) assume (op_window <= 13'd4096);
    if (op_valid && op_index == f_index && (f_edge.valid || f_taken || (edge_we && c1_index == f_index)))
      assume (op != SA_FILL);
    if (f_accept && f_wide) f_taken <= 1'b1;
    if (f_op) f_taken <= 1'b0;
    if (f_op) f_wide <= 1'b1;
    if (rst) {f_taken, f_wide} <= '0;

    if (was_reset && !rst) begin
      // F1: a number that was taken is not taken again.
      if (f_taken) assert (!f_accept);
      // F2: for it is in the window, or the window has passed it.
      if (f_taken)
        assert (f_wide && f_edge.valid && f_edge.window > 13'd1 && replay_seen(
            f_edge, u_ring.mem[{f_index, f_seq[6+:RING_LOG2]}], f_seq
        ));
      if (f_wide) assert (f_edge.window <= 13'd4096);
      // F3: what the pipe works on is what the memories hold, also right behind a write.
      if (c1_index == f_index && (c1_valid || c1_op_valid)) begin
        assert (cur == u_edge.mem[c1_index]);
        assert (word == u_ring.mem[{c1_index, c1_req.seq[6+:RING_LOG2]}]);
      end
      if (c1_op_valid) assert (c1_window <= 13'd4096);
      if (c1_op_valid && c1_index == f_index && f_edge.valid) assert (c1_op != SA_FILL);
      assert (!(c1_valid && c1_op_valid));
      // F4: nothing that was found bad becomes good.
      if (c1_valid && !c1_op_valid && c1_status == ST_OK) assert (c1_req.status == ST_OK && !stale);
    end
  end
`endif

endmodule

`default_nettype wire
