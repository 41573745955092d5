// SPDX-License-Identifier: Apache-2.0
// csb_load_ram: a word of several parts reads as they were written, in any order; with its parity
// bit, if they came one behind the other.
`default_nettype none
`include "csb_assert.svh"
module load_ram_proof #(
    parameter int Width  = 90,
    parameter int Depth  = 5,
    parameter int Parity = 1,
    parameter int AddrW  = $clog2(Depth)
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
  logic parity_o;
  csb_load_ram #(
      .Width (Width),
      .Depth (Depth),
      .Parity(Parity)
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

  // Parts in order: so many of a word, the last ones that were written.
  logic [PartIw-1:0] row_q;
  logic [ AddrW-1:0] row_addr_q;
  logic next, in_row_q, read_row_q;  // the place's word came in order, and so does the one read
  logic [Width-1:0] row_mask;
  logic [Parts-1:0] row_parts;
  assign next = part_i == row_q && (part_i == '0 || waddr_i == row_addr_q);
  always_ff @(posedge clk_i) begin
    if (we_i) begin
      row_addr_q <= waddr_i;
      if (next || part_i == '0) row_q <= part_i == PartIw'(Parts - 1) ? '0 : part_i + 1'b1;
      else row_q <= '0;
      if (waddr_i == place_i) in_row_q <= next && part_i == PartIw'(Parts - 1);
    end
    if (re_i) read_row_q <= in_row_q;
    if (!rst_ni) {row_q, in_row_q, read_row_q} <= '0;
  end

  always_comb begin
    for (int i = 0; i < Parts; i++) begin
      row_parts[i] = PartIw'(i) < row_q;
      for (int b = i * PartW; b < (i + 1) * PartW && b < Width; b++)
      row_mask[b] = PartIw'(i) < row_q;
    end
    if (begun && rst_ni && Parity != 0) begin
      RowIsAPart : assert (row_q < PartIw'(Parts));
      if (row_q != '0 && row_addr_q == place_i) begin
        SumIsOfTheParts : assert (dut.gen_parity.odd_q == ^(word_q[Width-1:0] & row_mask));
        Wrote : assert ((row_parts & ~wrote_q) == '0);
      end
      if (in_row_q) BitIsTheSum : assert (dut.u_ram.mem[place_i][Width] == ^word_q[Width-1:0]);
      if (in_row_q) AllWritten : assert (&wrote_q);
      if (is_place_q && read_row_q) ParityIsRight : assert (parity_o == ^rdata_o);
      OddWord : cover (is_place_q && read_row_q && parity_o);
    end
  end

  always_comb begin
    for (int i = 0; i < Parts; i++) mask[i*PartW+:PartW] = {PartW{wrote_q[i]}};
    whole = begun && is_place_q;
    if (begun) begin
      CopyIsTheWord :
      assert (((dut.u_ram.mem[place_i][Width-1:0] ^ word_q[Width-1:0]) & mask[Width-1:0]) == '0);
    end
    if (whole) AllParts : assert (rdata_o == word_q[Width-1:0]);
    Read : cover (whole && rdata_o[PartW-1:0] != '0 && rdata_o[Width-1-:4] == 4'h9);
  end
endmodule
`default_nettype wire
