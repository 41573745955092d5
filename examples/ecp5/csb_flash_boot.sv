// SPDX-License-Identifier: Apache-2.0
//
// Reads an image from a serial flash after reset and streams it to the image port, once. The length
// is in the image's header. If the flash does not begin with an image's first word nothing is sent.
//
// Flash: command 03 (read) with a 24-bit address, SPI mode 0, a bit in two cycles of clk_i. The
// flash changes its output after the falling edge of sck_o; it is taken at the next falling edge, a
// whole period later. At 60 MHz: 30 MHz and 33 ns. An image of 8,957 words takes 9.6 ms.
`default_nettype none
module csb_flash_boot #(
    parameter logic [23:0] FlashAddr = 24'h20_0000  // of the image's first byte
) (
    input  wire logic        clk_i,
    input  wire logic        rst_ni,
    output logic             busy_o,   // not yet done
    output logic             none_o,   // there was no image
    // flash
    output logic             cs_no,
    output logic             sck_o,
    output logic             mosi_o,
    input  wire logic        miso_i,
    // image, AXI4-Stream
    output logic             valid_o,
    input  wire logic        ready_i,
    output logic      [31:0] data_o,
    output logic             last_o
);
  typedef enum logic [2:0] {
    StWait,     // the flash is deselected for a while
    StCommand,  // command and address go out
    StWord,     // a word comes in
    StGive,     // it is offered
    StDone      // nothing more to read
  } state_e;
  localparam int LengthWord = 3;  // of the header

  state_e state_q;
  logic [5:0] bit_q;  // half of a bit: the lowest is the clock
  logic [31:0] shift_q;  // command, then the word as its bits come
  logic [31:0] index_q, words_q;  // word that comes; length, the largest until the header tells
  logic falls;
  assign falls = bit_q[0];  // the cycle in which the clock is high: it falls at its end

  // First byte first, each with its high bit first: the low byte of a word comes first.
  logic [31:0] word;
  assign word    = {shift_q[7:0], shift_q[15:8], shift_q[23:16], shift_q[31:24]};
  assign data_o  = word;
  assign last_o  = index_q + 1'b1 >= words_q;
  assign valid_o = state_q == StGive && !(index_q == '0 && word != csb_image_pkg::ImageMagic);
  assign mosi_o  = shift_q[31];
  assign sck_o   = bit_q[0];
  assign busy_o  = state_q != StDone;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= StWait;
      bit_q   <= '0;
      cs_no   <= 1'b1;
      none_o  <= 1'b0;
      index_q <= '0;
      words_q <= '1;
    end else begin
      unique case (state_q)
        StWait: begin
          bit_q   <= bit_q + 6'd2;
          shift_q <= {8'h03, FlashAddr};
          if (bit_q == 6'd62) begin
            state_q <= StCommand;
            cs_no   <= 1'b0;
          end
        end
        StCommand, StWord: begin
          bit_q <= bit_q + 1'b1;
          if (falls) shift_q <= {shift_q[30:0], miso_i};
          if (bit_q == '1) state_q <= state_q == StCommand ? StWord : StGive;
        end
        StGive: begin
          if (!valid_o || (ready_i && last_o)) begin
            state_q <= StDone;
            cs_no   <= 1'b1;
            none_o  <= !valid_o;
          end else if (ready_i) begin
            state_q <= StWord;
            index_q <= index_q + 1'b1;
            if (index_q == 32'(LengthWord)) words_q <= word;
          end
        end
        default: ;
      endcase
    end
  end
endmodule
`default_nettype wire
