// SPDX-License-Identifier: Apache-2.0
//
// Activation function of one lane: identity, sigmoid, tanh or relu of a value every cycle,
// latency 3, or 5 with Deep, one less with FastAct. The same integers as
// golden/csb_rnn/machine/numerics.py, activation().
//
// Values are signed with 15 fraction bits. Sigmoid is linear between 512 points, 1/32 apart, of
// [0, 16): s = base + floor(slope * remainder / 2^10), in units of 2^-17; above that s = 1, which
// is the last entry. sigmoid(-x) = 1 - sigmoid(x) and tanh(x) = 2 sigmoid(2x) - 1;
// results round half up to 15 bits. Symmetry and rounding are one addition: all four cases are
// s, shifted and perhaps inverted, plus a carry.
//
//   cycle 0: |x|, table address   1: slope * remainder   2: s, symmetry, rounding   3: data_o
//
// Each stage loads with its value alone: valid_i goes along.
//
// With Deep there is one register more before the table and one behind it. With FastAct data_o is
// combinational: the register that takes it is the last one.
`default_nettype none
`include "csb_assert.svh"
module csb_act #(
    parameter int LaneW = 26,  // bits of a value
    parameter int FastAct = 0,  // 1: no register at the end
    parameter int Deep = 0  // 1: registers before and after the table
) (
    input  wire logic                            clk_i,
    input  wire logic                            valid_i,
    input  wire logic        [csb_pkg::ActW-1:0] act_i,    // csb_pkg: ActIdentity, ActSigmoid, ...
    input  wire logic signed [        LaneW-1:0] data_i,
    output logic signed      [        LaneW-1:0] data_o
);
  import csb_pkg::*;

  localparam int RemBits = LaneFrac - 5;  // fraction bits below the table's step
  localparam int IdxW = 9;
  localparam int PointW = RemBits + IdxW;  // bits of a point of the table's range
  localparam int SumW = 18;  // unsigned, units of 2^-17
  localparam int SlopeW = 11;
  localparam int ResultW = LaneFrac + 2;  // a sigmoid or tanh, -1 and 1 included

  // --- cycle 0: magnitude and table address -----------------------------------------------
  logic [LaneW:0] scaled;  // 2x for tanh
  logic [PointW:0] point;  // top bit: carry
  logic [LaneW-PointW:0] upper;
  logic [IdxW-1:0] index;
  logic sign, beyond;  // outside the table's range
  assign sign   = data_i[LaneW-1];
  assign scaled = act_i == ActW'(ActTanh) ? {data_i, 1'b0} : {sign, data_i};
  assign point  = {1'b0, scaled[PointW-1:0] ^ {PointW{sign}}} + (PointW + 1)'(sign);
  assign upper  = scaled[LaneW:PointW] ^ {(LaneW - PointW + 1) {sign}};
  assign index  = point[RemBits+:IdxW];
  assign beyond = point[PointW] || upper != '0;

  logic [IdxW-1:0] index_in;
  logic [RemBits-1:0] rem_in;
  logic signed [LaneW-1:0] x_in;
  logic [ActW-1:0] act_in;
  logic beyond_in, valid_in;
  if (Deep != 0) begin : gen_deep_point
    always_ff @(posedge clk_i) begin
      valid_in <= valid_i;
      if (valid_i) begin
        {index_in, rem_in, x_in, act_in} <= {index, point[RemBits-1:0], data_i, act_i};
        beyond_in <= beyond;
      end
    end
  end else begin : gen_short_point
    assign {index_in, rem_in, x_in, act_in} = {index, point[RemBits-1:0], data_i, act_i};
    assign {beyond_in, valid_in} = {beyond, valid_i};
  end

  logic [  SumW-1:0] base_read;
  logic [SlopeW-1:0] slope_read;
  csb_act_rom u_rom (
      .clk_i,
      .addr_i (index_in),
      .base_o (base_read),
      .slope_o(slope_read)
  );

  logic signed [LaneW-1:0] x0_q;
  logic [ActW-1:0] act0_q;
  logic [RemBits-1:0] rem0_q;
  logic beyond0_q, valid0_q;
  always_ff @(posedge clk_i) begin
    valid0_q <= valid_in;
    if (valid_in) begin
      x0_q      <= x_in;
      act0_q    <= act_in;
      rem0_q    <= rem_in;
      beyond0_q <= beyond_in;
    end
  end

  logic [  SumW-1:0] base;
  logic [SlopeW-1:0] slope;
  logic signed [LaneW-1:0] x1_q, x2_q;
  logic [ActW-1:0] act1_q;
  logic [RemBits-1:0] rem_q;
  logic beyond_q, valid_q;
  if (Deep != 0) begin : gen_deep
    always_ff @(posedge clk_i) begin
      valid_q <= valid0_q;
      if (valid0_q) begin
        {base, slope, x1_q, act1_q, rem_q} <= {base_read, slope_read, x0_q, act0_q, rem0_q};
        beyond_q <= beyond0_q;
      end
    end
  end else begin : gen_short
    assign {base, slope, x1_q, act1_q, rem_q} = {base_read, slope_read, x0_q, act0_q, rem0_q};
    assign {beyond_q, valid_q} = {beyond0_q, valid0_q};
  end

  // --- cycle 1: product ---------------------------------------------------------------------
  // With Deep, made for LUTs of four inputs, either the chord or the value is zero from here on, so
  // that cycle 2 adds both and chooses neither. Without it cycle 2 is a gate of six.
  localparam bit OneZero = Deep != 0;
  logic [SlopeW+RemBits-1:0] product_q;
  logic [SumW-1:0] base_q;
  logic curve, curve_q, tanh_q, negative, negative_q, zero, zero_q, valid2_q;
  assign curve    = act1_q == ActW'(ActSigmoid) || act1_q == ActW'(ActTanh);
  assign negative = x1_q[LaneW-1];
  assign zero     = act1_q == ActW'(ActRelu) && negative;
  always_ff @(posedge clk_i) begin
    valid2_q <= valid_q;
    if (valid_q) begin
      x2_q             <= x1_q;
      base_q[SumW-2:0] <= base[SumW-2:0];
      base_q[SumW-1]   <= base[SumW-1] || (OneZero && beyond_q);
      product_q        <= slope * rem_q;
      curve_q          <= curve;
      tanh_q           <= act1_q == ActW'(ActTanh);
      negative_q       <= negative && (curve || !OneZero);
      zero_q           <= zero;
    end
    // Beyond the table s is 1, whatever it says: in resets of registers, not in the address. They
    // are no part of the enable, which would take a gate: in an idle cycle they change nothing.
    if (beyond_q || (OneZero && !curve)) {base_q[SumW-2:0], product_q} <= '0;
    if (OneZero && !curve) base_q[SumW-1] <= 1'b0;
    else if (!OneZero && beyond_q) base_q[SumW-1] <= 1'b1;
    if (OneZero && (curve || zero)) x2_q <= '0;
  end

  // --- cycle 2: the chord, symmetry and rounding --------------------------------------------
  // With t = s div 2 (tanh) or s div 4 and its low bits in c, in units of 2^-15:
  //   sigmoid  x >= 0:  t + c              x < 0:  1 - (t + c) = 1 + ~t + !c
  //   tanh     x >= 0:  t + c - 1          x < 0:  1 - (t + c) = 1 + ~t + !c
  logic [SumW-1:0] sum;
  logic [ResultW-1:0] term, result;
  logic [LaneW-ResultW-1:0] upper_bits;
  logic carry;
  assign sum = base_q + SumW'(product_q >> RemBits);
  always_comb begin
    term[LaneFrac-1:0] = (tanh_q ? sum[LaneFrac:1] : sum[LaneFrac+1:2]) ^ {LaneFrac{negative_q}};
    if (tanh_q) begin
      term[LaneFrac]   = sum[SumW-1] ^ negative_q;
      term[LaneFrac+1] = negative_q;
      carry            = sum[0] ^ negative_q;
    end else begin
      term[LaneFrac]   = sum[SumW-1];
      term[LaneFrac+1] = sum[SumW-1] && negative_q;
      carry            = sum[1] ^ negative_q;
    end
    if (!OneZero && !curve_q) begin
      term  = x2_q[ResultW-1:0];
      carry = 1'b0;
    end
  end
  if (OneZero) begin : gen_one_zero
    logic unused_low;
    // x + term + carry in one chain, as x - ~term - !carry.
    assign {result, unused_low} = {x2_q[ResultW-1:0], 1'b0} - {~term, !carry};
    assign upper_bits = x2_q[LaneW-1:ResultW] | {(LaneW - ResultW) {curve_q && result[ResultW-1]}};
  end else begin : gen_chosen
    assign result = term + ResultW'(carry);
    assign upper_bits = curve_q ? {(LaneW - ResultW) {result[ResultW-1]}} : x2_q[LaneW-1:ResultW];
  end

  logic clear;  // with OneZero there is a zero already
  assign clear = !OneZero && zero_q;
  if (FastAct != 0) begin : gen_at_once
    logic unused;
    assign unused = valid2_q;
    assign data_o = clear ? '0 : {upper_bits, result};
  end else begin : gen_register
    always_ff @(posedge clk_i) begin
      if (valid2_q) data_o <= {upper_bits, result};
      if (clear) data_o <= '0;
    end
  end

  // --- Assertions -----------------------------------------------------------------------------
  `CSB_ASSERT_INIT(LaneHoldsTable, LaneW >= PointW + 1 && SumW == LaneFrac + 3)
endmodule
`default_nettype wire
