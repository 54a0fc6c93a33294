// SPDX-License-Identifier: BSD-2-Clause
//
// H^1..H^POWERS of each packet, made while its first beat is in the AES pipeline.

`default_nettype none

// i_start brings H (in GHASH's order) and whether the packet needs powers above the fourth (it has more slots than one
// beat holds). POWER_CYCLES later o_power is that packet's set, and stays until the next one's. A new packet may come
// every cycle, one with i_long at the earliest two after another.
//
// Squares are linear and cheap. Odd powers take multipliers: one makes H^3; for POWERS = 8 another makes
// H^5 and, in the cycle after, H^7; a packet that needs these has two beats, so the place is free.
module gcm_powers
  import gcm_pkg::*;
  import aes_pkg::LONG_WIRES;
#(
    parameter int unsigned POWERS = 8  // 2, 4 or 8
) (
    input wire clk,
    input wire rst,
    input wire i_start,
    input wire i_long,
    input wire [127:0] i_h,
    output logic [POWERS:1][127:0] o_power
);

  if (POWERS != 2 && POWERS != 4 && POWERS != 8) begin : g_check_powers
    $error("gcm_powers: POWERS is %0d, must be 2, 4 or 8", POWERS);
  end

  // A reset erases what is wide a cycle later, by a register of this module's own: one net to all would be too long.
  (* keep *) logic erase;
  always_ff @(posedge clk) erase <= rst;

  // Number n is n cycles after i_start. The products of H^3 begin at 2, with the square, and H^3 is there from Third on;
  // H^5 begins with it, H^7 a cycle later; the set is complete at Last.
  localparam int unsigned Third = H3_CYCLES + 3;
  localparam int unsigned Last = POWER_CYCLES - 1;

  logic [Last:1] valid, long_q;
  logic [127:0] h[1:Last];
  logic [127:0] h2[2:Last];

  always_ff @(posedge clk) begin
    valid <= {valid[Last-1:1], i_start} & {Last{!rst}};
    long_q <= {long_q[Last-1:1], i_long};
    if (i_start || LONG_WIRES) h[1] <= i_h;
    if (valid[1] || LONG_WIRES) h2[2] <= gf_square(h[1]);
    for (int n = 1; n < Last; n++) if (valid[n] || LONG_WIRES) h[n+1] <= h[n];
    for (int n = 2; n < Last; n++) if (valid[n] || LONG_WIRES) h2[n+1] <= h2[n];
    if (erase) begin
      h  <= '{default: '0};
      h2 <= '{default: '0};
    end
  end

  wire unused_long = &{1'b0, long_q};

  logic [127:0] h3[Third:Last];

  if (POWERS >= 4) begin : g_h3
    gf_products_t next, product;
    gf_product #(
        .CYCLES(H3_CYCLES)
    ) u_product (
        .clk,
        .rst(erase),
        .i_valid(valid[2] || LONG_WIRES),
        .i_a(h[2]),
        .i_b(h2[2]),
        .o_parts(next)
    );
    always_ff @(posedge clk) begin
      if (valid[Third-2] || LONG_WIRES) product <= next;
      if (valid[Third-1] || LONG_WIRES) h3[Third] <= gf_reduce(product);
      for (int n = Third; n < Last; n++) if (valid[n] || LONG_WIRES) h3[n+1] <= h3[n];
      if (erase) begin
        product <= '0;
        h3 <= '{default: '0};
      end
    end
  end else begin : g_no_h3
    assign h3 = '{default: '0};
    wire unused = &{1'b0, h3[Last]};
  end

  logic [127:0] h5, h7;

  if (POWERS >= 8) begin : g_h57
    localparam int unsigned Fifth = Last - 2;  // its products are in their register

    gf_products_t next, product;
    logic [127:0] a, fourth, h5_before;
    wire start5 = valid[Third] && long_q[Third];
    wire start7 = valid[Third+1] && long_q[Third+1];
    always_comb begin
      a = '0;
      fourth = '0;
      if (start5 || start7 || !Sparing) begin
        a = start5 ? h[Third] : h3[Third+1];
        fourth = gf_square(start5 ? h2[Third] : h2[Third+1]);
      end
    end
    gf_product #(
        .CYCLES(GF_CYCLES)
    ) u_product (
        .clk,
        .rst(erase),
        .i_valid(start5 || start7),
        .i_a(a),
        .i_b(fourth),
        .o_parts(next)
    );
    always_ff @(posedge clk) begin
      if ((valid[Fifth-1] && long_q[Fifth-1]) || (valid[Fifth] && long_q[Fifth])) product <= next;
      if (valid[Fifth] && long_q[Fifth]) h5_before <= gf_reduce(product);
      if (valid[Last-1]) h5 <= h5_before;
      if (valid[Last-1] && long_q[Last-1]) h7 <= gf_reduce(product);
      if (erase) begin
        product <= '0;
        h5_before <= '0;
        h5 <= '0;
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
    assign h5 = '0;
    assign h7 = '0;
    wire unused = &{1'b0, h5, h7};
  end

  // The set
  always_ff @(posedge clk) begin
    if (valid[Last]) begin
      o_power[1] <= h[Last];
      o_power[2] <= h2[Last];
    end
    if (erase) o_power[2:1] <= '0;
  end

  if (POWERS >= 4) begin : g_set4
    always_ff @(posedge clk) begin
      if (valid[Last]) begin
        o_power[3] <= h3[Last];
        o_power[4] <= gf_square(h2[Last]);
      end
      if (erase) o_power[4:3] <= '0;
    end
  end

  if (POWERS >= 8) begin : g_set8
    always_ff @(posedge clk) begin
      if (valid[Last]) begin
        o_power[5] <= h5;
        o_power[6] <= gf_square(h3[Last]);
        o_power[7] <= h7;
        o_power[8] <= gf_square(gf_square(h2[Last]));
      end
      if (erase) o_power[8:5] <= '0;
    end
  end

endmodule

`default_nettype wire
