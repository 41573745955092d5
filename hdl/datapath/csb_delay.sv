// SPDX-License-Identifier: Apache-2.0
//
// Control delayed by a fixed number of cycles: data_o is data_i of `Stages` cycles ago. Reset and
// clr_i empty the line, so nothing of an aborted run appears later.
`default_nettype none
module csb_delay #(
    parameter int Width  = 1,
    parameter int Stages = 1   // 0: wires
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic             clr_i,
    input  wire logic [Width-1:0] data_i,
    output logic      [Width-1:0] data_o
);
  if (Stages == 0) begin : gen_wires
    logic unused;
    assign unused = &{clk_i, rst_ni, clr_i};
    assign data_o = data_i;
  end else begin : gen_line
    logic [Stages*Width-1:0] line_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clr_i) line_q <= '0;
      else line_q <= (Stages * Width)'({line_q, data_i});
    end
    assign data_o = line_q[(Stages-1)*Width+:Width];
  end
endmodule
`default_nettype wire
