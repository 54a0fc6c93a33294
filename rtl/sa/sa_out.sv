// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound lookup by handle: all that depends on the SA is decided here, so that a packet which is refused takes no
// number and is counted with its SA (docs/esp.md, "Outbound", step 3).
//
//   s0  the SA's shape is read
//   s1  kind, lengths, what fits (sa_fit); state, counters, limits and context are read
//   s2  handle, limits, number, lease: the answer. Read, add and write back of state and counters are bypassed, so
//       that requests for one SA may follow one another in each cycle
//
// Each answer with ST_OK consumed one number. The last is 2^32-1, with ESN 2^64-1 (RFC 4303 3.3.3), or the lease's end.

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

    // What the SA has to tell, in the cycle in which there is room.
    output logic     note_valid,
    output sa_note_t note,
    input  logic     note_room,

    // Management; an operation enters in the cycle it is given.
    input  logic          op_valid,
    input  sa_op_t        op,
    output logic          st_valid,
    output logic [  63:0] st,
    input  logic          ctx_we,
    input  logic [IW-1:0] ctx_index,
    input  sa_out_ctx_t   ctx_wdata,
    input  sa_shape_t     shape_wdata,
    input  sa_limits_t    lim_wdata,

    output logic idle
);

  localparam int DEPTH = 4;  // answers that may wait

  typedef struct packed {
    logic        valid;
    logic [14:0] gen;
    logic        low;        // LEASE_LOW was told
    logic [63:0] seq;
    logic [63:0] lease_end;
  } state_t;

  if ($bits(sa_out_ctx_t) != 860 || $bits(sa_shape_t) != 105 || $bits(state_t) != 145) begin : g_bad_size
    $error(
        "sa_out: words of %0d, %0d, %0d bits; correct README.md", $bits(sa_out_ctx_t), $bits(sa_shape_t), $bits(state_t)
    );
  end

  // ---- s0 ----
  logic [2:0] credit;
  logic accept, enter;
  logic [IW-1:0] s0_index;
  assign req_ready = open && !op_valid && credit != '0 && note_room;
  assign accept = req_valid && req_ready;
  assign enter = accept || op_valid;
  assign s0_index = op_valid ? op.index[IW-1:0] : req.handle[IW-1:0];

  sa_shape_t s1_shape;
  sa_ram #(
      .WIDTH($bits(sa_shape_t)),
      .DEPTH(ENTRIES)
  ) u_shape (
      .clk,
      .we(ctx_we),
      .waddr(ctx_index),
      .wdata(shape_wdata),
      .re(accept),
      .raddr(s0_index),
      .rdata(s1_shape)
  );

  // ---- s1 ----
  logic s1_valid, s1_op_valid;
  logic [IW-1:0] s1_index;
  sa_op_t s1_op;
  sa_out_req_t s1_req;

  always_ff @(posedge clk) begin
    s1_valid <= accept;
    s1_op_valid <= op_valid;
    if (enter) s1_index <= s0_index;
    if (accept) s1_req <= req;
    if (op_valid) s1_op <= op;
    if (rst) begin
      s1_valid <= 1'b0;
      s1_op_valid <= 1'b0;
    end
  end

  logic [7:0] fit_status;
  logic [15:0] fit_fits, fit_bytes;
  logic [13:0] fit_padded;
  sa_fit u_fit (
      .valid(s1_valid),
      .req(s1_req),
      .shape(s1_shape),
      .status(fit_status),
      .fits(fit_fits),
      .padded(fit_padded),
      .bytes(fit_bytes)
  );

  // ---- s2 ----
  logic s2_valid, s2_op_valid, we, byp_valid, over;
  logic [IW-1:0] s2_index;
  sa_op_t s2_op;
  logic [31:0] s2_handle, s2_spi, s2_lease_warn;
  logic s2_esn;
  logic [7:0] s2_status;
  logic [15:0] s2_fits, s2_bytes;
  logic [13:0] s2_padded;
  state_t rd, cur, nxt, byp;
  sa_out_ctx_t ctx;

  always_ff @(posedge clk) begin
    s2_valid <= s1_valid;
    s2_op_valid <= s1_op_valid;
    if (s1_op_valid) s2_op <= s1_op;
    if (s1_valid) begin
      s2_handle <= s1_req.handle;
      s2_spi <= s1_shape.spi;
      s2_esn <= s1_shape.esn;
      s2_lease_warn <= s1_shape.lease_warn;
      s2_status <= fit_status;
      s2_fits <= fit_fits;
      s2_padded <= fit_padded;
      s2_bytes <= fit_bytes;
    end
    // The memory returns what stood there before the write of the preceding request.
    if (s1_valid || s1_op_valid) begin
      s2_index <= s1_index;
      byp_valid <= we && s2_index == s1_index;
      byp <= nxt;
    end
    if (rst) begin
      s2_valid <= 1'b0;
      s2_op_valid <= 1'b0;
    end
  end

  sa_ram #(
      .WIDTH($bits(state_t)),
      .DEPTH(ENTRIES)
  ) u_state (
      .clk,
      .we,
      .waddr(s2_index),
      .wdata(nxt),
      .re(s1_valid || s1_op_valid),
      .raddr(s1_index),
      .rdata(rd)
  );
  // Operations read it too, so that its output register does not keep a key that was erased.
  sa_ram #(
      .WIDTH($bits(sa_out_ctx_t)),
      .DEPTH(ENTRIES)
  ) u_ctx (
      .clk,
      .we(ctx_we),
      .waddr(ctx_index),
      .wdata(ctx_wdata),
      .re(s1_valid || s1_op_valid),
      .raddr(s1_index),
      .rdata(ctx)
  );
  assign cur = byp_valid ? byp : rd;

  sa_out_rsp_t answer;
  logic known, check, exhausted, leased, go, drop, low;
  logic [3:0] reason;
  logic [63:0] seq_up, left;
  logic [2:0] codes;

  // Apart from what depends on `over`, which depends on `check` and `go`.
  always_comb begin
    known = 1'b0;
    check = 1'b0;
    exhausted = 1'b0;
    leased = 1'b0;
    if (s2_valid) begin
      known = !s2_handle[SA_INBOUND_BIT] && cur.valid && cur.gen == s2_handle[31:SA_GEN_SHIFT] &&
          s2_handle[15:0] == 16'(s2_index);
      check = known && s2_status == ST_OK;
      exhausted = s2_esn ? cur.seq == '1 : cur.seq >= 64'hffff_ffff;
      leased = cur.lease_end != '0 && cur.seq >= cur.lease_end;
    end
    go = check && !exhausted && !leased;
  end

  always_comb begin
    nxt = cur;
    we = 1'b0;
    answer = '0;
    drop = 1'b0;
    reason = '0;
    seq_up = cur.seq;
    left = '0;
    low = 1'b0;
    if (s2_op_valid) begin
      unique case (s2_op.op)
        SA_SET: begin
          nxt = '{valid: 1'b1, gen: s2_op.gen, low: 1'b0, seq: s2_op.seq, lease_end: s2_op.lease_end};
          we  = 1'b1;
        end
        SA_CLEAR: begin
          nxt = '0;
          we  = 1'b1;
        end
        SA_LEASE: begin
          nxt.lease_end = s2_op.lease_end;
          nxt.low = 1'b0;
          we = 1'b1;
        end
        default: ;
      endcase
    end else if (s2_valid) begin
      if (s2_handle[SA_INBOUND_BIT]) answer.status = ST_SA_DIRECTION;
      else if (!known) answer.status = ST_SA_STALE;
      else if (!check) answer.status = s2_status;
      else if (over) answer.status = ST_LIFETIME;
      else if (exhausted) answer.status = ST_SEQ_EXHAUSTED;
      else if (leased) answer.status = ST_LEASE;
      else begin
        seq_up = cur.seq + 64'd1;
        answer = '{status: ST_OK, fits: '0, seq: seq_up, padded: s2_padded, ctx: ctx};
      end
      if (known) begin
        // The SPI of a refused packet's SA goes into its event.
        answer.ctx.c.spi = s2_spi;
        if (answer.status == ST_TOO_BIG) answer.fits = s2_fits;
        drop = answer.status != ST_OK;
        case (answer.status)
          ST_FRAGMENT: reason = SAD_FRAGMENT[3:0];
          ST_ESP_LENGTH: reason = SAD_ESP_LENGTH[3:0];
          ST_TOO_BIG: reason = SAD_TOO_BIG[3:0];
          ST_LIFETIME: reason = SAD_LIFETIME[3:0];
          ST_SEQ_EXHAUSTED: reason = SAD_SEQ_EXHAUSTED[3:0];
          ST_LEASE: reason = SAD_LEASE[3:0];
          default: reason = SAD_KIND[3:0];
        endcase
      end
      if (check) begin
        left = cur.lease_end - seq_up;
        low = cur.lease_end != '0 && s2_lease_warn != '0 && !cur.low &&
            (seq_up >= cur.lease_end || left <= 64'(s2_lease_warn));
        nxt.seq = seq_up;
        nxt.low = cur.low || low;
        we = 1'b1;
      end
    end
  end

  logic [31:0] count_spi;
  logic count_idle;
  sa_count #(
      .ENTRIES(ENTRIES)
  ) u_count (
      .clk,
      .rst,
      .a_valid(s1_valid || s1_op_valid),
      .a_index(s1_index),
      .b_check(check),
      .b_go(go),
      .b_bytes(s2_bytes),
      .b_over(over),
      .b_codes(codes),
      .b_spi(count_spi),
      .b_drop(drop),
      .b_reason(reason),
      .b_op_valid(s2_op_valid),
      .b_op(s2_op.op),
      .b_word(s2_op.word),
      .b_value(s2_op.word == 5'(SNAP_SEQ) ? cur.seq : cur.lease_end),
      .st_valid,
      .st,
      .lim_we(ctx_we),
      .lim_index(ctx_index),
      .lim_wdata,
      .idle(count_idle)
  );

  assign note_valid = {low, codes} != '0;
  assign note = '{codes: {low, codes}, handle: s2_handle, spi: count_spi, seq: seq_up};

  logic fifo_ready;
  fifo_wiped #(
      .WIDTH($bits(sa_out_rsp_t)),
      .DEPTH(DEPTH)
  ) u_answers (
      .clk,
      .rst,
      .s_valid(s2_valid),
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

  assign idle = credit == 3'(DEPTH) && !s1_op_valid && !s2_op_valid && count_idle;

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
`ifndef FORMAL
  // A credit is a place in the queue.
  always_ff @(posedge clk) if (was_reset && !rst) assert (!s2_valid || fifo_ready);
  always_ff @(posedge clk) if (was_reset && !rst) assert (credit <= 3'(DEPTH));
`endif
`endif

  wire unused = &{1'b0, fifo_ready, s2_op.index, s2_op.window, s2_op.esn, s2_op.udp, s2_op.seen, op.index};

`ifdef FORMAL_SA_OUT
  // One index, any: its counter from one install to the next.
  logic [IW-1:0] f_index, f_index_past;
  logic f_past, f_known;
  logic [63:0] f_last, f_lease;
  initial {f_past, f_known} = 2'b00;
  wire f_hit = s2_index == f_index;
  wire f_ask = f_hit && s2_valid && !s2_op_valid;
  wire f_given = f_ask && answer.status == ST_OK;
  state_t f_state;
  assign f_state = u_state.mem[f_index];
  always_ff @(posedge clk) begin
    f_past <= 1'b1;
    f_index_past <= f_index;
    if (f_past) assume (f_index == f_index_past);
    if (f_hit && s2_op_valid && s2_op.op == SA_SET) begin
      f_known <= 1'b1;
      f_last  <= s2_op.seq;
      f_lease <= s2_op.lease_end;
    end
    if (f_hit && s2_op_valid && s2_op.op == SA_LEASE) f_lease <= s2_op.lease_end;
    if (f_hit && s2_op_valid && s2_op.op == SA_CLEAR) f_known <= 1'b0;
    if (f_given) f_last <= answer.seq;
    if (rst) f_known <= 1'b0;

    if (was_reset && !rst) begin
      // F1: between two installs each number given out is one above the one before, so none repeats or goes back.
      if (f_known && f_given) assert (answer.seq == f_last + 64'd1 && answer.seq > f_last);
      // F2: without ESN it ends at 2^32-1; with ESN at 2^64-1, or F1 would not hold.
      if (f_given && !s2_esn) assert (answer.seq <= 64'hffff_ffff);
      // F3: and with a lease at the lease's end.
      if (f_known && f_given) assert (f_lease == '0 || answer.seq <= f_lease);
      // F4: an SA that is not installed gives none.
      if (f_given) assert (f_state.valid);
      // F5: what the pipe works on is what the memory holds, also right behind a write.
      if (f_hit && (s2_valid || s2_op_valid)) assert (cur == f_state);
      if (f_known) assert (f_state.valid && f_state.seq == f_last && f_state.lease_end == f_lease);
      // F6: what was refused got no number and moved nothing.
      if (s2_valid && answer.status != ST_OK) assert (answer.seq == '0 && (!we || nxt.seq == cur.seq));
      assert (!(s2_valid && s2_op_valid) && !(s1_valid && s1_op_valid));
    end
  end
`endif

endmodule

`default_nettype wire
