// SPDX-License-Identifier: BSD-2-Clause
//
// Copies from the request window into the staging of the SA table or the policy table, a word a cycle, so that
// no key passes through the CPU. What it copies into the place of an SA's key goes into the AES-GCM job as well, and
// the tag of that job, H, comes back into the place behind the SA.
//
// While it copies it notes which words are not zero: that is most of what the firmware wants to know of an SA.
// `erase` ends whatever is under way and overwrites the SA table's staging with zeros. The CPU's own reads of the
// window go first.

`default_nettype none

module mgmt_copier
  import vesper_abi_pkg::*;
(
    input  wire          clk,
    input  wire          rst,
    output logic         busy,
    // commands, pulses; `start` only while not busy
    input  wire          start,
    input  wire  [  8:0] from,      // word of the window
    input  wire  [  6:0] words,     // 1..64
    input  wire          policy,    // to the policy table
    input  wire          erase,
    output logic [ 63:0] nonzero,   // of the words of the last copy
    // request window
    output logic         rd,
    input  wire          rd_ready,  // the CPU does not read now
    output logic [  8:0] rd_addr,
    input  wire  [ 31:0] rd_data,   // in the next cycle
    // H, held until taken
    input  wire          h_valid,
    input  wire  [127:0] h,
    output logic         h_taken,   // pulse
    // AES-GCM job
    output logic         key_we,
    output logic [  2:0] key_word,
    // staging
    output logic         sa_we,
    output logic         pol_we,
    output logic [  6:0] word,
    output logic [ 31:0] wdata      // also of the key
);

  localparam int SaWords = SA_REC_BYTES / 4;
  localparam int HWord = SA_REC_H_LSB / 32;
  localparam int KeyWord = SA_REC_KEY_LSB / 32;

  if (SaWords > 128 || HWord > 64 || SA_REC_H_LSB % 32 != 0 || SA_REC_KEY_LSB % 32 != 0) begin : g_bad_record
    $error("mgmt_copier: an SA record of %0d words with H at word %0d", SaWords, HWord);
  end

  typedef enum logic [1:0] {
    IDLE,
    COPY,
    WRITE_H,
    ERASE
  } state_t;

  state_t state;
  logic [6:0] at;  // next word
  logic [6:0] left;  // words to be read
  logic to_policy;
  logic got;  // rd_data is word got_at
  logic [6:0] got_at;

  wire key = got && !to_policy && got_at >= 7'(KeyWord) && got_at < 7'(KeyWord + 8);

  assign busy     = state != IDLE || got;
  assign rd       = state == COPY && rd_ready;
  assign h_taken  = state == WRITE_H && at == 7'(SaWords - 1) && !erase;
  assign key_we   = key;
  assign key_word = 3'(got_at - 7'(KeyWord));
  assign sa_we    = (got && !to_policy) || state == WRITE_H || state == ERASE;
  assign pol_we   = got && to_policy;
  assign word     = got ? got_at : at;

  always_comb begin
    wdata = '0;
    if (got) wdata = rd_data;
    else if (state == WRITE_H) wdata = h[32*(at-7'(HWord))+:32];
  end

  always_ff @(posedge clk) begin
    got    <= rd;
    got_at <= at;
    if (got && rd_data != 0) nonzero[got_at[5:0]] <= 1'b1;
    unique case (state)
      IDLE: begin
        if (start) begin
          state     <= COPY;
          at        <= '0;
          left      <= words;
          rd_addr   <= from;
          to_policy <= policy;
          nonzero   <= '0;
        end else if (h_valid && !got) begin
          state <= WRITE_H;
          at    <= 7'(HWord);
        end
      end
      COPY:
      if (rd_ready) begin
        at      <= at + 7'd1;
        rd_addr <= rd_addr + 9'd1;
        left    <= left - 7'd1;
        if (left == 7'd1) state <= IDLE;
      end
      default: begin
        at <= at + 7'd1;
        if (at == 7'(SaWords - 1)) state <= IDLE;
      end
    endcase
    if (erase) begin
      state   <= ERASE;
      at      <= '0;
      got     <= 1'b0;
      nonzero <= '0;
    end
    if (rst) begin
      state     <= IDLE;
      at        <= '0;
      left      <= '0;
      rd_addr   <= '0;
      to_policy <= 1'b0;
      got       <= 1'b0;
      got_at    <= '0;
      nonzero   <= '0;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk)
    if (!rst) begin
      assert (!start || !busy)
      else $error("mgmt_copier: a copy is started while another is under way");
      assert (!start || (words >= 7'd1 && words <= 7'd64))
      else $error("mgmt_copier: a copy of %0d words", words);
    end
`endif

endmodule

`default_nettype wire
