// SPDX-License-Identifier: Apache-2.0
//
// One of the two register banks of a lane: written by one unit, read by the four operand ports of
// the element unit, so four copies of a small RAM. The copies of the narrow operands hold the value
// saturated to MulW bits and, above it, whether it was: nothing but a multiplexer is left between
// them and the multipliers. Read latency 1; old value on a read of what is being written.
`default_nettype none
module csb_reg_bank #(
    parameter int LaneW   = 26,                // bits of a lane value
    parameter int NarrowW = csb_pkg::MulW + 1  // derived, do not override
) (
    input  wire logic                                 clk_i,
    input  wire logic                                 we_i,
    input  wire logic        [    csb_pkg::RegAw-1:0] waddr_i,
    input  wire logic signed [             LaneW-1:0] wdata_i,
    input  wire logic                                 re_i,
    input  wire logic        [csb_pkg::OperandAw-1:0] raddr_i,  // x1, m1, x0, m0
    output logic             [         2*NarrowW-1:0] m_o,      // m1, m0: {saturated, value}
    output logic             [           2*LaneW-1:0] x_o       // x1, x0
);
  import csb_pkg::*;

  logic [NarrowW-1:0] narrow;
  csb_round_sat #(
      .InW  (LaneW),
      .Shift(0),
      .OutW (MulW)
  ) u_narrow (
      .data_i(wdata_i),
      .data_o(narrow[MulW-1:0]),
      .sat_o (narrow[MulW])
  );

  for (genvar i = 0; i < 2; i++) begin : gen_product
    csb_ram_1r1w #(
        .Width(NarrowW),
        .Depth(RegDepth)
    ) u_m (
        .clk_i,
        .we_i,
        .waddr_i,
        .wdata_i(narrow),
        .re_i,
        .rzero_i(1'b0),
        .raddr_i(raddr_i[2*i*RegAw+:RegAw]),
        .rdata_o(m_o[i*NarrowW+:NarrowW])
    );
    csb_ram_1r1w #(
        .Width(LaneW),
        .Depth(RegDepth)
    ) u_x (
        .clk_i,
        .we_i,
        .waddr_i,
        .wdata_i(wdata_i),
        .re_i,
        .rzero_i(1'b0),
        .raddr_i(raddr_i[(2*i+1)*RegAw+:RegAw]),
        .rdata_o(x_o[i*LaneW+:LaneW])
    );
  end
endmodule
`default_nettype wire
