// SPDX-License-Identifier: Apache-2.0
// csb_load_ram: a word of several parts reads as they were written, in any order.
`default_nettype none
`include "csb_assert.svh"
module load_ram_proof #(
    parameter int Width = 90,
    parameter int Depth = 5,
    parameter int AddrW = $clog2(Depth)
) (
    input wire logic                       clk_i,
    input wire logic                       rst_ni,
    input wire logic                       we_i,
    input wire logic [csb_pkg::PartIw-1:0] part_i,
    input wire logic [          AddrW-1:0] waddr_i,
    input wire logic [ csb_pkg::PartW-1:0] wdata_i,
    input wire logic                       re_i,
    input wire logic [          AddrW-1:0] raddr_i,
    input wire logic [          AddrW-1:0] place_i
);
  import csb_pkg::*;
  `CSB_PROOF_BEGINS
  `CSB_PROOF_CONSTANT(Place, place_i)
  logic [Width-1:0] rdata_o;
  csb_load_ram #(
      .Width(Width),
      .Depth(Depth)
  ) dut (
      .*
  );

  localparam int Parts = (Width + PartW - 1) / PartW;
  logic [Parts-1:0] wrote_q;
  logic [Parts*PartW-1:0] word_q, mask;
  logic is_place_q, whole;
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < Parts; i++) begin
      if (we_i && part_i == PartIw'(i) && waddr_i == place_i) begin
        word_q[i*PartW+:PartW] <= wdata_i;
        wrote_q[i] <= 1'b1;
      end
    end
    if (!rst_ni) wrote_q <= '0;
    if (re_i) is_place_q <= raddr_i == place_i && &wrote_q;
    else if (we_i) is_place_q <= 1'b0;  // the word read before is an old one
    if (!rst_ni) is_place_q <= 1'b0;
  end

  always_comb begin
    for (int i = 0; i < Parts; i++) mask[i*PartW+:PartW] = {PartW{wrote_q[i]}};
    whole = begun && is_place_q;
    if (begun) begin
      CopyIsTheWord :
      assert (((dut.u_ram.mem[place_i] ^ word_q[Width-1:0]) & mask[Width-1:0]) == '0);
    end
    if (whole) AllParts : assert (rdata_o == word_q[Width-1:0]);
    Read : cover (whole && rdata_o[PartW-1:0] != '0 && rdata_o[Width-1-:4] == 4'h9);
  end
endmodule
`default_nettype wire
