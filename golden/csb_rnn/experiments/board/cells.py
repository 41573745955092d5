# SPDX-License-Identifier: Apache-2.0
"""Models of the ECP5's cells that a netlist of the board's design is made of.

Logic cells are those of Yosys. Yosys has none of block RAMs and multipliers: those here know the
modes that Yosys maps to and the registers that :mod:`csb_rnn.experiments.silicon.hard_registers`
uses, and end a simulation in any other.
"""

from __future__ import annotations

import re
from pathlib import Path

LOGIC = ("LUT4", "LUT2", "PFUMX", "L6MUX21", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4")
INITIAL = 64  # parameters with 16 words of 18 bits each, 20 bits apart
MODES = {
    "CLKAMUX": "CLKA", "CLKBMUX": "CLKB", "CSDECODE_A": "0b000", "CSDECODE_B": "0b000",
}  # fmt: skip
#: Parameters of a multiplier's registers, and the one value with a model beside NONE.
REGISTERS = {"REG_INPUTA": 0, "REG_INPUTB": 1, "REG_OUTPUT": 2}


def logic(share: Path) -> str:
    """The logic cells, from Yosys' files, without their delays."""
    files = [share / "lattice" / name for name in ("common_sim.vh", "ccu2c_sim.vh")]
    text = re.sub(r"\bspecify\b.*?\bendspecify\b", "", "\n".join(f.read_text() for f in files),
                  flags=re.DOTALL)  # fmt: skip
    found = {m[1]: m[0] for m in re.finditer(r"^module (\w+)\b.*?^endmodule", text, re.M | re.S)}
    return "\n".join(found[name] for name in LOGIC)


def _bits(name: str, count: int) -> str:
    return ", ".join(f"{name}{i}" for i in range(count - 1, -1, -1))


def block_ram() -> str:
    """DP16KD: port A writes, port B reads, each 9, 18 or 36 bits wide. A read of the word that is
    written gives the old one. With REGMODE OUTREG an output comes a clock later; OCE enables it."""
    names = [f"INITVAL_{i:02X}" for i in range(INITIAL)]
    initial = "".join(f",\n  parameter [319:0] {name} = 320'd0" for name in names)
    modes = "".join(f',\n  parameter {name} = "{value}"' for name, value in MODES.items())
    wrong = " || ".join(f'{name} != "{value}"' for name, value in MODES.items())
    groups = [f"{_bits(f'{kind}{port}', count)}"
              for port in "AB" for kind, count in (("DI", 18), ("AD", 14), ("CS", 3))]  # fmt: skip
    singles = [f"{name}{port}" for port in "AB" for name in ("CE", "OCE", "CLK", "WE", "RST")]
    inputs = ", ".join([*groups, *singles])
    return f"""
module DP16KD #(
  parameter DATA_WIDTH_A = 18,
  parameter DATA_WIDTH_B = 18,
  parameter GSR = "",
  parameter WRITEMODE_A = "NORMAL",
  parameter WRITEMODE_B = "NORMAL",
  parameter RESETMODE = "SYNC",
  parameter ASYNC_RESET_RELEASE = "SYNC",
  parameter REGMODE_A = "NOREG",
  parameter REGMODE_B = "NOREG"{modes}{initial}
) (
  input wire {inputs},
  output wire {_bits("DOA", 18)}, {_bits("DOB", 18)}
);
  localparam [{320 * INITIAL - 1}:0] Initial = {{{", ".join(reversed(names))}}};
  reg [17:0] words[1024];
  reg [35:0] read, registered;
  wire [35:0] data = {{{_bits("DIB", 18)}, {_bits("DIA", 18)}}};
  wire [13:0] waddr = {{{_bits("ADA", 14)}}}, raddr = {{{_bits("ADB", 14)}}};
  wire [17:0] half = words[raddr[13:4]];
  initial begin
    for (int i = 0; i < 1024; i++) words[i] = Initial[20*i+:18];
    read = 0;
    registered = 0;
    if ({wrong}) $fatal(1, "%m: this mode has no model");
  end
  assign {{{_bits("DOA", 18)}}} = REGMODE_A == "OUTREG" ? registered[17:0] : read[17:0];
  assign {{{_bits("DOB", 18)}}} = REGMODE_B == "OUTREG" ? registered[35:18] : read[35:18];
  always @(posedge CLKB) begin
    if (RSTB && (REGMODE_A == "OUTREG" || REGMODE_B == "OUTREG"))
      $fatal(1, "%m: a reset of an output register has no model");
    if (OCEA) registered[17:0] <= read[17:0];
    if (OCEB) registered[35:18] <= read[35:18];
  end
  always @(posedge CLKA) begin
    if (WEB || RSTA || (RSTB && RESETMODE != "SYNC")) $fatal(1, "%m: this use has no model");
    if (CEA && WEA) begin
      if (DATA_WIDTH_A == 36) begin
        if (waddr[0]) words[{{waddr[13:5], 1'b0}}][8:0] <= data[8:0];
        if (waddr[1]) words[{{waddr[13:5], 1'b0}}][17:9] <= data[17:9];
        if (waddr[2]) words[{{waddr[13:5], 1'b1}}][8:0] <= data[26:18];
        if (waddr[3]) words[{{waddr[13:5], 1'b1}}][17:9] <= data[35:27];
      end else if (DATA_WIDTH_A == 18) begin
        if (waddr[0]) words[waddr[13:4]][8:0] <= data[8:0];
        if (waddr[1]) words[waddr[13:4]][17:9] <= data[17:9];
      end else if (DATA_WIDTH_A == 9) begin
        if (waddr[3]) words[waddr[13:4]][17:9] <= data[8:0];
        else words[waddr[13:4]][8:0] <= data[8:0];
      end else $fatal(1, "%m: this width has no model");
    end
  end
  always @(posedge CLKB) begin
    if (RSTB) read <= 0;
    else if (CEB) begin
      if (DATA_WIDTH_B == 36)
        read <= {{words[{{raddr[13:5], 1'b1}}], words[{{raddr[13:5], 1'b0}}]}};
      else if (DATA_WIDTH_B == 18) read <= {{half, 18'd0}};
      else if (DATA_WIDTH_B == 9) read <= {{9'd0, raddr[3] ? half[17:9] : half[8:0], 18'd0}};
      else $fatal(1, "%m: this width has no model");
    end
  end
endmodule
"""


def multiplier() -> str:
    """MULT18X18D without registers, or with some of :data:`REGISTERS` on CLK0 and CE0, each with a
    synchronous reset of its own."""
    unused = ", ".join([_bits("C", 18), "SOURCEA", "SOURCEB"])
    parameters, wrong = [], []
    for name, number in REGISTERS.items():
        wanted = {"CLK": "CLK0", "CE": "CE0", "RST": f"RST{number}"}
        for kind, value in wanted.items():
            default = "NONE" if kind == "CLK" else value
            parameters.append(f'parameter {name}_{kind} = "{default}"')
            wrong.append(f'({name}_{kind} != "{value}" && {name}_CLK != "NONE")')
    wrong.append('RESETMODE != "SYNC"')
    return f"""
module MULT18X18D #(
  {", ".join(parameters)},
  parameter CLK0_DIV = "ENABLED",
  parameter GSR = "",
  parameter RESETMODE = "SYNC"
) (
  input wire {_bits("A", 18)}, {_bits("B", 18)}, {unused}, SIGNEDA, SIGNEDB,
  input wire CLK0, CE0, RST0, RST1, RST2,
  output wire {_bits("P", 36)}
);
  wire [17:0] a_in = {{{_bits("A", 18)}}}, b_in = {{{_bits("B", 18)}}};
  reg [17:0] a_q = 0, b_q = 0;
  reg [35:0] p_q = 0;
  wire [17:0] a_now = REG_INPUTA_CLK == "NONE" ? a_in : a_q;
  wire [17:0] b_now = REG_INPUTB_CLK == "NONE" ? b_in : b_q;
  wire signed [18:0] a = {{SIGNEDA && a_now[17], a_now}};
  wire signed [18:0] b = {{SIGNEDB && b_now[17], b_now}};
  wire signed [37:0] product = a * b;
  assign {{{_bits("P", 36)}}} = REG_OUTPUT_CLK == "NONE" ? product[35:0] : p_q;
  initial if ({" || ".join(wrong)}) $fatal(1, "%m: this mode has no model");
  always @(posedge CLK0) begin
    if (RST0) a_q <= 0;
    else if (CE0) a_q <= a_in;
    if (RST1) b_q <= 0;
    else if (CE0) b_q <= b_in;
    if (RST2) p_q <= 0;
    else if (CE0) p_q <= product[35:0];
  end
endmodule
"""
