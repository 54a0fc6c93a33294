// SPDX-License-Identifier: BSD-2-Clause
//
// Second stage of esp_in: with the SA's answer each frame takes its way. ESP: ciphertext and ICV are cut out and
// moved to the front of the beats (frame_align); the ciphertext goes into the engine, the ICV that follows it into a
// FIFO for the check. Frames that pass go into a FIFO of beats, as deep as the engine is long, so that they do not
// hold up ESP behind them. Dropped ones are swallowed.
//
// What the SA's answer refuses goes nowhere, but its record passes the check, where it is counted.

`default_nettype none

module esp_in_feed
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;
  import lane_pkg::*;
  import esp_in_pkg::*;
(
    input wire clk,
    input wire rst,
    input wire cfg_miss_to_host,

    input  wire     body_valid,
    output logic    body_ready,
    input  beat_t   body_beat,
    input  wire     p_valid,
    output logic    p_ready,
    input  parsed_t p_parsed,

    input  wire        sa_rsp_valid,
    output logic       sa_rsp_ready,
    input  sa_in_rsp_t sa_rsp,

    output logic   order_valid,
    input  wire    order_ready,
    output order_t order,
    output logic   check_valid,
    input  wire    check_ready,
    output check_t check,
    output logic   icv_valid,
    input  wire    icv_ready,
    output logic [127:0] icv,  // zero beyond the SA's length

    output logic  pass_valid,
    input  wire   pass_ready,
    output beat_t pass_beat,

    output logic           e_valid,
    input  wire            e_ready,
    output gcm_job_t       e_job,
    output logic   [511:0] e_data,
    output logic   [  6:0] e_bytes,
    output logic           e_last
);

  // ---- decision ----
  logic busy, start, crypt_ready;
  in_kind_e route;
  logic [13:0] skip, keep;

  sa_common_t sa;
  assign sa = sa_rsp.ctx.c;
  in_kind_e kind, way;
  logic inplace, iiv, selected;
  logic [7:0] refused;
  logic [7:0] iv_at;  // in the frame: where the IV would stand
  logic [3:0] iv_bytes;
  logic [7:0] payload_at;
  logic [15:0] sealed_bytes, cipher_bytes;  // payload, trailer, ICV; without the ICV
  meta_t meta;
  always_comb begin
    kind = p_parsed.kind;
    way = p_parsed.kind;  // where the beats go
    {inplace, iiv, selected} = '0;
    refused = ST_OK;
    {iv_at, iv_bytes, payload_at} = '0;
    {sealed_bytes, cipher_bytes} = '0;
    meta = p_parsed.meta;
    if (p_valid && p_parsed.kind == IN_ESP && sa_rsp_valid) begin
      inplace = sa.flags[SAF_INPLACE_BIT];
      iiv = sa.flags[SAF_IIV_BIT];
      selected = sa.flags[SAF_SELECTOR_BIT] && !inplace;
      iv_at = 8'(p_parsed.l2_bytes) + p_parsed.hdr_bytes + 8'(ESP_BYTES) + (p_parsed.udp ? 8'(UDP_BYTES) : 8'd0);
      iv_bytes = iiv ? 4'd0 : 4'(IV_BYTES);
      payload_at = iv_at + 8'(iv_bytes);
      sealed_bytes = p_parsed.esp_bytes - 16'(ESP_BYTES) - 16'(iv_bytes);
      cipher_bytes = sealed_bytes - 16'(sa.icv_bytes);
      if (sa_rsp.status == ST_NO_SA) begin
        kind = cfg_miss_to_host && !meta.host ? IN_PASS : IN_DROP;
        way = kind;
        meta.status = ST_NO_SA;
      end else begin
        // What is refused here still passes the check, for the SA to count it.
        if (sa_rsp.status == ST_ENCAP) refused = ST_ENCAP;
        else if ($signed(cipher_bytes) < 16'sd4) refused = ST_ESP_LENGTH;
        else refused = sa_rsp.status;
        if (refused != ST_OK) way = IN_DROP;
        meta.esp = 1'b1;
        meta.sa = sa_rsp.handle;
        meta.seq = sa_rsp.seq;
        if (!meta.host) meta.qid = sa_rsp.ctx.qid;
      end
    end
  end

  assign start = p_valid && (p_parsed.kind != IN_ESP || sa_rsp_valid) && order_ready && check_ready && crypt_ready &&
      !busy;
  assign p_ready = start;
  assign sa_rsp_ready = start && p_parsed.kind == IN_ESP;
  assign order_valid = start;
  always_comb begin
    order = '0;
    if (start) begin
      order = '{
          kind: kind,
          tunnel: sa.tunnel,
          inplace: inplace,
          ipv6: p_parsed.ipv6,
          stay: inplace ? payload_at : 8'(p_parsed.l2_bytes) + (sa.tunnel ? 8'd0 : p_parsed.hdr_bytes),
          l2_bytes: p_parsed.l2_bytes,
          hdr_bytes: p_parsed.hdr_bytes,
          proto_at: p_parsed.proto_at,
          spi: p_parsed.spi,
          meta: meta,
          head: p_parsed.head
      };
    end
  end
  assign check_valid = start && kind == IN_ESP;
  always_comb begin
    check = '0;
    if (check_valid) begin
      check.status = refused;
      check.tunnel = sa.tunnel;
      check.inplace = inplace;
      check.icv_bytes = sa.icv_bytes;
      check.handle = sa_rsp.handle;
      check.seq = sa_rsp.seq;
      check.cipher_bytes = cipher_bytes[13:0];
      check.ecn = sa.tunnel && !inplace && !sa.flags[SAF_ECN_OFF_BIT];
      check.dscp = sa.tunnel && !inplace && sa.flags[SAF_DSCP_COPY_BIT];
      check.tos = p_parsed.tos;
      check.selector = selected;
      if (selected) check.sel = sa_rsp.ctx.sel;
      if (selected && !sa.tunnel) begin
        check.hdr_bytes = p_parsed.hdr_bytes;
        check.proto_at = p_parsed.proto_at - 8'(p_parsed.l2_bytes);
        case (p_parsed.l2_bytes)
          5'd14:   check.head = p_parsed.head[8*14+:512];
          5'd18:   check.head = p_parsed.head[8*18+:512];
          default: check.head = p_parsed.head[8*22+:512];
        endcase
      end
    end
  end

  // AES-GCM: AAD = SPI, number (RFC 4106 5). AES-GMAC: the IV follows, and then the packet (RFC 4543 3.3).
  crypt_t crypt_in, crypt;
  logic crypt_valid, crypt_pop;
  logic [63:0] iv;
  logic [95:0] spi_seq;
  always_comb begin
    crypt_in = '0;
    iv = '0;
    spi_seq = '0;
    if (start && way == IN_ESP) begin
      iv = iiv ? be64(sa_rsp.seq) : p_parsed.iv;
      spi_seq = sa.flags[SAF_ESN_BIT] ? {be64(sa_rsp.seq), p_parsed.spi} : {32'd0, p_parsed.seq, p_parsed.spi};
      crypt_in.job.key = sa.key;
      crypt_in.job.key_len = sa.key_len;
      crypt_in.job.h = sa.h;
      crypt_in.job.j0 = {8'd1, 24'd0, iv, sa.salt};
      crypt_in.job.aad = {64'd0, spi_seq};
      crypt_in.job.aad_bytes = sa.flags[SAF_ESN_BIT] ? 5'd12 : 5'd8;
      if (sa.gmac) begin
        crypt_in.job.aad = sa.flags[SAF_ESN_BIT] ? {iv, spi_seq} : {32'd0, iv, spi_seq[63:0]};
        crypt_in.job.aad_bytes = sa.flags[SAF_ESN_BIT] ? 5'd20 : 5'd16;
      end
      crypt_in.job.auth_only = sa.gmac;
      crypt_in.job.decrypt = 1'b1;
      crypt_in.cipher_bytes = cipher_bytes[13:0];
    end
  end

  fifo_wiped #(
      .WIDTH($bits(crypt_t)),
      .DEPTH(4)
  ) u_crypt (
      .clk,
      .rst,
      .s_valid(start && way == IN_ESP),
      .s_ready(crypt_ready),
      .s_data(crypt_in),
      .m_valid(crypt_valid),
      .m_ready(crypt_pop),
      .m_data(crypt)
  );

  // ---- beats; the first goes in the cycle of the decision ----
  logic align_ready, moving;
  in_kind_e route_now;
  assign moving = start || busy;
  assign route_now = start ? way : route;
  always_comb begin
    case (route_now)
      IN_PASS: body_ready = moving && pass_ready;
      IN_ESP:  body_ready = moving && align_ready;
      default: body_ready = moving;
    endcase
  end
  assign pass_valid = body_valid && moving && route_now == IN_PASS;
  assign pass_beat = body_beat;

  always_ff @(posedge clk) begin
    if (start) begin
      route <= way;
      skip  <= 14'(payload_at);
      keep  <= sealed_bytes[13:0];
    end
    if (moving) busy <= !(body_valid && body_ready && body_beat.last);
    if (rst) busy <= 1'b0;
  end

  logic a_valid, a_ready, align_idle;
  beat_t a_beat;
  wire unused = &{1'b0, align_idle, a_beat.bytes, sa.spi, sa.ipv6, sa.sport, sa.dport, sa.flags};
  frame_align u_align (
      .clk,
      .rst,
      .s_valid(body_valid && moving && route_now == IN_ESP),
      .s_ready(align_ready),
      .s_beat(body_beat),
      .s_skip(start ? 14'(payload_at) : skip),
      .s_keep(start ? sealed_bytes[13:0] : keep),
      .m_valid(a_valid),
      .m_ready(a_ready),
      .m_beat(a_beat),
      .idle(align_idle)
  );

  // ---- ciphertext | ICV; both lengths are multiples of 4 ----
  logic first, spill;  // spill: the ciphertext is through, the rest of the ICV stands in the next beat
  logic [13:0] left, left_next;
  logic [3:0] held;  // bytes of the ICV that stood behind the ciphertext
  logic [127:0] icv_low, icv_part;
  logic last_cipher;

  assign left = first ? crypt.cipher_bytes : left_next;
  assign last_cipher = left <= 14'd64;

  // Bytes n..n+15, zero beyond the beat; n a multiple of 4.
  function automatic logic [127:0] cut_icv(input logic [511:0] data, input logic [4:0] words);
    logic [35:0][31:0] w;
    w = {640'd0, data};
    for (int i = 0; i < 4; i++) cut_icv[32*i+:32] = w[6'(words)+6'(i)];
  endfunction

  always_comb begin
    e_valid = 1'b0;
    a_ready = 1'b0;
    icv_valid = 1'b0;
    icv_part = '0;
    e_data = '0;
    if (a_valid && crypt_valid) begin
      if (spill) begin
        icv_valid = 1'b1;
        a_ready   = icv_ready;
        icv_part  = icv_low | (a_beat.data[127:0] << {held, 3'd0});
      end else begin
        // The ICV's place in its FIFO is there before the ciphertext's last beat goes.
        e_valid = icv_ready;
        a_ready = icv_ready && e_ready;
        e_data  = last_cipher ? keep_low(a_beat.data, left[6:0]) : a_beat.data;
        if (last_cipher) begin
          icv_valid = a_beat.last && a_ready;
          icv_part  = cut_icv(a_beat.data, left[6:2]);
        end
      end
    end
  end
  assign e_job = crypt.job;
  assign e_bytes = last_cipher ? left[6:0] : 7'd64;
  assign e_last = last_cipher;
  assign icv = icv_part;
  assign crypt_pop = a_valid && a_ready && a_beat.last;

  always_ff @(posedge clk) begin
    if (a_valid && a_ready) begin
      left_next <= left - 14'd64;
      first <= a_beat.last;
      spill <= last_cipher && !a_beat.last;
      if (last_cipher && !spill) begin
        icv_low <= icv_part;
        held <= 4'd0 - left[3:0];
      end
    end
    if (rst) begin
      first <= 1'b1;
      spill <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  always_ff @(posedge clk)
    if (was_reset && !rst) begin
      if (a_valid && a_ready) begin
        assert (crypt_valid)
        else $error("esp_in_feed: ciphertext without a job");
        assert (!spill || a_beat.last)
        else $error("esp_in_feed: an ICV of three beats");
        assert (last_cipher || spill || !a_beat.last)
        else $error("esp_in_feed: the frame ends %0d bytes before its ciphertext", left - 14'd64);
      end
    end
`endif

endmodule

`default_nettype wire
