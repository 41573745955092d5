# SPDX-License-Identifier: Apache-2.0
"""Bounds of the neuron vectors of a cell, from its graph alone.

Example: h of a GRU stays within -1 and 1, as a mixture of tanh and the h before.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from csb_rnn.cells.graph import Cell, Drain, Elem


def vector_bounds(cell: Cell, initial: Mapping[str, float] | None = None) -> dict[str, float]:
    """Largest |v| of each elem node, by interval arithmetic over the frames.

    ``a*n + (1-a)*s`` with ``a`` a sigmoid is known as a mixture of ``n`` and ``s``. What grows
    from frame to frame is infinite.

    Args:
        cell: the cell.
        initial: largest |initial value| of each state, 0 where absent, and of each constant
            (``const:NAME``), infinite where absent.
    """
    initial = initial or {}
    state = {s: float(initial.get(s, 0.0)) for s in cell.states}
    constants = {f"const:{k}": float(initial.get(f"const:{k}", np.inf)) for k in cell.constants}
    nodes = {n.name: n for n in cell.nodes}

    def complement(a: str, b: str) -> bool:
        n, gate = nodes.get(a), nodes.get(b)  # either may be a constant or a state: no node
        return (
            isinstance(n, Elem)
            and gate is not None
            and (n.m0, n.x0, n.m1, n.sub, n.act) == ("one", "one", "one", True, "identity")
            and n.x1 == b
            and gate.act == "sigmoid"
        )

    value: dict[str, float] = {}
    for frame in range(4):
        reg = {"one": 1.0, "zero": 0.0} | constants
        value = {}
        for n in cell.nodes:
            if isinstance(n, Drain):
                v = np.inf
            else:
                x0, x1 = (state[x[6:]] if x[:6] == "state:" else reg[x] for x in (n.x0, n.x1))
                if not n.sub and (complement(n.m0, n.m1) or complement(n.m1, n.m0)):
                    v = max(x0, x1)
                elif complement(n.name, n.x1):
                    v = 1.0
                else:
                    terms = [m * x for m, x in ((reg[n.m0], x0), (reg[n.m1], x1)) if m and x]
                    v = sum(terms, 0.0)
                value[n.name] = v
            reg[n.name] = {"sigmoid": 1.0, "tanh": min(v, 1.0)}.get(n.act, v)
        after = {n.state: value[n.name] for n in cell.elems if n.state}
        grown = {s: max(state[s], after.get(s, 0.0)) for s in state}
        if grown == state:
            break
        state = {s: np.inf if frame == 2 and grown[s] > state[s] else grown[s] for s in state}
    return value
