// SPDX-License-Identifier: Apache-2.0
// Frames and iterations never lie further apart than half the range of an event counter, so that
// their difference modulo 64 tells which is ahead. Real: the events, the input's token counter, the
// join of iterations. The program rule: PEGroup 0 waits for its frame in each iteration, PEGroup 1
// for a frame of an iteration before, at most 8 streams ago.
`default_nettype none
`include "csb_assert.svh"
module distance_proof (
    input wire logic       clk_i,
    input wire logic       rst_ni,
    input wire logic       start_i,
    input wire logic       x_evt_i,  // the last values of a frame are written
    input wire logic [1:0] wrap_i,   // an iteration is issued
    input wire logic [3:0] lag_i     // of PEGroup 1's wait
);
  import csb_pkg::*;
  `CSB_PROOF_BEGINS
  logic has_buffer, iter_done;
  logic [Events*EventW-1:0] events;
  csb_token #(
      .W(3)
  ) u_buffers (
      .clk_i,
      .rst_ni,
      .load_i(start_i),
      .init_i(3'd2),
      .inc_i (iter_done),
      .dec_i (x_evt_i),
      .has_o (has_buffer)
  );
  csb_token_join #(
      .N(2),
      .W(4)
  ) u_iterations (
      .clk_i,
      .rst_ni,
      .clear_i(start_i),
      .pulse_i(wrap_i),
      .ready_o(iter_done),
      .take_i (iter_done)
  );
  csb_events u_events (
      .clk_i,
      .rst_ni,
      .clear_i       (start_i),
      .x_evt_i,
      .drain_evt_i   (1'b0),
      .drain_evt_id_i(4'd0),
      .neu_evt_i     (1'b0),
      .neu_evt_id_i  (4'd0),
      .events_o      (events)
  );

  // True numbers, which never wrap in a proof from any state near 0 to 30,000.
  logic signed [15:0] frames_q, done_q, iter0_q, iter1_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      {frames_q, done_q, iter0_q, iter1_q} <= '0;
    end else begin
      frames_q <= frames_q + 16'(x_evt_i);
      done_q   <= done_q + 16'(iter_done);
      iter0_q  <= iter0_q + 16'(wrap_i[0]);
      iter1_q  <= iter1_q + 16'(wrap_i[1]);
    end
  end
  wire signed [15:0] lag = 16'(lag_i);

  // A run starts once the reset is over; nothing happens in the cycle of a start.
  logic ran_q;
  always_ff @(posedge clk_i) ran_q <= rst_ni && (ran_q || start_i);
  always_comb begin
    if (begun && rst_ni) begin
      if (!ran_q || start_i) NothingAtRest : assume (!x_evt_i && wrap_i == '0);
      NoneWithoutBuffer : assume (!x_evt_i || has_buffer);
      OwnFrame : assume (!wrap_i[0] || frames_q >= iter0_q + 16'sd1);
      FormerFrame : assume (lag_i <= 4'd8 && (!wrap_i[1] || frames_q >= iter1_q + 16'sd1 - lag));
      Finite : assume (frames_q < 16'sd30000);
    end
  end

  wire signed [15:0] distance0 = frames_q - (iter0_q + 16'sd1);
  wire signed [15:0] distance1 = frames_q - (iter1_q + 16'sd1 - lag);
  wire [EventW-1:0] ahead = events[EventX*EventW+:EventW] - EventW'(iter1_q + 16'sd1 - lag);
  always_comb begin
    if (begun && rst_ni) begin
      FramesAreCounted : assert (events[EventX*EventW+:EventW] == frames_q[EventW-1:0]);
      DoneIsBehind0 : assert (16'(u_iterations.gen_source[0].count_q) == iter0_q - done_q);
      DoneIsBehind1 : assert (16'(u_iterations.gen_source[1].count_q) == iter1_q - done_q);
      Ready0 : assert (u_iterations.has[0] == (iter0_q != done_q));
      Ready1 : assert (u_iterations.has[1] == (iter1_q != done_q));
      NotNegative : assert (done_q >= 0 && iter0_q >= done_q && iter1_q >= done_q);
      Buffers : assert (!ran_q || 16'(u_buffers.count_q) == 16'sd2 + done_q - frames_q);
      HasBuffer : assert (has_buffer == (u_buffers.count_q != '0));
      AtRest : assert (ran_q || (frames_q == 0 && iter0_q == 0 && iter1_q == 0 && done_q == 0));
      NeverAheadOfItsFrame : assert (iter0_q <= frames_q && frames_q >= 0);
      NeverFarAhead : assert (iter1_q <= frames_q + 16'sd8);
      TwoFramesAhead : assert (frames_q <= done_q + 16'sd2);
      HalfTheRange :
      assert (distance0 > -32 && distance0 < 32 && distance1 > -32 && distance1 < 32);
      TopBitTells : assert (ahead[EventW-1] == (distance1 < 0));
      FarAhead : cover (iter1_q == frames_q + 16'sd8);
      InputAhead : cover (frames_q == done_q + 16'sd2 && done_q != '0);
    end
  end
endmodule
`default_nettype wire
