// SPDX-License-Identifier: Apache-2.0
//
// MULT18X18D of an ECP5 with its registers of A, B and the product, all on CLK0; each has an enable
// and a synchronous reset, which is the stronger one.
`default_nettype none
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTA_CE = "CE0",
    parameter REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_INPUTB_CE = "CE0",
    parameter REG_INPUTB_RST = "RST0",
    parameter REG_OUTPUT_CLK = "NONE",
    parameter REG_OUTPUT_CE = "CE0",
    parameter REG_OUTPUT_RST = "RST0",
    parameter CLK0_DIV = "ENABLED",
    parameter GSR = "",
    parameter RESETMODE = "SYNC"
) (
    input  wire A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input  wire B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input  wire C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input  wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, CE1, CE2, RST0, RST1, RST2,
    output wire P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21,
        P20, P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3,
        P2, P1, P0
);
  wire [17:0] a_in = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2,
      A1, A0};
  wire [17:0] b_in = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2,
      B1, B0};
  wire a_ce = REG_INPUTA_CE == "CE1" ? CE1 : REG_INPUTA_CE == "CE2" ? CE2 : CE0;
  wire b_ce = REG_INPUTB_CE == "CE1" ? CE1 : REG_INPUTB_CE == "CE2" ? CE2 : CE0;
  wire a_rst = REG_INPUTA_RST == "RST1" ? RST1 : REG_INPUTA_RST == "RST2" ? RST2 : RST0;
  wire b_rst = REG_INPUTB_RST == "RST1" ? RST1 : REG_INPUTB_RST == "RST2" ? RST2 : RST0;
  reg [17:0] a_q = 0, b_q = 0;
  reg [35:0] p_q = 0;
  wire [17:0] a_now = REG_INPUTA_CLK == "NONE" ? a_in : a_q;
  wire [17:0] b_now = REG_INPUTB_CLK == "NONE" ? b_in : b_q;
  wire signed [18:0] a = {SIGNEDA && a_now[17], a_now};
  wire signed [18:0] b = {SIGNEDB && b_now[17], b_now};
  wire signed [37:0] product = a * b;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19,
      P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} =
      REG_OUTPUT_CLK == "NONE" ? product[35:0] : p_q;
  always @(posedge CLK0) begin
    if (a_rst) a_q <= 0;
    else if (a_ce) a_q <= a_in;
    if (b_rst) b_q <= 0;
    else if (b_ce) b_q <= b_in;
    if (RST0) p_q <= 0;
    else if (CE0) p_q <= product[35:0];
  end
endmodule
`default_nettype wire
