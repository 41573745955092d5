// SPDX-License-Identifier: Apache-2.0
//
// Event counters: how often each of the 16 events has happened since the start, modulo 64. Anyone
// may read them; nothing is consumed. A pulse of cycle c shows in events_o in cycle c + 1.
// An event belongs to one source; two sources may count different events in one cycle.
`default_nettype none
`include "csb_assert.svh"
module csb_events (
    input  wire logic                                       clk_i,
    input  wire logic                                       rst_ni,
    input  wire logic                                       clear_i,         // pulse: a run starts
    input  wire logic                                       x_evt_i,         // event EventX
    input  wire logic                                       drain_evt_i,
    input  wire logic [             csb_pkg::DrainEvtW-1:0] drain_evt_id_i,
    input  wire logic                                       neu_evt_i,
    input  wire logic [              csb_pkg::ElemEvtW-1:0] neu_evt_id_i,
    output logic      [csb_pkg::Events*csb_pkg::EventW-1:0] events_o
);
  import csb_pkg::*;

  logic [Events-1:0] x_inc, drain_inc, neu_inc;
  for (genvar i = 0; i < Events; i++) begin : gen_event
    logic inc;
    // Not a shift: without an event its number is X.
    assign x_inc[i] = x_evt_i && i == EventX;
    assign drain_inc[i] = drain_evt_i && drain_evt_id_i == DrainEvtW'(i);
    assign neu_inc[i] = neu_evt_i && neu_evt_id_i == ElemEvtW'(i);
    assign inc = x_inc[i] || drain_inc[i] || neu_inc[i];
    always_ff @(posedge clk_i) begin
      if (!rst_ni || clear_i) events_o[i*EventW+:EventW] <= '0;
      else if (inc) events_o[i*EventW+:EventW] <= events_o[i*EventW+:EventW] + 1'b1;
    end
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_PROGRAM(OneSourceAnEvent, (x_inc & drain_inc | x_inc & neu_inc | drain_inc & neu_inc) == '0)
endmodule
`default_nettype wire
