// SPDX-License-Identifier: BSD-2-Clause
//
// One frame stream to one of N sinks. `s_sel` names the sink and is as stable as s_meta: from first beat to last.

`default_nettype none

module frame_demux
  import vesper_pkg::*;
#(
    parameter int N = 2
) (
    input  wire                   s_valid,
    output logic                  s_ready,
    input  beat_t                 s_beat,
    input  meta_t                 s_meta,
    input  wire   [$clog2(N)-1:0] s_sel,
    output logic  [        N-1:0] m_valid,
    input  wire   [        N-1:0] m_ready,
    output beat_t                 m_beat,   // the same for all sinks
    output meta_t                 m_meta
);

  assign m_beat  = s_beat;
  assign m_meta  = s_meta;
  assign s_ready = m_ready[s_sel];

  always_comb begin
    m_valid        = '0;
    m_valid[s_sel] = s_valid;
  end

endmodule

`default_nettype wire
