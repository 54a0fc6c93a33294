// SPDX-License-Identifier: BSD-2-Clause
//
// Front of the AES-GCM engine: cuts packets into beats of BLOCKS slots and decides when a beat goes.

`default_nettype none

// A packet of n blocks takes n + 2 slots: AAD prefix, blocks, lengths. A new packet begins in a new
// beat, so it costs ceil((n + 2) / BLOCKS) beats. With an AAD prefix of 20 bytes n is the number of
// blocks of the stream and the four bytes before it, and the last may have nothing in the stream.
//
// From a 64-byte beat with blocks d0..d3 the slots are {carry, d0, d1, d2, d3, lengths}, where carry
// is the AAD prefix or the last block of the beat before; d3 and lengths are only there in the
// packet's last beat, before the lengths perhaps the block that only a straddling stream has. They go out BLOCKS at a time, numbered by `sub`.
//
// GHASH multiplies a block by the power of H that its distance from the packet's end asks for, up to
// GHASH_CYCLES * BLOCKS, so a beat leaves only when the next two 64-byte beats, or the end, are here. All that
// follows has a fixed latency; a beat leaves only with a credit, which stands for a place in the
// output FIFO and comes back with `release_beat`.
module gcm_slots
  import gcm_pkg::*;
  import aes_pkg::LONG_WIRES;
#(
    parameter int unsigned BLOCKS = 4,
    parameter int unsigned CREDITS = 32  // 64-byte beats between here and the output
) (
    input wire clk,
    input wire rst,
    input wire hold,  // for 64 cycles after a reset: nothing is taken, and the jobs' memory is overwritten

    input wire s_valid,
    output logic s_ready,
    input wire gcm_job_t s_job,
    input wire [511:0] s_data,
    input wire [6:0] s_bytes,
    input wire s_last,

    input wire release_beat,

    output logic o_valid,
    output logic [BLOCKS-1:0][127:0] o_slot,
    output logic [BLOCKS-1:0] o_aes,  // slots that need AES
    output beat_meta_t o_meta,
    output logic [255:0] o_key,
    output logic [1:0] o_key_len,
    output logic [95:0] o_iv,  // bytes 0..11 of the counter block
    output logic [31:0] o_ctr,  // the counter of slot 0, as a number
    output logic [127:0] o_h,  // with o_meta.first
    output logic idle
);

  localparam int unsigned Depth = 4;
  localparam int unsigned Places = 8;  // one that is not in use is always there to be written
  localparam int unsigned PlaceBits = $clog2(Places);
  localparam int unsigned Subs = 4 / BLOCKS;
  localparam int unsigned CreditBits = $clog2(CREDITS + 1);

  // A reset erases what is wide a cycle later, by registers of this module's own: one net to all would be too long.
  (* keep *) logic erase, wipe;

  always_ff @(posedge clk) begin
    erase <= rst;
    wipe  <= hold && !rst;
  end

  // ---- input FIFO: four beats, of which the first three are looked at
`ifdef VESPER_LUT4
  // In look-up tables an address would go to a thousand of them. A place that is read while it is written is not in use.
  (* ram_style = "block", no_rw_check *)
`endif
  gcm_job_t job_q[Places];
  logic [511:0] data_q[Places];
  logic [6:0] bytes_q[Places];
  logic [31:0] counted_q[Places];  // bytes of the packet that GHASH counts as one, this beat's included
  logic [PlaceBits-1:0] wp, rp;
  logic [2:0] count;
  logic in_first, in_straddles;
  logic [31:0] in_counted;  // so far

  wire push = s_valid && s_ready;
  logic pop;

  wire [2:0] count_next = count + 3'(push) - 3'(pop);

  wire straddling = in_first ? s_job.aad_bytes == AAD_STRADDLING : in_straddles;

  // the stream's bytes, and with auth_only the prefix's
  wire [31:0] counted_before = !in_first ? in_counted : s_job.auth_only ? 32'(s_job.aad_bytes) : '0;
  wire [31:0] counting = counted_before + 32'(s_bytes);

  always_ff @(posedge clk) begin
    if (push || LONG_WIRES) begin
      data_q[wp]  <= s_data;
      bytes_q[wp] <= s_bytes;
      counted_q[wp] <= counting;
    end
    // a reset erases keys
    if ((push && in_first) || wipe || LONG_WIRES) job_q[wp] <= wipe ? '0 : s_job;
    if (push) begin
      in_first <= s_last;
      in_straddles <= straddling;
      in_counted <= counting;
    end
    if (push || wipe) wp <= wp + 1'b1;
    if (pop || wipe) rp <= rp + 1'b1;
    count   <= count_next;
    s_ready <= count_next != 3'(Depth) && !hold && !wipe;
    if (rst) begin
      wp <= '0;
      rp <= '0;
      count <= '0;
      s_ready <= 1'b0;
      in_first <= 1'b1;
    end
  end

  // ---- how much of the packet is left, as far as it matters
  // What decides about a beat stands beside the memories in registers that move up, the head in 0, and
  // all that follows from it is known a cycle ahead: for the case that the head goes and that it stays.
  typedef struct packed {
    logic valid;
    logic last;
    logic [2:0] slots;  // with `last`: its blocks and two
  } beat_t;

  // What is known of the beat in front.
  typedef struct packed {
    logic known;  // enough of what follows is here
    logic last;
    logic [3:0] rem;  // slots to the packet's end, saturated: 15
    logic ends;  // this issue takes the last of the beat's slots
  } head_t;

  function automatic head_t head_of(input beat_t [2:0] beat);
    head_of.known = beat[0].last || beat[1].last || beat[2].valid;
    head_of.last  = beat[0].last;
    if (beat[0].last) head_of.rem = 4'(beat[0].slots);
    else if (beat[1].last) head_of.rem = 4'(beat[1].slots) + 4'd4;
    else if (beat[2].last) head_of.rem = 4'(beat[2].slots) + 4'd8;
    else head_of.rem = 4'd15;
    head_of.ends = beat[0].last ? 4'(beat[0].slots) <= 4'(BLOCKS) : Subs == 1;
  endfunction

  beat_t [Depth-1:0] beats, stay, move;
  beat_t pushed;
  assign pushed = '{valid: 1'b1, last: s_last, slots: 3'(blocks_of(s_bytes + (straddling ? 7'd4 : 7'd0))) + 3'd2};

  always_comb begin
    stay = beats;
    for (int unsigned i = 0; i < Depth; i++) begin
      if (push && count == 3'(i)) stay[i] = pushed;
    end
    move = {beat_t'('0), stay[Depth-1:1]};
  end

  always_ff @(posedge clk) begin
    beats <= pop ? move : stay;
    if (rst) beats <= '0;
  end

  // ---- issue
  logic [2:0] sub;
  logic begins;  // sub is 0
  head_t head;
  logic [CreditBits-1:0] credits;
  logic credit;  // there is one
  logic first;  // the head opens a packet
  localparam int unsigned LaneBits = $clog2(GHASH_CYCLES);
  logic [LaneBits:0] beat_no;  // beats of this packet so far: the upper bit stays

  wire issue = head.known && (!begins || credit);
  wire take = issue && begins;
  wire opens = first && begins;

  assign pop = issue && head.ends;

  always_ff @(posedge clk) begin
    if (pop) begin
      head   <= head_of(move[2:0]);
      sub    <= '0;
      begins <= 1'b1;
      first  <= head.last;
    end else if (issue) begin
      head.rem <= head.rem - 4'(BLOCKS);
      head.ends <= head.last ? head.rem <= 4'(2 * BLOCKS) : sub + 3'd1 == 3'(Subs - 1);
      sub <= sub + 3'd1;
      begins <= 1'b0;
    end else begin
      head <= head_of(stay[2:0]);
    end
    if (issue) begin
      if (pop && head.last) beat_no <= '0;
      else beat_no <= (beat_no + 1'b1) | {beat_no[LaneBits], LaneBits'(0)};
    end
    credits <= credits - CreditBits'(take) + CreditBits'(release_beat);
    credit  <= release_beat || credits > CreditBits'(take);
    if (rst) begin
      head <= '0;
      sub <= '0;
      begins <= 1'b1;
      first <= 1'b1;
      beat_no <= '0;
      credits <= CreditBits'(CREDITS);
      credit <= 1'b1;
    end
  end

  assign idle = count == '0 && credits == CreditBits'(CREDITS);

  // ---- slots; with LONG_WIRES the decision is registered, then what it is about, which is still in its place
  typedef struct packed {
    logic valid;
    logic opens;  // the packet: never unless valid
    logic begins;
    logic first;
    logic pop;  // never unless valid
    logic last;
    logic [3:0] rem;
    logic [2:0] sub;
    logic [LaneBits:0] beat_no;
    logic [PlaceBits-1:0] place;
  } go_t;

  go_t now, go;
  logic [127:0] carry;
  logic [4:0] aad_bytes;

  assign now = '{
          valid: issue,
          opens: issue && opens,
          begins: begins,
          first: first,
          pop: pop,
          last: head.last,
          rem: head.rem,
          sub: sub,
          beat_no: beat_no,
          place: rp
      };

  gcm_job_t job;
  logic [6:0] bytes;
  logic [31:0] counted;
  logic [3:0][127:0] d;

  if (LONG_WIRES) begin : g_go
    // No reset for the job: it shows the memory, whose every place is overwritten after one.
    go_t reads;
    gcm_job_t job_read;
    always_ff @(posedge clk) begin
      reads <= now;
      go <= reads;
      job_read <= job_q[rp];
      job <= job_read;
      bytes <= bytes_q[reads.place];
      counted <= counted_q[reads.place];
      d <= data_q[reads.place];
      if (rst) begin
        reads.valid <= 1'b0;
        reads.opens <= 1'b0;
        reads.pop <= 1'b0;
        go.valid <= 1'b0;
        go.opens <= 1'b0;
        go.pop <= 1'b0;
      end
    end
    wire unused_place = &{1'b0, go.place};
  end else begin : g_at_once
    assign go = now;
    assign job = job_q[go.place];
    assign bytes = bytes_q[go.place];
    assign counted = counted_q[go.place];
    assign d = data_q[go.place];
  end

  wire [4:0] prefix = go.opens ? job.aad_bytes : aad_bytes;
  wire plain = go.opens ? job.auth_only : o_meta.plain;

  logic [127:0] lengths;

  always_comb begin
    lengths = '0;
    if ((go.valid && go.last) || !Sparing) begin
      if (plain) lengths = {64'd0, bswap64({29'd0, counted, 3'd0})};
      else lengths = {bswap64({29'd0, counted, 3'd0}), bswap64({56'd0, prefix, 3'd0})};
    end
  end

  for (genvar c = 0; c < BLOCKS; c++) begin : g_slot
    logic [127:0] block;

    // slot number l = sub * BLOCKS + c of {carry, d0, d1, d2, d3}
    always_comb begin
      block = '0;
      for (int unsigned l = 1; l <= 4; l++) begin
        if (l % BLOCKS == c && (BLOCKS == 4 || go.sub == 3'(l / BLOCKS))) block = d[l-1];
      end
      if (c == 0 && go.begins) block = go.first ? job.aad[127:0] : carry;
    end

    always_ff @(posedge clk) begin
      if (go.valid || LONG_WIRES) begin
        o_slot[c] <= (go.rem == 4'(c + 1)) ? lengths : block;
        o_aes[c] <= (go.opens && c == 0) || (!plain && go.rem > 4'(c + 1));
      end
    end
  end

  always_ff @(posedge clk) begin
    o_valid <= go.valid && !rst;
    if (go.pop) carry <= d[3];
    if (go.valid) begin
      o_meta.first <= go.opens;
      o_meta.rem <= go.rem;
      o_meta.lane <= go.beat_no[LaneBits-1:0];
      o_meta.chained <= go.beat_no[LaneBits];
      o_meta.sub <= go.sub;
      o_meta.out_last <= go.last;
      o_meta.out_bytes <= bytes;
      o_meta.tail_bytes <= 5'(bytes - 7'd1 & 7'd15) + 5'd1;
      o_ctr <= o_ctr + 32'(BLOCKS);
    end
    if (go.opens) begin
      o_meta.decrypt <= job.decrypt;
      o_meta.plain <= job.auth_only;
      o_meta.straddles <= job.aad_bytes == AAD_STRADDLING;
      o_meta.aad_end <= job.aad[159:128];
      o_key <= job.key;
      o_key_len <= job.key_len;
      o_iv <= job.j0[95:0];
      o_ctr <= bswap32(job.j0[127:96]);
      o_h <= job.h;
      aad_bytes <= job.aad_bytes;
    end
    if (erase) begin
      o_key <= '0;
      o_h   <= '0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (push && !rst) begin
      assert (s_bytes <= 7'd64)
      else $error("gcm_engine: s_bytes is %0d, above 64", s_bytes);
      assert (s_last || s_bytes == 7'd64)
      else $error("gcm_engine: s_bytes is %0d in a beat that is not the last", s_bytes);
      assert (s_bytes != 7'd0 || in_first)
      else $error("gcm_engine: s_bytes is 0 in a packet that is not empty");
      if (in_first) begin
        assert (s_job.key_len != 2'd3)
        else $error("gcm_engine: s_job.key_len is 3");
        assert (s_job.aad_bytes <= 5'd16 || s_job.auth_only)
        else $error("gcm_engine: s_job.aad_bytes is %0d, above 16", s_job.aad_bytes);
        assert (!s_job.auth_only || s_job.aad_bytes inside {5'd0, 5'd16, AAD_STRADDLING})
        else $error("gcm_engine: s_job.aad_bytes is %0d with auth_only", s_job.aad_bytes);
      end
    end
    if (!rst) begin
      assert (!release_beat || credits != CreditBits'(CREDITS))
      else $error("gcm_slots: a credit came back that was not out");
    end
  end
`endif

endmodule

`default_nettype wire
