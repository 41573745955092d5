// SPDX-License-Identifier: Apache-2.0
//
// CSB-RNN accelerator. Ports: registers (AXI4-Lite), image, input frames and output frames
// (AXI4-Stream), an interrupt. Parameters are those of a named configuration
// (csb_rnn.machine.image.all_parameters); what each means is in configs.toml.
//
// Reset (rst_ni, synchronous, active low, a cycle at least) empties everything but memories; no
// image is valid after. CONTROL.reset does the same to what holds something at rest; registers, run
// control and output apart. Engine and data path hold nothing: they are empty after a stop.
// A run: load an image, set CONTROL.start. The element prologue runs first; while it does, PEGroups
// hold and no frame is taken.
`default_nettype none
`include "csb_assert.svh"
module csb_top #(
    parameter int K = 2,
    parameter int L = 2,
    parameter int P = 2,
    parameter int Q = 2,
    parameter int DataW = 16,
    parameter int WeightW = 16,
    parameter int StateW = 24,
    parameter int StateFrac = 13,
    parameter int DrainBanks = 1,
    parameter int DrainRows = 1,
    parameter int Sharing = 1,  // modes that are built in: sum of csb_pkg::Share*
    parameter int SharedCols = 1,
    parameter int AccGuard = 4,
    parameter int MaxBlock = 128,  // a limit of the compiler; part of the configuration's hash
    parameter int WeightDepth = 1024,
    parameter int NeuronDepth = 512,
    parameter int AccDepth = 256,
    parameter int BiasDepth = 256,
    parameter int StateDepth = 256,
    parameter int DrainDepth = 512,
    parameter int ElemDepth = 512,
    parameter int OutDepth = 256,
    parameter int StreamW = 32,
    parameter int XPerCycle = 2,
    parameter int BusNeurons = 1,
    parameter int FastAct = 0,
    parameter int RegBypass = 0,
    parameter int SumBypass = 0,
    parameter int ProgramUltra = 0,
    parameter int ProgramReg = 0,
    parameter int Parity = 0,  // 1: memories written at load are checked in use
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int ConfigHash = 0,  // of the images that fit
    parameter int RegAw = csb_regs_pkg::RegAddrW  // derived, do not override
) (
    input  wire logic                 clk_i,
    input  wire logic                 rst_ni,
    output logic                      irq_o,
    // registers
    input  wire logic [    RegAw-1:0] s_axil_awaddr,
    input  wire logic [          2:0] s_axil_awprot,
    input  wire logic                 s_axil_awvalid,
    output logic                      s_axil_awready,
    input  wire logic [         31:0] s_axil_wdata,
    input  wire logic [          3:0] s_axil_wstrb,
    input  wire logic                 s_axil_wvalid,
    output logic                      s_axil_wready,
    output logic      [          1:0] s_axil_bresp,
    output logic                      s_axil_bvalid,
    input  wire logic                 s_axil_bready,
    input  wire logic [    RegAw-1:0] s_axil_araddr,
    input  wire logic [          2:0] s_axil_arprot,
    input  wire logic                 s_axil_arvalid,
    output logic                      s_axil_arready,
    output logic      [         31:0] s_axil_rdata,
    output logic      [          1:0] s_axil_rresp,
    output logic                      s_axil_rvalid,
    input  wire logic                 s_axil_rready,
    // image
    input  wire logic [         31:0] s_axis_image_tdata,
    input  wire logic                 s_axis_image_tvalid,
    output logic                      s_axis_image_tready,
    input  wire logic                 s_axis_image_tlast,
    // input frames
    input  wire logic [  StreamW-1:0] s_axis_frame_tdata,
    input  wire logic                 s_axis_frame_tvalid,
    output logic                      s_axis_frame_tready,
    input  wire logic                 s_axis_frame_tlast,
    // output frames
    output logic      [  StreamW-1:0] m_axis_frame_tdata,
    output logic      [StreamW/8-1:0] m_axis_frame_tkeep,
    output logic                      m_axis_frame_tvalid,
    input  wire logic                 m_axis_frame_tready,
    output logic                      m_axis_frame_tlast
);
  import csb_image_pkg::*;
  import csb_regs_pkg::*;

  localparam int Groups = K * L;
  localparam int Lanes = K * P * DrainBanks;
  localparam int AccW = DataW + WeightW + AccGuard;
  localparam int ReduceStages = csb_pkg::reduce_stages(L * csb_pkg::share_sets(Sharing));
  localparam int Naw = $clog2(NeuronDepth);
  localparam int Aaw = $clog2(AccDepth);
  localparam int StateAw = $clog2(StateDepth);
  localparam int ElemAw = $clog2(ElemDepth);
  localparam int OutAw = $clog2(OutDepth);
  localparam int LaneIw = Lanes > 1 ? $clog2(Lanes) : 1;
  localparam int Bsel = DrainBanks > 1 ? $clog2(DrainBanks) : 0;
  localparam int SideW = $clog2(csb_pkg::share_sides(Sharing));
  localparam int SetW = $clog2(csb_pkg::share_sets(Sharing));
  `include "csb_peg_word.svh"
  localparam int OutW = StreamW / 16 * (OutAw + (L > 1 ? $clog2(L) : 1));

  // --- run control ------------------------------------------------------------------------
  logic start_req, stop_req, flush_req, reset_req, fresh_req;
  logic start, stop, flush, core_reset, fresh, running, at_rest, waits, image_valid, init_done;
  logic out_open, in_cut, frame_sent, frame_cut, frame_slip;
  logic loading, load_done, load_error, frame_error, loaded_evt, error_evt;
  logic fault, engine_bad, datapath_bad, table_bad, damaged_q;
  logic [StatusErrorW-1:0] load_code, error_code, fault_code;
  csb_control u_control (
      .clk_i,
      .rst_ni,
      .start_req_i  (start_req),
      .stop_req_i   (stop_req),
      .flush_req_i  (flush_req),
      .reset_req_i  (reset_req),
      .fresh_i      (fresh_req),
      .load_busy_i  (loading),
      .load_done_i  (load_done),
      .load_error_i (load_error),
      .load_code_i  (load_code),
      .frame_error_i(frame_error),
      .out_open_i   (out_open),
      .fault_i      (fault),
      .fault_code_i (fault_code),
      .damaged_i    (damaged_q),
      .start_o      (start),
      .stop_o       (stop),
      .flush_o      (flush),
      .reset_o      (core_reset),
      .fresh_o      (fresh),
      .running_o    (running),
      .idle_o       (at_rest),
      .waits_o      (waits),
      .image_valid_o(image_valid),
      .error_code_o (error_code),
      .loaded_evt_o (loaded_evt),
      .error_evt_o  (error_evt)
  );

  // What the host may do at rest ends with the cycle in which it asks for a run or sends an image.
  logic rest_q, asked;
  assign asked = start_req || flush_req || reset_req || waits || s_axis_image_tvalid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) rest_q <= 1'b0;
    else rest_q <= at_rest && !loading && !asked;
  end

  // Reset of what holds something at rest: what a run leaves in engine and data path, the stop that
  // comes with each reset empties, and a start sets anew.
  logic rst_core_n;
  assign rst_core_n = rst_ni && !core_reset;

  // --- registers --------------------------------------------------------------------------
  logic st_re, st_we;
  logic [StateAddrLaneW-1:0] st_lane;
  logic [StateAddrAddrW-1:0] st_addr;
  logic [StateW-1:0] st_wdata, st_rdata;
  logic [$clog2(Counters)-1:0] counter_sel;
  logic [PegSelectGroupW-1:0] counter_group;
  logic [63:0] cycles;
  logic [31:0] counter, issued, watchdog;
  logic limit_set;
  csb_regs #(
      .K         (K),
      .L         (L),
      .P         (P),
      .Q         (Q),
      .DataW     (DataW),
      .WeightW   (WeightW),
      .StateW    (StateW),
      .StateFrac (StateFrac),
      .DrainBanks(DrainBanks),
      .Sharing   (Sharing),
      .SharedCols(SharedCols),
      .StreamW   (StreamW),
      .XPerCycle (XPerCycle),
      .Lanes     (Lanes),
      .StateDepth(StateDepth),
      .ConfigHash(ConfigHash)
  ) u_regs (
      .clk_i,
      .rst_ni,
      .s_awaddr_i   (s_axil_awaddr),
      .s_awvalid_i  (s_axil_awvalid),
      .s_awready_o  (s_axil_awready),
      .s_wdata_i    (s_axil_wdata),
      .s_wstrb_i    (s_axil_wstrb),
      .s_wvalid_i   (s_axil_wvalid),
      .s_wready_o   (s_axil_wready),
      .s_bresp_o    (s_axil_bresp),
      .s_bvalid_o   (s_axil_bvalid),
      .s_bready_i   (s_axil_bready),
      .s_araddr_i   (s_axil_araddr),
      .s_arvalid_i  (s_axil_arvalid),
      .s_arready_o  (s_axil_arready),
      .s_rdata_o    (s_axil_rdata),
      .s_rresp_o    (s_axil_rresp),
      .s_rvalid_o   (s_axil_rvalid),
      .s_rready_i   (s_axil_rready),
      .start_o      (start_req),
      .stop_o       (stop_req),
      .flush_o      (flush_req),
      .reset_o      (reset_req),
      .fresh_o      (fresh_req),
      .watchdog_o   (watchdog),
      .limit_set_o  (limit_set),
      .image_valid_i(image_valid),
      .running_i    (running),
      .idle_i       (rest_q),
      .loading_i    (loading),
      .out_open_i   (out_open),
      .in_cut_i     (in_cut),
      .waits_i      (waits),
      .frame_cut_i  (frame_cut),
      .error_code_i (error_code),
      .loaded_evt_i (loaded_evt),
      .error_evt_i  (error_evt),
      .irq_o,
      .counter_sel_o(counter_sel),
      .group_o      (counter_group),
      .cycles_i     (cycles),
      .counter_i    (counter),
      .issued_i     (issued),
      .st_re_o      (st_re),
      .st_we_o      (st_we),
      .st_lane_o    (st_lane),
      .st_addr_o    (st_addr),
      .st_wdata_o   (st_wdata),
      .st_rdata_i   (st_rdata)
  );

  // --- image ------------------------------------------------------------------------------
  typedef struct packed {
    logic                       we;
    logic [7:0]                 target;
    logic [15:0]                index;
    logic [csb_pkg::PartIw-1:0] part;
    logic [15:0]                addr;
    logic [csb_pkg::PartW-1:0]  data;
  } load_t;
  load_t from_loader, ld;
  logic clr_valid;
  logic [15:0] clr_addr;
  csb_image_loader #(
      .Groups     (Groups),
      .Lanes      (Lanes),
      .L          (L),
      .StreamW    (StreamW),
      .PegW       (PegWordW),
      .AccW       (AccW),
      .StateW     (StateW),
      .OutW       (OutW),
      .WeightDepth(WeightDepth),
      .NeuronDepth(NeuronDepth),
      .AccDepth   (AccDepth),
      .BiasDepth  (BiasDepth),
      .StateDepth (StateDepth),
      .DrainDepth (DrainDepth),
      .ElemDepth  (ElemDepth),
      .OutDepth   (OutDepth),
      .ConfigHash (ConfigHash)
  ) u_loader (
      .clk_i,
      .rst_ni      (rst_core_n),
      .s_tvalid_i  (s_axis_image_tvalid),
      .s_tready_o  (s_axis_image_tready),
      .s_tdata_i   (s_axis_image_tdata),
      .s_tlast_i   (s_axis_image_tlast),
      .busy_o      (loading),
      .idle_i      (at_rest),
      .flush_i     (flush),
      .abort_i     (fault),
      .done_o      (load_done),
      .error_o     (load_error),
      .error_code_o(load_code),
      .clr_valid_o (clr_valid),
      .clr_addr_o  (clr_addr),
      .ld_we_o     (from_loader.we),
      .ld_target_o (from_loader.target),
      .ld_index_o  (from_loader.index),
      .ld_part_o   (from_loader.part),
      .ld_addr_o   (from_loader.addr),
      .ld_data_o   (from_loader.data)
  );

  csb_local_copy #(
      .Width ($bits(load_t)),
      .Stages(Deep)
  ) u_load (
      .clk_i,
      .rst_ni,
      .data_i(from_loader),
      .data_o(ld)
  );

  logic [CfgWords*32-1:0] cfg;
  csb_program_regs u_program_regs (
      .clk_i,
      .rst_ni     (rst_core_n),
      .ld_we_i    (ld.we),
      .ld_target_i(ld.target),
      .ld_addr_i  (ld.addr),
      .ld_data_i  (ld.data[31:0]),
      .value_o    (cfg)
  );
  logic [3:0] streams;
  assign streams = cfg[CfgStreams*32+:4];

  logic [Groups-1:0] peg_we;
  for (genvar g = 0; g < Groups; g++) begin : gen_peg_we
    assign peg_we[g] = ld.we && ld.target == TargetPegroup && ld.index == 16'(g);
  end

  // The state window writes through the load port of the data path; it is idle then.
  logic dp_we;
  logic [1:0] dp_sel;
  logic [LaneIw-1:0] dp_lane;
  logic [11:0] dp_addr;
  logic [csb_pkg::PartW-1:0] dp_data;
  always_comb begin
    dp_we   = ld.we && ld.target >= TargetDrain && ld.target <= TargetState;
    dp_sel  = 2'(ld.target - TargetDrain);
    dp_lane = LaneIw'(ld.index);
    dp_addr = 12'(ld.addr);
    dp_data = ld.data;
    if (st_we) begin
      dp_we   = 1'b1;
      dp_sel  = 2'(TargetState - TargetDrain);
      dp_lane = LaneIw'(st_lane);
      dp_addr = 12'(st_addr);
      dp_data = csb_pkg::PartW'(st_wdata);
    end
  end

  // --- events and neuron write bus ----------------------------------------------------------
  logic x_evt, drain_evt, neu_evt;
  logic [csb_pkg::DrainEvtW-1:0] drain_evt_id;
  logic [csb_pkg::ElemEvtW-1:0] neu_evt_id;
  logic [csb_pkg::Events*csb_pkg::EventW-1:0] events;
  csb_events u_events (
      .clk_i,
      .rst_ni        (rst_core_n),
      .clear_i       (start),
      .x_evt_i       (x_evt),
      .drain_evt_i   (drain_evt),
      .drain_evt_id_i(drain_evt_id),
      .neu_evt_i     (neu_evt),
      .neu_evt_id_i  (neu_evt_id),
      .events_o      (events)
  );

  logic bus_busy, neu_valid, iter_done, taken_frame;
  logic [L-1:0] x_we;
  logic [Naw-1:0] x_addr, neu_addr;
  logic [L*DataW-1:0] x_data;
  logic [BusNeurons*L*DataW-1:0] neu_data;
  logic run_input;
  csb_local_copy #(
      .Width (1),
      .Stages(Deep)
  ) u_run_input (
      .clk_i,
      .rst_ni,
      .data_i(running && init_done),
      .data_o(run_input)
  );
  csb_input #(
      .L          (L),
      .DataW      (DataW),
      .NeuronDepth(NeuronDepth),
      .StreamW    (StreamW),
      .XPerCycle  (XPerCycle),
      .Deep       (Deep)
  ) u_input (
      .clk_i,
      .rst_ni     (rst_core_n),
      .start_i    (start),
      .run_i      (run_input),
      .flush_i    (flush),
      .cut_o      (in_cut),
      .streams_i  (streams),
      .x_count_i  (cfg[CfgXCount*32+:16]),
      .x_base_i   (cfg[CfgXBase*32+:Naw]),
      .iter_done_i(iter_done),
      .s_tvalid_i (s_axis_frame_tvalid),
      .s_tready_o (s_axis_frame_tready),
      .s_tdata_i  (s_axis_frame_tdata),
      .s_tlast_i  (s_axis_frame_tlast),
      .bus_busy_i (bus_busy),
      .x_we_o     (x_we),
      .x_addr_o   (x_addr),
      .x_data_o   (x_data),
      .x_evt_o    (x_evt),
      .frame_o    (taken_frame),
      .error_o    (frame_error)
  );

  // --- engine and data path -----------------------------------------------------------------
  logic acc_re, mark_ready, mark_take;
  logic [Aaw-1:0] acc_addr;
  logic [Lanes*DrainRows*AccW-1:0] sums;
  // The input writes one neuron of a column, at any address.
  logic [BusNeurons*L-1:0] x_place_we;
  for (genvar i = 0; i < BusNeurons; i++) begin : gen_x_place
    assign x_place_we[i*L+:L] = BusNeurons == 1 || x_addr[0] == 1'(i) ? x_we : '0;
  end
  logic [Groups-1:0] peg_issue, peg_stall;
  csb_engine #(
      .K           (K),
      .L           (L),
      .P           (P),
      .Q           (Q),
      .DataW       (DataW),
      .WeightW     (WeightW),
      .AccGuard    (AccGuard),
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
  ) u_engine (
      .clk_i,
      .rst_ni,
      .start_i     (start),
      .stop_i      (stop),
      .hold_i      (!init_done),
      .streams_i   (streams),
      .ld_we_i     (peg_we),
      .ld_part_i   (ld.part),
      .ld_addr_i   (ld.addr[$clog2(WeightDepth)-1:0]),
      .ld_data_i   (ld.data),
      .clr_valid_i (clr_valid),
      .clr_addr_i  (clr_addr),
      .events_i    (events),
      .nw_we_i     (x_place_we | {(BusNeurons * L) {neu_valid}}),
      .nw_addr_i   (neu_valid ? neu_addr : x_addr),
      .nw_data_i   (neu_valid ? neu_data : {BusNeurons{x_data}}),
      .acc_re_i    (acc_re),
      .acc_addr_i  (acc_addr),
      .sum_o       (sums),
      .mark_ready_o(mark_ready),
      .mark_take_i (mark_take),
      .iter_done_o (iter_done),
      .issue_o     (peg_issue),
      .stall_o     (peg_stall),
      .bad_o       (engine_bad)
  );

  // Near the data path's programs, with Deep a cycle later: the PEGroups' copies are two.
  typedef struct packed {
    logic               start;
    logic               stop;
    logic [3:0]         streams;
    logic [ElemAw-1:0]  loop_start;
    logic [StateAw-1:0] state_stride;
    logic [5:0]         credits;
    logic               fresh;
  } run_t;
  run_t to_run, run;
  assign to_run.start        = start;
  assign to_run.stop         = stop;
  assign to_run.streams      = streams;
  assign to_run.loop_start   = cfg[CfgElemLoop*32+:ElemAw];
  assign to_run.state_stride = cfg[CfgStateStride*32+:StateAw];
  assign to_run.credits      = cfg[CfgRegSets*32+:6];
  assign to_run.fresh        = fresh;
  csb_local_copy #(
      .Width ($bits(run_t)),
      .Stages(Deep)
  ) u_run (
      .clk_i,
      .rst_ni,
      .data_i(to_run),
      .data_o(run)
  );

  logic out_valid, out_done, out_read, out_release;
  csb_local_copy #(
      .Width (1),
      .Stages(Deep)
  ) u_release (
      .clk_i,
      .rst_ni,
      .data_i(out_read),
      .data_o(out_release)
  );
  logic [OutAw:0] out_addr;
  logic drain_issue, stall_mark, stall_reg, elem_issue, stall_post, stall_out;
  logic [csb_pkg::Sats-1:0] sat;
  csb_datapath #(
      .Lanes       (Lanes),
      .BusRows     (SharedCols > 1 ? K : 1),
      .L           (L),
      .DataW       (DataW),
      .WeightW     (WeightW),
      .AccW        (AccW),
      .StateW      (StateW),
      .StateFrac   (StateFrac),
      .ReduceStages(ReduceStages),
      .NeuronDepth (NeuronDepth),
      .AccDepth    (AccDepth),
      .BiasDepth   (BiasDepth),
      .StateDepth  (StateDepth),
      .DrainDepth  (DrainDepth),
      .ElemDepth   (ElemDepth),
      .OutDepth    (OutDepth),
      .DrainRows   (DrainRows),
      .BusNeurons  (BusNeurons),
      .FastAct     (FastAct),
      .RegBypass   (RegBypass),
      .Parity      (Parity),
      .Deep        (Deep)
  ) u_datapath (
      .clk_i,
      .rst_ni,
      .start_i           (run.start),
      .stop_i            (run.stop),
      .streams_i         (run.streams),
      .loop_start_i      (run.loop_start),
      .state_stride_i    (run.state_stride),
      .credits_i         (run.credits),
      .fresh_i           (run.fresh),
      .init_done_o       (init_done),
      .ld_we_i           (dp_we),
      .ld_sel_i          (dp_sel),
      .ld_lane_i         (dp_lane),
      .ld_part_i         (ld.part),
      .ld_addr_i         (dp_addr),
      .ld_data_i         (dp_data),
      .st_re_i           (st_re),
      .st_lane_i         (LaneIw'(st_lane)),
      .st_addr_i         (StateAw'(st_addr)),
      .st_rdata_o        (st_rdata),
      .mark_ready_i      (mark_ready),
      .mark_take_o       (mark_take),
      .acc_re_o          (acc_re),
      .acc_addr_o        (acc_addr),
      .sums_i            (sums),
      .drain_evt_o       (drain_evt),
      .drain_evt_id_o    (drain_evt_id),
      .neu_evt_o         (neu_evt),
      .neu_evt_id_o      (neu_evt_id),
      .bus_busy_o        (bus_busy),
      .neu_valid_o       (neu_valid),
      .neu_addr_o        (neu_addr),
      .neu_data_o        (neu_data),
      .out_valid_o       (out_valid),
      .out_addr_o        (out_addr),
      .out_done_o        (out_done),
      .out_release_i     (out_release),
      .drain_issue_o     (drain_issue),
      .drain_stall_mark_o(stall_mark),
      .drain_stall_reg_o (stall_reg),
      .elem_issue_o      (elem_issue),
      .elem_stall_post_o (stall_post),
      .elem_stall_out_o  (stall_out),
      .sat_o             (sat),
      .bad_o             (datapath_bad)
  );

  // --- output -------------------------------------------------------------------------------
  csb_output #(
      .L         (L),
      .DataW     (DataW),
      .StreamW   (StreamW),
      .OutDepth  (OutDepth),
      .Parity    (Parity),
      .BusNeurons(BusNeurons)
  ) u_output (
      .clk_i,
      .rst_ni,
      .start_i      (start),
      .stop_i       (stop),
      .open_o       (out_open),
      .sent_o       (frame_sent),
      .cut_o        (frame_cut),
      .slip_o       (frame_slip),
      .out_beats_i  (cfg[CfgOutBeats*32+:13]),
      .out_last_i   (cfg[CfgOutLast*32+:6]),
      .ld_we_i      (ld.we && ld.target == TargetOut),
      .ld_part_i    (ld.part),
      .ld_addr_i    (ld.addr[OutAw-1:0]),
      .ld_data_i    (ld.data),
      .out_valid_i  (out_valid),
      .out_addr_i   (out_addr),
      .out_data_i   (neu_data),
      .out_done_i   (out_done),
      .out_release_o(out_read),
      .m_tvalid_o   (m_axis_frame_tvalid),
      .m_tready_i   (m_axis_frame_tready),
      .m_tdata_o    (m_axis_frame_tdata),
      .m_tkeep_o    (m_axis_frame_tkeep),
      .m_tlast_o    (m_axis_frame_tlast),
      .bad_o        (table_bad)
  );

  // In registers: they come from far away.
  always_ff @(posedge clk_i) begin
    if (!rst_core_n) damaged_q <= 1'b0;
    else damaged_q <= engine_bad || datapath_bad || table_bad;
  end

  csb_watchdog u_watchdog (
      .clk_i,
      .rst_ni,
      .limit_i      (watchdog),
      .limit_set_i  (limit_set),
      .running_i    (running),
      .loading_i    (loading),
      .image_valid_i(s_axis_image_tvalid),
      .image_ready_i(s_axis_image_tready),
      .x_valid_i    (s_axis_frame_tvalid),
      .x_ready_i    (s_axis_frame_tready),
      .x_frame_i    (taken_frame),
      .y_valid_i    (m_axis_frame_tvalid),
      .y_ready_i    (m_axis_frame_tready),
      .y_frame_i    (out_read),
      .y_slip_i     (frame_slip),
      .fault_o      (fault),
      .fault_code_o (fault_code)
  );

  // --- counters, each at its place in the register map ---------------------------------------
  logic [Counters*CounterIncW-1:0] inc;
  logic [CounterIncW-1:0] stalled, saturated;
  logic x_stalls, x_lacks, y_stalls;
  assign x_stalls = running && s_axis_frame_tvalid && !s_axis_frame_tready;
  assign x_lacks  = running && s_axis_frame_tready && !s_axis_frame_tvalid;
  assign y_stalls = running && m_axis_frame_tvalid && !m_axis_frame_tready;
  always_comb begin
    stalled   = '0;
    saturated = '0;
    for (int g = 0; g < Groups; g++) stalled = stalled + CounterIncW'(peg_stall[g]);
    for (int i = 0; i < $bits(sat); i++) saturated = saturated + CounterIncW'(sat[i]);
    if (!running) stalled = '0;
  end
  assign inc[CntIterations*CounterIncW+:CounterIncW] = CounterIncW'(iter_done);
  assign inc[CntFramesIn*CounterIncW+:CounterIncW] = CounterIncW'(taken_frame);
  assign inc[CntFramesOut*CounterIncW+:CounterIncW] = CounterIncW'(frame_sent);
  assign inc[CntSaturations*CounterIncW+:CounterIncW] = saturated;
  assign inc[CntStallEngine*CounterIncW+:CounterIncW] = stalled;
  assign inc[CntStallMark*CounterIncW+:CounterIncW] = CounterIncW'(stall_mark);
  assign inc[CntStallReg*CounterIncW+:CounterIncW] = CounterIncW'(stall_reg);
  assign inc[CntStallPost*CounterIncW+:CounterIncW] = CounterIncW'(stall_post);
  assign inc[CntStallOut*CounterIncW+:CounterIncW] = CounterIncW'(stall_out);
  assign inc[CntStallX*CounterIncW+:CounterIncW] = CounterIncW'(x_stalls);
  assign inc[CntWaitX*CounterIncW+:CounterIncW] = CounterIncW'(x_lacks);
  assign inc[CntStallSink*CounterIncW+:CounterIncW] = CounterIncW'(y_stalls);
  // In registers: what is counted comes from far away.
  logic [Counters*CounterIncW-1:0] inc_q;
  logic [Groups-1:0] issue_q;
  always_ff @(posedge clk_i) begin
    if (!rst_core_n) {inc_q, issue_q} <= '0;
    else {inc_q, issue_q} <= {inc, peg_issue};
  end
  localparam int Single = (1 << Counters) - 1 - (1 << CntSaturations) - (1 << CntStallEngine);
  csb_counters #(
      .Groups(Groups),
      .Deep  (Deep),
      .Single(Single),
      .Most  ($bits(sat) > Groups ? $bits(sat) : Groups)
  ) u_counters (
      .clk_i,
      .rst_ni   (rst_core_n),
      .clear_i  (start),
      .running_i(running),
      .inc_i    (inc_q),
      .issue_i  (issue_q),
      .sel_i    (counter_sel),
      .group_i  (counter_group),
      .cycles_o (cycles),
      .counter_o(counter),
      .issued_o (issued)
  );

  logic unused;
  assign unused = ^{s_axil_awprot, s_axil_arprot, drain_issue, elem_issue, cfg, 1'(MaxBlock),
                    st_lane, st_addr};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(OneBusMaster, !(neu_valid && |x_we))
  `CSB_ASSERT(ReadyKnown, ^{s_axis_image_tready, s_axis_frame_tready, m_axis_frame_tvalid} !== 1'bx)
endmodule
`default_nettype wire
