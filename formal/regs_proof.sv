// SPDX-License-Identifier: Apache-2.0
// csb_regs under the AXI4-Lite rules: one response for each request, its own, offered until taken,
// within a bounded time; no effect of a request that is refused.
`default_nettype none
`include "csb_assert.svh"
module regs_proof (
    input wire logic                              clk_i,
    input wire logic                              rst_ni,
    input wire logic [csb_regs_pkg::RegAddrW-1:0] s_awaddr_i,
    input wire logic                              s_awvalid_i,
    input wire logic [                      31:0] s_wdata_i,
    input wire logic [                       3:0] s_wstrb_i,
    input wire logic                              s_wvalid_i,
    input wire logic                              s_bready_i,
    input wire logic [csb_regs_pkg::RegAddrW-1:0] s_araddr_i,
    input wire logic                              s_arvalid_i,
    input wire logic                              s_rready_i,
    input wire logic                              idle_i,
    input wire logic                              loaded_evt_i,
    input wire logic                              error_evt_i,
    input wire logic                              frame_cut_i,
    input wire logic [                      63:0] cycles_i,
    input wire logic [                      31:0] counter_i,
    input wire logic [                      31:0] issued_i,
    input wire logic [                      23:0] st_rdata_i
);
  import csb_regs_pkg::*;
  `CSB_PROOF_BEGINS
  logic s_awready_o, s_wready_o, s_bvalid_o, s_arready_o, s_rvalid_o;
  logic [1:0] s_bresp_o, s_rresp_o;
  logic [31:0] s_rdata_o, watchdog_o;
  logic start_o, stop_o, flush_o, reset_o, fresh_o, limit_set_o, irq_o, st_re_o, st_we_o;
  csb_regs dut (
      .image_valid_i(1'b0),
      .running_i    (!idle_i),
      .loading_i    (1'b0),
      .out_open_i   (1'b0),
      .in_cut_i     (1'b0),
      .waits_i      (1'b0),
      .error_code_i ('0),
      .counter_sel_o(),
      .group_o      (),
      .st_lane_o    (),
      .st_addr_o    (),
      .st_wdata_o   (),
      .*
  );

  // --- the master: what it offers stays until it is taken ------------------------------------
  `CSB_ASSERT_STABLE(WriteAddressHeld, s_awvalid_i, s_awready_o, s_awaddr_i)
  `CSB_ASSERT_STABLE(WriteDataHeld, s_wvalid_i, s_wready_o, {s_wdata_i, s_wstrb_i})
  `CSB_ASSERT_STABLE(ReadAddressHeld, s_arvalid_i, s_arready_o, s_araddr_i)

  // --- requests without a response --------------------------------------------------------
  logic [7:0] aw_q, w_q, ar_q;
  wire aw = s_awvalid_i && s_awready_o, w = s_wvalid_i && s_wready_o;
  wire b = s_bvalid_o && s_bready_i;
  wire ar = s_arvalid_i && s_arready_o, r = s_rvalid_o && s_rready_i;
  logic [RegAddrW-1:0] asked_q;  // by the read under way
  logic calm_q;  // no register was written since
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {aw_q, w_q, ar_q} <= '0;
    end else begin
      aw_q <= aw_q + 8'(aw) - 8'(b);
      w_q  <= w_q + 8'(w) - 8'(b);
      ar_q <= ar_q + 8'(ar) - 8'(r);
    end
    if (ar) begin
      asked_q <= {s_araddr_i[RegAddrW-1:2], 2'b00};
      calm_q  <= !dut.write;
    end else if (dut.write) begin
      calm_q <= 1'b0;
    end
  end

  // --- time ---------------------------------------------------------------------------------
  logic [5:0] wait_q, read_q;  // cycles since both parts of a write were there; since a read's
  logic [5:0] place;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !dut.both || dut.write) wait_q <= '0;
    else wait_q <= wait_q + 1'b1;
    if (!rst_ni || s_rvalid_o || ar_q == '0) read_q <= '0;
    else read_q <= read_q + 1'b1;
  end
  always_comb begin
    place = '0;
    for (int i = 0; i < 6; i++) if (dut.reading_q[i]) place = 6'(i);
  end
  wire  busy = dut.reading_q != '0;
  wire  reads = busy && !dut.merge_q;

  // --- effects ------------------------------------------------------------------------------
  logic okay_q;  // a write was answered OKAY in the cycle before: its effects may show
  logic was_idle_q, loaded_q, error_q;
  logic [ 7:0] command_q;
  logic [31:0] limit_q;
  always_ff @(posedge clk_i) begin
    okay_q     <= dut.write && dut.write_ok;
    was_idle_q <= idle_i;
    command_q  <= dut.wstrb_q[0] && dut.waddr_q == RegControl && dut.write ? dut.wdata_q[7:0] : '0;
    loaded_q   <= rst_ni && loaded_evt_i;
    error_q    <= rst_ni && error_evt_i;
    limit_q    <= watchdog_o;
  end
  logic [RegAddrW-1:0] at_q;
  always_ff @(posedge clk_i) at_q <= dut.waddr_q;
  wire is_readable = asked_q inside {RegIdentity, RegConfigHash, RegGrid, RegFormats, RegStream,
      RegVersion, RegWord, RegControl, RegStatus, RegIrqEnable, RegIrqPending, RegWatchdog,
      RegCyclesLo, RegCyclesHi, RegPegSelect, RegFramesCut, RegPegIssue, RegStateAddr,
      RegStateData};
  wire is_counter = asked_q >= RegCounters && asked_q < RegCounters + RegAddrW'(4 * Counters);
  wire is_writable = at_q inside {RegControl, RegIrqEnable, RegIrqPending, RegWatchdog,
      RegPegSelect, RegStateAddr, RegStateData};

  always_comb begin
    if (begun && rst_ni) begin
      OneResponseAWrite : assert (aw_q == 8'(dut.aw_full_q) + 8'(s_bvalid_o));
      OneResponseAData : assert (w_q == 8'(dut.w_full_q) + 8'(s_bvalid_o));
      OneResponseARead : assert (ar_q == 8'(reads) + 8'(s_rvalid_o));
      OneAccess : assert ((dut.reading_q & (dut.reading_q - 1'b1)) == '0);
      OneRead : assert (!(s_rvalid_o && reads));
      if (busy && dut.merge_q) begin
        MergeIsAWrite : assert (dut.both && dut.waddr_q == RegStateData);
      end
      if (dut.both && busy && !dut.merge_q) WaitsForARead : assert (wait_q <= place);
      if (dut.both && busy && dut.merge_q) MergesInTime : assert (wait_q <= place + 6'd7);
      if (dut.both && !busy) WaitsForNobody : assert (wait_q <= 6'd6);
      WriteInTime : assert (wait_q <= 6'd13);
      if (reads) ReadInTime : assert (read_q == place);
      if (ar_q != '0 && !s_rvalid_o) ReadIsUnderWay : assert (read_q <= 6'd6);

      if (reads) OwnAddress : assert (dut.raddr_q == asked_q);
      if (s_rvalid_o) begin
        Unmapped : assert (is_readable || is_counter || s_rresp_o == 2'b10);
        OkayOrError : assert (s_rresp_o == 2'b00 || s_rresp_o == 2'b10);
        if (asked_q == RegIdentity) ReadsIdentity : assert (s_rdata_o == Identity);
        if (asked_q == RegWatchdog && calm_q) ReadsItsValue : assert (s_rdata_o == watchdog_o);
      end
      if (reads && place > 6'd0) begin
        if (asked_q == RegIdentity) HereIdentity : assert (dut.here_q == Identity);
        if (asked_q == RegWatchdog && calm_q) HereWatchdog : assert (dut.here_q == watchdog_o);
        Known : assert (is_readable || is_counter || !dut.known_q);
        if (asked_q inside {RegIdentity, RegWatchdog}) HereOnly : assert (dut.sel_q == '0);
      end

      StartIsAsked : assert (!start_o || (okay_q && command_q[ControlStartLsb]));
      StopIsAsked : assert (!stop_o || (okay_q && command_q[ControlStopLsb]));
      ResetIsAsked : assert (!reset_o || (okay_q && command_q[ControlResetLsb]));
      WindowAtRest : assert (!st_we_o || (okay_q && was_idle_q && at_q == RegStateData));
      RefusedHasNoEffect : assert (!okay_q || is_writable);
      if (watchdog_o != limit_q && watchdog_o != WatchdogReset) begin
        LimitIsWritten : assert (okay_q && at_q == RegWatchdog);
      end
      if (loaded_q) LoadedIsPending : assert (dut.irq_pending_q[IrqPendingLoadedLsb]);
      if (error_q) ErrorIsPending : assert (dut.irq_pending_q[IrqPendingErrorLsb]);

      WriteWaits : cover (wait_q == 6'd12);
      BothAtOnce : cover (s_bvalid_o && s_rvalid_o && s_rresp_o == 2'b10 && s_bresp_o == 2'b10);
      WindowIsWritten : cover (st_we_o);
      ReadsBack : cover (s_rvalid_o && asked_q == RegWatchdog && s_rdata_o == 32'h1234);
    end
  end
endmodule
`default_nettype wire
