// SPDX-License-Identifier: Apache-2.0
//
// Sender of a serial line: 8 data bits, no parity, one stop bit, low bit first. A byte is taken
// when ready_o and valid_i are high; the next one is 10 bits later at the earliest.
`default_nettype none
module csb_uart_tx #(
    parameter int BitCycles = 20  // cycles of clk_i in a bit, 2 at least
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       valid_i,
    output logic            ready_o,
    input  wire logic [7:0] data_i,
    output logic            tx_o
);
  localparam int CountW = $clog2(BitCycles);

  logic [CountW-1:0] count_q;
  logic [3:0] left_q;  // bits that are left, the one on the line included
  logic [8:0] bits_q;  // the bit on the line is the lowest
  assign ready_o = left_q == '0;
  assign tx_o    = bits_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      left_q <= '0;
      bits_q <= '1;
    end else if (ready_o) begin
      if (valid_i) begin
        bits_q  <= {data_i, 1'b0};
        left_q  <= 4'd10;
        count_q <= CountW'(BitCycles - 1);
      end
    end else if (count_q != '0) begin
      count_q <= count_q - 1'b1;
    end else begin
      bits_q  <= {1'b1, bits_q[8:1]};
      left_q  <= left_q - 1'b1;
      count_q <= CountW'(BitCycles - 1);
    end
  end
endmodule
`default_nettype wire
