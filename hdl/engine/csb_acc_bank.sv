// SPDX-License-Identifier: Apache-2.0
//
// Accumulators of one PE row, `Banks` banks of them. The PE row writes one word a cycle and reads
// one, of any bank; the drain reads the same address of all banks. So there are two copies: one
// memory of all banks for the row, which no multiplexer follows, and one for each bank for the
// drain. Both reads have latency 1. Zeroing reaches the drain's copies only, every bank at once:
// the row reads nothing before it has stored it.
//
// With DrainRows = 2 the drain reads two rows at once, an even one and the next: its copy of a bank
// is two memories, of even and of odd rows.
//
// The row reads no word in the cycle in which it is written: the compiler keeps a row that is
// stored away from its next visit. Nor does the drain, as a mark reaches it after the store; with
// Bypass it may, and gets the new word.
`default_nettype none
`include "csb_assert.svh"
module csb_acc_bank #(
    parameter int AccW = 36,
    parameter int Depth = 256,  // words of a bank
    parameter int Banks = 1,
    parameter int DrainRows = 1,  // read at once by the drain; divides Depth
    parameter int Bypass = 0,  // 1: the drain may read what is being written
    parameter int Aw = $clog2(Depth),  // derived, do not override
    parameter int Bw = Banks > 1 ? $clog2(Banks) : 1  // derived, do not override
) (
    input  wire logic                            clk_i,
    input  wire logic                            we_i,           // wdata_i to one bank
    input  wire logic                            zero_i,         // wdata_i, which is zero, to all
    input  wire logic [                  Bw-1:0] wbank_i,
    input  wire logic [                  Aw-1:0] waddr_i,
    input  wire logic [                AccW-1:0] wdata_i,
    input  wire logic                            row_re_i,
    input  wire logic [                  Bw-1:0] row_bank_i,
    input  wire logic [                  Aw-1:0] row_raddr_i,
    output logic      [                AccW-1:0] row_rdata_o,
    input  wire logic                            drain_re_i,
    input  wire logic [                  Aw-1:0] drain_raddr_i,  // of the first row
    output logic      [Banks*DrainRows*AccW-1:0] drain_rdata_o   // row r of bank b: b*DrainRows + r
);
  localparam int RowAw = Banks > 1 ? Bw + Aw : Aw;

  logic [RowAw-1:0] row_waddr, row_raddr;
  assign row_waddr = Banks > 1 ? RowAw'({waddr_i, wbank_i}) : RowAw'(waddr_i);
  assign row_raddr = Banks > 1 ? RowAw'({row_raddr_i, row_bank_i}) : RowAw'(row_raddr_i);
  csb_ram_1r1w #(
      .Width      (AccW),
      .Depth      (Banks * Depth),
      .NoCollision(1)
  ) u_row (
      .clk_i,
      .we_i,
      .waddr_i(row_waddr),
      .wdata_i,
      .re_i   (row_re_i),
      .rzero_i(1'b0),
      .raddr_i(row_raddr),
      .rdata_o(row_rdata_o)
  );

  // A row's memory among those of its bank is its address modulo DrainRows.
  localparam int RowsDepth = Depth / DrainRows;
  localparam int RowsAw = RowsDepth > 1 ? $clog2(RowsDepth) : 1;
  logic [RowsAw-1:0] rows_waddr, rows_raddr;
  assign rows_waddr = RowsAw'(waddr_i / DrainRows);
  assign rows_raddr = RowsAw'(drain_raddr_i / DrainRows);
  logic [AccW-1:0] wdata_q;  // what was written while the drain read
  if (Bypass != 0) begin : gen_written
    always_ff @(posedge clk_i) if (drain_re_i) wdata_q <= wdata_i;
  end else begin : gen_unwritten
    assign wdata_q = '0;
  end
  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    for (genvar r = 0; r < DrainRows; r++) begin : gen_row
      logic we, new_q;  // new_q: the word that was read was being written
      logic [AccW-1:0] read;
      assign we = (zero_i || (we_i && (Banks == 1 || wbank_i == Bw'(b)))) &&
                  (DrainRows == 1 || waddr_i[0] == 1'(r));
      if (Bypass != 0) begin : gen_bypass
        always_ff @(posedge clk_i) if (drain_re_i) new_q <= we && rows_waddr == rows_raddr;
      end else begin : gen_memory
        assign new_q = 1'b0;
      end
      assign drain_rdata_o[(b*DrainRows+r)*AccW+:AccW] = new_q ? wdata_q : read;
      csb_ram_1r1w #(
          .Width      (AccW),
          .Depth      (RowsDepth),
          .NoCollision(Bypass == 0)
      ) u_drain (
          .clk_i,
          .we_i(we),
          .waddr_i(rows_waddr),
          .wdata_i,
          .re_i(drain_re_i),
          .rzero_i(1'b0),
          .raddr_i(rows_raddr),
          .rdata_o(read)
      );
    end
  end
endmodule
`default_nettype wire
