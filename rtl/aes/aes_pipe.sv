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
  localparam int unsigned Latency = ROUNDS_MAX + 1;

  logic [Latency-1:0] valid;
  logic [BLOCKS-1:0][127:0] ring[16];
  logic [3:0] wp, rp;
  bit [511:0] result;

  always_ff @(posedge clk) begin
    valid <= {valid[Latency-2:0], i_valid};
    if (i_valid) begin
      vesper_aes_encrypt(i_key, 32'(i_len), 512'(i_block), result);
      ring[wp] <= result[128*BLOCKS-1:0];
      wp <= wp + 4'd1;
    end
    if (o_valid) rp <= rp + 4'd1;
    if (rst) begin
      valid <= '0;
      wp <= '0;
      rp <= '0;
    end
  end

  assign o_valid = valid[Latency-1];
  assign o_block = ring[rp];

  wire unused = &{1'b0, i_en, result, FormTable};

`else

  // Number n is what stage n made; number 0 is the first AddRoundKey.
  logic valid[ROUNDS_MAX+1];
  logic [BLOCKS-1:0] en[ROUNDS_MAX+1];
  logic [1:0] len[ROUNDS_MAX+1];
  key_state_t key[ROUNDS_MAX+1];
  logic [BLOCKS-1:0][127:0] state[ROUNDS_MAX+1];
  logic [BLOCKS-1:0][127:0] entry[ROUNDS_MAX+1];  // after the first AddRoundKey, for those that wait

  key_state_t first_key;

  aes_key_step #(
      .STAGE(0)
  ) u_first (
      .i_valid,
      .i_len,
      .i_key,
      .o_key(first_key)
  );

  always_ff @(posedge clk) begin
    valid[0] <= i_valid && !rst;
    if (i_valid) begin
      en[0] <= i_en;
      len[0] <= i_len;
      key[0] <= first_key;
    end
  end

  for (genvar c = 0; c < BLOCKS; c++) begin : g_begin
    wire [127:0] begins = i_block[c] ^ i_key[127:0];

    aes_state_reg u_state (
        .clk,
        .i_en(i_valid && i_en[c]),
        .i_state(begins),
        .o_state(state[0][c])
    );
    aes_state_reg #(
        .SUBSTITUTE(1'b0)
    ) u_entry (
        .clk,
        .i_en(i_valid && i_en[c]),
        .i_state(begins),
        .o_state(entry[0][c])
    );
  end

  for (genvar s = 1; s <= ROUNDS_MAX; s++) begin : g_stage
    aes_stage #(
        .BLOCKS(BLOCKS),
        .STAGE(s)
    ) u_stage (
        .clk,
        .rst,
        .i_valid(valid[s-1]),
        .i_en(en[s-1]),
        .i_len(len[s-1]),
        .i_key(key[s-1]),
        .i_state(state[s-1]),
        .i_entry(entry[s-1]),
        .o_valid(valid[s]),
        .o_en(en[s]),
        .o_len(len[s]),
        .o_key(key[s]),
        .o_state(state[s]),
        .o_entry(entry[s])
    );
  end

  assign o_valid = valid[ROUNDS_MAX];
  assign o_block = state[ROUNDS_MAX];

  wire unused = &{1'b0, en[ROUNDS_MAX], len[ROUNDS_MAX], key[ROUNDS_MAX], entry[ROUNDS_MAX]};

`endif

`ifndef SYNTHESIS
  always_ff @(posedge clk) begin
    if (i_valid && !rst) begin
      assert (i_len <= KEY_256)
      else $error("aes_pipe: i_len is %0d, above %0d", i_len, KEY_256);
    end
  end
`endif

endmodule

`default_nettype wire
