# SPDX-License-Identifier: Apache-2.0
"""Power of one PEGroup and one lane in 180 nm cells, while the machine runs a trained network.

Activity is the netlist's in a simulation of the whole machine, without glitches; power is
OpenSTA's from the tables of the cells, without wires and without memories.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from csb_rnn import flow
from csb_rnn.execution import timing
from csb_rnn.experiments.silicon import netlist
from csb_rnn.experiments.silicon.netlist import GatesError, Netlist
from csb_rnn.machine import config, design, image
from csb_rnn.machine.config import Config
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.simulation.simulate import Probes, simulate

MODEL = "z2_gru"
#: Module, configuration and the changes to a machine of one PEGroup, compiled in minutes.
CASES: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("csb_lane", "paper256", {"K": 1, "L": 1, "P": 2, "x_per_cycle": 1}),
    ("csb_pegroup", "paper256_cols", {"K": 1, "L": 1, "x_per_cycle": 1}),
)
FRAMES = 12
MHZ = 100


def _memh(file: Path) -> np.ndarray:
    words = [w for w in file.read_text().split("\n") if w and w[0] not in "/@"]
    return np.array([int(w, 16) for w in words])


def activity(net: Netlist, c: Config, checkpoint: Path, folder: Path) -> tuple[np.ndarray, ...]:
    """Toggles a cycle and share of ones of every net, and the number of cycles.

    Raises:
        GatesError: the machine with the netlist gives other outputs than the model.
    """
    built = flow.build(checkpoint, c)
    p, q = built.part.compiled(), built.part.quantised
    x = np.random.default_rng(1).normal(size=(FRAMES, p.inputs)).clip(-4, 4)
    frames = q.quantise_inputs(x)
    got = simulate(p, frames, folder, probes=Probes(net.sources, ["+csb_count"]))
    want, _ = FixedModel(q, c).run(frames[None])
    last = timing.predict(p, FRAMES).last_out
    cycles = got.out_cycles - got.out_cycles[0]
    if not np.array_equal(got.outputs, want[0]) or not np.array_equal(cycles, last - last[0]):
        raise GatesError(f"{net.top}: the netlist gives other outputs than the model")
    n = int(_memh(folder / "cycles.memh")[0])
    return _memh(folder / "toggles.memh") / n, _memh(folder / "ones.memh") / n, np.array(n)


def clock_nets(net: Netlist, ones: np.ndarray) -> dict[str, tuple[float, float]]:
    """Toggles a cycle and share of ones of every net behind the clock, which no sampling at its
    edges sees. Example: the clock behind a gate that is open in a quarter of the cycles toggles
    0.5 times a cycle and is one for an eighth of the time."""
    at = {name: i for i, name in enumerate(net.nets)}
    found = {}
    for kind, pins in net.cells.values():
        if pins.get("A") != "clk_i":
            continue
        if kind == "AND2X1":
            opened = float(ones[at[pins["B"]]])
            found[pins["Y"]] = (2 * opened, opened / 2)
        elif kind == "INVX1":
            found[pins["Y"]] = (2.0, 0.5)
        else:
            raise GatesError(f"{net.top}: the clock passes a {kind}, which is no clock gate")
    return found


def power(net: Netlist, toggles: np.ndarray, ones: np.ndarray, folder: Path) -> dict[str, float]:
    """mW: ``sequential`` cells, ``combinational`` cells, ``total``.

    Raises:
        GatesError: OpenSTA fails.
    """
    period = 1000 / MHZ
    lines = [
        f"read_liberty {netlist.LIBERTY}",
        f"read_verilog {net.plain}",
        f"link_design {net.top}_gates",
        f"create_clock -name clk -period {period} [get_ports clk_i]",
        "proc act {pin toggles ones} {",
        "  sta::set_power_pin_activity [get_pins $pin] $toggles $ones",
        "}",
    ]
    seen = dict(zip(net.nets, zip(toggles.tolist(), ones.tolist(), strict=True), strict=True))
    seen |= clock_nets(net, ones)
    for cell, (_, pins) in net.cells.items():
        for pin, name in pins.items():
            if name in seen and name != "clk_i":
                lines.append("act {}/{} {:.5f} {:.5f}".format(cell, pin, *seen[name]))
    lines += ["report_power -digits 6", "exit"]
    script = folder / "power.tcl"
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [str(netlist.STA), "-exit", str(script)], capture_output=True, text=True, check=False
    )
    (folder / "power.log").write_text(done.stdout + done.stderr)
    found: dict[str, float] = {}
    for line in done.stdout.splitlines():
        if m := re.match(r"(Sequential|Combinational|Total)\s+(.*)", line):
            found[m[1].lower()] = 1000 * float(m[2].split()[3])
    errors = [line for line in (done.stdout + done.stderr).splitlines() if "Error:" in line]
    if errors or "total" not in found:
        raise GatesError(f"OpenSTA fails: {errors[:1]}, see {folder}/power.log")
    return found


def parameters_of(module: str, c: Config) -> dict[str, int]:
    """Parameters of the first instance of a module in the machine."""
    for instance in design.elaborate(design.TOP, image.all_parameters(c)):
        if instance.module == module:
            return dict(instance.parameters)
    raise GatesError(f"no {module} in {c.name}")


def rows(checkpoints: Path) -> Iterator[dict[str, Any]]:
    """A row for each of :data:`CASES`.

    Raises:
        GatesError: a package is missing, a tool fails, or the netlist is another circuit.
    """
    os.environ.setdefault("CSB_OPT", "-O0")  # a netlist runs once: the compiler takes longest
    # Clock gates wait for a clock tree: without buffers their slews decide the figures.
    for (module, name, keys), gated in itertools.product(CASES, (False,)):
        c = config.load(name, **keys)
        home = f"{name}_gated" if gated else name
        net = netlist.make(module, parameters_of(module, c), home, gated)
        folder = netlist.HOME / home / f"{module}_run"
        toggles, ones, cycles = activity(net, c, checkpoints / f"{MODEL}.npz", folder)
        found = power(net, toggles, ones, folder)
        yield {
            "module": module,
            "config": name,
            "clock_gates": gated,
            "model": MODEL,
            "cells": len(net.cells),
            "cycles": int(cycles),
            "mhz": MHZ,
            "mw": found["total"],
            "sequential_mw": found["sequential"],
            "activity": float(toggles.mean()),
        }
