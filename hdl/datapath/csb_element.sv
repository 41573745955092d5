// SPDX-License-Identifier: Apache-2.0
//
// Element unit, one for the whole machine: runs the ELEM program (golden/csb_rnn/machine/isa.py)
// and controls the element side of every lane and the writer. A word issues (cycle T) once `gap`
// cycles after the word before are over, the drain unit has posted (pend) and an output buffer is
// free (out_acquire; two are at the start).
//
// Words before loop_start_i are the prologue: they run once for every stream, as frame -1, and
// load the neuron buffers with initial values. Then the others run for ever; iteration n is stream
// n mod S of frame n div S. init_done_o rises when all writes of the prologue can be read.
//
// Addresses: state + stream * state_stride_i. Neurons: top bit ^= frame parity (neu_pp), the
// stream's bits, reversed, are xored below it. Output: half of the buffer by iteration parity.
//
// Cycle of each control, D = Deep (with D lanes act on theirs in the next):
//   T           rd_*, st_raddr_o, release_o, issue_o
//   T + 1 + D   opnd_valid_o, st_zero/fine_rd_o, sel_o (with D in T, as rd_*)
//   T + 2 + 2D  sum_valid_o, sub_o
//   T + 3 + 3D  st_*wr/we/waddr_o, act_o        T + 3 + 4D  wr_* (with D v is late by one more)
//   T + 6 + 5D  reg_we_o, reg_o, with FastAct a cycle sooner
`default_nettype none
`include "csb_assert.svh"
module csb_element #(
    parameter int Depth       = 512,                  // program words
    parameter int StateDepth  = 256,                  // states of a lane
    parameter int NeuronDepth = 512,                  // neurons of an engine column
    parameter int OutDepth    = 256,                  // words of each half of the output buffer
    parameter int FastAct     = 0,                    // 1: the activation takes a cycle less
    parameter int Parity      = 0,                    // 1: words of the program are checked
    parameter int Deep        = 0,                    // 1: registers in the long paths
    parameter int SubSlots    = 4,                    // cycles of the writer for a slot
    parameter int Aw          = $clog2(Depth),        // derived, do not override
    parameter int StateAw     = $clog2(StateDepth),   // derived, do not override
    parameter int NeuronAw    = $clog2(NeuronDepth),  // derived, do not override
    parameter int OutAw       = $clog2(OutDepth) + 1  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic start_i,  // pulse: run from word 0
    input wire logic stop_i,  // level: back to idle
    input wire logic [3:0] streams_i,  // S, 1 to 8
    input wire logic [Aw-1:0] loop_start_i,
    input wire logic [StateAw-1:0] state_stride_i,  // states of one stream
    input wire logic fresh_i,  // run from a zero state
    output logic init_done_o,
    // program load
    input wire logic we_i,
    input wire logic [csb_pkg::PartIw-1:0] part_i,
    input wire logic [Aw-1:0] waddr_i,
    input wire logic [csb_pkg::PartW-1:0] wdata_i,
    // tokens
    input wire logic post_i,  // pulse: registers are written
    input wire logic out_release_i,  // pulse: an output half is free
    output logic release_o,  // pulse: a register set is free
    // lanes
    output logic rd_en_o,  // in T and while the word waits
    output logic [csb_pkg::OperandAw-1:0] rd_addr_o,  // registers x1, m1, x0, m0
    output logic [StateAw-1:0] st_raddr_o,
    output logic opnd_valid_o,
    output logic [csb_pkg::OperandSelW-1:0] sel_o,  // x1, m1, x0, m0
    output logic st_zero_o,
    output logic st_fine_rd_o,
    output logic sum_valid_o,
    output logic sub_o,
    output logic st_we_o,
    output logic st_fine_wr_o,
    output logic [StateAw-1:0] st_waddr_o,
    output logic [csb_pkg::ElemActW-1:0] act_o,
    output logic reg_we_o,
    output logic [csb_pkg::ElemRegW-1:0] reg_o,
    // writer
    output logic wr_neu_we_o,
    output logic [NeuronAw-1:0] wr_neu_addr_o,
    output logic [csb_pkg::ElemNeuShiftW-1:0] wr_shift_o,
    output logic [csb_pkg::ElemNeuRotW-1:0] wr_rot_o,
    output logic wr_out_we_o,
    output logic [OutAw-1:0] wr_out_addr_o,
    output logic wr_out_done_o,
    output logic wr_evt_en_o,
    output logic [csb_pkg::ElemEvtW-1:0] wr_evt_o,
    // performance counters
    output logic issue_o,
    output logic stall_post_o,  // waits for the drain unit
    output logic stall_out_o,  // waits for an output buffer
    output logic bad_o  // a word is damaged (csb_parity)
);
  import csb_pkg::*;

  logic valid, wrap, again, next_load;
  logic [ElemWidth-1:0] word, next_word;
  logic [Aw-1:0] next_pc;
  csb_seq #(
      .Width (ElemWidth),
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
      .hold_i   (1'b0),
      .loop_start_i,
      .valid_o(valid),
      .word_o (word),
      .next_load_o(next_load),
      .next_word_o(next_word),
      .next_pc_o(next_pc),
      .issue_i(issue_o),
      .restart_i(again),
      .wrap_o (wrap),
      .bad_o
  );

  // --- conditions -----------------------------------------------------------------------
  logic has_post, has_out, gap_over, post_ok, out_ok;

  csb_token #(
      .W(6)
  ) u_posts (
      .clk_i,
      .rst_ni,
      .load_i(start_i),
      .init_i(6'd0),
      .inc_i (post_i),
      .dec_i (issue_o && word[ElemPendLsb]),
      .has_o (has_post)
  );

  csb_token #(
      .W(2)
  ) u_outputs (
      .clk_i,
      .rst_ni,
      .load_i(start_i),
      .init_i(2'd2),
      .inc_i (out_release_i),
      .dec_i (issue_o && word[ElemOutAcquireLsb]),
      .has_o (has_out)
  );

  csb_gap #(
      .W(ElemGapW)
  ) u_gap (
      .clk_i,
      .rst_ni,
      .start_i,
      .issue_i    (issue_o),
      .next_load_i(next_load),
      .next_gap_i (next_word[ElemGapLsb+:ElemGapW]),
      .gap_i      (word[ElemGapLsb+:ElemGapW]),
      .over_o     (gap_over)
  );

  assign post_ok      = has_post || !word[ElemPendLsb];
  assign out_ok       = has_out || !word[ElemOutAcquireLsb];
  assign issue_o      = valid && gap_over && post_ok && out_ok;
  assign stall_post_o = valid && gap_over && !post_ok;
  assign stall_out_o  = valid && gap_over && post_ok && !out_ok;
  assign release_o    = issue_o && word[ElemReleaseLsb];

  // --- iteration, stream and frame ------------------------------------------------------
  logic prologue, at_pass_end, pass_end, last_stream;
  logic [2:0] stream_q, next_stream;  // S after the last one, modulo 8
  logic [StateAw-1:0] state_base_q;  // stream_q * state_stride_i
  logic frame_q, iter_q;  // parities, main loop only

  always_ff @(posedge clk_i) begin  // of the word shown
    if (next_load) begin
      prologue    <= next_pc < loop_start_i;
      at_pass_end <= next_pc + 1'b1 == loop_start_i;
    end
  end
  assign pass_end    = issue_o && at_pass_end;
  assign next_stream = stream_q + 1'b1;
  assign last_stream = next_stream == streams_i[2:0];
  assign again       = at_pass_end && !last_stream;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      stream_q     <= '0;
      state_base_q <= '0;
      frame_q      <= 1'b0;
      iter_q       <= 1'b0;
    end else begin
      if (wrap) iter_q <= !iter_q;
      if (wrap && last_stream) frame_q <= !frame_q;
      if (wrap || pass_end) begin
        stream_q     <= last_stream ? '0 : next_stream;
        state_base_q <= last_stream ? '0 : state_base_q + state_stride_i;
      end
    end
  end

  logic landed;  // the writes of the prologue have
  csb_delay #(
      .Width (1),
      .Stages(4 + 5 * Deep + SubSlots)
  ) u_landed (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i || start_i),
      .data_i(pass_end && last_stream),
      .data_o(landed)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) init_done_o <= 1'b0;
    else if (start_i) init_done_o <= loop_start_i == '0;
    else if (landed) init_done_o <= 1'b1;
  end

  // --- controls -------------------------------------------------------------------------
  assign rd_en_o = valid;  // whether the word issues is known too late for all lanes' memories
  assign rd_addr_o = {
    word[ElemX1Lsb+:ElemX1W],
    word[ElemM1Lsb+:ElemM1W],
    word[ElemX0Lsb+:ElemX0W],
    word[ElemM0Lsb+:ElemM0W]
  };
  assign st_raddr_o = word[ElemStRaddrLsb+:StateAw] + state_base_q;

  logic [OperandSelW-1:0] sel;
  assign sel = {
    word[ElemX1SelLsb+:ElemX1SelW],
    word[ElemM1SelLsb+:ElemM1SelW],
    word[ElemX0SelLsb+:ElemX0SelW],
    word[ElemM0SelLsb+:ElemM0SelW]
  };
  csb_delay #(
      .Width (OperandSelW),
      .Stages(Deep != 0 ? 0 : 1)
  ) u_sel (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i(sel),
      .data_o(sel_o)
  );
  csb_delay #(
      .Width (3),
      .Stages(1 + Deep)
  ) u_operands (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o, word[ElemFreshLsb] && fresh_i, word[ElemStFineRdLsb]}),
      .data_o({opnd_valid_o, st_zero_o, st_fine_rd_o})
  );

  csb_delay #(
      .Width (2),
      .Stages(2 + 2 * Deep)
  ) u_sum (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o, word[ElemSubLsb]}),
      .data_o({sum_valid_o, sub_o})
  );

  logic [StateAw-1:0] st_waddr;
  assign st_waddr = word[ElemStWaddrLsb+:StateAw] + state_base_q;
  csb_delay #(
      .Width (2 + StateAw + ElemActW),
      .Stages(3 + 3 * Deep)
  ) u_value (
      .clk_i,
      .rst_ni,
      .clr_i(stop_i),
      .data_i({
        issue_o && word[ElemStWeLsb], word[ElemStFineWrLsb], st_waddr, word[ElemActLsb+:ElemActW]
      }),
      .data_o({st_we_o, st_fine_wr_o, st_waddr_o, act_o})
  );

  logic [NeuronAw-1:0] neu_addr;
  logic [3:0] toggle;
  assign toggle = {
    word[ElemNeuPpLsb] && (prologue || frame_q), stream_q[0], stream_q[1], stream_q[2]
  };
  assign neu_addr = word[ElemNeuAddrLsb+:NeuronAw] ^ (NeuronAw'(toggle) << (NeuronAw - 4));
  csb_delay #(
      .Width (1 + NeuronAw + ElemNeuShiftW + ElemNeuRotW + 1 + OutAw + 2 + ElemEvtW),
      .Stages(3 + 4 * Deep)
  ) u_write (
      .clk_i,
      .rst_ni,
      .clr_i(stop_i),
      .data_i({
        issue_o && word[ElemNeuWeLsb],
        neu_addr,
        word[ElemNeuShiftLsb+:ElemNeuShiftW],
        word[ElemNeuRotLsb+:ElemNeuRotW],
        issue_o && word[ElemOutWeLsb],
        {iter_q, word[ElemOutAddrLsb+:OutAw-1]},
        issue_o && word[ElemOutDoneLsb],
        issue_o && word[ElemEvtEnLsb],
        word[ElemEvtLsb+:ElemEvtW]
      }),
      .data_o({
        wr_neu_we_o,
        wr_neu_addr_o,
        wr_shift_o,
        wr_rot_o,
        wr_out_we_o,
        wr_out_addr_o,
        wr_out_done_o,
        wr_evt_en_o,
        wr_evt_o
      })
  );

  csb_delay #(
      .Width (1 + ElemRegW),
      .Stages(6 + 5 * Deep - FastAct)
  ) u_reg (
      .clk_i,
      .rst_ni,
      .clr_i (stop_i),
      .data_i({issue_o && word[ElemRegWeLsb], word[ElemRegLsb+:ElemRegW]}),
      .data_o({reg_we_o, reg_o})
  );

  logic unused;
  assign unused = ^{word, next_word};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_INIT(StreamBitsExist, NeuronAw >= 4)
  `CSB_ASSERT(StreamsFit, !start_i || (streams_i != 0 && streams_i <= 4'd8))
endmodule
`default_nettype wire
