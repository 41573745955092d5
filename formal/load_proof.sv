// SPDX-License-Identifier: Apache-2.0
// csb_image_loader with csb_control, whatever comes on the stream and in the registers: one result
// for each image, nothing is written while the machine runs or out of range, only a whole image
// runs, and every start is done, waits or is answered with an error.
`default_nettype none
`include "csb_assert.svh"
module load_proof #(
    parameter int Settle  = 3,  // cycles
    parameter int Lanes   = 2,
    parameter int Neurons = 8,
    parameter int Biases  = 3,
    parameter int States  = 4
) (
    input wire logic        clk_i,
    input wire logic        rst_ni,
    input wire logic        start_req_i,
    input wire logic        stop_req_i,
    input wire logic        flush_req_i,
    input wire logic        reset_req_i,
    input wire logic        frame_error_i,
    input wire logic        out_open_i,
    input wire logic        fault_i,
    input wire logic        damaged_i,
    input wire logic        s_tvalid_i,
    input wire logic [31:0] s_tdata_i,
    input wire logic        s_tlast_i
);
  import csb_pkg::*;
  import csb_image_pkg::*;
  import csb_regs_pkg::*;
  `CSB_PROOF_BEGINS

  localparam int Groups = 2, L = 2, PegW = 40, Weights = 5, Drains = 4, Elems = 4, Outs = 2;
  logic s_tready_o, busy, done, error, clr_valid, ld_we;
  logic [7:0] load_code, ld_target, error_code;
  logic [15:0] clr_addr, ld_index, ld_addr;
  logic [PartIw-1:0] ld_part;
  logic [ PartW-1:0] ld_data;
  logic start, stop, flush, core_reset, fresh, running, at_rest, waits, image_valid;
  logic loaded_evt, error_evt;
  csb_image_loader #(
      .Groups     (Groups),
      .Lanes      (Lanes),
      .L          (L),
      .PegW       (PegW),
      .WeightDepth(Weights),
      .NeuronDepth(Neurons),
      .AccDepth   (Neurons),
      .BiasDepth  (Biases),
      .StateDepth (States),
      .DrainDepth (Drains),
      .ElemDepth  (Elems),
      .OutDepth   (Outs),
      .ConfigHash (7)
  ) loader (
      .clk_i,
      .rst_ni      (rst_ni && !core_reset),
      .s_tvalid_i,
      .s_tready_o,
      .s_tdata_i,
      .s_tlast_i,
      .busy_o      (busy),
      .idle_i      (at_rest),
      .flush_i     (flush),
      .abort_i     (fault_i),
      .done_o      (done),
      .error_o     (error),
      .error_code_o(load_code),
      .clr_valid_o (clr_valid),
      .clr_addr_o  (clr_addr),
      .ld_we_o     (ld_we),
      .ld_target_o (ld_target),
      .ld_index_o  (ld_index),
      .ld_part_o   (ld_part),
      .ld_addr_o   (ld_addr),
      .ld_data_o   (ld_data)
  );
  csb_control #(
      .SettleCycles(Settle)
  ) control (
      .clk_i,
      .rst_ni,
      .start_req_i,
      .stop_req_i,
      .flush_req_i,
      .reset_req_i,
      .fresh_i      (1'b0),
      .load_busy_i  (busy),
      .load_done_i  (done),
      .load_error_i (error),
      .load_code_i  (load_code),
      .frame_error_i,
      .out_open_i,
      .fault_i,
      .fault_code_i (ErrTimeout),
      .damaged_i,
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

  // An output frame is opened by a stop, not at rest.
  logic open_q, stop_q;
  always_ff @(posedge clk_i) {open_q, stop_q} <= {out_open_i, stop};
  always_comb begin
    if (begun && rst_ni && !stop && !stop_q) OpensInAStop : assume (!out_open_i || open_q);
  end

  // --- one result for each image ------------------------------------------------------------
  localparam logic [2:0] StIdle = 0, StSettle = 1, StClear = 2, StHeader = 3, StSection = 4;
  localparam logic [2:0] StData = 5, StDrop = 6;
  logic told_q;  // the result of the image under way
  wire  tells = loader.good || loader.fail;
  wire  ends = busy && loader.state_d == StIdle;
  wire  aborted = fault_i && s_tready_o;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || core_reset || !busy) told_q <= 1'b0;
    else told_q <= told_q || tells;
  end

  // --- a program of the machine's sizes ------------------------------------------------------


  function automatic logic [16:0] words(input logic [7:0] target);
    case (target)
      TargetPegroup: words = 17'(Weights);
      TargetDrain: words = 17'(Drains);
      TargetElem: words = 17'(Elems);
      TargetBias: words = 17'(Biases);
      TargetState: words = 17'(States);
      TargetOut: words = 17'(Outs);
      TargetConfig: words = 17'(CfgWords);
      default: words = '0;
    endcase
  endfunction
  function automatic logic [15:0] copies(input logic [7:0] target);
    case (target)
      TargetPegroup: copies = 16'(Groups);
      TargetBias, TargetState: copies = 16'(Lanes);
      default: copies = 16'd1;
    endcase
  endfunction
  wire in_data = loader.state_q == StData;
  wire in_clear = loader.state_q == StClear;
  wire [17:0] after = 18'(loader.addr_q) + 18'(loader.count_q);

  // --- every start is answered ----------------------------------------------------------------
  logic asked_q, told_error_q, reset_q, stopped_q;
  logic [7:0] code_q;
  logic kept_q, start_q, damaged_q;
  always_ff @(posedge clk_i) begin
    asked_q      <= rst_ni && start_req_i && !flush_req_i && !reset_req_i && !stop_req_i;
    told_error_q <= control.code != ErrNone;
    code_q       <= error_code;
    start_q      <= start;
    damaged_q    <= rst_ni && damaged_i && running;
    kept_q       <= rst_ni && !core_reset && !start && !control.load_begin;
  end

  always_comb begin
    if (begun && rst_ni) begin
      // The loader takes words of a machine at rest.
      TakesAtRest : assert (!s_tready_o || (!running && !start));
      WritesAtRest : assert (!(ld_we || clr_valid) || (!running && !start));
      ClearsAtRest : assert (!in_clear || (!running && !start));
      NotValidWhileLoading : assert (!(busy && control.load_busy_q) || !image_valid);
      NoImageBehindWrite : assert (!(ld_we || clr_valid) || !image_valid);
      SettlesFirst : assert (!(busy && !control.load_busy_q) || loader.state_q == StSettle);
      ForgetsInAStop : assert (!(flush || core_reset) || stop);
      StartsWholeImages : assert (!start || image_valid);
      StopsForAnImage : assert (!(running && busy && control.load_busy_q) || start_q);
      ErrorHasCode : assert (!error || load_code != ErrNone);
      DoneIsLast : assert (!done || !busy);
      ResultsApart : assert (!(done && error));
      DoneIsNoRun : assert (!done || (!running && !start && !image_valid && !ld_we) || core_reset);

      if (busy && !core_reset) begin
        OneResult : assert (!(told_q && tells));
        NoneIsSilent : assert (!ends || told_q || tells || aborted);
        DropIsTold : assert (told_q == (loader.state_q == StDrop));
      end
      SevenStates : assert (loader.state_q != 3'd7);
      if (!at_rest && !stop && !start) RunsOtherwise : assert (running);

      // Nothing out of range.
      if (in_data) begin
        SectionInRange :
        assert (loader.count_q != '0 && after <= 18'(words(
            loader.target_q
        )) && loader.index_q < copies(
            loader.target_q
        ) && loader.field_q == '0);
      end
      if (in_clear) begin
        ClearInRange :
        assert (17'(loader.addr_q) < (loader.clear_neurons ? 17'(Neurons) : words(
            loader.target_q
        )) && loader.index_q < 16'(Lanes) &&
            (loader.target_q == TargetBias || loader.target_q == TargetState));
      end
      if (loader.state_q == StSection && loader.field_q != 2'd0 && !loader.range_bad_q) begin
        TargetIsKnown :
        assert (words(loader.target_q) != '0 && loader.index_q < copies(loader.target_q));
      end
      if (loader.state_q == StSection && loader.field_q == 2'd3) NoFourthField : assert (1'b0);
      WriteInRange :
      assert (!ld_we || (17'(ld_addr) < words(ld_target) && ld_index < copies(ld_target)));
      if (ld_we && ld_target == TargetConfig) begin
        ConfigInRange :
        assert (ld_data[31:16] == '0 &&
            (ld_addr != 16'(CfgStreams) || (ld_data[15:0] >= 1 && ld_data[15:0] <= 16'd8)) &&
            (ld_addr != 16'(CfgOutBeats) || (ld_data[15:0] >= 1 && ld_data[15:0] <= 16'(Outs))) &&
            (ld_addr != 16'(CfgXBase) || ld_data[15:0] < 16'(Neurons)));
      end

      // Commands.
      if (asked_q) Answered : assert (waits || start || told_error_q);
      if (damaged_q) DamagedIsNoImage : assert (!running && !image_valid);
      WaitsAtRest : assert (!(waits && (start || running)));
      if (kept_q && code_q != ErrNone) FirstErrorStays : assert (error_code == code_q);

      StartIsRefused : cover (error_evt && error_code == ErrNone && control.no_image);
      WritesConfig : cover (ld_we && ld_target == TargetConfig);
      TwoParts : cover (ld_we && ld_target == TargetPegroup && ld_part == PartIw'(1));
      CutByAnError : cover (error && load_code == ErrFlushed);
    end
  end
endmodule
`default_nettype wire
