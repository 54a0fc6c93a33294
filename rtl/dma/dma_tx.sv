// SPDX-License-Identifier: BSD-2-Clause
//
// Fetches frames from host memory and hands them to the pipe, in the order in which their descriptors were
// taken (round robin between the pairs, a frame at a time). What comes in pieces, or wants more than to be sent, goes
// to tx_offload piece by piece: `tx_via`.
//
// Each descriptor gets a slot and, if it is sound, room in the frame buffer; its bytes are read in 64-byte beats
// under the slot's number as AXI ID, so that many reads are outstanding and may be answered in any order. A frame
// leaves when all of it is there. A refused descriptor, or a frame that could not be read, takes its turn too,
// and then ends as an error verdict.
//
// Descriptor rules, in this order: BAD_LENGTH (below 14 or above 9618, or beyond the end of the address space),
// BAD_FLAGS (unknown flag), BAD_OP (unknown operation), BAD_FLAGS (DECRYPT without LOOKASIDE; an SA with anything but
// ENCRYPT, INPLACE, DUMMY and NUMBERED; NUMBERED without CONTEXT_NUMBERED before it or the reverse, or with the number
// 0), NOT_READY (the data path is closed).
//
// Offloads come before NOT_READY: BAD_FLAGS with DECRYPT, TCP segmentation with INPLACE and LOOKASIDE too; and for a
// checksum or headers where none can be.
//
// CONTEXT, of either kind, is another structure and carries no frame: BAD_FLAGS if it has flags, else OK. It ends in its
// turn as a verdict that is not counted, and is held for the next frame that begins on its ring, whatever becomes of
// that.
//
// Pieces of a frame are taken one after the other, and no other frame's between them, so the first is taken only
// when the fetcher holds the last (`d_whole`): nobody waits for a host that does not go on. A frame of which the
// fetcher holds as much as a frame may have, or as the ring has, and not its end (`d_endless`), is BAD_LENGTH. So is
// the piece with which it gets too long; BAD_FLAGS the one that differs from the first. Pieces but the last end
// as verdicts that are not counted. What is wrong with any of them becomes the frame's status: then the last piece
// is a beat of zeros with that status, and tx_offload drops what it has. Reading goes on meanwhile at most as the
// descriptors say.

`default_nettype none

module dma_tx
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import dma_pkg::*;
  import tx_pkg::*;
#(
    parameter int QUEUES = 2,
    parameter int BEATS  = 512  // frame buffer, a power of two; at least two of the longest frames
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      bus_on,
    input  wire                      data_path_open,
    input  wire  [QUEUES-1:0]        clear,           // the pair starts anew
    input  wire  [QUEUES-1:0]        d_valid,
    output logic [QUEUES-1:0]        d_ready,
    input  wire  [127:0]             d_data[QUEUES],
    input  wire  [QUEUES-1:0][ 15:0] d_index,
    input  wire  [QUEUES-1:0]        d_whole,
    input  wire  [QUEUES-1:0]        d_endless,
    output logic [QUEUES-1:0]        midway,          // a frame of the pair has begun, and its last piece is not taken
    output logic                     ar_valid,
    input  wire                      ar_ready,
    output read_req_t                ar_req,
    input  wire                      r_valid,
    input  wire  [SlotW-1:0]         r_slot,
    /* verilator lint_off UNUSEDSIGNAL */  // frames are counted by beats, not by bursts: `last` is not needed
    input  wire read_beat_t          r_beat,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic                     tx_valid,
    input  wire                      tx_ready,
    output beat_t                    tx_beat,
    output meta_t                    tx_meta,         // with tx_via counts with the last beat of the last piece
    output logic                     tx_via,
    output tx_job_t                  tx_job,          // with tx_via
    output logic                     err_valid,       // descriptors that end here
    input  wire                      err_ready,
    output verdict_t                 err_verdict,
    output logic                     idle
);

  localparam int BeatW = $clog2(BEATS);
  localparam int QueueW = QUEUES > 1 ? $clog2(QUEUES) : 1;
  // The longest frame with the worst alignment.
  localparam int MaxBeats = (FRAME_MAX + 63 + 63) / 64;

  if ((BEATS & (BEATS - 1)) != 0 || BEATS < 2 * MaxBeats) begin : g_beats
    $fatal(1, "BEATS is %0d, must be a power of two from %0d", BEATS, 2 * MaxBeats);
  end

  typedef struct packed {
    logic             context_only;  // no frame
    logic             piece;   // of a frame in pieces
    logic             via;     // goes through tx_offload
    logic [63:0]      seq;
    logic [7:0]       status;
    logic [3:0]       qid;
    logic [15:0]      index;
    logic [7:0]       op;
    logic             lookaside;
    logic [31:0]      sa;
    logic [15:0]      len;
    logic [5:0]       offset;  // of the frame's first byte in its first beat
    logic [BeatW-1:0] base;    // of its beats in the buffer
    logic [7:0]       beats;
  } slot_t;

  typedef struct packed {
    tx_job_t job;
    logic [15:0] total;  // bytes of the frame up to here, but of one that is cut
  } side_t;

  slot_t info[Slots];
  side_t side[Slots];  // with `via`
  logic [7:0] missing[Slots];     // beats that have not arrived
  logic [BeatW-1:0] place[Slots];  // of the next one in the buffer
  logic [Slots-1:0] unread;        // the host answered with an error
  logic [SlotW-1:0] in, out;
  logic [SlotW:0] used;
  logic [BeatW-1:0] room_in;
  logic [BeatW:0] room_used;

  // ---- take a descriptor ----
  logic [QueueW-1:0] turn, q, owner;
  logic [QUEUES-1:0] able, more_at, skip;  // skip: what follows belongs to a frame that is refused already
  logic any, take, busy;  // busy: inside a frame of `owner`
  always_comb begin
    for (int i = 0; i < QUEUES; i++) begin
      more_at[i] = (d_data[i][TXD_FLAGS_LSB+:8] & TXF_MORE) != 0 && !carries_none(d_data[i][TXD_OP_LSB+:8]);
      able[i] = d_valid[i] && (busy ? owner == QueueW'(i) : !more_at[i] || skip[i] || d_whole[i] || d_endless[i]);
      midway[i] = busy && owner == QueueW'(i);
    end
    any = 1'b0;
    q = turn;
    for (int i = QUEUES - 1; i >= 0; i--) begin
      if (able[(int'(turn)+i)%QUEUES]) begin
        any = 1'b1;
        q = QueueW'((int'(turn) + i) % QUEUES);
      end
    end
  end

  // Fields of the descriptor in turn.
  logic [127:0] d;
  logic [15:0] len;
  logic [7:0] op, flags, status, beats;
  logic [31:0] sa;
  logic is_context, takes_sa, beyond, more, via, refused;
  logic piece;  // of a frame in pieces

  // What a CONTEXT left for the next frame of each ring.
  typedef struct packed {
    logic        numbered;  // it was CONTEXT_NUMBERED
    logic [63:0] seq;
    logic [15:0] mss;
    logic [15:0] hdr_len;
    logic [15:0] csum_start;
    logic [15:0] csum_offset;
    logic [15:0] l3;
  } context_t;
  context_t held[QUEUES];

  // The frame in pieces that is being taken: what its first one said; what there was of it before this one.
  localparam logic [6:0] PiecesMax = 7'(PIECES_MAX);
  context_t f_context, ctx, told;
  logic [7:0] f_op, f_flags;
  logic [31:0] f_sa;
  logic [16:0] f_total;
  logic [6:0] f_count;
  logic too_long, differs, misplaced, unnumbered, tso;
  logic [16:0] total_max, csum_end;
  logic [17:0] total;

  always_comb begin
    d = '0;
    if (any) d = d_data[q];
    len = d[TXD_LEN_LSB+:16];
    op = d[TXD_OP_LSB+:8];
    flags = d[TXD_FLAGS_LSB+:8];
    sa = d[TXD_SA_LSB+:32];
    is_context = carries_none(op);
    takes_sa = op inside {OP_ENCRYPT, OP_INPLACE, OP_DUMMY, OP_NUMBERED};
    beyond = 1'b0;
    if (&d[63:16]) beyond = 17'(d[15:0]) + 17'(len) > 17'h10000;

    more = more_at[q];
    refused = !is_context && !busy && (skip[q] || (more && !d_whole[q]));
    piece = !is_context && !refused && (busy || more);
    tso = !is_context && (flags & TXF_TSO) != 0;
    via = !is_context && !refused && (busy || (flags & (TXF_MORE | TXF_CSUM | TXF_TSO)) != 0);
    ctx = busy ? f_context : held[q];
    total = 18'(len);
    total_max = tso ? 17'(TSO_MAX) : 17'(FRAME_MAX);
    too_long = len < 16'(piece ? 1 : FRAME_MIN) || len > 16'(FRAME_MAX);
    differs = 1'b0;
    if (piece) begin
      if (busy) begin
        total = 18'(len) + 18'(f_total);
        differs = op != f_op || ((flags ^ f_flags) & ~TXF_MORE) != 0 || sa != f_sa;
        if (f_count == PiecesMax) too_long = 1'b1;
      end
      if (total > 18'(total_max) || (!more && total < 18'(FRAME_MIN))) too_long = 1'b1;
    end
    // A checksum or headers where none can be, or places that are not asked for.
    csum_end = '0;
    misplaced = {ctx.mss, ctx.hdr_len, ctx.csum_start, ctx.csum_offset, ctx.l3} != 0;
    if (tso) begin
      misplaced = ctx.l3 < 16'(FRAME_MIN) || ctx.csum_offset != 16'd16 || ctx.mss == 0 ||
          17'(ctx.l3) + 17'd20 > 17'(ctx.csum_start) || 17'(ctx.csum_start) + 17'd20 > 17'(ctx.hdr_len) ||
          ctx.hdr_len > 16'(TSO_HDR_MAX) || 17'(ctx.hdr_len) + 17'(ctx.mss) > 17'(FRAME_MAX) ||
          (!more && 18'(ctx.hdr_len) >= total);
    end else if ((flags & TXF_CSUM) != 0) begin
      csum_end  = 17'(ctx.csum_start) + 17'(ctx.csum_offset) + 17'd2;
      misplaced = {ctx.mss, ctx.hdr_len, ctx.l3} != 0 || ctx.csum_offset[0];
      if (ctx.csum_start < 16'(FRAME_MIN) || ctx.csum_start > 16'(CSUM_START_MAX)) misplaced = 1'b1;
      if (csum_end > 17'(CSUM_END_MAX) || (!more && 18'(csum_end) > total)) misplaced = 1'b1;
    end

    unnumbered = ctx.numbered != (op == OP_NUMBERED) || (ctx.numbered && ctx.seq == 0);

    if (is_context) begin
      status = ST_OK;
      if (flags != 0) status = ST_BAD_FLAGS;
    end else if (too_long || beyond || refused) status = ST_BAD_LENGTH;
    else if ((flags & ~TXF_MASK) != 0 || differs) status = ST_BAD_FLAGS;
    else if (op > OP_CONTEXT_NUMBERED) status = ST_BAD_OP;
    else if (op == OP_DECRYPT && ((flags & TXF_LOOKASIDE) == 0 || via)) status = ST_BAD_FLAGS;
    else if ((!takes_sa && sa != 0) || misplaced || unnumbered) status = ST_BAD_FLAGS;
    else if (tso && (op == OP_INPLACE || (flags & TXF_LOOKASIDE) != 0)) status = ST_BAD_FLAGS;
    else if (!data_path_open) status = ST_NOT_READY;
    else status = ST_OK;
    told = '{
        numbered: 1'b0,
        seq: {d[TXX_SEQ_HI_LSB+:32], 32'd0},
        mss: d[TXX_MSS_LSB+:16],
        hdr_len: d[TXX_HDR_LEN_LSB+:16],
        csum_start: d[TXX_CSUM_START_LSB+:16],
        csum_offset: d[TXX_CSUM_OFFSET_LSB+:16],
        l3: d[TXX_L3_OFFSET_LSB+:16]
    };
    if (op == OP_CONTEXT_NUMBERED)
      told = '{
          numbered: 1'b1,
          seq: d[TXN_SEQ_LSB+:64],
          mss: d[TXN_MSS_LSB+:16],
          hdr_len: 16'(d[TXN_HDR_LEN_LSB+:8]),
          csum_start: 16'(d[TXN_CSUM_START_LSB+:8]),
          csum_offset: 16'(d[TXN_CSUM_OFFSET_LSB+:8]),
          l3: 16'(d[TXN_L3_OFFSET_LSB+:8])
      };
    beats = 8'd0;
    if (status == ST_OK && !is_context) beats = 8'((17'(len) + 17'(d[5:0]) + 17'd63) >> 6);
  end

  // The job at the head of the read requests: what is left to ask for of one frame.
  logic job_valid, job_done;
  logic [57:0] job_addr;  // in beats
  logic [7:0] job_left, job_count;
  logic [SlotW-1:0] job_slot;

  assign take = any && !used[SlotW] && (BeatW + 1)'(beats) + room_used <= (BeatW + 1)'(BEATS) &&
      (!job_valid || job_done);
  always_comb begin
    d_ready = '0;
    d_ready[q] = take;
  end

  always_ff @(posedge clk) begin
    for (int i = 0; i < QUEUES; i++) begin
      if (take && q == QueueW'(i)) begin
        if (is_context && status == ST_OK) held[i] <= told;
        else if (is_context || !busy) held[i] <= '0;
        if (refused) skip[i] <= more;
      end
      if (rst || clear[i]) begin
        held[i] <= '0;
        skip[i] <= 1'b0;
      end
    end
    if (take && piece) begin
      busy <= more;
      owner <= q;
      f_total <= total > 18'(total_max) ? total_max : total[16:0];
      if (!busy) begin
        f_context <= held[q];
        f_op <= op;
        f_flags <= flags;
        f_sa <= sa;
      end
    end
    if (take && busy) f_count <= f_count == PiecesMax ? f_count : f_count + 1'b1;
    else if (take) f_count <= 7'd1;
    if (rst) busy <= 1'b0;
  end

  // ---- ask for it, a burst within each 4 KiB ----
  logic [7:0] page_left;
  assign page_left = 8'd64 - {2'd0, job_addr[5:0]};
  assign job_count = job_left < page_left ? job_left : page_left;
  assign job_done = ar_ready && job_left == job_count;
  assign ar_valid = job_valid;
  assign ar_req = '{id: 8'(job_slot), addr: {job_addr, 6'd0}, len: job_count - 8'd1};

  // ---- give it out ----
  slot_t h;
  side_t h_side;
  logic head_done, head_bad, head_more, step, go, token_last, pop;
  logic spent;  // the piece at the head went out; its verdict has not been taken
  logic empty;  // the last piece of a frame that has an error: its status
  logic [7:0] h_status, f_status;  // f_status: what was wrong with the frame's pieces before
  logic [7:0] tokens, token, out_beats;
  logic s_valid, s_have, s_join, s_yield, s_last, s_via;
  logic [5:0] s_offset;
  logic [6:0] s_bytes;
  meta_t s_meta;
  tx_job_t s_job;
  logic [511:0] buffer[BEATS], s_data, previous;

  always_comb begin
    h = '0;
    head_bad = 1'b0;
    head_more = 1'b0;
    h_side = '0;
    h_status = ST_OK;
    empty = 1'b0;
    out_beats = '0;
    tokens = '0;
    head_done = used != 0 && missing[out] == 0;
    if (head_done) begin
      h = info[out];
      h_status = h.status == ST_OK && unread[out] ? ST_DMA_READ : h.status;
      head_bad = h.context_only || h_status != ST_OK;
      out_beats = 8'((17'(h.len) + 17'd63) >> 6);
      // One source beat a cycle. Off the grain, a beat needs its successor: one cycle more than there are beats.
      tokens = (h.offset == 0 || h.beats == 1) ? out_beats : out_beats + 8'd1;
      if (h.via) h_side = side[out];
      if (h.piece) begin
        if (f_status != ST_OK) h_status = f_status;
        head_more = h_side.job.more;
        head_bad = head_more && (spent || h_status != ST_OK);
        empty = !head_more && h_status != ST_OK;
        if (empty) begin
          out_beats = 8'd1;
          tokens = 8'd1;
        end
      end
    end
  end
  assign step = !tx_valid || tx_ready;
  assign go = head_done && !head_bad && step;
  assign token_last = token == tokens - 8'd1;
  assign err_valid = head_done && head_bad;
  always_comb begin
    err_verdict = '0;
    err_verdict.host = 1'b1;
    err_verdict.qid = h.qid;
    err_verdict.index = h.index;
    err_verdict.silent = head_more || (h.context_only && h.status == ST_OK);
    err_verdict.status = head_more ? ST_OK : h_status;
  end
  assign pop = (go && token_last && !head_more) || (err_valid && err_ready);

  always_ff @(posedge clk) begin
    if (r_valid) begin
      buffer[place[r_slot]] <= r_beat.data;
      place[r_slot] <= place[r_slot] + 1'b1;
      missing[r_slot] <= missing[r_slot] - 1'b1;
      if (r_beat.error) unread[r_slot] <= 1'b1;
    end
    if (take) begin
      info[in] <= '{
          context_only: is_context || (refused && more),
          piece: piece,
          via: via,
          seq: op inside {OP_INPLACE, OP_NUMBERED} ? ctx.seq : 64'd0,
          status: refused && more ? ST_OK : status,
          qid: 4'(q),
          index: d_index[q],
          op: op,
          lookaside: (flags & TXF_LOOKASIDE) != 0,
          sa: sa,
          len: len,
          offset: d[5:0],
          base: room_in,
          beats: beats
      };
      if (via)
        side[in] <= '{
            job: '{
                more: more,
                csum: (flags & (TXF_CSUM | TXF_TSO)) != 0,
                csum_start: ctx.csum_start[7:0],
                csum_at: ctx.csum_start[7:0] + ctx.csum_offset[7:0],
                tso: tso,
                l3: ctx.l3[7:0],
                hdr_len: ctx.hdr_len[7:0],
                mss: ctx.mss[13:0]
            },
            total: total[15:0]
        };
      missing[in] <= beats;
      place[in] <= room_in;
      unread[in] <= 1'b0;
      job_addr <= d[63:6];
      job_left <= beats;
      job_slot <= in;
    end else if (job_valid && ar_ready) begin
      job_addr <= job_addr + 58'(job_count);
      job_left <= job_left - job_count;
    end

    if (rst) begin
      in <= '0;
      out <= '0;
      used <= '0;
      room_in <= '0;
      room_used <= '0;
      turn <= '0;
      job_valid <= 1'b0;
      token <= '0;
      spent <= 1'b0;
      f_status <= ST_OK;
    end else begin
      if (take) begin
        in <= in + 1'b1;
        room_in <= room_in + BeatW'(beats);
        turn <= int'(q) == QUEUES - 1 ? '0 : q + 1'b1;
      end
      if (take || (job_valid && job_done)) job_valid <= take && beats != 0;
      if (pop) out <= out + 1'b1;
      if (pop || (go && token_last)) token <= '0;
      else if (go) token <= token + 1'b1;
      if (pop) spent <= 1'b0;
      else if (go && token_last) spent <= 1'b1;
      if (pop && h.piece) f_status <= head_more ? h_status : ST_OK;
      used <= used + (SlotW + 1)'(take) - (SlotW + 1)'(pop);
      room_used <= room_used + (take ? (BeatW + 1)'(beats) : '0) - (pop ? (BeatW + 1)'(h.beats) : '0);
    end
  end

  // Buffer read, with what the next stage needs to know.
  always_ff @(posedge clk) begin
    if (go) begin
      s_data <= buffer[h.base+BeatW'(token)];
      s_have <= token < h.beats && !empty;
      s_join <= h.offset != 0 && h.beats != 1 && !empty;
      s_yield <= h.offset == 0 || h.beats == 1 || token != 0 || empty;
      s_last <= token_last;
      s_offset <= h.offset;
      s_bytes <= !token_last || empty ? 7'd64 : 7'(h.len - {2'd0, out_beats - 8'd1, 6'd0});
      s_via <= h.via;
      if (h.via) s_job <= h_side.job;
      s_meta <= '{
          host: 1'b1,
          lookaside: h.lookaside,
          esp: 1'b0,
          inplace: 1'b0,
          more: 1'b0,
          op: h.op,
          status: h_status,
          qid: h.qid,
          index: h.index,
          sa: h.sa,
          len: h.via ? h_side.total : h.len,
          seq: h.seq
      };
    end
    if (rst) s_valid <= 1'b0;
    else if (step) s_valid <= go;
  end

  // Shift to byte 0, clear what lies beyond the end.
  logic [511:0] here, aligned;
  always_comb begin
    here = '0;
    aligned = '0;
    if (s_valid) begin
      if (s_have) here = s_data;
      if (s_offset == 0) aligned = here;
      else if (s_join) aligned = 512'({here, previous} >> {s_offset, 3'd0});
      else aligned = here >> {s_offset, 3'd0};
      if (s_last) aligned &= ~({512{1'b1}} << {s_bytes, 3'd0});
    end
  end

  always_ff @(posedge clk) begin
    if (step && s_valid) begin
      previous <= here;
      if (s_yield) begin
        tx_beat <= '{last: s_last, bytes: s_bytes, data: aligned};
        tx_meta <= s_meta;
        tx_via <= s_via;
        if (s_via) tx_job <= s_job;
      end
    end
    if (rst) tx_valid <= 1'b0;
    else if (step) tx_valid <= s_valid && s_yield;
  end

  // ---- idle: with the bus off, nothing moves but what was asked for before ----
  logic [BeatW:0] owed;  // beats asked for that have not arrived
  always_ff @(posedge clk) begin
    if (rst) owed <= '0;
    else owed <= owed + ((job_valid && ar_ready) ? (BeatW + 1)'(job_count) : '0) - (BeatW + 1)'(r_valid);
  end
  assign idle = !(bus_on ? any : take) && !s_valid && !tx_valid && !head_done && owed == 0 && (used == 0 || !bus_on);

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (room_used <= (BeatW + 1)'(BEATS))
      else $error("%0d of %0d beats used", room_used, BEATS);
      assert (!(r_valid && owed == 0))
      else $error("beat for slot %0d that was not asked for", r_slot);
      assert (!(r_valid && missing[r_slot] == 0))
      else $error("beat for slot %0d, which has all of its own", r_slot);
      assert (!(busy && !d_valid[owner]))
      else $error("pair %0d has begun a frame whose next piece is not there", owner);
    end
  end

endmodule

`default_nettype wire
