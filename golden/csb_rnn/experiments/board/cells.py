# SPDX-License-Identifier: Apache-2.0
"""Models of the ECP5's cells that a netlist of the board's design is made of.

Logic cells are those of Yosys. Yosys has none of block RAMs and multipliers: those here know the
modes that Yosys maps to, and end a simulation in any other.
"""

from __future__ import annotations

import re
from pathlib import Path

LOGIC = ("LUT4", "LUT2", "PFUMX", "L6MUX21", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4")
INITIAL = 64  # parameters with 16 words of 18 bits each, 20 bits apart
MODES = {
    "REGMODE_A": "NOREG", "REGMODE_B": "NOREG", "CLKAMUX": "CLKA", "CLKBMUX": "CLKB",
    "CSDECODE_A": "0b000", "CSDECODE_B": "0b000",
}  # fmt: skip


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
    written gives the old one."""
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
  parameter ASYNC_RESET_RELEASE = "SYNC"{modes}{initial}
) (
  input wire {inputs},
  output wire {_bits("DOA", 18)}, {_bits("DOB", 18)}
);
  localparam [{320 * INITIAL - 1}:0] Initial = {{{", ".join(reversed(names))}}};
  reg [17:0] words[1024];
  reg [35:0] read;
  wire [35:0] data = {{{_bits("DIB", 18)}, {_bits("DIA", 18)}}};
  wire [13:0] waddr = {{{_bits("ADA", 14)}}}, raddr = {{{_bits("ADB", 14)}}};
  wire [17:0] half = words[raddr[13:4]];
  initial begin
    for (int i = 0; i < 1024; i++) words[i] = Initial[20*i+:18];
    read = 0;
    if ({wrong}) $fatal(1, "%m: this mode has no model");
  end
  assign {{{_bits("DOA", 18)}}} = read[17:0];
  assign {{{_bits("DOB", 18)}}} = read[35:18];
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
    """MULT18X18D without registers."""
    unused = ", ".join([_bits("C", 18), "SOURCEA", "SOURCEB"])
    return f"""
module MULT18X18D (
  input wire {_bits("A", 18)}, {_bits("B", 18)}, {unused}, SIGNEDA, SIGNEDB,
  output wire {_bits("P", 36)}
);
  wire signed [18:0] a = {{SIGNEDA && A17, {_bits("A", 18)}}};
  wire signed [18:0] b = {{SIGNEDB && B17, {_bits("B", 18)}}};
  wire signed [37:0] product = a * b;
  assign {{{_bits("P", 36)}}} = product[35:0];
endmodule
"""
