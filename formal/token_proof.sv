// SPDX-License-Identifier: Apache-2.0
// csb_token counts: has_o while more tokens came, or were loaded, than were taken.
`default_nettype none
`include "csb_assert.svh"
module token_proof #(
    parameter int W = 6
) (
    input wire logic         clk_i,
    input wire logic         rst_ni,
    input wire logic         load_i,
    input wire logic [W-1:0] init_i,
    input wire logic         inc_i,
    input wire logic         dec_i
);
  `CSB_PROOF_BEGINS
  logic has_o;
  csb_token #(.W(W)) dut (.*);

  logic signed [15:0] stock_q;  // wide enough to show an overflow
  always_ff @(posedge clk_i) begin
    if (!rst_ni) stock_q <= '0;
    else if (load_i) stock_q <= 16'(init_i);
    else stock_q <= stock_q + 16'(inc_i) - 16'(dec_i);
  end

  always_comb begin
    if (begun && rst_ni) begin
      CountIsStock : assert (16'(dut.count_q) == stock_q);
      HasIfAny : assert (has_o == (stock_q != '0));
      TakesTheLast : cover (dec_i && stock_q == 16'd1 && !inc_i);
      Full : cover (&dut.count_q);
      KeepsPace : cover (inc_i && dec_i && stock_q == 16'd1);
    end
  end
endmodule
`default_nettype wire
