// SPDX-License-Identifier: BSD-2-Clause
//
// AES-GCM engine (NIST SP 800-38D): packets in, packets with tags out, BLOCKS blocks a cycle.

`default_nettype none

// A packet is 1..n beats of 64 bytes; only the last may hold fewer (0 only for an empty packet). The
// job comes with the first beat. Packets leave in order and in the same framing; bytes beyond m_bytes
// are zero, and m_tag, with m_last, is the full 16-byte tag. Byte 0 is always in the lowest bits.
//
// Back to back, a packet of n blocks of 16 bytes costs ceil((n + 2) / BLOCKS) cycles (n + 3 where the
// stream's last four bytes spill into a block of GHASH: aad_bytes = 20); a new key, H or kind of job
// costs nothing more. With h = 0, no AAD and no bytes, m_tag is E(key, j0).
//
// See README.md in this folder for the drawing and the timing.
module gcm_engine
  import gcm_pkg::*;
  import aes_pkg::LONG_WIRES;
#(
    parameter int BLOCKS = 4  // AES columns and GHASH multipliers: 1, 2 or 4
) (
    input wire clk,
    input wire rst,

    input wire s_valid,
    output logic s_ready,
    input wire gcm_job_t s_job,  // with the first beat
    input wire [511:0] s_data,
    input wire [6:0] s_bytes,
    input wire s_last,

    output logic m_valid,
    input wire m_ready,
    output logic [511:0] m_data,
    output logic [6:0] m_bytes,
    output logic m_last,
    output logic [127:0] m_tag,

    output logic idle  // nothing inside
);

  if (BLOCKS != 1 && BLOCKS != 2 && BLOCKS != 4) begin : g_check_blocks
    $error("gcm_engine: BLOCKS is %0d, must be 1, 2 or 4", BLOCKS);
  end

  localparam int unsigned N = BLOCKS;
  // Covers the latency at one beat a cycle; a single block a cycle with LONG_WIRES, at one beat in three cycles.
  localparam int unsigned OutDepth = LONG_WIRES && BLOCKS == 1 ? 16 : 32;
  localparam int unsigned AesLatency = aes_pkg::LATENCY;

  // ---- after a reset the memories that hold H are overwritten before the first packet is taken
  logic wiping;
  logic [5:0] wipe_count;

  always_ff @(posedge clk) begin
    if (wiping) wipe_count <= wipe_count + 1'b1;
    if (&wipe_count) wiping <= 1'b0;
    if (rst) begin
      wiping <= 1'b1;
      wipe_count <= '0;
    end
  end

  // ---- slots
  logic it_valid;
  logic [N-1:0][127:0] it_slot;
  logic [N-1:0] it_aes;
  beat_meta_t it_meta;
  logic [255:0] it_key;
  logic [1:0] it_key_len;
  logic [95:0] it_iv;
  logic [31:0] it_ctr;
  logic [127:0] it_h;
  logic release_beat;

  gcm_slots #(
      .BLOCKS(N),
      .CREDITS(OutDepth)
  ) u_slots (
      .clk,
      .rst,
      .hold(wiping),
      .s_valid,
      .s_ready,
      .s_job,
      .s_data,
      .s_bytes,
      .s_last,
      .release_beat,
      .o_valid(it_valid),
      .o_slot(it_slot),
      .o_aes(it_aes),
      .o_meta(it_meta),
      .o_key(it_key),
      .o_key_len(it_key_len),
      .o_iv(it_iv),
      .o_ctr(it_ctr),
      .o_h(it_h),
      .idle
  );

  // ---- AES over the counter blocks
  logic [N-1:0][127:0] ctr_block, stream;
  logic ks_valid;

  always_comb begin
    ctr_block = '0;
    if (it_valid || !Sparing) begin
      for (int unsigned c = 0; c < N; c++) ctr_block[c] = {bswap32(it_ctr + 32'(c)), it_iv};
    end
  end

  aes_pipe #(
      .BLOCKS(N)
  ) u_aes (
      .clk,
      .rst,
      .i_valid(it_valid),
      .i_len(it_key_len),
      .i_key(it_key),
      .i_en(it_aes),
      .i_block(ctr_block),
      .o_valid(ks_valid),
      .o_block(stream)
  );

  // ---- slots wait for their key stream in a ring as long as the pipeline, H for its powers likewise
  localparam int unsigned RingBits = $clog2(AesLatency + 1);

  logic [N-1:0][127:0] slot_ring[1<<RingBits];
  beat_meta_t meta_ring[1<<RingBits];
  logic [127:0] h_ring[1<<RingBits];
  logic [N-1:0][127:0] slot;
  beat_meta_t read_meta;
  logic [RingBits-1:0] wp, meta_rp, rp, h_wp, h_rp;

  // Bit n: a beat left gcm_slots n cycles ago. What is known of it is read three cycles before its key stream comes, its
  // slots two.
  logic [AesLatency-1:1] passing;
  wire read_meta_now = passing[AesLatency-3];
  wire read_slot_now = passing[AesLatency-2];
  wire split_now = passing[AesLatency-1];

  // Bit n: a packet's first beat left gcm_slots n + 1 cycles ago; it has more than one beat. The
  // powers must come with that beat's arrival at GHASH, neither later nor earlier.
  localparam int unsigned HDelay = AesLatency + 1 - POWER_CYCLES;
  logic [HDelay-1:0] opened, opened_long;
  wire opens = it_valid && it_meta.first;
  wire start_powers = opened[HDelay-1];

  always_ff @(posedge clk) begin
    if (it_valid) begin
      slot_ring[wp] <= it_slot;
      meta_ring[wp] <= it_meta;
      wp <= wp + 1'b1;
    end
    passing <= {passing[AesLatency-2:1], it_valid};
    if (read_meta_now || LONG_WIRES) read_meta <= meta_ring[meta_rp];
    if (read_meta_now) meta_rp <= meta_rp + 1'b1;
    if (read_slot_now || LONG_WIRES) slot <= slot_ring[rp];
    if (read_slot_now) rp <= rp + 1'b1;
    opened <= {opened[HDelay-2:0], opens};
    opened_long <= {opened_long[HDelay-2:0], it_meta.rem > 4'(N)};
    if (opens || wiping) begin
      h_ring[h_wp] <= it_h;  // zero while wiping
      h_wp <= h_wp + 1'b1;
    end
    if (start_powers) h_rp <= h_rp + 1'b1;
    if (rst) begin
      wp <= '0;
      meta_rp <= '0;
      rp <= '0;
      h_wp <= '0;
      h_rp <= '0;
      opened <= '0;
      passing <= '0;
    end
  end

  logic [127:0] h_next;
  logic [GHASH_CYCLES*N:1][127:0] power;

  always_comb begin
    h_next = '0;
    if (start_powers || !Sparing) h_next = ghash_order(h_ring[h_rp]);
  end

  gcm_powers #(
      .POWERS(GHASH_CYCLES * N)
  ) u_powers (
      .clk,
      .rst,
      .i_start(start_powers),
      .i_long(opened_long[HDelay-1]),
      .i_h(h_next),
      .o_power(power)
  );

  // ---- what each slot is
  typedef struct packed {
    logic straddling;  // a block of the stream that GHASH has four bytes later
    logic payload;  // some of it goes out
  } role_t;

  beat_meta_t meta;
  role_t [N-1:0] role;
  logic [N-1:0][127:0] used;  // ones for the bytes that go out

  // Does the packet's last block of GHASH hold nothing but what is left over from the stream's last?
  wire spills = read_meta.straddles && read_meta.tail_bytes > 5'd12;

  always_ff @(posedge clk) begin
    if (read_slot_now || LONG_WIRES) begin
      meta <= read_meta;
      for (int unsigned c = 0; c < N; c++) begin
        // The packet's last slot is the lengths block; the stream's last block, before it or (if that
        // spills) before the block before it, may hold fewer than 16 bytes.
        logic prefix, payload;
        prefix = read_meta.first && c == 0;
        payload = read_meta.rem > 4'(c + 1) + 4'(spills) && !prefix;
        role[c].straddling <= read_meta.straddles && read_meta.rem > 4'(c + 1) && !prefix;
        role[c].payload <= payload;
        used[c] <= {128{payload}};
        if (payload && read_meta.rem == 4'(c + 2) + 4'(spills)) begin
          for (int unsigned i = 0; i < 16; i++) used[c][8*i+:8] <= {8{5'(i) < read_meta.tail_bytes}};
        end
      end
    end
  end

  // ---- what goes out and what is hashed, but for the key stream: that, and which of its bytes count
  beat_meta_t ks_meta;
  logic [N-1:0][127:0] ks_out;  // zero where there is no payload
  logic [N-1:0][127:0] ks_hash;
  logic [N-1:0][127:0] ks_cipher;  // ones for the bytes that the key stream encrypts
  logic [N-1:0][31:0] ends;  // last four bytes of each slot as the next block of GHASH has them
  logic [31:0] ends_before;  // of the beat before

  always_ff @(posedge clk) begin
    if (split_now || LONG_WIRES) ks_meta <= meta;
    if (split_now && meta.straddles) ends_before <= ends[N-1];
  end

  for (genvar c = 0; c < N; c++) begin : g_split
    always_comb begin
      ends[c] = '0;
      if ((split_now && meta.straddles) || !Sparing) begin
        ends[c] = (meta.first && c == 0) ? meta.aad_end : slot[c][127:96] & used[c][127:96];
      end
    end

    always_ff @(posedge clk) begin
      if (split_now || LONG_WIRES) begin
        logic [127:0] block;
        block = slot[c] & used[c];
        ks_out[c] <= block;
        ks_cipher[c] <= meta.plain ? '0 : used[c];
        if (role[c].straddling) ks_hash[c] <= {block[95:0], (c == 0) ? ends_before : ends[(c+N-1)%N]};
        else ks_hash[c] <= role[c].payload ? block : slot[c];
      end
    end
  end

  // ---- XOR
  logic x_valid;
  beat_meta_t x_meta;
  logic [N-1:0][127:0] x_out;  // to the output; zero where there is no payload
  logic [N-1:0][127:0] x_hash;  // to GHASH
  logic [127:0] x_mask;

  always_ff @(posedge clk) begin
    x_valid <= ks_valid && !rst;
    if (ks_valid || LONG_WIRES) begin
      x_meta <= ks_meta;
      for (int unsigned c = 0; c < N; c++) begin
        x_out[c]  <= ks_out[c] ^ (stream[c] & ks_cipher[c]);
        x_hash[c] <= ks_hash[c] ^ (ks_meta.decrypt ? '0 : stream[c] & ks_cipher[c]);
      end
    end
    if (ks_valid && ks_meta.first) x_mask <= stream[0];
    if (rst) x_mask <= '0;  // may be an H: see the empty packet above
  end

  // ---- GHASH and the way out
  logic tag_valid;
  logic [127:0] tag;

  ghash #(
      .BLOCKS(N)
  ) u_ghash (
      .clk,
      .rst,
      .i_valid(x_valid),
      .i_first(x_meta.first),
      .i_rem(x_meta.rem),
      .i_lane(x_meta.lane),
      .i_chained(x_meta.chained),
      .i_slot(x_hash),
      .i_power(power),
      .i_mask(x_mask),
      .o_valid(tag_valid),
      .o_tag(tag)
  );

  gcm_pack #(
      .BLOCKS(N),
      .DEPTH (OutDepth)
  ) u_pack (
      .clk,
      .rst,
      .i_valid(x_valid),
      .i_meta(x_meta),
      .i_block(x_out),
      .i_wipe(wiping),
      .i_tag_valid(tag_valid),
      .i_tag(tag),
      .m_valid,
      .m_ready,
      .m_data,
      .m_bytes,
      .m_last,
      .m_tag,
      .release_beat
  );

endmodule

`default_nettype wire
