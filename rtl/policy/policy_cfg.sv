// SPDX-License-Identifier: BSD-2-Clause
//
// Management side of the policy table: staging of struct vesper_policy, the masks, and the commands.
//
//   INSTALL  mask, duplicate check, place (with one displacement if both rows are full), index from the free list,
//            generation, entry, mask into the list; the hash slot last, so that nothing half-made is found.
//   REMOVE   the hash slot first, then the mask out of the list if nothing uses it any more; the index is free when no
//            lookup can still be under way to its entry.
//   READ     of the handle, or with `cfg_next` of the first installed policy at or above its index; the answer
//            overwrites the staging.
//   WIPE     of everything but the generations, as after reset; no packet is accepted meanwhile.
//
// Each takes single cycles from the traffic, never two in a row.

`default_nettype none

module policy_cfg
  import vesper_abi_pkg::*;
  import policy_pkg::*;
#(
    parameter int ENTRIES = 4096,
    parameter int MASKS = 16,
    parameter int IW = $clog2(ENTRIES),
    parameter int ROW_W = $clog2(ENTRIES) - 2
) (
    input  wire  clk,
    input  wire  rst,
    output logic ready,  // swept; packets may enter

    input  logic        cfg_we,
    input  logic [ 3:0] cfg_word,
    input  logic [31:0] cfg_wdata,
    input  logic        cfg_cmd_valid,
    output logic        cfg_cmd_ready,
    input  logic [ 1:0] cfg_cmd,
    input  logic        cfg_next,
    input  logic [31:0] cfg_handle,
    output logic        cfg_rsp_valid,
    output logic [ 7:0] cfg_rsp_status,
    output logic [31:0] cfg_rsp_handle,
    input  logic [ 3:0] cfg_rd_word,
    output logic [31:0] cfg_rd_data,

    output policy_mask_t [MASKS-1:0] masks,
    output logic [MASKS-1:0][$clog2(MASKS)-1:0] order,
    output logic [$clog2(MASKS):0] order_count,

    input  logic                            busy,
    output logic                            m_valid,
    input  logic                            m_ready,
    output policy_kind_e                    m_kind,
    output policy_flow_t                    m_flow,
    output logic               [       5:0] m_mask,
    output logic               [ ROW_W-1:0] m_row,
    output logic               [23:0] m_print,
    output logic               [    IW-1:0] m_index,
    input  logic                            m_done,
    input  logic                            m_slots_valid,
    input  logic          [1:0][ROW_W-1:0]  m_slots_row,
    input  policy_row_t   [1:0]             m_slots,
    input  logic               [23:0] m_slots_print,
    input  logic                            m_match,
    input  logic               [      31:0] m_match_prio,
    input  logic                            m_entry_valid,
    input  policy_entry_t                   m_entry,

    output logic          [1:0]       row_we,
    output logic          [ROW_W-1:0] row_waddr,
    output policy_row_t               row_wdata,
    output logic                      ent_we,
    output logic          [IW-1:0]    ent_waddr,
    output policy_entry_t             ent_wdata
);

  localparam logic [1:0] CMD_INSTALL = 2'd0, CMD_REMOVE = 2'd1, CMD_READ = 2'd2;
  localparam int WORDS = POLICY_BYTES / 4;
  localparam int MW = $clog2(MASKS);

  typedef enum logic [4:0] {
    DRAIN,
    DRAINED,
    SWEEP,
    IDLE,
    DONE,
    I_MASK,
    I_LOOK,
    I_LOOKED,
    I_PLACE,
    I_MOVE,
    I_MOVED,
    I_POP,
    I_INDEX,
    I_READ,
    I_GEN,
    I_LIST,
    I_LISTED,
    I_LINK,
    H_READ,
    H_CHECK,
    E_ENTRY,
    E_WAIT,
    R_LOOK,
    R_WAIT,
    R_LIST,
    R_LISTED,
    Q_ANSWER
  } state_e;
  state_e state;

  // ---- staging; also READ's answer ----
  logic [WORDS-1:0][31:0] stage;
  logic [8*POLICY_BYTES-1:0] rec, answer;
  assign rec = stage;
  always_ff @(posedge clk) begin
    if (cfg_we) stage[cfg_word] <= cfg_wdata;
    if (state == Q_ANSWER) stage <= answer;
    cfg_rd_data <= stage[cfg_rd_word];
  end

  policy_mask_t rec_mask;
  policy_key_t  rec_key;
  assign rec_mask = '{
          ipv6: rec[POLICY_FAMILY_LSB+:8] == IPV6,
          src_len: rec[POLICY_SRC_LEN_LSB+:8],
          dst_len: rec[POLICY_DST_LEN_LSB+:8],
          proto: rec[POLICY_PROTO_LSB+:8] != 8'd0,
          sport: rec[POLICY_SPORT_MASK_LSB+:16],
          dport: rec[POLICY_DPORT_MASK_LSB+:16]
      };
  always_comb begin
    rec_key = '0;
    if (state == I_MASK)
      rec_key = '{
          src: policy_swap(rec[POLICY_SRC_LSB+:128]),
          dst: policy_swap(rec[POLICY_DST_LSB+:128]),
          proto: rec[POLICY_PROTO_LSB+:8],
          sport: rec[POLICY_SPORT_LSB+:16],
          dport: rec[POLICY_DPORT_LSB+:16]
      };
  end

  // ---- what the command works on ----
  logic [1:0] cmd;
  logic next, next_all;
  logic [31:0] handle;
  policy_entry_t work;
  logic [IW-1:0] index;
  logic [47:0] serial;  // of the next install
  logic [1:0][ROW_W-1:0] home_row;
  policy_row_t [1:0] home;
  logic place_table;
  logic [1:0] place_way;
  logic [2:0] move;  // {table, way} of the slot that might move
  logic [1:0] same;  // policies with this key
  logic same_prio;

  // ---- masks: those with a policy stand in `order`, without gaps ----
  logic [MASKS-1:0][IW:0] users;
  logic [MW-1:0] scan;
  logic mask_known, mask_room;
  logic [MW-1:0] mask;
  assign mask = work.mask[MW-1:0];

  always_ff @(posedge clk) begin
    if (state == I_LOOK && !mask_known && mask_room) masks[mask] <= rec_mask;
    if (state == I_LIST && m_ready) begin
      order[order_count[MW-1:0]] <= mask;
      order_count <= order_count + 1'b1;
    end
    if (state == R_LIST && m_ready && users[mask] == '0) begin
      for (int i = 0; i < MASKS; i++) if (order[i] == mask) order[i] <= order[MW'(order_count-1'b1)];
      order_count <= order_count - 1'b1;
    end
    if (state == I_LINK) users[mask] <= users[mask] + 1'b1;
    if (row_we != '0 && state == R_WAIT) users[mask] <= users[mask] - 1'b1;
    if (rst || state == SWEEP) begin
      order_count <= '0;
      users <= '0;
    end
  end

  // ---- generations, which indices are taken, free indices ----
  logic info_re, gen_we, taken_we, taken, first_sweep;
  logic [15:0] gen, gen_next;
  assign gen_next = gen == '1 ? 16'd1 : gen + 16'd1;
  sa_ram #(
      .WIDTH(16),
      .DEPTH(ENTRIES)
  ) u_gen (
      .clk,
      .we(gen_we),
      .waddr(index),
      .wdata(state == SWEEP ? 16'd0 : gen_next),
      .re(info_re),
      .raddr(index),
      .rdata(gen)
  );
  sa_ram #(
      .WIDTH(1),
      .DEPTH(ENTRIES)
  ) u_taken (
      .clk,
      .we(taken_we),
      .waddr(index),
      .wdata(state == I_GEN),
      .re(info_re),
      .raddr(index),
      .rdata(taken)
  );

  // A queue, so that an index rests as long as possible before it is used again.
  logic free_push, free_pop;
  logic [IW-1:0] free_index, free_head, free_tail;
  logic [IW:0] free_count;
  sa_ram #(
      .WIDTH(IW),
      .DEPTH(ENTRIES)
  ) u_free (
      .clk,
      .we(free_push || state == SWEEP),
      .waddr(state == SWEEP ? index : free_tail),
      .wdata(index),
      .re(free_pop),
      .raddr(free_head),
      .rdata(free_index)
  );
  always_ff @(posedge clk) begin
    if (free_pop) begin
      free_head  <= free_head + 1'b1;
      free_count <= free_count - 1'b1;
    end
    if (free_push) begin
      free_tail  <= free_tail + 1'b1;
      free_count <= free_count + 1'b1;
    end
    if (rst || state == SWEEP) begin
      free_head  <= '0;
      free_tail  <= '0;
      free_count <= (IW + 1)'(ENTRIES);
    end
  end

  // ---- decisions on the rows that the search returned ----
  logic [1:0] full;
  logic [1:0][1:0] first_free;
  logic [1:0][2:0] fill;
  always_comb begin
    full = '0;
    first_free = '0;
    fill = '0;
    if (m_slots_valid)
      for (int t = 0; t < 2; t++) begin
        for (int w = WAYS - 1; w >= 0; w--) begin
          if (m_slots[t][w].valid) fill[t] = fill[t] + 1'b1;
          else first_free[t] = 2'(w);
        end
        full[t] = fill[t] == 3'(WAYS);
      end
  end

  logic choice, move_to;
  policy_slot_t mover;
  assign choice = full[0] || (!full[1] && fill[1] < fill[0]);
  assign move_to = !move[2];
  assign mover = home[move[2]][move[1:0]];

  // ---- into the search ----
  always_comb begin
    m_valid = 1'b1;
    m_kind  = FENCE;
    case (state)
      I_LOOK: begin
        m_kind  = LOOK;
        m_valid = mask_known || mask_room;
      end
      R_LOOK: m_kind = LOOK;
      I_MOVE: m_kind = ROWS;
      E_ENTRY: m_kind = ENTRY;
      I_LIST, R_LIST: m_kind = FENCE;
      DRAIN: m_valid = !busy;
      default: m_valid = 1'b0;
    endcase
  end
  assign m_mask = work.mask;
  assign m_flow = '{ipv6: masks[mask].ipv6, ports: 1'b1, key: work.key};
  assign m_row = move[2] ? home_row[1] ^ mover.print[ROW_W-1:0] : home_row[0];
  assign m_print = mover.print;
  assign m_index = index;

  // ---- into the memories ----
  logic [23:0] print;
  always_comb begin
    info_re = state == I_READ || state == H_READ;
    free_pop = state == I_POP;
    free_push = state == R_LISTED && m_done;
    gen_we = state == I_GEN || (state == SWEEP && first_sweep);
    taken_we = state == I_GEN || free_push || state == SWEEP;

    ent_we = state == I_GEN;
    ent_waddr = index;
    ent_wdata = '0;
    if (state == I_GEN)
      ent_wdata = '{
          mask: work.mask,
          key: work.key,
          verdict: '{
              rank: '{prio: rec[POLICY_PRIORITY_LSB+:32], serial: serial},
              action: rec[POLICY_ACTION_LSB+:2],
              sa: rec[POLICY_SA_LSB+:32]
          }
      };

    row_we = 2'b00;
    row_waddr = home_row[place_table];
    row_wdata = '0;
    case (state)
      SWEEP: begin
        row_we = 2'b11;
        row_waddr = index[ROW_W-1:0];
      end
      I_MOVED:
      if (m_slots_valid && !full[move_to]) begin
        row_we[move_to] = 1'b1;
        row_waddr = m_slots_row[move_to];
        row_wdata = m_slots[move_to];
        row_wdata[first_free[move_to]] = mover;
      end
      I_LINK: begin
        row_we[place_table] = 1'b1;
        row_wdata = home[place_table];
        row_wdata[place_way] = '{valid: 1'b1, print: print, index: 16'(index)};
      end
      R_WAIT:
      if (m_slots_valid) begin
        for (int t = 0; t < 2; t++) begin
          for (int w = 0; w < WAYS; w++) begin
            if (m_slots[t][w].valid && m_slots[t][w].index == 16'(index)) begin
              row_we[t] = 1'b1;
              row_waddr = m_slots_row[t];
              row_wdata = m_slots[t];
              row_wdata[w] = '0;
            end
          end
        end
      end
      default: ;
    endcase
  end

  always_comb begin
    answer = '0;
    if (state == Q_ANSWER) begin
      answer[POLICY_SRC_LSB+:128] = policy_swap(work.key.src);
      answer[POLICY_DST_LSB+:128] = policy_swap(work.key.dst);
      answer[POLICY_SRC_LEN_LSB+:8] = masks[mask].src_len;
      answer[POLICY_DST_LEN_LSB+:8] = masks[mask].dst_len;
      answer[POLICY_FAMILY_LSB+:8] = masks[mask].ipv6 ? IPV6 : IPV4;
      answer[POLICY_PROTO_LSB+:8] = work.key.proto;
      answer[POLICY_SPORT_LSB+:16] = work.key.sport;
      answer[POLICY_DPORT_LSB+:16] = work.key.dport;
      answer[POLICY_SPORT_MASK_LSB+:16] = masks[mask].sport;
      answer[POLICY_DPORT_MASK_LSB+:16] = masks[mask].dport;
      answer[POLICY_ACTION_LSB+:8] = 8'(work.verdict.action);
      answer[POLICY_PRIORITY_LSB+:32] = work.verdict.rank.prio;
      answer[POLICY_SA_LSB+:32] = work.verdict.sa;
    end
  end

  // ---- the commands ----
  assign cfg_cmd_ready = state == IDLE;
  assign ready = state != DRAIN && state != DRAINED && state != SWEEP;

  logic beyond;  // an index that this table does not have
  assign beyond = 17'(cfg_handle[15:0]) >> IW != 17'd0;

  always_ff @(posedge clk) begin
    cfg_rsp_valid <= state == DONE;
    if (m_entry_valid) work <= m_entry;
    if (m_match) begin
      if (same != '1) same <= same + 1'b1;
      if (m_match_prio == rec[POLICY_PRIORITY_LSB+:32]) same_prio <= 1'b1;
    end
    if (m_slots_valid && (state == I_LOOKED || state == R_WAIT)) begin
      home_row <= m_slots_row;
      home <= m_slots;
      print <= m_slots_print;
      place_table <= choice;
      place_way <= first_free[choice];
      next_all <= full == 2'b11;
    end

    case (state)
      DRAIN: if (m_ready) state <= DRAINED;
      DRAINED:
      if (m_done) begin
        index <= '0;
        state <= SWEEP;
      end
      SWEEP: begin
        index <= index + 1'b1;
        if (&index) begin
          first_sweep <= 1'b0;
          state <= first_sweep ? IDLE : DONE;
        end
      end
      IDLE: begin
        scan <= '0;
        mask_known <= 1'b0;
        mask_room <= 1'b0;
        same <= '0;
        same_prio <= 1'b0;
        move <= '0;
        if (cfg_cmd_valid) begin
          cmd <= cfg_cmd;
          next <= cfg_next && cfg_cmd == CMD_READ;
          handle <= cfg_handle;
          cfg_rsp_handle <= cfg_handle;
          cfg_rsp_status <= MBX_OK;
          index <= cfg_handle[IW-1:0];
          if (cfg_cmd == CMD_INSTALL) state <= I_MASK;
          else if (cfg_cmd != CMD_REMOVE && cfg_cmd != CMD_READ) state <= DRAIN;
          else if (beyond) begin
            cfg_rsp_status <= MBX_E_POLICY_HANDLE;
            state <= DONE;
          end else state <= H_READ;
        end
      end
      DONE: state <= IDLE;

      I_MASK: begin
        work.key <= rec_key;
        scan <= scan + 1'b1;
        if (users[scan] != '0 && masks[scan] == rec_mask) begin
          mask_known <= 1'b1;
          work.mask  <= 6'(scan);
        end else if (users[scan] == '0 && !mask_room) begin
          mask_room <= 1'b1;
          if (!mask_known) work.mask <= 6'(scan);
        end
        if (scan == '1) state <= I_LOOK;
      end
      I_LOOK:
      if (!mask_known && !mask_room) begin
        cfg_rsp_status <= free_count == '0 ? MBX_E_POLICY_FULL : MBX_E_POLICY_MASKS;
        state <= DONE;
      end else if (m_ready) state <= I_LOOKED;
      I_LOOKED: if (m_done) state <= I_PLACE;
      I_PLACE:
      // A selector may stand here twice, so that a policy can be replaced without a gap.
      if (same_prio || same >= 2'd2) begin
        cfg_rsp_status <= MBX_E_POLICY_DUPLICATE;
        state <= DONE;
      end else if (free_count == '0) begin
        cfg_rsp_status <= MBX_E_POLICY_FULL;
        state <= DONE;
      end else state <= next_all ? I_MOVE : I_POP;
      I_MOVE: if (m_ready) state <= I_MOVED;
      I_MOVED: begin
        if (m_slots_valid) begin
          place_table <= move[2];
          place_way <= move[1:0];
          next_all <= full[move_to];
        end
        if (m_done) begin
          move <= move + 1'b1;
          if (!next_all) state <= I_POP;
          else if (move == '1) begin
            cfg_rsp_status <= MBX_E_POLICY_FULL;
            state <= DONE;
          end else state <= I_MOVE;
        end
      end
      I_POP: state <= I_INDEX;
      I_INDEX: begin
        index <= free_index;
        state <= I_READ;
      end
      I_READ: state <= I_GEN;
      I_GEN: begin
        cfg_rsp_handle <= {gen_next, 16'(index)};
        serial <= serial + 1'b1;
        state <= users[mask] == '0 ? I_LIST : I_LINK;
      end
      I_LIST: if (m_ready) state <= I_LISTED;
      I_LISTED: if (m_done) state <= I_LINK;
      I_LINK: state <= DONE;

      H_READ: state <= H_CHECK;
      H_CHECK:
      if (taken && (next || gen == handle[31:16])) begin
        cfg_rsp_handle <= {gen, 16'(index)};
        state <= E_ENTRY;
      end else if (next && !(&index)) begin
        index <= index + 1'b1;
        state <= H_READ;
      end else begin
        cfg_rsp_status <= MBX_E_POLICY_HANDLE;
        state <= DONE;
      end
      E_ENTRY: if (m_ready) state <= E_WAIT;
      E_WAIT: if (m_done) state <= cmd == CMD_REMOVE ? R_LOOK : Q_ANSWER;
      R_LOOK: if (m_ready) state <= R_WAIT;
      R_WAIT: if (m_done) state <= R_LIST;
      R_LIST: if (m_ready) state <= R_LISTED;
      R_LISTED: if (m_done) state <= DONE;
      Q_ANSWER: state <= DONE;
      default: state <= IDLE;
    endcase

    if (rst) begin
      state <= SWEEP;
      index <= '0;
      serial <= '0;
      first_sweep <= 1'b1;
      cfg_rsp_valid <= 1'b0;
    end
  end

`ifndef SYNTHESIS
  // Before its first reset a simulation may find anything in the registers.
  logic was_reset;
  initial was_reset = 1'b0;
  always_ff @(posedge clk) if (rst) was_reset <= 1'b1;
  // What is removed was found, once; an index from the free list is not taken.
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == R_WAIT && m_slots_valid |-> $onehot(
      row_we
  ) && users[mask] != '0);
  assert property (@(posedge clk) disable iff (rst || !was_reset) state == I_GEN |-> !taken);
  assert property (@(posedge clk) disable iff (rst || !was_reset) free_push |-> free_count != (IW + 1)'(ENTRIES));
  // Nothing of an earlier command is under way.
  assert property (@(posedge clk) disable iff (rst || !was_reset)
      m_done |-> state inside {I_LOOKED, I_MOVED, I_LISTED, E_WAIT, R_WAIT, R_LISTED, DRAINED});
  // The list holds as many masks as are used.
  always_ff @(posedge clk)
    if (was_reset && !rst && state == IDLE && cfg_cmd_valid) begin
      automatic int used = 0;
      for (int i = 0; i < MASKS; i++) if (users[i] != '0) used++;
      assert (used == 32'(order_count))
      else $error("policy_cfg: %0d masks in use, %0d in the list", used, order_count);
    end
`endif

  wire unused = &{1'b0, rec, handle, work, mover};

endmodule

`default_nettype wire
