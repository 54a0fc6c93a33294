// SPDX-License-Identifier: BSD-2-Clause
//
// Outbound ESP (RFC 4303, RFC 4106): frames from the TX DMA in, encapsulated and encrypted frames out.

`default_nettype none

// Frames become ESP packets as their SA says, which the descriptor names or the outbound policies find, or pass as they
// are; all keep their order. A frame that cannot be sent leaves as a verdict instead, with the reason, and as an event
// where docs/esp.md wants one. One frame each two cycles, and one beat a cycle, whichever takes longer. README.md in
// this folder draws the pipe.
module esp_out
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import gcm_pkg::*;
  import ip_pkg::*;
  import esp_out_pkg::*;
(
    input  wire                 clk,
    input  wire                 rst,
    input  wire          [15:0] cfg_mtu,       // largest resulting frame, Ethernet header included, tags not
    input  wire                 cfg_policy_bypass,  // what no policy matches passes as it is
    input  wire      [63:0][5:0] cfg_dscp_map,  // outer DSCP for each inner one
    input  wire                 s_valid,
    output logic                s_ready,
    input  beat_t               s_beat,
    input  meta_t               s_meta,
    output logic                m_valid,
    input  wire                 m_ready,
    output beat_t               m_beat,
    output meta_t               m_meta,        // len, seq and esp say what the frame has become
    output logic                d_valid,
    input  wire                 d_ready,
    output verdict_t            d_verdict,     // one for each dropped frame
    output logic                ev_valid,      // one cycle for each event, no back-pressure
    output event_t              ev,
    output logic                policy_req_valid,
    input  wire                 policy_req_ready,
    output policy_req_t         policy_req,
    input  wire                 policy_rsp_valid,
    output logic                policy_rsp_ready,
    input  policy_rsp_t         policy_rsp,
    output logic                sa_req_valid,
    input  wire                 sa_req_ready,
    output sa_out_req_t         sa_req,
    input  wire                 sa_rsp_valid,
    output logic                sa_rsp_ready,
    input  sa_out_rsp_t         sa_rsp,
    output logic                e_valid,       // to the engine
    input  wire                 e_ready,
    output gcm_job_t            e_job,
    output logic        [511:0] e_data,
    output logic        [  6:0] e_bytes,
    output logic                e_last,
    input  wire                 r_valid,       // from the engine
    output logic                r_ready,
    input  wire         [511:0] r_data,
    input  wire         [  6:0] r_bytes,
    input  wire                 r_last,
    input  wire         [127:0] r_tag,
    output logic                idle
);

  localparam int BeatDepth = 64;  // beats that wait for their frame's policy and SA
  localparam int AskedDepth = 16;  // frames that wait for their policy
  localparam int DescDepth = 8;  // frames that wait for their SA
  localparam int HeadDepth = 32;  // both of them
  localparam int RouteDepth = 8;
  localparam int PlainDepth = 32;  // beats of plain frames behind others in the engine
  localparam int FrameDepth = 64;  // frames between plan and result: more than the engine holds

  // ---- parse; the beats wait meanwhile
  logic beat_in_ready, beat_valid, beat_ready, parse_ready, parse_idle;
  beat_t beat;
  logic desc_valid, desc_ready;
  out_desc_t desc;
  logic [$clog2(BeatDepth+1)-1:0] beat_count;

  assign s_ready = beat_in_ready && parse_ready;

  fifo #(
      .WIDTH($bits(beat_t)),
      .DEPTH(BeatDepth)
  ) u_beats (
      .clk,
      .rst,
      .s_valid(s_valid && parse_ready),
      .s_ready(beat_in_ready),
      .s_data (s_beat),
      .m_valid(beat_valid),
      .m_ready(beat_ready),
      .m_data (beat),
      .count  (beat_count)
  );

  policy_req_t desc_policy;
  logic [8*WINDOW_BYTES-1:0] desc_head;

  esp_out_parse u_parse (
      .clk,
      .rst,
      .s_take  (s_valid && s_ready),
      .s_ready (parse_ready),
      .s_data  (s_beat.data),
      .s_last  (s_beat.last),
      .s_meta,
      .m_valid (desc_valid),
      .m_ready (desc_ready),
      .m_desc  (desc),
      .m_policy(desc_policy),
      .m_head  (desc_head),
      .idle    (parse_idle)
  );

  // The frames' first bytes wait here for all that is asked.
  logic head_in_ready, head_valid;
  logic [8*WINDOW_BYTES-1:0] head;
  logic [$clog2(HeadDepth+1)-1:0] head_count;
  logic plan;

  fifo #(
      .WIDTH(8 * WINDOW_BYTES),
      .DEPTH(HeadDepth)
  ) u_heads (
      .clk,
      .rst,
      .s_valid(desc_valid && desc_ready),
      .s_ready(head_in_ready),
      .s_data (desc_head),
      .m_valid(head_valid),
      .m_ready(plan),
      .m_data (head),
      .count  (head_count)
  );

  // ---- ask the policies; several lookups may be under way
  logic asked_in_ready, asked_valid, asked_ready;
  out_desc_t asked;
  logic [$clog2(AskedDepth+1)-1:0] asked_count;

  wire desc_room = asked_in_ready && head_in_ready;
  wire desc_asks = desc.fate == OutPolicy;
  assign policy_req_valid = desc_valid && desc_asks && desc_room;
  assign policy_req = desc_policy;
  assign desc_ready = desc_room && (!desc_asks || policy_req_ready);

  fifo #(
      .WIDTH($bits(out_desc_t)),
      .DEPTH(AskedDepth)
  ) u_asked (
      .clk,
      .rst,
      .s_valid(desc_valid && desc_ready),
      .s_ready(asked_in_ready),
      .s_data (desc),
      .m_valid(asked_valid),
      .m_ready(asked_ready),
      .m_data (asked),
      .count  (asked_count)
  );

  // ---- what the policies say; then look the SA up, likewise
  logic known;  // the frame's fate is
  out_desc_t known_desc;

  assign known = asked_valid && (asked.fate != OutPolicy || policy_rsp_valid);
  always_comb begin
    known_desc = '0;
    if (known) known_desc = asked;
    if (known && asked.fate == OutPolicy) begin
      known_desc.fate = OutDrop;
      if (!policy_rsp.hit) begin
        if (cfg_policy_bypass) known_desc.fate = OutPlain;
        else known_desc.status = ST_NO_POLICY;
      end else if (policy_rsp.action == PROTECT[1:0]) begin
        known_desc.fate = OutEsp;
        known_desc.meta.sa = policy_rsp.sa;
      end else if (policy_rsp.action == BYPASS[1:0]) begin
        known_desc.fate = OutPlain;
      end else begin
        known_desc.status = ST_DISCARD;
      end
    end
    // Without its tags.
    if (known_desc.fate == OutPlain && asked.meta.len - {11'd0, asked.l2_bytes} + 16'(ETH_BYTES) > cfg_mtu) begin
      known_desc.fate   = OutDrop;
      known_desc.status = ST_TOO_BIG;
    end
  end

  logic wait_in_ready, wait_valid;
  out_desc_t waiting;
  logic [$clog2(DescDepth+1)-1:0] wait_count;

  wire known_asks = known_desc.fate == OutEsp;
  assign sa_req_valid = known && known_asks && wait_in_ready;
  assign asked_ready = known && wait_in_ready && (!known_asks || sa_req_ready);
  assign policy_rsp_ready = asked_ready && asked.fate == OutPolicy;
  assign sa_req = '{
          handle: known_desc.meta.sa,
          inplace: asked.inplace,
          numbered: asked.numbered,
          ipv6: asked.ipv6,
          fragment: asked.fragment,
          esp: asked.esp,
          udp: asked.udp,
          spi: asked.spi,
          total: asked.total,
          hdr_bytes: asked.hdr_bytes,
          mtu: cfg_mtu - 16'(ETH_BYTES)
      };

  fifo #(
      .WIDTH($bits(out_desc_t)),
      .DEPTH(DescDepth)
  ) u_waiting (
      .clk,
      .rst,
      .s_valid(asked_ready),
      .s_ready(wait_in_ready),
      .s_data (known_desc),
      .m_valid(wait_valid),
      .m_ready(plan),
      .m_data (waiting),
      .count  (wait_count)
  );

  // ---- plan: the frame's parts go into three FIFOs, or its verdict into a fourth
  logic plan_valid;
  logic [7:0] plan_status;
  logic [15:0] plan_fits;
  out_route_t plan_route;
  gcm_job_t plan_job;
  esp_trailer_t plan_trailer;
  out_frame_t plan_frame;
  logic route_in_ready, job_in_ready, frame_in_ready, drop_in_ready;
  verdict_t plan_verdict;

  logic plan_event;
  event_t plan_ev;

  wire looked_up = waiting.fate == OutEsp;
  assign plan_valid = wait_valid && (!looked_up || sa_rsp_valid);

  esp_out_plan u_plan (
      .valid   (plan_valid),
      .cfg_mtu,
      .cfg_dscp_map,
      .desc    (waiting),
      .head,
      .sa      (sa_rsp),
      .status  (plan_status),
      .fits    (plan_fits),
      .route   (plan_route),
      .job     (plan_job),
      .trailer (plan_trailer),
      .frame   (plan_frame),
      .ev_valid(plan_event),
      .ev      (plan_ev)
  );

  wire room = route_in_ready && job_in_ready && frame_in_ready && drop_in_ready;
  wire drop = plan_status != ST_OK;
  assign plan = plan_valid && room;
  assign sa_rsp_ready = plan && looked_up;

  always_comb begin
    plan_verdict = '0;
    plan_verdict.host = waiting.meta.host;
    plan_verdict.more = waiting.meta.more;
    plan_verdict.qid = waiting.meta.qid;
    plan_verdict.index = waiting.meta.index;
    plan_verdict.status = plan_status;
    plan_verdict.len = plan_fits;
  end

  always_ff @(posedge clk) begin
    ev_valid <= plan && plan_event && !rst;
    if (plan && plan_event) ev <= plan_ev;
  end

  logic route_valid, route_ready;
  out_route_t route;
  logic [$clog2(RouteDepth+1)-1:0] route_count;

  fifo #(
      .WIDTH($bits(out_route_t)),
      .DEPTH(RouteDepth)
  ) u_routes (
      .clk,
      .rst,
      .s_valid(plan),
      .s_ready(route_in_ready),
      .s_data (plan_route),
      .m_valid(route_valid),
      .m_ready(route_ready),
      .m_data (route),
      .count  (route_count)
  );

  logic job_valid, job_ready;
  gcm_job_t job;
  esp_trailer_t trailer;

  fifo_wiped #(
      .WIDTH($bits(gcm_job_t) + $bits(esp_trailer_t)),
      .DEPTH(4)
  ) u_jobs (
      .clk,
      .rst,
      .s_valid(plan && !drop && looked_up),
      .s_ready(job_in_ready),
      .s_data ({plan_trailer, plan_job}),
      .m_valid(job_valid),
      .m_ready(job_ready),
      .m_data ({trailer, job})
  );

  logic frame_valid, frame_ready;
  out_frame_t frame;
  logic [$clog2(FrameDepth+1)-1:0] frame_count;

  fifo #(
      .WIDTH($bits(out_frame_t)),
      .DEPTH(FrameDepth)
  ) u_frames (
      .clk,
      .rst,
      .s_valid(plan && !drop),
      .s_ready(frame_in_ready),
      .s_data (plan_frame),
      .m_valid(frame_valid),
      .m_ready(frame_ready),
      .m_data (frame),
      .count  (frame_count)
  );

  logic [1:0] drop_count;

  fifo #(
      .WIDTH($bits(verdict_t)),
      .DEPTH(2)
  ) u_drops (
      .clk,
      .rst,
      .s_valid(plan && drop),
      .s_ready(drop_in_ready),
      .s_data (plan_verdict),
      .m_valid(d_valid),
      .m_ready(d_ready),
      .m_data (d_verdict),
      .count  (drop_count)
  );

  // ---- the beats go where the plan says
  logic align_ready, align_valid, payload_ready, align_idle;
  beat_t payload;
  logic plain_in_ready, plain_valid, plain_ready;
  beat_t plain_beat;
  logic [$clog2(PlainDepth+1)-1:0] plain_count;

  always_comb begin
    unique case (route.to)
      RouteEsp: beat_ready = route_valid && align_ready;
      RoutePlain: beat_ready = route_valid && plain_in_ready;
      default: beat_ready = route_valid;
    endcase
  end
  assign route_ready = beat_valid && beat_ready && beat.last;

  frame_align u_align (
      .clk,
      .rst,
      .s_valid(beat_valid && route_valid && route.to == RouteEsp),
      .s_ready(align_ready),
      .s_beat (beat),
      .s_skip (route.skip),
      .s_keep (route.keep),
      .m_valid(align_valid),
      .m_ready(payload_ready),
      .m_beat (payload),
      .idle   (align_idle)
  );

  // Plain frames wait here until what is before them left the engine.
  fifo #(
      .WIDTH($bits(beat_t)),
      .DEPTH(PlainDepth)
  ) u_plain (
      .clk,
      .rst,
      .s_valid(beat_valid && route_valid && route.to == RoutePlain),
      .s_ready(plain_in_ready),
      .s_data (beat),
      .m_valid(plain_valid),
      .m_ready(plain_ready),
      .m_data (plain_beat),
      .count  (plain_count)
  );

  esp_out_trailer u_trailer (
      .clk,
      .rst,
      .job_valid,
      .job_ready,
      .job,
      .trailer,
      .s_valid(align_valid),
      .s_ready(payload_ready),
      .s_beat (payload),
      .e_valid,
      .e_ready,
      .e_job,
      .e_data,
      .e_bytes,
      .e_last
  );

  // ---- put the frame together
  logic now_plain;  // the frame in u_join
  logic [4:0] now_icv;
  logic join_valid, join_ready, join_idle;
  beat_t join_beat;
  logic [255:0] icv;
  logic [5:0] icv_bytes;

  always_ff @(posedge clk) begin
    if (frame_valid && frame_ready) begin
      now_plain <= frame.plain;
      now_icv   <= frame.icv_bytes;
    end
  end

  always_comb begin
    icv = '0;
    icv_bytes = 6'd0;
    if (now_plain) begin
      join_valid = plain_valid;
      join_beat  = plain_beat;
    end else begin
      join_valid = r_valid;
      join_beat  = '{last: r_last, bytes: r_bytes, data: r_data};
      icv_bytes  = {1'b0, now_icv};
      icv[63:0]  = r_tag[63:0];
      if (now_icv >= 5'd12) icv[95:64] = r_tag[95:64];
      if (now_icv >= 5'd16) icv[127:96] = r_tag[127:96];
    end
  end
  assign plain_ready = join_ready && now_plain;
  assign r_ready = join_ready && !now_plain;

  frame_join u_join (
      .clk,
      .rst,
      .job_valid(frame_valid),
      .job_ready(frame_ready),
      .job_prefix(frame.prefix),
      .job_prefix_bytes(frame.prefix_bytes),
      .job_meta(frame.meta),
      .s_valid(join_valid),
      .s_ready(join_ready),
      .s_beat(join_beat),
      .s_suffix(icv),
      .s_suffix_bytes(icv_bytes),
      .m_valid,
      .m_ready,
      .m_beat,
      .m_meta,
      .idle(join_idle)
  );

  // A frame in the engine is still in u_frames or u_join.
  assign idle = parse_idle && align_idle && join_idle && !job_valid && !ev_valid && beat_count == 0 &&
      head_count == 0 && asked_count == 0 && wait_count == 0 &&
      route_count == 0 && frame_count == 0 && plain_count == 0 && drop_count == 0;

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst) begin
      assert (!plan || head_valid)
      else $error("esp_out: a frame without its first bytes");
      if (plan && !drop && looked_up) begin
        assert (sa_rsp.ctx.c.icv_bytes inside {5'd8, 5'd12, 5'd16})
        else $error("esp_out: an ICV of %0d bytes", sa_rsp.ctx.c.icv_bytes);
        assert (waiting.inplace || sa_rsp.padded >= plan_route.keep)
        else $error("esp_out: %0d bytes padded to %0d", plan_route.keep, sa_rsp.padded);
        assert (plan_frame.prefix_bytes[1:0] == 2'd2)
        else $error("esp_out: a prefix of %0d bytes", plan_frame.prefix_bytes);
        assert (!(sa_rsp.ctx.c.gmac && sa_rsp.ctx.c.flags[SAF_IIV_BIT]))
        else $error("esp_out: AES-GMAC without its IV");
      end
      if (m_valid && m_ready && m_beat.last) begin
        assert (m_beat.bytes[5:0] == m_meta.len[5:0])
        else $error("esp_out: a frame of %0d bytes ends with a beat of %0d", m_meta.len, m_beat.bytes);
      end
      assert (!(r_valid && r_ready) || r_bytes != 7'd0)
      else $error("esp_out: an empty beat from the engine");
    end
`endif

endmodule

`default_nettype wire
