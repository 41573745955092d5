// SPDX-License-Identifier: Apache-2.0
//
// Performance counters, 32 bits modulo, cleared by clear_i. In a cycle counter i adds
// inc_i[i*IncW+:IncW]; one more counter of each PEGroup counts issue_i, one of 64 bits the
// cycles of running_i.
// Reads are muxes in front of a register: the value of cycle c is out in c + 1.
//
// With Deep, for LUTs of four inputs, the high bits of all counters but that of cycles are words of
// a small memory. A visit, to one word after another, adds to it what its counter has too many in
// registers: its low bits and a carry. Words that have had no visit since the counters were cleared
// are zero, whatever the memory holds. A read adds word and carry, so no bit and no cycle differs.
// Example: 16 words, so 4 low bits; a counter of 21 may be the word 0 with 5 in the low bits and
// a carry of 1, and the word 1 with 5 after its next visit.
`default_nettype none
`include "csb_assert.svh"
module csb_counters #(
    parameter int Counters  = csb_regs_pkg::Counters,
    parameter int Groups    = 4,
    parameter int IncW      = csb_regs_pkg::CounterIncW,            // derived, do not override
    parameter int GroupW    = csb_regs_pkg::PegSelectGroupW,        // derived, do not override
    parameter int CounterIw = Counters > 1 ? $clog2(Counters) : 1,  // derived, do not override
    parameter int Deep      = 0,                                    // 1: words of a memory
    parameter int Single    = 0,                                    // bit i: i adds 1 at most
    parameter int Most      = (1 << IncW) - 1                       // what the others add at most
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
  localparam int GroupIw = Groups > 1 ? $clog2(Groups) : 1;
  logic clear;
  assign clear = !rst_ni || clear_i;
  always_ff @(posedge clk_i) begin
    if (clear) cycles_o <= '0;
    else cycles_o <= cycles_o + 64'(running_i);
  end

  if (Deep != 0) begin : gen_memory
    // Words: the counters, then the PEGroups' from a multiple of their power of two.
    localparam int Base = ((Counters + (1 << GroupIw) - 1) >> GroupIw) << GroupIw;
    localparam int WordIw = $clog2(Base + (1 << GroupIw));
    localparam int Words = 1 << WordIw;
    localparam int LowW = WordIw;  // between two visits the carry is the largest increment at most
    localparam int HighW = 32 - LowW;
    localparam int RegisterW = IncW + LowW;

    logic [WordIw-1:0] visited, next;
    logic full;  // every word had a visit
    assign next = visited + 1'b1;
    always_ff @(posedge clk_i) begin
      if (clear) {full, visited} <= '0;
      else {full, visited} <= {full || &visited, next};
    end

    logic [Words*RegisterW-1:0] low;
    for (genvar i = 0; i < Words; i++) begin : gen_word
      if (i < Counters || (i >= Base && i < Base + Groups)) begin : gen_counter
        localparam int Adds = i >= Counters || Single[i%32] ? 1 : Most;
        localparam int Width = LowW + $clog2(Adds + 1);
        logic [Width-1:0] low_q, kept, inc;
        assign kept = visited == WordIw'(i) ? Width'(low_q[LowW-1:0]) : low_q;
        if (i < Counters) begin : gen_inc
          assign inc = Width'(inc_i[i*IncW+:IncW]);
          if (Adds + 1 < 1 << IncW) begin : gen_check
            `CSB_ASSERT(AddsWhatFits, 32'(inc_i[i*IncW+:IncW]) <= Adds)
          end
        end else begin : gen_issue
          assign inc = Width'(issue_i[i-Base]);
        end
        always_ff @(posedge clk_i) begin
          if (clear) low_q <= '0;
          else low_q <= kept + inc;
        end
        assign low[i*RegisterW+:RegisterW] = RegisterW'(low_q);
      end else begin : gen_none
        assign low[i*RegisterW+:RegisterW] = '0;
      end
    end

    // The word of a visit is read the cycle before.
    logic [HighW-1:0] old, sum;
    assign sum = old + HighW'(low[visited*RegisterW+LowW+:IncW]);
    csb_ram_1r1w #(
        .Width(HighW),
        .Depth(Words)
    ) u_visit (
        .clk_i,
        .we_i   (rst_ni),  // no stray address before reset
        .waddr_i(visited),
        .wdata_i(sum),
        .re_i   (rst_ni),
        .rzero_i(clear || !(full || &visited)),
        .raddr_i(next),
        .rdata_o(old)
    );

    logic [2*WordIw-1:0] sel;
    logic [63:0] value;
    assign sel = {WordIw'(Base) | WordIw'(group_i[GroupIw-1:0]), WordIw'(sel_i)};
    for (genvar r = 0; r < 2; r++) begin : gen_read
      logic [WordIw-1:0] word;
      logic [HighW-1:0] high;
      logic [RegisterW-1:0] low_q;
      assign word = sel[r*WordIw+:WordIw];
      csb_ram_1r1w #(
          .Width(HighW),
          .Depth(Words)
      ) u_read (
          .clk_i,
          .we_i   (rst_ni),
          .waddr_i(visited),
          .wdata_i(sum),
          .re_i   (rst_ni),
          .rzero_i(!full && word >= visited),
          .raddr_i(word),
          .rdata_o(high)
      );
      always_ff @(posedge clk_i) low_q <= low[word*RegisterW+:RegisterW];
      assign value[r*32+:32] = {high + HighW'(low_q[LowW+:IncW]), low_q[LowW-1:0]};
    end
    assign {issued_o, counter_o} = value;
  end else begin : gen_registers
    logic [Counters*32-1:0] count_q;
    logic [  Groups*32-1:0] issued_q;
    always_ff @(posedge clk_i) begin
      if (clear) begin
        count_q  <= '0;
        issued_q <= '0;
      end else begin
        for (int i = 0; i < Counters; i++) begin
          count_q[i*32+:32] <= count_q[i*32+:32] + 32'(inc_i[i*IncW+:IncW]);
        end
        for (int g = 0; g < Groups; g++) begin
          if (issue_i[g]) issued_q[g*32+:32] <= issued_q[g*32+:32] + 1'b1;
        end
      end
    end

    // An index into a power of two becomes a tree of muxes, a comparison with each number a chain.
    logic [(32<<CounterIw)-1:0] every_count;
    logic [  (32<<GroupIw)-1:0] every_issued;
    assign every_count  = (32 << CounterIw)'(count_q);
    assign every_issued = (32 << GroupIw)'(issued_q);

    always_ff @(posedge clk_i) begin
      counter_o <= every_count[sel_i*32+:32];
      issued_o  <= every_issued[group_i[GroupIw-1:0]*32+:32];
    end
  end

  logic unused;
  assign unused = ^group_i;
endmodule
`default_nettype wire
