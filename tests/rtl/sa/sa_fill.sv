// SPDX-License-Identifier: BSD-2-Clause
//
// sa_table, with a hand in its management ports that installs many SAs: a bench in Python would take an hour for
// 65,536. Word by word and command by command, as the firmware does it; SPIs and the first word of the key count up.

`default_nettype none

module sa_fill
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
#(
    parameter int ENTRIES    = 1024,
    parameter int WINDOW_MAX = 4096
) (
    input wire clk,
    input wire rst,
    output logic ready,
    output logic idle,

    // From a pulse of fill_go until fill_busy falls: `fill_count` SAs with SPIs from `fill_spi` on.
    input  logic        fill_go,
    input  logic        fill_in,
    input  logic [31:0] fill_spi,
    input  logic [16:0] fill_count,
    output logic        fill_busy,
    output logic [16:0] fill_refused,

    input  logic           out_req_valid,
    output logic           out_req_ready,
    input  sa_out_req_t    out_req,
    output logic           out_rsp_valid,
    input  logic           out_rsp_ready,
    output sa_out_rsp_t    out_rsp,
    input  logic           in_req_valid,
    output logic           in_req_ready,
    input  sa_in_req_t     in_req,
    output logic           in_rsp_valid,
    input  logic           in_rsp_ready,
    output sa_in_rsp_t     in_rsp,
    input  logic           cm_req_valid,
    output logic           cm_req_ready,
    input  sa_commit_req_t cm_req,
    output logic           cm_rsp_valid,
    input  logic           cm_rsp_ready,
    output logic [7:0]     cm_rsp_status,
    output logic           ev_valid,
    input  logic           ev_ready,
    output event_t         ev,

    input  logic        cfg_we,
    input  logic [ 6:0] cfg_word,
    input  logic [31:0] cfg_wdata,
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 2:0] cfg_cmd,
    input  logic        cfg_next,
    input  logic [31:0] cfg_handle,
    input  logic [63:0] cfg_arg,
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    input  logic [ 6:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data
);

  localparam int WORDS = 6;
  typedef enum logic [1:0] {
    STAGE,
    COMMAND,
    WAIT
  } step_e;
  step_e step;
  logic [2:0] word;
  logic [31:0] spi;
  logic [16:0] left;

  logic [6:0] word_index;
  logic [31:0] word_data;
  always_comb begin
    case (word)
      3'd0: begin
        word_index = 7'(SA_REC_DIR_LSB / 32);
        word_data  = {ALG_AES_GCM, IPV4, MODE_TUNNEL, fill_in ? DIR_IN : DIR_OUT};
      end
      3'd1: begin
        word_index = 7'(SA_REC_KEY_LEN_LSB / 32);
        word_data  = {8'd0, 8'd64, 8'd16, 8'd16};
      end
      3'd2: begin
        word_index = 7'(SA_REC_REPLAY_WINDOW_LSB / 32);
        word_data  = fill_in ? 32'd64 : 32'd0;
      end
      3'd3: begin
        word_index = 7'(SA_REC_SPI_LSB / 32);
        word_data  = {spi[7:0], spi[15:8], spi[23:16], spi[31:24]};
      end
      3'd4: begin
        word_index = 7'(SA_REC_DST_LSB / 32);
        word_data  = {8'd1, 8'd2, 8'd0, 8'd192};
      end
      default: begin
        word_index = 7'(SA_REC_KEY_LSB / 32);
        word_data  = spi;
      end
    endcase
  end

  always_ff @(posedge clk) begin
    if (!fill_busy) begin
      fill_busy <= fill_go && fill_count != '0;
      step <= STAGE;
      word <= '0;
      if (fill_go) begin
        spi <= fill_spi;
        left <= fill_count;
        fill_refused <= '0;
      end
    end else begin
      case (step)
        STAGE: begin
          word <= word + 1'b1;
          if (word == 3'(WORDS - 1)) step <= COMMAND;
        end
        COMMAND:
        if (cfg_cmd_ready) step <= WAIT;
        default:
        if (cfg_rsp_valid) begin
          if (cfg_rsp_status != MBX_OK) fill_refused <= fill_refused + 1'b1;
          spi <= spi + 1'b1;
          left <= left - 1'b1;
          word <= '0;
          step <= STAGE;
          if (left == 17'd1) fill_busy <= 1'b0;
        end
      endcase
    end
    if (rst) fill_busy <= 1'b0;
  end

  sa_table #(
      .ENTRIES(ENTRIES),
      .WINDOW_MAX(WINDOW_MAX)
  ) table_i (
      .cfg_we(fill_busy ? step == STAGE : cfg_we),
      .cfg_word(fill_busy ? word_index : cfg_word),
      .cfg_wdata(fill_busy ? word_data : cfg_wdata),
      .cfg_cmd_valid(fill_busy ? step == COMMAND : cfg_cmd_valid),
      .cfg_cmd(fill_busy ? 3'd0 : cfg_cmd),
      .*
  );

endmodule

`default_nettype wire
