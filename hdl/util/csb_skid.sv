// SPDX-License-Identifier: Apache-2.0
// Register slice for one stream: cuts every combinational path between its two sides.
//
// Handshake: AXI stream rules on both sides; valid never waits for ready.
// Latency:   one cycle from input to output.
// Rate:      one word a cycle. The second register takes the word of the cycle in
//            which the output stalls, as in_ready_o, being a register, goes low one cycle later.
// Reset:     empties it; payload registers have none and are X while not valid.
`default_nettype none

`include "csb_assert.svh"

module csb_skid #(
    parameter int Width = 32  // payload bits: data, last and whatever goes with them
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic             in_valid_i,
    output logic                  in_ready_o,
    input  wire logic [Width-1:0] in_data_i,
    output logic                  out_valid_o,
    input  wire logic             out_ready_i,
    output logic      [Width-1:0] out_data_o
);
  logic             spare_full_q;
  logic [Width-1:0] spare_q;

  assign in_ready_o = !spare_full_q;

  wire take = in_valid_i && in_ready_o;
  wire give = !out_valid_o || out_ready_i;  // the output register is free or becomes so

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      out_valid_o  <= 1'b0;
      spare_full_q <= 1'b0;
    end else if (give) begin
      out_valid_o  <= spare_full_q || take;
      spare_full_q <= 1'b0;
    end else if (take) begin
      spare_full_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (give) out_data_o <= spare_full_q ? spare_q : in_data_i;
    if (take) spare_q <= in_data_i;
  end

  // --- Assertions -----------------------------------------------------------------------------
  `CSB_ASSERT_STABLE(InputStable, in_valid_i, in_ready_o, in_data_i)
  `CSB_ASSERT_STABLE(OutputStable, out_valid_o, out_ready_i, out_data_o)
  `CSB_ASSERT(SpareOnlyBehindFullOutput, !spare_full_q || out_valid_o)
endmodule

`default_nettype wire
