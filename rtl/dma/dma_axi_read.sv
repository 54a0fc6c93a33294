// SPDX-License-Identifier: BSD-2-Clause
//
// The read half of the AXI4 master: ring fetchers first (they ask rarely, and everything waits for them), then
// frames. Answers go by their ID and are always taken, since whoever asks has room. No request starts while bus
// mastering is off.

`default_nettype none

module dma_axi_read
  import dma_pkg::*;
#(
    parameter int RINGS = 4
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire                    bus_on,
    input  wire        [RINGS-1:0] ring_valid,
    output logic       [RINGS-1:0] ring_ready,
    input  wire read_req_t ring_req[RINGS],
    output logic       [RINGS-1:0] ring_r_valid,
    input  wire                    frame_valid,
    output logic                   frame_ready,
    input  wire read_req_t         frame_req,
    output logic                   frame_r_valid,
    output logic       [SlotW-1:0] frame_r_slot,
    output read_beat_t             r_beat,         // common to all
    output logic       [      7:0] m_axi_arid,
    output logic       [     63:0] m_axi_araddr,
    output logic       [      7:0] m_axi_arlen,
    output logic       [      2:0] m_axi_arsize,
    output logic       [      1:0] m_axi_arburst,
    output logic                   m_axi_arvalid,
    input  wire                    m_axi_arready,
    input  wire        [      7:0] m_axi_rid,
    input  wire        [    511:0] m_axi_rdata,
    input  wire        [      1:0] m_axi_rresp,
    input  wire                    m_axi_rlast,
    input  wire                    m_axi_rvalid,
    output logic                   m_axi_rready
);

  logic room, free;
  logic [RINGS-1:0] grant;
  assign free = bus_on && room;
  assign grant = ring_valid & (~ring_valid + 1'b1);
  assign ring_ready = free ? grant : '0;
  assign frame_ready = free && ring_valid == 0;

  read_req_t pick;
  always_comb begin
    pick = frame_req;
    for (int i = 0; i < RINGS; i++) if (grant[i]) pick = ring_req[i];
  end

  skid_buffer #(
      .WIDTH($bits(read_req_t))
  ) u_ar (
      .clk,
      .rst,
      .s_valid(bus_on && (ring_valid != 0 || frame_valid)),
      .s_ready(room),
      .s_data(pick),
      .m_valid(m_axi_arvalid),
      .m_ready(m_axi_arready),
      .m_data({m_axi_arid, m_axi_araddr, m_axi_arlen})
  );
  assign m_axi_arsize = 3'd6;
  assign m_axi_arburst = 2'b01;

  assign m_axi_rready = 1'b1;
  assign r_beat = '{last: m_axi_rlast, error: m_axi_rresp != 2'b00, data: m_axi_rdata};
  assign frame_r_valid = m_axi_rvalid && !m_axi_rid[7];
  assign frame_r_slot = m_axi_rid[SlotW-1:0];
  always_comb begin
    for (int i = 0; i < RINGS; i++) ring_r_valid[i] = m_axi_rvalid && m_axi_rid == (IdRing | 8'(i));
  end

  always_ff @(posedge clk) begin
    if (!rst) begin
      if (m_axi_arvalid) begin
        assert (m_axi_araddr[5:0] == 0)
        else $error("read address %h is not a multiple of 64", m_axi_araddr);
        assert (32'(m_axi_araddr[11:6]) + 32'(m_axi_arlen) < 64)
        else $error("read of %0d beats at %h crosses 4 KiB", 32'(m_axi_arlen) + 1, m_axi_araddr);
      end
      if (m_axi_rvalid)
        assert (frame_r_valid ? m_axi_rid < 8'(Slots) : ring_r_valid != 0)
        else $error("read data for ID %h, which asked for nothing", m_axi_rid);
    end
  end

endmodule

`default_nettype wire
