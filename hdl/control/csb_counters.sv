// SPDX-License-Identifier: Apache-2.0
//
// Performance counters, 32 bits modulo, cleared by clear_i. In a cycle counter i adds
// inc_i[i*IncW+:IncW]; one more counter of each PEGroup counts issue_i, one of 64 bits the
// cycles of running_i.
// Reads are muxes in front of a register: the value of cycle c is out in c + 1.
`default_nettype none
module csb_counters #(
    parameter int Counters  = csb_regs_pkg::Counters,
    parameter int Groups    = 4,
    parameter int IncW      = csb_regs_pkg::CounterIncW,           // derived, do not override
    parameter int GroupW    = csb_regs_pkg::PegSelectGroupW,       // derived, do not override
    parameter int CounterIw = Counters > 1 ? $clog2(Counters) : 1  // derived, do not override
) (
    input  wire logic                     clk_i,
    input  wire logic                     rst_ni,
    input  wire logic                     clear_i,
    input  wire logic                     running_i,
    input  wire logic [Counters*IncW-1:0] inc_i,
    input  wire logic [       Groups-1:0] issue_i,
    // read
    input  wire logic [    CounterIw-1:0] sel_i,
    input  wire logic [       GroupW-1:0] group_i,
    output logic      [             63:0] cycles_o,
    output logic      [             31:0] counter_o,
    output logic      [             31:0] issued_o
);
  logic [Counters*32-1:0] count_q;
  logic [  Groups*32-1:0] issued_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      cycles_o <= '0;
      count_q  <= '0;
      issued_q <= '0;
    end else begin
      cycles_o <= cycles_o + 64'(running_i);
      for (int i = 0; i < Counters; i++) begin
        count_q[i*32+:32] <= count_q[i*32+:32] + 32'(inc_i[i*IncW+:IncW]);
      end
      for (int g = 0; g < Groups; g++) begin
        if (issue_i[g]) issued_q[g*32+:32] <= issued_q[g*32+:32] + 1'b1;
      end
    end
  end

  // An index into a power of two becomes a tree of muxes, a comparison with each number a chain.
  localparam int GroupIw = Groups > 1 ? $clog2(Groups) : 1;
  logic [(32<<CounterIw)-1:0] every_count;
  logic [  (32<<GroupIw)-1:0] every_issued;
  assign every_count  = (32 << CounterIw)'(count_q);
  assign every_issued = (32 << GroupIw)'(issued_q);

  always_ff @(posedge clk_i) begin
    counter_o <= every_count[sel_i*32+:32];
    issued_o  <= every_issued[group_i[GroupIw-1:0]*32+:32];
  end

  logic unused;
  assign unused = ^group_i;
endmodule
`default_nettype wire
