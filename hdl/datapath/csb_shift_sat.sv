// SPDX-License-Identifier: Apache-2.0
//
// floor((x + half) / 2^(Base + shift)), saturated: as csb_round_sat, with a variable shift.
// Combinational; with Deep there is a register behind the shift, so latency 1: it loads with
// valid_i.
//
// Made of functions of at most six inputs: two bits of the shift at a time (csb_shift_four), then
// its last bit and the saturation together (csb_clip). Rounding is the last, so the largest number
// is not rounded up. Example: x = 5, shift 1: doubled, for the half below, 1010b; the last bit
// leaves 10b and a half of 1, so 3.
`default_nettype none
module csb_shift_sat #(
    parameter int InW    = 32,                                // bits of data_i, signed
    parameter int Base   = 8,                                 // smallest shift
    parameter int ShiftW = 3,                                 // bits of the added half
    parameter int OutW   = 16,                                // bits of data_o, signed
    parameter int Deep   = 0,                                 // 1: latency 1
    parameter int PreW   = InW + 1 - Base,                    // derived, do not override
    parameter int W      = PreW > OutW + 3 ? PreW : OutW + 3  // derived, do not override
) (
    input  wire logic                     clk_i,
    input  wire logic                     valid_i,
    input  wire logic signed [   InW-1:0] data_i,
    input  wire logic        [ShiftW-1:0] shift_i,
    output logic signed      [  OutW-1:0] data_o,
    output logic                          sat_o
);
  // --- shift by all but its bit 0, from the top ---------------------------------------------
  localparam int Stages = ShiftW / 2;
  logic signed [InW:0] doubled;
  logic [2*Stages:0] shift;
  logic [W-1:0] steps;
  assign doubled = {data_i, 1'b0};
  assign shift   = (2 * Stages + 1)'(shift_i);
  for (genvar s = 0; s < Stages; s++) begin : gen_stage
    localparam int Bit = 2 * (Stages - 1 - s) + 1;
    logic signed [W-1:0] from, to;
    if (s == 0) begin : gen_first
      assign from = W'(doubled >>> Base);
    end else begin : gen_next
      assign from = gen_stage[s-1].to;
    end
    csb_shift_four #(
        .W   (W),
        .Step(1 << Bit)
    ) u_shift (
        .data_i (from),
        .shift_i(shift[Bit+:2]),
        .data_o (to)
    );
  end
  assign steps = gen_stage[Stages-1].to;

  // --- bits above the result, when the last bit has shifted --------------------------------
  // It fits if all of them are the sign. Of a negative number one too low all are ones too,
  // but for the result's own sign: if the half rounds it up it is the lowest.
  logic [OutW:0] shifted;
  logic [OutW:1] x;
  logic sign_d, lost_d, ones_d, one_d, sign, lost, ones, one;
  assign shifted = steps[OutW:0];
  assign sign_d = data_i[InW-1];
  assign one_d = shift[0];
  assign lost_d  = steps[W-1:OutW+1] != {(W - OutW - 1) {sign_d}} ||
                   (!one_d && steps[OutW] != sign_d);
  assign ones_d = &steps[W-1:OutW+2] && (one_d || steps[OutW+1]);

  // --- rounding --------------------------------------------------------------------------------
  logic [OutW-2:0] kept;
  logic half_d, half, carries_d, carries;  // bits and half are ones
  assign carries_d = &shifted[OutW-1:1] && (one_d ? shifted[OutW] : shifted[0]);
  assign half_d    = one_d ? shifted[1] : shifted[0];
  if (Deep != 0) begin : gen_deep
    // A lost number leaves zeros in the register, so to saturate is to add the ones: one gate of
    // four inputs for each bit, which the carry chain of the rounding takes in.
    logic over;
    always_ff @(posedge clk_i) begin
      if (valid_i) begin
        {sign, lost, ones, one} <= {sign_d, lost_d, ones_d, one_d};
        {half, carries, over}   <= {half_d, carries_d, lost_d && !sign_d};
        x                       <= lost_d ? '0 : shifted[OutW:1];
      end
    end
    assign kept = (one ? x[OutW:2] : x[OutW-1:1]) | {(OutW - 1) {over}};
  end else begin : gen_short
    logic unused;
    assign unused = &{clk_i, valid_i};
    assign {x, sign, lost, ones, one} = {shifted[OutW:1], sign_d, lost_d, ones_d, one_d};
    assign {half, carries} = {half_d, carries_d};
    csb_clip #(
        .W(OutW - 1)
    ) u_clip (
        .a_i    (x[OutW-1:1]),
        .b_i    (x[OutW:2]),
        .b_sel_i(one),
        .lost_i (lost),
        .sign_i (sign),
        .data_o (kept)
    );
  end
  assign data_o = {sign, kept} + OutW'(half && !lost && (sign || !carries));
  assign sat_o  = sign ? lost && !(ones && carries) : lost || carries;
endmodule
`default_nettype wire
