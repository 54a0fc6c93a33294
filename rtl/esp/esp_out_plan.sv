// SPDX-License-Identifier: BSD-2-Clause
//
// From a parsed frame and its SA: what is cut out of it, what the engine is told, and what is put around the result.

`default_nettype none

// Without state: every output is a function of the inputs and meaningful only with `valid`.
//
//   tunnel     Ethernet | outer IP    | [UDP] | SPI number | [IV] | E( IP packet, zeros | padding, length, 4 or 41 ) | ICV
//   transport  Ethernet | IP, changed | [UDP] | SPI number | [IV] | E( what followed IP | padding, length, proto   ) | ICV
//   in place   all as it came, up to the number            | [IV] | E( up to the ICV                               ) | ICV
//
// Each result is the frame's first `base` bytes, some of them changed, and up to 64 bytes `put` behind them. Numbers:
// RFC 4303 (packet), RFC 4106 and 4543 (nonce, AAD), RFC 8750 (IV not sent), RFC 3948 (UDP), RFC 6040 (ECN), RFC 1624
// (checksum of a header that changes).
module esp_out_plan
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;
  import esp_out_pkg::*;
(
    input  wire                               valid,
    input  wire          [              15:0] cfg_mtu,
    input  wire          [         63:0][5:0] cfg_dscp_map,
    input  out_desc_t                         desc,          // its fate is known
    input  wire          [8*WINDOW_BYTES-1:0] head,          // the frame's first bytes
    input  sa_out_rsp_t                       sa,            // counts only with OutEsp
    output logic         [               7:0] status,        // ST_OK: it leaves
    output logic         [              15:0] fits,          // ST_TOO_BIG: of the verdict
    output out_route_t                        route,
    output gcm_job_t                          job,
    output esp_trailer_t                      trailer,
    output out_frame_t                        frame,
    output logic                              ev_valid,      // the host hears of it
    output event_t                            ev
);

  localparam int Ip4Bytes = IP_MIN;
  localparam int PutBytes = IP6_BYTES + UDP_BYTES + ESP_BYTES + IV_BYTES;

  wire sa_common_t c = sa.ctx.c;
  wire udp = c.flags[SAF_UDP_BIT];
  wire esn = c.flags[SAF_ESN_BIT];
  wire ours = valid && desc.fate == OutEsp && sa.status == ST_OK;  // it becomes ESP

  // ---- lengths ----
  wire [7:0] l2 = {3'd0, desc.l2_bytes};
  wire [6:0] at = l2[6:0];  // in the head, where the IP header begins
  logic [7:0] udp_bytes, iv_bytes;
  logic [7:0] base;
  logic [7:0] esp_at;  // in-place: where ESP begins
  logic [7:0] new_hdr_bytes;  // IP header of the result
  logic [7:0] prefix_bytes;
  logic [1:0] pad;
  logic [15:0] plain_bytes;  // in-place: what is encrypted
  logic [15:0] esp_bytes;  // UDP's header too
  logic [15:0] new_total;  // IP packet of the result

  always_comb begin
    udp_bytes = '0;
    iv_bytes = '0;
    esp_at = '0;
    new_hdr_bytes = '0;
    pad = '0;
    esp_bytes = '0;
    new_total = '0;
    plain_bytes = '0;
    base = '0;
    prefix_bytes = '0;
    if (ours) begin
      udp_bytes = udp ? 8'(UDP_BYTES) : 8'd0;
      iv_bytes = c.flags[SAF_IIV_BIT] ? 8'd0 : 8'(IV_BYTES);
      esp_at = l2 + desc.hdr_bytes + udp_bytes;
      new_hdr_bytes = !c.tunnel ? desc.hdr_bytes : c.ipv6 ? 8'(IP6_BYTES) : 8'(Ip4Bytes);
      pad = 2'd2 - sa.padded[1:0];
      esp_bytes = {2'd0, sa.padded} + {14'd0, pad} + 16'd2 + 16'(ESP_BYTES) +
          {8'd0, udp_bytes + iv_bytes} + {11'd0, c.icv_bytes};
      new_total = esp_bytes + {8'd0, new_hdr_bytes};
      plain_bytes = desc.total - (c.tunnel ? 16'd0 : {8'd0, desc.hdr_bytes});
      base = l2 + (c.tunnel ? 8'd0 : desc.hdr_bytes);
      prefix_bytes = base + (c.tunnel ? new_hdr_bytes : 8'd0) + udp_bytes + 8'(ESP_BYTES) + iv_bytes;
      if (desc.inplace) begin
        base = esp_at + 8'(ESP_BYTES);
        prefix_bytes = base + iv_bytes;
        plain_bytes = desc.total + {11'd0, desc.l2_bytes} - {8'd0, prefix_bytes} - {11'd0, c.icv_bytes};
        new_total = desc.total;
      end
    end
  end

  always_comb begin
    status = desc.status;
    fits   = '0;
    if (desc.fate == OutEsp) status = sa.status;
    if (status == ST_TOO_BIG) fits = desc.fate == OutEsp ? sa.fits : cfg_mtu - 16'(ETH_BYTES);

    route = '{to: RouteEsp, skip: {6'd0, desc.inplace ? prefix_bytes : base}, keep: plain_bytes[13:0]};
    if (status != ST_OK) route.to = RouteDrop;
    else if (desc.fate != OutEsp) route.to = RoutePlain;
    // The packet itself follows, not its header; Ethernet's is left out.
    if (ours && c.tunnel && !desc.inplace) route.skip = {9'd0, desc.l2_bytes};
  end

  // ---- engine and trailer ----
  logic [63:0] number;  // the sequence number, 64 bits with ESN
  logic [31:0] number_lo, number_hi;  // its halves as bytes
  logic [63:0] iv;
  logic [ 7:0] next_header;

  always_comb begin
    number = '0;
    number_lo = '0;
    number_hi = '0;
    iv = '0;
    job = '0;
    next_header = '0;
    trailer = '0;
    if (ours) begin
      number = sa.seq;
      if (desc.inplace) number = {desc.meta.seq[63:32], be32(desc.number)};
      if (desc.numbered) number = desc.meta.seq;
      if (!esn) number[63:32] = '0;
      number_lo = be32(number[31:0]);
      number_hi = be32(number[63:32]);
      iv = be64(sa.seq);

      job.key = c.key;
      job.key_len = c.key_len;
      job.h = c.h;
      job.j0 = {32'h01000000, iv, c.salt};
      job.auth_only = c.gmac;
      unique case ({
        c.gmac, esn
      })
        2'b00: job.aad = {96'd0, number_lo, c.spi};
        2'b01: job.aad = {64'd0, number_lo, number_hi, c.spi};
        2'b10: job.aad = {32'd0, iv, number_lo, c.spi};
        2'b11: job.aad = {iv, number_lo, number_hi, c.spi};
      endcase
      job.aad_bytes = 5'd8 + (esn ? 5'd4 : 5'd0) + (c.gmac ? 5'd8 : 5'd0);

      next_header = desc.dummy ? PROTO_NONE : !c.tunnel ? desc.proto : desc.ipv6 ? PROTO_IPV6 : PROTO_IPIP;
      trailer.zeros = sa.padded - plain_bytes[13:0];
      trailer.bytes = {1'b0, pad} + 3'd2;
      unique case (pad)
        2'd0: trailer.data = {24'd0, next_header, 8'd0};
        2'd1: trailer.data = {16'd0, next_header, 8'd1, 8'd1};
        2'd2: trailer.data = {8'd0, next_header, 8'd2, 16'h0201};
        2'd3: trailer.data = {next_header, 8'd3, 24'h030201};
      endcase
      if (desc.inplace) trailer = '0;
    end
  end

  // ---- the outer header (RFC 6040 4.1, normal mode) ----
  logic [7:0] outer_tos;
  logic [7:0] outer_proto;
  logic df;
  logic [19:0] flow_label;
  logic [15:0] outer_sum;
  logic [8*Ip4Bytes-1:0] outer4;
  logic [8*IP6_BYTES-1:0] outer6;

  always_comb begin
    outer_tos = '0;
    outer_proto = udp ? PROTO_UDP : PROTO_ESP;
    df = 1'b0;
    flow_label = '0;
    outer_sum = '0;
    outer4 = '0;
    outer6 = '0;
    if (ours && c.tunnel && !desc.inplace) begin
      outer_tos = {sa.ctx.tos[7:2], desc.tos[1:0]};
      if (c.flags[SAF_DSCP_COPY_BIT]) outer_tos[7:2] = desc.tos[7:2];
      else if (c.flags[SAF_DSCP_MAP_BIT]) outer_tos[7:2] = cfg_dscp_map[desc.tos[7:2]];
      if (c.flags[SAF_ECN_OFF_BIT]) outer_tos[1:0] = 2'b00;
      if (c.ipv6) begin
        flow_label = c.flags[SAF_FLOW_COPY_BIT] && desc.ipv6 ? desc.flow_label : sa.ctx.flow_label;
        outer6 = {
          sa.ctx.dst, sa.ctx.src, sa.ctx.ttl, outer_proto, be16(esp_bytes), be32({4'd6, outer_tos, flow_label})
        };
      end else begin
        df = c.flags[SAF_DF_BIT] || (c.flags[SAF_DF_COPY_BIT] && (desc.ipv6 || desc.df));
        outer_sum = ~fold(
            {16'd0, sa.ctx.hdr_sum} + {24'h45, outer_tos} + {16'd0, new_total} + {16'd0, number[15:0]} +
                {17'd0, df, 14'd0} + {16'd0, sa.ctx.ttl, outer_proto}
        );
        outer4 = {
          sa.ctx.dst[31:0],
          sa.ctx.src[31:0],
          be16(outer_sum),
          outer_proto,
          sa.ctx.ttl,
          be16({1'b0, df, 14'd0}),
          be16(number[15:0]),
          be16(new_total),
          outer_tos,
          8'h45
        };
      end
    end
  end

  // ---- what stands before the payload ----
  logic [8*(UDP_BYTES+ESP_BYTES+IV_BYTES)-1:0] esp_head;  // [UDP] SPI number [IV]
  logic [8*PutBytes-1:0] put;
  logic [8*WINDOW_BYTES-1:0] changed;  // the frame's head
  logic [15:0] inner_sum;
  logic [8*WINDOW_BYTES-1:0] behind;  // ones from `base` on

  always_comb begin
    esp_head = '0;
    put = '0;
    changed = '0;
    inner_sum = '0;
    behind = '0;
    frame = '0;
    frame.plain = desc.fate != OutEsp;
    if (valid) begin
      frame.meta = desc.meta;
      frame.meta.status = ST_OK;
      frame.meta.sa = '0;
      frame.meta.seq = '0;
    end
    if (ours) begin
      frame.meta.esp = 1'b1;
      frame.meta.len = {11'd0, desc.l2_bytes} + new_total;
      frame.meta.sa = desc.meta.sa;
      frame.meta.seq = number;
      frame.icv_bytes = c.icv_bytes;
      frame.prefix_bytes = prefix_bytes;

      esp_head = {64'd0, c.flags[SAF_IIV_BIT] ? 64'd0 : iv, number_lo, c.spi};
      if (udp) esp_head = {esp_head[127:0], 16'd0, be16(esp_bytes), c.dport, c.sport};
      changed = head;
      if (desc.inplace) begin
        put[63:0] = c.flags[SAF_IIV_BIT] ? 64'd0 : iv;
      end else if (c.tunnel) begin
        changed[{at-7'd2, 3'd0}+:16] = be16(c.ipv6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
        put = c.ipv6 ? {esp_head, outer6} : {160'd0, esp_head, outer4};
      end else begin
        put = {320'd0, esp_head};
        changed[{desc.proto_at[6:0], 3'd0}+:8] = outer_proto;
        if (desc.ipv6) begin
          changed[{at+7'd4, 3'd0}+:16] = be16(new_total - 16'(IP6_BYTES));
        end else begin
          inner_sum = ~be16(head[{at+7'd10, 3'd0}+:16]);
          inner_sum = sum_update(inner_sum, desc.total, new_total);
          inner_sum = sum_update(inner_sum, {8'd0, desc.proto}, {8'd0, outer_proto});
          changed[{at+7'd2, 3'd0}+:16] = be16(new_total);
          changed[{at+7'd10, 3'd0}+:16] = be16(~inner_sum);
        end
      end

      // `base` is 2 more than a multiple of 4, as every Ethernet header is; so all moves by whole words.
      behind = {{8 * WINDOW_BYTES - 16{1'b1}}, 16'd0} << {base[6:2], 5'd0};
      frame.prefix = (changed & ~behind)
                     | ({{8 * (WINDOW_BYTES - PutBytes) - 16{1'b0}}, put, 16'd0} << {base[6:2], 5'd0});
    end
  end
  // What only the SA table asks for, and lengths that no frame has.
  wire unused = &{1'b0, sa.ctx.tfc, sa.ctx.mtu, desc.fragment, desc.esp, desc.udp, desc.spi, desc.proto_at[7],
                  plain_bytes[15:14]};

  // ---- what the host is told of a drop (RFC 4303 3.3.3, 3.4.1) ----
  always_comb begin
    ev_valid = valid && desc.fate == OutEsp &&
        sa.status inside {ST_FRAGMENT, ST_SEQ_EXHAUSTED, ST_LEASE, ST_LIFETIME};
    ev = '0;
    if (ev_valid) begin
      ev.code = sa.status;
      ev.ipv6 = desc.ipv6;
      ev.spi = c.spi;
      ev.sa = desc.meta.sa;
      if (desc.ipv6) begin
        ev.src = head[{at+7'd8, 3'd0}+:128];
        ev.dst = head[{at+7'd24, 3'd0}+:128];
        ev.flow_label = desc.flow_label;
      end else begin
        ev.src[31:0] = head[{at+7'd12, 3'd0}+:32];
        ev.dst[31:0] = head[{at+7'd16, 3'd0}+:32];
      end
    end
  end

endmodule

`default_nettype wire
