// SPDX-License-Identifier: BSD-2-Clause
//
// Management side of the SA table: staging of struct vesper_sa_record, and the commands on it.
//
//   INSTALL  hash, duplicate check, place (with one displacement if both rows are full), index from the free list,
//            generation, context, description, window and drop counters, state; the hash slot last, so that nothing
//            half-made is found.
//   REMOVE   the hash slot first; when no lookup can still be under way, state, context (key, salt, H) to zero.
//   READ     of the handle, or with `cfg_next` of the first installed SA at or above its direction and index. The
//            numbers are read in one go, for which the pipe stands still, and kept: one consistent snapshot.
//   LEASE    sets the end of an outbound SA's lease.
//   WIPE     of everything but the generations, as after reset; no request is accepted meanwhile.
//
// All but READ take single cycles from the traffic, never two in a row.

`default_nettype none

module sa_cfg
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int RING_LOG2 = 6,   // words of 64 numbers in a window's ring
    parameter int IW = $clog2(ENTRIES),
    parameter int ROW_W = $clog2(ENTRIES) - 1
) (
    input wire clk,
    input wire rst,
    output logic ready,  // swept; requests may be accepted

    input  logic        cfg_we,
    input  logic [ 6:0] cfg_word,
    input  logic [31:0] cfg_wdata,
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 2:0] cfg_cmd,
    input  logic        cfg_next,
    input  logic [31:0] cfg_handle,
    input  logic [63:0] cfg_arg,
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    input  logic [ 6:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data,

    output logic                  look_valid,
    output sa_key_t               look_key,
    input  logic                  look_done,
    input  logic [1:0][ROW_W-1:0] look_row,
    input  sa_row_t [1:0]         look_data,
    output logic [1:0]            wr_valid,
    output logic [ROW_W-1:0]      wr_row,
    output sa_row_t               wr_data,

    output logic          op_valid_out,
    output logic          op_valid_in,
    output sa_op_t        op,
    input  logic          st_valid,
    input  logic [  63:0] st,
    output logic          ctx_we_out,
    output logic          ctx_we_in,
    output logic [IW-1:0] ctx_index,
    output sa_out_ctx_t   ctx_out_wdata,
    output sa_in_ctx_t    ctx_in_wdata,
    output sa_shape_t     shape_wdata,
    output sa_limits_t    lim_wdata
);

  localparam logic [2:0] CMD_INSTALL = 3'd0, CMD_REMOVE = 3'd1, CMD_READ = 3'd2, CMD_WIPE = 3'd3, CMD_LEASE = 3'd4;
  localparam int WORDS = SA_REC_BYTES / 4;
  // INSTALL writes a word of the description each cycle, and each second cycle a ring word and a drop counter.
  localparam int RING = 1 << RING_LOG2;
  localparam int FILL = 2 * RING > DESC_WORDS ? 2 * RING : DESC_WORDS;
  localparam int WINDOW_MAX = 64 * RING;

  typedef enum logic [4:0] {
    DRAIN,
    SWEEP,
    IDLE,
    DONE,
    I_HASH,
    I_LOOK,
    K_HASH,
    K_LOOK,
    I_POP,
    I_INDEX,
    I_GEN,
    I_FILL,
    I_STATE,
    I_LINK,
    H_GEN,
    H_CHECK,
    R_KEY,
    R_HASH,
    R_LOOK,
    R_WAIT,
    R_ERASE,
    FLUSH,
    L_OP,
    Q_GEN,
    Q_CHECK,
    Q_OP,
    Q_WAIT
  } state_e;
  state_e state;

  // ---- staging ----
  logic [WORDS-1:0][31:0] stage;
  logic [32*WORDS-1:0] rec;
  logic stage_erase;
  assign rec = stage;
  always_ff @(posedge clk) begin
    if (cfg_we && cfg_word < 7'(WORDS)) stage[cfg_word] <= cfg_wdata;
    if (rst || stage_erase) stage <= '0;
  end

  logic rec_in;
  sa_key_t rec_key;
  logic [63:0] rec_seq;
  logic [31:0] rec_flags;
  logic [SA_REC_REPLAY_WINDOW_W-1:0] rec_window;
  assign rec_in = rec[SA_REC_DIR_LSB+:SA_REC_DIR_W] == DIR_IN;
  assign rec_seq = rec[SA_REC_SEQ_LSB+:SA_REC_SEQ_W];
  assign rec_flags = rec[SA_REC_FLAGS_LSB+:SA_REC_FLAGS_W];
  assign rec_window = rec[SA_REC_REPLAY_WINDOW_LSB+:SA_REC_REPLAY_WINDOW_W];
  assign rec_key = '{
          inbound: rec_in,
          ipv6: rec[SA_REC_FAMILY_LSB+:SA_REC_FAMILY_W] == IPV6,
          dst: rec[SA_REC_DST_LSB+:SA_REC_DST_W],
          spi: rec[SA_REC_SPI_LSB+:SA_REC_SPI_W]
      };

  // ---- what the command works on ----
  logic [2:0] cmd;
  logic [31:0] handle;
  logic [63:0] arg;
  sa_key_t key;
  logic dir_in;
  logic [IW-1:0] index;
  logic [14:0] gen;
  logic [1:0][ROW_W-1:0] home_row;
  sa_row_t [1:0] home;
  logic place_table;
  logic [1:0] place_way;
  logic [2:0] kick;  // {table, way} of the slot that might move
  logic [IW:0] count;
  logic [63:0] fill_seq;
  logic [7:0] step;

  // ---- who is installed, generations, free indices ----
  logic valid_we, valid_wdata, gen_we, gen_re, installed;
  logic [14:0] gen_rd, gen_next;
  logic [IW:0] place;
  assign gen_next = gen_rd == '1 ? 15'd1 : gen_rd + 15'd1;
  assign place = state == SWEEP ? {count[IW], index} : {dir_in, index};

  sa_ram #(
      .WIDTH(1),
      .DEPTH(2 * ENTRIES)
  ) u_valid (
      .clk,
      .we(valid_we),
      .waddr(place),
      .wdata(valid_wdata),
      .re(gen_re),
      .raddr({dir_in, index}),
      .rdata(installed)
  );
  sa_ram #(
      .WIDTH(15),
      .DEPTH(2 * ENTRIES)
  ) u_gen (
      .clk,
      .we(gen_we),
      .waddr(place),
      .wdata(state == SWEEP ? 15'd0 : gen_next),
      .re(gen_re),
      .raddr({dir_in, index}),
      .rdata(gen_rd)
  );

  // The descriptions, as they were given; key and salt are not among them.
  logic desc_we, desc_secret;
  logic [5:0] desc_word;
  logic [31:0] desc_rd;
  logic rd_ours;  // the reader's turn, not a command's
  assign desc_secret = step[5:0] == 6'(SA_REC_SALT_LSB / 32) ||
      (step[5:0] >= 6'(SA_REC_KEY_LSB / 32) && step[5:0] < 6'((SA_REC_KEY_LSB + SA_REC_KEY_W) / 32));
  sa_ram #(
      .WIDTH(32),
      .DEPTH(2 * ENTRIES * DESC_WORDS)
  ) u_desc (
      .clk,
      .we(desc_we),
      .waddr({dir_in, index, step[5:0]}),
      .wdata(desc_secret ? '0 : stage[7'(step[5:0])]),
      .re(1'b1),
      .raddr({dir_in, index, desc_word}),
      .rdata(desc_rd)
  );

  // ---- the answer to READ: numbers, then the description ----
  logic snap_we, rd_open, rd_valid, rd_desc, rd_half;
  logic [4:0] snap_at;
  logic [63:0] snap_rd;
  sa_ram #(
      .WIDTH(64),
      .DEPTH(32)
  ) u_snap (
      .clk,
      .we(snap_we),
      .waddr(snap_at),
      .wdata(st),
      .re(1'b1),
      .raddr(cfg_rd_word[5:1]),
      .rdata(snap_rd)
  );
  assign snap_we = st_valid && (state == Q_OP || state == Q_WAIT);
  assign rd_ours = state == IDLE || state == DONE;
  // Words of struct vesper_sa_state.
  localparam int SNAP_END = 2 * SNAP_WORDS;
  always_ff @(posedge clk) begin
    rd_valid <= rd_open && cfg_rd_word < 7'(SNAP_END + DESC_WORDS);
    rd_desc  <= cfg_rd_word >= 7'(SNAP_END);
    rd_half  <= cfg_rd_word[0];
    if (rst) rd_valid <= 1'b0;
  end
  always_comb begin
    cfg_rd_data = '0;
    if (rd_valid) cfg_rd_data = rd_desc ? desc_rd : rd_half ? snap_rd[63:32] : snap_rd[31:0];
  end
  // REMOVE finds an SA's key in its description: SPI, destination, family.
  localparam int SPI_WORD = SA_REC_SPI_LSB / 32, DST_WORD = SA_REC_DST_LSB / 32;
  always_comb begin
    desc_word = 6'(cfg_rd_word - 7'(SNAP_END));
    if (!rd_ours) desc_word = step == '0 ? '0 : step == 8'd1 ? 6'(SPI_WORD) : 6'(DST_WORD) + 6'(step) - 6'd2;
  end

  // A queue, so that an index rests as long as possible before it is used again.
  logic free_push, free_pop;
  logic [IW-1:0] free_index;
  logic [1:0][IW-1:0] free_head, free_tail;
  logic [1:0][IW:0] free_count;
  sa_ram #(
      .WIDTH(IW),
      .DEPTH(2 * ENTRIES)
  ) u_free (
      .clk,
      .we(free_push || state == SWEEP),
      .waddr(state == SWEEP ? {count[IW], index} : {dir_in, free_tail[dir_in]}),
      .wdata(index),
      .re(free_pop),
      .raddr({dir_in, free_head[dir_in]}),
      .rdata(free_index)
  );

  always_ff @(posedge clk) begin
    if (free_pop) begin
      free_head[dir_in]  <= free_head[dir_in] + 1'b1;
      free_count[dir_in] <= free_count[dir_in] - 1'b1;
    end
    if (free_push) begin
      free_tail[dir_in]  <= free_tail[dir_in] + 1'b1;
      free_count[dir_in] <= free_count[dir_in] + 1'b1;
    end
    if (rst || state == SWEEP) begin
      free_head  <= '0;
      free_tail  <= '0;
      free_count <= {2{(IW + 1)'(ENTRIES)}};
    end
  end

  // ---- decisions on the rows that the hash table returned ----
  logic [1:0][WAYS-1:0] match, taken;
  logic [1:0] full;
  logic [1:0][1:0] first_free;
  always_comb begin
    match = '0;
    taken = '0;
    first_free = '0;
    for (int t = 0; t < 2; t++) begin
      for (int w = WAYS - 1; w >= 0; w--) begin
        if (look_done) begin
          taken[t][w] = look_data[t][w].valid;
          match[t][w] = look_data[t][w].valid && look_data[t][w].key == key;
          if (!look_data[t][w].valid) first_free[t] = 2'(w);
        end
      end
      full[t] = &taken[t];
    end
  end

  logic kick_to;
  assign kick_to = !kick[2];

  // ---- the commands ----
  logic first_sweep;  // after reset the generations go to zero too
  logic bad_handle;
  assign bad_handle = !installed || gen_rd != handle[31:SA_GEN_SHIFT] || handle[15:0] != 16'(index);

  // READ with `cfg_next` from an index that this table does not have: whoever lists asks behind the last one.
  logic beyond;
  assign beyond = 17'(cfg_handle[15:0]) >> IW != 17'd0;

  assign cfg_cmd_ready = state == IDLE;
  assign ready = state != DRAIN && state != SWEEP;

  // Sum of a byte string's 16-bit numbers, each big-endian.
  function automatic logic [15:0] sum16(input logic [63:0] s);
    logic [18:0] sum;
    sum = '0;
    for (int i = 0; i < 64; i += 16) sum += 19'({s[i+:8], s[i+8+:8]});
    sum = 19'(sum[15:0]) + 19'(sum[18:16]);
    return sum[15:0] + 16'(sum[16]);
  endfunction

  sa_common_t common;
  always_comb begin
    common = '0;
    ctx_out_wdata = '0;
    ctx_in_wdata = '0;
    shape_wdata = '0;
    lim_wdata = '0;
    if (state == I_GEN) begin
      common = '{
          key: rec[SA_REC_KEY_LSB+:SA_REC_KEY_W],
          // 16, 24, 32 bytes
          key_len: rec[SA_REC_KEY_LEN_LSB+3+:2] - 2'd2,
          h: rec[SA_REC_H_LSB+:SA_REC_H_W],
          salt: rec[SA_REC_SALT_LSB+:SA_REC_SALT_W],
          spi: rec[SA_REC_SPI_LSB+:SA_REC_SPI_W],
          flags: rec_flags,
          gmac: rec[SA_REC_ALG_LSB+:SA_REC_ALG_W] == ALG_AES_GMAC,
          tunnel: rec[SA_REC_MODE_LSB+:SA_REC_MODE_W] == MODE_TUNNEL,
          ipv6: key.ipv6,
          icv_bytes: rec[SA_REC_ICV_LEN_LSB+:5],
          sport: rec[SA_REC_SPORT_LSB+:SA_REC_SPORT_W],
          dport: rec[SA_REC_DPORT_LSB+:SA_REC_DPORT_W]
      };
      ctx_out_wdata = '{
          c: common,
          src: rec[SA_REC_SRC_LSB+:SA_REC_SRC_W],
          dst: rec[SA_REC_DST_LSB+:SA_REC_DST_W],
          ttl: rec[SA_REC_TTL_LSB+:SA_REC_TTL_W],
          tos: rec[SA_REC_TOS_LSB+:SA_REC_TOS_W],
          flow_label: rec[SA_REC_FLOW_LABEL_LSB+:20],
          hdr_sum: key.ipv6 ? '0 : sum16({rec[SA_REC_SRC_LSB+:32], rec[SA_REC_DST_LSB+:32]}),
          tfc: rec[SA_REC_TFC_LSB+:14],
          mtu: rec[SA_REC_MTU_LSB+:SA_REC_MTU_W]
      };
      ctx_in_wdata = '{
          c: common,
          sel: '{
              src: rec[SA_REC_SEL_LSB+SEL_SRC_LSB+:SEL_SRC_W],
              dst: rec[SA_REC_SEL_LSB+SEL_DST_LSB+:SEL_DST_W],
              src_len: rec[SA_REC_SEL_LSB+SEL_SRC_LEN_LSB+:SEL_SRC_LEN_W],
              dst_len: rec[SA_REC_SEL_LSB+SEL_DST_LEN_LSB+:SEL_DST_LEN_W],
              family: rec[SA_REC_SEL_LSB+SEL_FAMILY_LSB+:4],
              proto: rec[SA_REC_SEL_LSB+SEL_PROTO_LSB+:SEL_PROTO_W],
              sport_min: rec[SA_REC_SEL_LSB+SEL_SPORT_MIN_LSB+:SEL_SPORT_MIN_W],
              sport_max: rec[SA_REC_SEL_LSB+SEL_SPORT_MAX_LSB+:SEL_SPORT_MAX_W],
              dport_min: rec[SA_REC_SEL_LSB+SEL_DPORT_MIN_LSB+:SEL_DPORT_MIN_W],
              dport_max: rec[SA_REC_SEL_LSB+SEL_DPORT_MAX_LSB+:SEL_DPORT_MAX_W]
          },
          qid: rec[SA_REC_QUEUE_LSB+:4]
      };
      shape_wdata = '{
          spi: common.spi,
          tunnel: common.tunnel,
          ipv6: common.ipv6,
          inplace: rec_flags[SAF_INPLACE_BIT],
          udp: rec_flags[SAF_UDP_BIT],
          esn: rec_flags[SAF_ESN_BIT],
          iiv: rec_flags[SAF_IIV_BIT],
          icv_bytes: common.icv_bytes,
          tfc: ctx_out_wdata.tfc,
          mtu: ctx_out_wdata.mtu,
          lease_warn: rec[SA_REC_LEASE_WARN_LSB+:SA_REC_LEASE_WARN_W]
      };
      lim_wdata = '{
          spi: common.spi,
          soft_packets: rec[SA_REC_SOFT_PACKETS_LSB+:SA_REC_SOFT_PACKETS_W],
          soft_bytes: rec[SA_REC_SOFT_BYTES_LSB+:SA_REC_SOFT_BYTES_W],
          hard_packets: rec[SA_REC_HARD_PACKETS_LSB+:SA_REC_HARD_PACKETS_W],
          hard_bytes: rec[SA_REC_HARD_BYTES_LSB+:SA_REC_HARD_BYTES_W]
      };
    end
  end

  always_comb begin
    look_valid = state == I_HASH || state == K_HASH || state == R_HASH;
    look_key = state == K_HASH ? home[kick[2]][kick[1:0]].key : key;
    gen_re = state == I_INDEX || state == H_GEN || state == Q_GEN;
    free_pop = state == I_POP;
    free_push = state == R_ERASE;
    stage_erase = state == DONE && (cmd == CMD_INSTALL || cmd == CMD_WIPE);
    valid_we = state == I_GEN || state == R_ERASE || state == SWEEP;
    valid_wdata = state == I_GEN;
    gen_we = state == I_GEN || (state == SWEEP && first_sweep);
    desc_we = state == I_FILL && step < 8'(DESC_WORDS);

    ctx_we_out = state == SWEEP || ((state == I_GEN || state == R_ERASE) && !dir_in);
    ctx_we_in = state == SWEEP || ((state == I_GEN || state == R_ERASE) && dir_in);
    ctx_index = index;

    op_valid_out = 1'b0;
    op_valid_in = 1'b0;
    op = '{
        op: SA_NONE,
        index: 16'(index),
        gen: gen,
        seq: rec_seq,
        lease_end: rec[SA_REC_LEASE_END_LSB+:SA_REC_LEASE_END_W],
        // A wider one than the ring would take old numbers twice.
        window: rec_window > 32'(WINDOW_MAX) ? 13'(WINDOW_MAX) : rec_window[12:0],
        esn: rec_flags[SAF_ESN_BIT],
        udp: rec_flags[SAF_UDP_BIT],
        seen: 1'b0,
        word: step[4:0]
    };
    case (state)
      SWEEP: begin
        op.op = SA_CLEAR;
        op_valid_out = 1'b1;
        op_valid_in = 1'b1;
      end
      I_FILL: begin
        op.op = SA_FILL;
        op.seq = fill_seq;
        // Blocks below zero were not received; they are the last ones.
        op.seen = fill_seq < rec_seq;
        op.word = step < 8'd32 ? step[5:1] : 5'd16;
        op_valid_out = !dir_in && !step[0] && step < 8'd32;
        op_valid_in = dir_in && !step[0];
      end
      I_STATE: begin
        op.op = SA_SET;
        op_valid_out = !dir_in;
        op_valid_in = dir_in;
      end
      R_ERASE: begin
        op.op = SA_CLEAR;
        op_valid_out = !dir_in;
        op_valid_in = dir_in;
      end
      L_OP: begin
        op.op = SA_LEASE;
        op.lease_end = arg;
        op_valid_out = 1'b1;
      end
      Q_OP: begin
        op.op = SA_GET;
        op_valid_out = !dir_in;
        op_valid_in = dir_in;
      end
      FLUSH: begin
        // The memories' output registers may hold the key that was erased: read the zeros.
        op_valid_out = 1'b1;
        op_valid_in  = 1'b1;
      end
      default: ;
    endcase

    wr_valid = 2'b00;
    wr_row   = home_row[place_table];
    wr_data  = '0;
    case (state)
      SWEEP: begin
        wr_valid = 2'b11;
        wr_row   = index[ROW_W-1:0];
      end
      K_LOOK:
      if (look_done && !full[kick_to]) begin
        wr_valid[kick_to] = 1'b1;
        wr_row = look_row[kick_to];
        wr_data = look_data[kick_to];
        wr_data[first_free[kick_to]] = home[kick[2]][kick[1:0]];
      end
      I_LINK: begin
        wr_valid[place_table] = 1'b1;
        wr_data = home[place_table];
        wr_data[place_way] = '{valid: 1'b1, index: 16'(index), key: key};
      end
      R_LOOK:
      if (look_done) begin
        for (int t = 0; t < 2; t++) begin
          if (|match[t]) begin
            wr_valid[t] = 1'b1;
            wr_row = look_row[t];
            wr_data = look_data[t];
            for (int w = 0; w < WAYS; w++) if (match[t][w]) wr_data[w] = '0;
          end
        end
      end
      default: ;
    endcase
  end

  always_ff @(posedge clk) begin
    cfg_rsp_valid <= state == DONE;
    if (state == IDLE) snap_at <= '0;
    else if (snap_we) snap_at <= snap_at + 1'b1;
    case (state)
      DRAIN: begin
        // Lookups and commits under way end within their pipes' length.
        count <= count + 1'b1;
        if (count[3]) begin
          count <= '0;
          index <= '0;
          state <= SWEEP;
        end
      end
      SWEEP: begin
        // Both directions, inbound in the upper half.
        count <= count + 1'b1;
        index <= index + 1'b1;
        if (&count) state <= FLUSH;
      end
      FLUSH: begin
        first_sweep <= 1'b0;
        state <= first_sweep ? IDLE : DONE;
      end
      IDLE:
      if (cfg_cmd_valid) begin
        cmd <= cfg_cmd;
        handle <= cfg_handle;
        cfg_rsp_status <= MBX_OK;
        cfg_rsp_handle <= cfg_handle;
        arg <= cfg_arg;
        rd_open <= 1'b0;
        count <= '0;
        step <= '0;
        kick <= '0;
        if (cfg_cmd == CMD_INSTALL) begin
          key <= rec_key;
          dir_in <= rec_in;
          state <= I_HASH;
        end else if (cfg_cmd == CMD_WIPE) state <= DRAIN;
        else begin
          dir_in <= cfg_handle[SA_INBOUND_BIT];
          index <= cfg_handle[IW-1:0];
          state <= cfg_cmd == CMD_READ && cfg_next ? Q_GEN : H_GEN;
          if (cfg_cmd == CMD_READ && cfg_next && beyond) begin
            if (cfg_handle[SA_INBOUND_BIT]) begin
              cfg_rsp_status <= MBX_E_HANDLE;
              state <= DONE;
            end
            dir_in <= 1'b1;
            index  <= '0;
          end
        end
      end
      DONE: state <= IDLE;

      I_HASH: state <= I_LOOK;
      I_LOOK:
      if (look_done) begin
        home_row <= look_row;
        home <= look_data;
        place_table <= full[0] || (!full[1] && $countones(taken[1]) < $countones(taken[0]));
        place_way <= first_free[full[0] || (!full[1] && $countones(taken[1]) < $countones(taken[0]))];
        if (match != '0) begin
          cfg_rsp_status <= MBX_E_DUPLICATE;
          state <= DONE;
        end else if (free_count[dir_in] == '0) begin
          cfg_rsp_status <= MBX_E_FULL;
          state <= DONE;
        end else if (full == 2'b11) state <= K_HASH;
        else state <= I_POP;
      end
      K_HASH: state <= K_LOOK;
      K_LOOK:
      if (look_done) begin
        place_table <= kick[2];
        place_way   <= kick[1:0];
        if (!full[kick_to]) state <= I_POP;
        else if (kick == '1) begin
          cfg_rsp_status <= MBX_E_FULL;
          state <= DONE;
        end else begin
          kick  <= kick + 1'b1;
          state <= K_HASH;
        end
      end
      I_POP: begin
        state <= I_INDEX;
        // The generation is read by the index, which the free list returns in the next cycle.
        count <= '0;
      end
      I_INDEX: begin
        index <= free_index;
        count <= count + 1'b1;
        if (count[0]) state <= I_GEN;
      end
      I_GEN: begin
        gen <= gen_next;
        cfg_rsp_handle <= {gen_next, dir_in, 16'(index)};
        fill_seq <= {rec_seq[63:6], 6'd0} - 64'd64;
        state <= I_FILL;
      end
      I_FILL: begin
        if (step[0]) fill_seq <= fill_seq - 64'd64;
        step <= step + 1'b1;
        if (step == (dir_in ? 8'(FILL - 1) : 8'(DESC_WORDS - 1))) state <= I_STATE;
      end
      I_STATE: state <= I_LINK;
      I_LINK: state <= DONE;

      H_GEN: state <= H_CHECK;
      H_CHECK: begin
        gen <= gen_rd;
        if (bad_handle || (cmd == CMD_LEASE && dir_in)) begin
          cfg_rsp_status <= MBX_E_HANDLE;
          state <= DONE;
        end else state <= cmd == CMD_REMOVE ? R_KEY : cmd == CMD_LEASE ? L_OP : Q_OP;
      end
      L_OP: state <= DONE;
      R_KEY: begin
        // A word each cycle, which comes a cycle after it was asked for.
        step <= step + 1'b1;
        key.inbound <= dir_in;
        if (step == 8'd1) key.ipv6 <= desc_rd[SA_REC_FAMILY_LSB+:SA_REC_FAMILY_W] == IPV6;
        if (step == 8'd2) key.spi <= desc_rd;
        if (step > 8'd2) key.dst <= {desc_rd, key.dst[127:32]};
        if (step == 8'd6) state <= R_HASH;
      end
      R_HASH: state <= R_LOOK;
      R_LOOK: if (look_done) state <= R_WAIT;
      R_WAIT: begin
        count <= count + 1'b1;
        if (count[3]) state <= R_ERASE;
      end
      R_ERASE: state <= FLUSH;

      Q_GEN: state <= Q_CHECK;
      Q_CHECK: begin
        gen <= gen_rd;
        if (installed) state <= Q_OP;
        else if ({dir_in, index} == '1) begin
          cfg_rsp_status <= MBX_E_HANDLE;
          state <= DONE;
        end else begin
          {dir_in, index} <= {dir_in, index} + 1'b1;
          state <= Q_GEN;
        end
      end
      Q_OP: begin
        cfg_rsp_handle <= {gen, dir_in, 16'(index)};
        step <= step + 1'b1;
        if (step == 8'(SNAP_WORDS - 1)) state <= Q_WAIT;
      end
      Q_WAIT:
      if (snap_at == 5'(SNAP_WORDS)) begin
        rd_open <= 1'b1;
        state   <= DONE;
      end
      default: state <= IDLE;
    endcase
    if (rst) begin
      state <= DRAIN;
      count <= '0;
      first_sweep <= 1'b1;
      cfg_rsp_valid <= 1'b0;
      rd_open <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  // What is removed was found; a slot taken from the free list has no SA.
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == R_LOOK && look_done |-> match != '0);
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == I_GEN |-> !installed);
  assert property (@(posedge clk) disable iff (rst || !was_reset)
      free_push |-> free_count[dir_in] != (IW + 1)'(ENTRIES));
`endif

  wire unused = &{1'b0, rec, handle, gen_rd};

endmodule

`default_nettype wire
