// SPDX-License-Identifier: BSD-2-Clause
//
// What esp_in looks at in a packet that it decrypted: fields for the selector (RFC 4301 4.4.1.1), ECN and DSCP
// (RFC 6040 4.2, RFC 2983). docs/esp.md, "Inbound", steps 9 and 10.

`default_nettype none

package esp_in_inner_pkg;
  import vesper_pkg::*;
  import ip_pkg::*;

  localparam int LOOK_BYTES = 64;  // of the packet, in which protocol and ports are looked for

  // Ports are numbers; ICMP: type in the source port, code in the destination port.
  typedef struct packed {
    logic ipv6;
    logic [127:0] src;  // byte strings, IPv4 in [31:0]
    logic [127:0] dst;
    logic proto_known;
    logic [7:0] proto;
    logic ports_known;
    logic [15:0] sport;
    logic [15:0] dport;
  } inner_t;

  function automatic logic is_extension(input logic [7:0] proto);
    is_extension = proto == PROTO_HOPOPT || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_DSTOPTS;
  endfunction

  // Reads an IP packet of `total` bytes, whose header is sound, by its first LOOK_BYTES.
  function automatic inner_t inner_read(input logic [8*LOOK_BYTES-1:0] packet, input logic [15:0] total);
    logic [15:0][31:0] words;
    logic [31:0] word;
    logic [12:0] at, length;
    logic [15:0] limit;
    logic later, lost;
    words = packet;
    limit = total < 16'(LOOK_BYTES) ? total : 16'(LOOK_BYTES);
    lost = 1'b0;
    inner_read = '0;
    if (packet[7:4] == 4'd4) begin
      inner_read.src = 128'(packet[8*12+:32]);
      inner_read.dst = 128'(packet[8*16+:32]);
      inner_read.proto = packet[8*9+:8];
      later = {packet[52:48], packet[63:56]} != 13'd0;
      at = {7'd0, packet[3:0], 2'b00};
    end else begin
      inner_read.ipv6 = 1'b1;
      inner_read.src = packet[8*8+:128];
      inner_read.dst = packet[8*24+:128];
      inner_read.proto = packet[8*6+:8];
      later = 1'b0;
      at = 13'(IP6_BYTES);
      for (int i = 0; i < 3; i++)
      if (is_extension(inner_read.proto) && !later && !lost) begin
        word = words[at[5:2]];
        length = inner_read.proto == PROTO_FRAGMENT ? 13'd8 : {1'b0, {1'b0, word[15:8]} + 9'd1, 3'd0};
        if (i == 2 || 16'(at) + 16'd8 > limit || 16'(at) + 16'(length) > total) lost = 1'b1;
        else begin
          later = inner_read.proto == PROTO_FRAGMENT && {word[23:16], word[31:27]} != 13'd0;
          inner_read.proto = word[7:0];
          at = at + length;
        end
      end
    end
    inner_read.proto_known = !lost;
    word = words[at[5:2]];
    case (inner_read.proto)
      PROTO_TCP, PROTO_UDP, PROTO_DCCP, PROTO_SCTP, PROTO_UDPLITE: begin
        inner_read.ports_known = !lost && !later && 16'(at) + 16'd4 <= limit;
        inner_read.sport = be16(word[15:0]);
        inner_read.dport = be16(word[31:16]);
      end
      PROTO_ICMP, PROTO_ICMPV6: begin
        inner_read.ports_known = !lost && !later && 16'(at) + 16'd2 <= limit;
        inner_read.sport = {8'd0, word[7:0]};
        inner_read.dport = {8'd0, word[15:8]};
      end
      default: ;
    endcase
  endfunction

  // Do the first `length` bits of an address, in network order, equal the prefix's?
  function automatic logic in_prefix(input logic [127:0] address, input logic [127:0] prefix, input logic [7:0] length);
    logic [127:0] mask;
    for (int i = 0; i < 16; i++) begin
      if (length >= 8'(8 * i + 8)) mask[8*i+:8] = 8'hff;
      else if (length > 8'(8 * i)) mask[8*i+:8] = ~(8'hff >> length[2:0]);
      else mask[8*i+:8] = 8'h00;
    end
    in_prefix = ((address ^ prefix) & mask) == '0;
  endfunction

  function automatic logic in_range(input logic known, input logic [15:0] port, input logic [15:0] low,
                                    input logic [15:0] high);
    in_range = known ? port >= low && port <= high : low == 16'd0 && high == 16'hffff;
  endfunction

  function automatic logic selected(input inner_t p, input selector_t s);
    selected = s.family == 4'd0 || s.family == (p.ipv6 ? 4'd6 : 4'd4);
    if (!in_prefix(p.src, s.src, s.src_len) || !in_prefix(p.dst, s.dst, s.dst_len)) selected = 1'b0;
    if (s.proto != 8'd0 && !(p.proto_known && p.proto == s.proto)) selected = 1'b0;
    if (!in_range(p.ports_known, p.sport, s.sport_min, s.sport_max)) selected = 1'b0;
    if (!in_range(p.ports_known, p.dport, s.dport_min, s.dport_max)) selected = 1'b0;
  endfunction

  localparam logic [1:0] NOT_ECT = 2'b00, ECT1 = 2'b01, ECT0 = 2'b10, CE = 2'b11;

  // The inner TOS or traffic class after decapsulation.
  function automatic logic [7:0] decap_tos(input logic [7:0] inner, input logic [7:0] outer, input logic ecn,
                                           input logic dscp);
    decap_tos = inner;
    if (dscp) decap_tos[7:2] = outer[7:2];
    if (ecn && outer[1:0] == CE && inner[1:0] != NOT_ECT) decap_tos[1:0] = CE;
    if (ecn && outer[1:0] == ECT1 && inner[1:0] == ECT0) decap_tos[1:0] = ECT1;
  endfunction

  // The start of an inner packet with that.
  function automatic logic [511:0] decap(input logic [511:0] start, input logic [7:0] outer, input logic ecn,
                                         input logic dscp);
    logic [7:0] old_tos, new_tos;
    decap = start;
    if (start[7:4] == 4'd4) begin
      old_tos = start[15:8];
      new_tos = decap_tos(old_tos, outer, ecn, dscp);
      if (new_tos != old_tos) begin
        decap[15:8] = new_tos;
        decap[8*10+:16] = ~be16(
            sum_update(~be16(start[8*10+:16]), {start[7:0], old_tos}, {start[7:0], new_tos})
        );
      end
    end else if (start[7:4] == 4'd6) begin
      old_tos = {start[3:0], start[15:12]};
      new_tos = decap_tos(old_tos, outer, ecn, dscp);
      {decap[3:0], decap[15:12]} = new_tos;
    end
  endfunction

endpackage

`default_nettype wire
