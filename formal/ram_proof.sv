// SPDX-License-Identifier: Apache-2.0
// csb_ram_1r1w reads what was written last, the old word at a collision, and holds it. Any word: a
// copy is kept of the one at place_i.
`default_nettype none
`include "csb_assert.svh"
module ram_proof #(
    parameter int Width   = 11,
    parameter int Depth   = 6,
    parameter int Granule = 4,
    parameter int AddrW   = $clog2(Depth),
    parameter int Enables = (Width + Granule - 1) / Granule
) (
    input wire logic               clk_i,
    input wire logic               rst_ni,
    input wire logic [Enables-1:0] we_i,
    input wire logic [  AddrW-1:0] waddr_i,
    input wire logic [  Width-1:0] wdata_i,
    input wire logic               re_i,
    input wire logic               rzero_i,
    input wire logic [  AddrW-1:0] raddr_i,
    input wire logic [  AddrW-1:0] place_i
);
  `CSB_PROOF_BEGINS
  `CSB_PROOF_CONSTANT(Place, place_i)
  logic [Width-1:0] rdata_o;
  csb_ram_1r1w #(
      .Width  (Width),
      .Depth  (Depth),
      .Granule(Granule)
  ) dut (
      .*
  );

  logic known_q;  // the first read of the word was there
  logic [Width-1:0] known, word_q, want_q;
  logic [Width-1:0] wrote_q;  // bits that were written
  always_comb for (int i = 0; i < Width; i++) known[i] = we_i[i/Granule] && waddr_i == place_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) wrote_q <= '0;
    else wrote_q <= wrote_q | known;
    word_q <= (word_q & ~known) | (wdata_i & known);
    if (rzero_i) begin
      known_q <= rst_ni;
      want_q  <= '0;
    end else if (re_i) begin
      known_q <= rst_ni && raddr_i == place_i && &wrote_q;
      want_q  <= word_q;
    end else if (!rst_ni) begin
      known_q <= 1'b0;
    end
  end

  always_comb begin
    if (begun) CopyIsTheWord : assert (((dut.mem[place_i] ^ word_q) & wrote_q) == '0);
    if (begun && known_q) ReadsTheLast : assert (rdata_o == want_q);
    Collides :
    cover (begun && re_i && !rzero_i && &we_i && raddr_i == waddr_i && &wrote_q &&
        raddr_i == place_i);
    Reads : cover (begun && known_q && rdata_o != '0);
  end
endmodule
`default_nettype wire
