// SPDX-License-Identifier: Apache-2.0
//
// Data path of one lane; all control comes from csb_drain and csb_element, in the cycles named
// there, and is the same for all lanes. Nothing here waits.
//
// Drain side, word issued in cycle T, RS = ReduceStages of the engine:
//   T + 1 + RS  sum_i + bias            T + 3 + RS .. T + 6 + RS  activation
//   T + 2 + RS  shift, round, saturate  T + 6 + RS                register is written at the end
// Element side, v = m0*x0 +- m1*x1:
//   T  registers and state are read     T + 3  v_o; state is written at the end
//   T + 1  operands, products           T + 3 .. T + 6  activation
//   T + 2  sum, round, saturate         T + 6  register is written at the end
// With Deep (D = 1) there are registers behind the memories, behind the shift, before the
// multipliers, behind their sum and in the activation: what the ports say. Registers are halves of
// 16 then, and what is not selected reads as zero; a product is two of 18 bits, which the sums of
// both products add up (csb_sum_split). With FastAct a register
// is written a cycle sooner; with RegBypass it can be read in the cycle in which it is written.
//
// Every stage loads with its word alone, as the enable of the stage before tells a cycle early: in
// an idle lane no register but these flags and sat_o has a clock.
//
// With DrainRows = 2 the drain side exists twice, for both rows of a word; the second one has the
// next bias and the next register.
//
// Numbers, all signed: lane values LaneW bits, 15 of them fraction; narrow operands m0 and m1 the
// same, saturated to 18 bits; state StateW bits, StateFrac (or, fine, 15) of them fraction; sum and
// bias AccW bits in units of weight x neuron. Every rounding is to nearest, ties up.
`default_nettype none
`include "csb_assert.svh"
module csb_lane #(
    parameter int DataW = 16,  // bits of neurons
    parameter int WeightW = 16,  // bits of weights
    parameter int AccW = 36,  // bits of a drained sum
    parameter int StateW = 24,  // bits of a state
    parameter int StateFrac = 13,  // fraction bits of a state
    parameter int BiasDepth = 256,  // biases
    parameter int StateDepth = 256,  // states
    parameter int DrainRows = 1,  // rows drained in a cycle: 1 or 2
    parameter int FastAct = 0,  // 1: the activation takes a cycle less
    parameter int RegBypass = 0,  // 1: a register can be read while it is written
    parameter int Parity = 0,  // 1: biases are checked
    parameter int Deep = 0,  // 1: registers in the long paths
    parameter int LaneW = csb_pkg::lane_w(StateW, StateFrac),  // derived, do not override
    parameter int LoadW = AccW > StateW ? AccW : StateW,  // derived, do not override
    parameter int BiasAw = $clog2(BiasDepth),  // derived, do not override
    parameter int StateAw = $clog2(StateDepth)  // derived, do not override
) (
    input wire logic clk_i,
    input wire logic rst_ni,
    // load, while idle; the data is zero at all other times
    input wire logic ld_bias_we_i,
    input wire logic ld_state_we_i,
    input wire logic [11:0] ld_addr_i,
    input wire logic [LoadW-1:0] ld_data_i,
    // drain side
    input wire logic [DrainRows*AccW-1:0] sum_i,  // T + 1 + RS + D
    input wire logic bias_re_i,  // T + RS
    input wire logic [BiasAw-1:0] bias_addr_i,
    input wire logic cvt_valid_i,  // T + 2 + RS + D
    input wire logic [DrainRows*csb_pkg::DrainShiftW-1:0] shift_i,
    input wire logic [DrainRows*csb_pkg::ActW-1:0] drain_act_i,  // T + 3 + RS + 2D
    input wire logic drain_we_i,  // T + 6 + RS + 4D - FastAct
    input wire logic [csb_pkg::RegAw-1:0] drain_reg_i,
    // element side
    input wire logic rd_en_i,  // T
    input wire logic [csb_pkg::OperandAw-1:0] rd_addr_i,  // x1, m1, x0, m0
    input wire logic st_re_i,  // T; or a read by the host
    input wire logic [StateAw-1:0] st_raddr_i,
    output logic [StateW-1:0] st_rdata_o,  // T + 1 + D
    input wire logic opnd_valid_i,  // T + 1 + D
    input wire logic [csb_pkg::OperandSelW-1:0] sel_i,  // x1, m1, x0, m0; with Deep in T
    input wire logic st_zero_i,  // the state reads as zero
    input wire logic st_fine_rd_i,  // it has LaneFrac fraction bits
    input wire logic sum_valid_i,  // T + 2 + 2D
    input wire logic sub_i,
    input wire logic st_we_i,  // T + 3 + 3D
    input wire logic st_fine_wr_i,
    input wire logic [StateAw-1:0] st_waddr_i,
    input wire logic [csb_pkg::ActW-1:0] elem_act_i,
    input wire logic elem_we_i,  // T + 6 + 5D - FastAct
    input wire logic [csb_pkg::RegAw-1:0] elem_reg_i,
    output logic [LaneW-1:0] v_o,  // T + 3 + 3D
    // something saturated in the cycle before: {state, element, narrow operand, drain}
    output logic [csb_pkg::LaneSats-1:0] sat_o,
    output logic bad_o  // a bias has a flipped bit (csb_parity)
);
  import csb_pkg::*;

  localparam int NarrowW = MulW + 1;  // a narrow operand and whether it saturated
  localparam int PreShift = 32 - DataW - WeightW;
  localparam int ProductW = MulW + LaneW;
  localparam int StateShift = LaneFrac - StateFrac;

  // --- drain side -----------------------------------------------------------------------
  localparam int RowBiases = BiasDepth / DrainRows;
  localparam int BiasW = Parity != 0 ? AccW + 1 : AccW;
  localparam int RowBiasAw = RowBiases > 1 ? $clog2(RowBiases) : 1;
  logic bias_valid, total_valid, cvt_valid, drained_valid;  // each stage has a word
  logic [DrainRows-1:0] sat_drain, bad;
  logic [DrainRows*LaneW-1:0] drain_result;
  if (Deep != 0) begin : gen_deep_convert
    always_ff @(posedge clk_i) {total_valid, cvt_valid} <= {bias_valid, cvt_valid_i};
  end else begin : gen_short_convert
    assign {total_valid, cvt_valid} = {bias_valid, cvt_valid_i};
  end
  always_ff @(posedge clk_i) {bias_valid, drained_valid} <= {bias_re_i, cvt_valid};

  assign bad_o = |bad;

  for (genvar r = 0; r < DrainRows; r++) begin : gen_drain_row
    logic [AccW-1:0] bias_read, bias;
    logic [BiasW-1:0] bias_in, bias_out;
    csb_ram_1r1w #(
        .Width      (BiasW),
        .Depth      (RowBiases),
        .NoCollision(1)
    ) u_bias (
        .clk_i,
        .we_i(ld_bias_we_i && (DrainRows == 1 || ld_addr_i[0] == 1'(r))),
        .waddr_i(RowBiasAw'(ld_addr_i[BiasAw-1:0] / DrainRows)),
        .wdata_i(bias_in),
        .re_i(rst_ni && bias_re_i),  // no stray address before reset
        .rzero_i(1'b0),
        .raddr_i(RowBiasAw'(bias_addr_i / DrainRows)),
        .rdata_o(bias_out)
    );
    assign bias_read = bias_out[AccW-1:0];
    if (Parity != 0) begin : gen_parity
      assign bias_in = {^ld_data_i[AccW-1:0], ld_data_i[AccW-1:0]};
      csb_parity #(
          .Width(BiasW)
      ) u_parity (
          .clk_i,
          .rst_ni,
          .valid_i(bias_valid),
          .word_i (bias_out),
          .bad_o  (bad[r])
      );
    end else begin : gen_no_parity
      assign bias_in = ld_data_i[AccW-1:0];
      assign bad[r]  = 1'b0;
    end
    if (Deep != 0) begin : gen_deep_bias
      always_ff @(posedge clk_i) if (bias_valid) bias <= bias_read;
    end else begin : gen_short_bias
      assign bias = bias_read;
    end

    logic [AccW-1:0] acc;
    logic signed [AccW:0] total_q;
    logic signed [LaneW-1:0] drained, drained_q;
    assign acc = sum_i[r*AccW+:AccW];
    always_ff @(posedge clk_i) begin
      if (total_valid) total_q <= {acc[AccW-1], acc} + {bias[AccW-1], bias};
      if (cvt_valid) drained_q <= drained;
    end

    csb_shift_sat #(
        .InW   (AccW + 1 + PreShift),
        .Base  (ShiftBase),
        .ShiftW(DrainShiftW),
        .OutW  (LaneW),
        .Deep  (Deep)
    ) u_convert (
        .clk_i,
        .valid_i(cvt_valid_i),
        .data_i ((AccW + 1 + PreShift)'(total_q) <<< PreShift),
        .shift_i(shift_i[r*DrainShiftW+:DrainShiftW]),
        .data_o (drained),
        .sat_o  (sat_drain[r])
    );

    csb_act #(
        .LaneW  (LaneW),
        .FastAct(FastAct),
        .Deep   (Deep)
    ) u_act (
        .clk_i,
        .valid_i(drained_valid),
        .act_i  (drain_act_i[r*ActW+:ActW]),
        .data_i (drained_q),
        .data_o (drain_result[r*LaneW+:LaneW])
    );
  end

  // --- registers ------------------------------------------------------------------------
  logic signed [LaneW-1:0] elem_result;
  logic [2*NarrowW-1:0] m_drain, m_elem;
  logic [2*LaneW-1:0] x_drain, x_elem;
  logic [StateW-1:0] state_read;

  // With Deep a read of what is not selected gives zero, so operands are gates of what was read.
  localparam int Parts = Deep != 0 ? 2 : DrainRows;
  logic [1:0] m_drain_here, m_elem_here, x_drain_here, x_elem_here;
  for (genvar i = 0; i < 2; i++) begin : gen_here
    logic [SelW-1:0] m_sel, x_sel;
    assign m_sel = sel_i[2*i*SelW+:SelW];
    assign x_sel = sel_i[(2*i+1)*SelW+:SelW];
    assign m_drain_here[i] = Deep == 0 || m_sel == SelW'(MDrain);
    assign m_elem_here[i] = Deep == 0 || m_sel == SelW'(MElem);
    assign x_drain_here[i] = Deep == 0 || x_sel == SelW'(XDrain);
    assign x_elem_here[i] = Deep == 0 || x_sel == SelW'(XElem);
  end

  csb_reg_bank #(
      .LaneW (LaneW),
      .Writes(DrainRows),
      .Parts (Parts),
      .Bypass(RegBypass)
  ) u_drain_regs (
      .clk_i,
      .we_i    (drain_we_i),
      .waddr_i (drain_reg_i),
      .wdata_i (drain_result),
      .re_i    (rd_en_i),
      .raddr_i (rd_addr_i),
      .m_here_i(m_drain_here),
      .x_here_i(x_drain_here),
      .m_o     (m_drain),
      .x_o     (x_drain)
  );
  csb_reg_bank #(
      .LaneW (LaneW),
      .Parts (Deep != 0 ? 2 : 1),
      .Bypass(RegBypass)
  ) u_elem_regs (
      .clk_i,
      .we_i    (elem_we_i),
      .waddr_i (elem_reg_i),
      .wdata_i (elem_result),
      .re_i    (rd_en_i),
      .raddr_i (rd_addr_i),
      .m_here_i(m_elem_here),
      .x_here_i(x_elem_here),
      .m_o     (m_elem),
      .x_o     (x_elem)
  );

  logic signed [LaneW-1:0] v, v_q;

  // --- state ----------------------------------------------------------------------------
  // A fine state is shifted up before, so that one unit rounds and saturates both.
  logic signed [LaneW+StateShift-1:0] state_scaled;
  logic [StateW-1:0] state_next;
  logic sat_state;
  assign state_scaled = st_fine_wr_i ? (LaneW + StateShift)'(v_q) <<< StateShift :
                                       (LaneW + StateShift)'(v_q);
  csb_round_sat #(
      .InW  (LaneW + StateShift),
      .Shift(StateShift),
      .OutW (StateW)
  ) u_state_round (
      .data_i(state_scaled),
      .data_o(state_next),
      .sat_o (sat_state)
  );

  logic [StateW-1:0] state_wdata;  // ld_data_i is zero unless it is loaded
  assign state_wdata = state_next & {StateW{!ld_state_we_i}} | ld_data_i[StateW-1:0];
  csb_ram_1r1w #(
      .Width(StateW),
      .Depth(StateDepth)
  ) u_state (
      .clk_i,
      .we_i   (st_we_i || ld_state_we_i),
      .waddr_i(ld_state_we_i ? ld_addr_i[StateAw-1:0] : st_waddr_i),
      .wdata_i(state_wdata),
      .re_i   (st_re_i),
      .rzero_i(1'b0),
      .raddr_i(st_raddr_i),
      .rdata_o(state_read)
  );

  // --- element side: operands and products ------------------------------------------------
  logic signed [LaneW-1:0] state_wide, state_value;
  assign state_wide  = LaneW'($signed(st_rdata_o));
  assign state_value = st_zero_i ? '0 : st_fine_rd_i ? state_wide : state_wide <<< StateShift;

  logic [2*MulW-1:0] m_in;  // operands of the multipliers
  logic [2*LaneW-1:0] x_in;
  logic [1:0] sat_narrow;
  logic operands_valid;
  if (Deep != 0) begin : gen_deep
    logic read_q, state_read_q;
    logic [2*NarrowW-1:0] m_q;
    logic [2*LaneW-1:0] x_q, x_d;
    always_ff @(posedge clk_i) begin
      {read_q, state_read_q} <= {rd_en_i, st_re_i};
      if (state_read_q) st_rdata_o <= state_read;
    end
    for (genvar i = 0; i < 2; i++) begin : gen_operand
      logic m_one_q, x_one_q, x_state_q, x_state_q2;
      always_ff @(posedge clk_i) begin
        if (rd_en_i) begin
          m_one_q   <= sel_i[2*i*SelW+:SelW] == SelW'(MOne);
          x_one_q   <= sel_i[(2*i+1)*SelW+:SelW] == SelW'(XOne);
          x_state_q <= sel_i[(2*i+1)*SelW+:SelW] == SelW'(XState);
        end
        if (read_q) begin
          m_q[i*NarrowW+:NarrowW] <= m_drain[i*NarrowW+:NarrowW] | m_elem[i*NarrowW+:NarrowW] |
              NarrowW'(m_one_q) << LaneFrac;
          x_q[i*LaneW+:LaneW] <= x_drain[i*LaneW+:LaneW] | x_elem[i*LaneW+:LaneW] |
              LaneW'(x_one_q) << LaneFrac;
          x_state_q2 <= x_state_q;
        end
      end
      assign x_d[i*LaneW+:LaneW] = x_q[i*LaneW+:LaneW] | state_value & {LaneW{x_state_q2}};
      assign sat_narrow[i] = m_q[i*NarrowW+MulW];
      always_ff @(posedge clk_i) begin
        if (opnd_valid_i) begin
          m_in[i*MulW+:MulW]   <= m_q[i*NarrowW+:MulW];
          x_in[i*LaneW+:LaneW] <= x_d[i*LaneW+:LaneW];
        end
      end
    end
    always_ff @(posedge clk_i) operands_valid <= opnd_valid_i;
  end else begin : gen_short
    assign st_rdata_o = state_read;
    for (genvar i = 0; i < 2; i++) begin : gen_operand
      logic [NarrowW-1:0] m, m_drained, m_elemented;
      logic [LaneW-1:0] x, x_drained, x_elemented;
      assign m_drained   = m_drain[i*NarrowW+:NarrowW];
      assign m_elemented = m_elem[i*NarrowW+:NarrowW];
      assign x_drained   = x_drain[i*LaneW+:LaneW];
      assign x_elemented = x_elem[i*LaneW+:LaneW];
      always_comb begin
        unique case (sel_i[2*i*SelW+:SelW])
          SelW'(MDrain): m = m_drained;
          SelW'(MElem): m = m_elemented;
          SelW'(MOne): m = NarrowW'(1) << LaneFrac;
          default: m = '0;
        endcase
        unique case (sel_i[(2*i+1)*SelW+:SelW])
          SelW'(XDrain): x = x_drained;
          SelW'(XElem): x = x_elemented;
          SelW'(XState): x = state_value;
          default: x = LaneW'(1) << LaneFrac;
        endcase
      end
      assign sat_narrow[i] = m[MulW];
      assign m_in[i*MulW+:MulW] = m[MulW-1:0];
      assign x_in[i*LaneW+:LaneW] = x;
    end
    assign operands_valid = opnd_valid_i;
  end

  // --- element side: sum and activation ---------------------------------------------------
  logic sat_sum, sum_valid, value_valid;
  if (Deep != 0) begin : gen_deep_sum
    always_ff @(posedge clk_i) sum_valid <= sum_valid_i;
    csb_sum_split #(
        .LaneW(LaneW)
    ) u_sum (
        .clk_i,
        .operands_valid_i(operands_valid),
        .m_i             (m_in),
        .x_i             (x_in),
        .sum_valid_i,
        .sub_i,
        .data_o          (v),
        .sat_o           (sat_sum)
    );
  end else begin : gen_short_sum
    logic signed [ProductW-1:0] p0_q, p1_q;
    logic signed [ProductW:0] p0, p1, sum;
    always_ff @(posedge clk_i) begin
      if (operands_valid) begin
        p0_q <= $signed(m_in[0+:MulW]) * $signed(x_in[0+:LaneW]);
        p1_q <= $signed(m_in[MulW+:MulW]) * $signed(x_in[LaneW+:LaneW]);
      end
    end
    assign p0 = (ProductW + 1)'(p0_q);
    assign p1 = (ProductW + 1)'(p1_q);
    assign sum = sub_i ? p0 - p1 : p0 + p1;
    assign sum_valid = sum_valid_i;
    csb_round_sat #(
        .InW  (ProductW + 1),
        .Shift(LaneFrac),
        .OutW (LaneW)
    ) u_sum (
        .data_i(sum),
        .data_o(v),
        .sat_o (sat_sum)
    );
  end
  always_ff @(posedge clk_i) begin
    value_valid <= sum_valid;
    if (sum_valid) v_q <= v;
  end
  assign v_o = v_q;

  csb_act #(
      .LaneW  (LaneW),
      .FastAct(FastAct),
      .Deep   (Deep)
  ) u_elem_act (
      .clk_i,
      .valid_i(value_valid),
      .act_i  (elem_act_i),
      .data_i (v_q),
      .data_o (elem_result)
  );

  // In a register: all lanes' are combined far from here.
  always_ff @(posedge clk_i) begin
    sat_o <= {
      st_we_i && sat_state,
      sum_valid && sat_sum,
      opnd_valid_i && |sat_narrow,
      cvt_valid && |sat_drain
    };
  end

  logic unused;
  assign unused = ^{ld_addr_i, ld_data_i};

  // --- assertions -----------------------------------------------------------------------
  `CSB_ASSERT_INIT(LaneHoldsTable, LaneW >= 20 && StateFrac <= LaneFrac)
  `CSB_ASSERT(LoadsStateOnlyIdle, !(ld_state_we_i && st_we_i))
  `CSB_ASSERT(LoadsNothingElse, !st_we_i || ld_data_i == '0)
endmodule
`default_nettype wire
