// SPDX-License-Identifier: BSD-2-Clause
//
// Back of the AES-GCM engine: slots to 64-byte beats again, and the output FIFOs.

`default_nettype none

// The slots of a 64-byte beat and their order are those of gcm_slots. `meta.sub` and the column say
// where a slot belongs: in front of sub 0 lies the last block of the beat before. A beat leaves for
// the FIFO's input when the first slot of the next one arrives, or one cycle after its packet's last slot.
//
// Room is guaranteed by the credits that gcm_slots holds; nothing here stalls the pipeline. A
// packet's last beat waits in the FIFO for its tag.
module gcm_pack
  import gcm_pkg::*;
  import aes_pkg::LONG_WIRES;
#(
    parameter int unsigned BLOCKS = 4,
    parameter int unsigned DEPTH = 32  // beats; a power of two
) (
    input wire clk,
    input wire rst,

    input wire i_valid,
    input wire beat_meta_t i_meta,
    input wire [BLOCKS-1:0][127:0] i_block,  // zero where there is no payload

    input wire i_wipe,  // after a reset, for 64 cycles: the tags' memory is overwritten
    input wire i_tag_valid,
    input wire [127:0] i_tag,  // zero if not valid

    output logic m_valid,
    input wire m_ready,
    output logic [511:0] m_data,
    output logic [6:0] m_bytes,
    output logic m_last,
    output logic [127:0] m_tag,

    output logic release_beat  // a beat left in the cycle before
);

  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_check_depth
    $error("gcm_pack: DEPTH is %0d, must be a power of two", DEPTH);
  end
  if (DEPTH > 32) begin : g_check_wiped
    $error("gcm_pack: DEPTH is %0d, above the 32 that i_wipe lasts for twice", DEPTH);
  end

  localparam int unsigned PtrBits = $clog2(DEPTH);

  // ---- the beat being put together
  logic [3:0][127:0] part;
  logic part_last, done;
  logic [6:0] part_bytes;

  wire emit_full = i_valid && i_meta.sub == 3'd0 && !i_meta.first;
  wire emit = emit_full || done;

  always_ff @(posedge clk) begin
    done <= i_valid && i_meta.rem <= 4'(BLOCKS) && !rst;
    if (i_valid) begin
      part_last <= i_meta.out_last;
      part_bytes <= i_meta.out_bytes;
      if (i_meta.sub == 3'd0) part <= '0;
      for (int unsigned c = 0; c < BLOCKS; c++) begin
        for (int unsigned q = 0; q < 4; q++) begin
          if (q + 1 >= c && (q + 1 - c) % BLOCKS == 0 && i_meta.sub == 3'((q + 1 - c) / BLOCKS)) begin
            part[q] <= i_block[c];
          end
        end
      end
    end
  end

  // ---- output FIFO
  logic [511:0] data_q[DEPTH];
  logic [7:0] info_q[DEPTH];  // last, bytes
  logic [127:0] tag_q[DEPTH];
  logic [PtrBits:0] wp, rp, tag_wp, tag_rp;

  typedef struct packed {
    logic valid;
    logic last;
    logic [6:0] bytes;
    logic [511:0] data;
  } beat_t;

  beat_t made, beat;
  assign made = '{valid: emit, last: part_last, bytes: part_bytes, data: {done ? part[3] : i_block[0], part[2:0]}};

  if (LONG_WIRES) begin : g_beat
    always_ff @(posedge clk) begin
      beat <= made;
      if (rst) beat.valid <= 1'b0;
    end
  end else begin : g_at_once
    assign beat = made;
  end

  // What decides about the beat in front is a register's, not the memory's.
  logic there, tag_there, leaves;
  (* keep *) logic wipe;  // this module's own: see gcm_slots
  always_ff @(posedge clk) wipe <= i_wipe && !rst;

  wire [PtrBits:0] wp_next = wp + (PtrBits + 1)'(beat.valid);
  wire [PtrBits:0] rp_next = rp + (PtrBits + 1)'(leaves);
  wire [PtrBits:0] tag_wp_next = tag_wp + (PtrBits + 1)'(i_tag_valid || wipe);
  wire [PtrBits:0] tag_rp_next = tag_rp + (PtrBits + 1)'(leaves && m_last);

  always_ff @(posedge clk) begin
    if (beat.valid) begin
      data_q[wp[PtrBits-1:0]] <= beat.data;
      info_q[wp[PtrBits-1:0]] <= {beat.last, beat.bytes};
    end
    wp <= wp_next;
    if (i_tag_valid || wipe) tag_q[tag_wp[PtrBits-1:0]] <= i_tag;
    tag_wp <= tag_wp_next;
    rp <= rp_next;
    tag_rp <= tag_rp_next;
    there <= wp_next != rp_next;
    tag_there <= tag_wp_next != tag_rp_next;
    {m_last, m_bytes} <= wp == rp_next ? {beat.last, beat.bytes} : info_q[rp_next[PtrBits-1:0]];
    release_beat <= leaves;
    if (rst) begin
      there <= 1'b0;
      release_beat <= 1'b0;
      wp <= '0;
      rp <= '0;
      tag_wp <= '0;
      tag_rp <= '0;
    end
  end

  assign m_valid = there && (!m_last || tag_there);
  assign m_data = data_q[rp[PtrBits-1:0]];
  assign m_tag = tag_q[tag_rp[PtrBits-1:0]];
  assign leaves = m_valid && m_ready;

  wire unused = &{1'b0, i_meta.lane, i_meta.chained, i_meta.decrypt, i_meta.plain, i_meta.tail_bytes};
  wire unused_straddle = &{1'b0, i_meta.straddles, i_meta.aad_end};

`ifndef SYNTHESIS
  wire [PtrBits:0] level = wp - rp;
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!beat.valid || level != (PtrBits + 1)'(DEPTH))
      else $error("gcm_pack: the output FIFO overflows");
      assert (!(emit_full && done))
      else $error("gcm_pack: two beats in one cycle");
    end
  end
`endif

endmodule

`default_nettype wire
