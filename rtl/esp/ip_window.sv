// SPDX-License-Identifier: BSD-2-Clause
//
// The first 128 bytes of each frame of a stream, for ip_parse: from its first two beats as they pass.

`default_nettype none

// m_valid comes with the beat that completes them, the frame's second or its only one, and while that is offered; it does
// not wait for s_take. m_head is zero beyond a first beat that is the only one.
module ip_window
  import vesper_pkg::*;
  import ip_pkg::*;
(
    input  wire                       clk,
    input  wire                       rst,
    input  wire                       s_valid,  // a beat is offered
    input  wire                       s_take,   // and passes
    input  wire                       s_last,
    input  wire  [     BEAT_BITS-1:0] s_data,
    output logic                      s_behind, // it lies beyond the first 128 bytes
    output logic                      m_valid,
    output logic [8*WINDOW_BYTES-1:0] m_head
);

  logic second;  // the first beat lies in `low`
  logic [BEAT_BITS-1:0] low;

  assign m_valid = s_valid && !s_behind && (second || s_last);
  always_comb begin
    m_head = '0;
    if (m_valid) m_head = second ? {s_data, low} : {BEAT_BITS'(0), s_data};
  end

  always_ff @(posedge clk) begin
    if (s_take) begin
      if (!second && !s_behind) low <= s_data;
      second   <= !second && !s_behind && !s_last;
      s_behind <= (second || s_behind) && !s_last;
    end
    if (rst) begin
      second   <= 1'b0;
      s_behind <= 1'b0;
    end
  end

endmodule

`default_nettype wire
