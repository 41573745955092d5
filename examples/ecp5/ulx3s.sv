// SPDX-License-Identifier: Apache-2.0
//
// The design on a ULX3S with an LFE5U-85F-6BG381C: pins, clock, reset. 25 MHz come in, a PLL makes
// 60 MHz; the line has 3 Mbit/s, the most that the board's USB bridge (FT231X) takes.
`default_nettype none
module ulx3s #(
    parameter int StreamW = 64
) (
    input  wire logic       clk_25mhz,
    input  wire logic       ftdi_txd,     // from the host
    output logic            ftdi_rxd,     // to the host
    input  wire logic [1:1] btn,          // FIRE1: reset
    output logic      [7:0] led,
    output logic            flash_csn,
    output logic            flash_mosi,
    input  wire logic       flash_miso,
    output logic            flash_wpn,
    output logic            flash_holdn,
    output logic            wifi_gpio0    // high: the radio module leaves the board alone
);
  logic clk, locked, flash_sck;
  // 25 MHz / 5 * 12; the VCO runs at 600 MHz (ecppll -i 25 -o 60)
  (* FREQUENCY_PIN_CLKI = "25", FREQUENCY_PIN_CLKOP = "60" *)
  (* ICP_CURRENT = "12", LPF_RESISTOR = "8", MFG_ENABLE_FILTEROPAMP = "1", MFG_GMCREF_SEL = "2" *)
  EHXPLLL #(
      .PLLRST_ENA     ("DISABLED"),
      .INTFB_WAKE     ("DISABLED"),
      .STDBY_ENABLE   ("DISABLED"),
      .DPHASE_SOURCE  ("DISABLED"),
      .OUTDIVIDER_MUXA("DIVA"),
      .OUTDIVIDER_MUXB("DIVB"),
      .OUTDIVIDER_MUXC("DIVC"),
      .OUTDIVIDER_MUXD("DIVD"),
      .CLKI_DIV       (5),
      .CLKOP_ENABLE   ("ENABLED"),
      .CLKOP_DIV      (10),
      .CLKOP_CPHASE   (4),
      .CLKOP_FPHASE   (0),
      .FEEDBK_PATH    ("CLKOP"),
      .CLKFB_DIV      (12)
  ) u_pll (
      .RST         (1'b0),
      .STDBY       (1'b0),
      .CLKI        (clk_25mhz),
      .CLKOP       (clk),
      .CLKFB       (clk),
      .CLKINTFB    (),
      .PHASESEL0   (1'b0),
      .PHASESEL1   (1'b0),
      .PHASEDIR    (1'b1),
      .PHASESTEP   (1'b1),
      .PHASELOADREG(1'b1),
      .PLLWAKESYNC (1'b0),
      .ENCLKOP     (1'b0),
      .LOCK        (locked)
  );
  // The pad of the flash's clock belongs to the configuration logic.
  USRMCLK u_sck (
      .USRMCLKI (flash_sck),
      .USRMCLKTS(1'b0)
  );

  // Reset for 2^10 cycles after the PLL has locked, and while the button is pressed. Registers of
  // an ECP5 begin at zero.
  logic [2:0] ready_q = '0;
  logic [10:0] count_q = '0;
  logic rst_n;
  assign rst_n = count_q[10];
  always_ff @(posedge clk) begin
    ready_q <= {ready_q[1:0], locked && !btn[1]};
    if (!ready_q[2]) count_q <= '0;
    else if (!count_q[10]) count_q <= count_q + 1'b1;
  end

  logic boots, no_image, active, irq;
  csb_ecp5 #(
      .StreamW(StreamW)
  ) u_system (
      .clk_i       (clk),
      .rst_ni      (rst_n),
      .rx_i        (ftdi_txd),
      .tx_o        (ftdi_rxd),
      .flash_cs_no (flash_csn),
      .flash_sck_o (flash_sck),
      .flash_mosi_o(flash_mosi),
      .flash_miso_i(flash_miso),
      .boots_o     (boots),
      .no_image_o  (no_image),
      .active_o    (active),
      .irq_o       (irq)
  );
  assign {flash_wpn, flash_holdn, wifi_gpio0} = 3'b111;
  assign led = {3'b000, irq, active, no_image, boots, rst_n};
endmodule
`default_nettype wire
