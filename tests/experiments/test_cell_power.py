# SPDX-License-Identifier: Apache-2.0
"""Netlists of standard cells: what is made around them. ``make gates`` maps and runs them."""

from pathlib import Path

import numpy as np
import pytest

from csb_rnn.experiments.silicon import netlist, power
from csb_rnn.machine import config, design


def test_a_memory_keeps_its_ports() -> None:
    instance = design.Instance("top.u_ram", "csb_ram_1r1w", (("Width", 40), ("Depth", 12)))
    text = netlist._memory("csb_ram_1r1w$top.u_ram", instance)
    assert "module \\csb_ram_1r1w$top.u_ram (" in text
    for port in ("[3:0] waddr_i", "[39:0] wdata_i", "[0:0] we_i", "[39:0] rdata_o"):
        assert port in text
    assert "csb_ram_1r1w #(.Width(40),.Depth(12)) u_memory (.*);" in text


def test_counters_go_before_the_end_of_the_netlist() -> None:
    text = netlist._counted("module a(clk_i);\nendmodule\n", ["n1_", "n2_"], "clk_i")
    assert text.endswith("endmodule\n")
    assert "assign csb_nets = {n2_,\n    n1_};" in text
    assert text.count("endmodule") == 1


def test_assignments_are_of_single_nets() -> None:
    text = "  assign { a, b } = { c, 1'h0 };\n  assign e = f;\n"
    assert netlist.bit_by_bit(text) == ("  assign a = c;\n  assign b = 1'h0;\n  assign e = f;\n")
    text = "  assign { a, b } = 2'b10;\n"
    assert netlist.bit_by_bit(text) == ("  assign a = 1'b1;\n  assign b = 1'b0;\n")


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(netlist, "HOME", tmp_path)
    monkeypatch.setattr(netlist, "LIBERTY", tmp_path / "none")
    monkeypatch.setattr(netlist, "PACKAGES", ("csb-no-such-package",))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(netlist.GatesError) as error:
        netlist.fetch()
    assert str(error.value).startswith("Debian package csb-no-such-package: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("case", power.CASES)
def test_parameters_are_those_of_an_instance(case: tuple[str, str, dict[str, int]]) -> None:
    module, name, keys = case
    c = config.load(name, **keys)
    found = power.parameters_of(module, c)
    assert found["DataW"] == c.data_w
    assert found["AccW"] == c.acc_w


def test_a_clock_behind_a_gate_toggles_while_it_is_open() -> None:
    """A gate that is open in a quarter of the cycles; any other cell in a clock is refused."""
    cells = {
        "g1": ("INVX1", {"A": "clk_i", "Y": "low"}),
        "g2": ("AND2X1", {"A": "clk_i", "B": "held", "Y": "gclk"}),
        "g3": ("DFFPOSX1", {"CLK": "gclk", "D": "d", "Q": "q"}),
    }
    nets = ["gclk", "held", "low"]
    net = netlist.Netlist("top", cells, nets, [], Path("none"))
    ones = np.array([0.9, 0.25, 0.1])
    assert power.clock_nets(net, ones) == {"low": (2.0, 0.5), "gclk": (0.5, 0.125)}
    cells["g4"] = ("NAND2X1", {"A": "clk_i", "B": "held", "Y": "x"})
    with pytest.raises(netlist.GatesError, match="NAND2X1, which is no clock gate"):
        power.clock_nets(net, ones)
