// SPDX-License-Identifier: BSD-2-Clause
//
// Moving bytes within beats of 64 by a number known only at run time: first whole words of 64 bits, then bytes within
// a word. That is the shape of a funnel shifter in logic, and several times faster in Verilator than a wide shift.
// Byte 0 stands in [7:0].

`default_nettype none

package lane_pkg;

  // Bytes n..n+63 of {hi, lo}; n 0..63.
  function automatic logic [511:0] funnel(input logic [511:0] hi, input logic [511:0] lo, input logic [5:0] n);
    logic [15:0][63:0] w;
    logic [7:0][63:0] r;
    logic [63:0] a, b;
    w = {hi, lo};
    for (int j = 0; j < 8; j++) begin
      a = w[4'(j)+4'(n[5:3])];
      b = w[4'(j)+4'(n[5:3])+4'd1];
      r[j] = n[2:0] == 3'd0 ? a : (a >> {n[2:0], 3'd0}) | (b << (7'd64 - {1'b0, n[2:0], 3'd0}));
    end
    funnel = r;
  endfunction

  // `d` moved up by n bytes, n 0..64; the bytes below are zero.
  function automatic logic [1023:0] move_up(input logic [511:0] d, input logic [6:0] n);
    logic [8:0][63:0] t;  // moved within words
    logic [24:0][63:0] z;  // with zero words on both sides
    logic [15:0][63:0] r;
    t = {64'd0, d};
    if (n[2:0] != 3'd0) begin
      for (int j = 8; j > 0; j--) t[j] = (t[j] << {n[2:0], 3'd0}) | (t[j-1] >> (7'd64 - {1'b0, n[2:0], 3'd0}));
      t[0] = t[0] << {n[2:0], 3'd0};
    end
    z = {512'd0, t, 512'd0};
    for (int j = 0; j < 16; j++) r[j] = z[5'(j)+5'd8-5'(n[6:3])];
    move_up = r;
  endfunction

  // `d` with the bytes from n on set to zero; n 0..64.
  function automatic logic [511:0] keep_low(input logic [511:0] d, input logic [6:0] n);
    logic [7:0][63:0] r;
    r = d;
    for (int j = 0; j < 8; j++) begin
      if (n[6:3] < 4'(j)) r[j] = 64'd0;
      else if (n[6:3] == 4'(j)) r[j] = r[j] & ~({64{1'b1}} << {n[2:0], 3'd0});
    end
    keep_low = r;
  endfunction

endpackage

`default_nettype wire
