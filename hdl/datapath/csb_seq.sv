// SPDX-License-Identifier: Apache-2.0
//
// Program sequencer: a program memory, one word an instruction, with one word shown after the
// other, for ever. The unit around it decides when a word issues (issue_i, a function of what it
// sees, only while valid_o) and the next word is there in the next cycle, also after the last one.
//
// start_i   pulse: word 0 is valid two cycles later, or, after hold_i, in the cycle after the first
//           one without. Also while running: the program starts over.
// stop_i    level: idle from the next cycle on.
// last      bit 0 of a word: the word after it is the one at loop_start_i. Its address is noted
//           when it is written, so no address has to wait for a word from the memory.
//
// The memory is read one word ahead into a register, so words come from flip-flops:
//   cycle    0      1      2      3      4
//   start_i  ##
//   valid_o                ####################
//   word_o                 w0     w1     w1     ...
//   issue_i                ##            ##
//
// With Parity every word has a parity bit, checked while the word is shown: bad_o (csb_parity)
// tells a word that is not as it was written, two cycles later.
//
// With ReadReg the memory's words pass a register more, as UltraRAM wants: two words are read
// ahead, and word 0 is valid a cycle later. From then on nothing differs.
`default_nettype none
`include "csb_assert.svh"
module csb_seq #(
    parameter int Width   = 32,            // bits of a word
    parameter int Depth   = 512,           // words
    parameter int Ultra   = 0,             // 1: the memory is an UltraRAM
    parameter int ReadReg = 0,             // 1: a register behind it
    parameter int Parity  = 0,             // 1: words are checked
    parameter int Aw      = $clog2(Depth)  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    // program load, while idle
    input wire logic we_i,
    input wire logic [csb_pkg::PartIw-1:0] part_i,
    input wire logic [Aw-1:0] waddr_i,
    input wire logic [csb_pkg::PartW-1:0] wdata_i,
    // control
    input wire logic start_i,
    input wire logic stop_i,
    input wire logic hold_i,  // the first word does not come out yet
    input wire logic [Aw-1:0] loop_start_i,
    // words
    output logic valid_o,
    output logic [Width-1:0] word_o,
    output logic next_load_o,  // next_word_o is word_o in the next cycle
    output logic [Width-1:0] next_word_o,
    output logic [Aw-1:0] next_pc_o,  // its address
    input wire logic issue_i,  // word_o is consumed in this cycle
    input wire logic restart_i,  // with issue_i: starts over from word 0, as start_i does
    output logic wrap_o,  // pulse: ... and it is the last one
    output logic bad_o  // a word that was shown has a flipped bit
);
  typedef enum logic [1:0] {
    StIdle,  // no program runs
    StFill,  // word 0 comes out of the memory
    StRun    // word_o is valid, the word after it comes out of the memory
  } state_e;
  state_e state_d, state_q;

  logic advance;  // the memory's word moves to word_o and the next one is read
  logic behind;  // with ReadReg: word 0 comes out of the memory, not yet out of the register
  logic shift;  // the memory's word moves on and the next one is read
  logic [Width-1:0] rdata, next;
  logic parity, next_parity;  // of rdata, of next
  logic [Aw-1:0] next_pc, raddr, rpc_q;  // rpc_q: address of rdata
  logic at_last_q;  // it is last_q
  logic [Aw-1:0] last_q;  // address of the last program end written

  always_comb begin
    state_d = state_q;
    advance = 1'b0;
    unique case (state_q)
      StIdle:  ;
      StFill: begin
        advance = !hold_i && !behind;
        if (!hold_i && !behind) state_d = StRun;
      end
      StRun:   advance = issue_i;
      default: state_d = StIdle;
    endcase
    if (start_i || (restart_i && issue_i)) state_d = StFill;
    if (stop_i) state_d = StIdle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    if (we_i && part_i == '0 && wdata_i[0]) last_q <= waddr_i;
  end
  assign next_pc = at_last_q ? loop_start_i : rpc_q + 1'b1;
  assign raddr = start_i || (valid_o && restart_i) ? '0 : next_pc;  // issue_i is too late to choose

  csb_load_ram #(
      .Width (Width),
      .Depth (Depth),
      .Ultra (Ultra),
      .Parity(Parity)
  ) u_program (
      .clk_i,
      .we_i,
      .part_i,
      .waddr_i,
      .wdata_i,
      .re_i   (rst_ni && (start_i || shift)),  // no stray address before the first reset
      .raddr_i(raddr),
      .rdata_o(rdata),
      .parity_o(parity)
  );

  always_ff @(posedge clk_i) begin
    if (start_i || shift) begin
      rpc_q     <= raddr;
      at_last_q <= raddr == last_q;
    end
    if (advance) word_o <= next;
  end

  logic next_last;  // next is the last word
  if (ReadReg != 0) begin : gen_read_register
    logic behind_q, next_last_q, next_parity_q;
    logic [Width-1:0] next_q;
    logic [Aw-1:0] next_pc_q;
    always_ff @(posedge clk_i) begin
      behind_q <= rst_ni && !stop_i && (start_i || (restart_i && issue_i));
      if (shift) begin
        {next_q, next_pc_q, next_last_q} <= {rdata, rpc_q, at_last_q};
        next_parity_q <= parity;
      end
    end
    assign behind      = behind_q;
    assign next        = next_q;
    assign next_pc_o   = next_pc_q;
    assign next_last   = next_last_q;
    assign next_parity = next_parity_q;
  end else begin : gen_no_register
    assign behind      = 1'b0;
    assign next        = rdata;
    assign next_pc_o   = rpc_q;
    assign next_last   = at_last_q;
    assign next_parity = parity;
  end
  assign shift       = advance || behind;

  assign valid_o     = state_q == StRun;
  assign wrap_o      = issue_i && word_o[0];
  assign next_load_o = advance;
  assign next_word_o = next;

  // --- parity -----------------------------------------------------------------------------
  if (Parity != 0) begin : gen_parity
    logic parity_q;  // of word_o
    always_ff @(posedge clk_i) if (advance) parity_q <= next_parity;
    csb_parity #(
        .Width(Width + 1)
    ) u_parity (
        .clk_i,
        .rst_ni,
        .valid_i(valid_o),
        .word_i ({parity_q, word_o}),
        .bad_o
    );
  end else begin : gen_no_parity
    assign bad_o = 1'b0;
    logic unused;
    assign unused = next_parity;
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(IssuesOnlyValid, !issue_i || valid_o)
  `CSB_PROGRAM(LastIsNoted, !next_load_o || next_word_o[0] == next_last)
  `CSB_ASSERT(LoadsOnlyIdle, !we_i || state_q == StIdle)
endmodule
`default_nettype wire
