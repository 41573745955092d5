// SPDX-License-Identifier: Apache-2.0
//
// Activation function of one lane: identity, sigmoid, tanh or relu of a value every cycle,
// latency 3. The same integers as golden/numerics.py, activation().
//
// Values are signed with 15 fraction bits. Sigmoid is linear between 512 points, 1/32 apart, of
// [0, 16): s = base + floor(slope * remainder / 2^10), in units of 2^-17; above that s = 1.
// sigmoid(-x) = 1 - sigmoid(x) and tanh(x) = 2 sigmoid(2x) - 1; results round half up to 15 bits.
//
//   cycle 0: |x|, table address   1: slope * remainder + base   2: symmetry, rounding   3: data_o
`default_nettype none
module csb_act #(
    parameter int LaneW = 26  // bits of a value
) (
    input  wire logic                    clk_i,
    input  wire logic        [      1:0] act_i,   // csb_pkg: ActIdentity, ActSigmoid, ...
    input  wire logic signed [LaneW-1:0] data_i,
    output logic signed      [LaneW-1:0] data_o
);
  import csb_pkg::*;

  localparam int RemBits = LaneFrac - 5;  // fraction bits below the table's step
  localparam int IdxW = 9;
  localparam int SumW = 18;  // unsigned, units of 2^-17
  localparam int SlopeW = 11;
  localparam logic [SumW-1:0] One = SumW'(1) << (SumW - 1);

  // --- cycle 0: magnitude and table address -----------------------------------------------
  logic [LaneW-1:0] magnitude;
  logic [  LaneW:0] point;
  assign magnitude = data_i[LaneW-1] ? -data_i : data_i;
  assign point = act_i == 2'(ActTanh) ? {magnitude, 1'b0} : {1'b0, magnitude};

  logic [  SumW-1:0] base;
  logic [SlopeW-1:0] slope;
  csb_act_rom u_rom (
      .clk_i,
      .addr_i (point[RemBits+:IdxW]),
      .base_o (base),
      .slope_o(slope)
  );

  logic signed [LaneW-1:0] x1_q, x2_q;
  logic [1:0] act1_q, act2_q;
  logic [RemBits-1:0] rem_q;
  logic high_q;
  always_ff @(posedge clk_i) begin
    x1_q   <= data_i;
    act1_q <= act_i;
    rem_q  <= point[RemBits-1:0];
    high_q <= |point[LaneW:RemBits+IdxW];
  end

  // --- cycle 1: the chord -------------------------------------------------------------------
  logic [SlopeW+RemBits-1:0] product;
  logic [SumW-1:0] sum_q;
  assign product = slope * rem_q;
  always_ff @(posedge clk_i) begin
    x2_q   <= x1_q;
    act2_q <= act1_q;
    sum_q  <= high_q ? One : base + SumW'(product >> RemBits);
  end

  // --- cycle 2: symmetry and rounding -------------------------------------------------------
  logic [SumW-1:0] mirrored;
  logic signed [SumW+1:0] exact;
  logic signed [LaneW-1:0] rounded, result;
  logic tanh, unused_sat;
  logic negative;
  assign negative = x2_q[LaneW-1];
  assign tanh     = act2_q == 2'(ActTanh);
  assign mirrored = negative ? One - sum_q : sum_q;
  assign exact    = tanh ? {1'b0, sum_q, 1'b0} - {2'b0, One} : {2'b0, mirrored};

  csb_round_sat #(
      .InW  (SumW + 2),
      .Shift(SumW - 1 - LaneFrac),
      .OutW (LaneW)
  ) u_round (
      .data_i(exact),
      .data_o(rounded),
      .sat_o (unused_sat)
  );

  always_comb begin
    unique case (act2_q)
      2'(ActSigmoid): result = rounded;
      2'(ActTanh): result = negative ? -rounded : rounded;
      2'(ActRelu): result = negative ? '0 : x2_q;
      default: result = x2_q;
    endcase
  end

  always_ff @(posedge clk_i) data_o <= result;
endmodule
`default_nettype wire
