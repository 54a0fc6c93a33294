// SPDX-License-Identifier: BSD-2-Clause
//
// Writes frames from the pipe to host memory: frames from the wire, and results of lookaside descriptors.
//
// A frame goes to the next RX buffer of its pair while it comes in; its slot number is the AXI ID of its bursts.
// Slots end in order, each when all of its bursts are answered. Then its RX completion is made, and for a
// lookaside result the TX completion, which waits until the RX completion stands in host memory.
//
// A frame without a buffer, or larger than the buffer, is dropped (NO_BUFFER; the buffer stays for the next). The
// pipe is held up only while a descriptor that the host has posted is on its way. A descriptor that is malformed
// (address or size not a multiple of 64, size 0 or above 16384, beyond the end of the address space, reserved bits)
// completes with BAD_LENGTH or BAD_FLAGS and length 0; one whose buffer could not be written with DMA_WRITE and length
// 0. The latter is also the fate of a frame in whose midst bus mastering goes off: the bursts that have not begun do
// not begin any more.
//
// A frame from the wire that is dropped needs no slot, so that a bus that stands still holds up none of them.

`default_nettype none

module dma_rx
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import dma_pkg::*;
  import rx_pkg::*;
#(
    parameter int QUEUES = 2
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire                      bus_on,
    input  wire                      rx_valid,
    output logic                     rx_ready,
    input  wire beat_t               rx_beat,
    /* verilator lint_off UNUSEDSIGNAL */  // every frame that comes here goes to the host, so `lookaside` says nothing
    input  wire meta_t               rx_meta,
    /* verilator lint_on UNUSEDSIGNAL */
    input  wire rx_info_t            rx_info,
    input  wire                      v_valid,      // are the checksums of a frame right? one a frame, in their order
    output logic                     v_ready,
    input  wire                      v_right,
    input  wire  [QUEUES-1:0]        run,
    input  wire  [QUEUES-1:0]        draining,     // only lookaside results are taken
    input  wire  [QUEUES-1:0]        halted,
    input  wire  [QUEUES-1:0]        d_valid,
    input  wire  [QUEUES-1:0]        d_coming,
    output logic [QUEUES-1:0]        d_ready,
    input  wire  [127:0]             d_data[QUEUES],
    input  wire  [QUEUES-1:0][ 15:0] d_index,
    output logic                     w_valid,
    input  wire                      w_ready,
    output write_beat_t              w_beat,
    input  wire                      b_valid,
    input  wire  [SlotW-1:0]         b_slot,
    input  wire                      b_error,
    output logic [QUEUES-1:0]        c_valid,      // RX completions
    input  wire  [QUEUES-1:0]        c_ready,
    output logic [127:0]             c_data,       // phase bit 0; common to all
    input  wire  [QUEUES-1:0][ 15:0] pushed,       // of the RX completion rings
    input  wire  [QUEUES-1:0][ 15:0] acked,
    output logic [QUEUES-1:0]        stuck,        // an RX completion waits for its ring
    output logic                     la_valid,     // TX completions of lookaside descriptors
    input  wire                      la_ready,
    output verdict_t                 la_verdict,
    output logic                     stat_valid,   // pulse: a frame from the wire ended
    output verdict_t                 stat_verdict,
    output logic                     empty,        // no frame inside or at the door
    output logic                     idle
);

  localparam int QueueW = QUEUES > 1 ? $clog2(QUEUES) : 1;

  typedef struct packed {
    logic        bad_desc;   // no frame: a malformed descriptor completes
    logic        dropped;    // no descriptor: a lookaside frame without a buffer
    logic [15:0] rx_index;
    logic        host;
    logic        decrypted;
    logic        esp;
    logic        inplace;
    logic [7:0]  status;
    logic [3:0]  qid;
    logic [15:0] tx_index;
    logic [31:0] sa;
    logic [15:0] len;
    logic [63:0] seq;
    rx_info_t    info;
  } slot_t;

  slot_t info[Slots];
  logic [2:0] missing[Slots];  // bursts not answered
  logic [Slots-1:0] unwritten;
  logic [Slots-1:0] judged, right;  // the verdict on the checksums is there; it is good
  logic [SlotW-1:0] in, out;
  logic [SlotW:0] used;

  // Where the frame is whose verdict comes next.
  typedef struct packed {
    logic slotted;
    logic [SlotW-1:0] slot;
  } where_t;
  where_t where;

  // ---- malformed descriptors ----
  function automatic logic [7:0] check(input logic [127:0] d);
    logic [15:0] len;
    logic beyond;  // the end of the address space
    len = d[RXD_LEN_LSB+:16];
    beyond = 1'b0;
    if (&d[63:16]) beyond = 17'(d[15:0]) + 17'(len) > 17'h10000;
    check = ST_OK;
    if (len == 0 || len[5:0] != 0 || len > 16'd16384 || beyond) check = ST_BAD_LENGTH;
    else if (d[5:0] != 0 || d[RXD_RESERVED0_LSB+:16] != 0 || d[RXD_RESERVED1_LSB+:32] != 0) check = ST_BAD_FLAGS;
  endfunction

  logic any_bad;
  logic [QueueW-1:0] bad_q;
  logic [7:0] bad_status;
  always_comb begin
    any_bad = 1'b0;
    bad_q = '0;
    bad_status = ST_OK;
    for (int i = 0; i < QUEUES; i++) begin
      if (!any_bad && d_valid[i] && run[i] && check(d_data[i]) != ST_OK) begin
        any_bad = 1'b1;
        bad_q = QueueW'(i);
        bad_status = check(d_data[i]);
      end
    end
  end

  // ---- the door ----
  logic midway, m_drop;  // inside a frame; that is being dropped
  logic [SlotW-1:0] m_slot;
  logic [57:0] m_addr;  // of the next beat, in beats
  logic [8:0] m_left;
  logic m_begins;  // the next beat begins a burst: a new 4 KiB
  logic [2:0] m_bursts;  // of the frame at hand that have not begun, with that one

  logic [QueueW-1:0] q;
  logic [127:0] d;
  logic first, fits, wait_desc, open, deliver, unwanted, drop, lose, take_bad, abandon, counted;
  logic [1:0] untold;  // frames that were lost and have not been told
  logic [8:0] beats, page_left;  // a buffer holds up to 256
  logic [2:0] bursts;
  logic [57:0] addr;
  assign first = rx_valid && !midway;
  assign q = rx_meta.qid[QueueW-1:0];
  always_comb begin
    d = '0;
    open = 1'b0;
    wait_desc = 1'b0;
    fits = 1'b0;
    beats = m_left;
    addr = m_addr;
    bursts = '0;
    if (first) begin
      beats = 9'((17'(rx_meta.len) + 17'd63) >> 6);
      if (int'(rx_meta.qid) < QUEUES) begin
        open = bus_on && (run[q] || (draining[q] && rx_meta.host));
        wait_desc = open && !d_valid[q] && d_coming[q];
        if (open && d_valid[q]) begin
          d = d_data[q];
          fits = rx_meta.len <= d[RXD_LEN_LSB+:16] && check(d) == ST_OK;
          addr = d[63:6];
          bursts = 3'((9'(addr[5:0]) + beats - 9'd1) >> 6) + 3'd1;
        end
      end
    end
    page_left = 9'd64 - 9'(addr[5:0]);
  end

  assign take_bad = any_bad && !midway && !used[SlotW];
  assign deliver = first && fits && !any_bad && !used[SlotW];
  assign unwanted = first && !fits && !wait_desc && !(open && any_bad);
  assign drop = unwanted && rx_meta.host && !any_bad && !used[SlotW];  // it owes a TX completion
  assign lose = unwanted && !rx_meta.host && !(&untold);
  assign abandon = rx_valid && midway && !m_drop && m_begins && !bus_on;
  assign w_valid = deliver || (rx_valid && midway && !m_drop && !abandon);
  assign rx_ready = (w_valid && w_ready) || drop || lose || (midway && m_drop);

  logic begin_frame, accept;
  assign accept = rx_valid && rx_ready;
  assign begin_frame = deliver && w_ready;
  always_comb begin
    d_ready = '0;
    if (take_bad) d_ready[bad_q] = 1'b1;
    if (begin_frame) d_ready[q] = 1'b1;
  end

  assign m_begins = addr[5:0] == 0;
  assign m_bursts = 3'((m_left + 9'd63) >> 6);
  always_comb begin
    w_beat = '0;
    if (w_valid) begin
      w_beat.first = first || m_begins;
      w_beat.last = beats == 9'd1 || addr[5:0] == 6'd63;
      w_beat.id = 8'(first ? in : m_slot);
      w_beat.addr = {addr, 6'd0};
      w_beat.len = 8'((beats < page_left ? beats : page_left) - 9'd1);
      w_beat.strb = ~({64{1'b1}} << rx_beat.bytes);
      w_beat.data = rx_beat.data;
    end
  end

  // ---- the end of a slot ----
  slot_t h;
  logic head_done, answered, lost, proven, tells_hash, tells, owes, pop;
  logic [QueueW-1:0] hq;
  verdict_t verdict;
  logic la_in_ready;
  always_comb begin
    h = '0;
    {lost, proven, tells_hash, tells, owes, pop} = '0;
    c_valid = '0;
    stuck = '0;
    c_data = '0;
    verdict = '0;
    answered = b_valid && b_slot == out;
    head_done = used != 0 && judged[out] && (missing[out] == 0 || (answered && missing[out] == 3'd1));
    if (head_done) begin
      h = info[out];
      lost = unwritten[out] || (answered && b_error);
    end
    hq = h.qid[QueueW-1:0];
    if (head_done) begin
      proven = h.decrypted && h.status == ST_OK;  // in place, `status` may say that the ICV is wrong
      tells_hash = h.info.hashed && !proven && !lost;  // with CPL_ESP the number stands in its place
      tells = !h.dropped;  // RX completion
      owes = !h.bad_desc && h.host;  // TX completion
      pop = (!tells || c_ready[hq]) && (!owes || la_in_ready);
      c_valid[hq] = tells && pop;
      stuck[hq] = tells && !c_ready[hq];

      c_data[RXC_INDEX_LSB+:16] = h.rx_index;
      c_data[RXC_LEN_LSB+:16] = lost ? 16'd0 : h.len;
      c_data[RXC_STATUS_LSB+:8] = lost ? ST_DMA_WRITE : h.status;
      if (!h.bad_desc) begin
        c_data[RXC_FLAGS_LSB+:8] = (proven && !lost ? CPL_ESP : 8'd0) | (h.inplace && !lost ? CPL_INPLACE : 8'd0) |
            (h.host ? CPL_LOOKASIDE : 8'd0) | (right[out] && !lost ? CPL_CSUM : 8'd0) |
            (tells_hash ? CPL_HASH : 8'd0) | (tells_hash && h.info.ports ? CPL_L4HASH : 8'd0);
        c_data[RXC_TAG_LSB+:16] = h.host ? h.tx_index : 16'd0;
        c_data[RXC_SA_LSB+:32] = h.esp ? h.sa : 32'd0;
        c_data[RXC_SEQ_LSB+:32] = tells_hash ? h.info.hash : proven && !lost ? h.seq[31:0] : 32'd0;
      end

      verdict.host = h.host;
      verdict.qid = h.qid;
      verdict.index = h.tx_index;
      verdict.status = h.dropped ? ST_NO_BUFFER : lost ? ST_DMA_WRITE : ST_OK;
      verdict.len = (h.dropped || lost) ? 16'd0 : h.len;
      verdict.seq = h.seq;
    end
  end
  // What is lost at the door is told when no other takes its place: the pipe's way in does not wait for the bus's answers.
  assign counted = pop && !h.bad_desc && !h.host;
  assign stat_valid = counted || untold != 0;
  always_comb begin
    stat_verdict = '0;
    if (counted) stat_verdict = verdict;
    else if (untold != 0) stat_verdict.status = ST_NO_BUFFER;
  end
  always_ff @(posedge clk) begin
    if (rst) untold <= '0;
    else untold <= untold + 2'(lose) - 2'(untold != 0 && !counted);
  end

  always_ff @(posedge clk) begin
    if (abandon) begin
      missing[m_slot] <= missing[m_slot] - m_bursts;
      unwritten[m_slot] <= 1'b1;
    end
    if (b_valid) begin
      missing[b_slot] <= missing[b_slot] - 1'b1 - (abandon && m_slot == b_slot ? m_bursts : 3'd0);
      if (b_error) unwritten[b_slot] <= 1'b1;
    end
    if (take_bad || begin_frame || drop) begin
      info[in] <= '{
          bad_desc: take_bad,
          dropped: drop,
          rx_index: d_index[take_bad ? bad_q : q],
          host: rx_meta.host,
          decrypted: rx_meta.esp && (!rx_meta.host || rx_meta.op == OP_DECRYPT),
          esp: rx_meta.esp || rx_meta.inplace,
          inplace: rx_meta.inplace,
          status: take_bad ? bad_status : rx_meta.status,
          qid: take_bad ? 4'(bad_q) : 4'(q),
          tx_index: rx_meta.index,
          sa: rx_meta.sa,
          len: take_bad ? 16'd0 : rx_meta.len,
          seq: rx_meta.seq,
          info: rx_info
      };
      missing[in] <= bursts & {3{begin_frame}};
      unwritten[in] <= 1'b0;
      judged[in] <= take_bad;
      right[in] <= 1'b0;
    end
    if (v_valid && v_ready && where.slotted) begin
      judged[where.slot] <= 1'b1;
      right[where.slot]  <= v_right;
    end
    if (accept) begin
      m_addr <= addr + 1'b1;
      m_left <= beats - 1'b1;
      if (first) begin
        m_slot <= in;
        m_drop <= drop || lose;
      end
    end
    if (abandon) m_drop <= 1'b1;
    if (rst) begin
      in <= '0;
      out <= '0;
      used <= '0;
      midway <= 1'b0;
    end else begin
      if (accept) midway <= !rx_beat.last;
      if (take_bad || begin_frame || drop) in <= in + 1'b1;
      if (pop) out <= out + 1'b1;
      used <= used + (SlotW + 1)'(take_bad || begin_frame || drop) - (SlotW + 1)'(pop);
    end
  end

  // ---- verdicts on checksums: the slot of each frame whose verdict is still to come ----
  localparam int Unjudged = 16;  // frames that come in before the first one's verdict does
  logic where_room;
  logic [$clog2(Unjudged+1)-1:0] unjudged;
  fifo #(
      .WIDTH($bits(where_t)),
      .DEPTH(Unjudged)
  ) u_where (
      .clk,
      .rst,
      .s_valid(accept && first),
      .s_ready(where_room),
      .s_data({!lose, in}),
      .m_valid(v_ready),
      .m_ready(v_valid),
      .m_data(where),
      .count(unjudged)
  );

  // ---- TX completions of lookaside results ----
  typedef struct packed {
    logic        after;   // only when RX completion number `number` is in host memory
    logic [15:0] number;
    verdict_t    verdict;
  } owed_t;
  owed_t owed_in, owed_out;
  logic owed_valid, written;
  logic [$clog2(Slots+1)-1:0] owed_count;
  logic [15:0] past;
  logic [QueueW-1:0] oq;
  assign owed_in = '{after: tells, number: pushed[hq], verdict: verdict};
  fifo #(
      .WIDTH($bits(owed_t)),
      .DEPTH(Slots)
  ) u_owed (
      .clk,
      .rst,
      .s_valid(owes && pop),
      .s_ready(la_in_ready),
      .s_data(owed_in),
      .m_valid(owed_valid),
      .m_ready(la_valid && la_ready),
      .m_data(owed_out),
      .count(owed_count)
  );
  assign oq = owed_out.verdict.qid[QueueW-1:0];
  assign past = acked[oq] - owed_out.number;
  assign written = !owed_out.after || halted[oq] || (past != 0 && !past[15]);
  assign la_valid = owed_valid && written;
  assign la_verdict = owed_out.verdict;

  assign empty = !rx_valid && !midway && used == 0;
  assign idle = empty && !any_bad && owed_count == 0 && unjudged == 0 && untold == 0;

  always_ff @(posedge clk) begin
    if (!rst) begin
      if (accept) begin
        assert (!(w_valid && rx_beat.last != (beats == 9'd1)))
        else $error("frame of %0d bytes, by its record, ends with %0d beats left", rx_meta.len, beats);
        assert (rx_beat.bytes != 0 && rx_beat.bytes <= 64 && (rx_beat.last || rx_beat.bytes == 64))
        else $error("beat of %0d bytes", rx_beat.bytes);
      end
      assert (where_room)
      else $error("verdicts on checksums are late");
      assert (!(b_valid && missing[b_slot] == 0))
      else $error("answer for slot %0d, which awaits none", b_slot);
    end
  end

endmodule

`default_nettype wire
