// SPDX-License-Identifier: BSD-2-Clause
//
// Reads the headers of each frame on its way to the host: for the verdict on its checksums, and for the hash that
// chooses its queue (RSS).
//
//   s ─┬─────────────────────────────────────(RSS off)──┬─► m
//      ├─► beats (RSS on) ────────────────────────────┬─┘
//      └─► first 128 bytes ─► ip_parse ─┬─► hash ─────┘
//                                       └─► rx_csum ───────► v
//
// With RSS off a frame passes in the cycle in which it comes; the verdict on its checksums follows a few cycles behind
// its last beat. With RSS on it waits for its hash. RSS goes on and off between frames.
//
// Hashed are frames of the wire that are delivered with status OK: TCP and UDP on addresses and ports where the host
// wants that, fragments and ESP that was not stripped on addresses alone. The queue is the table's at the hash's last
// seven bits; an entry that names no queue leaves the frame where it would go without RSS.

`default_nettype none

module rx_class
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import ip_pkg::*;
  import rx_pkg::*;
#(
    parameter int QUEUES = 2
) (
    input  wire            clk,
    input  wire            rst,
    input  wire rss_t      rss,
    input  wire            s_valid,
    output logic           s_ready,
    input  wire beat_t     s_beat,
    input  wire meta_t     s_meta,
    output logic           m_valid,
    input  wire            m_ready,
    output beat_t          m_beat,
    output meta_t          m_meta,
    output rx_info_t       m_info,
    // are the frame's checksums right? one a frame, in their order
    output logic           v_valid,
    input  wire            v_ready,
    output logic           v_right,
    output logic           empty,    // no frame inside
    output logic           idle
);

  localparam int Depth = 16;  // beats that wait for a hash, more than it takes cycles

  // ---- RSS on or off ----
  logic steering, s_midway, m_midway, beats_room, beats_valid, take, hold;
  assign hold = steering != rss.enable && !s_midway;
  assign take = s_valid && s_ready;
  always_ff @(posedge clk) begin
    if (take) s_midway <= !s_beat.last;
    if (m_valid && m_ready) m_midway <= !m_beat.last;
    if (hold && !m_midway && !beats_valid) steering <= rss.enable;
    if (rst) begin
      steering <= 1'b0;
      s_midway <= 1'b0;
      m_midway <= 1'b0;
    end
  end

  // ---- headers ----
  typedef struct packed {
    logic steering;
    logic hashable;
    logic sealed;  // ESP that was not stripped
    logic [15:0] len;
  } side_t;
  logic complete, behind, parse_ready, parse_idle, h_valid;
  logic [8*WINDOW_BYTES-1:0] head, h_head;
  ip_info_t h;
  side_t side, h_side;
  ip_window u_window (
      .clk,
      .rst,
      .s_valid(take),
      .s_take(take),
      .s_last(s_beat.last),
      .s_data(s_beat.data),
      .s_behind(behind),
      .m_valid(complete),
      .m_head(head)
  );
  always_comb begin
    side = '0;
    if (complete) begin
      side = '{
          steering: steering,
          hashable: !s_meta.host && s_meta.status == ST_OK,
          sealed: s_meta.inplace,
          len: s_meta.len
      };
    end
  end

  ip_parse #(
      .SIDE_W($bits(side_t))
  ) u_ip (
      .clk,
      .rst,
      .s_valid(complete),
      .s_ready(parse_ready),
      .s_head (head),
      .s_len  (s_meta.len),
      .s_all  (1'b1),
      .s_side (side),
      .m_valid(h_valid),
      .m_ready(1'b1),
      .m_info (h),
      .m_head (h_head),
      .m_side (h_side),
      .idle   (parse_idle)
  );

  // ---- checksums ----
  logic csum_idle;
  rx_csum u_csum (
      .clk,
      .rst,
      .h_valid,
      .h,
      .h_head,
      .h_len(h_side.len),
      .b_valid(take),
      .b_behind(behind),
      .b_last(s_beat.last),
      .b_data(s_beat.data),
      .v_valid,
      .v_ready,
      .v_right,
      .idle(csum_idle)
  );

  // ---- hash ----
  logic on_addresses, on_ports, r_valid;
  logic [8*RSS_INPUT_BYTES-1:0] fields;
  rx_info_t r_next, r;
  always_comb begin
    r_next = '0;
    on_addresses = 1'b0;
    on_ports = 1'b0;
    fields = '0;
    if (h_valid && h_side.steering && h_side.hashable && h.status == ST_OK) begin
      on_addresses = h.ipv6 ? rss.ipv6 : rss.ipv4;
      if (h.ports && !h.fragment && !h_side.sealed) begin
        if (h.proto == PROTO_TCP) on_ports = h.ipv6 ? rss.tcp6 : rss.tcp4;
        if (h.proto == PROTO_UDP) on_ports = h.ipv6 ? rss.udp6 : rss.udp4;
      end
      r_next.hashed = on_addresses || on_ports;
      r_next.ports  = on_ports;
      if (r_next.hashed) begin
        if (h.ipv6) fields = {on_ports ? {h.dport, h.sport} : 32'd0, h.dst, h.src};
        else fields = {192'd0, on_ports ? {h.dport, h.sport} : 32'd0, h.dst[31:0], h.src[31:0]};
        r_next.hash = toeplitz(rss.key, fields);
      end
    end
  end

  typedef struct packed {
    logic       chosen;
    logic [3:0] qid;
    rx_info_t   info;
  } choice_t;
  choice_t c_next, c;
  logic [7:0] entry;
  logic choice_room, choice_valid;
  always_comb begin
    c_next = '0;
    entry  = '0;
    if (r_valid) begin
      c_next.info = r;
      entry = rss.entry[r.hash[6:0]];
      c_next.chosen = r.hashed && int'(entry) < QUEUES;
      c_next.qid = entry[3:0];
    end
  end
  always_ff @(posedge clk) begin
    r_valid <= h_valid && h_side.steering;
    if (h_valid && h_side.steering) r <= r_next;
    if (rst) r_valid <= 1'b0;
  end

  // ---- frames that wait for it ----
  logic meta_room, meta_valid, done;
  meta_t meta;
  beat_t beat;
  logic [$clog2(Depth+1)-1:0] beat_count, meta_count, choice_count;
  wire unused = &{1'b0, beat_count, meta_count, meta_valid};
  fifo #(
      .WIDTH($bits(beat_t)),
      .DEPTH(Depth)
  ) u_beats (
      .clk,
      .rst,
      .s_valid(take && steering),
      .s_ready(beats_room),
      .s_data(s_beat),
      .m_valid(beats_valid),
      .m_ready(steering && m_valid && m_ready),
      .m_data(beat),
      .count(beat_count)
  );
  fifo #(
      .WIDTH($bits(meta_t)),
      .DEPTH(Depth)
  ) u_metas (
      .clk,
      .rst,
      .s_valid(take && steering && !s_midway),
      .s_ready(meta_room),
      .s_data(s_meta),
      .m_valid(meta_valid),
      .m_ready(done),
      .m_data(meta),
      .count(meta_count)
  );
  fifo #(
      .WIDTH($bits(choice_t)),
      .DEPTH(Depth)
  ) u_choices (
      .clk,
      .rst,
      .s_valid(r_valid),
      .s_ready(choice_room),
      .s_data(c_next),
      .m_valid(choice_valid),
      .m_ready(done),
      .m_data(c),
      .count(choice_count)
  );
  assign done = steering && m_valid && m_ready && beat.last;

  always_comb begin
    m_info = '0;
    m_beat = s_beat;
    m_meta = s_meta;
    if (steering) begin
      m_valid = beats_valid && choice_valid;
      s_ready = beats_room && !hold;
      m_beat  = beat;
      m_meta  = meta;
      m_info  = c.info;
      if (c.chosen) m_meta.qid = c.qid;
    end else begin
      m_valid = s_valid && !hold;
      s_ready = m_ready && !hold;
    end
  end

  assign empty = !s_midway && !m_midway && !beats_valid;
  assign idle = empty && !hold && parse_idle && !r_valid && choice_count == 0 && csum_idle;

  always_ff @(posedge clk) begin
    if (!rst) begin
      assert (parse_ready && (meta_room || !take) && !(r_valid && !choice_room))
      else $error("rx_class: a frame's headers find no room");
      assert (!(steering && m_valid) || meta_valid)
      else $error("rx_class: beats without their record");
      assert (!(beats_valid && !steering))
      else $error("rx_class: beats are left behind");
    end
  end

endmodule

`default_nettype wire
