// SPDX-License-Identifier: Apache-2.0
//
// floor((x + half) / 2^(Base + shift)), saturated: csb_round_sat with a shift that varies.
// Shifts all but one bit away, then rounds by that bit, (floor(x / 2^(n-1)) + 1) >> 1.
// Combinational; with Deep there is a register between the two.
`default_nettype none
module csb_shift_sat #(
    parameter int InW    = 32,  // bits of data_i, signed
    parameter int Base   = 8,   // smallest shift
    parameter int ShiftW = 3,   // bits of what is added to it
    parameter int OutW   = 16,  // bits of data_o, signed
    parameter int Deep   = 0,   // 1: latency 1
    parameter int PreW   = InW + 1 - Base  // derived, do not override
) (
    input  wire logic                     clk_i,
    input  wire logic signed [   InW-1:0] data_i,
    input  wire logic        [ShiftW-1:0] shift_i,
    output logic signed      [  OutW-1:0] data_o,
    output logic                          sat_o
);
  logic signed [InW:0] doubled;
  logic signed [PreW-1:0] based, shifted, shifted_in;
  assign doubled = {data_i, 1'b0};
  assign based   = PreW'(doubled >>> Base);
  assign shifted = based >>> shift_i;
  if (Deep != 0) begin : gen_deep
    always_ff @(posedge clk_i) shifted_in <= shifted;
  end else begin : gen_short
    logic unused;
    assign unused = clk_i;
    assign shifted_in = shifted;
  end

  csb_round_sat #(
      .InW  (PreW),
      .Shift(1),
      .OutW (OutW)
  ) u_round_sat (
      .data_i(shifted_in),
      .data_o,
      .sat_o
  );
endmodule
`default_nettype wire
