// SPDX-License-Identifier: BSD-2-Clause
//
// Management side of the SA table: staging of struct vesper_sa_record, and the commands on it.
//
//   INSTALL  hash, duplicate check, place (with one displacement if both rows are full), index from the free list,
//            generation, info and context, window, state; the hash slot last, so that nothing half-made is found.
//   REMOVE   the hash slot first; when no lookup can still be under way, state, context (key, salt, H) and info to zero.
//   READ     of the handle, or with `cfg_next` of the first installed SA at or above its direction and index.
//   WIPE     of everything but the generations, as after reset; no request is accepted meanwhile.
//
// Each takes single cycles from the traffic, never two in a row.

`default_nettype none

module sa_cfg
  import vesper_pkg::*;
  import vesper_abi_pkg::*;
  import sa_pkg::*;
#(
    parameter int ENTRIES = 1024,
    parameter int IW = $clog2(ENTRIES),
    parameter int ROW_W = $clog2(ENTRIES) - 1
) (
    input wire clk,
    input wire rst,
    output logic ready,  // swept; requests may be accepted

    input  logic                          cfg_we,
    input  logic [                   5:0] cfg_word,
    input  logic [                  31:0] cfg_wdata,
    input  logic                          cfg_cmd_valid,
    output logic                          cfg_cmd_ready,
    input  logic [                   1:0] cfg_cmd,
    input  logic                          cfg_next,
    input  logic [                  31:0] cfg_handle,
    output logic                          cfg_rsp_valid,
    output logic [                   7:0] cfg_rsp_status,
    output logic [                  31:0] cfg_rsp_handle,
    output logic [8*SA_STATE_BYTES-1:0] cfg_rsp_state,

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
    output sa_op_e        op,
    output logic [IW-1:0] op_index,
    output logic [  14:0] op_gen,
    output logic [  63:0] op_seq,
    output logic [  12:0] op_window,
    input  logic          st_valid,
    input  sa_counts_t    st,
    output logic          ctx_we_out,
    output logic          ctx_we_in,
    output logic [IW-1:0] ctx_index,
    output sa_ctx_t       ctx_wdata
);

  localparam logic [1:0] CMD_INSTALL = 2'd0, CMD_REMOVE = 2'd1, CMD_READ = 2'd2;
  localparam int WORDS = (SA_REC_HDR_SUM_LSB + SA_REC_HDR_SUM_W + 31) / 32;

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
    I_FILL_GAP,
    I_STATE,
    I_LINK,
    H_INFO,
    H_CHECK,
    R_HASH,
    R_LOOK,
    R_WAIT,
    R_ERASE,
    FLUSH,
    Q_INFO,
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
    if (cfg_we && cfg_word < 6'(WORDS)) stage[cfg_word] <= cfg_wdata;
    if (rst || stage_erase) stage <= '0;
  end

  logic rec_in;
  sa_key_t rec_key;
  logic [63:0] rec_seq;
  assign rec_in  = rec[SA_REC_DIR_LSB+:SA_REC_DIR_W] == DIR_IN;
  assign rec_seq = rec[SA_REC_SEQ_LSB+:SA_REC_SEQ_W];
  assign rec_key = '{
          inbound: rec_in,
          ipv6: rec[SA_REC_FAMILY_LSB+:SA_REC_FAMILY_W] == IPV6,
          dst: rec[SA_REC_DST_LSB+:SA_REC_DST_W],
          spi: rec[SA_REC_SPI_LSB+:SA_REC_SPI_W]
      };

  // ---- what the command works on ----
  logic [1:0] cmd;
  logic [31:0] handle;
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

  // ---- info, generations, free indices ----
  logic info_we, info_re, gen_we;
  sa_info_t info, info_wdata;
  logic [14:0] gen_rd, gen_next;
  assign gen_next = gen_rd == '1 ? 15'd1 : gen_rd + 15'd1;

  sa_ram #(
      .WIDTH($bits(sa_info_t)),
      .DEPTH(2 * ENTRIES)
  ) u_info (
      .clk,
      .we(info_we),
      .waddr(state == SWEEP ? {count[IW], index} : {dir_in, index}),
      .wdata(info_wdata),
      .re(info_re),
      .raddr({dir_in, index}),
      .rdata(info)
  );
  sa_ram #(
      .WIDTH(15),
      .DEPTH(2 * ENTRIES)
  ) u_gen (
      .clk,
      .we(gen_we),
      .waddr(state == SWEEP ? {count[IW], index} : {dir_in, index}),
      .wdata(state == SWEEP ? 15'd0 : gen_next),
      .re(info_re),
      .raddr({dir_in, index}),
      .rdata(gen_rd)
  );

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
  assign bad_handle = !info.valid || gen_rd != handle[31:SA_GEN_SHIFT] || handle[15:0] != 16'(index);

  // READ with `cfg_next` from an index that this table does not have: whoever lists asks behind the last one.
  logic beyond;
  assign beyond = 17'(cfg_handle[15:0]) >> IW != 17'd0;

  assign cfg_cmd_ready = state == IDLE;
  assign ready = state != DRAIN && state != SWEEP;

  always_comb begin
    look_valid = state == I_HASH || state == K_HASH || state == R_HASH;
    look_key = state == K_HASH ? home[kick[2]][kick[1:0]].key : key;
    info_re = state == I_INDEX || state == H_INFO || state == Q_INFO;
    free_pop = state == I_POP;
    free_push = state == R_ERASE;
    stage_erase = state == DONE && (cmd == CMD_INSTALL || cmd == 2'd3);

    info_we = state == I_GEN || state == R_ERASE || state == SWEEP;
    gen_we = state == I_GEN || (state == SWEEP && first_sweep);
    info_wdata = '0;
    ctx_we_out = 1'b0;
    ctx_we_in = 1'b0;
    ctx_index = index;
    ctx_wdata = '0;
    if (state == I_GEN) begin
      info_wdata = '{
          valid: 1'b1,
          key: key,
          src: rec[SA_REC_SRC_LSB+:SA_REC_SRC_W],
          tunnel: rec[SA_REC_MODE_LSB+:SA_REC_MODE_W] == MODE_TUNNEL,
          key_len: rec[SA_REC_KEY_LEN_LSB+:2],
          icv_bytes: rec[SA_REC_ICV_LEN_LSB+:5],
          qid: rec[SA_REC_QUEUE_LSB+:16],
          window: rec[SA_REC_REPLAY_WINDOW_LSB+:13]
      };
      ctx_we_out = !dir_in;
      ctx_we_in = dir_in;
      ctx_wdata = '{
          key: rec[SA_REC_KEY_LSB+:SA_REC_KEY_W],
          key_len: rec[SA_REC_KEY_LEN_LSB+:2],
          h: rec[SA_REC_H_LSB+:SA_REC_H_W],
          salt: rec[SA_REC_SALT_LSB+:SA_REC_SALT_W],
          spi: rec[SA_REC_SPI_LSB+:SA_REC_SPI_W],
          tunnel: rec[SA_REC_MODE_LSB+:SA_REC_MODE_W] == MODE_TUNNEL,
          icv_bytes: rec[SA_REC_ICV_LEN_LSB+:5],
          qid: rec[SA_REC_QUEUE_LSB+:4],
          flags: rec[SA_REC_FLAGS_LSB+:SA_REC_FLAGS_W],
          hdr_bytes: rec[SA_REC_HDR_LEN_LSB+:6],
          hdr: rec[SA_REC_HDR_LSB+:SA_REC_HDR_W],
          hdr_sum: rec[SA_REC_HDR_SUM_LSB+:SA_REC_HDR_SUM_W]
      };
    end
    if (state == R_ERASE) begin
      ctx_we_out = !dir_in;
      ctx_we_in  = dir_in;
    end
    if (state == SWEEP) begin
      ctx_we_out = 1'b1;
      ctx_we_in  = 1'b1;
    end

    op_valid_out = 1'b0;
    op_valid_in = 1'b0;
    op = SA_GET;
    op_index = index;
    op_gen = gen;
    op_seq = rec_seq;
    op_window = rec[SA_REC_REPLAY_WINDOW_LSB+:13];
    case (state)
      SWEEP: begin
        op = SA_CLEAR;
        op_valid_out = 1'b1;
        op_valid_in = 1'b1;
      end
      I_FILL: begin
        op = SA_FILL;
        op_seq = fill_seq;
        op_valid_in = 1'b1;
      end
      I_STATE: begin
        op = SA_SET;
        op_valid_out = !dir_in;
        op_valid_in = dir_in;
      end
      R_ERASE: begin
        op = SA_CLEAR;
        op_valid_out = !dir_in;
        op_valid_in = dir_in;
      end
      Q_OP: begin
        op_valid_out = !dir_in;
        op_valid_in  = dir_in;
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
        cfg_rsp_state <= '0;
        count <= '0;
        kick <= '0;
        if (cfg_cmd == CMD_INSTALL) begin
          key <= rec_key;
          dir_in <= rec_in;
          state <= I_HASH;
        end else if (cfg_cmd == 2'd3) state <= DRAIN;
        else begin
          dir_in <= cfg_handle[SA_INBOUND_BIT];
          index <= cfg_handle[IW-1:0];
          state <= cfg_cmd == CMD_READ && cfg_next ? Q_INFO : H_INFO;
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
        count <= '0;
        state <= dir_in ? I_FILL : I_STATE;
      end
      I_FILL: begin
        fill_seq <= fill_seq - 64'd64;
        count <= count + 1'b1;
        state <= I_FILL_GAP;
      end
      I_FILL_GAP: state <= count[RING_LOG2] ? I_STATE : I_FILL;
      I_STATE: state <= I_LINK;
      I_LINK: state <= DONE;

      H_INFO: state <= H_CHECK;
      H_CHECK: begin
        gen <= gen_rd;
        key <= info.key;
        if (bad_handle) begin
          cfg_rsp_status <= MBX_E_HANDLE;
          state <= DONE;
        end else state <= cmd == CMD_REMOVE ? R_HASH : Q_OP;
      end
      R_HASH: state <= R_LOOK;
      R_LOOK: if (look_done) state <= R_WAIT;
      R_WAIT: begin
        count <= count + 1'b1;
        if (count[3]) state <= R_ERASE;
      end
      R_ERASE: state <= FLUSH;

      Q_INFO: state <= Q_CHECK;
      Q_CHECK: begin
        gen <= gen_rd;
        if (info.valid) state <= Q_OP;
        else if ({dir_in, index} == '1) begin
          cfg_rsp_status <= MBX_E_HANDLE;
          state <= DONE;
        end else begin
          {dir_in, index} <= {dir_in, index} + 1'b1;
          state <= Q_INFO;
        end
      end
      Q_OP: state <= Q_WAIT;
      Q_WAIT:
      if (st_valid) begin
        cfg_rsp_handle <= {gen, dir_in, 16'(index)};
        cfg_rsp_state[SA_STATE_SEQ_LSB+:64] <= st.seq;
        cfg_rsp_state[SA_STATE_PACKETS_LSB+:64] <= st.packets;
        cfg_rsp_state[SA_STATE_BYTES_LSB+:64] <= st.bytes;
        cfg_rsp_state[SA_STATE_REPLAYED_LSB+:64] <= st.replayed;
        cfg_rsp_state[SA_STATE_ICV_FAILED_LSB+:64] <= st.icv_failed;
        cfg_rsp_state[SA_STATE_SPI_LSB+:32] <= info.key.spi;
        cfg_rsp_state[SA_STATE_MODE_LSB+:8] <= info.tunnel ? MODE_TUNNEL : MODE_TRANSPORT;
        cfg_rsp_state[SA_STATE_FAMILY_LSB+:8] <= info.key.ipv6 ? IPV6 : IPV4;
        cfg_rsp_state[SA_STATE_KEY_LEN_LSB+:8] <= 8'(info.key_len);
        cfg_rsp_state[SA_STATE_ICV_LEN_LSB+:8] <= 8'(info.icv_bytes);
        cfg_rsp_state[SA_STATE_SRC_LSB+:128] <= info.src;
        cfg_rsp_state[SA_STATE_DST_LSB+:128] <= info.key.dst;
        cfg_rsp_state[SA_STATE_QUEUE_LSB+:16] <= info.qid;
        cfg_rsp_state[SA_STATE_REPLAY_WINDOW_LSB+:16] <= 16'(info.window);
        state <= DONE;
      end
      default: state <= IDLE;
    endcase
    if (rst) begin
      state <= DRAIN;
      count <= '0;
      first_sweep <= 1'b1;
      cfg_rsp_valid <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  // What is removed was found; a slot taken from the free list has no SA.
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == R_LOOK && look_done |-> match != '0);
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == I_GEN |-> !info.valid);
  assert property (@(posedge clk) disable iff (rst || !was_reset)
      free_push |-> free_count[dir_in] != (IW + 1)'(ENTRIES));
`endif

  wire unused = &{1'b0, rec, handle};

endmodule

`default_nettype wire
