// SPDX-License-Identifier: Apache-2.0
// Memory with one write port and one synchronous read port: the only place where the design
// declares a RAM, so that simulation and synthesis see the same file and buffers map to block RAM.
//
// Latency:   rdata_o holds the word one cycle after re_i, until the next re_i or rzero_i.
// Zero:      rzero_i makes rdata_o zero, whatever re_i is; free, as block RAMs clear their output.
// Enables:   we_i[g] writes bits [g*Granule +: Granule] of the word; the last one may be narrower.
// Collision: a read of a word written in the same cycle returns the old one. Some block
//            RAMs (ECP5) cannot do that and are given two registers a bit around them. A user that
//            never collides sets NoCollision: no registers, and an assertion holds it to its word.
// Reset:     none. rdata_o is X until the first read, each word until its first write.
`default_nettype none

`include "csb_assert.svh"

module csb_ram_1r1w #(
    parameter int Width = 32,  // bits of a word
    parameter int Depth = 512,  // words
    parameter int Granule = Width,  // bits of one write enable
    parameter bit NoCollision = 0,  // see above
    parameter bit Ultra = 0,  // 1: an UltraRAM, where there is one
    parameter int AddrW = (Depth > 1) ? $clog2(Depth) : 1,  // derived, do not override
    parameter int Enables = (Width + Granule - 1) / Granule  // derived, do not override
) (
    input  wire logic               clk_i,
    input  wire logic [Enables-1:0] we_i,
    input  wire logic [  AddrW-1:0] waddr_i,
    input  wire logic [  Width-1:0] wdata_i,
    input  wire logic               re_i,
    input  wire logic               rzero_i,
    input  wire logic [  AddrW-1:0] raddr_i,
    output logic      [  Width-1:0] rdata_o
);
  (* no_rw_check = NoCollision, ram_style = Ultra ? "ultra" : "auto" *)
  logic [Width-1:0] mem[Depth];

  localparam int Whole = Width / Granule;  // granules
  localparam int Rest = Width - Whole * Granule;  // bits of a last, narrower one
  localparam int RestW = Rest > 0 ? Rest : 1;
  always_ff @(posedge clk_i) begin
    for (int g = 0; g < Whole; g++) begin
      if (we_i[g]) mem[waddr_i][g*Granule+:Granule] <= wdata_i[g*Granule+:Granule];
    end
    if (Rest > 0 && we_i[Enables-1]) mem[waddr_i][Width-1-:RestW] <= wdata_i[Width-1-:RestW];
  end

  always_ff @(posedge clk_i) begin
    if (rzero_i) rdata_o <= '0;
    else if (re_i) rdata_o <= mem[raddr_i];
  end

  // --- Assertions -----------------------------------------------------------------------------
  `CSB_ASSERT_INIT(UltraNeverCollides, !Ultra || NoCollision)
  `CSB_PROGRAM_NO_RESET(WriteInRange, |we_i, 32'(waddr_i) < Depth)
  `CSB_PROGRAM_NO_RESET(ReadInRange, re_i, 32'(raddr_i) < Depth)
  `CSB_PROGRAM_NO_RESET(NeverCollides, NoCollision && re_i && !rzero_i && |we_i, raddr_i != waddr_i)
endmodule

`default_nettype wire
