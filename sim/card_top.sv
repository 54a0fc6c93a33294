// SPDX-License-Identifier: BSD-2-Clause
//
// The card for the simulator: a clock, and C that is called at each of its rising edges.

`default_nettype none

// card_edge takes what the card's outputs are at the edge and gives what its inputs are from then on: all around the
// card is one register, as a chip at the other end of the pins would be. A model with inputs of its own works out all
// that hangs on them at both edges of the clock, though they change at one.
//
// With TOGGLE each change of clk is a cycle: the clock is high until the model has followed its rising edge, and a cycle
// is one evaluation instead of two. A trace would not show such a clock.
//
// The structs are those of card_pins.h, the first field there last here, each of whole bytes.
module card_top #(
    parameter int QUEUES = 2,
    parameter int BLOCKS = 4,
    parameter bit TOGGLE = 0
) (
    input wire clk
);

  logic clock;
  if (TOGGLE) begin : g_toggle
    logic last;
    always_ff @(posedge clock) last <= clk;
    assign clock = clk ^ last;
  end else begin : g_clk
    assign clock = clk;
  end

  typedef logic [7:0] flag_t;  // in bit 0

  typedef struct packed {
    logic [7:0] pad;
    flag_t msix_ready, tx_tready;
    flag_t rx_tuser, rx_tlast, rx_tvalid;
    flag_t rlast, rvalid, arready, bvalid, wready, awready;
    flag_t axil_rready, axil_arvalid, axil_bready, axil_wvalid, axil_awvalid;
    flag_t bus_master_en, rst;
    logic [7:0] rresp, bresp, rid, bid;
    logic [7:0] axil_wstrb;
    logic [31:0] axil_wdata, axil_addr;
    logic [511:0] rx_tdata, rdata;
    logic [63:0] rx_tkeep, mac;
  } inputs_t;

  typedef struct packed {
    logic [39:0] pad;
    flag_t msix_valid, rx_tready, tx_tlast, tx_tvalid;
    flag_t rready, arvalid, bready, wlast, wvalid, awvalid;
    flag_t axil_rvalid, axil_arready, axil_bvalid, axil_wready, axil_awready;
    flag_t idle;
    logic [7:0] msix_vector;
    logic [7:0] arlen, awlen, arid, awid;
    logic [7:0] axil_rresp, axil_bresp;
    logic [31:0] axil_rdata;
    logic [511:0] tx_tdata, wdata;
    logic [63:0] tx_tkeep, wstrb, araddr, awaddr;
  } outputs_t;

  import "DPI-C" function void card_edge(
    input  bit [$bits(outputs_t)-1:0] out,
    output bit [ $bits(inputs_t)-1:0] in
  );

  inputs_t  in;
  outputs_t out;

  always_ff @(posedge clock) begin
    inputs_t next;
    card_edge(out, next);
    in <= next;
  end

  logic idle, msix_valid;
  logic s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
  logic [1:0] s_axil_bresp, s_axil_rresp;
  logic [31:0] s_axil_rdata;
  logic m_axi_awvalid, m_axi_wvalid, m_axi_wlast, m_axi_bready, m_axi_arvalid, m_axi_rready;
  logic [7:0] m_axi_awid, m_axi_awlen, m_axi_arid, m_axi_arlen, msix_vector;
  logic [63:0] m_axi_awaddr, m_axi_araddr, m_axi_wstrb, wire_tx_axis_tkeep;
  logic [511:0] m_axi_wdata, wire_tx_axis_tdata;
  logic wire_tx_axis_tvalid, wire_tx_axis_tlast, wire_rx_axis_tready;

  always_comb begin
    out = '0;
    out.awaddr = m_axi_awaddr;
    out.araddr = m_axi_araddr;
    out.wstrb = m_axi_wstrb;
    out.tx_tkeep = wire_tx_axis_tkeep;
    out.wdata = m_axi_wdata;
    out.tx_tdata = wire_tx_axis_tdata;
    out.axil_rdata = s_axil_rdata;
    out.axil_bresp[1:0] = s_axil_bresp;
    out.axil_rresp[1:0] = s_axil_rresp;
    out.awid = m_axi_awid;
    out.arid = m_axi_arid;
    out.awlen = m_axi_awlen;
    out.arlen = m_axi_arlen;
    out.msix_vector = msix_vector;
    out.idle[0] = idle;
    out.axil_awready[0] = s_axil_awready;
    out.axil_wready[0] = s_axil_wready;
    out.axil_bvalid[0] = s_axil_bvalid;
    out.axil_arready[0] = s_axil_arready;
    out.axil_rvalid[0] = s_axil_rvalid;
    out.awvalid[0] = m_axi_awvalid;
    out.wvalid[0] = m_axi_wvalid;
    out.wlast[0] = m_axi_wlast;
    out.bready[0] = m_axi_bready;
    out.arvalid[0] = m_axi_arvalid;
    out.rready[0] = m_axi_rready;
    out.tx_tvalid[0] = wire_tx_axis_tvalid;
    out.tx_tlast[0] = wire_tx_axis_tlast;
    out.rx_tready[0] = wire_rx_axis_tready;
    out.msix_valid[0] = msix_valid;
  end

  // verilator lint_off PINCONNECTEMPTY
  vesper_top #(
      .QUEUES(QUEUES),
      .BLOCKS(BLOCKS)
  ) card (
      .clk(clock),
      .rst(in.rst[0]),
      .bus_master_en(in.bus_master_en[0]),
      .mac(in.mac[47:0]),
      .s_axil_awvalid(in.axil_awvalid[0]),
      .s_axil_awready,
      .s_axil_awaddr(in.axil_addr[16:0]),
      .s_axil_awprot('0),
      .s_axil_wvalid(in.axil_wvalid[0]),
      .s_axil_wready,
      .s_axil_wdata(in.axil_wdata),
      .s_axil_wstrb(in.axil_wstrb[3:0]),
      .s_axil_bvalid,
      .s_axil_bready(in.axil_bready[0]),
      .s_axil_bresp,
      .s_axil_arvalid(in.axil_arvalid[0]),
      .s_axil_arready,
      .s_axil_araddr(in.axil_addr[16:0]),
      .s_axil_arprot('0),
      .s_axil_rvalid,
      .s_axil_rready(in.axil_rready[0]),
      .s_axil_rdata,
      .s_axil_rresp,
      .m_axi_awid,
      .m_axi_awaddr,
      .m_axi_awlen,
      .m_axi_awsize(),
      .m_axi_awburst(),
      .m_axi_awvalid,
      .m_axi_awready(in.awready[0]),
      .m_axi_wdata,
      .m_axi_wstrb,
      .m_axi_wlast,
      .m_axi_wvalid,
      .m_axi_wready(in.wready[0]),
      .m_axi_bid(in.bid),
      .m_axi_bresp(in.bresp[1:0]),
      .m_axi_bvalid(in.bvalid[0]),
      .m_axi_bready,
      .m_axi_arid,
      .m_axi_araddr,
      .m_axi_arlen,
      .m_axi_arsize(),
      .m_axi_arburst(),
      .m_axi_arvalid,
      .m_axi_arready(in.arready[0]),
      .m_axi_rid(in.rid),
      .m_axi_rdata(in.rdata),
      .m_axi_rresp(in.rresp[1:0]),
      .m_axi_rlast(in.rlast[0]),
      .m_axi_rvalid(in.rvalid[0]),
      .m_axi_rready,
      .msix_valid,
      .msix_ready(in.msix_ready[0]),
      .msix_vector,
      .wire_tx_axis_tdata,
      .wire_tx_axis_tkeep,
      .wire_tx_axis_tvalid,
      .wire_tx_axis_tready(in.tx_tready[0]),
      .wire_tx_axis_tlast,
      .wire_rx_axis_tdata(in.rx_tdata),
      .wire_rx_axis_tkeep(in.rx_tkeep),
      .wire_rx_axis_tvalid(in.rx_tvalid[0]),
      .wire_rx_axis_tready,
      .wire_rx_axis_tlast(in.rx_tlast[0]),
      .wire_rx_axis_tuser(in.rx_tuser[0]),
      .idle
  );
  // verilator lint_on PINCONNECTEMPTY

  // Only the first bits of what fills whole bytes are looked at.
  wire unused = &{1'b0, in};

endmodule

`default_nettype wire
