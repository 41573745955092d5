// SPDX-License-Identifier: Apache-2.0
//
// Run control: start, stop, flush, reset, the state of the image, the error code, the interrupt
// causes.
//
// start_o is one pulse; running_o is high from the cycle after it until a stop, a flush, a reset,
// an error or the begin of a load; then stop_o is high for SettleCycles, after which every pipeline
// is empty. idle_o is high at rest.
//
// Every command is taken, or answered with an error code. Of commands in one cycle, a start is the
// last: with a stop it starts the run anew.
//   reset_req_i  a stop, and reset_o is high while stop_o is; then there is no image and no error
//   flush_req_i  a stop, and flush_o is high while stop_o is
//   stop_req_i   ends a run; takes back a waiting start
//   start_req_i  waits until the machine is at rest and no output frame is open; then it is done,
//                or is the error no_image. While running: the error busy, and the run goes on
// A damaged word ends a run, and there is no image: one has to be loaded.
// The error code stays the first error's; a start, a reset or the begin of a load clears it.
`default_nettype none
`include "csb_assert.svh"
module csb_control #(
    parameter int SettleCycles = 64  // more than the longest pipeline
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    // from the registers
    input  wire logic       start_req_i,    // pulses
    input  wire logic       stop_req_i,
    input  wire logic       flush_req_i,
    input  wire logic       reset_req_i,
    input  wire logic       fresh_i,        // taken over by a start
    // image loader
    input  wire logic       load_busy_i,
    input  wire logic       load_done_i,    // pulse
    input  wire logic       load_error_i,   // pulse
    input  wire logic [7:0] load_code_i,
    // input and output
    input  wire logic       frame_error_i,  // pulse
    input  wire logic       out_open_i,     // a cut frame is being completed
    // watchdog
    input  wire logic       fault_i,        // pulse
    input  wire logic [7:0] fault_code_i,
    // memories
    input  wire logic       damaged_i,      // a word in use has a flipped bit; not so at rest
    // machine
    output logic            start_o,
    output logic            stop_o,
    output logic            flush_o,        // input and loader forget a begun frame or image
    output logic            reset_o,        // reset of all parts with a state at rest
    output logic            fresh_o,        // of the run
    output logic            running_o,
    output logic            idle_o,
    output logic            waits_o,        // a start waits
    output logic            image_valid_o,
    output logic      [7:0] error_code_o,
    output logic            loaded_evt_o,   // pulse: interrupt causes
    output logic            error_evt_o
);
  import csb_regs_pkg::*;

  localparam int SettleW = $clog2(SettleCycles + 1);

  typedef enum logic [1:0] {
    StIdle,   // at rest
    StStart,  // start_o
    StRun,    // frames go through
    StSettle  // stop_o: pipelines run empty
  } state_e;
  state_e state_d, state_q;
  logic [SettleW-1:0] settle_q;
  logic halt, wanted, begins, no_image, busy, damaged, load_begin, load_busy_q;

  assign halt     = stop_req_i || flush_req_i || reset_req_i;
  assign wanted   = start_req_i || (waits_o && !halt);
  assign begins   = wanted && idle_o && !flush_req_i && !reset_req_i;
  assign no_image = begins && (!image_valid_o || load_busy_i);
  assign damaged  = damaged_i && running_o;
  assign busy     = start_req_i && !halt && (start_o || running_o);

  always_comb begin
    state_d = state_q;
    unique case (state_q)
      StIdle:   if (begins && !no_image && !out_open_i) state_d = StStart;
      StStart: begin
        state_d = StRun;
        if (stop_req_i) state_d = StSettle;
      end
      StRun:
      if (stop_req_i || load_busy_i || frame_error_i || fault_i || damaged) begin
        state_d = StSettle;
      end
      StSettle: if (settle_q == '0) state_d = StIdle;
      default:  state_d = StIdle;
    endcase
    if (flush_req_i || reset_req_i) state_d = StSettle;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      waits_o <= 1'b0;
      flush_o <= 1'b0;
      reset_o <= 1'b0;
    end else begin
      waits_o <= wanted && !busy && !no_image && state_d != StStart;
      if (flush_req_i) flush_o <= 1'b1;
      else if (settle_q == '0) flush_o <= 1'b0;
      if (reset_req_i) reset_o <= 1'b1;
      else if (settle_q == '0) reset_o <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!stop_o || flush_req_i || reset_req_i) settle_q <= SettleW'(SettleCycles - 1);
    else settle_q <= settle_q - 1'b1;
    if (begins) fresh_o <= fresh_i;
  end

  assign start_o   = state_q == StStart;
  assign stop_o    = state_q == StSettle;
  assign running_o = state_q == StRun;
  assign idle_o    = state_q == StIdle;

  // --- image and errors -----------------------------------------------------------------------
  logic [7:0] code;
  assign load_begin = load_busy_i && !load_busy_q;
  always_comb begin
    code = ErrNone;
    if (load_error_i) code = load_code_i;
    else if (no_image) code = ErrNoImage;
    else if (damaged) code = ErrParity;
    else if (frame_error_i) code = ErrFrame;
    else if (fault_i) code = fault_code_i;
    else if (busy) code = ErrBusy;
  end
  assign error_evt_o  = !reset_o && code != ErrNone;
  assign loaded_evt_o = !reset_o && load_done_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || reset_o) begin
      load_busy_q   <= 1'b0;
      image_valid_o <= 1'b0;
      error_code_o  <= ErrNone;
    end else begin
      load_busy_q <= load_busy_i;
      if (load_begin || damaged) image_valid_o <= 1'b0;
      else if (load_done_i) image_valid_o <= 1'b1;
      if (load_begin || start_o) error_code_o <= code;
      else if (error_code_o == ErrNone) error_code_o <= code;
    end
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(RunsOnlyValidImages, !running_o || image_valid_o || load_busy_i)
  `CSB_ASSERT(RunsWithNoFrameOpen, !start_o || !out_open_i)
  `CSB_ASSERT(WaitsOnlyAtRest, !(waits_o && (start_o || running_o)))
endmodule
`default_nettype wire
