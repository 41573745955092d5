// SPDX-License-Identifier: Apache-2.0
//
// Stand-in of the ECP5's cell that drives the pad of the flash's clock, in a simulation: ulx3s_sim
// looks at its input. Synthesis takes the cell.
`default_nettype none
module USRMCLK (
    input wire logic USRMCLKI,
    input wire logic USRMCLKTS
);
endmodule
`default_nettype wire
