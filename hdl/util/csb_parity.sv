// SPDX-License-Identifier: Apache-2.0
//
// Parity check: a word that was written with its parity bit has an even number of ones. An odd one
// has a bit that flipped in the memory or behind it.
//
// bad_o is high two cycles after a cycle in which valid_i was high with an odd word_i. Bits are
// summed in parts of csb_pkg::PartW, each in a register, so no path is longer than that.
// A word that was never written is X in a simulation and does not raise it.
`default_nettype none
module csb_parity #(
    parameter int Width = 37  // bits of a word, its parity bit included
) (
    input  wire logic             clk_i,
    input  wire logic             rst_ni,
    input  wire logic             valid_i,
    input  wire logic [Width-1:0] word_i,
    output logic                  bad_o
);
  localparam int Parts = (Width + csb_pkg::PartW - 1) / csb_pkg::PartW;

  logic [Parts*csb_pkg::PartW-1:0] padded;
  logic [Parts-1:0] odd_q;
  logic valid_q;
  assign padded = (Parts * csb_pkg::PartW)'(word_i);
  always_ff @(posedge clk_i) begin
    valid_q <= rst_ni && valid_i;
    for (int i = 0; i < Parts; i++) odd_q[i] <= ^padded[i*csb_pkg::PartW+:csb_pkg::PartW];
  end

  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_q && ^odd_q) bad_o <= 1'b1;
    else bad_o <= 1'b0;
  end
endmodule
`default_nettype wire
