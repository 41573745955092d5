// SPDX-License-Identifier: Apache-2.0
//
// A serial flash in a simulation: command 03 (read), mode 0. It holds ones, and from BaseAddr on
// the words of the file of plusarg +image= (image.memh, as `csb-rnn build` writes it). Its output
// changes after a falling edge of the clock.
`default_nettype none
module csb_flash_model #(
    parameter logic [23:0] BaseAddr = 24'h20_0000,
    parameter int Words = 1 << 15  // of the image at most
) (
    input  wire logic cs_ni,
    input  wire logic sck_i,
    input  wire logic mosi_i,
    output logic      miso_o
);
  logic [31:0] words[Words];
  logic [31:0] command_q;
  logic [31:0] bit_q;  // bits since the flash was selected
  logic [23:0] addr;
  logic [31:0] word;
  string name;

  initial begin
    bit_q = '0;
    for (int i = 0; i < Words; i++) words[i] = '1;
    if ($value$plusargs("image=%s", name)) $readmemh(name, words);
  end

  always @(posedge sck_i or posedge cs_ni) begin
    if (cs_ni) begin
      bit_q <= '0;
    end else begin
      if (bit_q < 32) command_q <= {command_q[30:0], mosi_i};
      bit_q <= bit_q + 1;
    end
  end

  assign addr = command_q[23:0] - BaseAddr + 24'((bit_q - 32) >> 3);
  assign word = words[addr[2+:$clog2(Words)]];
  always @(negedge sck_i or posedge cs_ni) begin
    if (cs_ni || bit_q < 32 || command_q[31:24] != 8'h03) miso_o <= 1'b1;
    else miso_o <= word[{addr[1:0], ~bit_q[2:0]}];
  end
endmodule
`default_nettype wire
