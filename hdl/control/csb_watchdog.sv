// SPDX-License-Identifier: Apache-2.0
//
// Watchdog: nothing waits in silence. It looks at the ports alone, so it needs no opinion about
// programs, and a program busy for ever is found like a stuck one.
//
// Inside are the input frames taken whole and not yet read out of the output buffer. A cycle is
// counted when the machine, or the image's sender, owes a beat:
//   running, no output beat waits for the sink, frames inside      -> an output beat is owed
//   running, no output beat waits for the sink, none inside,
//     an input beat is offered and not taken                       -> its taking is owed
//   loading, the loader is ready and no word is offered            -> a word of the image is owed
// The owed beat clears the count, as rest and a new limit_i do. Not counted: a sink that
// does not take, a source that offers nothing, the loader's own clearing of memories.
// More than limit_i counted cycles (0: never): fault_o with ErrTimeout. An output frame with none
// inside, or of a wrong length: fault_o with ErrProgram. So a run of n input frames ends: at most n
// output frames come, each beat within limit_i cycles, or a fault.
// Timing: fault_o is one pulse, three cycles after the cycle that was one too many, two after the
// frame.
`default_nettype none
`include "csb_assert.svh"
module csb_watchdog #(
    parameter int InsideW = 8  // bits of the number of frames inside; it stays at its maximum
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    input  wire logic [31:0] limit_i,        // cycles
    input  wire logic        limit_set_i,    // pulse, in the first cycle of a new limit_i
    input  wire logic        running_i,
    input  wire logic        loading_i,
    // image words
    input  wire logic        image_valid_i,
    input  wire logic        image_ready_i,
    // input frames
    input  wire logic        x_valid_i,
    input  wire logic        x_ready_i,
    input  wire logic        x_frame_i,      // pulse: one was taken whole
    // output frames
    input  wire logic        y_valid_i,
    input  wire logic        y_ready_i,
    input  wire logic        y_frame_i,      // pulse: one was read out of the buffer
    input  wire logic        y_slip_i,       // pulse: an output frame has a wrong length
    output logic             fault_o,        // pulse
    output logic      [ 7:0] fault_code_o
);
  import csb_regs_pkg::*;

  // --- frames inside ----------------------------------------------------------------------
  logic [InsideW-1:0] inside_q;
  logic some_q, wrong_q;  // frames are inside; a frame came out that none had asked for, or a slip
  always_ff @(posedge clk_i) begin
    if (!rst_ni || !running_i) begin
      inside_q <= '0;
      wrong_q  <= 1'b0;
    end else begin
      if (x_frame_i && !y_frame_i && !(&inside_q)) inside_q <= inside_q + 1'b1;
      if (y_frame_i && !x_frame_i && inside_q != '0) inside_q <= inside_q - 1'b1;
      wrong_q <= (y_frame_i && inside_q == '0) || y_slip_i;
    end
    some_q <= inside_q != '0;
  end

  // --- whose turn it is, in registers: valid and ready come from far away -------------------
  logic x_waits_q, y_waits_q, x_beat_q, y_beat_q, image_waits_q, image_beat_q;
  always_ff @(posedge clk_i) begin
    x_waits_q     <= running_i && x_valid_i && !x_ready_i;
    x_beat_q      <= x_valid_i && x_ready_i;
    y_waits_q     <= y_valid_i && !y_ready_i;
    y_beat_q      <= y_valid_i && y_ready_i;
    image_waits_q <= loading_i && image_ready_i && !image_valid_i;
    image_beat_q  <= image_valid_i && image_ready_i;
  end

  logic owed, paid;
  assign owed = loading_i ? image_waits_q : running_i && !y_waits_q && (some_q || x_waits_q);
  assign paid = loading_i ? image_beat_q : !running_i || y_beat_q || (!some_q && x_beat_q);

  // --- count: up from one, so that it never meets a limit of zero -----------------------------
  logic [31:0] count_q;  // number of the next owed cycle
  logic clear, reached_q, over_q;  // limit_i cycles were owed, one more
  assign clear = !rst_ni || paid || limit_set_i;
  always_ff @(posedge clk_i) begin
    over_q <= !clear && owed && reached_q;
    if (clear) begin
      count_q   <= 32'd1;
      reached_q <= 1'b0;
    end else if (owed) begin
      count_q <= count_q + 1'b1;
      if (count_q == limit_i) reached_q <= 1'b1;
    end
  end

  logic timeout;
  assign timeout = over_q && (running_i || loading_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) fault_o <= 1'b0;
    else fault_o <= !fault_o && (timeout || (wrong_q && running_i));
    fault_code_o <= timeout ? ErrTimeout : ErrProgram;
  end
endmodule
`default_nettype wire
