# SPDX-License-Identifier: Apache-2.0
"""Tables of the cells, and the worked example of one."""

from __future__ import annotations

from csb_rnn.cells import CELLS
from csb_rnn.compiler import compile_network, datapath
from csb_rnn.execution import utilisation
from csb_rnn.experiments.documents.tables import EXAMPLE, table
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.verify.random_layers import LayerCase


def cell_table() -> str:
    """The parts of every cell."""
    rows = []
    for c in CELLS.values():
        recurrent = {v for d in c.drains for v in d.inputs if v != "x"}
        spaces = {n.space for n in c.nodes}
        rows.append(
            (
                f"`{c.name}`",
                ", ".join(c.gates),
                ", ".join(c.states),
                ", ".join(c.constants) or "none",
                ", ".join(sorted(recurrent)) or "none",
                len(spaces),
                len(c.stages),
                len(c.drains),
                len(c.elems),
                max(len(datapath.registers(s)) for s in c.stages),
            )
        )
    head = ("cell", "gates", "states", "constants", "vectors it multiplies", "unit spaces",
            "stages", "drains", "elems", "registers")  # fmt: skip
    return table(head, rows)


def cell_cost_table() -> str:
    """Cycles and busy shares of every cell, one layer on paper256."""
    rows, c = [], config.load("paper256")
    for name in CELLS:
        case = LayerCase(1, name, 39, 256, density=0.1, pattern="scattered")
        p = compile_network(quantise.quantise(case.network(), c), c)
        u = utilisation.analyse(p)
        busy = [f"{u.busy[unit]:.0%}" for unit in ("engine", "drain", "element", "neuron bus")]
        rows.append(
            (f"`{name}`", p.kept_weights, f"{u.interval:.1f}", u.latency, f"{u.multipliers:.3f}",
             *busy, u.bound)
        )  # fmt: skip
    head = ("cell", "kept weights", "cycles a frame", "latency, idle", "frame efficiency", "engine",
            "drain", "element", "bus", "bound by")  # fmt: skip
    return table(head, rows)


def example() -> str:
    """The worked example of adding a cell."""
    return EXAMPLE.read_text().strip()
