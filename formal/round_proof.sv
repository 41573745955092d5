// SPDX-License-Identifier: Apache-2.0
// csb_round_sat and csb_shift_sat are floor(x / 2^shift + 1/2), clipped, for every input. The sizes
// are those of a lane of `small`: drain, element unit, state, operand, neurons; and neurons of 12
// bits.
`default_nettype none
`include "csb_assert.svh"

module round_case #(
    parameter int InW   = 43,
    parameter int Shift = 15,
    parameter int OutW  = 26
) (
    input wire logic [InW-1:0] x_i
);
  logic signed [OutW-1:0] y;
  logic sat;
  csb_round_sat #(
      .InW  (InW),
      .Shift(Shift),
      .OutW (OutW)
  ) dut (
      .data_i(x_i),
      .data_o(y),
      .sat_o (sat)
  );
  localparam int W = InW + OutW + 2;
  localparam logic signed [W-1:0] Most = (W'(1) <<< (OutW - 1)) - W'(1);
  localparam logic signed [W-1:0] Least = -(W'(1) <<< (OutW - 1));
  logic signed [W-1:0] exact;
  assign exact = (W'($signed(
      x_i
  )) + (Shift > 0 ? W'(1) <<< (Shift - (Shift > 0)) : W'(0))) >>> Shift;
  always_comb begin
    Clips : assert (sat == (exact > Most || exact < Least));
    Rounds : assert (W'(y) == (exact > Most ? Most : exact < Least ? Least : exact));
    Saturates : cover (sat && y == OutW'(Least));
  end
  if (Shift > 0) begin : gen_tie
    wire signed [W-1:0] twice = W'($signed(x_i)) <<< 1;
    wire signed [W-1:0] rounded = exact <<< (Shift + 1);
    always_comb TieOfANegative : cover (exact < 0 && twice == rounded - (W'(1) <<< Shift));
  end
endmodule

module shift_case #(
    parameter int InW    = 38,
    parameter int Base   = 0,
    parameter int ShiftW = 5,
    parameter int OutW   = 26
) (
    input wire logic              clk_i,
    input wire logic [   InW-1:0] x_i,
    input wire logic [ShiftW-1:0] shift_i
);
  logic signed [OutW-1:0] y;
  logic sat;
  csb_shift_sat #(
      .InW   (InW),
      .Base  (Base),
      .ShiftW(ShiftW),
      .OutW  (OutW)
  ) dut (
      .clk_i,
      .valid_i(1'b0),
      .data_i (x_i),
      .shift_i,
      .data_o (y),
      .sat_o  (sat)
  );
  localparam int W = InW + OutW + 2;
  localparam logic signed [W-1:0] Most = (W'(1) <<< (OutW - 1)) - W'(1);
  localparam logic signed [W-1:0] Least = -(W'(1) <<< (OutW - 1));
  logic signed [W-1:0] doubled, exact;  // half is added to twice the value, shifted by one more
  logic [7:0] shift;
  assign shift   = 8'(Base) + 8'(shift_i);
  assign doubled = W'($signed(x_i)) <<< 1;
  assign exact   = ((doubled >>> shift) + W'(1)) >>> 1;
  always_comb begin
    Clips : assert (sat == (exact > Most || exact < Least));
    Rounds : assert (W'(y) == (exact > Most ? Most : exact < Least ? Least : exact));
    LeastIsNoClip : cover (!sat && exact == Least && x_i[0]);
    HighestShift : cover (&shift_i && y == '0 && x_i[InW-1]);
  end
endmodule

module round_proof (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic [63:0] x_i,
    input wire logic [ 4:0] shift_i
);
  `CSB_PROOF_BEGINS
  round_case #(
      .InW  (45),
      .Shift(15),
      .OutW (26)
  ) u_element (
      .x_i(x_i[44:0])
  );
  round_case #(
      .InW  (28),
      .Shift(2),
      .OutW (24)
  ) u_state (
      .x_i(x_i[27:0])
  );
  round_case #(
      .InW  (26),
      .Shift(0),
      .OutW (18)
  ) u_operand (
      .x_i(x_i[25:0])
  );
  shift_case #(
      .InW   (37),
      .Base  (0),
      .ShiftW(5),
      .OutW  (26)
  ) u_drain (
      .clk_i,
      .x_i(x_i[36:0]),
      .shift_i
  );
  shift_case #(
      .InW   (26),
      .Base  (0),
      .ShiftW(3),
      .OutW  (16)
  ) u_neuron (
      .clk_i,
      .x_i(x_i[25:0]),
      .shift_i(shift_i[2:0])
  );
  shift_case #(
      .InW   (26),
      .Base  (4),
      .ShiftW(3),
      .OutW  (12)
  ) u_narrow_neuron (
      .clk_i,
      .x_i(x_i[25:0]),
      .shift_i(shift_i[2:0])
  );
endmodule
`default_nettype wire
