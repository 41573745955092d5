// SPDX-License-Identifier: Apache-2.0
//
// Input: takes frames from an AXI4-Stream and writes them into the neuron buffers, XPerCycle
// values a cycle, whenever the neuron bus is free.
//
// A beat holds StreamW/16 values, little end first, each in a 16-bit container whose low
// DataW bits are taken, signed; values of a last beat beyond the frame are ignored. TLAST marks the
// last beat of a frame. Value i goes to engine column i mod L at x_base_i + i div L. Frame n of a
// run belongs to stream n mod S; its address is toggled: the top bit by the parity of n div S,
// the bits below it by the stream number, bit-reversed, as everywhere.
//
// Flow: a frame is written once iteration n - 2 is issued (iter_done_i). Two beats are buffered, so
// that many are taken before that. Beats are taken only while run_i.
// Timing: the first chunk of a frame is on the bus two cycles after its beat was taken and two
// after the iter_done_i that it waits for, at the earliest; then a chunk a cycle. bus_busy_i in
// cycle c keeps the bus free in c + 1. x_evt_o comes with the frame's last chunk: a PEGroup that
// issues in the cycle after it reads the new values, and csb_events shows the event in that cycle.
// Errors: TLAST early or missing gives one pulse of error_o, and nothing more is taken until
// start_i. The rest of a frame that an error or the end of run_i cuts is dropped up to its TLAST;
// cut_o is high meanwhile. flush_i, while run_i is low, ends that: the next beat begins a frame.
`default_nettype none
`include "csb_assert.svh"
module csb_input #(
    parameter int L           = 2,
    parameter int DataW       = 16,
    parameter int NeuronDepth = 512,
    parameter int StreamW     = 32,                  // bits of a beat
    parameter int XPerCycle   = 2,                   // values written in a cycle
    parameter int Deep        = 0,                   // 1: beats pass a register slice more
    parameter int Naw         = $clog2(NeuronDepth)  // derived, do not override
) (
    input  wire logic               clk_i,
    input  wire logic               rst_ni,
    input  wire logic               start_i,      // pulse: next frame is frame 0
    input  wire logic               run_i,        // level
    input  wire logic               flush_i,      // level
    output logic                    cut_o,        // beats are dropped up to a TLAST
    input  wire logic [        3:0] streams_i,    // S, 1 to 8
    input  wire logic [       15:0] x_count_i,    // values of a frame, at least 1
    input  wire logic [    Naw-1:0] x_base_i,
    input  wire logic               iter_done_i,  // pulse: all PEGroups issued one more iteration
    // frames
    input  wire logic               s_tvalid_i,
    output logic                    s_tready_o,
    input  wire logic [StreamW-1:0] s_tdata_i,
    input  wire logic               s_tlast_i,
    // neuron write bus
    input  wire logic               bus_busy_i,
    output logic      [      L-1:0] x_we_o,
    output logic      [    Naw-1:0] x_addr_o,
    output logic      [L*DataW-1:0] x_data_o,
    output logic                    x_evt_o,      // pulse: a frame is written
    output logic                    frame_o,      // pulse: a frame was taken
    output logic                    error_o       // pulse: a frame had the wrong length
);
  localparam int Values = StreamW / 16;
  localparam int Chunks = Values / XPerCycle;
  localparam int ChunkW = Chunks > 1 ? $clog2(Chunks) : 1;
  localparam int Groups = L / XPerCycle;  // chunks of one neuron address
  localparam int GroupW = Groups > 1 ? $clog2(Groups) : 1;

  // --- taking beats -----------------------------------------------------------------------
  logic drop_q, halt_q, mid_q;  // mid: within a frame
  logic [15:0] rest_q;  // values of the frame still to be taken
  logic open, skid_ready, take, final_beat, wrong;

  assign cut_o      = drop_q;
  assign open       = run_i && !drop_q && !halt_q;
  assign s_tready_o = drop_q || (open && skid_ready);
  assign take       = s_tvalid_i && open && skid_ready;
  assign final_beat = rest_q <= 16'(Values);
  assign wrong      = take && s_tlast_i != final_beat;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      drop_q  <= 1'b0;
      halt_q  <= 1'b0;
      mid_q   <= 1'b0;
      frame_o <= 1'b0;
      error_o <= 1'b0;
    end else begin
      frame_o <= take && s_tlast_i && !wrong;
      error_o <= wrong;
      if (wrong) halt_q <= 1'b1;
      else if (start_i) halt_q <= 1'b0;
      if (take) mid_q <= !s_tlast_i && !wrong;
      else if (!run_i) mid_q <= 1'b0;
      if (flush_i && !run_i) drop_q <= 1'b0;
      else if (wrong && !s_tlast_i) drop_q <= 1'b1;
      else if (!run_i && mid_q) drop_q <= 1'b1;
      else if (s_tvalid_i && s_tlast_i) drop_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!run_i || (take && final_beat)) rest_q <= x_count_i;
    else if (take) rest_q <= rest_q - 16'(Values);
  end

  logic beat_valid, beat_done, far_valid, far_ready;
  logic [StreamW-1:0] beat, far;
  csb_skid #(
      .Width(StreamW)
  ) u_skid (
      .clk_i,
      .rst_ni     (rst_ni && run_i),
      .in_valid_i (s_tvalid_i && open),
      .in_ready_o (skid_ready),
      .in_data_i  (s_tdata_i),
      .out_valid_o(far_valid),
      .out_ready_i(far_ready),
      .out_data_o (far)
  );
  if (Deep != 0) begin : gen_deep
    // The first one is near the pads, this one near the engine.
    csb_skid #(
        .Width(StreamW)
    ) u_near (
        .clk_i,
        .rst_ni     (rst_ni && run_i),
        .in_valid_i (far_valid),
        .in_ready_o (far_ready),
        .in_data_i  (far),
        .out_valid_o(beat_valid),
        .out_ready_i(beat_done),
        .out_data_o (beat)
    );
  end else begin : gen_short
    assign {beat_valid, far_ready, beat} = {far_valid, beat_done, far};
  end

  // --- writing chunks ---------------------------------------------------------------------
  logic go, first_q, has_buffer, last_chunk, last_group;
  logic end_q;  // the next chunk is the last of its frame: at most XPerCycle values are left
  logic [15:0] left_q;  // values of the frame still to be written
  logic [ChunkW-1:0] chunk_q;
  logic [GroupW-1:0] group_q;
  logic [Naw-1:0] addr_q, toggle;
  logic [2:0] stream_q, next_stream;  // S after the last one, modulo 8
  logic parity_q;

  csb_token #(
      .W(3)
  ) u_buffers (
      .clk_i,
      .rst_ni,
      .load_i(start_i),
      .init_i(3'd2),
      .inc_i (iter_done_i),
      .dec_i (go && first_q),
      .has_o (has_buffer)
  );

  assign go          = run_i && !halt_q && beat_valid && !bus_busy_i && (!first_q || has_buffer);
  assign last_chunk  = chunk_q == ChunkW'(Chunks - 1);
  assign last_group  = group_q == GroupW'(Groups - 1);
  assign next_stream = stream_q + 1'b1;
  assign beat_done   = go && (last_chunk || end_q);

  always_ff @(posedge clk_i) begin
    if (!run_i) begin  // it is low for a cycle at least before and after each start
      first_q  <= 1'b1;
      left_q   <= x_count_i;
      end_q    <= x_count_i <= 16'(XPerCycle);
      chunk_q  <= '0;
      group_q  <= '0;
      addr_q   <= x_base_i;
      stream_q <= '0;
      parity_q <= 1'b0;
    end else if (go) begin
      first_q <= end_q;
      left_q  <= end_q ? x_count_i : left_q - 16'(XPerCycle);
      end_q   <= end_q ? x_count_i <= 16'(XPerCycle) : left_q <= 16'(2 * XPerCycle);
      chunk_q <= beat_done ? '0 : chunk_q + 1'b1;
      group_q <= end_q || last_group ? '0 : group_q + 1'b1;
      if (end_q) addr_q <= x_base_i;
      else if (last_group) addr_q <= addr_q + 1'b1;
      if (end_q) begin
        if (next_stream == streams_i[2:0]) begin
          stream_q <= '0;
          parity_q <= !parity_q;
        end else begin
          stream_q <= next_stream;
        end
      end
    end
  end

  always_comb begin
    toggle = '0;
    toggle[Naw-1] = parity_q;
    for (int i = 0; i < 3; i++) if (Naw - 2 - i >= 0) toggle[Naw-2-i] = stream_q[i];
  end

  logic [XPerCycle*16-1:0] chunk;
  assign chunk = beat[chunk_q*(XPerCycle*16)+:XPerCycle*16];

  for (genvar l = 0; l < L; l++) begin : gen_column
    localparam int I = l % XPerCycle;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) x_we_o[l] <= 1'b0;
      else x_we_o[l] <= go && group_q == GroupW'(l / XPerCycle) && left_q > 16'(I);
      x_data_o[l*DataW+:DataW] <= chunk[I*16+:DataW];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) x_evt_o <= 1'b0;
    else x_evt_o <= go && end_q;
    x_addr_o <= addr_q ^ toggle;
  end

  logic unused;
  assign unused = ^{chunk, streams_i};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_INIT(ValuesDivide, L % XPerCycle == 0 && Values % XPerCycle == 0)
  `CSB_ASSERT_HELD(FrameStreamHeld, s_tvalid_i, s_tready_o, {s_tlast_i, s_tdata_i})
  `CSB_ASSERT_KNOWN(FrameKnown, s_tvalid_i, s_tlast_i)
  `CSB_ASSERT(StartsFromRest, !(start_i && run_i))
endmodule
`default_nettype wire
