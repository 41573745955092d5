// SPDX-License-Identifier: Apache-2.0
//
// Distance between words: over_o once the `gap` cycles that the word shown wants free after the
// word issued last are over. It is a register, computed a cycle ahead: a word that comes behind one
// that issues may issue at once if it has no gap. The first word after a start is shown a cycle
// before it can issue, whatever its gap.
`default_nettype none
module csb_gap #(
    parameter int W = 4  // bits of a gap
) (
    input  wire logic         clk_i,
    input  wire logic         rst_ni,
    input  wire logic         start_i,      // nothing was issued before
    input  wire logic         issue_i,
    input  wire logic         next_load_i,  // the word of next_gap_i is shown in the next cycle
    input  wire logic [W-1:0] next_gap_i,
    input  wire logic [W-1:0] gap_i,        // of the word shown
    output logic              over_o
);
  logic [W-1:0] since_d, since_q;  // cycles without issue, saturating

  assign since_d = since_q == '1 ? since_q : since_q + 1'b1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      since_q <= '1;
      over_o  <= 1'b0;
    end else begin
      since_q <= issue_i ? '0 : since_d;
      over_o  <= next_load_i ? issue_i && next_gap_i == '0 : since_d >= gap_i;
    end
  end
endmodule
`default_nettype wire
