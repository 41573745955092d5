// SPDX-License-Identifier: Apache-2.0
//
// CSB-Engine: K x L PEGroups, the neuron write bus to all of them, and the drain, which sums one
// accumulator row of every ring across its engine row.
//
// PEGroup (k, l) holds the neurons of engine column l and, for each sharing mode across columns, of
// one more (side); it accumulates rows of engine row k and, for each mode across rows, of one more
// (set of banks). Example: horizontal sharing adds column (l+1) mod L, vertical row (k+1) mod K.
// Drain: address in cycle 0 (acc_re_i), sums in cycle 1 + stages of csb_reduce + 2 Deep (sum_o,
// row r of lane (k*P + p)*DrainBanks + d at place lane*DrainRows + r). Marks: see csb_token_join;
// mark_ready_o is registered state.
//
// With Deep each PEGroup has a copy of its own, two cycles later, of all that comes to it
// (csb_local_copy; neurons in a register of the bus and a copy), one cycle of a drain's address;
// accumulators pass a register more, and marks are counted twice: those of each PEGroup near it,
// those of all near the drain unit.
`default_nettype none
module csb_engine #(
    parameter int K = 4,
    parameter int L = 4,
    parameter int P = 4,
    parameter int Q = 4,
    parameter int DataW = 16,
    parameter int WeightW = 16,
    parameter int AccGuard = 4,
    parameter int WeightDepth = 1024,
    parameter int NeuronDepth = 512,
    parameter int AccDepth = 256,
    parameter int DrainBanks = 1,
    parameter int Sharing = 1,  // modes that are built in: sum of csb_pkg::Share*
    parameter int SharedCols = 1,  // PE rows that multiply the same neurons: divides P
    parameter int DrainRows = 1,  // accumulator rows of a lane, drained in a cycle
    parameter int BusNeurons = 1,  // neurons of a column in a word of the neuron bus
    parameter int SumBypass = 0,  // 1: a sum can be drained while it is stored
    parameter int ProgramUltra = 0,  // 1: programs are in UltraRAM
    parameter int ProgramReg = 0,  // 1: a register behind their memory
    parameter int Parity = 0,  // 1: words of programs are checked
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int AccW = DataW + WeightW + AccGuard,  // derived, do not override
    parameter int Lanes = K * P * DrainBanks,  // derived, do not override
    parameter int Naw = $clog2(NeuronDepth),  // derived, do not override
    parameter int Aaw = $clog2(AccDepth),  // derived, do not override
    parameter int Waw = $clog2(WeightDepth)  // derived, do not override
) (
    input  wire logic                                       clk_i,
    input  wire logic                                       rst_ni,
    input  wire logic                                       start_i,
    input  wire logic                                       stop_i,
    input  wire logic                                       hold_i,
    input  wire logic [                                3:0] streams_i,
    // program load: one-hot PEGroup k*L + l
    input  wire logic [                            K*L-1:0] ld_we_i,
    input  wire logic [                csb_pkg::PartIw-1:0] ld_part_i,
    input  wire logic [                            Waw-1:0] ld_addr_i,
    input  wire logic [                 csb_pkg::PartW-1:0] ld_data_i,
    // zero all neurons and accumulators, one address a cycle
    input  wire logic                                       clr_valid_i,
    input  wire logic [                               15:0] clr_addr_i,
    input  wire logic [csb_pkg::Events*csb_pkg::EventW-1:0] events_i,
    // neuron write bus: of every engine column a neuron at the address, then, with BusNeurons = 2,
    // one at the next address; the first is even
    input  wire logic [                   BusNeurons*L-1:0] nw_we_i,
    input  wire logic [                            Naw-1:0] nw_addr_i,
    input  wire logic [             BusNeurons*L*DataW-1:0] nw_data_i,
    // drain
    input  wire logic                                       acc_re_i,
    input  wire logic [                            Aaw-1:0] acc_addr_i,
    output logic      [           Lanes*DrainRows*AccW-1:0] sum_o,
    output logic                                            mark_ready_o,
    input  wire logic                                       mark_take_i,
    output logic                                            iter_done_o,   // pulse
    output logic      [                            K*L-1:0] issue_o,       // useful work
    output logic      [                            K*L-1:0] stall_o,       // a word waits
    output logic                                            bad_o          // a word is damaged
);
  localparam int Sides = csb_pkg::share_sides(Sharing);
  localparam int Sets = csb_pkg::share_sets(Sharing);
  localparam int Banks = DrainBanks * Sets;
  localparam int GroupW = P * Banks * DrainRows * AccW;

  logic [K*L*GroupW-1:0] acc_read, acc;
  logic [K*L-1:0] mark, wrap, bad;

  // --- neuron bus: zeroing takes it over -----------------------------------------------------
  localparam int Places = BusNeurons * L;
  localparam int BusW = Places + Naw + Places * DataW;
  logic [Places-1:0] bus_we;
  logic [Naw-1:0] bus_addr;
  logic [Places*DataW-1:0] bus_data;
  csb_local_copy #(
      .Width (BusW),
      .Stages(Deep)
  ) u_bus (
      .clk_i,
      .rst_ni,
      .data_i(clr_valid_i ? {{Places{1'b1}}, Naw'(clr_addr_i), {(Places * DataW) {1'b0}}} :
                            {nw_we_i, nw_addr_i, nw_data_i}),
      .data_o({bus_we, bus_addr, bus_data})
  );

  // --- PEGroups ------------------------------------------------------------------------------
  typedef struct packed {
    logic                                       start;
    logic                                       stop;
    logic                                       hold;
    logic [3:0]                                 streams;
    logic                                       ld_we;
    logic [csb_pkg::PartIw-1:0]                 ld_part;
    logic [Waw-1:0]                             ld_addr;
    logic [csb_pkg::PartW-1:0]                  ld_data;
    logic [csb_pkg::Events*csb_pkg::EventW-1:0] events;
    logic                                       zero;
    logic [15:0]                                zero_addr;
  } to_group_t;
  typedef struct packed {
    logic [BusNeurons*Sides-1:0]       we;
    logic [Naw-1:0]                    addr;
    logic [BusNeurons*Sides*DataW-1:0] data;
  } neurons_t;
  logic up;  // what is in a copy before the first reset addresses no memory
  assign up = Deep == 0 || rst_ni;

  for (genvar k = 0; k < K; k++) begin : gen_engine_row
    for (genvar l = 0; l < L; l++) begin : gen_group
      localparam int G = k * L + l;
      logic [BusNeurons*Sides-1:0] nw_we;
      logic [BusNeurons*Sides*DataW-1:0] nw_data;
      for (genvar i = 0; i < BusNeurons * Sides; i++) begin : gen_side
        localparam int Column = (l + L + csb_pkg::side_column(Sharing, i % Sides) % L) % L;
        localparam int From = i / Sides * L + Column;
        assign nw_we[i] = bus_we[From];
        assign nw_data[i*DataW+:DataW] = bus_data[From*DataW+:DataW];
      end

      to_group_t to_group, own;
      assign to_group.start     = start_i;
      assign to_group.stop      = stop_i;
      assign to_group.hold      = hold_i;
      assign to_group.streams   = streams_i;
      assign to_group.ld_we     = ld_we_i[G];
      assign to_group.ld_part   = ld_part_i;
      assign to_group.ld_addr   = ld_addr_i;
      assign to_group.ld_data   = ld_data_i;
      assign to_group.events    = events_i;
      assign to_group.zero      = clr_valid_i && 32'(clr_addr_i) < AccDepth;
      assign to_group.zero_addr = clr_addr_i;
      csb_local_copy #(
          .Width ($bits(to_group_t)),
          .Stages(2 * Deep)
      ) u_local (
          .clk_i,
          .rst_ni,
          .data_i(to_group),
          .data_o(own)
      );

      neurons_t nw;
      csb_local_copy #(
          .Width ($bits(neurons_t)),
          .Stages(Deep)
      ) u_neurons (
          .clk_i,
          .rst_ni,
          .data_i({nw_we, bus_addr, nw_data}),
          .data_o(nw)
      );

      logic acc_re;
      logic [Aaw-1:0] acc_addr;
      csb_local_copy #(
          .Width (1 + Aaw),
          .Stages(Deep)
      ) u_drain (
          .clk_i,
          .rst_ni,
          .data_i({acc_re_i, acc_addr_i}),
          .data_o({acc_re, acc_addr})
      );

      csb_pegroup #(
          .P           (P),
          .Q           (Q),
          .DataW       (DataW),
          .WeightW     (WeightW),
          .AccW        (AccW),
          .WeightDepth (WeightDepth),
          .NeuronDepth (NeuronDepth),
          .AccDepth    (AccDepth),
          .DrainBanks  (DrainBanks),
          .Sharing     (Sharing),
          .SharedCols  (SharedCols),
          .DrainRows   (DrainRows),
          .BusNeurons  (BusNeurons),
          .SumBypass   (SumBypass),
          .ProgramUltra(ProgramUltra),
          .ProgramReg  (ProgramReg),
          .Parity      (Parity),
          .Deep        (Deep)
      ) u_group (
          .clk_i,
          .rst_ni,
          .start_i    (own.start),
          .stop_i     (own.stop),
          .hold_i     (own.hold),
          .streams_i  (own.streams),
          .ld_we_i    (up && own.ld_we),
          .ld_part_i  (own.ld_part),
          .ld_addr_i  (own.ld_addr),
          .ld_data_i  (own.ld_data),
          .events_i   (own.events),
          .zero_i     (own.zero),
          .zero_addr_i(own.zero_addr),
          .nw_we_i    (up ? nw.we : '0),
          .nw_addr_i  (nw.addr),
          .nw_data_i  (nw.data),
          .acc_re_i   (up && acc_re),
          .acc_addr_i (acc_addr),
          .acc_o      (acc_read[G*GroupW+:GroupW]),
          .mark_o     (mark[G]),
          .wrap_o     (wrap[G]),
          .busy_o     (issue_o[G]),
          .stall_o    (stall_o[G]),
          .bad_o      (bad[G])
      );
    end
  end

  // --- sum across the engine row ----------------------------------------------------------
  if (Deep != 0) begin : gen_deep
    always_ff @(posedge clk_i) acc <= acc_read;
  end else begin : gen_short
    assign acc = acc_read;
  end

  for (genvar k = 0; k < K; k++) begin : gen_sum_row
    for (genvar p = 0; p < P; p++) begin : gen_ring
      for (genvar d = 0; d < DrainBanks * DrainRows; d++) begin : gen_bank
        localparam int Operands = L * Sets;
        logic [Operands*AccW-1:0] operands;
        for (genvar s = 0; s < Sets; s++) begin : gen_set
          // Engine row whose PEGroups did work for row k.
          localparam int By = (k + K - csb_pkg::set_row(Sharing, s) % K) % K;
          for (genvar l = 0; l < L; l++) begin : gen_operand
            assign operands[(s*L+l)*AccW+:AccW] =
                acc[(By*L+l)*GroupW+((p*Banks+s*DrainBanks)*DrainRows+d)*AccW+:AccW];
          end
        end
        csb_reduce #(
            .N   (Operands),
            .AccW(AccW)
        ) u_reduce (
            .clk_i,
            .data_i(operands),
            .sum_o (sum_o[((k*P+p)*DrainBanks*DrainRows+d)*AccW+:AccW])
        );
      end
    end
  end

  always_ff @(posedge clk_i) bad_o <= |bad;

  // --- tokens of all PEGroups -------------------------------------------------------------
  logic marked, marks_take;
  csb_token_join #(
      .N(K * L),
      .W(10)
  ) u_marks (
      .clk_i,
      .rst_ni,
      .clear_i(start_i),
      .pulse_i(mark),
      .ready_o(marked),
      .take_i (marks_take)
  );
  if (Deep != 0) begin : gen_deep_marks
    // What the PEGroups have in common is taken at once and counted near the drain unit.
    logic marked_q;
    assign marks_take = marked;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || start_i) marked_q <= 1'b0;
      else marked_q <= marked;
    end
    csb_token #(
        .W(10)
    ) u_marked (
        .clk_i,
        .rst_ni,
        .load_i(start_i),
        .init_i(10'd0),
        .inc_i (marked_q),
        .dec_i (mark_take_i),
        .has_o (mark_ready_o)
    );
  end else begin : gen_short_marks
    assign marks_take   = mark_take_i;
    assign mark_ready_o = marked;
  end

  csb_token_join #(
      .N(K * L),
      .W(4)
  ) u_iterations (
      .clk_i,
      .rst_ni,
      .clear_i(start_i),
      .pulse_i(wrap),
      .ready_o(iter_done_o),
      .take_i (iter_done_o)
  );
endmodule
`default_nettype wire
