// SPDX-License-Identifier: Apache-2.0
// Memory with one write port and one synchronous read port: the only place where the design
// declares a RAM, so that simulation and synthesis see the same file and buffers map to block RAM.
//
// Latency:   r_data_o holds the word one cycle after r_en_i, and keeps it until the next r_en_i.
// Collision: a read of the address that is written in the same cycle returns the old word.
// Enables:   one write enable for each Granule of bits; w_en_i[g] writes bits [g*Granule +: Granule].
// Reset:     none. r_data_o is X until the first read, a word until its first write.
`default_nettype none

module csb_ram_1r1w #(
    parameter int Width   = 32,                               // bits of a word
    parameter int Depth   = 512,                              // words
    parameter int Granule = Width,                            // bits of one write enable
    parameter int AddrW   = (Depth > 1) ? $clog2(Depth) : 1,  // derived, do not override
    parameter int Enables = Width / Granule                   // derived, do not override
) (
    input  wire                clk_i,
    input  wire  [Enables-1:0] w_en_i,
    input  wire  [  AddrW-1:0] w_addr_i,
    input  wire  [  Width-1:0] w_data_i,
    input  wire                r_en_i,
    input  wire  [  AddrW-1:0] r_addr_i,
    output logic [  Width-1:0] r_data_o
);
  logic [Width-1:0] mem[Depth];

  always_ff @(posedge clk_i) begin
    for (int g = 0; g < Enables; g++) begin
      if (w_en_i[g]) mem[w_addr_i][g*Granule+:Granule] <= w_data_i[g*Granule+:Granule];
    end
  end

  always_ff @(posedge clk_i) begin
    if (r_en_i) r_data_o <= mem[r_addr_i];
  end
endmodule

`default_nettype wire
