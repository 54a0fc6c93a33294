// SPDX-License-Identifier: BSD-2-Clause
//
// The management CPU: PicoRV32 (RV32I) with its image memory, its RAM and a port to everything else.
//
//   0x0000_0000  image, read only
//   0x1000_0000  RAM
//   0x2000_0000  request window (first 2 KiB) and response window
//   0x3000_0000  registers (vesper_mgmt.rdl)
//
// Memories answer in one cycle (the CPU announces addresses a cycle ahead), windows too; registers when they
// acknowledge. An access to anything else or without an answer, a write to the image and a trap of the CPU
// (illegal or misaligned instruction, ebreak) make it `dead` until reset: it stops where it stands.
// No interrupt handler exists. The one interrupt, level-sensitive and masked, only ends `waitirq`.

`default_nettype none

module mgmt_cpu #(
    parameter string FIRMWARE  = "",    // image, 32-bit words for $readmemh
    parameter int    ROM_WORDS = 8192,
    parameter int    RAM_WORDS = 1024
) (
    input  wire         clk,
    input  wire         rst,
    input  wire         wake,           // level: ends waitirq
    output logic        asleep,         // in waitirq, or dead
    output logic        dead,
    // windows and registers: the address is good a cycle before the strobes
    output logic        win_rd,         // one cycle, address win_addr; data in the next cycle
    output logic        win_wr,
    output logic [ 9:0] win_addr,       // 32-bit words; [9]: response window
    output logic [31:0] wdata,
    output logic [ 3:0] be,
    input  wire  [31:0] win_rdata,
    output logic        reg_req,        // one cycle a request
    output logic        reg_wr,
    output logic [11:0] reg_addr,       // bytes
    input  wire         reg_ack,        // at the earliest in the cycle of the request
    input  wire  [31:0] reg_rdata
);

  localparam int RomAw = $clog2(ROM_WORDS);
  localparam int RamAw = $clog2(RAM_WORDS);
  localparam int IrqWake = 3;  // 0 to 2 are PicoRV32's own

  if (ROM_WORDS != 1 << RomAw || RAM_WORDS != 1 << RamAw || RomAw < 10 || RamAw < 10) begin : g_bad_size
    $error("mgmt_cpu: ROM_WORDS %0d and RAM_WORDS %0d must be powers of two from 1024", ROM_WORDS, RAM_WORDS);
  end

  logic [31:0] rom[ROM_WORDS];
  logic [3:0][7:0] ram[RAM_WORDS];

  initial begin
`ifdef VERILATOR
    // The simulated card is started from anywhere: +firmware=FILE takes the place of the parameter.
    string path;
    if ($value$plusargs("firmware=%s", path)) $readmemh(path, rom);
    else if (FIRMWARE != "") $readmemh(FIRMWARE, rom);
`else
    if (FIRMWARE != "") $readmemh(FIRMWARE, rom);
`endif
  end

  logic trap, valid, ready, la_read;
  logic [31:0] mem_addr, la_addr, rdata, rom_q;
  logic [3:0][7:0] ram_q;
  logic [3:0] wstrb;
  logic reg_waiting, fault, reg_sent;
  logic [4:0] quiet;
  logic [3:0] patience;

  typedef enum logic [2:0] {
    ROM,
    RAM,
    WINDOW,
    REGS,
    NOTHING
  } place_t;

  function automatic place_t place_of(input logic [31:12] a);
    unique case (a[31:28])
      4'h0: place_of = a[27:RomAw+2] == 0 ? ROM : NOTHING;
      4'h1: place_of = a[27:RamAw+2] == 0 ? RAM : NOTHING;
      4'h2: place_of = a[27:12] == 0 ? WINDOW : NOTHING;
      4'h3: place_of = a[27:12] == 0 ? REGS : NOTHING;
      default: place_of = NOTHING;
    endcase
  endfunction

  // Signals of the core that serve debuggers, coprocessors and interrupt handlers, of which there are none.
  /* verilator lint_off PINCONNECTEMPTY */
  picorv32 #(
      .ENABLE_COUNTERS(1'b0),
      .ENABLE_COUNTERS64(1'b0),
      .BARREL_SHIFTER(1'b1),
      .ENABLE_IRQ(1'b1),
      .ENABLE_IRQ_QREGS(1'b0),
      .ENABLE_IRQ_TIMER(1'b0),
      .MASKED_IRQ(~(32'd1 << IrqWake)),
      .LATCHED_IRQ(32'd0),
      .PROGADDR_RESET(32'h0),
      .STACKADDR(32'h1000_0000 + 4 * RAM_WORDS)
  ) core (
      .clk,
      .resetn(!rst),
      .trap,
      .mem_valid(valid),
      .mem_instr(),
      .mem_ready(ready),
      .mem_addr,
      .mem_wdata(wdata),
      .mem_wstrb(wstrb),
      .mem_rdata(rdata),
      .mem_la_read(la_read),
      .mem_la_write(),
      .mem_la_addr(la_addr),
      .mem_la_wdata(),
      .mem_la_wstrb(),
      .pcpi_valid(),
      .pcpi_insn(),
      .pcpi_rs1(),
      .pcpi_rs2(),
      .pcpi_wr(1'b0),
      .pcpi_rd(32'd0),
      .pcpi_wait(1'b0),
      .pcpi_ready(1'b0),
      .irq(32'(wake) << IrqWake),
      .eoi(),
      .trace_valid(),
      .trace_data()
  );
  /* verilator lint_on PINCONNECTEMPTY */

  place_t place;
  assign place = place_of(mem_addr[31:12]);

  wire write = |wstrb;
  wire bad = valid && (place == NOTHING || (place == ROM && write));

  assign win_rd   = la_read && la_addr[31:28] == 4'h2;
  assign win_wr   = valid && place == WINDOW && write;
  assign win_addr = valid ? mem_addr[11:2] : la_addr[11:2];
  assign be       = wstrb;

  assign reg_req  = valid && place == REGS && !reg_sent;
  assign reg_wr   = write;
  assign reg_addr = {mem_addr[11:2], 2'b00};
  assign reg_waiting = valid && place == REGS && !reg_ack;

  assign ready = valid && !bad && !reg_waiting;

  always_comb begin
    unique case (place)
      ROM: rdata = rom_q;
      RAM: rdata = ram_q;
      WINDOW: rdata = win_rdata;
      REGS: rdata = reg_rdata;
      default: rdata = '0;
    endcase
  end

  always_ff @(posedge clk) begin
    if (la_read) begin
      if (la_addr[31:28] == 4'h0) rom_q <= rom[la_addr[RomAw+1:2]];
      if (la_addr[31:28] == 4'h1) ram_q <= ram[la_addr[RamAw+1:2]];
    end
    if (valid && place == RAM) for (int i = 0; i < 4; i++) if (wstrb[i]) ram[mem_addr[RamAw+1:2]][i] <= wdata[8*i+:8];
  end

  // The place is judged by the address of the access itself; all accesses are of words.
  wire _unused = &{1'b0, la_addr[27:RomAw+2], la_addr[1:0], mem_addr[1:0]};

  // The core has no output for "in waitirq". Between two instructions it always fetches, and no instruction
  // of this configuration (barrel shifter, no multiplier) takes 31 cycles without an access.
  assign asleep = dead || (&quiet && !wake);
  assign dead   = trap || fault;

  always_ff @(posedge clk) begin
    reg_sent <= reg_waiting;
    if (bad || &patience) fault <= 1'b1;
    patience <= reg_waiting ? patience + 4'd1 : '0;
    quiet <= valid || wake ? '0 : quiet + 5'(!(&quiet));
    if (rst) begin
      reg_sent <= 1'b0;
      fault    <= 1'b0;
      patience <= '0;
      quiet    <= '0;
    end
  end

endmodule

`default_nettype wire
