// SPDX-License-Identifier: Apache-2.0
//
// Output: double-buffers frames in the order in which the data path computes them and sends them
// as an AXI4-Stream in the order that the output table says.
//
// The buffer has two halves of OutDepth words, one value of each engine column a word; the writer
// fills one half while the other is sent, BusNeurons words a cycle. The top bit of an address
// chooses the half: for an OutDepth of 24 they are words 0 to 23 and words 32 to 55. Word b of the
// table places the StreamW/16 values of beat b: value j at bits j*EntryW, {engine column, word
// address within the half}. Values are sign extended from DataW to 16 bits, little end first. The
// last beat carries out_last_i values; TKEEP masks the rest of it.
//
// Timing: out_done_i in cycle d: first beat valid in d + 3 (if nothing is before it), then one a
// cycle. out_release_o, in the cycle in which a frame's last words are read (two before its last
// beat can be valid): that half may be written from the next cycle on.
//
// stop_i drops every frame of which the sink has not seen a beat. A frame is open if a beat of it
// was taken or is offered. open_o is high while an open frame is completed to its length: the beat
// that is offered stays, the others are zero, TLAST and TKEEP are where they would have been.
// Lengths are those of the last start_i, so a new table may be loaded meanwhile.
//
// A frame's end is known twice: by the mark that goes through the FIFO with its last beat, and by
// the count of the beats that were taken. TLAST is at the earlier one; slip_o is for a difference.
`default_nettype none
`include "csb_assert.svh"
module csb_output #(
    parameter int L = 2,
    parameter int DataW = 16,
    parameter int StreamW = 32,
    parameter int OutDepth = 256,  // words of a half; words of the table
    parameter int Parity = 0,  // 1: words of the table are checked
    parameter int BusNeurons = 1,  // words written at once: 1 or 2, divides OutDepth
    parameter int Values = StreamW / 16,  // derived, do not override
    parameter int HalfAw = $clog2(OutDepth),  // derived, do not override
    parameter int ColW = L > 1 ? $clog2(L) : 1,  // derived, do not override
    parameter int EntryW = HalfAw + ColW,  // derived, do not override
    parameter int TableW = Values * EntryW  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    input wire logic start_i,  // pulse, not while open_o
    input wire logic stop_i,  // level
    output logic open_o,  // a frame that was cut is being completed
    output logic sent_o,  // pulse: a whole frame was taken
    output logic cut_o,  // pulse: a frame that was completed with zeros was taken
    output logic slip_o,  // pulse: a beat was taken that is the last by one of mark and count
    input wire logic [12:0] out_beats_i,  // beats of a frame, at least 1
    input wire logic [5:0] out_last_i,  // values of the last of them
    // table load
    input wire logic ld_we_i,
    input wire logic [csb_pkg::PartIw-1:0] ld_part_i,
    input wire logic [HalfAw-1:0] ld_addr_i,
    input wire logic [csb_pkg::PartW-1:0] ld_data_i,
    // from the writer
    input wire logic out_valid_i,
    input wire logic [HalfAw:0] out_addr_i,  // of the first of them; top bit: half
    input wire logic [BusNeurons*L*DataW-1:0] out_data_i,
    input wire logic out_done_i,  // pulse: all words of a frame are written
    output logic out_release_o,  // pulse: a half is free
    // frames
    output logic m_tvalid_o,
    input wire logic m_tready_i,
    output logic [StreamW-1:0] m_tdata_o,
    output logic [StreamW/8-1:0] m_tkeep_o,
    output logic m_tlast_o,
    output logic bad_o  // a word of the table has a flipped bit (csb_parity)
);
  localparam int BufferDepth = (1 << HalfAw) + OutDepth;  // last address of the second half, + 1
  localparam int ValuesW = $clog2(Values + 1);
  localparam int FifoDepth = 4;  // covers the three cycles from read to credit at full rate

  // --- table: the words of the next two beats are always read ahead ---------------------------
  logic [HalfAw-1:0] beat_q, ahead_q, fetch;  // beats of places_q, of places, of what is fetched
  logic [HalfAw-1:0] final_beat;
  logic [TableW-1:0] places, places_q;
  logic parity;  // of places
  logic [1:0] filled_q;  // places and places_q are valid
  logic read, read_last, prefetch;

  assign final_beat = HalfAw'(out_beats_i - 1'b1);
  assign read_last  = read && beat_q == final_beat;
  assign prefetch   = !filled_q[1] || read;
  assign fetch      = !filled_q[0] || ahead_q == final_beat ? '0 : ahead_q + 1'b1;

  csb_load_ram #(
      .Width (TableW),
      .Depth (OutDepth),
      .Parity(Parity)
  ) u_table (
      .clk_i,
      .we_i   (ld_we_i),
      .part_i (ld_part_i),
      .waddr_i(ld_addr_i),
      .wdata_i(ld_data_i),
      .re_i   (prefetch && !stop_i),
      .raddr_i(fetch),
      .rdata_o(places),
      .parity_o(parity)
  );
  if (Parity != 0) begin : gen_parity
    logic run_q;  // words that are read ahead at rest may be none
    always_ff @(posedge clk_i) begin
      if (!rst_ni || stop_i) run_q <= 1'b0;
      else if (start_i) run_q <= 1'b1;
    end
    csb_parity #(
        .Width(TableW + 1)
    ) u_parity (
        .clk_i,
        .rst_ni,
        .valid_i(run_q && filled_q[0]),
        .word_i ({parity, places}),
        .bad_o
    );
  end else begin : gen_no_parity
    assign bad_o = 1'b0;
    logic unused_parity;
    assign unused_parity = parity;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i || start_i) filled_q <= '0;
    else filled_q <= {filled_q[0], 1'b1};
    if (prefetch) begin
      ahead_q  <= fetch;
      beat_q   <= ahead_q;
      places_q <= places;
    end
  end

  // --- frames and credits ---------------------------------------------------------------------
  logic [1:0] frames_q;  // complete and not yet read
  logic half_q;
  logic [2:0] count_q, credit_q;  // beats in the FIFO, places free for reads
  logic filled, pop, keep;  // the FIFO: has a beat, gives it, holds one that the sink has seen

  assign read          = filled_q[1] && !stop_i && frames_q != '0 && credit_q != '0;
  assign out_release_o = read_last;
  assign filled        = count_q != '0;
  assign pop           = filled && m_tready_i;
  assign keep          = filled && !m_tready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i || start_i) begin
      frames_q <= '0;
      half_q   <= 1'b0;
    end else begin
      frames_q <= frames_q + 2'(out_done_i) - 2'(read_last);
      if (read_last) half_q <= !half_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) credit_q <= 3'(FifoDepth);
    else if (stop_i || start_i) credit_q <= 3'(FifoDepth) - 3'(keep);
    else credit_q <= credit_q - 3'(read) + 3'(pop);
  end

  // --- buffer: a copy for each value of a beat ------------------------------------------------
  // Of two words at once a read takes one value, by its address: a wider memory with a multiplexer
  // behind it would cost as many LUTs as it has bits.
  logic [StreamW-1:0] beat_data;
  for (genvar j = 0; j < Values; j++) begin : gen_value
    logic [EntryW-1:0] place;
    logic [ DataW-1:0] value;
    assign place = places_q[j*EntryW+:EntryW];
    if (BusNeurons == 1) begin : gen_word
      logic [L*DataW-1:0] word;
      logic [   ColW-1:0] column_q;
      csb_ram_1r1w #(
          .Width      (L * DataW),
          .Depth      (BufferDepth),
          .NoCollision(1)
      ) u_copy (
          .clk_i,
          .we_i   (out_valid_i),
          .waddr_i(out_addr_i),
          .wdata_i(out_data_i),
          .re_i   (read),
          .rzero_i(open_o),
          .raddr_i({half_q, place[HalfAw-1:0]}),
          .rdata_o(word)
      );
      always_ff @(posedge clk_i) column_q <= place[EntryW-1:HalfAw];
      assign value = word[column_q*DataW+:DataW];
    end else begin : gen_words
      logic [EntryW:0] raddr;
      logic [DataW-1:0] stored;
      logic zero_read_q;  // the value is that of no read, but zero
      if (L > 1) begin : gen_column
        assign raddr = {half_q, place[HalfAw-1:0], place[EntryW-1:HalfAw]};
      end else begin : gen_one
        assign raddr = {1'b0, half_q, place[HalfAw-1:0]};
      end
      csb_neuron_ram #(
          .Reads (1),
          .DataW (DataW),
          .Depth (BufferDepth),
          .Sides (L),
          .Writes(BusNeurons)
      ) u_copy (
          .clk_i,
          .we_i   ({(BusNeurons * L) {out_valid_i}}),
          .waddr_i(out_addr_i),
          .wdata_i(out_data_i),
          .re_i   (read),
          .raddr_i(raddr[HalfAw+$clog2(L):0]),
          .rdata_o(stored)
      );
      always_ff @(posedge clk_i) begin
        if (open_o) zero_read_q <= 1'b1;
        else if (read) zero_read_q <= 1'b0;
      end
      assign value = zero_read_q ? '0 : stored;
    end
    assign beat_data[j*16+:16] = 16'($signed(value));
  end

  logic push_q, push_last_q;  // the buffer gives a beat, the last one of a frame
  always_ff @(posedge clk_i) push_last_q <= read_last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || stop_i || start_i) push_q <= 1'b0;
    else push_q <= read;
  end

  // --- FIFO -----------------------------------------------------------------------------------
  logic [StreamW-1:0] fifo_data[FifoDepth];
  logic [FifoDepth-1:0] last_q;  // a beat is a frame's last
  logic [1:0] wptr_q, rptr_q;

  // While a frame is open, the place after the beat that is kept gets zeros, as the buffer reads as
  // zero, and is never popped.
  always_ff @(posedge clk_i) begin
    if (push_q || open_o) fifo_data[wptr_q] <= beat_data;
    if (push_q) last_q[wptr_q] <= push_last_q;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wptr_q  <= '0;
      rptr_q  <= '0;
      count_q <= '0;
    end else begin
      rptr_q <= rptr_q + 2'(pop);
      if (stop_i || start_i) begin
        wptr_q  <= rptr_q + 2'd1;
        count_q <= 3'(keep);
        if (!filled) wptr_q <= rptr_q;
      end else begin
        wptr_q  <= wptr_q + 2'(push_q);
        count_q <= count_q + 3'(push_q) - 3'(pop);
      end
    end
  end

  // --- packets: beats are counted where the sink takes them -----------------------------------
  logic taken, mid_q;  // mid: beats of the frame were taken, its last one was not
  logic marked, counted;  // the beat is the last of its frame
  logic [1:0] zero_q;  // open_o, and the zero is {written, read}
  logic [HalfAw:0] left_q;  // beats of the frame still to be taken; for the zeros of an open one
  logic [ValuesW-1:0] last_values_q;

  assign taken      = m_tvalid_o && m_tready_i;
  assign m_tvalid_o = filled || (open_o && zero_q[1]);
  assign m_tdata_o  = fifo_data[rptr_q];
  assign marked     = filled && last_q[rptr_q];
  assign counted    = left_q == (HalfAw + 1)'(1);
  assign m_tlast_o  = marked || counted;
  assign slip_o     = taken && filled && marked != counted;
  assign sent_o     = taken && m_tlast_o && filled;
  assign cut_o      = taken && m_tlast_o && !filled;
  for (genvar j = 0; j < Values; j++) begin : gen_keep
    assign m_tkeep_o[j*2+:2] = {2{!m_tlast_o || ValuesW'(j) < last_values_q}};
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      mid_q  <= 1'b0;
      open_o <= 1'b0;
    end else begin
      if (taken) mid_q <= !m_tlast_o;
      if (taken && m_tlast_o) open_o <= 1'b0;
      else if (stop_i) open_o <= m_tvalid_o || mid_q;
    end
    zero_q <= open_o ? {zero_q[0], 1'b1} : 2'b00;
  end

  always_ff @(posedge clk_i) begin
    if (start_i) last_values_q <= ValuesW'(out_last_i);
    if (start_i || (taken && m_tlast_o)) begin
      left_q <= (HalfAw + 1)'(out_beats_i);
    end else if (taken) begin
      left_q <= left_q - 1'b1;
    end
  end

  logic unused;
  assign unused = ^{out_last_i, out_beats_i};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_STABLE(FrameStreamStable, m_tvalid_o, m_tready_i, {m_tlast_o, m_tkeep_o, m_tdata_o})
  `CSB_ASSERT_KNOWN(LastKnown, m_tvalid_o, {m_tlast_o, m_tkeep_o})
  for (genvar i = 0; i < Values; i++) begin : gen_value_known
    `CSB_PROGRAM_KNOWN(ValueKnown, m_tvalid_o && m_tkeep_o[2*i], m_tdata_o[i*16+:16])
  end
  `CSB_PROGRAM(TwoFramesAtMost, !(out_done_i && frames_q == 2'd2 && !read_last))
  `CSB_ASSERT(FifoHolds, count_q <= 3'(FifoDepth))
  `CSB_ASSERT(StartsWithNoFrameOpen, !(start_i && (mid_q || m_tvalid_o)))
  `CSB_ASSERT(OpenOnlyAtRest, !(open_o && frames_q != '0))
endmodule
`default_nettype wire
