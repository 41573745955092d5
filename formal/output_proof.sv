// SPDX-License-Identifier: Apache-2.0
// csb_output sends frames of the right length in order, whenever it is stopped: a frame of which
// the sink saw a beat ends with its TLAST, every beat stands at its place, nothing overflows.
`default_nettype none
`include "csb_assert.svh"
module output_proof #(
    parameter int L          = 2,
    parameter int DataW      = 4,
    parameter int StreamW    = 32,
    parameter int OutDepth   = 4,
    parameter int BusNeurons = 1
) (
    input wire logic                          clk_i,
    input wire logic                          rst_ni,
    input wire logic                          start_i,
    input wire logic                          stop_i,
    input wire logic [                  12:0] out_beats_i,
    input wire logic [                   5:0] out_last_i,
    input wire logic                          ld_we_i,
    input wire logic [   csb_pkg::PartIw-1:0] ld_part_i,
    input wire logic [                   1:0] ld_addr_i,
    input wire logic [    csb_pkg::PartW-1:0] ld_data_i,
    input wire logic                          out_valid_i,
    input wire logic [                   2:0] out_addr_i,
    input wire logic [BusNeurons*L*DataW-1:0] out_data_i,
    input wire logic                          out_done_i,
    input wire logic                          m_tready_i
);
  `CSB_PROOF_BEGINS
  localparam int Values = StreamW / 16;
  logic open_o, sent_o, cut_o, slip_o, out_release_o, m_tvalid_o, m_tlast_o, bad_o;
  logic [  StreamW-1:0] m_tdata_o;
  logic [StreamW/8-1:0] m_tkeep_o;
  csb_output #(
      .L         (L),
      .DataW     (DataW),
      .StreamW   (StreamW),
      .OutDepth  (OutDepth),
      .BusNeurons(BusNeurons)
  ) dut (
      .*
  );

  // --- run control: a start from rest, with no frame open; lengths stay during a run -----------
  logic run_q;
  logic [12:0] beats_q;  // of the last start
  logic [5:0] last_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i) run_q <= 1'b0;
    else if (start_i) run_q <= 1'b1;
    if (start_i) {beats_q, last_q} <= {out_beats_i, out_last_i};
  end
  always_comb begin
    if (begun && rst_ni) begin
      StartsAtRest : assume (!start_i || (!run_q && !open_o && !stop_i));
      Lengths : assume (out_beats_i >= 13'd1 && out_beats_i <= 13'(OutDepth));
      LastValues : assume (out_last_i >= 6'd1 && out_last_i <= 6'(Values));
      LengthStays : assume (!run_q || (out_beats_i == beats_q && out_last_i == last_q));
      FramesOfARun : assume (!out_done_i || run_q);
    end
  end

  // --- places: a beat's number in its frame goes with it ---------------------------------------
  logic [12:0] n_q, tag_q, tags_q[4], chain[7];  // chain: of the beats still to come
  function automatic logic [12:0] next(input logic [12:0] place);
    next = place == beats_q - 13'd1 ? 13'd0 : place + 13'd1;
  endfunction
  always_comb begin
    chain[0] = n_q;
    for (int i = 1; i < 7; i++) chain[i] = next(chain[i-1]);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) n_q <= '0;
    else if (dut.taken) n_q <= m_tlast_o ? '0 : n_q + 13'd1;
    tag_q <= 13'(dut.beat_q);
    if (dut.push_q) tags_q[dut.wptr_q] <= tag_q;
  end

  // --- frames: those that were done and are not yet sent ---------------------------------------
  logic [7:0] sent_q, done_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i || start_i) {sent_q, done_q} <= '0;
    else begin
      done_q <= done_q + 8'(out_done_i);
      sent_q <= sent_q + 8'(sent_o);
    end
  end

  logic ran_q;  // a run was there: lengths are known
  always_ff @(posedge clk_i) ran_q <= rst_ni && (ran_q || start_i);
  wire clear_q = !run_q && !open_o;  // at rest

  for (genvar i = 0; i < 4; i++) begin : gen_place
    wire [1:0] at = dut.rptr_q + 2'(i);
    always_comb begin
      if (begun && rst_ni && dut.count_q > 3'(i)) InOrder : assert (tags_q[at] == chain[i]);
      if (begun && rst_ni && ran_q && dut.count_q > 3'(i))
        LastIsTheLast : assert (dut.last_q[at] == (tags_q[at] == beats_q - 13'd1));
    end
  end

  always_comb begin
    if (begun && rst_ni) begin
      Pointers : assert (dut.wptr_q == dut.rptr_q + dut.count_q[1:0]);
      Credits : assert (4'(dut.credit_q) + 4'(dut.count_q) + 4'(dut.push_q) == 4'd4);
      if (ran_q) begin
        LengthIsKnown :
        assert (beats_q >= 13'd1 && beats_q <= 13'(OutDepth) &&
            last_q >= 6'd1 && last_q <= 6'(Values) && 6'(dut.last_values_q) == last_q);
        InFrame : assert (n_q < beats_q);
        LastAtTheEnd : assert (m_tvalid_o ? m_tlast_o == (n_q == beats_q - 13'd1) : 1'b1);
        BeatsLeft : assert (run_q || open_o ? 13'(dut.left_q) == beats_q - n_q : 1'b1);
      end else begin
        NothingBefore :
        assert (!run_q && !open_o && dut.count_q == '0 && !dut.push_q && !dut.mid_q);
      end
      Mid : assert (dut.mid_q == (n_q != '0));
      if (run_q) NotOpen : assert (!open_o);
      if (clear_q)
        Rest : assert (n_q == '0 && dut.count_q == '0 && dut.frames_q == '0 && !dut.push_q);
      if (open_o) begin
        OneIsKept : assert (dut.count_q <= 3'd1 && dut.frames_q == '0 && !dut.push_q);
        OpenHasSeen : assert (n_q != '0 || dut.count_q == 3'd1);
        ZeroIsThere : assert (!dut.zero_q[1] || dut.zero_q[0]);
        if (m_tvalid_o && !dut.filled) Zeros : assert (m_tdata_o == '0);
        if (dut.zero_q[0]) BufferIsZero : assert (dut.beat_data == '0);
      end
      if (run_q && dut.push_q) PushInOrder : assert (tag_q == chain[dut.count_q]);
      if (run_q && dut.push_q) PushesLast : assert (dut.push_last_q == (tag_q == beats_q - 13'd1));
      if (run_q && dut.filled_q[1]) begin
        ReadsInOrder : assert (13'(dut.beat_q) == chain[4'(dut.count_q)+4'(dut.push_q)]);
        AheadInOrder : assert (13'(dut.ahead_q) == next(13'(dut.beat_q)));
      end
      if (run_q && dut.filled_q == 2'b01) FirstIsAhead : assert (dut.ahead_q == '0);
      if (run_q && !dut.filled_q[1])
        NothingYet : assert (n_q == '0 && dut.count_q == '0 && !dut.push_q);
      FillsInOrder : assert (dut.filled_q != 2'b10);
      if (m_tvalid_o && !m_tlast_o) KeepsAll : assert (&m_tkeep_o);
      if (m_tvalid_o && m_tlast_o) begin
        KeepsLast : assert (m_tkeep_o == {{2{last_q > 6'd1}}, 2'b11});
      end
      OneEnd : assert (!(sent_o && cut_o));
      if (ran_q) NoSlip : assert (!slip_o);

      CutFrame : cover (cut_o && beats_q == 13'd4);
      KeptBeat : cover (open_o && n_q == '0 && dut.filled && !m_tready_i);
      Full : cover (dut.count_q == 3'd4);
      SecondFrame : cover (run_q && sent_o && sent_q == 8'd1 && beats_q == 13'd2);
    end
  end
endmodule
`default_nettype wire
