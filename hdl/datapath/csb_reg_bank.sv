// SPDX-License-Identifier: Apache-2.0
//
// One of the two register banks of a lane: written by one unit, read by the four operand ports of
// the element unit, so four copies of a small RAM. The copies of the narrow operands hold the value
// saturated to MulW bits and, above it, whether it was: nothing but a multiplexer is left between
// them and the multipliers. Read latency 1; old value on a read of what is being written, or with
// Bypass the new one.
// With Parts = 2 each copy is two RAMs, of even and of odd registers. The one that is not asked
// reads as zero, so the operand is both of them together: a gate, which fits into the logic behind
// it. With Writes = 2 two registers are written at once, an even one and the next: in two parts.
// An operand of the other bank (m_here_i, x_here_i clear) reads as zero too.
`default_nettype none
module csb_reg_bank #(
    parameter int LaneW   = 26,                // bits of a lane value
    parameter int Writes  = 1,                 // registers written at once: 1 or 2
    parameter int Parts   = Writes,            // memories of a copy: Writes or more, at most 2
    parameter int Bypass  = 0,                 // 1: a read of what is being written returns it
    parameter int NarrowW = csb_pkg::MulW + 1  // derived, do not override
) (
    input  wire logic                          clk_i,
    input  wire logic                          we_i,
    input  wire logic [    csb_pkg::RegAw-1:0] waddr_i,   // of the first: Writes divides it
    input  wire logic [      Writes*LaneW-1:0] wdata_i,
    input  wire logic                          re_i,
    input  wire logic [csb_pkg::OperandAw-1:0] raddr_i,   // x1, m1, x0, m0
    input  wire logic [                   1:0] m_here_i,  // m1, m0 are of this bank
    input  wire logic [                   1:0] x_here_i,
    output logic      [         2*NarrowW-1:0] m_o,       // m1, m0: {saturated, value}
    output logic      [           2*LaneW-1:0] x_o        // x1, x0
);
  import csb_pkg::*;

  localparam int Part = RegDepth / Parts;  // registers of a memory
  localparam int PartAw = $clog2(Part);
  logic [PartAw-1:0] waddr;
  assign waddr = PartAw'(waddr_i / Parts);

  logic [Parts*2*NarrowW-1:0] m;
  logic [  Parts*2*LaneW-1:0] x;
  for (genvar w = 0; w < Parts; w++) begin : gen_write
    logic we;
    logic [LaneW-1:0] value;
    logic [NarrowW-1:0] narrow;
    assign we = we_i && (Parts == Writes || waddr_i[0] == 1'(w));
    assign value = wdata_i[w%Writes*LaneW+:LaneW];
    csb_round_sat #(
        .InW  (LaneW),
        .Shift(0),
        .OutW (MulW)
    ) u_narrow (
        .data_i(value),
        .data_o(narrow[MulW-1:0]),
        .sat_o (narrow[MulW])
    );

    logic [NarrowW-1:0] narrow_q;  // what was written while it was read
    logic [  LaneW-1:0] value_q;
    if (Bypass != 0) begin : gen_written
      always_ff @(posedge clk_i) begin
        if (re_i) {narrow_q, value_q} <= {narrow, value};
      end
    end else begin : gen_unwritten
      assign {narrow_q, value_q} = '0;
    end

    for (genvar i = 0; i < 2; i++) begin : gen_product
      logic m_other, x_other;  // the register asked for is not of this memory
      logic m_new_q, x_new_q;  // it was being written
      logic [NarrowW-1:0] m_read;
      logic [  LaneW-1:0] x_read;
      assign m_other = !m_here_i[i] || (Parts > 1 && raddr_i[2*i*RegAw] != 1'(w));
      assign x_other = !x_here_i[i] || (Parts > 1 && raddr_i[(2*i+1)*RegAw] != 1'(w));
      if (Bypass != 0) begin : gen_bypass
        always_ff @(posedge clk_i) begin
          if (re_i) begin
            m_new_q <= we && !m_other && waddr == PartAw'(raddr_i[2*i*RegAw+:RegAw] / Parts);
            x_new_q <= we && !x_other && waddr == PartAw'(raddr_i[(2*i+1)*RegAw+:RegAw] / Parts);
          end
        end
      end else begin : gen_memory
        assign {m_new_q, x_new_q} = '0;
      end
      assign m[(w*2+i)*NarrowW+:NarrowW] = m_new_q ? narrow_q : m_read;
      assign x[(w*2+i)*LaneW+:LaneW] = x_new_q ? value_q : x_read;
      csb_ram_1r1w #(
          .Width(NarrowW),
          .Depth(Part)
      ) u_m (
          .clk_i,
          .we_i   (we),
          .waddr_i(waddr),
          .wdata_i(narrow),
          .re_i,
          .rzero_i(re_i && m_other),
          .raddr_i(PartAw'(raddr_i[2*i*RegAw+:RegAw] / Parts)),
          .rdata_o(m_read)
      );
      csb_ram_1r1w #(
          .Width(LaneW),
          .Depth(Part)
      ) u_x (
          .clk_i,
          .we_i   (we),
          .waddr_i(waddr),
          .wdata_i(value),
          .re_i,
          .rzero_i(re_i && x_other),
          .raddr_i(PartAw'(raddr_i[(2*i+1)*RegAw+:RegAw] / Parts)),
          .rdata_o(x_read)
      );
    end
  end

  if (Parts == 1) begin : gen_one
    assign m_o = m;
    assign x_o = x;
  end else begin : gen_two
    assign m_o = m[0+:2*NarrowW] | m[2*NarrowW+:2*NarrowW];
    assign x_o = x[0+:2*LaneW] | x[2*LaneW+:2*LaneW];
  end
  logic unused;
  assign unused = ^{waddr_i, raddr_i};
endmodule
`default_nettype wire
