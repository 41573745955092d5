// SPDX-License-Identifier: Apache-2.0
// csb_events counts each event exactly, modulo 64, whatever the other sources do: event pick_i.
`default_nettype none
`include "csb_assert.svh"
module events_proof (
    input wire logic                          clk_i,
    input wire logic                          rst_ni,
    input wire logic                          clear_i,
    input wire logic                          x_evt_i,
    input wire logic                          drain_evt_i,
    input wire logic [csb_pkg::DrainEvtW-1:0] drain_evt_id_i,
    input wire logic                          neu_evt_i,
    input wire logic [ csb_pkg::ElemEvtW-1:0] neu_evt_id_i,
    input wire logic [                   3:0] pick_i
);
  import csb_pkg::*;
  `CSB_PROOF_BEGINS
  `CSB_PROOF_CONSTANT(Pick, pick_i)
  logic [Events*EventW-1:0] events_o;
  csb_events dut (.*);

  logic [15:0] happened_q;
  wire by_x = x_evt_i && pick_i == 4'(EventX);
  wire by_drain = drain_evt_i && drain_evt_id_i == pick_i;
  wire by_neuron = neu_evt_i && neu_evt_id_i == pick_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) happened_q <= '0;
    else happened_q <= happened_q + 16'(by_x) + 16'(by_drain) + 16'(by_neuron);
  end
  always_comb begin
    if (begun && rst_ni) begin
      CountIsExact : assert (events_o[pick_i*EventW+:EventW] == EventW'(happened_q));
      TwoAtOnce : cover (drain_evt_i && neu_evt_i && x_evt_i && happened_q == 16'd2);
    end
  end
endmodule
`default_nettype wire
