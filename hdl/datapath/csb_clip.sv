// SPDX-License-Identifier: Apache-2.0
//
// One of two numbers without their sign, or the bits of a saturated value: ones, or the zeros of a
// negative number. Combinational. A module so that synthesis can be told to leave it as it is: a
// function of five inputs for each bit. Of each it would make two, as some inputs come late.
`default_nettype none
module csb_clip #(
    parameter int W = 26  // bits
) (
    input  wire logic [W-1:0] a_i,
    input  wire logic [W-1:0] b_i,
    input  wire logic         b_sel_i,  // takes b_i
    input  wire logic         lost_i,   // it saturates
    input  wire logic         sign_i,
    output logic      [W-1:0] data_o
);
  assign data_o = lost_i ? {W{!sign_i}} : b_sel_i ? b_i : a_i;
endmodule
`default_nettype wire
