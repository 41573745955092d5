// SPDX-License-Identifier: Apache-2.0
//
// Run control: start, stop, the state of the image, the error code, the interrupt causes.
//
// start_o is one pulse; running_o is high from the cycle after it until stop, error or the begin of
// a load; then stop_o is high for SettleCycles, after which every pipeline is empty and idle_o
// is high. A start while running is ignored, one without a valid image is an error.
// The error code is that of the first error; a start or the begin of a load clears it.
`default_nettype none
`include "csb_assert.svh"
module csb_control #(
    parameter int SettleCycles = 64  // more than the longest pipeline
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    // from the registers
    input  wire logic       start_req_i,    // pulse
    input  wire logic       stop_req_i,     // pulse
    // image loader
    input  wire logic       load_busy_i,
    input  wire logic       load_done_i,    // pulse
    input  wire logic       load_error_i,   // pulse
    input  wire logic [7:0] load_code_i,
    // input
    input  wire logic       frame_error_i,  // pulse
    // machine
    output logic            start_o,
    output logic            stop_o,
    output logic            running_o,
    output logic            idle_o,
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
  logic no_image, load_begin, load_busy_q;

  always_comb begin
    state_d  = state_q;
    no_image = 1'b0;
    unique case (state_q)
      StIdle:
      if (start_req_i) begin
        no_image = !image_valid_o || load_busy_i;
        if (!no_image) state_d = StStart;
      end
      StStart: state_d = StRun;
      StRun: if (stop_req_i || load_busy_i || frame_error_i) state_d = StSettle;
      StSettle: if (settle_q == '0) state_d = StIdle;
      default: state_d = StIdle;
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  always_ff @(posedge clk_i) begin
    if (state_q != StSettle) settle_q <= SettleW'(SettleCycles - 1);
    else settle_q <= settle_q - 1'b1;
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
    else if (frame_error_i) code = ErrFrame;
  end
  assign error_evt_o  = code != ErrNone;
  assign loaded_evt_o = load_done_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      load_busy_q   <= 1'b0;
      image_valid_o <= 1'b0;
      error_code_o  <= ErrNone;
    end else begin
      load_busy_q <= load_busy_i;
      if (load_begin) image_valid_o <= 1'b0;
      else if (load_done_i) image_valid_o <= 1'b1;
      if (load_begin || start_o) error_code_o <= code;
      else if (error_code_o == ErrNone) error_code_o <= code;
    end
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT(RunsOnlyValidImages, !running_o || image_valid_o || load_busy_i)
endmodule
`default_nettype wire
