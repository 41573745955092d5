// SPDX-License-Identifier: Apache-2.0
//
// One PE row of a PEGroup: Q multipliers whose products belong to one output row, and the
// accumulators of the rows of its ring.
//
// A streak is the words on one row without a break. Its sum starts from the accumulator
// (`first`), or from zero (`first` and `clr`), goes on in a register and is stored with the last
// word (`store`). In cycles after the issue of a word (neurons addressed in cycle 0):
//   1 neurons and weights   2 products   3 their sum; accumulator read   4 sum of the streak
// and the accumulator RAM is written at the end of cycle 4. The accumulator is addressed in
// cycle 2, with Deep in cycle 1, so a row may be started again 3 + Deep words after it was stored
// (acc_raw).
//
// Banks: sets of DrainBanks, first those for this ring's rows, then for each sharing mode across
// engine rows those for rows of another ring. All numbers are signed integers: WeightW x DataW
// products, AccW sums, no rounding.
`default_nettype none
`include "csb_assert.svh"
module csb_pe_row #(
    parameter int Q         = 4,
    parameter int DataW     = 16,                            // bits of a neuron
    parameter int WeightW   = 16,                            // bits of a weight
    parameter int AccW      = 36,
    parameter int AccDepth  = 256,
    parameter int Banks     = 1,                             // of accumulators
    parameter int DrainRows = 1,                             // read at once by the drain
    parameter int SumBypass = 0,                             // 1: it may read what is being stored
    parameter int Deep      = 0,                             // 1: a register more
    parameter int Aw        = $clog2(AccDepth),              // derived, do not override
    parameter int Bw        = Banks > 1 ? $clog2(Banks) : 1  // derived, do not override
) (
    input  wire logic                            clk_i,
    input  wire logic                            rst_ni,
    // cycle 0: the issued word
    input  wire logic                            issue_i,
    input  wire logic [                  Aw-1:0] row_i,
    input  wire logic [                  Bw-1:0] bank_i,
    input  wire logic                            first_i,
    input  wire logic                            store_i,
    input  wire logic                            clr_i,
    input  wire logic [           Q*WeightW-1:0] weight_i,
    // cycle 1: the neurons it addressed
    input  wire logic [             Q*DataW-1:0] neuron_i,
    // zero all accumulators, one address a cycle (written one cycle later)
    input  wire logic                            zero_i,
    input  wire logic [                  Aw-1:0] zero_addr_i,
    // drain: data one cycle after the address
    input  wire logic                            acc_re_i,
    input  wire logic [                  Aw-1:0] acc_addr_i,
    output logic      [Banks*DrainRows*AccW-1:0] acc_o
);
  localparam int ProductW = WeightW + DataW;
  localparam int SumW = ProductW + $clog2(Q);

  logic issue_q1, issue_q2, issue_q3;
  logic [Aw-1:0] row_q1, row_q2, row_q3, row_q4;
  logic [Bw-1:0] bank_q1, bank_q2, bank_q3, bank_q4;
  logic first_q1, first_q2, clr_q1, clr_q2;
  logic store_q1, store_q2, store_q3, store_q4, zero_q4;
  logic [Q*WeightW-1:0] weight_q1;
  logic [Q*ProductW-1:0] product_q2;
  logic [SumW-1:0] sum_d;
  logic signed [SumW-1:0] sum_q3;
  logic signed [AccW-1:0] base, acc_d, acc_q4;
  logic [AccW-1:0] stored, stored_read;
  logic row_re;
  logic [Aw-1:0] row_raddr;
  logic [Bw-1:0] row_rbank;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      issue_q1 <= 1'b0;
      issue_q2 <= 1'b0;
      issue_q3 <= 1'b0;
      store_q1 <= 1'b0;
      store_q2 <= 1'b0;
      store_q3 <= 1'b0;
      store_q4 <= 1'b0;
      zero_q4  <= 1'b0;
    end else begin
      issue_q1 <= issue_i;
      issue_q2 <= issue_q1;
      issue_q3 <= issue_q2;
      store_q1 <= issue_i && store_i;
      store_q2 <= store_q1;
      store_q3 <= store_q2;
      store_q4 <= store_q3;
      zero_q4  <= zero_i;
    end
  end

  // Each stage loads with its word alone: where nothing issues no register but the flags above has
  // a clock.
  always_ff @(posedge clk_i) begin
    if (issue_i) begin
      {row_q1, bank_q1, first_q1, clr_q1} <= {row_i, bank_i, first_i, clr_i};
      weight_q1 <= weight_i;
    end
    if (issue_q1) {row_q2, bank_q2, first_q2, clr_q2} <= {row_q1, bank_q1, first_q1, clr_q1};
    if (issue_q2) begin
      {row_q3, bank_q3} <= {row_q2, bank_q2};
      sum_q3 <= sum_d;
    end
    if (zero_i) row_q4 <= zero_addr_i;
    else if (issue_q3) {row_q4, bank_q4} <= {row_q3, bank_q3};
  end

  for (genvar q = 0; q < Q; q++) begin : gen_pe
    always_ff @(posedge clk_i) begin
      if (issue_q1) begin
        product_q2[q*ProductW+:ProductW] <= $signed(weight_q1[q*WeightW+:WeightW]) *
            $signed(neuron_i[q*DataW+:DataW]);
      end
    end
  end

  csb_adder_tree #(
      .N   (Q),
      .InW (ProductW),
      .SumW(SumW)
  ) u_sum (
      .data_i(product_q2),
      .sum_o (sum_d)
  );

  // Where the sum starts from or goes on. A streak that starts from zero reads nothing: on the
  // published LSTM (MT1) 4,783 of 7,698 streaks of a frame.
  // With Deep the row is read a cycle earlier, and the streak goes on in a register of its own,
  // which is zero when the next one starts. So there is no third choice, and a bit of the sum is a
  // function of four inputs, which fits into the carry chain: from the row or not, both, the sum.
  if (Deep != 0) begin : gen_deep
    logic from_row_q3;
    logic signed [AccW-1:0] streak_q4;
    assign {row_re, row_rbank, row_raddr} = {issue_q1 && first_q1 && !clr_q1, bank_q1, row_q1};
    always_ff @(posedge clk_i) begin
      if (issue_q2) stored <= stored_read;
      if (issue_q2) from_row_q3 <= first_q2 && !clr_q2;
      if (zero_i || (issue_q2 && first_q2)) streak_q4 <= '0;
      else if (issue_q3) streak_q4 <= acc_d;
    end
    assign base = from_row_q3 ? stored : streak_q4;
  end else begin : gen_short
    logic first_q3, clr_q3;
    assign {row_re, row_rbank, row_raddr} = {issue_q2 && first_q2 && !clr_q2, bank_q2, row_q2};
    assign stored = stored_read;
    always_ff @(posedge clk_i) if (issue_q2) {first_q3, clr_q3} <= {first_q2, clr_q2};
    assign base = first_q3 ? (clr_q3 ? '0 : stored) : acc_q4;
  end
  assign acc_d = base + AccW'(sum_q3);

  // Zeroing shares the way to the memory: address and zero pass the registers of cycle 4.
  always_ff @(posedge clk_i) begin
    if (zero_i) acc_q4 <= '0;
    else if (issue_q3) acc_q4 <= acc_d;
  end

  csb_acc_bank #(
      .AccW(AccW),
      .Depth(AccDepth),
      .Banks(Banks),
      .DrainRows(DrainRows),
      .Bypass(SumBypass)
  ) u_bank (
      .clk_i,
      .we_i         (rst_ni && store_q4),  // no stray address before the first reset
      .zero_i       (rst_ni && zero_q4),
      .wbank_i      (bank_q4),
      .waddr_i      (row_q4),
      .wdata_i      (acc_q4),
      .row_re_i     (rst_ni && row_re),
      .row_bank_i   (row_rbank),
      .row_raddr_i  (row_raddr),
      .row_rdata_o  (stored_read),
      .drain_re_i   (acc_re_i),
      .drain_raddr_i(acc_addr_i),
      .drain_rdata_o(acc_o)
  );
endmodule
`default_nettype wire
