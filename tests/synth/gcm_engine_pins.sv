// SPDX-License-Identifier: BSD-2-Clause
//
// The AES-GCM engine between shift registers, so that its 1,900 ports fit an FPGA's pins for place and route.

`default_nettype none

// si is shifted into what drives the engine's inputs. The outputs are taken when their register's turn comes, by a bit
// of that, and shifted out otherwise. All paths begin and end in registers.
module gcm_engine_pins
  import gcm_pkg::*;
#(
    parameter int BLOCKS = 1
) (
    input wire clk,
    input wire rst,
    input wire si,
    output wire so
);

  typedef struct packed {
    logic valid;
    gcm_job_t job;
    logic [511:0] data;
    logic [6:0] bytes;
    logic last;
    logic ready;
    logic load;
  } in_t;

  typedef struct packed {
    logic ready;
    logic valid;
    logic [511:0] data;
    logic [6:0] bytes;
    logic last;
    logic [127:0] tag;
    logic idle;
  } out_t;

  in_t in;
  out_t out, held;
  logic reset;

  always_ff @(posedge clk) begin
    reset <= rst;
    in <= {in[$bits(in_t)-2:0], si};
    held <= in.load ? out : {held[$bits(out_t)-2:0], 1'b0};
  end

  assign so = held[$bits(out_t)-1];

  gcm_engine #(
      .BLOCKS(BLOCKS)
  ) u_engine (
      .clk,
      .rst(reset),
      .s_valid(in.valid),
      .s_ready(out.ready),
      .s_job(in.job),
      .s_data(in.data),
      .s_bytes(in.bytes),
      .s_last(in.last),
      .m_valid(out.valid),
      .m_ready(in.ready),
      .m_data(out.data),
      .m_bytes(out.bytes),
      .m_last(out.last),
      .m_tag(out.tag),
      .idle(out.idle)
  );

endmodule

`default_nettype wire
