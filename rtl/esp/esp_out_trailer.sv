// SPDX-License-Identifier: BSD-2-Clause
//
// Appends TFC padding and the ESP trailer to each payload and hands it to the engine together with its job.

`default_nettype none

// The job stays with its packet from first to last beat. What does not fit in the payload's last beat costs more beats:
// the zeros of the TFC padding, of which there may be thousands, and the trailer's rest.
module esp_out_trailer
  import vesper_pkg::*;
  import gcm_pkg::*;
  import esp_out_pkg::*;
(
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  job_valid,
    output logic                 job_ready,
    input  gcm_job_t             job,
    input  esp_trailer_t         trailer,
    input  wire                  s_valid,
    output logic                 s_ready,
    input  beat_t                s_beat,     // bytes 0..64
    output logic                 e_valid,
    input  wire                  e_ready,
    output gcm_job_t             e_job,
    output logic         [511:0] e_data,
    output logic         [  6:0] e_bytes,
    output logic                 e_last
);

  logic over;  // the payload is gone
  logic [14:0] rest;  // over: bytes from this beat's first one to the packet's last one
  logic [14:0] left;  // the same of any beat behind the payload's last full one
  logic [14:0] at;  // where in it the trailer begins, modulo 2^15
  logic closing;  // nothing of the payload is behind this beat

  assign closing = over || (s_valid && s_beat.last);
  assign left = over ? rest : {8'd0, s_beat.bytes} + {1'b0, trailer.zeros} + {12'd0, trailer.bytes};
  assign at = left - {12'd0, trailer.bytes};

  assign e_valid = job_valid && (over || s_valid);
  assign e_job = job;
  assign e_last = closing && left <= 15'd64;
  assign e_bytes = e_last ? left[6:0] : 7'd64;

  logic [551:0] tail;  // the trailer in a beat of its own and the first bytes of another
  always_comb begin
    tail = '0;
    if (e_valid && closing) begin
      if (at < 15'd64) tail[{1'b0, at[5:0], 3'd0}+:40] = trailer.data;
      else if (at[14]) tail[39:0] = trailer.data >> {-at[2:0], 3'd0};  // a part went with the beat before
    end
    e_data = tail[511:0];
    if (!over) e_data |= s_beat.data;
  end
  wire unused_tail = &{1'b0, tail[551:512]};

  assign job_ready = e_ready && e_valid && e_last;
  assign s_ready   = e_ready && job_valid && !over;

  always_ff @(posedge clk) begin
    if (e_valid && e_ready) begin
      over <= closing && !e_last;
      rest <= left - 15'd64;
    end
    if (rst) over <= 1'b0;
  end

endmodule

`default_nettype wire
