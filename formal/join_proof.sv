// SPDX-License-Identifier: Apache-2.0
// csb_token_join is ready while every source is ahead of what was taken.
`default_nettype none
`include "csb_assert.svh"
module join_proof #(
    parameter int N = 3,
    parameter int W = 4
) (
    input wire logic         clk_i,
    input wire logic         rst_ni,
    input wire logic         clear_i,
    input wire logic [N-1:0] pulse_i,
    input wire logic         take_i
);
  `CSB_PROOF_BEGINS
  logic ready_o;
  csb_token_join #(
      .N(N),
      .W(W)
  ) dut (
      .*
  );

  logic [N*16-1:0] came_q;  // pulses of each source, less those taken
  logic all;
  for (genvar i = 0; i < N; i++) begin : gen_source
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) came_q[i*16+:16] <= '0;
      else came_q[i*16+:16] <= came_q[i*16+:16] + 16'(pulse_i[i]) - 16'(take_i);
    end
    always_comb begin
      if (begun && rst_ni) begin
        CountIsAhead : assert (16'(dut.gen_source[i].count_q) == came_q[i*16+:16]);
        HasIfAhead : assert (dut.has[i] == (came_q[i*16+:16] != '0));
      end
    end
  end
  always_comb begin
    all = 1'b1;
    for (int i = 0; i < N; i++) if (came_q[i*16+:16] == '0) all = 1'b0;
    if (begun && rst_ni) begin
      ReadyIfAll : assert (ready_o == all);
      FarApart : cover (came_q[15:0] == 16'd5 && came_q[31:16] == '0);
      TakesOneOfEach : cover (take_i && &came_q[1:0]);
    end
  end
endmodule
`default_nettype wire
