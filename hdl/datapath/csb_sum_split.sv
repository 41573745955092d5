// SPDX-License-Identifier: Apache-2.0
//
// round(m0*x0 +- m1*x1), saturated, of products in two parts: x = high * 2^17 + low, so that each
// part is one multiplier of 18 x 18 bits with registers of its own before and behind it, and no
// adder of one product is on the way. Bit for bit csb_round_sat of the whole sum:
//
//   operands_valid_i  the four products load
//   sum_valid_i       low = l0 +- l1 and high = h0 +- h1 load
//   then              high * 2^17 + half + low; half = 2^14 stands in the empty bits below high, so
//                     rounding has no adder. Its bits from 15 on, saturated, are data_o.
//
// Example: m0 = x0 = 1.0 = 2^15 and no second product: low = 2^30, high = 0; 2^30 + 2^14, and its
// bits from 15 on are 2^15 = 1.0.
`default_nettype none
`include "csb_assert.svh"
module csb_sum_split #(
    parameter int LaneW = 26  // bits of x and of the result
) (
    input  wire logic                         clk_i,
    input  wire logic                         operands_valid_i,
    input  wire logic   [2*csb_pkg::MulW-1:0] m_i,               // m1, m0
    input  wire logic   [        2*LaneW-1:0] x_i,               // x1, x0
    input  wire logic                         sum_valid_i,       // the cycle after
    input  wire logic                         sub_i,
    output logic signed [          LaneW-1:0] data_o,            // the cycle after that
    output logic                              sat_o
);
  import csb_pkg::*;

  localparam int LowW = MulW - 1;  // bits of x in the low part, unsigned
  localparam int HighW = LaneW - LowW;
  localparam int LowSumW = 2 * MulW + 1;
  localparam int HighSumW = MulW + HighW + 1;

  // A part of both products, added or subtracted by one carry chain: a + b is a - ~b - 1. Example:
  // 3 + 5 = 3 - (-6) - 1.
  logic signed [1:0][2*MulW-1:0] low_q;
  logic signed [1:0][MulW+HighW-1:0] high_q;
  for (genvar i = 0; i < 2; i++) begin : gen_product
    logic signed [MulW-1:0] m, x_low;
    logic signed [HighW-1:0] x_high;
    assign m      = m_i[i*MulW+:MulW];
    assign x_low  = {1'b0, x_i[i*LaneW+:LowW]};
    assign x_high = x_i[i*LaneW+LowW+:HighW];
    always_ff @(posedge clk_i) begin
      if (operands_valid_i) begin
        low_q[i]  <= m * x_low;
        high_q[i] <= m * x_high;
      end
    end
  end

  logic signed [LowSumW-1:0] low0, low1, low_sum_q;
  logic signed [HighSumW-1:0] high0, high1, high_sum_q;
  logic unused_low, unused_high;
  assign low0  = LowSumW'($signed(low_q[0]));
  assign low1  = LowSumW'($signed(low_q[1])) ^ {LowSumW{!sub_i}};
  assign high0 = HighSumW'($signed(high_q[0]));
  assign high1 = HighSumW'($signed(high_q[1])) ^ {HighSumW{!sub_i}};
  always_ff @(posedge clk_i) begin
    if (sum_valid_i) begin
      {low_sum_q, unused_low}   <= {low0, 1'b0} - {low1, !sub_i};
      {high_sum_q, unused_high} <= {high0, 1'b0} - {high1, !sub_i};
    end
  end

  // From the bit of one half on.
  localparam int SumW = HighSumW + LowW - LaneFrac + 1;
  logic signed [SumW-1:0] sum;
  assign sum = $signed(
      {high_sum_q, (LowW - LaneFrac + 1)'(1)}
  ) + SumW'($signed(
      low_sum_q[LowSumW-1:LaneFrac-1]
  ));
  csb_round_sat #(
      .InW  (SumW - 1),
      .Shift(0),
      .OutW (LaneW)
  ) u_saturate (
      .data_i(sum[SumW-1:1]),
      .data_o,
      .sat_o
  );

  logic unused;
  assign unused = ^{unused_low, unused_high, sum[0], low_sum_q[LaneFrac-2:0]};

  `CSB_ASSERT_INIT(PartsFit, LowW >= LaneFrac && HighW >= 1 && HighW <= MulW)
endmodule
`default_nettype wire
