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
  // Node i adds nodes 2i + 1 and 2i + 2; the last N are the operands.
  (* keep *)
  logic [(2*N-1)*SumW-1:0] node;

  always_comb begin
    for (int i = 0; i < N; i++) begin
      node[(N-1+i)*SumW+:SumW] = SumW'($signed(data_i[i*InW+:InW]));
    end
    for (int i = N - 2; i >= 0; i--) begin
      node[i*SumW+:SumW] = node[(2*i+1)*SumW+:SumW] + node[(2*i+2)*SumW+:SumW];
    end
  end
  assign sum_o = node[SumW-1:0];
endmodule
`default_nettype wire
