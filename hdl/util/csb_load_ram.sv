// SPDX-License-Identifier: Apache-2.0
//
// Memory filled by the image loader: a csb_ram_1r1w whose words arrive over the load bus in parts
// of csb_pkg::PartW bits, lowest first, as a block RAM is wide: no bus of a whole word crosses the
// chip.
//
// Latency:   rdata_o holds the word one cycle after re_i.
// Collision: never; loads happen while nobody reads (asserted in csb_ram_1r1w).
// Reset:     none.
`default_nettype none
module csb_load_ram #(
    parameter int Width = 32,                              // bits of a word
    parameter int Depth = 512,                             // words
    parameter int Ultra = 0,                               // 1: an UltraRAM
    parameter int AddrW = (Depth > 1) ? $clog2(Depth) : 1  // derived, do not override
) (
    input  wire logic                       clk_i,
    // load
    input  wire logic                       we_i,
    input  wire logic [csb_pkg::PartIw-1:0] part_i,
    input  wire logic [          AddrW-1:0] waddr_i,
    input  wire logic [ csb_pkg::PartW-1:0] wdata_i,
    // use
    input  wire logic                       re_i,
    input  wire logic [          AddrW-1:0] raddr_i,
    output logic      [          Width-1:0] rdata_o
);
  import csb_pkg::*;

  localparam int Parts = (Width + PartW - 1) / PartW;

  logic [Parts-1:0] we;
  logic [Parts*PartW-1:0] wdata;
  for (genvar i = 0; i < Parts; i++) begin : gen_part
    assign we[i] = we_i && part_i == PartIw'(i);
    assign wdata[i*PartW+:PartW] = wdata_i;
  end

  csb_ram_1r1w #(
      .Width      (Width),
      .Depth      (Depth),
      .Granule    (Parts > 1 ? PartW : Width),
      .NoCollision(1),
      .Ultra      (Ultra != 0)
  ) u_ram (
      .clk_i,
      .we_i   (we),
      .waddr_i,
      .wdata_i(wdata[Width-1:0]),
      .re_i,
      .rzero_i(1'b0),
      .raddr_i,
      .rdata_o
  );

  logic unused;
  assign unused = ^wdata;
endmodule
`default_nettype wire
