// SPDX-License-Identifier: Apache-2.0
//
// Accumulators of one PE row: one write port (the PE row) and two read ports (the PE row, which
// comes back to a row, and the drain), of which synthesis makes two copies of a RAM. Both reads have latency 1. Nobody
// reads a word in the cycle in which it is written: the compiler keeps a row that is stored away
// from its next visit, and a mark reaches the drain after the store.
`default_nettype none
module csb_acc_bank #(
    parameter int AccW  = 42,
    parameter int Depth = 256,
    parameter int Aw    = $clog2(Depth)  // derived, do not override
) (
    input  wire logic            clk_i,
    input  wire logic            we_i,
    input  wire logic [  Aw-1:0] waddr_i,
    input  wire logic [AccW-1:0] wdata_i,
    input  wire logic            row_re_i,
    input  wire logic [  Aw-1:0] row_raddr_i,
    output logic      [AccW-1:0] row_rdata_o,
    input  wire logic            drain_re_i,
    input  wire logic [  Aw-1:0] drain_raddr_i,
    output logic      [AccW-1:0] drain_rdata_o
);
  (* no_rw_check *)
  logic [AccW-1:0] mem[Depth];

  always_ff @(posedge clk_i) begin
    if (we_i) mem[waddr_i] <= wdata_i;
  end

  always_ff @(posedge clk_i) begin
    if (row_re_i) row_rdata_o <= mem[row_raddr_i];
    if (drain_re_i) drain_rdata_o <= mem[drain_raddr_i];
  end
endmodule
`default_nettype wire
