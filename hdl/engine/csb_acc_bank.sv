// SPDX-License-Identifier: Apache-2.0
//
// Accumulators of one PE row: one write port (the PE row) and two read ports (the PE row, which
// comes back to a row, and the drain), so two copies of a RAM. Both reads have latency 1. Nobody
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
  csb_ram_1r1w #(
      .Width      (AccW),
      .Depth      (Depth),
      .NoCollision(1)
  ) u_row (
      .clk_i,
      .we_i,
      .waddr_i,
      .wdata_i,
      .re_i   (row_re_i),
      .raddr_i(row_raddr_i),
      .rdata_o(row_rdata_o)
  );

  csb_ram_1r1w #(
      .Width      (AccW),
      .Depth      (Depth),
      .NoCollision(1)
  ) u_drain (
      .clk_i,
      .we_i,
      .waddr_i,
      .wdata_i,
      .re_i   (drain_re_i),
      .raddr_i(drain_raddr_i),
      .rdata_o(drain_rdata_o)
  );
endmodule
`default_nettype wire
