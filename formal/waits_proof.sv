// SPDX-License-Identifier: Apache-2.0
// A word of csb_pegroup issues exactly if each event that it waits for has truly happened so often,
// as long as no count lies half a range away (distance_proof). Events pick_i and 12 + last_i.
`default_nettype none
`include "csb_assert.svh"
module waits_proof #(
    parameter int Deep = 0
) (
    input wire logic                                       clk_i,
    input wire logic                                       rst_ni,
    input wire logic                                       start_i,
    input wire logic                                       stop_i,
    input wire logic                                       hold_i,
    input wire logic [                                3:0] streams_i,
    input wire logic                                       ld_we_i,
    input wire logic [                                1:0] ld_addr_i,
    input wire logic [                 csb_pkg::PartW-1:0] ld_data_i,
    input wire logic [csb_pkg::Events*csb_pkg::EventW-1:0] events_i,
    input wire logic [                                3:0] pick_i,
    input wire logic [                                1:0] last_i,
    input wire logic [                               15:0] picked_i,   // how often they happened
    input wire logic [                               15:0] lasted_i
);
  import csb_pkg::*;
  `CSB_PROOF_BEGINS
  `CSB_PROOF_CONSTANT(Streams, streams_i)
  `CSB_PROOF_CONSTANT(Pick, pick_i)
  `CSB_PROOF_CONSTANT(Last, last_i)
  logic [5:0] acc_o;
  logic mark_o, wrap_o, busy_o, stall_o;
  csb_pegroup #(
      .P          (1),
      .Q          (1),
      .DataW      (2),
      .WeightW    (2),
      .AccW       (6),
      .WeightDepth(4),
      .NeuronDepth(16),
      .AccDepth   (4),
      .Deep       (Deep)
  ) dut (
      .clk_i,
      .rst_ni,
      .start_i,
      .stop_i,
      .hold_i,
      .streams_i,
      .ld_we_i,
      .ld_part_i  ('0),
      .ld_addr_i,
      .ld_data_i,
      .events_i,
      .zero_i     (1'b0),
      .zero_addr_i('0),
      .nw_we_i    ('0),
      .nw_addr_i  ('0),
      .nw_data_i  ('0),
      .acc_re_i   (1'b0),
      .acc_addr_i ('0),
      .bad_o      (),
      .acc_o,
      .mark_o,
      .wrap_o,
      .busy_o,
      .stall_o
  );

  logic signed [15:0] iter_q;  // true number of the iteration
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) iter_q <= '0;
    else iter_q <= iter_q + 16'(wrap_o);
  end

  // Fields of the word shown.
  wire waits0 = dut.word[PegW0EnLsb] && dut.word[PegW0EvtLsb+:PegW0EvtW] == pick_i;
  wire waits1 = dut.word[PegW1EnLsb] && dut.word[PegW1EvtLsb+:PegW1EvtW] == last_i;
  wire other0 = dut.word[PegW0EnLsb] && !waits0;
  wire other1 = dut.word[PegW1EnLsb] && !waits1;
  logic signed [15:0] lag0, lag1, wanted0, wanted1;
  always_comb begin
    unique case (dut.word[PegW0LagLsb+:PegW0LagW])
      2'(LagThis):   lag0 = 16'sd0;
      2'(LagStream): lag0 = 16'(streams_i);
      2'(LagLast):   lag0 = 16'sd1;
      default:       lag0 = 16'sd2;
    endcase
    lag1    = dut.word[PegAccPpLsb] ? 16'sd2 : 16'sd1;
    wanted0 = iter_q - lag0 + 16'sd1;
    wanted1 = iter_q - lag1 + 16'sd1;
  end
  wire signed [15:0] ahead0 = picked_i - wanted0;
  wire signed [15:0] ahead1 = lasted_i - wanted1;

  // Counts grow by at most one a cycle, and not in the cycle of a start.
  logic [15:0] picked_q, lasted_q;
  always_ff @(posedge clk_i) {picked_q, lasted_q} <= {picked_i, lasted_i};
  always_comb begin
    if (begun && rst_ni) begin
      Streams : assume (streams_i >= 4'd1 && streams_i <= 4'd8);
      CountsPicked : assume (events_i[pick_i*EventW+:EventW] == picked_i[EventW-1:0]);
      CountsLast : assume (events_i[(12+32'(last_i))*EventW+:EventW] == lasted_i[EventW-1:0]);
      Grows : assume (picked_i - picked_q <= 16'd1 && lasted_i - lasted_q <= 16'd1);
      Near : assume (ahead0 >= -31 && ahead0 <= 31 && ahead1 >= -31 && ahead1 <= 31);
      Positive : assume (!picked_i[15] && !lasted_i[15]);
      Finite : assume (iter_q >= 0 && iter_q < 16'sd30000);
    end
  end

  wire ready = !(waits0 && ahead0 < 0) && !(waits1 && ahead1 < 0);
  always_comb begin
    if (begun && rst_ni) begin
      IterationIsCounted : assert (dut.before_q == EventW'(iter_q - 16'sd1));
      if (dut.issue && waits0) IssuesBehindEvent : assert (ahead0 >= 0);
      if (dut.issue && waits1) IssuesBehindDrain : assert (ahead1 >= 0);
      if (Deep == 0 && dut.valid && ready && !other0 && !other1)
        NeverWaitsIdly : assert (dut.issue);
      if (dut.issue) OnlyValid : assert (dut.valid);
      Waits :
      cover (dut.valid && waits0 && lag0 == 16'sd1 && ahead0 == -16'sd1 && iter_q == 16'sd1);
      IssuesAfterBoth : cover (dut.issue && waits0 && waits1 && iter_q != '0);
    end
  end
endmodule
`default_nettype wire
