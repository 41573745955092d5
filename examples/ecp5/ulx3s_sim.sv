// SPDX-License-Identifier: Apache-2.0
//
// The board in a simulation: ulx3s, as RTL or as the netlist of a synthesis, and its flash. The
// PLL's stand-in passes the clock on, so clk_i is the design's clock. See tb/board.
`default_nettype none
module ulx3s_sim (
    input  wire logic clk_i,
    input  wire logic rst_ni,      // not the button
    input  wire logic rx_i,
    output logic      tx_o,
    output logic      boots_o,
    output logic      no_image_o,
    output logic      active_o,
    output logic      irq_o
);
  logic cs_n, mosi, miso;
  logic [7:0] led;
  ulx3s u_board (
      .clk_25mhz  (clk_i),
      .ftdi_txd   (rx_i),
      .ftdi_rxd   (tx_o),
      .btn        (!rst_ni),
      .led        (led),
      .flash_csn  (cs_n),
      .flash_mosi (mosi),
      .flash_miso (miso),
      .flash_wpn  (),
      .flash_holdn(),
      .wifi_gpio0 ()
  );
  csb_flash_model u_flash (
      .cs_ni (cs_n),
      .sck_i (u_board.u_sck.USRMCLKI),
      .mosi_i(mosi),
      .miso_o(miso)
  );
  assign {irq_o, active_o, no_image_o, boots_o} = led[4:1];
endmodule
`default_nettype wire
