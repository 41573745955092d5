// SPDX-License-Identifier: Apache-2.0
//
// Counts events in one instance of the design, in simulation only: bound to every memory (its
// reads and writes), every lane of the data path (drained values; element operations) and, in
// csb_products.sv, every PE row. At the end of a simulation each counter appends a line to
// accesses.txt in the folder of the run:  path  width  depth  first count  second count
//
// Everything is counted from the first cycle on, loading and clearing too. Two runs that differ by
// a number of frames alone therefore differ by the accesses of those frames alone
// (csb_rnn/experiments/energy/rtl.py).
`default_nettype none
module csb_accesses #(
    parameter int Width = 0,  // bits of a word
    parameter int Depth = 0   // words
) (
    input wire logic        clk_i,
    input wire logic [31:0] first_i,  // events of this cycle
    input wire logic [31:0] second_i
);
  longint first_q, second_q;
  initial {first_q, second_q} = '0;
  always_ff @(posedge clk_i) begin
    first_q  <= first_q + 64'(first_i);
    second_q <= second_q + 64'(second_i);
  end

  int file;
  final begin
    file = $fopen("accesses.txt", "a");
    $fdisplay(file, "%m %0d %0d %0d %0d", Width, Depth, first_q, second_q);
    $fclose(file);
  end
endmodule

bind csb_ram_1r1w csb_accesses #(
    .Width(Width),
    .Depth(Depth)
) u_accesses (
    .clk_i   (clk_i),
    .first_i (32'(re_i && !rzero_i)),
    .second_i(32'(|we_i))
);

// One memory for each read port; a write of both sides counts as two.
bind csb_neuron_ram csb_accesses #(
    .Width(DataW),
    .Depth(Depth * Sides)
) u_accesses (
    .clk_i   (clk_i),
    .first_i (re_i ? Reads : 0),
    .second_i(Reads * $countones(we_i))
);

bind csb_lane csb_accesses #(
    .Width(LaneW)
) u_accesses (
    .clk_i   (clk_i),
    .first_i (32'(drain_we_i)),
    .second_i(32'(opnd_valid_i))
);
`default_nettype wire
