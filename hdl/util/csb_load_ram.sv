// SPDX-License-Identifier: Apache-2.0
//
// Memory filled by the image loader: a csb_ram_1r1w whose words arrive over the load bus in parts
// of csb_pkg::PartW bits, lowest first, as a block RAM is wide: no bus of a whole word crosses the
// chip.
//
// Latency:   rdata_o holds the word one cycle after re_i.
// Parity:    with it a word has a bit more, the parity of all others, written with the last part:
//            parts of a word then come in order, as the loader sends them. A check is csb_parity's.
// Collision: never; loads happen while nobody reads (asserted in csb_ram_1r1w).
// Reset:     none.
`default_nettype none
module csb_load_ram #(
    parameter int Width  = 32,                              // bits of a word
    parameter int Depth  = 512,                             // words
    parameter int Ultra  = 0,                               // 1: an UltraRAM
    parameter int Parity = 0,                               // 1: a parity bit a word
    parameter int AddrW  = (Depth > 1) ? $clog2(Depth) : 1  // derived, do not override
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
    output logic      [          Width-1:0] rdata_o,
    output logic                            parity_o  // of the word; 0 without Parity
);
  import csb_pkg::*;

  localparam int Parts = (Width + PartW - 1) / PartW;

  localparam int Stored = Parity != 0 ? Width + 1 : Width;
  localparam int Granules = (Stored + PartW - 1) / PartW;  // the parity bit may be one of its own

  logic [Granules-1:0] we;
  logic [Granules*PartW-1:0] wdata;
  logic [Stored-1:0] stored, read;
  for (genvar i = 0; i < Granules; i++) begin : gen_part
    assign we[i] = we_i && part_i == PartIw'(i < Parts ? i : Parts - 1);
    assign wdata[i*PartW+:PartW] = wdata_i;
  end

  assign rdata_o = read[Width-1:0];
  if (Parity != 0) begin : gen_parity
    localparam int LastW = Width - (Parts - 1) * PartW;
    logic [PartW-1:0] used;  // bits of the part that are the word's
    logic odd, odd_q;  // parity of the parts up to this one, of those before it
    assign used = part_i == PartIw'(Parts - 1) ? wdata_i & ({PartW{1'b1}} >> (PartW - LastW)) :
        wdata_i;
    assign odd = ^used ^ (part_i != '0 && odd_q);
    always_ff @(posedge clk_i) if (we_i) odd_q <= odd;
    assign stored   = {odd, wdata[Width-1:0]};
    assign parity_o = read[Width];
  end else begin : gen_no_parity
    assign stored   = wdata[Width-1:0];
    assign parity_o = 1'b0;
  end

  csb_ram_1r1w #(
      .Width      (Stored),
      .Depth      (Depth),
      .Granule    (Granules > 1 ? PartW : Stored),
      .NoCollision(1),
      .Ultra      (Ultra != 0)
  ) u_ram (
      .clk_i,
      .we_i   (we),
      .waddr_i,
      .wdata_i(stored),
      .re_i,
      .rzero_i(1'b0),
      .raddr_i,
      .rdata_o(read)
  );

  logic unused;
  assign unused = ^wdata;
endmodule
`default_nettype wire
