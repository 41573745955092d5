// SPDX-License-Identifier: Apache-2.0
//
// Image loader: takes an image (format: golden/csb_rnn/machine/image.py) from an AXI4-Stream of
// 32-bit words and writes its sections to the memories of the machine through one flat load bus.
//
// Handshake: an image begins with the first word after the TLAST of the image before. While none is
// taken, s_tready_o is low; s_tvalid_i then raises busy_o, and the machine stops. Once
// idle_i is there the loader writes zeros to all neurons and accumulators (clr_*) and to all biases
// and states (load bus), a word of one lane a cycle, and only then takes words, one a cycle.
// Load bus: memory words in parts of csb_pkg::PartW bits, each one cycle after the stream word that
// completes it; bits above the memory's width undefined.
// Result: one pulse for each image, of done_o after its TLAST word or of error_o (with
// error_code_o, csb_regs_pkg) after the wrong word. The words behind an error are dropped,
// up to TLAST, and busy_o stays high as long. A word refused by range is never written;
// words before a wrong checksum are, so the image is valid only after done_o.
// flush_i forgets an image, waiting or being taken: one pulse of error_o if none has told an
// error of it, and the next word is the first of an image. None begins while it is high.
// abort_i ends an image in whose middle the loader is: the next word is the first one of another.
// An image brings all program registers (in one section, later ones may change some), each within
// its range, a last word for every program and a word of the output table, or it is refused.
`default_nettype none
`include "csb_assert.svh"
module csb_image_loader #(
    parameter int Groups      = 4,     // PEGroups
    parameter int Lanes       = 4,     // data path lanes
    parameter int L           = 2,     // engine columns
    parameter int StreamW     = 32,    // bits of a beat of the frame streams
    parameter int PegW        = 128,   // bits of a PEGroup word
    parameter int AccW        = 36,    // bits of a bias
    parameter int StateW      = 24,    // bits of a state
    parameter int OutW        = 18,    // bits of an output table word
    parameter int WeightDepth = 1024,
    parameter int NeuronDepth = 512,
    parameter int AccDepth    = 256,
    parameter int BiasDepth   = 256,
    parameter int StateDepth  = 256,
    parameter int DrainDepth  = 512,
    parameter int ElemDepth   = 512,
    parameter int OutDepth    = 256,
    parameter int ConfigHash  = 0      // of a fitting image
) (
    input  wire logic                       clk_i,
    input  wire logic                       rst_ni,
    // image stream
    input  wire logic                       s_tvalid_i,
    output logic                            s_tready_o,
    input  wire logic [               31:0] s_tdata_i,
    input  wire logic                       s_tlast_i,
    // run control
    output logic                            busy_o,
    input  wire logic                       idle_i,        // the machine has come to rest
    input  wire logic                       flush_i,       // level
    input  wire logic                       abort_i,       // pulse: forget a begun image
    output logic                            done_o,
    output logic                            error_o,
    output logic      [                7:0] error_code_o,
    // zero neurons and accumulators at this address
    output logic                            clr_valid_o,
    output logic      [               15:0] clr_addr_o,
    // load bus
    output logic                            ld_we_o,
    output logic      [                7:0] ld_target_o,
    output logic      [               15:0] ld_index_o,    // PEGroup or lane
    output logic      [csb_pkg::PartIw-1:0] ld_part_o,
    output logic      [               15:0] ld_addr_o,
    output logic      [ csb_pkg::PartW-1:0] ld_data_o
);
  import csb_image_pkg::*;
  import csb_regs_pkg::*;
  import csb_pkg::PartW;
  import csb_pkg::PartIw;

  localparam int TopW = PartW - 32;  // bits of a part without room in its stream word
  localparam int TopsPerWord = 32 / TopW;
  localparam int WideW = PegW > OutW ? PegW : OutW;
  localparam int MaxW = WideW > csb_pkg::ElemWidth ? WideW : csb_pkg::ElemWidth;  // widest memory
  localparam int DeepA = NeuronDepth > AccDepth ? NeuronDepth : AccDepth;
  localparam int DeepB = BiasDepth > StateDepth ? BiasDepth : StateDepth;
  localparam int ClearDepth = DeepA > DeepB ? DeepA : DeepB;

  // CRC-32 of a whole word: each bit is the parity of some bits of crc ^ data. Bit i of the next
  // CRC depends on bit j if 32 steps of the shift register take 1 << j to a number with bit i.
  function automatic logic [1023:0] crc_matrix();
    logic [31:0] crc;
    for (int j = 0; j < 32; j++) begin
      crc = 32'd1 << j;
      for (int i = 0; i < 32; i++) crc = crc[0] ? (crc >> 1) ^ 32'hedb88320 : crc >> 1;
      for (int i = 0; i < 32; i++) crc_matrix[i*32+j] = crc[i];
    end
  endfunction
  localparam logic [1023:0] CrcMatrix = crc_matrix();

  // A memory word of up to 32 bits is one stream word. The parts of a wider one come each in a
  // stream word of their own, and before them words with the bits without room in those.
  function automatic int parts_in(input int width);
    parts_in = (width + PartW - 1) / PartW;
  endfunction

  function automatic int tops_in(input int width);
    tops_in = width > 32 ? (parts_in(width) + TopsPerWord - 1) / TopsPerWord : 0;
  endfunction

  localparam int MaxTops = tops_in(MaxW);

  // Words, memories and bits of a word of a target; no words if there is no such target.
  function automatic logic [16:0] depth_of(input logic [7:0] target);
    case (target)
      TargetPegroup: depth_of = 17'(WeightDepth);
      TargetDrain: depth_of = 17'(DrainDepth);
      TargetElem: depth_of = 17'(ElemDepth);
      TargetBias: depth_of = 17'(BiasDepth);
      TargetState: depth_of = 17'(StateDepth);
      TargetOut: depth_of = 17'(OutDepth);
      TargetConfig: depth_of = 17'(CfgWords);
      default: depth_of = '0;
    endcase
  endfunction

  function automatic logic [15:0] memories_of(input logic [7:0] target);
    case (target)
      TargetPegroup: memories_of = 16'(Groups);
      TargetBias, TargetState: memories_of = 16'(Lanes);
      default: memories_of = 16'd1;
    endcase
  endfunction

  function automatic int width_of(input logic [7:0] target);
    case (target)
      TargetPegroup: width_of = PegW;
      TargetDrain: width_of = csb_pkg::DrainWidth;
      TargetElem: width_of = csb_pkg::ElemWidth;
      TargetBias: width_of = AccW;
      TargetState: width_of = StateW;
      TargetOut: width_of = OutW;
      default: width_of = 32;
    endcase
  endfunction

  // The largest value of a program register. Zero is a value of those without a size or number.
  localparam int XPlaces = L * NeuronDepth;
  localparam int XMost = XPlaces < 1 << CfgXCountW ? XPlaces : (1 << CfgXCountW) - 1;
  function automatic logic [15:0] most_of(input logic [15:0] addr);
    case (32'(addr))
      CfgStreams: most_of = 16'd8;
      CfgStateStride: most_of = 16'(StateDepth);
      CfgElemLoop: most_of = 16'(ElemDepth - 1);
      CfgRegSets: most_of = 16'(csb_pkg::RegDepth);
      CfgXCount: most_of = 16'(XMost);
      CfgXBase: most_of = 16'(NeuronDepth - 1);
      CfgOutBeats: most_of = 16'(OutDepth);
      default: most_of = 16'(StreamW / 16);  // CfgOutLast
    endcase
  endfunction

  typedef enum logic [2:0] {
    StIdle,     // no image
    StSettle,   // the machine stops
    StClear,    // zeros are written
    StHeader,   // the four words of the header
    StSection,  // the three words of a section's header, or the checksum
    StData,     // words of a section
    StDrop      // an error was found and told: wait for TLAST
  } state_e;
  state_e state_d, state_q;

  logic take, last_word, fail, good, part_done, word_done, part_last, tops_last;
  logic value_bad, too_much, may_be_zero, crc_right, complete;
  logic clear_neurons, clear_last, clear_wrap;
  logic [7:0] code;
  logic [1:0] field_d, field_q;  // word of a header
  logic [31:0] left_q;  // words of the image still to come, valid after the header
  logic [31:0] crc_q;
  logic [ 7:0] target_q;
  logic [15:0] index_q, addr_q, count_q;
  logic range_bad_q, addr_bad_q, count_bad;
  logic [PartIw-1:0] part_q;  // of a memory word, the next to come
  logic tops_q;  // before its parts: part_q counts the stream words with their top bits

  assign take = s_tvalid_i && s_tready_o;
  assign last_word = left_q == 32'd1;
  assign tops_last = 32'(part_q) == tops_in(width_of(target_q)) - 1;
  assign part_last = !tops_q && 32'(part_q) == parts_in(width_of(target_q)) - 1;
  // At least, not equal: a state that flips to StClear, with any index, ends too.
  assign clear_last = clear_wrap && target_q == TargetState && index_q >= 16'(Lanes - 1);
  assign clear_neurons = index_q == '0 && target_q == TargetBias;
  assign clear_wrap = {1'b0, addr_q} + 1'b1 >= (clear_neurons ? 17'(ClearDepth) : depth_of(
      target_q
  ));
  assign busy_o = state_q != StIdle;
  assign s_tready_o = state_q == StHeader || state_q == StSection || state_q == StData ||
      state_q == StDrop;

  // The words of a section do not fit its memory, as its third header word shows.
  assign count_bad = s_tdata_i[31:17] != '0 || s_tdata_i == '0 ||
      {2'b0, addr_q} + {1'b0, s_tdata_i[16:0]} > {1'b0, depth_of(
      target_q
  )};

  // A program register's value is not in its range.
  assign may_be_zero = addr_q == 16'(CfgStateStride) || addr_q == 16'(CfgElemLoop) ||
      addr_q == 16'(CfgXBase);
  assign too_much = s_tdata_i[31:16] != '0 || s_tdata_i[15:0] > most_of(addr_q);
  assign value_bad = target_q == TargetConfig && (too_much || (s_tdata_i == '0 && !may_be_zero));
  assign crc_right = (crc_q ^ 32'hffffffff) == s_tdata_i;

  // --- state machine ----------------------------------------------------------------------
  always_comb begin
    state_d   = state_q;
    field_d   = field_q;
    fail      = 1'b0;
    code      = ErrNone;
    good      = 1'b0;
    part_done = 1'b0;
    word_done = 1'b0;
    unique case (state_q)
      StIdle:   if (s_tvalid_i) state_d = StSettle;
      StSettle: if (idle_i) state_d = StClear;
      StClear: begin
        field_d = '0;
        if (clear_last) state_d = StHeader;
      end
      StHeader:
      if (take) begin
        field_d = field_q + 1'b1;
        if (field_q == 2'd3) begin
          field_d = '0;
          state_d = StSection;
        end
        if (field_q == 2'd0 && s_tdata_i != ImageMagic) code = ErrMagic;
        else if (field_q == 2'd1 && s_tdata_i != ImageVersion) code = ErrVersion;
        else if (field_q == 2'd2 && s_tdata_i != 32'(ConfigHash)) code = ErrConfig;
        else if (s_tlast_i || (field_q == 2'd3 && s_tdata_i < 32'd5)) code = ErrLength;
        fail = code != ErrNone;
      end
      StSection:
      if (take) begin
        field_d = field_q + 1'b1;
        if (s_tlast_i != last_word || (last_word && field_q != 2'd0)) begin
          fail = 1'b1;
          code = ErrLength;
        end else if (last_word) begin
          good = crc_right && complete;
          fail = !good;
          code = crc_right ? ErrMissing : ErrCrc;
        end else if (field_q == 2'd2) begin
          field_d = '0;
          state_d = StData;
          fail    = range_bad_q || addr_bad_q || count_bad;
          code    = ErrSection;
        end
      end
      StData:
      if (take) begin
        if (s_tlast_i || last_word) begin
          fail = 1'b1;
          code = ErrLength;
        end else begin
          part_done = !tops_q && !value_bad;
          word_done = part_last;
          if (part_last && count_q == 16'd1) state_d = StSection;
          fail = value_bad;
          code = ErrValue;
        end
      end
      StDrop:   if (take && s_tlast_i) state_d = StIdle;
      default:  state_d = StIdle;
    endcase
    if (flush_i) begin
      state_d = StIdle;
      fail    = busy_o && state_q != StDrop;
      code    = ErrFlushed;
      good    = 1'b0;
    end
    if (good) state_d = StIdle;
    if (fail) begin
      state_d = StDrop;
      if (s_tlast_i || flush_i) state_d = StIdle;
    end
    if (abort_i && s_tready_o) begin
      state_d = StIdle;
      {good, fail} = '0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) state_q <= StIdle;
    else state_q <= state_d;
  end

  // --- counters and section header ----------------------------------------------------------
  always_ff @(posedge clk_i) begin
    field_q <= field_d;
    if (state_q == StSettle) begin
      crc_q    <= '1;
      index_q  <= '0;
      addr_q   <= '0;
      target_q <= TargetBias;
    end else if (state_q == StClear) begin
      addr_q <= clear_wrap ? '0 : addr_q + 1'b1;
      if (clear_wrap) target_q <= target_q == TargetBias ? TargetState : TargetBias;
      if (clear_wrap && target_q == TargetState) index_q <= index_q + 1'b1;
    end else if (take) begin
      for (int i = 0; i < 32; i++) crc_q[i] <= ^((crc_q ^ s_tdata_i) & CrcMatrix[i*32+:32]);
      left_q <= left_q - 1'b1;
      if (state_q == StHeader && field_q == 2'd3) left_q <= s_tdata_i - 32'd4;
      if (state_q == StSection && field_q == 2'd0) begin
        target_q <= s_tdata_i[7:0];
        index_q <= s_tdata_i[23:8];
        range_bad_q <= s_tdata_i[31:24] != '0 || depth_of(
            s_tdata_i[7:0]
        ) == '0 || s_tdata_i[23:8] >= memories_of(
            s_tdata_i[7:0]
        );
      end
      if (state_q == StSection && field_q == 2'd1) begin
        addr_q     <= s_tdata_i[15:0];
        addr_bad_q <= s_tdata_i[31:16] != '0;
      end
      if (state_q == StSection && field_q == 2'd2) count_q <= s_tdata_i[15:0];
      if (word_done) begin
        addr_q  <= addr_q + 1'b1;
        count_q <= count_q - 1'b1;
      end
    end
    if (state_q != StData || word_done) begin
      part_q <= '0;
      tops_q <= tops_in(width_of(target_q)) != 0;
    end else if (take) begin
      part_q <= tops_q && tops_last ? '0 : part_q + 1'b1;
      tops_q <= tops_q && !tops_last;
    end
  end

  // --- parts that every image has ---------------------------------------------
  logic [Groups-1:0] groups_q;  // programs whose last word came
  logic drain_q, elem_q, out_q, config_q;
  assign complete = &{groups_q, drain_q, elem_q, out_q, config_q};
  always_ff @(posedge clk_i) begin
    if (state_q == StSettle) begin
      {groups_q, drain_q, elem_q, out_q, config_q} <= '0;
    end else if (take && state_q == StData && !tops_q && part_q == '0) begin
      for (int g = 0; g < Groups; g++) begin
        if (target_q == TargetPegroup && index_q == 16'(g) && s_tdata_i[0]) groups_q[g] <= 1'b1;
      end
      if (target_q == TargetDrain && s_tdata_i[0]) drain_q <= 1'b1;
      if (target_q == TargetElem && s_tdata_i[0]) elem_q <= 1'b1;
      if (target_q == TargetOut) out_q <= 1'b1;
    end else if (take && state_q == StSection && field_q == 2'd2) begin
      if (target_q == TargetConfig && s_tdata_i[15:0] == 16'(CfgWords)) config_q <= 1'b1;
    end
  end

  // --- load bus -----------------------------------------------------------------------------
  logic [MaxTops*32-1:0] top_q;  // of the parts to come
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ld_we_o     <= 1'b0;
      clr_valid_o <= 1'b0;
    end else begin
      ld_we_o     <= part_done || (state_q == StClear && {1'b0, addr_q} < depth_of(target_q));
      clr_valid_o <= state_q == StClear && clear_neurons;
    end
  end
  always_ff @(posedge clk_i) begin
    ld_target_o <= target_q;
    ld_index_o  <= index_q;
    ld_addr_o   <= addr_q;
    ld_part_o   <= part_q;
    ld_data_o   <= state_q == StClear ? '0 : {top_q[TopW-1:0], s_tdata_i};
    if (take) begin
      if (!tops_q) top_q <= top_q >> TopW;
      else for (int i = 0; i < MaxTops; i++) if (part_q == PartIw'(i)) top_q[i*32+:32] <= s_tdata_i;
    end
  end
  assign clr_addr_o = ld_addr_o;

  // --- result -------------------------------------------------------------------------------
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_o       <= 1'b0;
      error_o      <= 1'b0;
      error_code_o <= ErrNone;
    end else begin
      done_o  <= good;
      error_o <= fail;
      if (fail) error_code_o <= code;
    end
  end

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_INIT(PartsAreNumbered, parts_in(MaxW) <= 1 << PartIw)
  `CSB_ASSERT_INIT(ClearedWordIsOnePart, AccW <= PartW && StateW <= PartW)
  `CSB_ASSERT_HELD(ImageStreamHeld, s_tvalid_i, s_tready_o, {s_tlast_i, s_tdata_i})
  `CSB_ASSERT_KNOWN(ImageKnown, s_tvalid_i, {s_tlast_i, s_tdata_i})
endmodule
`default_nettype wire
