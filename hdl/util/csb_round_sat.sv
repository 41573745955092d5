// SPDX-License-Identifier: Apache-2.0
// The one place where the design rounds and saturates: drops Shift fraction bits of a signed
// number and fits the rest into OutW bits. Combinational.
//
// Rounding:   half up, towards plus infinity: floor(x / 2^Shift + 1/2), so 1.5 -> 2, -1.5 -> -1.
//             One adder, no case for the sign; its bias of 2^-(Shift+1) units is a tie's only.
// Saturation: to -2^(OutW-1) .. 2^(OutW-1)-1; sat_o tells that the result was clipped.
// Format:     data_i Q(InW-f).f -> data_o Q(OutW-f+Shift).(f-Shift), for any f.
`default_nettype none

`include "csb_assert.svh"

module csb_round_sat #(
    parameter int InW   = 32,  // bits of the input
    parameter int Shift = 8,   // bits dropped, 0 to InW-1
    parameter int OutW  = 16   // bits of the result
) (
    input  wire logic signed [ InW-1:0] data_i,
    output logic signed      [OutW-1:0] data_o,
    output logic                        sat_o
);
  // One bit more than the kept ones, as rounding up may carry; at least as wide as the result.
  localparam int KeptW = InW - Shift + 1;
  localparam int SumW = (KeptW > OutW) ? KeptW : OutW;

  logic signed [SumW-1:0] rounded;
  if (Shift == 0) begin : gen_exact
    assign rounded = SumW'(data_i);
  end else begin : gen_round
    // The highest dropped bit is the carry of adding one half.
    wire signed [1:0] half = {1'b0, data_i[Shift-1]};
    assign rounded = SumW'($signed(data_i[InW-1:Shift])) + SumW'(half);
  end

  // In range if all bits above the result's sign bit equal it. The bits below are set or cleared
  // if not: one small function a bit.
  logic sign, over, under;
  assign sign   = rounded[SumW-1];
  assign over   = !sign && |rounded[SumW-1:OutW-1];
  assign under  = sign && !(&rounded[SumW-1:OutW-1]);
  assign sat_o  = over || under;
  assign data_o = {sign, rounded[OutW-2:0] & {(OutW - 1) {!under}} | {(OutW - 1) {over}}};

  // --- Assertions -----------------------------------------------------------------------------
  `CSB_ASSERT_INIT(ShiftInRange, 0 <= Shift && Shift < InW)
endmodule

`default_nettype wire
