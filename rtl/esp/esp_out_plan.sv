// SPDX-License-Identifier: BSD-2-Clause
//
// From a parsed frame and its SA: what is cut out of it, what the engine is told, and what is put around the result.

`default_nettype none

// Without state: every output is a function of the inputs and meaningful only with `valid`.
//
//   tunnel     Eth | outer IPv4 | SPI seq | IV | E( IPv4 packet          | padding, pad length, 4     ) | ICV
//   transport  Eth | IPv4       | SPI seq | IV | E( what follows IPv4    | padding, pad length, proto ) | ICV
//
// Numbers: RFC 4303 (packet format), RFC 4106 (nonce = salt || IV, AAD = SPI || seq; the IV is the sequence number),
// RFC 1624 (checksum of a header that changes).
module esp_out_plan
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;
  import esp_out_pkg::*;
(
    input  wire                 valid,
    input  wire          [15:0] cfg_mtu,
    input  out_desc_t           desc,
    input  sa_out_rsp_t         sa,       // counts only if desc.lookup
    output logic         [ 7:0] status,   // ST_OK: it leaves
    output out_route_t          route,
    output gcm_job_t            job,
    output esp_trailer_t        trailer,
    output out_frame_t          frame
);

  localparam int OuterBytes = 20;
  localparam int MinWords = IP_MIN / 4;
  localparam int MaxWords = IP_MAX / 4;
  localparam int EspAt = ETH_BYTES + OuterBytes;  // where ESP begins without IP options

  logic tunnel;
  logic [5:0] new_hdr_bytes;  // IP header of the result
  logic [15:0] plain_bytes, cipher_bytes;
  logic [1:0] pad;
  logic [16:0] new_total;  // IP total length of the result
  logic [16:0] new_len;  // the result, Ethernet header included

  logic [31:0] seq;  // as bytes
  logic [63:0] iv;
  logic [127:0] esp;  // SPI, sequence number, IV

  assign tunnel = sa.ctx.tunnel;

  always_comb begin
    new_hdr_bytes = tunnel ? 6'(OuterBytes) : desc.hdr_bytes;
    plain_bytes = tunnel ? desc.total : desc.total - {10'd0, desc.hdr_bytes};
    pad = 2'd2 - plain_bytes[1:0];
    cipher_bytes = plain_bytes + {14'd0, pad} + 16'd2;
    new_total = {1'b0, cipher_bytes} + {11'd0, new_hdr_bytes} + 17'(ESP_BYTES + IV_BYTES) + {12'd0, sa.ctx.icv_bytes};
    new_len = new_total + 17'(ETH_BYTES);

    if (!desc.lookup) status = desc.status;
    else if (sa.status != ST_OK) status = sa.status;
    else if (!tunnel && desc.fragment) status = ST_FRAGMENT;
    else if (new_len > {1'b0, cfg_mtu}) status = ST_TOO_BIG;
    else status = ST_OK;
  end

  always_comb begin
    iv = be64(sa.seq);
    seq = be32(sa.seq[31:0]);
    esp = {iv, seq, sa.ctx.spi};

    job = '0;
    job.key = sa.ctx.key;
    job.key_len = sa.ctx.key_len;
    job.h = sa.ctx.h;
    job.j0 = {32'h01000000, iv, sa.ctx.salt};
    job.aad = {64'd0, seq, sa.ctx.spi};
    job.aad_bytes = 5'd8;

    trailer.bytes = {1'b0, pad} + 3'd2;
    unique case (pad)
      2'd0: trailer.data = {24'd0, desc.proto, 8'd0};
      2'd1: trailer.data = {16'd0, desc.proto, 8'd1, 8'd1};
      2'd2: trailer.data = {8'd0, desc.proto, 8'd2, 16'h0201};
      2'd3: trailer.data = {desc.proto, 8'd3, 24'h030201};
    endcase
    if (tunnel) trailer.data[{trailer.bytes-3'd1, 3'd0}+:8] = PROTO_IPIP;
  end

  always_comb begin
    route = '{to: RouteEsp, skip: 14'(ETH_BYTES), keep: plain_bytes[13:0]};
    if (status != ST_OK) route.to = RouteDrop;
    else if (!desc.lookup) route.to = RoutePlain;
    if (!tunnel) route.skip = 14'(ETH_BYTES) + {8'd0, desc.hdr_bytes};
  end

  // The outer header's checksum is made from the template's sum, the inner one's from the checksum it had.
  logic [15:0] outer_sum, inner_sum;
  always_comb begin
    outer_sum = '0;
    inner_sum = '0;
    frame = '0;
    frame.plain = !desc.lookup;
    frame.meta = desc.meta;
    frame.meta.status = ST_OK;
    if (valid && desc.lookup) begin
      frame.meta.esp = 1'b1;
      frame.meta.len = new_len[15:0];
      frame.meta.seq = sa.seq;
      frame.icv_bytes = sa.ctx.icv_bytes;
      frame.prefix_bytes = 7'(ETH_BYTES + ESP_BYTES + IV_BYTES) + {1'b0, new_hdr_bytes};
      frame.prefix[8*ETH_BYTES-1:0] = desc.head[8*ETH_BYTES-1:0];
      if (tunnel) begin
        outer_sum = fold({16'd0, sa.ctx.hdr_sum} + {15'd0, new_total} + {16'd0, sa.seq[15:0]});
        frame.prefix[8*ETH_BYTES+:8*OuterBytes] = sa.ctx.hdr[8*OuterBytes-1:0];
        frame.prefix[8*(ETH_BYTES+2)+:16] = be16(new_total[15:0]);
        frame.prefix[8*(ETH_BYTES+4)+:16] = be16(sa.seq[15:0]);
        frame.prefix[8*(ETH_BYTES+10)+:16] = be16(~outer_sum);
        frame.prefix[8*EspAt+:128] = esp;
      end else begin
        inner_sum = ~be16(desc.head[8*(ETH_BYTES+10)+:16]);
        inner_sum = sum_update(inner_sum, desc.total, new_total[15:0]);
        inner_sum = sum_update(inner_sum, {8'd0, desc.proto}, {8'd0, PROTO_ESP});
        for (int i = 0; i < MaxWords; i++)
        if (4'(i) < desc.hdr_bytes[5:2]) frame.prefix[8*ETH_BYTES+32*i+:32] = desc.head[8*ETH_BYTES+32*i+:32];
        frame.prefix[8*(ETH_BYTES+2)+:16] = be16(new_total[15:0]);
        frame.prefix[8*(ETH_BYTES+9)+:8] = PROTO_ESP;
        frame.prefix[8*(ETH_BYTES+10)+:16] = be16(~inner_sum);
        for (int i = MinWords; i <= MaxWords; i++)
        if (4'(i) == desc.hdr_bytes[5:2]) frame.prefix[8*ETH_BYTES+32*i+:128] = esp;
      end
    end
  end

endmodule

`default_nettype wire
