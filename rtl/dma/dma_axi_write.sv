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
  logic w_free, start_free;
  assign w_free = !m_axi_wvalid || m_axi_wready;
  assign start_free = bus_on && w_free && (!m_axi_awvalid || m_axi_awready);

  logic [RINGS-1:0] grant;
  assign grant = ring_valid & (~ring_valid + 1'b1);
  assign ring_ready = (start_free && !midway) ? grant : '0;
  assign frame_ready = midway ? w_free : start_free && ring_valid == 0;

  logic ring_take, take, first, last;
  assign ring_take = ring_ready != 0;
  assign take = ring_take || (frame_valid && frame_ready);
  assign first = ring_take || frame_beat.first;
  assign last = ring_take || frame_beat.last;

  always_ff @(posedge clk) begin
    // Spelled out for each source rather than through a common multiplexer, which would be evaluated every cycle.
    if (frame_valid && frame_ready) begin
      m_axi_wdata <= frame_beat.data;
      m_axi_wstrb <= frame_beat.strb;
      if (frame_beat.first) begin
        m_axi_awid <= frame_beat.id;
        m_axi_awaddr <= frame_beat.addr;
        m_axi_awlen <= frame_beat.len;
      end
    end
    for (int i = 0; i < RINGS; i++) begin
      if (ring_ready[i]) begin
        m_axi_wdata <= ring_beat[i].data;
        m_axi_wstrb <= ring_beat[i].strb;
        m_axi_awid <= ring_beat[i].id;
        m_axi_awaddr <= ring_beat[i].addr;
        m_axi_awlen <= ring_beat[i].len;
      end
    end
    if (take) m_axi_wlast <= last;
    if (rst) begin
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid <= 1'b0;
      midway <= 1'b0;
    end else begin
      if (m_axi_awready) m_axi_awvalid <= 1'b0;
      if (m_axi_wready) m_axi_wvalid <= 1'b0;
      if (take) begin
        m_axi_wvalid <= 1'b1;
        if (first) m_axi_awvalid <= 1'b1;
        midway <= !last;
      end
    end
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
