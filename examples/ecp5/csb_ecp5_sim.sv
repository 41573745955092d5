// SPDX-License-Identifier: Apache-2.0
//
// csb_ecp5 beside the flash that it reads, in a simulation. See tb/board.
`default_nettype none
module csb_ecp5_sim #(
    parameter int StreamW   = 32,
    parameter int BitCycles = 6,
    parameter int StallBits = 10,
    parameter int QuietBits = 10
) (
    input  wire logic clk_i,
    input  wire logic rst_ni,
    input  wire logic rx_i,
    output logic      tx_o,
    output logic      boots_o,
    output logic      no_image_o,
    output logic      active_o,
    output logic      irq_o
);
  logic cs_n, sck, mosi, miso;
  csb_ecp5 #(
      .StreamW  (StreamW),
      .BitCycles(BitCycles),
      .StallBits(StallBits),
      .QuietBits(QuietBits)
  ) u_system (
      .clk_i,
      .rst_ni,
      .rx_i,
      .tx_o,
      .flash_cs_no (cs_n),
      .flash_sck_o (sck),
      .flash_mosi_o(mosi),
      .flash_miso_i(miso),
      .boots_o,
      .no_image_o,
      .active_o,
      .irq_o
  );
  csb_flash_model u_flash (
      .cs_ni (cs_n),
      .sck_i (sck),
      .mosi_i(mosi),
      .miso_o(miso)
  );
endmodule
`default_nettype wire
