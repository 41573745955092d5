// SPDX-License-Identifier: Apache-2.0
//
// Token join: counts pulses of N sources and is ready while every source is ahead by at least one.
// take_i takes one token of every source. A pulse is visible in the cycle after it.
`default_nettype none
`include "csb_assert.svh"
module csb_token_join #(
    parameter int N = 4,
    parameter int W = 10  // bits of a count
) (
    input  wire logic         clk_i,
    input  wire logic         rst_ni,
    input  wire logic         clear_i,
    input  wire logic [N-1:0] pulse_i,
    output logic              ready_o,
    input  wire logic         take_i
);
  logic [N-1:0] has;

  for (genvar i = 0; i < N; i++) begin : gen_source
    logic [W-1:0] count_d, count_q;
    assign count_d = count_q + W'(pulse_i[i]) - W'(take_i);
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) begin
        count_q <= '0;
        has[i]  <= 1'b0;
      end else begin
        count_q <= count_d;
        has[i]  <= count_d != '0;
      end
    end
    `CSB_PROGRAM(CountHolds, !(pulse_i[i] && !take_i && &count_q))
  end

  assign ready_o = &has;

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(TakesOnlyReady, !take_i || ready_o)
endmodule
`default_nettype wire
