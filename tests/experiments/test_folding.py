# SPDX-License-Identifier: Apache-2.0
"""LUTs folded into carry chains of an ECP5: the netlist computes the same."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from csb_rnn.experiments.silicon import folding

INPUTS = tuple(range(2, 14))  # nets
BITS = 8  # of a carry chain
Module = dict[str, Any]


def cell(kind: str, parameters: dict[str, str], **ends: int | str) -> dict[str, Any]:
    outs = {"Z", "S0", "S1", "COUT"}
    return {
        "type": kind,
        "attributes": {},
        "parameters": parameters,
        "port_directions": {p: "output" if p in outs else "input" for p in ends},
        "connections": {port: [end] for port, end in ends.items()},
    }


def module(gate: Callable[[], str], draw: random.Random) -> Module:
    """A carry chain with a gate in front of an operand of each bit."""
    cells: dict[str, Any] = {}
    nets = iter(range(100, 1000))

    def lut(init: str, *pins: int | str) -> int:
        out = next(nets)
        ends = dict(zip("ABCD", [*pins, *"0" * 4][:4], strict=True))
        cells[f"lut{out}"] = cell("LUT4", {"INIT": init}, **ends, Z=out)
        return out

    carry: int | str = draw.choice((INPUTS[0], "1", "0"))
    sums: list[int | str] = []
    for i in range(BITS // 2):
        ends: dict[str, int | str] = {"CIN": carry}
        for half in "01":
            b = lut(gate(), *draw.sample(INPUTS, draw.choice((2, 3))))
            ends |= {f"A{half}": draw.choice(INPUTS), f"B{half}": b, f"C{half}": "0",
                     f"D{half}": "1", f"S{half}": next(nets)}  # fmt: skip
            sums.append(ends[f"S{half}"])
        carry = ends["COUT"] = next(nets)
        add = "1001011010101010"
        parameters = {"INIT0": add, "INIT1": add, "INJECT1_0": "NO", "INJECT1_1": "NO"}
        cells[f"carry{i}"] = cell("CCU2C", parameters, **ends)
    outs = [*sums, carry]
    ports = {"i": {"bits": list(INPUTS)}, "o": {"bits": outs}}
    return {"cells": cells, "netnames": {}, "ports": ports}


def outputs(m: Module, values: dict[int, bool]) -> list[bool]:
    """Of a module for values of its inputs, by the definitions of its cells."""
    known: dict[int | str, bool] = {"0": False, "1": True, **values}

    def at(init: str, pins: list[bool]) -> bool:
        return init[-1 - sum(bit << i for i, bit in enumerate(pins))] == "1"

    waiting = list(m["cells"].values())
    while waiting:
        ready = [c for c in waiting if all(
            end[0] in known for port, end in c["connections"].items()
            if c["port_directions"][port] == "input")]  # fmt: skip
        assert ready, "a loop"
        for c in ready:
            ends = {port: end[0] for port, end in c["connections"].items()}
            if c["type"] == "LUT4":
                known[ends["Z"]] = at(c["parameters"]["INIT"], [known[ends[p]] for p in "ABCD"])
            else:
                carry = known[ends["CIN"]]
                for half in "01":
                    init = c["parameters"][f"INIT{half}"]
                    pins = [known[ends[f"{p}{half}"]] for p in "ABCD"]
                    passes = at(init, pins)
                    known[ends[f"S{half}"]] = passes ^ carry
                    carry = carry if passes else at(init[-4:], pins[:2])
                known[ends["COUT"]] = carry
        waiting = [c for c in waiting if c not in ready]
    return [known[bit] for bit in m["ports"]["o"]["bits"]]


def compare(gate: Callable[[random.Random], str], seed: int) -> int:
    """How many are folded, if both netlists give the same outputs for drawn inputs."""
    draw = random.Random(seed)
    before = module(lambda: gate(draw), draw)
    after = copy.deepcopy(before)
    found = folding.fold(after)
    luts = [Counter(c["type"] for c in m["cells"].values())["LUT4"] for m in (before, after)]
    assert luts[0] - luts[1] == found
    for _ in range(60):
        values = {net: draw.random() < 0.5 for net in INPUTS}
        assert outputs(before, values) == outputs(after, values)
    return found


def test_a_gate_in_front_of_an_adder_goes_into_its_carries() -> None:
    """An exclusive or with a third net, as of an adder that subtracts too."""
    assert compare(lambda _: "0110" * 4, seed=1) == BITS


def any_gate(draw: random.Random) -> str:
    return f"{draw.getrandbits(16):016b}"


def test_random_gates() -> None:
    """Of all that is folded the function stays; much does not fit, and stays outside."""
    found = [compare(any_gate, seed) for seed in range(12)]
    assert 0 < sum(found) < 12 * BITS


def test_a_carry_that_is_not_asked_for_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the comparison of carries the netlist computes something else."""
    arrange = folding.arrange
    never = folding.Function((), (False,))
    monkeypatch.setattr(folding, "arrange", lambda passes, _: arrange(passes, never))
    with pytest.raises(AssertionError):
        list(map(compare, [any_gate] * 12, range(12)))
