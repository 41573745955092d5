// SPDX-License-Identifier: Apache-2.0
//
// Program registers: the words of image target CONFIG (golden/csb_rnn/machine/image.py), constant
// during a run. Register i is value_o[i*32 +: 32] from two cycles after its write on: they stand
// where they are used, so the load bus is decoded a cycle before.
`default_nettype none
module csb_program_regs (
    input  wire logic                                  clk_i,
    input  wire logic                                  rst_ni,
    input  wire logic                                  ld_we_i,
    input  wire logic [                           7:0] ld_target_i,
    input  wire logic [                          15:0] ld_addr_i,
    input  wire logic [                          31:0] ld_data_i,
    output logic      [csb_image_pkg::CfgWords*32-1:0] value_o
);
  import csb_image_pkg::*;

  logic [CfgWords-1:0] we_q;
  logic [31:0] data_q;
  always_ff @(posedge clk_i) begin
    data_q <= ld_data_i;
    for (int i = 0; i < CfgWords; i++) begin
      we_q[i] <= rst_ni && ld_we_i && ld_target_i == TargetConfig && ld_addr_i == 16'(i);
      if (!rst_ni) value_o[i*32+:32] <= 32'd1;
      else if (we_q[i]) value_o[i*32+:32] <= data_q;
    end
  end
endmodule
`default_nettype wire
