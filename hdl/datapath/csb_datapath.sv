// SPDX-License-Identifier: Apache-2.0
//
// Data path: drain unit, element unit, one lane per ring and accumulator bank, and the writer.
// From the sums of the engine to the neuron write bus and the output buffer.
//
// Timing of a drain word that issues in T: acc_re_o and acc_addr_o in T, sums_i in
// T + 1 + ReduceStages + 2 * Deep; of an element word: see csb_writer. Units run from start_i to
// stop_i.
//
// Load port (while stopped; a write lands two cycles later): ld_sel_i 0 drain program, 1 element
// program, 2 bias, 3 state of lane ld_lane_i; part ld_part_i of word ld_addr_i.
// Host state port (while stopped): st_rdata_o is valid two cycles after st_re_i, with Deep four.
//
// With Deep every lane has copies of its own, a cycle later, of all that controls it
// (csb_local_copy): lanes lie all over a device.
`default_nettype none
`include "csb_assert.svh"
module csb_datapath #(
    parameter int Lanes = 16,  // rings * accumulator banks
    parameter int BusRows = 1,  // that take turns on the bus
    parameter int L = 4,  // columns of the engine
    parameter int DataW = 16,  // bits of neurons
    parameter int WeightW = 16,  // bits of weights
    parameter int AccW = 36,  // bits of an accumulator
    parameter int StateW = 24,  // bits of a state
    parameter int StateFrac = 13,  // fraction bits of a state
    parameter int ReduceStages = 1,  // latency of the engine's sums
    parameter int NeuronDepth = 512,  // neurons of a column
    parameter int AccDepth = 256,  // accumulators of a bank
    parameter int BiasDepth = 256,  // biases of a lane
    parameter int StateDepth = 256,  // states of a lane
    parameter int DrainDepth = 512,  // drain program words
    parameter int ElemDepth = 512,  // element program words
    parameter int OutDepth = 256,  // words of half the output buffer
    parameter int DrainRows = 1,  // accumulator rows of a lane, drained in a cycle
    parameter int BusNeurons = 1,  // neurons of a column in a word of the neuron bus
    parameter int FastAct = 0,  // 1: the activation takes a cycle less
    parameter int RegBypass = 0,  // 1: a register can be read while it is written
    parameter int Parity = 0,  // 1: words of programs and biases are checked
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int LaneW = csb_pkg::lane_w(StateW, StateFrac),  // derived, do not override
    parameter int Places = BusNeurons * L,  // derived, do not override
    parameter int SubSlots = (Lanes + Places - 1) / Places,  // derived, do not override
    parameter int LaneIw = Lanes > 1 ? $clog2(Lanes) : 1,  // derived, do not override
    parameter int NeuronAw = $clog2(NeuronDepth),  // derived, do not override
    parameter int AccAw = $clog2(AccDepth),  // derived, do not override
    parameter int StateAw = $clog2(StateDepth),  // derived, do not override
    parameter int ElemAw = $clog2(ElemDepth),  // derived, do not override
    parameter int OutAw = $clog2(OutDepth) + 1  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    // run control
    input wire logic start_i,  // pulse: all programs from word 0
    input wire logic stop_i,  // level: back to idle
    input wire logic [3:0] streams_i,  // S, 1 to 8
    input wire logic [ElemAw-1:0] loop_start_i,  // words of the element prologue
    input wire logic [StateAw-1:0] state_stride_i,  // states of one stream
    input wire logic [5:0] credits_i,  // register sets
    input wire logic fresh_i,  // run from a zero state
    output logic init_done_o,  // prologue has landed
    // load port
    input wire logic ld_we_i,
    input wire logic [1:0] ld_sel_i,
    input wire logic [LaneIw-1:0] ld_lane_i,
    input wire logic [csb_pkg::PartIw-1:0] ld_part_i,
    input wire logic [11:0] ld_addr_i,
    input wire logic [csb_pkg::PartW-1:0] ld_data_i,
    // host state port
    input wire logic st_re_i,
    input wire logic [LaneIw-1:0] st_lane_i,
    input wire logic [StateAw-1:0] st_addr_i,
    output logic [StateW-1:0] st_rdata_o,
    // engine
    input wire logic mark_ready_i,  // a mark of every PEGroup is there
    output logic mark_take_o,
    output logic acc_re_o,
    output logic [AccAw-1:0] acc_addr_o,
    input wire logic [Lanes*DrainRows*AccW-1:0] sums_i,  // row r of lane i at i*DrainRows + r
    // events, counted at the end of the cycle
    output logic drain_evt_o,  // accumulators are read
    output logic [csb_pkg::DrainEvtW-1:0] drain_evt_id_o,
    output logic neu_evt_o,  // neurons are written
    output logic [csb_pkg::ElemEvtW-1:0] neu_evt_id_o,
    // neuron write bus
    output logic bus_busy_o,  // neu_valid_o in the next cycle
    output logic neu_valid_o,
    output logic [NeuronAw-1:0] neu_addr_o,
    output logic [Places*DataW-1:0] neu_data_o,
    // output buffer: data is neu_data_o
    output logic out_valid_o,
    output logic [OutAw-1:0] out_addr_o,  // top bit: half
    output logic out_done_o,  // pulse: a half is complete
    input wire logic out_release_i,  // pulse: a half is free again
    // performance counters, pulses
    output logic drain_issue_o,
    output logic drain_stall_mark_o,
    output logic drain_stall_reg_o,
    output logic elem_issue_o,
    output logic elem_stall_post_o,
    output logic elem_stall_out_o,
    // something saturated: {neuron, state, element, narrow operand, drain}
    output logic [csb_pkg::Sats-1:0] sat_o,
    output logic bad_o  // a word or a bias is damaged
);
  localparam int DrainAw = $clog2(DrainDepth);
  localparam int BiasAw = $clog2(BiasDepth);
  localparam int LoadW = AccW > StateW ? AccW : StateW;

  // --- load port ------------------------------------------------------------------------
  logic [3:0] ld_we, ld_we_q;
  logic [LaneIw-1:0] ld_lane_q;
  logic [csb_pkg::PartIw-1:0] ld_part_q;
  logic [11:0] ld_addr_q;
  logic [csb_pkg::PartW-1:0] ld_data_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) ld_we_q <= '0;
    else ld_we_q <= {3'b0, ld_we_i} << ld_sel_i;
  end
  always_ff @(posedge clk_i) begin
    ld_lane_q <= ld_lane_i;
    ld_part_q <= ld_part_i;
    ld_addr_q <= ld_addr_i;
    ld_data_q <= ld_we_i ? ld_data_i : '0;  // lanes put it over what else they write
  end
  assign ld_we = rst_ni ? ld_we_q : '0;  // no stray write before the first reset

  logic drain_bad, elem_bad;
  logic [Lanes-1:0] lane_bad;
  always_ff @(posedge clk_i) bad_o <= drain_bad || elem_bad || |lane_bad;

  // --- drain unit -----------------------------------------------------------------------
  logic elem_release, post, cvt_valid, drain_we;
  logic bias_re;
  logic [BiasAw-1:0] bias_addr;
  logic [DrainRows*csb_pkg::DrainShiftW-1:0] drain_shift;
  logic [DrainRows*csb_pkg::ActW-1:0] drain_act;
  logic [csb_pkg::RegAw-1:0] drain_reg;
  csb_drain #(
      .Depth       (DrainDepth),
      .AccDepth    (AccDepth),
      .BiasDepth   (BiasDepth),
      .ReduceStages(ReduceStages),
      .DrainRows   (DrainRows),
      .FastAct     (FastAct),
      .RegBypass   (RegBypass),
      .Parity      (Parity),
      .Deep        (Deep)
  ) u_drain (
      .clk_i,
      .rst_ni,
      .start_i,
      .stop_i,
      .credits_i,
      .we_i        (ld_we[0]),
      .part_i      (ld_part_q),
      .waddr_i     (ld_addr_q[DrainAw-1:0]),
      .wdata_i     (ld_data_q),
      .mark_ready_i,
      .mark_take_o,
      .release_i   (elem_release),
      .post_o      (post),
      .evt_o       (drain_evt_o),
      .evt_id_o    (drain_evt_id_o),
      .acc_re_o,
      .acc_addr_o,
      .bias_re_o   (bias_re),
      .bias_addr_o (bias_addr),
      .cvt_valid_o (cvt_valid),
      .shift_o     (drain_shift),
      .act_o       (drain_act),
      .reg_we_o    (drain_we),
      .reg_o       (drain_reg),
      .issue_o     (drain_issue_o),
      .stall_mark_o(drain_stall_mark_o),
      .stall_reg_o (drain_stall_reg_o),
      .bad_o       (drain_bad)
  );

  // --- element unit ---------------------------------------------------------------------
  logic rd_en;
  logic [csb_pkg::OperandAw-1:0] rd_addr;
  logic [StateAw-1:0] st_raddr, st_waddr;
  logic opnd_valid, st_zero, st_fine_rd, sum_valid, sub, st_we, st_fine_wr, elem_we;
  logic [csb_pkg::OperandSelW-1:0] sel;
  logic [csb_pkg::ActW-1:0] elem_act;
  logic [csb_pkg::RegAw-1:0] elem_reg;
  logic wr_neu_we, wr_out_we, wr_out_done, wr_evt_en;
  logic [NeuronAw-1:0] wr_neu_addr;
  logic [csb_pkg::ElemNeuShiftW-1:0] wr_shift;
  logic [csb_pkg::ElemNeuRotW-1:0] wr_rot;
  logic [OutAw-1:0] wr_out_addr;
  logic [csb_pkg::ElemEvtW-1:0] wr_evt;
  csb_element #(
      .Depth      (ElemDepth),
      .StateDepth (StateDepth),
      .NeuronDepth(NeuronDepth),
      .OutDepth   (OutDepth),
      .FastAct    (FastAct),
      .Parity     (Parity),
      .Deep       (Deep),
      .SubSlots   (SubSlots)
  ) u_element (
      .clk_i,
      .rst_ni,
      .start_i,
      .stop_i,
      .streams_i,
      .loop_start_i,
      .state_stride_i,
      .fresh_i,
      .init_done_o,
      .we_i         (ld_we[1]),
      .part_i       (ld_part_q),
      .waddr_i      (ld_addr_q[ElemAw-1:0]),
      .wdata_i      (ld_data_q),
      .post_i       (post),
      .out_release_i,
      .release_o    (elem_release),
      .rd_en_o      (rd_en),
      .rd_addr_o    (rd_addr),
      .st_raddr_o   (st_raddr),
      .opnd_valid_o (opnd_valid),
      .sel_o        (sel),
      .st_zero_o    (st_zero),
      .st_fine_rd_o (st_fine_rd),
      .sum_valid_o  (sum_valid),
      .sub_o        (sub),
      .st_we_o      (st_we),
      .st_fine_wr_o (st_fine_wr),
      .st_waddr_o   (st_waddr),
      .act_o        (elem_act),
      .reg_we_o     (elem_we),
      .reg_o        (elem_reg),
      .wr_neu_we_o  (wr_neu_we),
      .wr_neu_addr_o(wr_neu_addr),
      .wr_shift_o   (wr_shift),
      .wr_rot_o     (wr_rot),
      .wr_out_we_o  (wr_out_we),
      .wr_out_addr_o(wr_out_addr),
      .wr_out_done_o(wr_out_done),
      .wr_evt_en_o  (wr_evt_en),
      .wr_evt_o     (wr_evt),
      .issue_o      (elem_issue_o),
      .stall_post_o (elem_stall_post_o),
      .stall_out_o  (elem_stall_out_o),
      .bad_o        (elem_bad)
  );

  // --- lanes ----------------------------------------------------------------------------
  typedef struct packed {
    logic                                      bias_re;
    logic [BiasAw-1:0]                         bias_addr;
    logic                                      cvt_valid;
    logic [DrainRows*csb_pkg::DrainShiftW-1:0] shift;
    logic [DrainRows*csb_pkg::ActW-1:0]        drain_act;
    logic                                      drain_we;
    logic [csb_pkg::RegAw-1:0]                 drain_reg;
    logic                                      rd_en;
    logic [csb_pkg::OperandAw-1:0]             rd_addr;
    logic                                      st_re;
    logic [StateAw-1:0]                        st_raddr;
    logic                                      opnd_valid;
    logic [csb_pkg::OperandSelW-1:0]           sel;
    logic                                      st_zero;
    logic                                      st_fine_rd;
    logic                                      sum_valid;
    logic                                      sub;
    logic                                      st_we;
    logic                                      st_fine_wr;
    logic [StateAw-1:0]                        st_waddr;
    logic [csb_pkg::ActW-1:0]                  elem_act;
    logic                                      elem_we;
    logic [csb_pkg::RegAw-1:0]                 elem_reg;
  } control_t;
  control_t control;
  assign control.bias_re    = bias_re;
  assign control.bias_addr  = bias_addr;
  assign control.cvt_valid  = cvt_valid;
  assign control.shift      = drain_shift;
  assign control.drain_act  = drain_act;
  assign control.drain_we   = drain_we;
  assign control.drain_reg  = drain_reg;
  assign control.rd_en      = rd_en;
  assign control.rd_addr    = rd_addr;
  assign control.st_re      = rd_en || st_re_i;
  assign control.st_raddr   = rd_en ? st_raddr : st_addr_i;
  assign control.opnd_valid = opnd_valid;
  assign control.sel        = sel;
  assign control.st_zero    = st_zero;
  assign control.st_fine_rd = st_fine_rd;
  assign control.sum_valid  = sum_valid;
  assign control.sub        = sub;
  assign control.st_we      = st_we;
  assign control.st_fine_wr = st_fine_wr;
  assign control.st_waddr   = st_waddr;
  assign control.elem_act   = elem_act;
  assign control.elem_we    = elem_we;
  assign control.elem_reg   = elem_reg;

  logic up;  // what is in a copy before the first reset addresses no memory
  assign up = Deep == 0 || rst_ni;

  logic [Lanes*LaneW-1:0] v, v_bus;  // by lane; in the order of the bus
  logic [Lanes*32-1:0] states;
  logic [Lanes*csb_pkg::LaneSats-1:0] lane_sat;
  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    control_t own;
    logic [DrainRows*AccW-1:0] sum;
    csb_local_copy #(
        .Width ($bits(control_t) + DrainRows * AccW),
        .Stages(Deep)
    ) u_control (
        .clk_i,
        .rst_ni,
        .data_i({control, sums_i[i*DrainRows*AccW+:DrainRows*AccW]}),
        .data_o({own, sum})
    );

    assign states[i*32+StateW+:32-StateW] = '0;
    csb_lane #(
        .DataW     (DataW),
        .WeightW   (WeightW),
        .AccW      (AccW),
        .StateW    (StateW),
        .StateFrac (StateFrac),
        .BiasDepth (BiasDepth),
        .StateDepth(StateDepth),
        .DrainRows (DrainRows),
        .FastAct   (FastAct),
        .RegBypass (RegBypass),
        .Parity    (Parity),
        .Deep      (Deep)
    ) u_lane (
        .clk_i,
        .rst_ni,
        .ld_bias_we_i (ld_we[2] && ld_lane_q == LaneIw'(i)),
        .ld_state_we_i(ld_we[3] && ld_lane_q == LaneIw'(i)),
        .ld_addr_i    (ld_addr_q),
        .ld_data_i    (ld_data_q[LoadW-1:0]),
        .sum_i        (sum),
        .bias_re_i    (own.bias_re),
        .bias_addr_i  (own.bias_addr),
        .cvt_valid_i  (own.cvt_valid),
        .shift_i      (own.shift),
        .drain_act_i  (own.drain_act),
        .drain_we_i   (own.drain_we),
        .drain_reg_i  (own.drain_reg),
        .rd_en_i      (own.rd_en),
        .rd_addr_i    (own.rd_addr),
        .st_re_i      (up && own.st_re),
        .st_raddr_i   (own.st_raddr),
        .st_rdata_o   (states[i*32+:StateW]),
        .opnd_valid_i (own.opnd_valid),
        .sel_i        (own.sel),
        .st_zero_i    (own.st_zero),
        .st_fine_rd_i (own.st_fine_rd),
        .sum_valid_i  (own.sum_valid),
        .sub_i        (own.sub),
        .st_we_i      (up && own.st_we),
        .st_fine_wr_i (own.st_fine_wr),
        .st_waddr_i   (own.st_waddr),
        .elem_act_i   (own.elem_act),
        .elem_we_i    (own.elem_we),
        .elem_reg_i   (own.elem_reg),
        .v_o          (v[i*LaneW+:LaneW]),
        .sat_o        (lane_sat[i*csb_pkg::LaneSats+:csb_pkg::LaneSats]),
        .bad_o        (lane_bad[i])
    );
  end

  // --- writer ---------------------------------------------------------------------------
  // With shared columns engine rows take turns: the units of a block, which are in one engine row,
  // can go to one engine column.
  localparam int RowLanes = Lanes / BusRows;
  for (genvar i = 0; i < Lanes; i++) begin : gen_bus_place
    localparam int At = i % RowLanes * BusRows + i / RowLanes;
    assign v_bus[At*LaneW+:LaneW] = v[i*LaneW+:LaneW];
  end

  logic sat_neuron;
  csb_writer #(
      .Lanes     (Lanes),
      .L         (L),
      .DataW     (DataW),
      .LaneW     (LaneW),
      .NeuronAw  (NeuronAw),
      .OutAw     (OutAw),
      .BusNeurons(BusNeurons),
      .Deep      (Deep)
  ) u_writer (
      .clk_i,
      .rst_ni,
      .stop_i,
      .v_i          (v_bus),
      .wr_neu_we_i  (wr_neu_we),
      .wr_neu_addr_i(wr_neu_addr),
      .wr_shift_i   (wr_shift),
      .wr_rot_i     (wr_rot),
      .wr_out_we_i  (wr_out_we),
      .wr_out_addr_i(wr_out_addr),
      .wr_out_done_i(wr_out_done),
      .wr_evt_en_i  (wr_evt_en),
      .wr_evt_i     (wr_evt),
      .bus_busy_o,
      .neu_valid_o,
      .neu_addr_o,
      .neu_data_o,
      .out_valid_o,
      .out_addr_o,
      .out_done_o,
      .evt_o        (neu_evt_o),
      .evt_id_o     (neu_evt_id_o),
      .sat_o        (sat_neuron)
  );

  // --- host state port and saturation pulses ----------------------------------------------
  logic [LaneIw-1:0] st_lane;  // as late as the state
  logic [csb_pkg::LaneSats-1:0] sat_d;
  logic sat_neuron_q;  // as late as the lanes' are
  always_comb begin
    sat_d = '0;
    for (int i = 0; i < Lanes; i++)
    sat_d = sat_d | lane_sat[i*csb_pkg::LaneSats+:csb_pkg::LaneSats];
  end
  csb_delay #(
      .Width (LaneIw),
      .Stages(1 + 2 * Deep)
  ) u_state_lane (
      .clk_i,
      .rst_ni,
      .clr_i (1'b0),
      .data_i(st_lane_i),
      .data_o(st_lane)
  );
  always_ff @(posedge clk_i) begin
    sat_neuron_q <= sat_neuron;
    st_rdata_o   <= states[st_lane*32+:StateW];  // a slice at a multiple of StateW is a shifter
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) sat_o <= '0;
    else sat_o <= {sat_neuron_q, sat_d};
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_INIT(BiasAndStateAreOnePart, LoadW <= csb_pkg::PartW)
  `CSB_ASSERT(HostReadsStateOnlyIdle, !(st_re_i && rd_en))
endmodule
`default_nettype wire
