// SPDX-License-Identifier: BSD-2-Clause
//
// First stage of esp_in: has the headers of each frame read and asks for its SA. The beats go into a FIFO, where they
// wait for the answer; the headers are taken from the first two of them on the way.
//
//   s ─┬─► body FIFO ─────────────────────────────────► body
//      └─► first 128 bytes ─► ip_parse ─► decision ─┬─► records ─► p
//                                                   └─► sa_req
//
// docs/esp.md, "Inbound", steps 1 to 4: what passes, what must be sound, UDP (RFC 3948), and the length as far as it
// is known without the SA.

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
    input wire [7:0][15:0] cfg_natt_port,

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

  localparam logic [15:0] SHORTEST = 16'(ESP_BYTES + 4 + 8);  // no IV, an empty payload's trailer, the shortest ICV

  // ---- beats, and the first two of them ----
  logic take, body_room, head_ready;
  logic complete;
  logic [8*WINDOW_BYTES-1:0] head;
  logic behind;

  assign s_ready = body_room && head_ready;
  assign take = s_valid && s_ready;

  ip_window u_window (
      .clk,
      .rst,
      .s_valid(s_valid && body_room),
      .s_take(take),
      .s_last(s_beat.last),
      .s_data(s_beat.data),
      .s_behind(behind),
      .m_valid(complete),
      .m_head(head)
  );

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

  logic h_valid, h_go, parse_idle;
  ip_info_t h;
  logic [8*WINDOW_BYTES-1:0] h_head;
  meta_t h_meta;
  wire unused = &{1'b0, behind, parse_idle, h.df, h.src, h.flow_label, h.sport};
  ip_parse #(
      .SIDE_W($bits(meta_t))
  ) u_ip (
      .clk,
      .rst,
      .s_valid(complete),
      .s_ready(head_ready),
      .s_head (head),
      .s_len  (s_meta.len),
      .s_all  (1'b1),
      .s_side (s_meta),
      .m_valid(h_valid),
      .m_ready(h_go),
      .m_info (h),
      .m_head (h_head),
      .m_side (h_meta),
      .idle   (parse_idle)
  );

  // ---- decision ----
  parsed_t h_parsed;
  logic is_esp, is_udp, not_esp;
  logic [15:0] payload, udp_bytes, room;
  always_comb begin
    h_parsed = '0;
    {is_esp, is_udp, not_esp} = '0;
    {payload, udp_bytes, room} = '0;
    if (h_valid) begin
      is_esp = h.proto == PROTO_ESP && h.status != ST_NOT_IP && h.status != ST_EXT_HEADER;
      for (int i = 0; i < 8; i++) if (cfg_natt_port[i] != 16'd0 && be16(h.dport) == cfg_natt_port[i]) is_udp = 1'b1;
      if (h.status != ST_OK || h.proto != PROTO_UDP || !h.ports || h.fragment) is_udp = 1'b0;
      payload = h.total - 16'(h.hdr_bytes);
      udp_bytes = be16(h.l4[8*4+:16]);
      room = is_udp ? udp_bytes - 16'(UDP_BYTES) : payload;

      h_parsed.head = h_head;
      h_parsed.ipv6 = h.ipv6;
      h_parsed.l2_bytes = h.l2_bytes;
      h_parsed.hdr_bytes = h.hdr_bytes;
      h_parsed.proto_at = h.proto_at;
      h_parsed.tos = h.tos;
      h_parsed.udp = is_udp;
      h_parsed.esp_bytes = room;
      {h_parsed.iv, h_parsed.seq, h_parsed.spi} = is_udp ? h.l4[8*UDP_BYTES+:128] : h.l4[127:0];
      h_parsed.meta = h_meta;
      h_parsed.meta.status = ST_OK;
      h_parsed.meta.esp = 1'b0;
      h_parsed.meta.inplace = 1'b0;
      h_parsed.meta.sa = '0;
      h_parsed.meta.seq = 64'(be32(h_parsed.seq));
      if (!h_meta.host) h_parsed.meta.qid = cfg_rx_queue;

      h_parsed.kind = IN_DROP;
      not_esp = !is_esp && !is_udp;
      if (is_esp && h.status != ST_OK) h_parsed.meta.status = h.status;
      else if (is_esp && h.fragment) begin
        h_parsed.meta.status = ST_FRAGMENT;
        if (cfg_fragment_to_host && !h_meta.host) h_parsed.kind = IN_PASS;
      end else if (is_udp && (payload < 16'(UDP_BYTES) || udp_bytes < 16'(UDP_BYTES) || udp_bytes > payload))
        h_parsed.meta.status = ST_UDP_LENGTH;
      else if (is_udp && room == 16'd1 && h.l4[8*UDP_BYTES+:8] == 8'hff) h_parsed.meta.status = ST_KEEPALIVE;
      else if (is_udp && (room < 16'd8 || h_parsed.spi == '0)) not_esp = 1'b1;
      else if (!not_esp && (room < SHORTEST || room[1:0] != 2'b00)) h_parsed.meta.status = ST_ESP_LENGTH;
      else if (!not_esp) h_parsed.kind = IN_ESP;
      if (not_esp) begin
        if (h_meta.host) h_parsed.meta.status = ST_NOT_ESP;
        else h_parsed.kind = IN_PASS;
      end

      // SPI and number are where ESP is, and whole.
      if ((h_parsed.kind != IN_ESP && h_parsed.meta.status != ST_FRAGMENT) || h.later || room < 16'(ESP_BYTES)) begin
        h_parsed.spi = '0;
        h_parsed.meta.seq = '0;
      end
    end
  end

  // ---- lookup and record, both or none ----
  logic p_room;
  assign h_go = h_valid && p_room && (h_parsed.kind != IN_ESP || sa_req_ready);
  assign sa_req_valid = h_valid && p_room && h_parsed.kind == IN_ESP;
  assign sa_req = '{ipv6: h.ipv6, dst: h.dst, spi: h_parsed.spi, seq: be32(h_parsed.seq), udp: is_udp};

  esp_in_queue #(
      .WIDTH($bits(parsed_t)),
      .DEPTH(16)
  ) u_parsed (
      .clk,
      .rst,
      .s_valid(h_go),
      .s_ready(p_room),
      .s_data(h_parsed),
      .m_valid(p_valid),
      .m_ready(p_ready),
      .m_data(p_parsed)
  );

endmodule

`default_nettype wire
