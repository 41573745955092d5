// SPDX-License-Identifier: Apache-2.0
// Breaks each rule that scripts/synth.py checks once: see tests/test_gates.py.
`default_nettype none
module bad_synthesis (
    input  wire logic        clk_i,
    input  wire logic        en_i,
    input  wire logic [ 7:0] a_i,
    input  wire logic [ 7:0] b_i,
    output logic      [ 7:0] latch_o,
    output logic      [ 4:0] product_o,
    output logic      [15:0] read_o,
    output logic      [15:0] array_o
);
  always_latch if (en_i) latch_o = a_i;

  // Too narrow for a DSP block.
  assign product_o = a_i[2:0] * b_i[1:0];

  // Three write ports: no memory has them.
  logic [15:0] mem[256];
  always_ff @(posedge clk_i) begin
    mem[a_i] <= 16'(b_i);
    mem[b_i] <= 16'(a_i);
    mem[a_i^b_i] <= '0;
    read_o <= mem[a_i&b_i];
  end

  // Assigned as a whole: one register of 4096 bits.
  logic [15:0] array_d[256], array_q[256];
  always_comb begin
    array_d = array_q;
    array_d[a_i] = 16'(b_i);
  end
  always_ff @(posedge clk_i) array_q <= array_d;
  assign array_o = array_q[b_i];
endmodule
`default_nettype wire
