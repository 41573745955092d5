// SPDX-License-Identifier: Apache-2.0
//
// PEGroup: P rows of Q multipliers that run a program of their own.
//
// One word a cycle: control, for every PE row one output row and Q weights, and for every share
// group, SharedCols PE rows, Q neuron addresses (layout: csb_peg_word.svh). A word waits for up to
// two events, then issues; what follows has fixed latency (csb_pe_row). The program starts over
// after its last word: once through is one iteration, that is one frame of one stream.
//
// Neuron addresses are relative to stream and buffer: the top address bit is toggled for vectors
// that are double-buffered by frame parity, and the stream number (bit-reversed) is xored below it.
// The second wait is for drained accumulators alone: one of the last events, its lag by acc_pp.
`default_nettype none
`include "csb_assert.svh"
module csb_pegroup #(
    parameter int P = 4,
    parameter int Q = 4,
    parameter int DataW = 16,
    parameter int WeightW = 16,
    parameter int AccW = 36,
    parameter int WeightDepth = 1024,
    parameter int NeuronDepth = 512,
    parameter int AccDepth = 256,
    parameter int DrainBanks = 1,
    parameter int Sharing = 1,  // modes that are built in: sum of csb_pkg::Share*
    parameter int SharedCols = 1,  // PE rows that multiply the same neurons: divides P
    parameter int DrainRows = 1,  // accumulator rows of a bank, read at once by the drain
    parameter int BusNeurons = 1,  // neurons of a column in a word of the neuron bus
    parameter int SumBypass = 0,  // 1: a sum can be drained while it is stored
    parameter int ProgramUltra = 0,  // 1: programs are in UltraRAM
    parameter int ProgramReg = 0,  // 1: a register behind their memory
    parameter int Parity = 0,  // 1: words of the program are checked
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int Naw = $clog2(NeuronDepth),  // derived, do not override
    parameter int Aaw = $clog2(AccDepth),  // derived, do not override
    parameter int Sides = csb_pkg::share_sides(Sharing),  // derived, do not override
    parameter int Sets = csb_pkg::share_sets(Sharing),  // derived, do not override
    parameter int Banks = DrainBanks * Sets,  // derived, do not override
    parameter int Waw = $clog2(WeightDepth)  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic start_i,  // pulse: run from word 0
    input wire logic stop_i,  // back to idle
    input wire logic hold_i,  // do not begin yet
    input wire logic [3:0] streams_i,  // S, 1 to 8
    input wire logic ld_we_i,
    input wire logic [csb_pkg::PartIw-1:0] ld_part_i,
    input wire logic [Waw-1:0] ld_addr_i,
    input wire logic [csb_pkg::PartW-1:0] ld_data_i,
    input wire logic [csb_pkg::Events*csb_pkg::EventW-1:0] events_i,
    // zero accumulators
    input wire logic zero_i,
    input wire logic [15:0] zero_addr_i,
    // neurons of every side: the own column and those that sharing modes add; first those of the
    // first address, which BusNeurons divides
    input wire logic [BusNeurons*Sides-1:0] nw_we_i,
    input wire logic [Naw-1:0] nw_addr_i,
    input wire logic [BusNeurons*Sides*DataW-1:0] nw_data_i,
    // drain
    input wire logic acc_re_i,
    input wire logic [Aaw-1:0] acc_addr_i,
    output logic [P*Banks*DrainRows*AccW-1:0] acc_o,
    output logic mark_o,  // 4 + Deep - SumBypass after issue
    output logic wrap_o,  // an iteration is issued
    output logic busy_o,  // issues useful work
    output logic stall_o,  // has a word that waits
    output logic bad_o  // a word of the program has a flipped bit (csb_parity)
);
  import csb_pkg::*;

  localparam int Bsel = DrainBanks > 1 ? $clog2(DrainBanks) : 0;
  localparam int SideW = $clog2(Sides);
  localparam int SetW = $clog2(Sets);
  `include "csb_peg_word.svh"

  localparam int Bw = Banks > 1 ? $clog2(Banks) : 1;
  localparam bit [Aaw-1:0] AccHalf = Aaw'(1 << ($clog2(AccDepth + 1) - 2));  // of two halves

  logic valid, issue, next_load;
  logic [Waw-1:0] next_pc;
  logic [PegWordW-1:0] word, next_word;

  csb_seq #(
      .Width  (PegWordW),
      .Depth  (WeightDepth),
      .Ultra  (ProgramUltra),
      .ReadReg(ProgramReg),
      .Parity (Parity)
  ) u_seq (
      .clk_i,
      .rst_ni,
      .start_i,
      .stop_i,
      .hold_i,
      .loop_start_i(Waw'(0)),
      .we_i        (ld_we_i),
      .part_i      (ld_part_i),
      .waddr_i     (ld_addr_i),
      .wdata_i     (ld_data_i),
      .valid_o     (valid),
      .word_o      (word),
      .next_load_o (next_load),
      .next_word_o (next_word),
      .next_pc_o   (next_pc),
      .issue_i     (issue),
      .restart_i   (1'b0),
      .wrap_o,
      .bad_o
  );

  // --- iteration, stream and frame ------------------------------------------------------
  logic [EventW-1:0] before_q;  // of iteration n: n - 1
  logic [2:0] stream_q, next_stream;  // S after the last one, modulo 8
  logic parity_q, odd;  // of frame, of iteration
  assign next_stream = stream_q + 1'b1;
  assign odd         = !before_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      before_q <= '1;
      stream_q <= '0;
      parity_q <= 1'b0;
    end else if (wrap_o) begin
      before_q <= before_q + 1'b1;
      if (next_stream == streams_i[2:0]) begin
        stream_q <= '0;
        parity_q <= !parity_q;
      end else begin
        stream_q <= next_stream;
      end
    end
  end

  // --- waits ----------------------------------------------------------------------------
  // Events counted once iteration n - lag has happened: n - lag + 1, modulo 2^EventW. The lag picks
  // the distance of that from n - 1, then one adder is enough. Example: n = 5 and lag `last`: 5.
  // Counts are EvtStride bits apart: a slice at a multiple of 6 would become a shifter.
  localparam int EvtStride = 1 << $clog2(EventW);
  localparam int Drained = 1 << PegW1EvtW;  // the last counters
  logic [Events*EvtStride-1:0] events;
  logic [Drained*EvtStride-1:0] drained;
  logic [4*EvtStride-1:0] distance;
  logic [EventW-1:0] ahead0, event1;
  logic [EventW:0] ahead1;
  logic ready0, ready1;
  for (genvar i = 0; i < Events; i++) begin : gen_count
    assign events[i*EvtStride+:EvtStride] = EvtStride'(events_i[i*EventW+:EventW]);
  end
  assign drained = events[Events*EvtStride-1-:Drained*EvtStride];
  assign distance[LagThis*EvtStride+:EvtStride] = EvtStride'(2);
  assign distance[LagStream*EvtStride+:EvtStride] = EvtStride'(2) - EvtStride'(streams_i);
  assign distance[LagLast*EvtStride+:EvtStride] = EvtStride'(1);
  assign distance[LagBeforeLast*EvtStride+:EvtStride] = EvtStride'(0);
  assign ahead0 = events[word[PegW0EvtLsb+:PegW0EvtW]*EvtStride+:EventW] -
                  EventW'(before_q + distance[word[PegW0LagLsb+:PegW0LagW]*EvtStride+:EventW]);
  // With acc_pp one less is enough: event1 - n + acc_pp, acc_pp as the carry into the lowest bit.
  assign event1 = drained[word[PegW1EvtLsb+:PegW1EvtW]*EvtStride+:EventW];
  assign ahead1 = {event1, 1'b1} + {~before_q, word[PegAccPpLsb]};
  assign ready0 = !word[PegW0EnLsb] || !ahead0[EventW-1];
  assign ready1 = !word[PegW1EnLsb] || !ahead1[EventW];

  // Counts only grow, so what was ready a cycle ago still is: with Deep a word that waits is
  // compared in one cycle and issues in the next, any other word as soon as it is shown.
  if (Deep != 0) begin : gen_ready
    logic go_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || start_i || stop_i) go_q <= 1'b0;
      else if (next_load) go_q <= !(next_word[PegW0EnLsb] || next_word[PegW1EnLsb]);
      else go_q <= valid && ready0 && ready1;
    end
    assign issue = go_q;
  end else begin : gen_ready_at_once
    assign issue = valid && ready0 && ready1;
  end
  assign stall_o = valid && !issue;
  assign busy_o  = issue && word[PegWorkLsb];

  // --- mark: the rows stored so far can be drained in the cycle after mark_o -------------
  localparam int Marked = 4 + Deep - SumBypass;
  logic [Marked-1:0] mark_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) mark_q <= '0;
    else mark_q <= {mark_q[Marked-2:0], issue && word[PegMarkLsb]};
  end
  assign mark_o = mark_q[Marked-1];

  // --- neurons of every share group --------------------------------------------------------
  localparam int ShareGroups = P / SharedCols;
  localparam int Raw = Naw + SideW;
  logic [ShareGroups*SectionW-1:0] sections;
  logic [ ShareGroups*Q*DataW-1:0] neurons_in;
  assign sections = word[PegWidth+:ShareGroups*SectionW];
  // One memory for each share group: Yosys cannot map one of 16 read ports.
  for (genvar g = 0; g < ShareGroups; g++) begin : gen_share_group
    logic [SectionW-1:0] section;
    logic [Q*Raw-1:0] raddr;
    logic [Q*DataW-1:0] neurons;
    logic [Naw-1:0] toggle;  // what stream and frame change in a neuron address
    assign section = sections[g*SectionW+:SectionW];
    assign toggle[Naw-1] = section[SharedPpLsb] && parity_q;
    for (genvar i = 0; i < Naw - 1; i++) begin : gen_toggle
      if (i >= Naw - 4) begin : gen_stream
        assign toggle[i] = stream_q[Naw-2-i];
      end else begin : gen_plain
        assign toggle[i] = 1'b0;
      end
    end

    for (genvar q = 0; q < Q; q++) begin : gen_pe
      localparam int Pe = SectionPeLsb + q * PeW;
      logic [Naw-1:0] naddr;
      assign naddr = section[Pe+PeCLsb+:PeCW] ^ toggle;
      if (Sides > 1) begin : gen_side
        assign raddr[q*Raw+:Raw] = {naddr, section[Pe+PeSLsb+:PeSW]};
      end else begin : gen_own
        assign raddr[q*Raw+:Raw] = naddr;
      end
    end

    csb_neuron_ram #(
        .Reads (Q),
        .DataW (DataW),
        .Depth (NeuronDepth),
        .Sides (Sides),
        .Writes(BusNeurons)
    ) u_neurons (
        .clk_i,
        .we_i   (nw_we_i),
        .waddr_i(nw_addr_i),
        .wdata_i(nw_data_i),
        .re_i   (issue),
        .raddr_i(raddr),
        .rdata_o(neurons)
    );

    // With Deep neurons pass a register behind their memory; all else keeps pace.
    if (Deep != 0) begin : gen_deep
      logic issued;
      always_ff @(posedge clk_i) begin
        issued <= issue;
        if (issued) neurons_in[g*Q*DataW+:Q*DataW] <= neurons;
      end
    end else begin : gen_short
      assign neurons_in[g*Q*DataW+:Q*DataW] = neurons;
    end
  end

  // --- PE rows ----------------------------------------------------------------------------
  for (genvar p = 0; p < P; p++) begin : gen_row
    localparam int I = p % SharedCols;  // PE row of its share group
    logic [SectionW-1:0] section;
    logic [  PeRowW-1:0] fields;
    logic [Q*WeightW-1:0] weights, weights_in;
    logic [Bw-1:0] bank, bank_in;
    logic [Aaw-1:0] row, row_in;
    logic issue_in, first, first_in, store, store_in, clr, clr_in;
    assign section = sections[p/SharedCols*SectionW+:SectionW];
    assign fields = section[I*PeRowW+:PeRowW];
    assign first = fields[PeRowFirstLsb];
    assign store = fields[PeRowStoreLsb];
    assign clr = fields[PeRowClrLsb];
    assign row = fields[PeRowRowLsb+:PeRowRowW] ^ (word[PegAccPpLsb] && odd ? AccHalf : '0);
    for (genvar q = 0; q < Q; q++) begin : gen_weight
      assign weights[q*WeightW+:WeightW] = section[SectionPeLsb+q*PeW+PeWLsb+I*PeWeightW+:PeWW];
    end

    // bank: set of banks * DrainBanks + bank of the drain
    if (Banks == 1) begin : gen_bank0
      assign bank = 1'b0;
    end else if (Sets == 1) begin : gen_bank_d
      assign bank = fields[PeRowBankLsb+:PeRowBankW];
    end else if (PeRowBankW == 0) begin : gen_bank_v
      assign bank = section[PeRowVertLsb+I*PeRowEndW+:PeRowVertW];
    end else if (DrainBanks == 1 << PeRowBankW) begin : gen_bank_dv
      assign bank = {
        section[PeRowVertLsb+I*PeRowEndW+:PeRowVertW], fields[PeRowBankLsb+:PeRowBankW]
      };
    end else begin : gen_bank_product
      assign bank = Bw'(section[PeRowVertLsb+I*PeRowEndW+:PeRowVertW]) * Bw'(DrainBanks) +
                    Bw'(fields[PeRowBankLsb+:PeRowBankW]);
    end

    if (Deep != 0) begin : gen_deep
      always_ff @(posedge clk_i) begin
        issue_in <= rst_ni && issue;
        if (issue) begin
          {weights_in, bank_in, row_in} <= {weights, bank, row};
          {clr_in, store_in, first_in}  <= {clr, store, first};
        end
      end
    end else begin : gen_short
      assign issue_in = issue;
      assign {weights_in, bank_in, row_in} = {weights, bank, row};
      assign {clr_in, store_in, first_in} = {clr, store, first};
    end

    csb_pe_row #(
        .Q        (Q),
        .DataW    (DataW),
        .WeightW  (WeightW),
        .AccW     (AccW),
        .AccDepth (AccDepth),
        .Banks    (Banks),
        .DrainRows(DrainRows),
        .SumBypass(SumBypass),
        .Deep     (Deep)
    ) u_row (
        .clk_i,
        .rst_ni,
        .issue_i    (issue_in),
        .row_i      (row_in),
        .bank_i     (bank_in),
        .first_i    (first_in),
        .store_i    (store_in),
        .clr_i      (clr_in),
        .weight_i   (weights_in),
        .neuron_i   (neurons_in[p/SharedCols*Q*DataW+:Q*DataW]),
        .zero_i,
        .zero_addr_i(Aaw'(zero_addr_i)),
        .acc_re_i,
        .acc_addr_i,
        .acc_o      (acc_o[p*Banks*DrainRows*AccW+:Banks*DrainRows*AccW])
    );
  end
endmodule
`default_nettype wire
