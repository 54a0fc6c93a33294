// SPDX-License-Identifier: BSD-2-Clause
//
// What becomes of an outbound packet by the description of its SA alone: is it the right kind, how long is the result,
// what would fit (docs/esp.md, "Outbound", step 3). Without a clock.
//
//   outer or own header | [UDP 8] | ESP 8 | [IV 8] | plaintext | padding to 4 with 2 bytes of trailer | ICV

`default_nettype none

module sa_fit
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
(
    input  logic        valid,
    input  sa_out_req_t req,
    input  sa_shape_t   shape,
    output logic [ 7:0] status,  // ST_OK, or why not
    output logic [15:0] fits,    // largest IP packet that passes, 0 if none
    output logic [13:0] padded,  // plaintext with TFC padding
    output logic [15:0] bytes    // what counts for the SA
);

  logic [15:0] limit, head, tail, esp, fixed, room, longest, plain;
  logic esp_bad, too_big, as_is;

  always_comb begin
    status = ST_OK;
    fits = '0;
    padded = '0;
    bytes = '0;
    {limit, head, tail, esp, fixed, room, longest, plain} = '0;
    {esp_bad, too_big, as_is} = '0;
    if (valid) begin
      as_is = shape.inplace && !req.numbered;  // else ESP is built
      limit = shape.mtu != '0 && shape.mtu < req.mtu ? shape.mtu : req.mtu;
      // In front of the plaintext, and behind it but for padding and trailer.
      head = (shape.udp ? 16'd8 : 16'd0) + 16'd8 + (shape.iiv ? 16'd0 : 16'd8);
      tail = 16'(shape.icv_bytes);

      // In place: SPI to ICV, as it stands.
      esp = req.total - 16'(req.hdr_bytes) - (req.udp ? 16'd8 : 16'd0);
      esp_bad = req.total < 16'(req.hdr_bytes) + (req.udp ? 16'd8 : 16'd0) || esp[1:0] != 2'd0 ||
          esp < 16'd8 + (shape.iiv ? 16'd0 : 16'd8) + 16'd4 + tail;

      // Tunnel: a header of its own before the whole packet. Transport: the packet's before the rest of it.
      if (shape.tunnel) begin
        fixed = (shape.ipv6 ? 16'd40 : 16'd20) + head + tail;
        plain = req.total;
      end else begin
        fixed = 16'(req.hdr_bytes) + head + tail;
        plain = req.total - 16'(req.hdr_bytes);
      end
      room = limit < fixed ? '0 : limit - fixed;
      longest = room < 16'd4 ? '0 : {room[15:2], 2'b00} - 16'd2;
      // Without padding it is plain + 2, and that rounded up to 4 fits just when plain does not exceed `longest`.
      too_big = room < 16'd4 || plain > longest;

      if (as_is) begin
        bytes = esp - (16'd8 + (shape.iiv ? 16'd0 : 16'd8)) - tail;
        padded = 14'(bytes);
        fits = limit;
        too_big = req.total > limit;
      end else begin
        bytes = plain;
        padded = 14'(plain);
        if (shape.tunnel && 16'(shape.tfc) > plain) padded = 16'(shape.tfc) < longest ? shape.tfc : 14'(longest);
        fits = longest == '0 ? '0 : shape.tunnel ? longest : longest + 16'(req.hdr_bytes);
      end

      if (shape.inplace != (req.inplace || req.numbered) || (!shape.tunnel && shape.ipv6 != req.ipv6))
        status = ST_SA_KIND;
      else if (req.fragment && (as_is || !shape.tunnel)) status = ST_FRAGMENT;
      else if (as_is && (!req.esp || req.udp != shape.udp)) status = ST_NOT_ESP;
      else if (as_is && req.spi != shape.spi) status = ST_SPI;
      else if (as_is && esp_bad) status = ST_ESP_LENGTH;
      else if (too_big) status = ST_TOO_BIG;
    end
  end

  wire unused = &{1'b0, req.handle, shape.esn, shape.lease_warn, room[1:0]};

endmodule

`default_nettype wire
