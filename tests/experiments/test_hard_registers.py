# SPDX-License-Identifier: Apache-2.0
"""Registers of an ECP5's blocks: the netlist with them computes the same, in every cycle."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from csb_rnn.experiments.board import cells, netlist
from csb_rnn.experiments.silicon import hard_registers, synthesis

SOURCE = Path(__file__).parents[1] / "data/registers_of_blocks.sv"
MULTIPLIER = SOURCE.with_name("MULT18X18D.sv")
TOP = SOURCE.stem
CYCLES = 2000
LOADED = 4  # cycles until every register has a value: a flip-flop that is set to 1 starts with 1
BITS = 16


def verilog(name: str, folder: Path, first: str) -> str:
    """A netlist of Yosys as Verilog, in a module of that name."""
    (folder / f"{name}.ys").write_text(
        f"{first}\nrename {TOP} {name}\nwrite_verilog -noattr -noexpr {folder / name}.v\n"
    )
    synthesis.run_yosys(folder / name)
    return (folder / f"{name}.v").read_text()


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``plain.json`` and ``plain.v``."""
    folder = tmp_path_factory.mktemp("registers")
    map_it = f"read_slang --top {TOP} {SOURCE}\nsynth_ecp5 -top {TOP} -json {folder}/plain.json"
    verilog("plain", folder, map_it)
    return folder


def bench(outputs: dict[str, int], seed: int) -> str:
    """Both netlists under the same drawn inputs; every output is compared before each edge."""
    wires = "".join(
        f"  wire [{width - 1}:0] plain_{name}, hard_{name};\n" for name, width in outputs.items()
    )
    pins = ".clk_i(clk), .zero_i(zero), .one_i(one), .en_i(en), .we_i(we), .addr_i(addr), "
    pins += ".a_i(a), .b_i(b)"
    tops = "".join(
        f"  {top} u_{top} ({pins}, {', '.join(f'.{n}({top}_{n})' for n in outputs)});\n"
        for top in ("plain", "hard")
    )
    compare = "".join(
        f"      if (i >= {LOADED} && plain_{n} !== hard_{n}) begin\n"
        f'        $display("{n} differs in cycle %0d", i);\n'
        f"        $finish;\n      end\n      known = known + (^plain_{n} !== 1'bx);\n"
        for n in outputs
    )
    return f"""
module bench;
  reg clk = 0, zero, one, en, we;
  reg [7:0] addr;
  reg [15:0] a, b;
  integer i, seed = {seed}, known = 0;
{wires}{tops}
  initial begin
    for (i = 0; i < {CYCLES}; i = i + 1) begin
      {{zero, one, en, we}} = i < {LOADED} ? 15 : $random(seed);
      {{addr, b}} = $random(seed);
      a = $random(seed);
      #1
{compare}
      clk = 1;
      #1 clk = 0;
    end
    $display("equal in %0d cycles, %0d values", i, known);
  end
endmodule
"""


def simulate(text: str, folder: Path) -> str:
    """Output of a simulation in Icarus."""
    source = folder / "all.sv"
    source.write_text(text)
    command = ["iverilog", "-g2012", "-s", "bench", "-o", folder / "sim", source]
    subprocess.run(command, check=True, capture_output=True, text=True)
    done = subprocess.run(["vvp", "-n", folder / "sim"], check=True, capture_output=True, text=True)
    return done.stdout


def compared(synthesised: Path, folder: Path, seed: int, spoil: str | None = None) -> str:
    """Packs the netlist and simulates it beside the plain one; ``spoil`` names a parameter or port
    of a block that loses its value."""
    found = hard_registers.pack_file(synthesised / "plain.json", folder / "hard.json", TOP)
    assert found == {
        "multiplier inputs": 4,
        "multiplier outputs": 4,
        "block RAM outputs": 2,
        "flip-flops": 245,
        "LUTs": 33,
    }
    if spoil:
        design = json.loads((folder / "hard.json").read_text())
        for cell in design["modules"][TOP]["cells"].values():
            if cell["type"] in ("MULT18X18D", "DP16KD"):
                cell["parameters"].pop(spoil, None)
                if spoil in cell["connections"]:
                    cell["connections"][spoil] = ["0" if spoil.startswith("RST") else "1"]
            elif spoil == "LUT4" and cell["type"] == "LUT4":
                p = cell["parameters"]
                p["INIT"] = p["INIT"].replace(hard_registers.ON, hard_registers.OFF)
        (folder / "hard.json").write_text(json.dumps(design))
    hard = verilog("hard", folder, f"read_json {folder / 'hard.json'}")
    plain = (synthesised / "plain.v").read_text()
    ports = re.findall(r"^  output (?:\[(\d+):0\] )?(\w+);$", plain, re.MULTILINE)
    outputs = {name: int(high or 0) + 1 for high, name in ports}
    assert len(outputs) == 10
    models = [cells.logic(netlist.share()), cells.block_ram(), MULTIPLIER.read_text()]
    return simulate("\n".join([*models, plain, hard, bench(outputs, seed)]), folder)


def test_the_packed_netlist_computes_the_same(synthesised: Path, tmp_path: Path, seed: int) -> None:
    said = compared(synthesised, tmp_path, seed)
    values = re.search(rf"^equal in {CYCLES} cycles, (\d+) values$", said, re.MULTILINE)
    assert values, said
    assert int(values[1]) > 8 * CYCLES  # nearly all of ten outputs are known


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        ("REG_INPUTA_CLK", "whole_o|reset_o|preset_o|inputs_o|enabled_o"),
        ("REG_OUTPUT_CLK", "whole_o|reset_o|half_o|enabled_o"),
        ("RST1", "reset_o"),
        ("CE0", "enabled_o"),
        ("CE2", "enabled_o"),
        ("LUT4", "preset_o|inputs_o|enabled_o"),
        ("REGMODE_B", "plain_o|wide_o"),
        ("OCEB", "wide_o"),
    ],
)
def test_a_wrong_packing_is_seen(
    synthesised: Path, tmp_path: Path, seed: int, spoil: str, wrong: str
) -> None:
    said = compared(synthesised, tmp_path, seed, spoil)
    assert re.search(rf"^({wrong}) differs in cycle \d+$", said, re.MULTILINE), said


def test_an_operand_and_a_product_in_a_loop() -> None:
    """A flip-flop between a product and an operand of the same multiplier goes into one of both."""
    pins = {"CLK": [2], "DI": [4], "LSR": ["0"], "Q": [3]}
    flop = {"type": "TRELLIS_FF", "attributes": {}, "parameters": {"CEMUX": "1"},
            "port_directions": {p: "output" if p == "Q" else "input" for p in pins}}  # fmt: skip
    multiplier = {"type": "MULT18X18D", "attributes": {}, "parameters": {},
                  "port_directions": {"A0": "input", "B0": "input", "P0": "output"},
                  "connections": {"A0": [3], "B0": [3], "P0": [4]}}  # fmt: skip
    module = {"ports": {"clk": {"bits": [2]}}, "netnames": {},
              "cells": {"f": flop | {"connections": pins}, "m": multiplier}}  # fmt: skip
    assert hard_registers.pack(module)["flip-flops"] == 1
    (cell,) = module["cells"].values()
    assert cell["connections"] | {"CE1": ["1"]} == cell["connections"]
    assert "CE0" not in cell["connections"]  # a DSP block has four enables for four multipliers
    assert cell["connections"]["A0"] == cell["connections"]["B0"] == cell["connections"]["P0"]
    assert "REG_OUTPUT_CLK" not in cell["parameters"]
