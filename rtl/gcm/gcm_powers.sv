// SPDX-License-Identifier: BSD-2-Clause
//
// H^1..H^(2*BLOCKS) of each packet, made while its first beat is in the AES pipeline.

`default_nettype none

// i_start brings H (in GHASH's order) and whether the packet needs powers above BLOCKS (it has more
// slots than one beat holds). LATENCY = 7 cycles later o_power is that packet's set, and stays until
// the next one's. A new packet may come every cycle, one with i_long at the earliest two after
// another.
//
// Squares are linear and cheap. Odd powers take multipliers: for BLOCKS = 4 one makes H^3, another
// H^5 and, in the cycle after, H^7; a packet that needs these has two beats, so the place is free.
module gcm_powers
  import gcm_pkg::*;
#(
    parameter int unsigned BLOCKS = 4
) (
    input wire clk,
    input wire rst,
    input wire i_start,
    input wire i_long,
    input wire [127:0] i_h,
    output logic [2*BLOCKS:1][127:0] o_power
);

  // Number n is n cycles after i_start.
  logic [6:1] valid, long_q;
  logic [127:0] h[1:6];

  always_ff @(posedge clk) begin
    valid <= {valid[5:1], i_start} & {6{!rst}};
    long_q <= {long_q[5:1], i_long};
    if (i_start) h[1] <= i_h;
    for (int n = 1; n < 6; n++) if (valid[n]) h[n+1] <= h[n];
    if (rst) h <= '{default: '0};  // a reset erases H and all that is made of it
  end

  wire unused_long = &{1'b0, long_q};

  // H^3: products at 1, reduced at 2, there from 3 on
  logic [127:0] h3[3:6];

  if (BLOCKS >= 2) begin : g_h3
    gf_products_t next, product;
    logic [127:0] square;
    always_comb begin
      square = '0;
      if (valid[1] || !Sparing) square = gf_square(h[1]);
    end
    gf_product u_product (
        .i_valid(valid[1]),
        .i_a(h[1]),
        .i_b(square),
        .o_parts(next)
    );
    always_ff @(posedge clk) begin
      if (valid[1]) product <= next;
      if (valid[2]) h3[3] <= gf_reduce(product);
      for (int n = 3; n < 6; n++) if (valid[n]) h3[n+1] <= h3[n];
      if (rst) begin
        product <= '0;
        h3 <= '{default: '0};
      end
    end
  end else begin : g_no_h3
    assign h3 = '{default: '0};
    wire unused = &{1'b0, h3[6]};
  end

  // H^5: products at 3, reduced at 4; H^7: products at 4, reduced at 5
  logic [127:0] h5[5:6], h7;

  if (BLOCKS >= 4) begin : g_h57
    gf_products_t next, product;
    logic [127:0] a, fourth;
    wire start5 = valid[3] && long_q[3];
    wire start7 = valid[4] && long_q[4];
    always_comb begin
      a = '0;
      fourth = '0;
      if (start5 || start7 || !Sparing) begin
        a = start5 ? h[3] : h3[4];
        fourth = gf_square(gf_square(start5 ? h[3] : h[4]));
      end
    end
    gf_product u_product (
        .i_valid(start5 || start7),
        .i_a(a),
        .i_b(fourth),
        .o_parts(next)
    );
    always_ff @(posedge clk) begin
      if (start5 || start7) product <= next;
      if (start7) h5[5] <= gf_reduce(product);
      if (valid[5]) h5[6] <= h5[5];
      if (valid[5] && long_q[5]) h7 <= gf_reduce(product);
      if (rst) begin
        product <= '0;
        h5 <= '{default: '0};
        h7 <= '0;
      end
    end
`ifndef SYNTHESIS
    always_ff @(posedge clk) begin
      if (!rst) begin
        assert (!(start5 && start7))
        else $error("gcm_powers: H^5 and H^7 want the multiplier in the same cycle");
      end
    end
`endif
  end else begin : g_no_h57
    assign h5 = '{default: '0};
    assign h7 = '0;
    wire unused = &{1'b0, h5[6], h7};
  end

  // The set
  always_ff @(posedge clk) begin
    if (valid[6]) begin
      o_power[1] <= h[6];
      o_power[2] <= gf_square(h[6]);
    end
    if (rst) o_power[2:1] <= '0;
  end

  if (BLOCKS >= 2) begin : g_set4
    always_ff @(posedge clk) begin
      if (valid[6]) begin
        o_power[3] <= h3[6];
        o_power[4] <= gf_square(gf_square(h[6]));
      end
      if (rst) o_power[4:3] <= '0;
    end
  end

  if (BLOCKS >= 4) begin : g_set8
    always_ff @(posedge clk) begin
      if (valid[6]) begin
        o_power[5] <= h5[6];
        o_power[6] <= gf_square(h3[6]);
        o_power[7] <= h7;
        o_power[8] <= gf_square(gf_square(gf_square(h[6])));
      end
      if (rst) o_power[8:5] <= '0;
    end
  end

endmodule

`default_nettype wire
