# SPDX-License-Identifier: Apache-2.0
"""Flip-flops beside multipliers and block RAMs of an ECP5 move into the registers of these blocks.

Yosys maps a multiplier or a memory without its registers and leaves flip-flops beside it, so the
wires between both lie on the critical paths: 0.4 ns out of a flip-flop, 1.5 ns of wire and 3.1 ns
through the multiplier. A MULT18X18D has registers for A, B and its product, a DP16KD one behind its
outputs. Here each takes the place of flip-flops if the netlist computes the same with it, in
every cycle: example, 32 flip-flops ``a_q``, ``b_q`` in front of a multiplier of 16 bits and 32
behind it, ``p_q``, leave a MULT18X18D with REG_INPUTA_CLK, REG_INPUTB_CLK, REG_OUTPUT_CLK = CLK0.

Only flip-flops without initial value are taken, and those of a register have one clock and one
enable. In front of a multiplier they may have a reset: the same one to zero becomes the register's,
any other moves into LUTs, of the data and of the enable: whether a register's reset or its enable
is the stronger one is never asked.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from csb_rnn.experiments.silicon.floorplan import Cells

WIDTH = 18  # bits of A and of B
PRODUCT = 36
KINDS = ("multiplier inputs", "multiplier outputs", "block RAM outputs")
ZERO, ONE = "0", "1"
OFF, ON = "0010" * 4, "1110" * 4  # LUTs of A, B: A and not B; A or B


class Pins(NamedTuple):
    """Control of a flip-flop: nets or constants."""

    clock: int | str
    enable: int | str = ONE
    reset: int | str = ZERO
    to_one: bool = False  # what the reset gives


class Register(NamedTuple):
    """Flip-flops that one register of a block replaces."""

    pins: Pins
    ends: dict[str, int | str]  # the block's ports, and the nets they are on instead
    logic: dict[str, Pins]  # ports with a reset of their own in front of the register
    also: int | str = ZERO  # a net that enables the register too


class Netlist:
    """Cells of a module, with the cell that drives each net and the pins that read it.

    Args:
        module: as Yosys writes it.
    """

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: Cells = module["cells"]
        self.names: dict[str, Any] = module["netnames"]
        self.driver: dict[int, str] = {}
        self.readers: dict[int, set[tuple[str, str]]] = defaultdict(set)
        self.kept = {bit for port in module["ports"].values() for bit in port["bits"]}
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if isinstance(bit, int):
                        self._join(name, port, bit)
        numbers = (*self.driver, *self.readers, *self.kept)
        self.bits = max(bit for bit in numbers if isinstance(bit, int))  # the last net

    def _join(self, name: str, port: str, bit: int) -> None:
        if self.cells[name]["port_directions"][port] == "output":
            self.driver[bit] = name
        else:
            self.readers[bit].add((name, port))

    def net(self, name: str, port: str) -> int | str:
        """Net of a port of one bit: a number, a constant, or "x" if there is none."""
        return next(iter(self.cells[name]["connections"].get(port) or ["x"]))

    def connect(self, name: str, port: str, bit: int | str) -> None:
        """Puts a port of one bit on another net."""
        cell, old = self.cells[name], self.net(name, port)
        if isinstance(old, int):
            self.readers[old].discard((name, port))
        cell["port_directions"].setdefault(port, "input")
        cell["connections"][port] = [bit]
        if isinstance(bit, int):
            self._join(name, port, bit)

    def remove(self, name: str) -> None:
        """Takes a cell out of the module."""
        for port, bits in self.cells.pop(name)["connections"].items():
            for bit in bits:
                self.readers[bit].discard((name, port))

    def pins(self, name: str) -> Pins | None:
        """Of a flip-flop on a rising edge, without initial value or asynchronous reset."""
        cell = self.cells[name]
        p = {key: str(value).strip() for key, value in cell["parameters"].items()}
        if (
            cell["type"] != "TRELLIS_FF"
            or p.get("CLKMUX", "CLK") != "CLK"
            or p.get("CEMUX", "CE") not in (ONE, "CE")
            or p.get("LSRMUX", "LSR") != "LSR"
            or p.get("SRMODE", "LSR_OVER_CE") != "LSR_OVER_CE"
            or "init" in cell["attributes"]
            or self.net(name, "M") not in (ZERO, "x")
        ):
            return None
        enable = self.net(name, "CE") if p.get("CEMUX", "CE") == "CE" else ONE
        reset = self.net(name, "LSR")
        if reset in (ZERO, "x"):
            return Pins(self.net(name, "CLK"), enable)
        return Pins(self.net(name, "CLK"), enable, reset, p.get("REGSET") == "SET")

    def before(self, name: str, ports: list[str]) -> Register | None:
        """The register in front of input ports, or None if they are not all behind flip-flops of
        one clock and enable. A port on constant zero is as good."""
        flops, pins = {}, {}
        for port in ports:
            bit = self.net(name, port)
            if isinstance(bit, int):
                flop = self.driver.get(bit)
                found = None if flop is None else self.pins(flop)
                if flop is None or found is None:
                    return None
                flops[port], pins[port] = flop, found
            elif bit == ONE:
                return None
        which = set(pins.values())
        if len({(found.clock, found.enable) for found in which}) != 1:
            return None
        ends = {port: self.net(flop, "DI") for port, flop in flops.items()}
        one = next(iter(which))
        plain = one.enable == ONE or one.reset == ZERO
        if len(which) == 1 and not one.to_one and plain:
            return Register(one, ends, {})
        resets = {found.reset for found in which}
        if one.enable != ONE and len(resets) > 1:
            return None
        logic = {port: found for port, found in pins.items() if found.reset != ZERO}
        also = ZERO if one.enable == ONE else one.reset
        return Register(Pins(one.clock, one.enable), ends, logic, also)

    def behind(self, name: str, ports: list[str]) -> Register | None:
        """The register behind output ports, or None if one of them is read by anything else than
        the data input of one flip-flop, all of the same clock and enable, without reset."""
        ends: dict[str, int | str] = {}
        pins = set()
        for port in ports:
            bit = self.net(name, port)
            if not isinstance(bit, int) or (not self.readers[bit] and bit not in self.kept):
                continue
            if bit in self.kept or len(self.readers[bit]) != 1:
                return None
            ((flop, pin),) = self.readers[bit]
            found = self.pins(flop)
            if pin != "DI" or found is None or found.reset != ZERO:
                return None
            pins.add(found)
            ends[port] = self.net(flop, "Q")
        return Register(pins.pop(), ends, {}) if len(pins) == 1 else None

    def gate(self, name: str, data: int | str, by: Pins) -> int | str:
        """A LUT that gives the value of a reset while it is active, otherwise the data."""
        if name not in self.cells:
            self.bits += 1
            ports = {"A": data, "B": by.reset, "C": ZERO, "D": ZERO, "Z": self.bits}
            self.cells[name] = {
                "hide_name": 0, "type": "LUT4", "attributes": {},
                "parameters": {"INIT": ON if by.to_one else OFF},
                "port_directions": {p: "output" if p == "Z" else "input" for p in ports},
                "connections": {},
            }  # fmt: skip
            self.names[f"{name}_Z"] = {"hide_name": 0, "bits": [self.bits], "attributes": {}}
            for port, bit in ports.items():
                self.connect(name, port, bit)
        return self.net(name, "Z")

    def take_inputs(self, name: str, register: Register) -> int | str:
        """Inputs read what the flip-flops read, which go if nothing else needs them.

        Returns:
            The register's enable.
        """
        for port, end in register.ends.items():
            old = self.net(name, port)
            assert isinstance(old, int)
            flop = self.driver[old]
            if port in register.logic:
                end = self.gate(f"{flop}_reset", end, register.logic[port])
            self.connect(name, port, end)
            if not self.readers[old] and old not in self.kept:
                self.remove(flop)
        clock, enable, *_ = register.pins
        if register.also == ZERO:
            return enable
        by = Pins(clock, reset=register.also, to_one=True)
        return self.gate(f"{name}_enable_{enable}_{register.also}", enable, by)

    def take_outputs(self, name: str, register: Register) -> None:
        """Outputs drive what the flip-flops drove."""
        for port, bit in register.ends.items():
            ((flop, _),) = self.readers[self.net(name, port)]  # type: ignore[index]
            self.remove(flop)
            self.connect(name, port, bit)


def _multiplier(n: Netlist, name: str) -> Counter[str]:
    """Number 0 of the enables and resets is the product's: of half of the multipliers of a chip
    there is no other choice."""
    done: Counter[str] = Counter()
    clocks: set[int | str] = set()
    controls: dict[str, int | str] = {}
    parameters = n.cells[name]["parameters"]
    a, b = (n.before(name, [f"{side}{i}" for i in range(WIDTH)]) for side in "AB")
    if a and b and a.pins.clock == b.pins.clock:  # nextpnr has no timing of one of them alone
        for i, (side, register) in enumerate((("A", a), ("B", b)), start=1):
            parameters |= {f"REG_INPUT{side}_CLK": "CLK0", f"REG_INPUT{side}_CE": f"CE{i}",
                           f"REG_INPUT{side}_RST": f"RST{i}"}  # fmt: skip
            controls[f"CE{i}"] = n.take_inputs(name, register)
            controls[f"RST{i}"] = register.pins.reset
        clocks.add(a.pins.clock)
        done["multiplier inputs"] += 1
    output = n.behind(name, [f"P{i}" for i in range(PRODUCT)])
    if output and len(clocks | {output.pins.clock}) == 1:
        parameters |= {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0"}
        n.take_outputs(name, output)
        controls |= {"CE0": output.pins.enable, "RST0": ZERO}
        clocks.add(output.pins.clock)
        done["multiplier outputs"] += 1
    if done:
        parameters |= {"CLK0_DIV": "ENABLED", "RESETMODE": "SYNC", "GSR": "DISABLED"}
        for port, bit in controls.items():
            n.connect(name, port, bit)
        n.connect(name, "CLK0", clocks.pop())
    return done


def _block_ram(n: Netlist, name: str) -> Counter[str]:
    if any(n.net(name, port) != ZERO for port in ("RSTA", "RSTB")):
        return Counter()
    register = n.behind(name, [f"DO{side}{i}" for side in "AB" for i in range(WIDTH)])
    if register is None or {n.net(name, "CLKA"), n.net(name, "CLKB")} != {register.pins.clock}:
        return Counter()
    for side in {port[2] for port in register.ends}:
        n.cells[name]["parameters"][f"REGMODE_{side}"] = "OUTREG"
        n.connect(name, f"OCE{side}", register.pins.enable)
    n.take_outputs(name, register)
    return Counter({"block RAM outputs": 1})


def pack(module: dict[str, Any]) -> dict[str, int]:
    """Moves flip-flops of a module into its multipliers and block RAMs.

    Args:
        module: as Yosys writes it, mapped to an ECP5; changed in place.

    Returns:
        Blocks by :data:`KINDS`, and how many flip-flops are gone and LUTs are new.
    """
    n = Netlist(module)
    before = Counter(cell["type"] for cell in n.cells.values())
    done: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    for kind, take in (("MULT18X18D", _multiplier), ("DP16KD", _block_ram)):
        for name in [name for name, cell in n.cells.items() if cell["type"] == kind]:
            done.update(take(n, name))
    after = Counter(cell["type"] for cell in n.cells.values())
    gone, new = (abs(after[kind] - before[kind]) for kind in ("TRELLIS_FF", "LUT4"))
    return {**done, "flip-flops": gone, "LUTs": new}


def pack_file(netlist: Path, out: Path, top: str) -> dict[str, int]:
    """:func:`pack` for a file of Yosys (JSON)."""
    design = json.loads(netlist.read_text())
    found = pack(design["modules"][top])
    out.write_text(json.dumps(design))
    return found
