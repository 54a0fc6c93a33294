// SPDX-License-Identifier: BSD-2-Clause
//
// Appends the ESP trailer to each payload and hands it to the engine together with its job.

`default_nettype none

// The job stays with its packet from first to last beat. A trailer that does not fit in the last beat costs one more.
module esp_out_trailer
  import vesper_pkg::*;
  import lane_pkg::*;
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

  logic spill;  // the payload is gone, a part of the trailer is not

  wire [6:0] end_of_all = s_beat.bytes + {4'd0, trailer.bytes};  // 2..69
  wire fits = end_of_all <= 7'd64;
  logic [551:0] tail;  // the last beat with the trailer; only the first 5 bytes of a further beat are ever needed

  always_comb begin
    tail = '0;
    if (s_valid && s_beat.last && job_valid)
      tail = 552'(move_up({472'd0, trailer.data}, s_beat.bytes)) | {40'd0, s_beat.data};
  end

  assign e_valid = s_valid && job_valid;
  assign e_job   = job;

  always_comb begin
    e_data  = s_beat.data;
    e_bytes = s_beat.bytes;
    e_last  = 1'b0;
    if (spill) begin
      e_data  = {472'd0, tail[551:512]};
      e_bytes = end_of_all - 7'd64;
      e_last  = 1'b1;
    end else if (s_beat.last) begin
      e_data  = tail[511:0];
      e_bytes = fits ? end_of_all : 7'd64;
      e_last  = fits;
    end
  end

  assign job_ready = e_ready && e_valid && e_last;
  assign s_ready = e_ready && e_valid && (!s_beat.last || e_last);

  always_ff @(posedge clk) begin
    if (e_valid && e_ready) spill <= s_beat.last && !e_last;
    if (rst) spill <= 1'b0;
  end

endmodule

`default_nettype wire
