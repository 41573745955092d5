// SPDX-License-Identifier: Apache-2.0
//
// Writer: takes v of all lanes (one unit slot) and puts it on the neuron write bus and into the
// output buffer, B*L lanes a cycle (B = BusNeurons), as DataW-bit values
// v / 2^(shift + 16 - DataW), rounded to nearest (ties up) and saturated.
//
// w = SubSlots cycles a slot. With T the issue of the element word, v_i and the wr_* inputs are
// valid in T + 3. Lane n*L + l goes to column (l + wr_rot_i) mod L of the engine at address + n, on
// the bus in cycle T + 5 + n div B (lanes that do not exist are 0). With B = 2 an address is even:
// it is that of the first neuron of each column, and the other one has the next. evt_o and
// out_done_o come with the last of them, in T + 4 + w. A slot may follow w cycles after the one
// before, not sooner.
//
// bus_busy_o, in cycle c: neu_valid_o will be high in cycle c + 1.
`default_nettype none
`include "csb_assert.svh"
module csb_writer #(
    parameter int Lanes = 16,  // data path lanes
    parameter int L = 4,  // columns of the engine
    parameter int DataW = 16,  // bits of a neuron
    parameter int LaneW = 26,  // bits of a lane value
    parameter int NeuronAw = 9,  // bits of a neuron address
    parameter int OutAw = 9,  // bits of an output buffer address
    parameter int BusNeurons = 1,  // neurons of a column in a bus word: 1 or 2
    parameter int Deep = 0,  // 1: a register in the conversion
    parameter int Places = BusNeurons * L,  // derived, do not override
    parameter int SubSlots = (Lanes + Places - 1) / Places  // derived, do not override
) (
    input  wire logic                              clk_i,
    input  wire logic                              rst_ni,
    input  wire logic                              stop_i,         // level: forget everything
    // one slot
    input  wire logic [           Lanes*LaneW-1:0] v_i,
    input  wire logic                              wr_neu_we_i,
    input  wire logic [              NeuronAw-1:0] wr_neu_addr_i,
    input  wire logic [csb_pkg::ElemNeuShiftW-1:0] wr_shift_i,
    input  wire logic [  csb_pkg::ElemNeuRotW-1:0] wr_rot_i,
    input  wire logic                              wr_out_we_i,
    input  wire logic [                 OutAw-1:0] wr_out_addr_i,
    input  wire logic                              wr_out_done_i,
    input  wire logic                              wr_evt_en_i,
    input  wire logic [     csb_pkg::ElemEvtW-1:0] wr_evt_i,
    // neuron write bus and output buffer
    output logic                                   bus_busy_o,
    output logic                                   neu_valid_o,
    output logic      [              NeuronAw-1:0] neu_addr_o,
    // neuron n of column l at (n*L + l)*DataW
    output logic      [          Places*DataW-1:0] neu_data_o,
    output logic                                   out_valid_o,
    output logic      [                 OutAw-1:0] out_addr_o,     // data is neu_data_o
    output logic                                   out_done_o,     // pulse: the frame is complete
    output logic                                   evt_o,          // pulse: the neurons are written
    output logic      [     csb_pkg::ElemEvtW-1:0] evt_id_o,
    output logic                                   sat_o           // pulse: a value saturated
);
  localparam int CntW = SubSlots > 1 ? $clog2(SubSlots) : 1;
  localparam int SubW = Places * LaneW;
  localparam int Shift = 16 - DataW;

  // --- slot under way -------------------------------------------------------------------
  logic take, last;
  logic busy_q, neu_we_q, out_we_q, out_done_q, evt_en_q;
  logic [CntW-1:0] next_q;  // lanes that come into lanes_q; 0: those of the next slot
  logic [SubSlots*SubW-1:0] v_padded, hold_q;  // lanes of the slot
  logic [SubW-1:0] lanes_q;  // those of this cycle
  logic [NeuronAw-1:0] neu_addr_q;
  logic [OutAw-1:0] out_addr_q;
  logic [csb_pkg::ElemNeuShiftW-1:0] shift_q;
  logic [csb_pkg::ElemNeuRotW-1:0] rot_q;
  logic [csb_pkg::ElemEvtW-1:0] evt_q;

  assign take = wr_neu_we_i || wr_out_we_i || wr_out_done_i || wr_evt_en_i;
  assign last = next_q == '0;
  assign v_padded = (SubSlots * SubW)'(v_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) begin
      busy_q     <= 1'b0;
      neu_we_q   <= 1'b0;
      out_we_q   <= 1'b0;
      out_done_q <= 1'b0;
      evt_en_q   <= 1'b0;
      next_q     <= '0;
    end else if (take) begin
      busy_q     <= 1'b1;
      neu_we_q   <= wr_neu_we_i;
      out_we_q   <= wr_out_we_i;
      out_done_q <= wr_out_done_i;
      evt_en_q   <= wr_evt_en_i;
      next_q     <= CntW'(1 % SubSlots);
    end else if (last) begin
      busy_q <= 1'b0;
    end else begin
      next_q <= next_q == CntW'(SubSlots - 1) ? '0 : next_q + 1'b1;
    end
  end

  // The first lanes do not pass hold_q: one multiplexer of as many inputs as there are cycles. Its
  // inputs are a power of two apart, or synthesis would make a shifter of it.
  localparam int Stride = 1 << $clog2(SubW);
  logic [SubSlots*Stride-1:0] source;
  for (genvar i = 0; i < SubSlots; i++) begin : gen_source
    if (i == 0) begin : gen_first
      assign source[Stride-1:0] = Stride'(v_padded[SubW-1:0]);
    end else begin : gen_held
      assign source[i*Stride+:Stride] = Stride'(hold_q[i*SubW+:SubW]);
    end
  end

  always_ff @(posedge clk_i) begin
    lanes_q <= source[next_q*Stride+:SubW];
    if (take) begin
      hold_q     <= v_padded;
      neu_addr_q <= wr_neu_addr_i;
      out_addr_q <= wr_out_addr_i;
      shift_q    <= wr_shift_i;
      rot_q      <= wr_rot_i;
      evt_q      <= wr_evt_i;
    end else begin
      neu_addr_q <= neu_addr_q + NeuronAw'(BusNeurons);
      out_addr_q <= out_addr_q + OutAw'(BusNeurons);
    end
  end

  // --- conversion -----------------------------------------------------------------------
  logic [Places*DataW-1:0] converted;
  logic [Places-1:0] sat;
  for (genvar l = 0; l < Places; l++) begin : gen_place
    csb_shift_sat #(
        .InW   (LaneW),
        .Base  (Shift),
        .ShiftW(csb_pkg::ElemNeuShiftW),
        .OutW  (DataW),
        .Deep  (Deep)
    ) u_convert (
        .clk_i,
        .valid_i(busy_q),
        .data_i (lanes_q[l*LaneW+:LaneW]),
        .shift_i(shift_q),
        .data_o (converted[l*DataW+:DataW]),
        .sat_o  (sat[l])
    );
  end

  // What goes to the bus; pulses first.
  logic neu_valid, out_valid, out_done, evt;
  logic [NeuronAw-1:0] neu_addr;
  logic [OutAw-1:0] out_addr;
  logic [csb_pkg::ElemNeuRotW-1:0] rot;
  logic [csb_pkg::ElemEvtW-1:0] evt_id;
  csb_delay #(
      .Width (4),
      .Stages(Deep)
  ) u_pulses (
      .clk_i,
      .rst_ni,
      .clr_i(stop_i),
      .data_i({
        busy_q && neu_we_q,
        busy_q && out_we_q,
        busy_q && out_done_q && last,
        busy_q && evt_en_q && last
      }),
      .data_o({neu_valid, out_valid, out_done, evt})
  );
  if (Deep != 0) begin : gen_deep
    always_ff @(posedge clk_i) begin
      {neu_addr, out_addr, rot, evt_id} <= {neu_addr_q, out_addr_q, rot_q, evt_q};
    end
  end else begin : gen_short
    assign {neu_addr, out_addr, rot, evt_id} = {neu_addr_q, out_addr_q, rot_q, evt_q};
  end

  // --- rotation: which column a lane's neuron goes to is the compiler's choice, slot by slot ---
  // By 1, 2, 4, ... columns, as each bit of rot says: it is below L.
  localparam int RotStages = L > 1 ? $clog2(L) : 1;
  logic [Places*DataW-1:0] straight, rotated;
  always_comb begin
    rotated  = converted;
    straight = converted;
    for (int b = 0; b < RotStages; b++) begin
      straight = rotated;
      for (int i = 0; i < Places; i++) begin
        if (rot[b]) begin
          rotated[i*DataW+:DataW] = straight[(i/L*L+(i%L+L-(1<<b)%L)%L)*DataW+:DataW];
        end
      end
    end
  end

  // --- bus ------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) begin
      neu_valid_o <= 1'b0;
      out_valid_o <= 1'b0;
      out_done_o  <= 1'b0;
      evt_o       <= 1'b0;
      sat_o       <= 1'b0;
    end else begin
      neu_valid_o <= neu_valid;
      out_valid_o <= out_valid;
      out_done_o  <= out_done;
      evt_o       <= evt;
      sat_o       <= (neu_valid || out_valid) && |sat;
    end
  end

  always_ff @(posedge clk_i) begin
    neu_addr_o <= neu_addr;
    neu_data_o <= rotated;
    out_addr_o <= out_addr;
    evt_id_o   <= evt_id;
  end

  assign bus_busy_o = neu_valid;

  logic unused;
  assign unused = ^{hold_q, rot, source};

  // --- assertions -----------------------------------------------------------------------
  `CSB_PROGRAM_IF(RotatesByColumns, take, 32'(wr_rot_i) < L)
  `CSB_PROGRAM(SlotsFarEnoughApart, !(take && busy_q && !last))
endmodule
`default_nettype wire
