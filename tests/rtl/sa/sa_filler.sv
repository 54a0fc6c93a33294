// SPDX-License-Identifier: BSD-2-Clause
//
// Installs many SAs through the table's management ports: a bench in Python would take an hour for 65,536. Word by
// word and command by command, as the firmware does it. SPIs count up; salt and SPI are the same, so that SAs may
// share a key without sharing a nonce. IPv4 tunnels from and to fixed addresses, AES-GCM, ICV of 16 bytes.

`default_nettype none

module sa_filler
  import vesper_abi_pkg::*;
(
    input wire clk,
    input wire rst,
    // From a pulse of `go` until `busy` falls: `count` SAs with SPIs from `spi` on.
    input wire go,
    input wire inbound,
    input wire [31:0] spi,
    input wire [16:0] count,
    input wire [255:0] key,  // byte string of key_bytes
    input wire [7:0] key_bytes,
    input wire [127:0] h,  // of the key
    output logic busy,
    output logic [16:0] refused,
    // to the table, while busy
    output logic we,
    output logic [6:0] word,
    output logic [31:0] wdata,
    output logic cmd_valid,
    input wire cmd_ready,
    input wire rsp_valid,
    input wire [7:0] rsp_status
);

  localparam int Words = 19;
  typedef enum logic [1:0] {
    STAGE,
    COMMAND,
    WAIT
  } step_e;
  step_e step;
  logic [4:0] at;
  logic [31:0] number;  // this SA's SPI
  logic [16:0] left;

  assign we = busy && step == STAGE;
  assign cmd_valid = busy && step == COMMAND;

  wire [31:0] spi_bytes = {number[7:0], number[15:8], number[23:16], number[31:24]};
  always_comb begin
    word  = '0;
    wdata = '0;
    case (at)
      5'd0: begin
        word  = 7'(SA_REC_DIR_LSB / 32);
        wdata = {ALG_AES_GCM, IPV4, MODE_TUNNEL, inbound ? DIR_IN : DIR_OUT};
      end
      5'd1: begin
        word  = 7'(SA_REC_KEY_LEN_LSB / 32);
        wdata = {8'd0, 8'd64, 8'd16, key_bytes};
      end
      5'd2: begin
        word  = 7'(SA_REC_REPLAY_WINDOW_LSB / 32);
        wdata = inbound ? 32'd64 : 32'd0;
      end
      5'd3: begin
        word  = 7'(SA_REC_SPI_LSB / 32);
        wdata = spi_bytes;
      end
      5'd4: begin
        word  = 7'(SA_REC_SALT_LSB / 32);
        wdata = spi_bytes;
      end
      5'd5: begin
        word  = 7'(SA_REC_SRC_LSB / 32);
        wdata = {8'd1, 8'd2, 8'd0, 8'd192};
      end
      5'd6: begin
        word  = 7'(SA_REC_DST_LSB / 32);
        wdata = {8'd1, 8'd2, 8'd0, 8'd192};
      end
      default: begin
        if (at < 5'd15) begin
          word  = 7'(SA_REC_KEY_LSB / 32) + 7'(at - 5'd7);
          wdata = key[{3'(at-5'd7), 5'd0}+:32];
        end else begin
          word  = 7'(SA_REC_H_LSB / 32) + 7'(at - 5'd15);
          wdata = h[{2'(at-5'd15), 5'd0}+:32];
        end
      end
    endcase
  end

  always_ff @(posedge clk) begin
    if (!busy) begin
      busy <= go && count != '0;
      step <= STAGE;
      at <= '0;
      if (go) begin
        number <= spi;
        left <= count;
        refused <= '0;
      end
    end else begin
      case (step)
        STAGE: begin
          at <= at + 1'b1;
          if (at == 5'(Words - 1)) step <= COMMAND;
        end
        COMMAND: if (cmd_ready) step <= WAIT;
        default:
        if (rsp_valid) begin
          if (rsp_status != MBX_OK) refused <= refused + 1'b1;
          number <= number + 1'b1;
          left <= left - 1'b1;
          at <= '0;
          step <= STAGE;
          if (left == 17'd1) busy <= 1'b0;
        end
      endcase
    end
    if (rst) busy <= 1'b0;
  end

endmodule

`default_nettype wire
