// SPDX-License-Identifier: BSD-2-Clause
//
// Hash table from (direction, family, destination, SPI) to an index: two tables, in each of which a key has one
// row of four slots; lookups read both rows at once and take three cycles whatever the fill. Twice as many slots as
// SAs of both directions together, so that with a free choice of the row, and one displacement when both are full
// (sa_cfg), every SA finds a place.
//
// Traffic and management share the pipe; look_valid always enters. Answers come in order, tagged by whose they are.

`default_nettype none

module sa_hash
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int ROW_W = $clog2(ENTRIES) - 1
) (
    input wire clk,
    input wire rst,

    // Traffic: a request that collides with look_valid must wait.
    input  logic        req_valid,
    input  sa_key_t     req_key,
    output logic        rsp_valid,
    output logic        rsp_hit,
    output logic [15:0] rsp_index,

    // Management: rows and their contents, for a decision what to write.
    input  logic                  look_valid,
    input  sa_key_t               look_key,
    output logic                  look_done,
    output logic [1:0][ROW_W-1:0] look_row,
    output sa_row_t [1:0]         look_data,

    input logic [1:0]       wr_valid,  // one a table
    input logic [ROW_W-1:0] wr_row,
    input sa_row_t          wr_data
);

  if ($bits(sa_row_t) != 716) begin : g_bad_size
    $error("sa_hash: words of %0d bits; correct README.md", $bits(sa_row_t));
  end

  // Hash of the key.
  logic s1_valid, s1_look;
  sa_key_t s1_key;
  logic [1:0][ROW_W-1:0] s1_row;
  sa_key_t s0_key;
  logic [63:0] s0_hash;
  assign s0_key = look_valid ? look_key : req_key;
  always_comb begin
    s0_hash = '0;
    if (look_valid || req_valid) s0_hash = sa_hash(s0_key);
  end

  always_ff @(posedge clk) begin
    s1_valid <= look_valid || req_valid;
    if (look_valid || req_valid) begin
      s1_look   <= look_valid;
      s1_key    <= s0_key;
      s1_row[0] <= s0_hash[63-:ROW_W];
      s1_row[1] <= s0_hash[31-:ROW_W];
    end
    if (rst) s1_valid <= 1'b0;
  end
  wire unused_hash = &{1'b0, s0_hash};

  // Rows.
  logic s2_valid, s2_look;
  sa_key_t s2_key;
  logic [1:0][ROW_W-1:0] s2_row;
  sa_row_t [1:0] s2_data;

  always_ff @(posedge clk) begin
    s2_valid <= s1_valid;
    if (s1_valid) begin
      s2_look <= s1_look;
      s2_key  <= s1_key;
      s2_row  <= s1_row;
    end
    if (rst) s2_valid <= 1'b0;
  end

  for (genvar t = 0; t < 2; t++) begin : g_table
    sa_ram #(
        .WIDTH($bits(sa_row_t)),
        .DEPTH(1 << ROW_W)
    ) u_rows (
        .clk,
        .we(wr_valid[t]),
        .waddr(wr_row),
        .wdata(wr_data),
        .re(s1_valid),
        .raddr(s1_row[t]),
        .rdata(s2_data[t])
    );
  end

  // Compare.
  logic s2_hit;
  logic [15:0] s2_index;
  always_comb begin
    s2_hit   = 1'b0;
    s2_index = '0;
    if (s2_valid) begin
      for (int t = 0; t < 2; t++) begin
        for (int w = 0; w < WAYS; w++) begin
          // While the management moves a slot it stands in both tables with the same index.
          if (s2_data[t][w].valid && s2_data[t][w].key == s2_key) begin
            s2_hit   = 1'b1;
            s2_index = s2_data[t][w].index;
          end
        end
      end
    end
  end

  assign look_done = s2_valid && s2_look;
  assign look_row  = s2_row;
  assign look_data = s2_data;

  always_ff @(posedge clk) begin
    rsp_valid <= s2_valid && !s2_look;
    if (s2_valid) begin
      rsp_hit   <= s2_hit;
      rsp_index <= s2_index;
    end
    if (rst) rsp_valid <= 1'b0;
  end

endmodule

`default_nettype wire
