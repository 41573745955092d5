// SPDX-License-Identifier: Apache-2.0
//
// Counts the products of one PE row, in simulation only, and how many of them are of weights other
// than zero: see csb_accesses.sv.
`default_nettype none
module csb_products #(
    parameter int Q = 1,  // multipliers
    parameter int WeightW = 16  // bits of a weight
) (
    input wire logic                 clk_i,
    input wire logic                 issue_i,  // the weights are an issued word's
    input wire logic [Q*WeightW-1:0] weight_i
);
  logic [31:0] products, kept;
  always_comb begin
    products = issue_i ? Q : 0;
    kept = 0;
    for (int q = 0; q < Q; q++) begin
      if (issue_i && weight_i[q*WeightW+:WeightW] != 0) kept = kept + 1;
    end
  end
  csb_accesses #(
      .Width(WeightW)
  ) u_accesses (
      .clk_i,
      .first_i (products),
      .second_i(kept)
  );
endmodule

bind csb_pe_row csb_products #(
    .Q      (Q),
    .WeightW(WeightW)
) u_products (
    .clk_i   (clk_i),
    .issue_i (issue_q1),
    .weight_i(weight_q1)
);
`default_nettype wire
