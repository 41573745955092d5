// SPDX-License-Identifier: Apache-2.0
//
// Signed shift right by 0, 1, 2 or 3 steps. Combinational. A module so that synthesis can be told
// to leave it as it is: a function of six inputs for each bit. Of each it would make two
// multiplexers of three inputs, as neighbours can share one of them, and spend a LUT on each.
`default_nettype none
module csb_shift_four #(
    parameter int W    = 38,  // bits
    parameter int Step = 2    // of the shift
) (
    input  wire logic signed [W-1:0] data_i,
    input  wire logic        [  1:0] shift_i,
    output logic signed      [W-1:0] data_o
);
  always_comb begin
    unique case (shift_i)
      2'd0:    data_o = data_i;
      2'd1:    data_o = data_i >>> Step;
      2'd2:    data_o = data_i >>> (2 * Step);
      default: data_o = data_i >>> (3 * Step);
    endcase
  end
endmodule
`default_nettype wire
