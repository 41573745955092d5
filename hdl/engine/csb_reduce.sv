// SPDX-License-Identifier: Apache-2.0
//
// Sum of N signed numbers across an engine row, ReduceIn at a time; latency reduce_stages(N).
// The sum fits AccW bits by construction (AccW holds the largest fan-in), so nothing saturates.
`default_nettype none
module csb_reduce #(
    parameter int N = 4,  // operands, at most ReduceIn * ReduceIn
    parameter int AccW = 36,
    parameter int Parts = (N - 1) / csb_pkg::ReduceIn + 1  // derived, do not override
) (
    input  wire logic              clk_i,
    input  wire logic [N*AccW-1:0] data_i,
    output logic      [  AccW-1:0] sum_o
);
  import csb_pkg::*;

  logic [Parts*AccW-1:0] part_d, part_q;

  for (genvar i = 0; i < Parts; i++) begin : gen_part
    localparam int Last = (i + 1) * ReduceIn < N ? (i + 1) * ReduceIn : N;
    // A sum of its own for each part: Icarus watches whole vectors, so two blocks that go through
    // parts of one vector would wake each other for ever.
    logic [AccW-1:0] sum;
    csb_adder_tree #(
        .N   (Last - i * ReduceIn),
        .InW (AccW),
        .SumW(AccW)
    ) u_sum (
        .data_i(data_i[Last*AccW-1:i*ReduceIn*AccW]),
        .sum_o (sum)
    );
    assign part_d[i*AccW+:AccW] = sum;
  end

  always_ff @(posedge clk_i) part_q <= part_d;

  if (Parts == 1) begin : gen_one
    assign sum_o = part_q;
  end else begin : gen_two
    logic [AccW-1:0] sum_d;
    csb_adder_tree #(
        .N   (Parts),
        .InW (AccW),
        .SumW(AccW)
    ) u_sum (
        .data_i(part_q),
        .sum_o (sum_d)
    );
    always_ff @(posedge clk_i) sum_o <= sum_d;
  end
endmodule
`default_nettype wire
