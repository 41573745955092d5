// SPDX-License-Identifier: Apache-2.0
// One assertion of each kind on inputs and registers that are random until a first reset.
`default_nettype none
`include "csb_assert.svh"
module unreset (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       break_i,  // breaks every assertion, outside reset
    output logic      [7:0] q_o
);
  logic [7:0] held_q, moves_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      held_q  <= '0;
      moves_q <= '0;
    end else begin
      held_q  <= break_i ? 8'd1 : held_q;
      moves_q <= moves_q + 8'd1;
    end
  end
  assign q_o = held_q ^ moves_q;

  `CSB_ASSERT(StaysZero, held_q == '0)
  `CSB_ASSERT_IF(StaysZeroIf, !held_q[1], held_q == '0)
  `CSB_ASSERT_NO_RESET(StaysZeroWithoutReset, clk_i || !clk_i, held_q == '0)
  `CSB_ASSERT_STABLE(Stable, 1'b1, held_q[7:1] == '0 && !held_q[0], moves_q)
endmodule
`default_nettype wire
