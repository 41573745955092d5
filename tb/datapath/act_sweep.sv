// SPDX-License-Identifier: Apache-2.0
// Bench top: N activation units with neighbouring inputs, so that a sweep takes 1/N of the cycles.
`default_nettype none
module act_sweep #(
    parameter int LaneW   = 26,
    parameter int N       = 64,
    parameter int FastAct = 0,
    parameter int Deep    = 0
) (
    input  wire logic               clk_i,
    input  wire logic               valid_i,
    input  wire logic [        1:0] act_i,
    input  wire logic [  LaneW-1:0] first_i,  // unit i gets first_i + i
    output logic      [N*LaneW-1:0] data_o
);
  for (genvar i = 0; i < N; i++) begin : gen_unit
    logic [LaneW-1:0] x;
    assign x = first_i + LaneW'(i);
    csb_act #(
        .LaneW  (LaneW),
        .FastAct(FastAct),
        .Deep   (Deep)
    ) u_act (
        .clk_i,
        .valid_i,
        .act_i,
        .data_i(x),
        .data_o(data_o[i*LaneW+:LaneW])
    );
  end
endmodule
`default_nettype wire
