// SPDX-License-Identifier: BSD-2-Clause
//
// First stage of esp_in: reads the headers of each frame and asks for its SA. The beats go into a FIFO, where they
// wait for the answer; the headers are taken from the first two of them on the way.
//
// ESP is IPv4 with protocol 50 (RFC 4303). Anything else passes. What claims to be ESP must have a valid IP header
// (RFC 791) and be no fragment (RFC 4303 3.4.1), and have room for SPI, sequence number, IV, trailer and the
// shortest ICV, in whole words of 32 bits; the exact length is known only with the SA.

`default_nettype none

module esp_in_parse
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import esp_in_pkg::*;
(
    input wire clk,
    input wire rst,
    input wire cfg_fragment_to_host,
    input wire [3:0] cfg_rx_queue,

    input  wire   s_valid,
    output logic  s_ready,
    input  beat_t s_beat,
    input  meta_t s_meta,

    output logic  body_valid,
    input  wire   body_ready,
    output beat_t body_beat,

    output logic    p_valid,
    input  wire     p_ready,
    output parsed_t p_parsed,

    output logic       sa_req_valid,
    input  wire        sa_req_ready,
    output sa_in_req_t sa_req
);

  // Bytes of ESP at the longest IP header, all within two beats.
  localparam int LOOK_BYTES = HEAD_BYTES + ESP_BYTES + IV_BYTES;
  localparam logic [15:0] SHORTEST = 16'(ESP_BYTES + IV_BYTES + 2 + 8);

  logic take, body_room;
  logic second;  // the first beat lies in `low`
  logic h_valid, h_go;
  logic [BEAT_BITS-1:0] low;
  logic [8*LOOK_BYTES-1:0] h_look;
  meta_t h_meta;
  logic early;  // this frame's headers are complete

  assign s_ready = body_room && (!h_valid || h_go);
  assign take = s_valid && s_ready;

  esp_in_queue #(
      .WIDTH($bits(beat_t)),
      .DEPTH(32)
  ) u_body (
      .clk,
      .rst,
      .s_valid(take),
      .s_ready(body_room),
      .s_data(s_beat),
      .m_valid(body_valid),
      .m_ready(body_ready),
      .m_data(body_beat)
  );

  // ---- headers ----
  always_ff @(posedge clk) begin
    if (h_go) h_valid <= 1'b0;
    if (take && !early) begin
      if (!second) low <= s_beat.data;
      if (second || s_beat.last) begin
        h_valid <= 1'b1;
        h_look <= second ? {s_beat.data[8*LOOK_BYTES-BEAT_BITS-1:0], low} : (8 * LOOK_BYTES)'(s_beat.data);
        h_meta <= s_meta;
      end
      second <= !second && !s_beat.last;
      early  <= second && !s_beat.last;
    end else if (take && s_beat.last) early <= 1'b0;
    if (rst) begin
      second  <= 1'b0;
      early   <= 1'b0;
      h_valid <= 1'b0;
    end
  end

  // ---- decision ----
  parsed_t h_parsed;
  ip4_t ip;
  logic ipv4;
  logic [15:0] room;
  logic [8*(ESP_BYTES+IV_BYTES)-1:0] esp;
  always_comb begin
    h_parsed = '0;
    ip = '0;
    ipv4 = 1'b0;
    room = '0;
    esp = '0;
    if (h_valid) begin
      ip = ip4_parse(h_look[8*HEAD_BYTES-1:8*ETH_BYTES], h_meta.len - 16'(ETH_BYTES));
      ipv4 = be16(h_look[8*ETH_BYTES-1-:16]) == ETHERTYPE_IPV4;
      for (int i = IP_MIN / 4; i <= IP_MAX / 4; i++)
      if (ip.hdr_bytes[5:2] == 4'(i)) esp = h_look[8*(ETH_BYTES+4*i)+:8*(ESP_BYTES+IV_BYTES)];
      room = ip.total - 16'(ip.hdr_bytes);

      h_parsed.head = h_look[8*HEAD_BYTES-1:0];
      h_parsed.hdr_bytes = ip.hdr_bytes;
      h_parsed.esp_bytes = room;
      {h_parsed.iv, h_parsed.seq, h_parsed.spi} = esp;
      h_parsed.meta = h_meta;
      h_parsed.meta.status = ST_OK;
      h_parsed.meta.esp = 1'b0;
      h_parsed.meta.sa = '0;
      h_parsed.meta.seq = '0;
      if (!h_meta.host) h_parsed.meta.qid = cfg_rx_queue;

      h_parsed.kind = IN_DROP;
      if (!ipv4 || ip.proto != PROTO_ESP) begin
        if (h_meta.host) h_parsed.meta.status = ST_NOT_ESP;
        else h_parsed.kind = IN_PASS;
      end else if (ip.status != ST_OK) h_parsed.meta.status = ip.status;
      else if (ip.fragment) begin
        h_parsed.meta.status = ST_FRAGMENT;
        if (cfg_fragment_to_host && !h_meta.host) h_parsed.kind = IN_PASS;
      end else if (room < SHORTEST || room[1:0] != 2'b00) h_parsed.meta.status = ST_ESP_LENGTH;
      else begin
        h_parsed.kind = IN_ESP;
        h_parsed.meta.seq = 64'(be32(h_parsed.seq));
      end
    end
  end

  // ---- lookup and record, both or none ----
  logic q_valid, q_go, p_room;
  parsed_t q_parsed;
  assign h_go = h_valid && (!q_valid || q_go);
  assign q_go = q_valid && p_room && (q_parsed.kind != IN_ESP || sa_req_ready);
  assign sa_req_valid = q_valid && p_room && q_parsed.kind == IN_ESP;
  assign sa_req = '{
          ipv6: 1'b0,
          dst: 128'(q_parsed.head[8*(ETH_BYTES+16)+:32]),
          spi: q_parsed.spi,
          seq: be32(q_parsed.seq)
      };

  always_ff @(posedge clk) begin
    if (h_go) begin
      q_valid  <= 1'b1;
      q_parsed <= h_parsed;
    end else if (q_go) q_valid <= 1'b0;
    if (rst) q_valid <= 1'b0;
  end

  esp_in_queue #(
      .WIDTH($bits(parsed_t)),
      .DEPTH(16)
  ) u_parsed (
      .clk,
      .rst,
      .s_valid(q_go),
      .s_ready(p_room),
      .s_data(q_parsed),
      .m_valid(p_valid),
      .m_ready(p_ready),
      .m_data(p_parsed)
  );

endmodule

`default_nettype wire
