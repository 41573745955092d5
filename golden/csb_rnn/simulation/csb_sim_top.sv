// SPDX-License-Identifier: Apache-2.0
//
// Simulation top for long runs: csb_top with everything that moves data on the HDL side, so that
// Python wakes up only between sequences of frames. Not for synthesis.
//
// The image and the input beats come from files (+image=, +frames=, one word a line for $readmemh);
// beats always wait and outputs are always taken, except that SourceStall and SinkStall, when not
// zero, are shift register seeds that hold them back at random. Output beats and the cycles of
// frame boundaries go to memories that dump_i writes to files (+out=, +out_cycles=, +in_cycles=).
//
// Registers: a request is a change of reg_req_i; reg_ack_o follows it when the access is complete.
`default_nettype none
module csb_sim_top #(
    parameter int K = 2,
    parameter int L = 2,
    parameter int P = 2,
    parameter int Q = 2,
    parameter int DataW = 16,
    parameter int WeightW = 16,
    parameter int StateW = 24,
    parameter int StateFrac = 13,
    parameter int DrainRows = 1,
    parameter int BusNeurons = 1,
    parameter int DrainBanks = 1,
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
    parameter int FastAct = 0,
    parameter int RegBypass = 0,
    parameter int SumBypass = 0,
    parameter int ProgramUltra = 0,
    parameter int ProgramReg = 0,
    parameter int Parity = 0,
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int ConfigHash = 0,  // of the images that fit
    // Given by every build, from csb_rnn/simulation/capacity.py: these values are too small to run.
    parameter int ImageDepth = 2,  // words of the image memory
    parameter int BeatDepth = 2,  // input and output beats of a run
    parameter int FrameDepth = 2  // frames of a run
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    // image
    input  wire logic        load_i,          // level: send the image
    input  wire logic [31:0] image_words_i,
    output logic             sent_o,          // its last word is taken
    // registers
    input  wire logic        reg_req_i,
    input  wire logic        reg_we_i,
    input  wire logic [31:0] reg_addr_i,
    input  wire logic [31:0] reg_wdata_i,
    output logic             reg_ack_o,
    output logic      [31:0] reg_rdata_o,
    // frames
    input  wire logic [31:0] goal_i,          // frames to send and to receive since reset
    input  wire logic [31:0] in_beats_i,      // beats of an input frame
    input  wire logic [31:0] source_stall_i,  // seeds, 0: never stall
    input  wire logic [31:0] sink_stall_i,
    input  wire logic [31:0] patience_i,      // cycles without an output beat until a run is stuck
    output logic             done_o,          // as many frames have come out, or it is stuck
    output logic             stuck_o,
    output logic      [31:0] cycle_o,
    input  wire logic        dump_i           // pulse
);
  // --- device under test ------------------------------------------------------------------
  logic [31:0] axil_addr, axil_wdata, axil_rdata;
  logic awvalid, awready, wvalid, wready, bvalid, arvalid, arready, rvalid;
  logic [1:0] bresp, rresp;
  logic [31:0] image_data;
  logic image_valid, image_ready, image_last;
  logic [StreamW-1:0] in_data, out_data;
  logic in_valid, in_ready, in_last, out_valid, out_ready, out_last;
  logic [StreamW/8-1:0] out_keep;
  logic irq;

  csb_top #(
      .K(K),
      .L(L),
      .P(P),
      .Q(Q),
      .DataW(DataW),
      .WeightW(WeightW),
      .StateW(StateW),
      .StateFrac(StateFrac),
      .DrainRows(DrainRows),
      .BusNeurons(BusNeurons),
      .FastAct(FastAct),
      .RegBypass(RegBypass),
      .SumBypass(SumBypass),
      .ProgramUltra(ProgramUltra),
      .ProgramReg(ProgramReg),
      .Parity(Parity),
      .DrainBanks(DrainBanks),
      .Sharing(Sharing),
      .SharedCols(SharedCols),
      .AccGuard(AccGuard),
      .MaxBlock(MaxBlock),
      .WeightDepth(WeightDepth),
      .NeuronDepth(NeuronDepth),
      .AccDepth(AccDepth),
      .BiasDepth(BiasDepth),
      .StateDepth(StateDepth),
      .DrainDepth(DrainDepth),
      .ElemDepth(ElemDepth),
      .OutDepth(OutDepth),
      .StreamW(StreamW),
      .XPerCycle(XPerCycle),
      .Deep(Deep),
      .ConfigHash(ConfigHash)
  ) u_top (
      .clk_i,
      .rst_ni,
      .irq_o              (irq),
      .s_axil_awaddr      (axil_addr[csb_regs_pkg::RegAddrW-1:0]),
      .s_axil_awprot      (3'd0),
      .s_axil_awvalid     (awvalid),
      .s_axil_awready     (awready),
      .s_axil_wdata       (axil_wdata),
      .s_axil_wstrb       (4'hf),
      .s_axil_wvalid      (wvalid),
      .s_axil_wready      (wready),
      .s_axil_bresp       (bresp),
      .s_axil_bvalid      (bvalid),
      .s_axil_bready      (1'b1),
      .s_axil_araddr      (axil_addr[csb_regs_pkg::RegAddrW-1:0]),
      .s_axil_arprot      (3'd0),
      .s_axil_arvalid     (arvalid),
      .s_axil_arready     (arready),
      .s_axil_rdata       (axil_rdata),
      .s_axil_rresp       (rresp),
      .s_axil_rvalid      (rvalid),
      .s_axil_rready      (1'b1),
      .s_axis_image_tdata (image_data),
      .s_axis_image_tvalid(image_valid),
      .s_axis_image_tready(image_ready),
      .s_axis_image_tlast (image_last),
      .s_axis_frame_tdata (in_data),
      .s_axis_frame_tvalid(in_valid),
      .s_axis_frame_tready(in_ready),
      .s_axis_frame_tlast (in_last),
      .m_axis_frame_tdata (out_data),
      .m_axis_frame_tkeep (out_keep),
      .m_axis_frame_tvalid(out_valid),
      .m_axis_frame_tready(out_ready),
      .m_axis_frame_tlast (out_last)
  );

  // --- files ------------------------------------------------------------------------------
  logic [31:0] image_mem[ImageDepth];
  logic [StreamW-1:0] in_mem[BeatDepth];
  logic [StreamW-1:0] out_mem[BeatDepth];
  logic [31:0] in_cycle_mem[FrameDepth];
  logic [31:0] out_cycle_mem[FrameDepth];
  reg [8*512-1:0] name;  // Icarus has no string

  initial begin
    if ($value$plusargs("image=%s", name)) $readmemh(name, image_mem);
    if ($value$plusargs("frames=%s", name)) $readmemh(name, in_mem);
  end

  // --- image ------------------------------------------------------------------------------
  logic [31:0] image_at;
  assign image_data  = image_mem[image_at[$clog2(ImageDepth)-1:0]];
  assign image_valid = load_i && !sent_o;
  assign image_last  = image_at == image_words_i - 1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !load_i) begin
      image_at <= '0;
      sent_o   <= 1'b0;
    end else if (image_valid && image_ready) begin
      image_at <= image_at + 1'b1;
      sent_o   <= image_last;
    end
  end

  // --- registers --------------------------------------------------------------------------
  logic busy, was_reset;
  initial was_reset = 1'b0;  // until a first reset all else is random, and nothing is checked
  assign axil_addr  = reg_addr_i;
  assign axil_wdata = reg_wdata_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {busy, awvalid, wvalid, arvalid} <= '0;
      reg_ack_o <= reg_req_i;
      was_reset <= 1'b1;
    end else begin
      if (awready) awvalid <= 1'b0;
      if (wready) wvalid <= 1'b0;
      if (arready) arvalid <= 1'b0;
      if (busy && (bvalid || rvalid)) begin
        busy      <= 1'b0;
        reg_ack_o <= reg_req_i;
        if (rvalid) reg_rdata_o <= axil_rdata;
        if (was_reset && (bvalid ? bresp != 0 : rresp != 0))
          $fatal(1, "register %0h: error response", reg_addr_i);
      end else if (!busy && reg_req_i != reg_ack_o) begin
        busy    <= 1'b1;
        awvalid <= reg_we_i;
        wvalid  <= reg_we_i;
        arvalid <= !reg_we_i;
      end
    end
  end

  // --- frames -----------------------------------------------------------------------------
  logic [31:0] in_at, in_beat, in_frame, out_at, out_frame, idle_cycles;
  logic [31:0] source_lfsr, sink_lfsr;

  function automatic logic [31:0] next_random(input logic [31:0] x);
    next_random = {x[30:0], x[31] ^ x[21] ^ x[1] ^ x[0]};
  endfunction

  assign in_data   = in_mem[in_at[$clog2(BeatDepth)-1:0]];
  assign in_last   = in_beat == in_beats_i - 1;
  assign in_valid  = in_frame != goal_i && !source_lfsr[0];
  assign out_ready = !sink_lfsr[0];
  assign stuck_o   = idle_cycles == patience_i;
  assign done_o    = out_frame == goal_i || stuck_o;

  // A stalled source keeps what it offers: its random bit moves on only between beats.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      source_lfsr <= source_stall_i;
      sink_lfsr   <= sink_stall_i;
    end else begin
      if (!in_valid || in_ready) source_lfsr <= next_random(source_lfsr);
      sink_lfsr <= next_random(sink_lfsr);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {in_at, in_beat, in_frame, out_at, out_frame, idle_cycles, cycle_o} <= '0;
    end else begin
      cycle_o <= cycle_o + 1'b1;
      if (out_frame == goal_i || (out_valid && out_ready)) idle_cycles <= '0;
      else if (!stuck_o) idle_cycles <= idle_cycles + 1'b1;
      if (in_valid && in_ready) begin
        in_at <= in_at + 1'b1;
        if (in_beat == 0) in_cycle_mem[in_frame[$clog2(FrameDepth)-1:0]] <= cycle_o;
        if (in_last) begin
          in_beat  <= '0;
          in_frame <= in_frame + 1'b1;
        end else begin
          in_beat <= in_beat + 1'b1;
        end
      end
      if (out_valid && out_ready) begin
        out_at <= out_at + 1'b1;
        out_mem[out_at[$clog2(BeatDepth)-1:0]] <= out_data;
        if (out_last) begin
          out_cycle_mem[out_frame[$clog2(FrameDepth)-1:0]] <= cycle_o;
          out_frame <= out_frame + 1'b1;
        end
      end
      if (dump_i && was_reset) begin  // of nothing there is no file
        if (out_at != 0 && $value$plusargs("out=%s", name))
          $writememh(name, out_mem, 0, out_at - 1);
        if (out_frame != 0 && $value$plusargs("out_cycles=%s", name))
          $writememh(name, out_cycle_mem, 0, out_frame - 1);
        if (in_frame != 0 && $value$plusargs("in_cycles=%s", name))
          $writememh(name, in_cycle_mem, 0, in_frame - 1);
      end
    end
  end
endmodule
`default_nettype wire
