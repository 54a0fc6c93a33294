// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound lookup by handle. Each answer with ST_OK consumes one sequence number: read, add and write back stand in
// two stages with a bypass, so that requests for one SA may follow one another in each cycle. Without ESN the number
// stops at 2^32-1 and the SA answers ST_SEQ_EXHAUSTED from then on (RFC 4303 3.3.3).

`default_nettype none

module sa_out
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

    input  logic        req_valid,
    output logic        req_ready,
    input  sa_out_req_t req,
    output logic        rsp_valid,
    input  logic        rsp_ready,
    output sa_out_rsp_t rsp,

    // Management; an operation enters in the cycle it is given.
    input  logic          op_valid,
    input  sa_op_e        op,
    input  logic [IW-1:0] op_index,
    input  logic [  14:0] op_gen,
    input  logic [  63:0] op_seq,
    output logic          st_valid,
    output sa_counts_t    st,
    input  logic          ctx_we,
    input  logic [IW-1:0] ctx_index,
    input  sa_ctx_t       ctx_wdata,

    output logic idle
);

  localparam int DEPTH = 4;  // answers that may wait

  typedef struct packed {
    logic        valid;
    logic [14:0] gen;
    logic [63:0] seq;
    logic [63:0] packets;
    logic [63:0] bytes;
  } state_t;

  logic [2:0] credit;
  logic accept;
  assign req_ready = open && !op_valid && credit != '0;
  assign accept = req_valid && req_ready;

  // Stage 1: what was asked; the memories answer in the same cycle.
  logic s1_valid, s1_op_valid;
  sa_op_e s1_op;
  logic [IW-1:0] s0_index, s1_index;
  logic [14:0] s1_op_gen;
  logic [63:0] s1_op_seq;
  sa_out_req_t s1_req;
  assign s0_index = op_valid ? op_index : req.handle[IW-1:0];

  always_ff @(posedge clk) begin
    s1_valid <= accept;
    s1_op_valid <= op_valid;
    if (accept || op_valid) s1_index <= s0_index;
    if (accept) s1_req <= req;
    if (op_valid) begin
      s1_op <= op;
      s1_op_gen <= op_gen;
      s1_op_seq <= op_seq;
    end
    if (rst) begin
      s1_valid <= 1'b0;
      s1_op_valid <= 1'b0;
    end
  end

  state_t rd, cur, nxt, byp;
  logic byp_valid, we;
  sa_ctx_t ctx;

  sa_ram #(
      .WIDTH($bits(state_t)),
      .DEPTH(ENTRIES)
  ) u_state (
      .clk,
      .we,
      .waddr(s1_index),
      .wdata(nxt),
      .re(accept || op_valid),
      .raddr(s0_index),
      .rdata(rd)
  );

  sa_ram #(
      .WIDTH($bits(sa_ctx_t)),
      .DEPTH(ENTRIES)
  ) u_ctx (
      .clk,
      .we(ctx_we),
      .waddr(ctx_index),
      .wdata(ctx_wdata),
      .re(accept || op_valid),
      .raddr(s0_index),
      .rdata(ctx)
  );

  // The memory returns what stood there before the write of the preceding request.
  always_ff @(posedge clk) begin
    if (accept || op_valid) begin
      byp_valid <= we && s1_index == s0_index;
      byp <= nxt;
    end
  end
  assign cur = byp_valid ? byp : rd;

  sa_out_rsp_t answer;
  always_comb begin
    nxt = cur;
    we = 1'b0;
    answer = '0;
    if (s1_op_valid) begin
      unique case (s1_op)
        SA_SET: begin
          nxt = '{valid: 1'b1, gen: s1_op_gen, seq: s1_op_seq, packets: '0, bytes: '0};
          we  = 1'b1;
        end
        SA_CLEAR: begin
          nxt = '0;
          we  = 1'b1;
        end
        default: ;
      endcase
    end else if (s1_valid) begin
      if (s1_req.handle[SA_INBOUND_BIT]) answer.status = ST_SA_DIRECTION;
      else if (!cur.valid || cur.gen != s1_req.handle[31:SA_GEN_SHIFT] || s1_req.handle[15:0] != 16'(s1_index))
        answer.status = ST_SA_STALE;
      else if (cur.seq >= 64'hffff_ffff) answer.status = ST_SEQ_EXHAUSTED;
      else begin
        nxt.seq = cur.seq + 64'd1;
        nxt.packets = cur.packets + 64'd1;
        // Tunnel: the inner packet. Transport: what follows its header.
        nxt.bytes = cur.bytes + 64'(s1_req.bytes) - (ctx.tunnel ? 64'd0 : 64'(s1_req.hdr_bytes));
        we = 1'b1;
        answer = '{status: ST_OK, seq: nxt.seq, ctx: ctx};
      end
    end
  end

  assign st_valid = s1_op_valid && s1_op == SA_GET;
  assign st = '{seq: cur.seq, packets: cur.packets, bytes: cur.bytes, replayed: '0, icv_failed: '0};

  logic fifo_ready;
  fifo_wiped #(
      .WIDTH($bits(sa_out_rsp_t)),
      .DEPTH(DEPTH)
  ) u_answers (
      .clk,
      .rst,
      .s_valid(s1_valid),
      .s_ready(fifo_ready),
      .s_data(answer),
      .m_valid(rsp_valid),
      .m_ready(rsp_ready),
      .m_data(rsp)
  );

  always_ff @(posedge clk) begin
    credit <= credit - 3'(accept) + 3'(rsp_valid && rsp_ready);
    if (rst) credit <= 3'(DEPTH);
  end

  assign idle = credit == 3'(DEPTH) && !s1_op_valid;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
`ifndef FORMAL
  // A credit is a place in the queue.
  always_ff @(posedge clk) if (was_reset && !rst) assert (!s1_valid || fifo_ready);
  always_ff @(posedge clk) if (was_reset && !rst) assert (credit <= 3'(DEPTH));
`endif
`endif

  wire unused = &{1'b0, fifo_ready};

`ifdef FORMAL_SA_OUT
  // One index, any: its counter from one install to the next.
  logic [IW-1:0] f_index, f_index_past;
  logic f_past, f_known;
  logic [63:0] f_last;
  initial {f_past, f_known} = 2'b00;
  wire f_hit = s1_index == f_index;
  state_t f_state;
  assign f_state = u_state.mem[f_index];
  always_ff @(posedge clk) begin
    f_past <= 1'b1;
    f_index_past <= f_index;
    if (f_past) assume (f_index == f_index_past);
    if (f_hit && s1_op_valid && s1_op == SA_SET) begin
      f_known <= 1'b1;
      f_last  <= s1_op_seq;
    end
    if (f_hit && s1_op_valid && s1_op == SA_CLEAR) f_known <= 1'b0;
    if (f_hit && s1_valid && answer.status == ST_OK) f_last <= answer.seq;
    if (rst) f_known <= 1'b0;

    if (was_reset && !rst) begin
      // F1: between two installs each number given out is one above the one before, so none repeats or goes back.
      if (f_known && f_hit && s1_valid && !s1_op_valid && answer.status == ST_OK)
        assert (answer.seq == f_last + 64'd1 && answer.seq > f_last && answer.seq <= 64'hffff_ffff);
      // F2: after the last number none is given out, ever.
      if (f_known && f_last >= 64'hffff_ffff && f_hit && s1_valid && !s1_op_valid) assert (answer.status != ST_OK);
      // F3: what the pipe works on is what the memory holds, also right behind a write.
      if (f_hit && (s1_valid || s1_op_valid)) assert (cur.valid == f_state.valid && cur.seq == f_state.seq);
      if (f_known) assert (f_state.valid && f_state.seq == f_last);
      // F4: what was refused got no number.
      if (s1_valid && answer.status != ST_OK) assert (!we && answer.seq == '0);
      assert (!(s1_valid && s1_op_valid));
    end
  end
`endif

endmodule

`default_nettype wire
