// SPDX-License-Identifier: BSD-2-Clause
//
// The write half of the AXI4 master: bursts of completions and of received frames, one after the other; data go
// out in the order of the addresses. Answers go by their ID and are always taken. No burst starts while bus
// mastering is off, but one that has started is finished, as the bus demands.

`default_nettype none

module dma_axi_write
  import dma_pkg::*;
#(
    parameter int RINGS = 4
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    bus_on,
    input  wire        [RINGS-1:0] ring_valid,
    output logic       [RINGS-1:0] ring_ready,
    input  wire write_beat_t ring_beat[RINGS],      // bursts of one beat
    output logic       [RINGS-1:0] ring_b_valid,
    input  wire                    frame_valid,
    output logic                   frame_ready,
    input  wire write_beat_t       frame_beat,
    output logic                   frame_b_valid,
    output logic       [SlotW-1:0] frame_b_slot,
    output logic                   b_error,        // common to all
    output logic       [      7:0] m_axi_awid,
    output logic       [     63:0] m_axi_awaddr,
    output logic       [      7:0] m_axi_awlen,
    output logic       [      2:0] m_axi_awsize,
    output logic       [      1:0] m_axi_awburst,
    output logic                   m_axi_awvalid,
    input  wire                    m_axi_awready,
    output logic       [    511:0] m_axi_wdata,
    output logic       [     63:0] m_axi_wstrb,
    output logic                   m_axi_wlast,
    output logic                   m_axi_wvalid,
    input  wire                    m_axi_wready,
    input  wire        [      7:0] m_axi_bid,
    input  wire        [      1:0] m_axi_bresp,
    input  wire                    m_axi_bvalid,
    output logic                   m_axi_bready
);

  logic midway;  // a burst of a frame has begun and not ended
  logic w_free, aw_free, start_free;
  assign start_free = bus_on && w_free && aw_free;

  logic [RINGS-1:0] grant;
  assign grant = ring_valid & (~ring_valid + 1'b1);
  assign ring_ready = (start_free && !midway) ? grant : '0;
  assign frame_ready = midway ? w_free : start_free && ring_valid == 0;

  logic ring_take, take, first, last;
  write_beat_t beat;
  always_comb begin
    beat = '0;
    if (frame_valid && frame_ready) beat = frame_beat;
    for (int i = 0; i < RINGS; i++) if (ring_ready[i]) beat = ring_beat[i];
  end
  assign ring_take = ring_ready != 0;
  assign take = ring_take || (frame_valid && frame_ready);
  assign first = beat.first;
  assign last = beat.last;

  skid_buffer #(
      .WIDTH(8 + 64 + 8)
  ) u_aw (
      .clk,
      .rst,
      .s_valid(take && first),
      .s_ready(aw_free),
      .s_data ({beat.id, beat.addr, beat.len}),
      .m_valid(m_axi_awvalid),
      .m_ready(m_axi_awready),
      .m_data ({m_axi_awid, m_axi_awaddr, m_axi_awlen})
  );
  skid_buffer #(
      .WIDTH(512 + 64 + 1)
  ) u_w (
      .clk,
      .rst,
      .s_valid(take),
      .s_ready(w_free),
      .s_data ({last, beat.strb, beat.data}),
      .m_valid(m_axi_wvalid),
      .m_ready(m_axi_wready),
      .m_data ({m_axi_wlast, m_axi_wstrb, m_axi_wdata})
  );

  always_ff @(posedge clk) begin
    if (rst) midway <= 1'b0;
    else if (take) midway <= !last;
  end
  assign m_axi_awsize = 3'd6;
  assign m_axi_awburst = 2'b01;

  assign m_axi_bready = 1'b1;
  assign b_error = m_axi_bresp != 2'b00;
  assign frame_b_valid = m_axi_bvalid && !m_axi_bid[7];
  assign frame_b_slot = m_axi_bid[SlotW-1:0];
  always_comb begin
    for (int i = 0; i < RINGS; i++) ring_b_valid[i] = m_axi_bvalid && m_axi_bid == (IdRing | 8'(i));
  end

  always_ff @(posedge clk) begin
    if (!rst) begin
      if (m_axi_awvalid) begin
        assert (m_axi_awaddr[5:0] == 0)
        else $error("write address %h is not a multiple of 64", m_axi_awaddr);
        assert (32'(m_axi_awaddr[11:6]) + 32'(m_axi_awlen) < 64)
        else $error("write of %0d beats at %h crosses 4 KiB", 32'(m_axi_awlen) + 1, m_axi_awaddr);
      end
      if (take)
        assert (first == !midway)
        else $error("burst of a frame out of step");
      if (m_axi_bvalid)
        assert (frame_b_valid ? m_axi_bid < 8'(Slots) : ring_b_valid != 0)
        else $error("write answer for ID %h, which wrote nothing", m_axi_bid);
    end
  end

endmodule

`default_nettype wire
