// SPDX-License-Identifier: BSD-2-Clause
//
// Back of the AES-GCM engine: slots to 64-byte beats again, and the output FIFOs.

`default_nettype none

// The slots of a 64-byte beat and their order are those of gcm_slots. `meta.sub` and the column say
// where a slot belongs: in front of sub 0 lies the last block of the beat before. A beat leaves for
// the FIFO when the first slot of the next one arrives, or one cycle after its packet's last slot.
//
// Room is guaranteed by the credits that gcm_slots holds; nothing here stalls the pipeline. A
// packet's last beat waits in the FIFO for its tag.
module gcm_pack
  import gcm_pkg::*;
#(
    parameter int unsigned BLOCKS = 4,
    parameter int unsigned DEPTH = 32  // beats; a power of two
) (
    input wire clk,
    input wire rst,

    input wire i_valid,
    input wire beat_meta_t i_meta,
    input wire [BLOCKS-1:0][127:0] i_block,  // zero where there is no payload

    input wire i_wipe,  // after a reset, for twice DEPTH cycles: the tags' memory is overwritten
    input wire i_tag_valid,
    input wire [127:0] i_tag,  // zero if not valid

    output logic m_valid,
    input wire m_ready,
    output logic [511:0] m_data,
    output logic [6:0] m_bytes,
    output logic m_last,
    output logic [127:0] m_tag,

    output logic release_beat  // a beat has left
);

  if (DEPTH < 2 || (DEPTH & (DEPTH - 1)) != 0) begin : g_check_depth
    $error("gcm_pack: DEPTH is %0d, must be a power of two", DEPTH);
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

  wire tag_there = tag_wp != tag_rp;

  always_ff @(posedge clk) begin
    if (emit) begin
      data_q[wp[PtrBits-1:0]] <= {done ? part[3] : i_block[0], part[2:0]};
      info_q[wp[PtrBits-1:0]] <= {part_last, part_bytes};
      wp <= wp + 1'b1;
    end
    if (i_tag_valid || i_wipe) begin
      tag_q[tag_wp[PtrBits-1:0]] <= i_tag;
      tag_wp <= tag_wp + 1'b1;
    end
    if (release_beat) begin
      rp <= rp + 1'b1;
      if (m_last) tag_rp <= tag_rp + 1'b1;
    end
    if (rst) begin
      wp <= '0;
      rp <= '0;
      tag_wp <= '0;
      tag_rp <= '0;
    end
  end

  assign {m_last, m_bytes} = info_q[rp[PtrBits-1:0]];
  assign m_valid = wp != rp && (!m_last || tag_there);
  assign m_data = data_q[rp[PtrBits-1:0]];
  assign m_tag = tag_q[tag_rp[PtrBits-1:0]];
  assign release_beat = m_valid && m_ready;

  wire unused = &{1'b0, i_meta.lane, i_meta.chained, i_meta.decrypt, i_meta.plain, i_meta.tail_bytes};
  wire unused_straddle = &{1'b0, i_meta.straddles, i_meta.aad_end};

`ifndef SYNTHESIS
  wire [PtrBits:0] level = wp - rp;
  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (!emit || level != (PtrBits + 1)'(DEPTH))
      else $error("gcm_pack: the output FIFO overflows");
      assert (!(emit_full && done))
      else $error("gcm_pack: two beats in one cycle");
    end
  end
`endif

endmodule

`default_nettype wire
