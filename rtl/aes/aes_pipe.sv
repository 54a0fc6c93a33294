// SPDX-License-Identifier: BSD-2-Clause
//
// AES-128/192/256 encryption of BLOCKS blocks a cycle under one key, a new key each cycle if need be.

`default_nettype none

// A fixed latency of LATENCY cycles, no back-pressure: what goes in comes out in order, so the caller
// must have room for it. The key is expanded on the way, once for all columns. Blocks and key are byte
// strings with byte 0 in [7:0]; key bytes beyond the key length must be zero.
//
// Only columns with i_en set are computed (o_block of the others is stale). Round keys and state stay
// in a stage until the next beat overwrites them.
module aes_pipe
  import aes_pkg::*;
#(
    parameter int unsigned BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire [1:0] i_len,  // KEY_128, KEY_192, KEY_256
    input wire [255:0] i_key,
    input wire [BLOCKS-1:0] i_en,
    input wire [BLOCKS-1:0][127:0] i_block,
    output logic o_valid,
    output logic [BLOCKS-1:0][127:0] o_block
);

`ifdef VESPER_DPI

  // For simulation only: everything at once on the way in, and a wait as long as the stages take.
  localparam int unsigned RingBits = $clog2(LATENCY + 1);

  logic [LATENCY-1:0] valid;
  logic [BLOCKS-1:0][127:0] ring[1<<RingBits];
  logic [RingBits-1:0] wp, rp;
  bit [511:0] result;

  always_ff @(posedge clk) begin
    valid <= {valid[LATENCY-2:0], i_valid};
    if (i_valid) begin
      vesper_aes_encrypt(i_key, 32'(i_len), 512'(i_block), result);
      ring[wp] <= result[128*BLOCKS-1:0];
      wp <= wp + 1'b1;
    end
    if (o_valid) rp <= rp + 1'b1;
    if (rst) begin
      valid <= '0;
      wp <= '0;
      rp <= '0;
    end
  end

  assign o_valid = valid[LATENCY-1];
  assign o_block = ring[rp];

  wire unused = &{1'b0, i_en, result, FormTable};

`else

  // Number n is what stage n takes.
  logic valid[ROUNDS_MAX+2];
  logic [BLOCKS-1:0] en[ROUNDS_MAX+2];
  logic [1:0] len[ROUNDS_MAX+2];
  key_state_t key[ROUNDS_MAX+2];
  logic [BLOCKS-1:0][127:0] state[ROUNDS_MAX+2];
  logic [BLOCKS-1:0][127:0] entry[ROUNDS_MAX+2];  // after the first AddRoundKey, for those that wait

  assign valid[0] = i_valid;
  assign en[0] = i_en;
  assign len[0] = i_len;
  assign key[0] = i_key;
  assign state[0] = i_block;
  assign entry[0] = '0;

  for (genvar s = 0; s <= ROUNDS_MAX; s++) begin : g_stage
    aes_stage #(
        .BLOCKS(BLOCKS),
        .STAGE(s)
    ) u_stage (
        .clk,
        .rst,
        .i_valid(valid[s]),
        .i_en(en[s]),
        .i_len(len[s]),
        .i_key(key[s]),
        .i_state(state[s]),
        .i_entry(entry[s]),
        .o_valid(valid[s+1]),
        .o_en(en[s+1]),
        .o_len(len[s+1]),
        .o_key(key[s+1]),
        .o_state(state[s+1]),
        .o_entry(entry[s+1])
    );
  end

  assign o_valid = valid[ROUNDS_MAX+1];
  assign o_block = state[ROUNDS_MAX+1];

  wire unused = &{1'b0, en[ROUNDS_MAX+1], len[ROUNDS_MAX+1], key[ROUNDS_MAX+1], entry[ROUNDS_MAX+1]};

`endif

`ifndef SYNTHESIS
  logic [LATENCY-1:0] due;

  always_ff @(posedge clk) begin
    due <= rst ? '0 : {due[LATENCY-2:0], i_valid};
    if (!rst) begin
      assert (!i_valid || i_len <= KEY_256)
      else $error("aes_pipe: i_len is %0d, above %0d", i_len, KEY_256);
      assert (o_valid == due[LATENCY-1])
      else $error("aes_pipe: o_valid is %0d, not that of %0d cycles ago", o_valid, LATENCY);
    end
  end
`endif

endmodule

`default_nettype wire
