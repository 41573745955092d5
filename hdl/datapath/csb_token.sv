// SPDX-License-Identifier: Apache-2.0
//
// Token counter with one consumer. load_i sets the count to init_i; inc_i adds a token, dec_i takes
// one (only while has_o). A token of cycle c shows in has_o in cycle c + 1; has_o is a flip-flop.
`default_nettype none
`include "csb_assert.svh"
module csb_token #(
    parameter int W = 10  // bits of the count
) (
    input  wire logic         clk_i,
    input  wire logic         rst_ni,
    input  wire logic         load_i,
    input  wire logic [W-1:0] init_i,
    input  wire logic         inc_i,
    input  wire logic         dec_i,
    output logic              has_o
);
  logic [W-1:0] count_d, count_q;

  always_comb begin
    count_d = count_q + W'(inc_i) - W'(dec_i);
    if (load_i) count_d = init_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      count_q <= '0;
      has_o   <= 1'b0;
    end else begin
      count_q <= count_d;
      has_o   <= count_d != '0;
    end
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(TakesOnlyWhatIsThere, !dec_i || has_o)
  `CSB_PROGRAM(CountHolds, !(inc_i && !dec_i && &count_q))
endmodule
`default_nettype wire
