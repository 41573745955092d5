// SPDX-License-Identifier: Apache-2.0
//
// Stand-in of the ECP5's PLL in a simulation: its output is its input. Synthesis takes the cell.
`default_nettype none
module EHXPLLL #(
    parameter     PLLRST_ENA      = "",
    parameter     INTFB_WAKE      = "",
    parameter     STDBY_ENABLE    = "",
    parameter     DPHASE_SOURCE   = "",
    parameter     OUTDIVIDER_MUXA = "",
    parameter     OUTDIVIDER_MUXB = "",
    parameter     OUTDIVIDER_MUXC = "",
    parameter     OUTDIVIDER_MUXD = "",
    parameter int CLKI_DIV        = 1,
    parameter     CLKOP_ENABLE    = "",
    parameter int CLKOP_DIV       = 1,
    parameter int CLKOP_CPHASE    = 0,
    parameter int CLKOP_FPHASE    = 0,
    parameter     FEEDBK_PATH     = "",
    parameter int CLKFB_DIV       = 1
) (
    input  wire logic RST,
    input  wire logic STDBY,
    input  wire logic CLKI,
    output logic      CLKOP,
    input  wire logic CLKFB,
    output logic      CLKINTFB,
    input  wire logic PHASESEL0,
    input  wire logic PHASESEL1,
    input  wire logic PHASEDIR,
    input  wire logic PHASESTEP,
    input  wire logic PHASELOADREG,
    input  wire logic PLLWAKESYNC,
    input  wire logic ENCLKOP,
    output logic      LOCK
);
  assign CLKOP    = CLKI;
  assign CLKINTFB = 1'b0;
  assign LOCK     = 1'b1;
endmodule
`default_nettype wire
