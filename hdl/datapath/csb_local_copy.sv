// SPDX-License-Identifier: Apache-2.0
//
// A copy of the control of all lanes or PEGroups for one of them, a cycle later. A module, so that
// synthesis can be told to leave each where it is (keep_hierarchy): it would merge registers that
// are alike.
`default_nettype none
module csb_local_copy #(
    parameter int Width  = 1,
    parameter int Stages = 1   // 0: wires
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic [Width-1:0] data_i,
    output logic      [Width-1:0] data_o
);
  csb_delay #(
      .Width (Width),
      .Stages(Stages)
  ) u_delay (
      .clk_i,
      .rst_ni,
      .clr_i(1'b0),
      .data_i,
      .data_o
  );
endmodule
`default_nettype wire
