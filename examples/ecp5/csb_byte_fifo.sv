// SPDX-License-Identifier: Apache-2.0
//
// Queue of bytes in one block RAM. A byte that finds it full is dropped.
`default_nettype none
module csb_byte_fifo #(
    parameter int Depth = 2048  // bytes, a power of two
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       valid_i,
    input  wire logic [7:0] data_i,
    output logic            valid_o,
    input  wire logic       ready_i,
    output logic      [7:0] data_o
);
  localparam int AddrW = $clog2(Depth);

  logic [AddrW:0] write_q, read_q;  // one bit more than an address: equal is empty
  logic full, write, read;
  assign full  = write_q[AddrW] != read_q[AddrW] && write_q[AddrW-1:0] == read_q[AddrW-1:0];
  assign write = valid_i && !full;
  assign read  = write_q != read_q && (!valid_o || ready_i);

  csb_ram_1r1w #(
      .Width      (8),
      .Depth      (Depth),
      .NoCollision(1)
  ) u_ram (
      .clk_i,
      .we_i   (write),
      .waddr_i(write_q[AddrW-1:0]),
      .wdata_i(data_i),
      .re_i   (read),
      .rzero_i(1'b0),
      .raddr_i(read_q[AddrW-1:0]),
      .rdata_o(data_o)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      valid_o <= 1'b0;
    end else begin
      write_q <= write_q + (AddrW + 1)'(write);
      read_q  <= read_q + (AddrW + 1)'(read);
      valid_o <= read || (valid_o && !ready_i);
    end
  end
endmodule
`default_nettype wire
