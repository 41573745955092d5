// SPDX-License-Identifier: Apache-2.0
// csb_seq shows the words of its program in order, for ever: word 0 after a start, the word behind
// one that issued, the one at loop_start_i behind the last; none is lost or shown twice.
`default_nettype none
`include "csb_assert.svh"
module seq_proof #(
    parameter int Width = 6,
    parameter int Depth = 4,
    parameter int Aw    = $clog2(Depth)
) (
    input wire logic                       clk_i,
    input wire logic                       rst_ni,
    input wire logic                       we_i,
    input wire logic [csb_pkg::PartIw-1:0] part_i,
    input wire logic [             Aw-1:0] waddr_i,
    input wire logic [ csb_pkg::PartW-1:0] wdata_i,
    input wire logic                       start_i,
    input wire logic                       stop_i,
    input wire logic                       hold_i,
    input wire logic [             Aw-1:0] loop_start_i,
    input wire logic                       issue_i,
    input wire logic                       restart_i
);
  `CSB_PROOF_BEGINS
  `CSB_PROOF_CONSTANT(LoopStart, loop_start_i)
  logic valid_o, next_load_o, wrap_o, bad_o;
  logic [Width-1:0] word_o, next_word_o;
  logic [Aw-1:0] next_pc_o;
  csb_seq #(
      .Width(Width),
      .Depth(Depth)
  ) dut (
      .*
  );

  // The program as it was written, and the word that has to be shown.
  logic [Width-1:0] program_q[Depth];
  logic [Aw-1:0] pc_q, then_q;  // of the word shown, of the word behind it
  logic runs_q, shown_q;
  logic [Aw-1:0] behind;
  logic takes;
  assign takes = issue_i && valid_o;
  always_comb begin
    behind = then_q + 1'b1;
    if (program_q[then_q][0]) behind = loop_start_i;
  end
  always_ff @(posedge clk_i) begin
    if (we_i && part_i == '0) program_q[waddr_i] <= wdata_i[Width-1:0];
    if (!rst_ni || stop_i) begin
      {runs_q, shown_q} <= '0;
    end else if (start_i || (takes && restart_i)) begin
      runs_q  <= 1'b1;
      shown_q <= 1'b0;
      then_q  <= '0;
    end else if (runs_q && (takes || (!shown_q && !hold_i))) begin
      shown_q <= 1'b1;
      pc_q    <= then_q;
      then_q  <= behind;
    end
  end

  for (genvar i = 0; i < Depth; i++) begin : gen_word
    always_comb begin
      if (begun && rst_ni && (runs_q || start_i)) begin
        OneLast : assume (!program_q[i][0] || dut.last_q == Aw'(i));
      end
      if (begun)
        ProgramIsWritten :
        assert (dut.u_program.u_ram.mem[i] == program_q[i]);
        else SameWords : assume (dut.u_program.u_ram.mem[i] == program_q[i]);
    end
  end

  // One word of the program is its last, and it was written.
  logic noted_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) noted_q <= 1'b0;
    else if (we_i && part_i == '0 && wdata_i[0]) noted_q <= 1'b1;
  end
  always_comb begin
    if (begun && rst_ni) begin
      OnePart : assume (part_i == '0);
      StartsProgrammed : assume (!start_i || noted_q);
      StartsUnwritten : assume (!(start_i && we_i));
      LastIsLast : assume (!(runs_q || start_i) || program_q[dut.last_q][0]);
    end
  end

  always_comb begin
    if (begun && rst_ni) begin
      ShownIfRuns : assert (valid_o == (runs_q && shown_q));
      IdleUnlessRuns : assert ((dut.state_q == 2'd0) == !runs_q && dut.state_q != 2'd3);
      if (valid_o) RightWord : assert (word_o == program_q[pc_q]);
      if (runs_q) begin
        NextWord : assert (next_word_o == program_q[then_q] && next_pc_o == then_q);
        NextIsLast : assert (dut.at_last_q == (then_q == dut.last_q));
      end
      WrapsAtTheLast : assert (wrap_o == (issue_i && program_q[pc_q][0]) || !valid_o);
      Loops : cover (wrap_o && loop_start_i == 2'd1 && pc_q == 2'd2);
      OneWordProgram : cover (wrap_o && pc_q == loop_start_i && then_q == pc_q);
      Restarts : cover (takes && restart_i && pc_q == 2'd1);
      Held : cover (runs_q && !shown_q && hold_i);
    end
  end
endmodule
`default_nettype wire
