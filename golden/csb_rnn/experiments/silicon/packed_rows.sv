// SPDX-License-Identifier: Apache-2.0
//
// A study, no part of the design: products and sums of two PE rows that share Q neurons, all of 8
// bits, up to the sums of csb_pe_row in cycle 3. With Packed = 1 a multiplier makes two products,
// one for each row; with 0 each row has multipliers of its own.
//
// Packed: (w1 * 2^18 + w0) * n = (w1 * n) * 2^18 + w0 * n. The low 18 bits are row 0's product, as
// its 15 bits and sign fit; of row 1's the word above is one too low if row 0's is negative, so the
// signs of row 0's products are added to row 1's sum. The program would hold w1 less one if w0 is
// negative: then the operand is a concatenation. Example: w1 = 3, w0 = -2, n = 5: the operand is
// {2, 18 bits of -2}, its product {14, 18 bits of -10}, and 14 + 1 = 15.
`default_nettype none
module packed_rows #(
    parameter int Q      = 8,
    parameter int Packed = 1,
    parameter int SumW   = 16 + $clog2(Q)  // derived, do not override
) (
    input  wire logic            clk_i,
    input  wire logic [ Q*8-1:0] weight0_i,
    input  wire logic [ Q*9-1:0] weight1_i,  // packed: less one if row 0's is negative
    input  wire logic [ Q*8-1:0] neuron_i,
    output logic      [SumW-1:0] sum0_o,
    output logic      [SumW-1:0] sum1_o
);
  logic [Q*8-1:0] weight0_q;
  logic [Q*9-1:0] weight1_q;
  always_ff @(posedge clk_i) {weight0_q, weight1_q} <= {weight0_i, weight1_i};

  logic [Q*16-1:0] product0, product1;
  logic [Q-1:0] below;
  for (genvar q = 0; q < Q; q++) begin : gen_product
    wire signed [7:0] n = neuron_i[q*8+:8];
    wire signed [7:0] w0 = weight0_q[q*8+:8];
    wire signed [8:0] w1 = weight1_q[q*9+:9];
    if (Packed != 0) begin : gen_packed
      logic signed [34:0] both_q;
      wire signed [26:0] operand = {w1, {10{w0[7]}}, w0};
      always_ff @(posedge clk_i) both_q <= operand * n;
      assign product0[q*16+:16] = both_q[15:0];
      assign product1[q*16+:16] = both_q[33:18];
      assign below[q] = both_q[17];
    end else begin : gen_own
      logic signed [15:0] product0_q, product1_q;
      wire signed [7:0] narrow = w1[7:0];
      always_ff @(posedge clk_i) {product0_q, product1_q} <= {16'(w0 * n), 16'(narrow * n)};
      assign product0[q*16+:16] = product0_q;
      assign product1[q*16+:16] = product1_q;
      assign below[q] = 1'b0;
    end
  end

  logic [SumW-1:0] sum0, sum1, carry;
  csb_adder_tree #(
      .N   (Q),
      .InW (16),
      .SumW(SumW)
  ) u_sum0 (
      .data_i(product0),
      .sum_o (sum0)
  );
  csb_adder_tree #(
      .N   (Q),
      .InW (16),
      .SumW(SumW)
  ) u_sum1 (
      .data_i(product1),
      .sum_o (sum1)
  );
  always_comb begin
    carry = '0;
    for (int q = 0; q < Q; q++) carry = carry + SumW'(below[q]);
  end
  always_ff @(posedge clk_i) {sum0_o, sum1_o} <= {sum0, sum1 + carry};
endmodule
`default_nettype wire
