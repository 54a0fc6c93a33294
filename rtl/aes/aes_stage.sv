// SPDX-License-Identifier: BSD-2-Clause
//
// One stage of the AES pipeline: one round in each column, one step of the key schedule they share.

`default_nettype none

// Stage 0 is the AddRoundKey before the first round. Every key length ends with stage 14, the final
// round. A block under a shorter key waits in *_entry for the stage of its first round (ENTRY_128,
// ENTRY_192 in aes_pkg); until then what its beat's i_state makes here is of no use.
//
// i_key stands in front of this stage (see key_state_t), o_key in front of the next one. A state is
// handed on as aes_state_reg shows it: through the S-box already, but for the last stage's and the table
// form's. Unless LONG_WIRES (see aes_pkg), registers are written only while i_valid, and a column only while its i_en is set.
module aes_stage
  import aes_pkg::*;
#(
    parameter int unsigned BLOCKS = 4,  // columns
    parameter int unsigned STAGE = 1  // 0..14
) (
    input wire clk,
    input wire rst,
    input wire i_valid,
    input wire [BLOCKS-1:0] i_en,
    input wire [1:0] i_len,
    input wire key_state_t i_key,
    input wire [BLOCKS-1:0][127:0] i_state,
    input wire [BLOCKS-1:0][127:0] i_entry,  // the block as it goes into the first round
    output logic o_valid,
    output logic [BLOCKS-1:0] o_en,
    output logic [1:0] o_len,
    output key_state_t o_key,
    output logic [BLOCKS-1:0][127:0] o_state,
    output logic [BLOCKS-1:0][127:0] o_entry
);

  if (STAGE > ROUNDS_MAX) begin : g_check_stage
    $error("aes_stage: STAGE is %0d, must be 0..14", STAGE);
  end

  localparam bit Expands = STAGE < ROUNDS_MAX - 1;  // this step makes words that need the S-box

  // in the stage's last cycle
  logic late_valid;
  logic [BLOCKS-1:0] late_en;
  logic [1:0] late_len;
  key_state_t next_key;
  wire [31:0] word = Expands ? key_sub_input(i_key, i_len, STAGE) : '0;

  if (STAGE_CYCLES == 2) begin : g_second
    key_state_t without_sub, late_key;

    always_comb begin
      without_sub = '{a: i_key.b, b: '0};
      if (STAGE == 0) without_sub = key_first(i_key, i_len, '0);
      else if (Expands) without_sub = key_step(i_key, i_len, STAGE, '0);
    end

    always_ff @(posedge clk) begin
      late_valid <= i_valid && !rst;
      if (i_valid || LONG_WIRES) begin
        late_en  <= i_en;
        late_len <= i_len;
        late_key <= without_sub;
      end
    end

    if (Expands) begin : g_sub
      wire [31:0] key_sub;
      aes_sbox_rom #(
          .BYTES(4)
      ) u_sub (
          .clk,
          .i_en(i_valid || LONG_WIRES),
          .i_bytes(word),
          .o_bytes(key_sub)
      );
      assign next_key = late_key ^ key_sub_adds(late_len, STAGE, key_sub);
    end else begin : g_no_sub
      assign next_key = late_key;
      wire unused = &{1'b0, word};
    end
  end else begin : g_only
    logic [31:0] key_sub;

    assign late_valid = i_valid;
    assign late_en = i_en;
    assign late_len = i_len;

    if (!Expands) begin : g_no_sub
      assign key_sub = '0;
      wire unused = &{1'b0, word};
    end else if (FormTable) begin : g_table
      always_comb begin
        key_sub = '0;
        if (i_valid) key_sub = sub_word(word);
      end
    end else begin : g_logic
      aes_sub_word u_sub (
          .i_word(word),
          .o_word(key_sub)
      );
    end

    if (STAGE < ROUNDS_MAX) begin : g_key
      aes_key_step #(
          .STAGE(STAGE)
      ) u_step (
          .i_valid,
          .i_len,
          .i_key,
          .i_sub(key_sub),
          .o_key(next_key)
      );
    end else begin : g_no_key
      assign next_key = '0;
      wire unused = &{1'b0, i_key.b, key_sub};
    end
  end

  always_ff @(posedge clk) begin
    o_valid <= late_valid && !rst;
    if (late_valid || LONG_WIRES) begin
      o_en  <= late_en;
      o_len <= late_len;
    end
  end

  if (STAGE < ROUNDS_MAX) begin : g_key
    always_ff @(posedge clk) if (late_valid || LONG_WIRES) o_key <= next_key;
  end else begin : g_no_key
    assign o_key = '0;
    wire unused = &{1'b0, next_key};
  end

  // Does a block enter behind this stage?
  wire enters = (STAGE == ENTRY_192 && i_len == KEY_192) || (STAGE == ENTRY_128 && i_len == KEY_128);

  for (genvar c = 0; c < BLOCKS; c++) begin : g_col
    wire [31:0] s0 = i_state[c][31:0];
    wire [31:0] s1 = i_state[c][63:32];
    wire [31:0] s2 = i_state[c][95:64];
    wire [31:0] s3 = i_state[c][127:96];
    // ShiftRows: the bytes that make each column
    wire [3:0][31:0] shifted = {
      {s2[31:24], s1[23:16], s0[15:8], s3[7:0]},
      {s1[31:24], s0[23:16], s3[15:8], s2[7:0]},
      {s0[31:24], s3[23:16], s2[15:8], s1[7:0]},
      {s3[31:24], s2[23:16], s1[15:8], s0[7:0]}
    };
    logic [3:0][31:0] next;
    wire write = (i_valid && i_en[c]) || LONG_WIRES;

    always_comb begin
      next = '0;
      // what nobody takes costs the simulator nothing
      if (!FormTable || (i_valid && i_en[c])) begin
        for (int w = 0; w < 4; w++) begin
          if (STAGE == 0) next[w] = i_state[c][32*w+:32] ^ i_key.a[w];
          else if (FormTable && STAGE == ROUNDS_MAX) next[w] = sub_word(shifted[w]) ^ i_key.a[w];
          else if (FormTable) next[w] = round_word(shifted[w], i_key.a[w]);
          else if (STAGE == ROUNDS_MAX) next[w] = shifted[w] ^ i_key.a[w];
          else next[w] = mix_column(shifted[w]) ^ i_key.a[w];
        end
        if (enters) next = i_entry[c];
      end
    end

    aes_state_reg #(
        .SUBSTITUTE(STAGE < ROUNDS_MAX)
    ) u_state (
        .clk,
        .i_en(write),
        .i_state(next),
        .o_state(o_state[c])
    );

    if (STAGE < ENTRY_128) begin : g_wait
      aes_state_reg #(
          .SUBSTITUTE(1'b0)
      ) u_entry (
          .clk,
          .i_en(write),
          .i_state(STAGE == 0 ? next : i_entry[c]),
          .o_state(o_entry[c])
      );
    end else begin : g_no_wait
      assign o_entry[c] = '0;
    end
  end

endmodule

`default_nettype wire
