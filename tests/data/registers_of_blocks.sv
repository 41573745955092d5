// SPDX-License-Identifier: Apache-2.0
//
// Multipliers and memories with flip-flops around them: those that fit into the blocks of an ECP5,
// and those that do not.
`default_nettype none
module registers_of_blocks (
    input wire logic clk_i,
    input wire logic zero_i,
    input wire logic one_i,
    input wire logic en_i,
    input wire logic we_i,
    input wire logic [7:0] addr_i,
    input wire logic signed [15:0] a_i,
    input wire logic signed [15:0] b_i,
    output logic signed [31:0] whole_o,
    output logic signed [31:0] reset_o,
    output logic signed [31:0] preset_o,
    output logic signed [31:0] inputs_o,
    output logic signed [31:0] half_o,
    output logic signed [31:0] enabled_o,
    output logic signed [15:0] tap_o,
    output logic [15:0] plain_o,
    output logic [35:0] wide_o,
    output logic [15:0] raw_o
);
  // Registers on all sides; a_q is read by others too.
  logic signed [15:0] a_q, b_q;
  always_ff @(posedge clk_i) begin
    a_q     <= a_i;
    b_q     <= b_i;
    whole_o <= a_q * b_q;
  end
  assign tap_o = a_q ^ 16'h5a5a;

  // Both operands are set to zero, by two signals.
  logic signed [15:0] c_q, d_q;
  always_ff @(posedge clk_i) begin
    c_q <= zero_i ? '0 : a_i;
    d_q <= one_i ? '0 : b_i;
    reset_o <= c_q * d_q;
  end

  // An operand is set to 1.0; the product has more readers than its register.
  logic signed [15:0] e_q, f_q;
  logic signed [31:0] product;
  always_ff @(posedge clk_i) begin
    e_q <= one_i ? 16'h4000 : b_i;
    f_q <= a_i;
  end
  assign product = e_q * f_q;
  always_ff @(posedge clk_i) preset_o <= product + 32'(a_i);
  assign inputs_o = product;

  // Of one operand only.
  logic signed [15:0] g_q;
  always_ff @(posedge clk_i) begin
    g_q <= b_i;
    half_o <= (a_i + 16'sd3) * g_q;
  end

  // An enable of each register; the reset of an operand is stronger than its enable.
  logic signed [15:0] r_q, s_q;
  always_ff @(posedge clk_i) begin
    if (en_i) r_q <= a_i;
    if (we_i) s_q <= b_i;
    if (zero_i) s_q <= 16'h4000;
    if (one_i) enabled_o <= r_q * s_q;
  end

  // Memories: read through a register, the wide one through a register with an enable; one is
  // read at once.
  logic [15:0] narrow[256], open[256];
  logic [35:0] wide[256];
  logic [15:0] narrow_q;
  logic [35:0] wide_q;
  always_ff @(posedge clk_i) begin
    if (we_i) begin
      narrow[addr_i] <= a_i;
      open[addr_i] <= b_i;
      wide[addr_i] <= {a_i[3:0], a_i, b_i};
    end
    if (!we_i) begin
      narrow_q <= narrow[b_i[7:0]];
      raw_o <= open[b_i[7:0]];
      wide_q <= wide[b_i[7:0]];
    end
    plain_o <= narrow_q;
    if (en_i) wide_o <= wide_q;
  end
endmodule
`default_nettype wire
