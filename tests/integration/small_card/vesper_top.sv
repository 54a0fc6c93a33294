// SPDX-License-Identifier: BSD-2-Clause
//
// A small card with the pins of vesper_top, for the tests of vesper-sim: what the simulator does can be seen without
// the firmware and the pipes of the real one.
//
//   0x048 scratch (byte enables count)      0x100/104 copy from, 0x108/10c copy to, 64-bit addresses
//   0x110 beats to copy, 1..16; starts      0x114 [1:0] read response, [3:2] write response of the last copy
//   0x118 vector raised after a copy        0x11c copies done        0x120 [15:0] cycles of the last copy
//   0x024/028 the card's address, as on the pin
//   0x124 write: busy for that many cycles  0x3fc write: the bus never answers again
// Every copy reads all beats as one burst and writes them as one. Frames from the wire go back to it.

`default_nettype none

module vesper_top #(
    // verilator lint_off UNUSEDPARAM
    parameter int QUEUES = 2,
    parameter int BLOCKS = 4
    // verilator lint_on UNUSEDPARAM
) (
    input  wire          clk,
    input  wire          rst,
    input  wire          bus_master_en,
    input  wire  [ 47:0] mac,
    input  wire          s_axil_awvalid,
    output logic         s_axil_awready,
    input  wire  [ 16:0] s_axil_awaddr,
    input  wire  [  2:0] s_axil_awprot,
    input  wire          s_axil_wvalid,
    output logic         s_axil_wready,
    input  wire  [ 31:0] s_axil_wdata,
    input  wire  [  3:0] s_axil_wstrb,
    output logic         s_axil_bvalid,
    input  wire          s_axil_bready,
    output logic [  1:0] s_axil_bresp,
    input  wire          s_axil_arvalid,
    output logic         s_axil_arready,
    input  wire  [ 16:0] s_axil_araddr,
    input  wire  [  2:0] s_axil_arprot,
    output logic         s_axil_rvalid,
    input  wire          s_axil_rready,
    output logic [ 31:0] s_axil_rdata,
    output logic [  1:0] s_axil_rresp,
    output logic [  7:0] m_axi_awid,
    output logic [ 63:0] m_axi_awaddr,
    output logic [  7:0] m_axi_awlen,
    output logic [  2:0] m_axi_awsize,
    output logic [  1:0] m_axi_awburst,
    output logic         m_axi_awvalid,
    input  wire          m_axi_awready,
    output logic [511:0] m_axi_wdata,
    output logic [ 63:0] m_axi_wstrb,
    output logic         m_axi_wlast,
    output logic         m_axi_wvalid,
    input  wire          m_axi_wready,
    input  wire  [  7:0] m_axi_bid,
    input  wire  [  1:0] m_axi_bresp,
    input  wire          m_axi_bvalid,
    output logic         m_axi_bready,
    output logic [  7:0] m_axi_arid,
    output logic [ 63:0] m_axi_araddr,
    output logic [  7:0] m_axi_arlen,
    output logic [  2:0] m_axi_arsize,
    output logic [  1:0] m_axi_arburst,
    output logic         m_axi_arvalid,
    input  wire          m_axi_arready,
    input  wire  [  7:0] m_axi_rid,
    input  wire  [511:0] m_axi_rdata,
    input  wire  [  1:0] m_axi_rresp,
    input  wire          m_axi_rlast,
    input  wire          m_axi_rvalid,
    output logic         m_axi_rready,
    output logic         msix_valid,
    input  wire          msix_ready,
    output logic [  7:0] msix_vector,
    output logic [511:0] wire_tx_axis_tdata,
    output logic [ 63:0] wire_tx_axis_tkeep,
    output logic         wire_tx_axis_tvalid,
    input  wire          wire_tx_axis_tready,
    output logic         wire_tx_axis_tlast,
    input  wire  [511:0] wire_rx_axis_tdata,
    input  wire  [ 63:0] wire_rx_axis_tkeep,
    input  wire          wire_rx_axis_tvalid,
    output logic         wire_rx_axis_tready,
    input  wire          wire_rx_axis_tlast,
    input  wire          wire_rx_axis_tuser,
    output logic         idle
);

  typedef enum logic [2:0] {
    Idle,
    ReadAddr,
    ReadData,
    WriteAddr,
    WriteData,
    WriteResp,
    Interrupt
  } state_e;

  state_e state;
  logic [31:0] scratch, done, busy;
  logic [63:0] from, to;
  logic [4:0] beats;
  logic [3:0] at;
  logic [511:0] buffer[16];
  logic [1:0] read_resp, write_resp;
  logic [15:0] cycles;
  logic [7:0] vector;
  logic dead;

  // ---- registers: an access is taken when nothing is left of the one before ----
  wire write_go = s_axil_awvalid && s_axil_wvalid && !s_axil_bvalid && !dead;
  wire read_go = s_axil_arvalid && !s_axil_rvalid && !dead;

  assign s_axil_awready = write_go;
  assign s_axil_wready  = write_go;
  assign s_axil_arready = read_go;
  wire unused = &{1'b0, s_axil_awprot, s_axil_arprot};

  // INCR of whole beats
  assign m_axi_awsize   = 3'd6;
  assign m_axi_awburst  = 2'd1;
  assign m_axi_arsize   = 3'd6;
  assign m_axi_arburst  = 2'd1;

  assign s_axil_bresp   = '0;
  assign s_axil_rresp   = '0;

  function automatic logic [31:0] merge(input logic [31:0] old);
    for (int i = 0; i < 4; i++) merge[8*i+:8] = s_axil_wstrb[i] ? s_axil_wdata[8*i+:8] : old[8*i+:8];
  endfunction

  always_ff @(posedge clk) begin
    if (s_axil_bready) s_axil_bvalid <= 1'b0;
    if (s_axil_rready) s_axil_rvalid <= 1'b0;
    if (busy != 0) busy <= busy - 1;
    if (write_go) begin
      s_axil_bvalid <= 1'b1;
      unique case (s_axil_awaddr)
        17'h048: scratch <= merge(scratch);
        17'h100: from[31:0] <= s_axil_wdata;
        17'h104: from[63:32] <= s_axil_wdata;
        17'h108: to[31:0] <= s_axil_wdata;
        17'h10c: to[63:32] <= s_axil_wdata;
        17'h118: vector <= s_axil_wdata[7:0];
        17'h124: busy <= s_axil_wdata;
        17'h3fc: begin
          dead <= 1'b1;
          s_axil_bvalid <= 1'b0;
        end
        default: ;
      endcase
    end
    if (read_go) begin
      s_axil_rvalid <= 1'b1;
      unique case (s_axil_araddr)
        17'h024: s_axil_rdata <= mac[31:0];
        17'h028: s_axil_rdata <= {16'd0, mac[47:32]};
        17'h048: s_axil_rdata <= scratch;
        17'h114: s_axil_rdata <= {28'd0, write_resp, read_resp};
        17'h11c: s_axil_rdata <= done;
        17'h120: s_axil_rdata <= {16'd0, cycles};
        default: s_axil_rdata <= '0;
      endcase
    end
    if (rst) begin
      {s_axil_bvalid, s_axil_rvalid, scratch, from, to, vector, busy, dead} <= '0;
    end
  end

  // ---- copies ----
  wire start = write_go && s_axil_awaddr == 17'h110 && bus_master_en;

  assign m_axi_arvalid = state == ReadAddr;
  assign m_axi_araddr  = from;
  assign m_axi_arlen   = {3'd0, beats} - 8'd1;
  assign m_axi_arid    = 8'h05;
  assign m_axi_rready  = state == ReadData;
  assign m_axi_awvalid = state == WriteAddr;
  assign m_axi_awaddr  = to;
  assign m_axi_awlen   = m_axi_arlen;
  assign m_axi_awid    = 8'h83;
  assign m_axi_wvalid  = state == WriteData;
  assign m_axi_wdata   = buffer[at];
  assign m_axi_wstrb   = '1;
  assign m_axi_wlast   = m_axi_wvalid && {1'b0, at} == beats - 5'd1;
  assign m_axi_bready  = state == WriteResp;
  assign msix_valid    = state == Interrupt;
  assign msix_vector   = vector;

  always_ff @(posedge clk) begin
    if (state != Idle) cycles <= cycles + 1;
    unique case (state)
      Idle:
      if (start) begin
        beats      <= s_axil_wdata[4:0];
        at         <= '0;
        cycles     <= '0;
        read_resp  <= '0;
        write_resp <= '0;
        state      <= ReadAddr;
      end
      ReadAddr: if (m_axi_arready) state <= ReadData;
      ReadData:
      if (m_axi_rvalid) begin
        buffer[at] <= m_axi_rdata;
        at <= at + 1;
        read_resp <= read_resp | m_axi_rresp;
        if (m_axi_rid != m_axi_arid) read_resp <= 2'b01;
        if (m_axi_rlast) begin
          at <= '0;
          state <= WriteAddr;
        end
      end
      WriteAddr: if (m_axi_awready) state <= WriteData;
      WriteData:
      if (m_axi_wready) begin
        at <= at + 1;
        if (m_axi_wlast) state <= WriteResp;
      end
      WriteResp:
      if (m_axi_bvalid) begin
        write_resp <= m_axi_bid == m_axi_awid ? m_axi_bresp : 2'b01;
        done <= done + 1;
        state <= Interrupt;
      end
      Interrupt: if (msix_ready) state <= Idle;
      default: state <= Idle;
    endcase
    if (rst) begin
      state <= Idle;
      {done, read_resp, write_resp, cycles} <= '0;
    end
  end

  // ---- wire: one register from in to out; what is marked bad comes back cut to one byte ----
  assign wire_rx_axis_tready = !wire_tx_axis_tvalid || wire_tx_axis_tready;
  always_ff @(posedge clk) begin
    if (wire_rx_axis_tready) begin
      wire_tx_axis_tvalid <= wire_rx_axis_tvalid;
      wire_tx_axis_tdata  <= wire_rx_axis_tdata;
      wire_tx_axis_tkeep  <= wire_rx_axis_tuser ? 64'd1 : wire_rx_axis_tkeep;
      wire_tx_axis_tlast  <= wire_rx_axis_tlast;
    end
    if (rst) wire_tx_axis_tvalid <= 1'b0;
  end

  assign idle = state == Idle && !wire_tx_axis_tvalid && !wire_rx_axis_tvalid && busy == 0;

endmodule

`default_nettype wire
