// SPDX-License-Identifier: Apache-2.0
//
// Drain unit, one for the whole machine: runs the DRAIN program (golden/csb_rnn/machine/isa.py) and
// controls the drain side of every lane. A word issues (cycle T) once `gap` cycles after the word
// before are over, a mark of every PEGroup is there (wait_mark) and a register set is free
// (acquire).
//
// RS = ReduceStages, D = Deep. Cycle in which a control is valid (with D lanes act in the next):
//   T                acc_re_o, acc_addr_o, mark_take_o, issue_o
//   T + 1            evt_o: counted at its end, so a PEGroup sees it at T + 2
//   T + RS + D       bias_re_o, bias_addr_o
//   T + 2 + RS + 2D  cvt_valid_o, shift_o (sum + bias -> lane value), of each row
//   T + 3 + RS + 2D  act_o                (lane value -> activation), of each row
//   T + 6 + RS + 4D  reg_we_o, reg_o, post_o: the element unit can issue a reader in the next cycle
// With FastAct the last ones are a cycle sooner; with RegBypass post_o is a cycle before reg_we_o.
`default_nettype none
`include "csb_assert.svh"
module csb_drain #(
    parameter int Depth        = 512,               // program words
    parameter int AccDepth     = 256,               // accumulators of a bank
    parameter int BiasDepth    = 256,               // biases of a lane
    parameter int ReduceStages = 1,                 // latency of the sum across an engine row
    parameter int DrainRows    = 1,                 // rows that a word drains: 1 or 2
    parameter int FastAct      = 0,                 // 1: the activation takes a cycle less
    parameter int RegBypass    = 0,                 // 1: a register can be read while it is written
    parameter int Parity       = 0,                 // 1: words of the program are checked
    parameter int Deep         = 0,                 // 1: registers in the long paths
    parameter int Aw           = $clog2(Depth),     // derived, do not override
    parameter int AccAw        = $clog2(AccDepth),  // derived, do not override
    parameter int BiasAw       = $clog2(BiasDepth)  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic start_i,  // pulse: run from word 0
    input wire logic stop_i,  // level: back to idle
    input wire logic [5:0] credits_i,  // register sets free at the start
    // program load
    input wire logic we_i,
    input wire logic [csb_pkg::PartIw-1:0] part_i,
    input wire logic [Aw-1:0] waddr_i,
    input wire logic [csb_pkg::PartW-1:0] wdata_i,
    // tokens
    input wire logic mark_ready_i,
    output logic mark_take_o,
    input wire logic release_i,  // pulse: a register set is free
    output logic post_o,  // pulse: registers are written
    output logic evt_o,  // pulse: accumulators are read
    output logic [csb_pkg::DrainEvtW-1:0] evt_id_o,
    // accumulators
    output logic acc_re_o,
    output logic [AccAw-1:0] acc_addr_o,
    // lanes
    output logic bias_re_o,
    output logic [BiasAw-1:0] bias_addr_o,
    output logic cvt_valid_o,
    output logic [DrainRows*csb_pkg::DrainShiftW-1:0] shift_o,
    output logic [DrainRows*csb_pkg::DrainActW-1:0] act_o,
    output logic reg_we_o,
    output logic [csb_pkg::DrainDstW-1:0] reg_o,
    // performance counters
    output logic issue_o,
    output logic stall_mark_o,  // waits for a mark
    output logic stall_reg_o,  // waits for a register set
    output logic bad_o  // a word of the program has a flipped bit (csb_parity)
);
  import csb_pkg::*;

  localparam bit [AccAw-1:0] AccHalf = AccAw'(1 << ($clog2(AccDepth + 1) - 2));  // of two halves

  logic valid, wrap, next_load;
  logic [DrainWidth-1:0] word, next_word;
  logic [Aw-1:0] next_pc;
  csb_seq #(
      .Width (DrainWidth),
      .Depth (Depth),
      .Parity(Parity)
  ) u_seq (
      .clk_i,
      .rst_ni,
      .we_i,
      .part_i,
      .waddr_i,
      .wdata_i,
      .start_i,
      .stop_i,
      .hold_i      (1'b0),
      .loop_start_i(Aw'(0)),
      .valid_o     (valid),
      .word_o      (word),
      .next_load_o (next_load),
      .next_word_o (next_word),
      .next_pc_o   (next_pc),
      .issue_i     (issue_o),
      .restart_i   (1'b0),
      .wrap_o      (wrap),
      .bad_o
  );

  // --- conditions -----------------------------------------------------------------------
  logic has_reg, gap_over, mark_ok, reg_ok;

  csb_token #(
      .W(6)
  ) u_registers (
      .clk_i,
      .rst_ni,
      .load_i(start_i),
      .init_i(credits_i),
      .inc_i (release_i),
      .dec_i (issue_o && word[DrainAcquireLsb]),
      .has_o (has_reg)
  );

  csb_gap #(
      .W(DrainGapW)
  ) u_gap (
      .clk_i,
      .rst_ni,
      .start_i,
      .issue_i    (issue_o),
      .next_load_i(next_load),
      .next_gap_i (next_word[DrainGapLsb+:DrainGapW]),
      .gap_i      (word[DrainGapLsb+:DrainGapW]),
      .over_o     (gap_over)
  );

  assign mark_ok      = mark_ready_i || !word[DrainWaitMarkLsb];
  assign reg_ok       = has_reg || !word[DrainAcquireLsb];
  assign issue_o      = valid && gap_over && mark_ok && reg_ok;
  assign mark_take_o  = issue_o && word[DrainWaitMarkLsb];
  assign stall_mark_o = valid && gap_over && !mark_ok;
  assign stall_reg_o  = valid && gap_over && mark_ok && !reg_ok;

  logic parity_q;  // bit 0 of the iteration
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) parity_q <= 1'b0;
    else if (wrap) parity_q <= !parity_q;
  end

  // --- controls -------------------------------------------------------------------------
  assign acc_re_o = issue_o;
  assign acc_addr_o = word[DrainAccAddrLsb+:AccAw] ^
                      (word[DrainAccPpLsb] && parity_q ? AccHalf : '0);

  csb_delay #(
      .Width (DrainEvtW + 1),
      .Stages(1)
  ) u_evt (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o && word[DrainEvtEnLsb], word[DrainEvtLsb+:DrainEvtW]}),
      .data_o({evt_o, evt_id_o})
  );

  csb_delay #(
      .Width (BiasAw + 1),
      .Stages(Deep + ReduceStages)
  ) u_bias (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o, word[DrainBiasAddrLsb+:BiasAw]}),
      .data_o({bias_re_o, bias_addr_o})
  );

  logic [DrainRows*DrainShiftW-1:0] shift;
  logic [  DrainRows*DrainActW-1:0] act;
  assign shift[DrainShiftW-1:0] = word[DrainShiftLsb+:DrainShiftW];
  assign act[DrainActW-1:0]     = word[DrainActLsb+:DrainActW];
  if (DrainRows > 1) begin : gen_second
    assign shift[DrainShiftW+:DrainShiftW] = word[DrainShift1Lsb+:DrainShiftW];
    assign act[DrainActW+:DrainActW]       = word[DrainAct1Lsb+:DrainActW];
  end

  csb_delay #(
      .Width (DrainRows * DrainShiftW + 1),
      .Stages(2 + 2 * Deep + ReduceStages)
  ) u_shift (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o, shift}),
      .data_o({cvt_valid_o, shift_o})
  );

  csb_delay #(
      .Width (DrainRows * DrainActW),
      .Stages(3 + 3 * Deep + ReduceStages)
  ) u_act (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i(act),
      .data_o(act_o)
  );

  localparam int Written = 6 + 5 * Deep + ReduceStages - FastAct;
  csb_delay #(
      .Width (1),
      .Stages(Written - RegBypass)
  ) u_post (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i(issue_o && word[DrainPostLsb]),
      .data_o(post_o)
  );

  csb_delay #(
      .Width (DrainDstW + 1),
      .Stages(Written)
  ) u_reg (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o, word[DrainDstLsb+:DrainDstW]}),
      .data_o({reg_we_o, reg_o})
  );

  logic unused;
  assign unused = ^{word, next_word, next_pc};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(CreditsFit, !(start_i && &credits_i))
endmodule
`default_nettype wire
