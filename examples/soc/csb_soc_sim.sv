// SPDX-License-Identifier: Apache-2.0
//
// The system in simulation: a clock, a reset, the UART to the standard output, an end.
`default_nettype none
module csb_soc_sim #(
    parameter int StreamW = 64
);
  logic clk = 0, rst_n = 0, uart_valid, exit_valid;
  logic [7:0] uart_data;
  logic [31:0] exit_code;

  csb_soc #(
      .StreamW(StreamW)
  ) u_soc (
      .clk_i       (clk),
      .rst_ni      (rst_n),
      .uart_valid_o(uart_valid),
      .uart_data_o (uart_data),
      .exit_valid_o(exit_valid),
      .exit_code_o (exit_code)
  );

  always #5 clk = !clk;
  initial #42 rst_n = 1;

  always @(posedge clk) begin
    if (rst_n && uart_valid) $write("%c", uart_data);
    if (rst_n && exit_valid) begin
      $display("\nexit %0d", exit_code);
      $finish;
    end
  end
endmodule
`default_nettype wire
