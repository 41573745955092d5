// SPDX-License-Identifier: Apache-2.0
//
// Registers: AXI4-Lite slave of the map in golden/csb_rnn/machine/registers.py.
//
// Writes: address and data are taken independently, one of each; the response follows in the cycle
// after both are there. A write of STATE_DATA takes six cycles more: it reads the word first, and
// bytes without strobe stay. Reads: address in cycle a, response in a + 7 for every register. One
// write and one read are under way at a time. Every register obeys byte strobes; a command bit
// needs the strobe of its byte. SLVERR, without any effect: unmapped addresses, writes to read-only
// registers, PEG_ISSUE of a PEGroup that does not exist, STATE_DATA of a word that does not exist
// or if idle_i is low in any cycle of the access.
// State window: st_re_o in cycle c needs st_rdata_i in c + 4; st_we_o writes st_wdata_o.
`default_nettype none
`include "csb_assert.svh"
module csb_regs #(
    parameter int K          = 2,
    parameter int L          = 2,
    parameter int P          = 2,
    parameter int Q          = 2,
    parameter int DataW      = 16,
    parameter int WeightW    = 16,
    parameter int StateW     = 24,
    parameter int StateFrac  = 13,
    parameter int DrainBanks = 1,
    parameter int Sharing    = 1,
    parameter int SharedCols = 1,
    parameter int StreamW    = 32,
    parameter int XPerCycle  = 2,
    parameter int Lanes      = 4,                              // of the data path
    parameter int StateDepth = 256,                            // states of a lane
    parameter int ConfigHash = 0,
    parameter int AddrW      = csb_regs_pkg::RegAddrW,         // derived, do not override
    parameter int CodeW      = csb_regs_pkg::StatusErrorW,     // derived, do not override
    parameter int GroupW     = csb_regs_pkg::PegSelectGroupW,  // derived, do not override
    parameter int LaneFieldW = csb_regs_pkg::StateAddrLaneW,   // derived, do not override
    parameter int AddrFieldW = csb_regs_pkg::StateAddrAddrW,   // derived, do not override
    parameter int CounterIw  = $clog2(csb_regs_pkg::Counters)  // derived, do not override
) (
    input  wire logic                  clk_i,
    input  wire logic                  rst_ni,
    // AXI4-Lite
    input  wire logic [     AddrW-1:0] s_awaddr_i,
    input  wire logic                  s_awvalid_i,
    output logic                       s_awready_o,
    input  wire logic [          31:0] s_wdata_i,
    input  wire logic [           3:0] s_wstrb_i,
    input  wire logic                  s_wvalid_i,
    output logic                       s_wready_o,
    output logic      [           1:0] s_bresp_o,
    output logic                       s_bvalid_o,
    input  wire logic                  s_bready_i,
    input  wire logic [     AddrW-1:0] s_araddr_i,
    input  wire logic                  s_arvalid_i,
    output logic                       s_arready_o,
    output logic      [          31:0] s_rdata_o,
    output logic      [           1:0] s_rresp_o,
    output logic                       s_rvalid_o,
    input  wire logic                  s_rready_i,
    // commands and status
    output logic                       start_o,        // pulse
    output logic                       stop_o,         // pulse
    output logic                       flush_o,        // pulse
    output logic                       reset_o,        // pulse
    output logic                       fresh_o,
    output logic      [          31:0] watchdog_o,     // cycles
    output logic                       limit_set_o,    // pulse: they were written
    input  wire logic                  image_valid_i,
    input  wire logic                  running_i,
    input  wire logic                  idle_i,         // at rest and not loading
    input  wire logic                  loading_i,
    input  wire logic                  out_open_i,     // a cut output frame is open
    input  wire logic                  in_cut_i,       // the rest of an input frame is dropped
    input  wire logic                  waits_i,        // a start waits
    input  wire logic                  frame_cut_i,    // pulse: a cut output frame is complete
    input  wire logic [     CodeW-1:0] error_code_i,
    input  wire logic                  loaded_evt_i,   // pulses: interrupt causes
    input  wire logic                  error_evt_i,
    output logic                       irq_o,
    // counters
    output logic      [ CounterIw-1:0] counter_sel_o,
    output logic      [    GroupW-1:0] group_o,
    input  wire logic [          63:0] cycles_i,
    input  wire logic [          31:0] counter_i,
    input  wire logic [          31:0] issued_i,
    // state window
    output logic                       st_re_o,
    output logic                       st_we_o,
    output logic      [LaneFieldW-1:0] st_lane_o,
    output logic      [AddrFieldW-1:0] st_addr_o,
    output logic      [    StateW-1:0] st_wdata_o,
    input  wire logic [    StateW-1:0] st_rdata_i
);
  import csb_regs_pkg::*;

  localparam logic [1:0] RespOkay = 2'b00;
  localparam logic [1:0] RespSlverr = 2'b10;
  localparam int ReadCycles = 6;

  // --- writes -----------------------------------------------------------------------------
  logic aw_full_q, w_full_q, both, write, write_ok;
  logic [AddrW-1:0] waddr_q;
  logic [31:0] wdata_q, wmask;
  logic [ 3:0] wstrb_q;
  logic [31:0] state_addr_q;
  logic [IrqPendingWidth-1:0] irq_enable_q, irq_pending_q, irq_clear, irq_event;
  logic [FramesCutFramesW-1:0] frames_cut_q;
  // Of a read, or for a write of STATE_DATA: cycles a + 1 to a + ReadCycles.
  logic [ReadCycles-1:0] reading_q;
  logic read_done;
  logic merge_q, state_ok;  // it is for a write; the word of the state window is there
  logic [31:0] merged;

  assign s_awready_o = !aw_full_q;
  assign s_wready_o  = !w_full_q;
  assign both        = aw_full_q && w_full_q && !s_bvalid_o;
  assign write       = both && (waddr_q != RegStateData || (read_done && merge_q));
  assign wmask       = {{8{wstrb_q[3]}}, {8{wstrb_q[2]}}, {8{wstrb_q[1]}}, {8{wstrb_q[0]}}};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_full_q  <= 1'b0;
      w_full_q   <= 1'b0;
      s_bvalid_o <= 1'b0;
    end else begin
      if (write) aw_full_q <= 1'b0;
      else if (s_awvalid_i) aw_full_q <= 1'b1;
      if (write) w_full_q <= 1'b0;
      else if (s_wvalid_i) w_full_q <= 1'b1;
      if (write) s_bvalid_o <= 1'b1;
      else if (s_bready_i) s_bvalid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (s_awready_o) waddr_q <= {s_awaddr_i[AddrW-1:2], 2'b00};
    if (s_wready_o) begin
      wdata_q <= s_wdata_i;
      wstrb_q <= s_wstrb_i;
    end
    if (write) s_bresp_o <= write_ok ? RespOkay : RespSlverr;
  end

  always_comb begin
    write_ok = 1'b0;
    unique case (waddr_q)
      RegControl, RegIrqEnable, RegIrqPending, RegWatchdog, RegPegSelect, RegStateAddr:
      write_ok = 1'b1;
      RegStateData: write_ok = state_ok;
      default: ;
    endcase
  end

  assign irq_clear = write && waddr_q == RegIrqPending ? IrqPendingWidth'(wdata_q & wmask) : '0;
  assign irq_o     = |(irq_enable_q & irq_pending_q);
  always_comb begin
    irq_event                      = '0;
    irq_event[IrqPendingLoadedLsb] = loaded_evt_i;
    irq_event[IrqPendingErrorLsb]  = error_evt_i;
  end

  // A write of CONTROL: bits written as 1.
  logic [31:0] command;
  assign command = write && waddr_q == RegControl ? wdata_q & wmask : '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_o       <= 1'b0;
      stop_o        <= 1'b0;
      flush_o       <= 1'b0;
      reset_o       <= 1'b0;
      fresh_o       <= 1'b0;
      irq_enable_q  <= '0;
      irq_pending_q <= '0;
      watchdog_o    <= WatchdogReset;
      limit_set_o   <= 1'b0;
      group_o       <= '0;
      state_addr_q  <= '0;
      st_we_o       <= 1'b0;
      frames_cut_q  <= '0;
    end else begin
      start_o       <= command[ControlStartLsb];
      limit_set_o   <= write && waddr_q == RegWatchdog;
      stop_o        <= command[ControlStopLsb];
      flush_o       <= command[ControlFlushLsb];
      reset_o       <= command[ControlResetLsb];
      st_we_o       <= write && waddr_q == RegStateData && write_ok && |wstrb_q;
      frames_cut_q  <= frames_cut_q + FramesCutFramesW'(frame_cut_i);
      irq_pending_q <= (irq_pending_q & ~irq_clear) | irq_event;
      if (write) begin
        if (waddr_q == RegControl && wmask[ControlFreshLsb]) fresh_o <= wdata_q[ControlFreshLsb];
        for (int i = 0; i < IrqEnableWidth; i++) begin
          if (waddr_q == RegIrqEnable && wmask[i]) irq_enable_q[i] <= wdata_q[i];
        end
        for (int i = 0; i < PegSelectGroupW; i++) begin
          if (waddr_q == RegPegSelect && wmask[PegSelectGroupLsb+i]) begin
            group_o[i] <= wdata_q[PegSelectGroupLsb+i];
          end
        end
        for (int b = 0; b < 4; b++) begin
          if (wstrb_q[b] && waddr_q == RegWatchdog) watchdog_o[b*8+:8] <= wdata_q[b*8+:8];
          if (wstrb_q[b] && waddr_q == RegStateAddr) state_addr_q[b*8+:8] <= wdata_q[b*8+:8];
        end
      end
    end
  end
  assign merged = (wdata_q & wmask) | (32'($signed(st_rdata_i)) & ~wmask);
  always_ff @(posedge clk_i) if (write) st_wdata_o <= merged[StateW-1:0];
  assign st_lane_o = state_addr_q[StateAddrLaneLsb+:StateAddrLaneW];
  assign st_addr_o = state_addr_q[StateAddrAddrLsb+:StateAddrAddrW];

  // --- reads ------------------------------------------------------------------------------
  logic [AddrW-1:0] raddr_q;
  logic merge, read, read_ok, in_window, state_ok_q;
  logic [31:0] rdata, cycles_hi_q;
  // A read in two steps: the registers of this module in here_q, zero if it is another one; then
  // one of the sources named by sel_q, each with a select of its own.
  localparam int SelCyclesLo = 0, SelCyclesHi = 1, SelCounter = 2, SelIssued = 3, SelState = 4;
  localparam int Sels = 5;
  logic [Sels-1:0] sel, sel_q;
  logic [31:0] here, here_q;
  logic known, known_q;

  // Who asks first is first; a write of STATE_DATA before a read of the same cycle.
  assign read_done     = reading_q[ReadCycles-1];
  assign merge         = both && waddr_q == RegStateData && reading_q == '0;
  assign s_arready_o   = reading_q == '0 && !s_rvalid_o && !merge;
  assign read          = s_arvalid_i && s_arready_o;
  assign in_window     = 32'(st_lane_o) < Lanes && 32'(st_addr_o) < StateDepth;
  assign state_ok      = state_ok_q && idle_i;
  assign counter_sel_o = CounterIw'((raddr_q - RegCounters) >> 2);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reading_q  <= '0;
      s_rvalid_o <= 1'b0;
      st_re_o    <= 1'b0;
    end else begin
      reading_q <= {reading_q[ReadCycles-2:0], read || merge};
      st_re_o   <= reading_q[0] && (merge_q || raddr_q == RegStateData) && idle_i && in_window;
      if (read_done && !merge_q) s_rvalid_o <= 1'b1;
      else if (s_rready_i) s_rvalid_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (s_arready_o) raddr_q <= {s_araddr_i[AddrW-1:2], 2'b00};
    if (reading_q == '0) merge_q <= merge;
    state_ok_q <= reading_q[1] ? st_re_o && idle_i : state_ok;
    if (read_done && !merge_q) begin
      s_rdata_o <= rdata;
      s_rresp_o <= read_ok ? RespOkay : RespSlverr;
      if (sel_q[SelCyclesLo]) cycles_hi_q <= cycles_i[63:32];
    end
  end

  always_comb begin
    known = 1'b1;
    here  = '0;
    sel   = '0;
    unique case (raddr_q)
      RegIdentity: here = Identity;
      RegConfigHash: here = 32'(ConfigHash);
      RegGrid: begin
        here[GridKLsb+:GridKW] = GridKW'(K);
        here[GridLLsb+:GridLW] = GridLW'(L);
        here[GridPLsb+:GridPW] = GridPW'(P);
        here[GridQLsb+:GridQW] = GridQW'(Q);
      end
      RegFormats: begin
        here[FormatsDataWLsb+:FormatsDataWW] = FormatsDataWW'(DataW);
        here[FormatsStateWLsb+:FormatsStateWW] = FormatsStateWW'(StateW);
        here[FormatsStateFracLsb+:FormatsStateFracW] = FormatsStateFracW'(StateFrac);
        here[FormatsDrainBanksLsb+:FormatsDrainBanksW] = FormatsDrainBanksW'(DrainBanks);
      end
      RegStream: begin
        here[StreamStreamWLsb+:StreamStreamWW] = StreamStreamWW'(StreamW);
        here[StreamXPerCycleLsb+:StreamXPerCycleW] = StreamXPerCycleW'(XPerCycle);
        here[StreamSharingLsb+:StreamSharingW] = StreamSharingW'(Sharing);
      end
      RegVersion: begin
        here[VersionPatchLsb+:VersionPatchW] = VersionPatchW'(VersionPatch);
        here[VersionMinorLsb+:VersionMinorW] = VersionMinorW'(VersionMinor);
        here[VersionMajorLsb+:VersionMajorW] = VersionMajorW'(VersionMajor);
      end
      RegWord: begin
        here[WordWeightWLsb+:WordWeightWW] = WordWeightWW'(WeightW);
        here[WordSharedColsLsb+:WordSharedColsW] = WordSharedColsW'(SharedCols);
      end
      RegControl: here[ControlFreshLsb+:ControlFreshW] = fresh_o;
      RegStatus: begin
        here[StatusImageValidLsb+:StatusImageValidW] = image_valid_i;
        here[StatusRunningLsb+:StatusRunningW] = running_i;
        here[StatusIdleLsb+:StatusIdleW] = idle_i;
        here[StatusLoadingLsb+:StatusLoadingW] = loading_i;
        here[StatusOutOpenLsb+:StatusOutOpenW] = out_open_i;
        here[StatusInCutLsb+:StatusInCutW] = in_cut_i;
        here[StatusStartWaitsLsb+:StatusStartWaitsW] = waits_i;
        here[StatusErrorLsb+:StatusErrorW] = error_code_i;
      end
      RegIrqEnable: here[IrqEnableWidth-1:0] = irq_enable_q;
      RegIrqPending: here[IrqPendingWidth-1:0] = irq_pending_q;
      RegWatchdog: here = watchdog_o;
      RegCyclesLo: sel[SelCyclesLo] = 1'b1;
      RegCyclesHi: sel[SelCyclesHi] = 1'b1;
      RegPegSelect: here[PegSelectGroupLsb+:PegSelectGroupW] = group_o;
      RegFramesCut: here[FramesCutFramesLsb+:FramesCutFramesW] = frames_cut_q;
      RegPegIssue: begin
        known = 32'(group_o) < K * L;
        sel[SelIssued] = known;
      end
      RegStateAddr: here = state_addr_q;
      RegStateData: sel[SelState] = 1'b1;
      default: begin
        known = raddr_q >= RegCounters && raddr_q < RegCounters + AddrW'(4 * Counters);
        sel[SelCounter] = known;
      end
    endcase
  end

  always_ff @(posedge clk_i) {known_q, sel_q, here_q} <= {known, sel, here};

  assign read_ok = known_q && (!sel_q[SelState] || state_ok);
  assign rdata = here_q | ({32{sel_q[SelCyclesLo]}} & cycles_i[31:0]) |
      ({32{sel_q[SelCyclesHi]}} & cycles_hi_q) | ({32{sel_q[SelCounter]}} & counter_i) |
      ({32{sel_q[SelIssued]}} & issued_i) |
      ({32{sel_q[SelState] && state_ok}} & 32'($signed(
      st_rdata_i
  )));

  logic unused;
  assign unused = ^{s_awaddr_i[1:0], s_araddr_i[1:0], wdata_q, wmask, merged};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_STABLE(ReadStable, s_rvalid_o, s_rready_i, {s_rresp_o, s_rdata_o})
  `CSB_ASSERT_STABLE(WriteStable, s_bvalid_o, s_bready_i, s_bresp_o)
  `CSB_ASSERT_KNOWN(ReadKnown, s_rvalid_o, {s_rresp_o, s_rdata_o})
endmodule
`default_nettype wire
