// SPDX-License-Identifier: BSD-2-Clause
//
// Third stage of esp_in, behind the engine: stores the decrypted beats in the packet buffer and finds out whether
// they may ever be read. In the order of RFC 4303 3.4: ICV (3.4.4), then padding and next header, then with the SA
// table's second look the replay window (3.4.3). The ICV is compared all bytes at once, in the cycle of the packet's
// last beat, whatever differs where.
//
// Padding 1, 2, 3, ... lies in the last beat but for the longest; then up to four earlier beats are looked at again,
// one a cycle, and only of packets whose ICV was right.

`default_nettype none

module esp_in_check
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import esp_in_pkg::*;
(
    input wire clk,
    input wire rst,

    input  wire    check_valid,
    output logic   check_ready,
    input  check_t check,
    input  wire    icv_valid,
    output logic   icv_ready,
    input  wire [127:0] icv,

    input  wire          r_valid,
    output logic         r_ready,
    input  wire  [511:0] r_data,
    input  wire  [  6:0] r_bytes,
    input  wire          r_last,
    input  wire  [127:0] r_tag,

    output logic [BUFFER_W:0] wr,          // write pointer of the packet buffer
    input  wire  [BUFFER_W:0] rd,          // all before it is free
    output logic              buffer_we,
    output logic [     511:0] buffer_data,

    output logic           cm_req_valid,
    input  wire            cm_req_ready,
    output sa_commit_req_t cm_req,
    input  wire            cm_rsp_valid,
    output logic           cm_rsp_ready,
    input  wire  [7:0]     cm_rsp_status,

    output logic  fate_valid,
    input  wire   fate_ready,
    output fate_t fate
);

  // ---- beats from the engine ----
  logic c_valid, c_go, c_room, slow;
  logic take, full;
  logic [7:0] beats;  // of this packet, before this one
  logic [31:0] start32;  // its first four bytes

  // Up to four beats before the last one.
  logic [511:0] past[4];

  assign full = wr[BUFFER_W-1:0] == rd[BUFFER_W-1:0] && wr[BUFFER_W] != rd[BUFFER_W];
  assign c_room = !c_valid || c_go;
  assign r_ready = check_valid && !check.replayed && !full && !slow && (!r_last || (c_room && icv_valid));
  assign take = r_valid && r_ready;
  assign icv_ready = take && r_last;
  assign check_ready = check.replayed ? c_room : take && r_last;
  assign buffer_we = take;
  assign buffer_data = r_data;

  always_ff @(posedge clk) begin
    if (take) begin
      wr <= wr + 1'b1;
      beats <= r_last ? 8'd0 : beats + 8'd1;
      if (beats == 8'd0) start32 <= r_data[31:0];
      if (!r_last) past[beats[1:0]] <= r_data;
    end
    if (rst) begin
      wr <= '0;
      beats <= '0;
    end
  end

  // ---- one packet, complete ----
  check_t c_check;
  logic c_authentic;
  logic [511:0] c_data;
  logic [6:0] c_bytes;
  logic [7:0] c_beats;
  logic [31:0] c_start;

  logic [127:0] icv_mask;
  logic authentic;
  always_comb begin
    for (int i = 0; i < 16; i++) icv_mask[8*i+:8] = {8{5'(i) < check.icv_bytes}};
    authentic = ((r_tag ^ icv) & icv_mask) == '0;
  end

  always_ff @(posedge clk) begin
    if (c_go) c_valid <= 1'b0;
    if (check_valid && check_ready) begin
      c_valid <= 1'b1;
      c_check <= check;
      c_authentic <= authentic && !check.replayed;
      c_data <= r_data;
      c_bytes <= r_bytes;
      c_beats <= check.replayed ? 8'd0 : beats + 8'd1;
      c_start <= beats == 8'd0 ? r_data[31:0] : start32;
    end
    if (rst) c_valid <= 1'b0;
  end

  // Bytes lo..hi-1 of a beat are 1, 2, 3, ..., from where byte `lo` (perhaps of an earlier beat) is 1.
  function automatic logic counts_up(input logic [511:0] data, input logic signed [9:0] lo, input logic [6:0] hi);
    counts_up = 1'b1;
    for (int j = 0; j < 64; j++)
    if (10'(j) >= lo && 7'(j) < hi && data[8*j+:8] != 8'(10'(j) - lo + 10'sd1)) counts_up = 1'b0;
  endfunction

  // The trailer: pad length and next header are the plaintext's last two bytes; its length is a multiple of 4.
  logic [7:0] pad, next_header;
  logic [8:0] trailer_at;  // bit number
  logic signed [9:0] pad_lo;  // where byte 1 of the padding stands, against the last beat
  logic [13:0] payload;
  logic pad_fits, pad_last;
  always_comb begin
    {next_header, pad} = 16'd0;
    trailer_at = '0;
    pad_lo = '0;
    payload = '0;
    pad_fits = 1'b0;
    pad_last = 1'b0;
    if (c_valid && c_authentic) begin
      trailer_at = 9'({c_bytes - 7'd2, 3'd0});
      {next_header, pad} = c_data[trailer_at+:16];
      pad_lo = $signed({3'd0, c_bytes}) - 10'sd2 - $signed({2'd0, pad});
      payload = c_check.cipher_bytes - 14'd2 - 14'(pad);
      pad_fits = 14'(pad) <= c_check.cipher_bytes - 14'd2;
      pad_last = counts_up(c_data, pad_lo, c_bytes - 7'd2);
    end
  end

  // Padding that begins in an earlier beat.
  logic [2:0] step;  // beats looked at
  logic earlier_ok, slow_done;
  logic signed [9:0] lo_step;
  assign lo_step = pad_lo + $signed({1'b0, 3'(step) + 3'd1, 6'd0});
  assign slow_done = step != 3'd0 && pad_lo + $signed({1'b0, step, 6'd0}) >= 10'sd0;
  assign slow = c_valid && c_authentic && pad_fits && pad_lo < 10'sd0 && !slow_done;

  always_ff @(posedge clk) begin
    if (slow) begin
      step <= step + 3'd1;
      earlier_ok <= (step == 3'd0 || earlier_ok) &&
          counts_up(past[2'(c_beats-8'd2-8'(step))], lo_step, 7'd64);
    end else if (c_go) step <= '0;
    if (rst) step <= '0;
  end

  // ---- verdict, and the SA table's word on it ----
  logic [15:0] inner_total;
  logic inner_ok;
  logic [7:0] c_status;
  logic [13:0] deliver;
  always_comb begin
    inner_total = be16(c_start[31:16]);
    inner_ok = c_start[7:4] == 4'd4 && c_start[3:0] >= 4'd5 && inner_total >= 16'({c_start[3:0], 2'b00}) &&
        inner_total <= 16'(payload);
    deliver = c_check.tunnel ? inner_total[13:0] : payload;
    if (c_check.replayed) c_status = ST_REPLAY;
    else if (!c_authentic) c_status = ST_ICV;
    else if (!pad_fits || !pad_last || (pad_lo < 10'sd0 && !earlier_ok)) c_status = ST_PADDING;
    else if (next_header == PROTO_NONE) c_status = ST_DUMMY;
    else if (c_check.tunnel && next_header != PROTO_IPIP) c_status = ST_NEXT_HEADER;
    else if (c_check.tunnel && !inner_ok) c_status = ST_INNER;
    else c_status = ST_OK;
  end

  logic wait_room, wait_valid;
  fate_t wait_in, wait_out;
  assign cm_req_valid = c_valid && !slow && wait_room;
  assign cm_req = '{handle: c_check.handle, seq: c_check.seq, bytes: 16'(deliver), status: c_status};
  assign c_go = cm_req_valid && cm_req_ready;
  assign wait_in = '{status: c_status, bytes: deliver, next_header: next_header, beats: c_beats};

  esp_in_queue #(
      .WIDTH($bits(fate_t)),
      .DEPTH(8)
  ) u_wait (
      .clk,
      .rst,
      .s_valid(c_go),
      .s_ready(wait_room),
      .s_data(wait_in),
      .m_valid(wait_valid),
      .m_ready(cm_rsp_valid && cm_rsp_ready),
      .m_data(wait_out)
  );

  assign cm_rsp_ready = wait_valid && fate_ready;
  assign fate_valid = wait_valid && cm_rsp_valid;
  assign fate = '{
          status: cm_rsp_status,
          bytes: wait_out.bytes,
          next_header: wait_out.next_header,
          beats: wait_out.beats
      };

  wire unused = &{1'b0, c_check.icv_bytes, c_start[15:8]};

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      // The table never makes good what was found bad.
      if (fate_valid && cm_rsp_ready)
        assert (cm_rsp_status != ST_OK || wait_out.status == ST_OK)
        else $error("esp_in_check: status %0d became OK", wait_out.status);
      if (take && r_last)
        assert ({beats, 6'd0} + 14'(r_bytes) == check.cipher_bytes)
        else $error("esp_in_check: %0d bytes decrypted of %0d", {beats, 6'd0} + 14'(r_bytes), check.cipher_bytes);
    end
`endif

endmodule

`default_nettype wire
