// SPDX-License-Identifier: Apache-2.0
//
// Receiver of a serial line: 8 data bits, no parity, one stop bit, low bit first.
// A byte comes for one cycle, in the middle of its stop bit. A byte without a stop bit is dropped.
`default_nettype none
module csb_uart_rx #(
    parameter int BitCycles = 20  // cycles of clk_i in a bit, 4 at least
) (
    input  wire logic       clk_i,
    input  wire logic       rst_ni,
    input  wire logic       rx_i,     // the line, any clock
    output logic            valid_o,
    output logic      [7:0] data_o
);
  localparam int CountW = $clog2(BitCycles);

  logic [2:0] line_q;  // two registers that take the line into this clock, and one more
  logic [CountW-1:0] count_q;  // cycles until the next sample
  logic [3:0] bit_q;  // start bit 0, data bits 1 to 8, stop bit 9
  logic busy_q, sample;
  assign sample = busy_q && count_q == '0;

  always_ff @(posedge clk_i) begin
    line_q  <= {line_q[1:0], rx_i};
    valid_o <= rst_ni && sample && bit_q == 4'd9 && line_q[1];
    if (sample && bit_q != 4'd9) data_o <= {line_q[1], data_o[7:1]};
    if (!rst_ni) begin
      line_q <= '1;
      busy_q <= 1'b0;
    end else if (!busy_q) begin
      busy_q  <= line_q[2] && !line_q[1];
      bit_q   <= 4'd0;
      count_q <= CountW'(BitCycles / 2 - 1);
    end else begin
      count_q <= sample ? CountW'(BitCycles - 1) : count_q - 1'b1;
      if (sample) begin
        bit_q <= bit_q + 1'b1;
        if (bit_q == 4'd9 || (bit_q == 4'd0 && line_q[1])) busy_q <= 1'b0;
      end
    end
  end
endmodule
`default_nettype wire
