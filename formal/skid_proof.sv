// SPDX-License-Identifier: Apache-2.0
// csb_skid is a queue of two words: order, content, and no cycle lost.
`default_nettype none
`include "csb_assert.svh"
module skid_proof #(
    parameter int Width = 8
) (
    input wire logic             clk_i,
    input wire logic             rst_ni,
    input wire logic             in_valid_i,
    input wire logic [Width-1:0] in_data_i,
    input wire logic             out_ready_i
);
  `CSB_PROOF_BEGINS
  logic in_ready_o, out_valid_o;
  logic [Width-1:0] out_data_o;
  csb_skid #(.Width(Width)) dut (.*);

  // The queue: words inside, the oldest first.
  logic [1:0] count_q;
  logic [Width-1:0] first_q, second_q;
  wire take = in_valid_i && in_ready_o;
  wire give = out_valid_o && out_ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_q + 2'(take) - 2'(give);
    if (give && count_q == 2'd2) first_q <= second_q;
    else if (take && (count_q == 2'd0 || give)) first_q <= in_data_i;
    if (take) second_q <= in_data_i;
  end

  always_comb begin
    if (begun && rst_ni) begin
      AtMostTwo : assert (count_q <= 2'd2);
      OffersIfAny : assert (out_valid_o == (count_q != '0));
      TakesUnlessFull : assert (in_ready_o == (count_q != 2'd2));
      OldestFirst : assert (count_q == '0 || out_data_o == first_q);
      SpareIsSecond : assert (count_q != 2'd2 || dut.spare_q == second_q);
      Full : cover (count_q == 2'd2 && first_q != second_q);
      Through : cover (take && give && count_q == 2'd1);
    end
  end
endmodule
`default_nettype wire
