# SPDX-License-Identifier: Apache-2.0
"""Constants of a cell beyond the narrow operand: their format follows their size.

A narrow operand holds less than 4. Of ``p * c`` the constant is kept as ``p / 2^k``, and ``c`` is
doubled k times before the product, which is the same number. Example: a peephole of 12.2 is kept
as 3.05 with 13 fraction bits, and each frame computes ``c + c`` and its double first: two element
words. A constant below 4 changes nothing.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from csb_rnn.cells.graph import Cell, Drain, Elem
from csb_rnn.machine.config import LANE_FRAC
from csb_rnn.machine.isa import MUL_W
from csb_rnn.machine.numerics import limits
from csb_rnn.network.network import Floats, Layer, Network

MOST_DOUBLED = 4  # a constant holds less than 64; its factor has to stay below 64 too
NARROW = limits(MUL_W)[1]  # of a narrow operand, in units of 2^-LANE_FRAC


def copy_of(cell: Cell, constant: str) -> str | None:
    """The node that copies a constant for products as their narrow operand, if it does nothing
    else and nothing else reads the constant or uses the copy in another way."""
    readers = [n for n in cell.elems if f"const:{constant}" in n.memory]
    if len(readers) != 1:
        return None
    (node,) = readers
    if node != Elem(node.name, "one", f"const:{constant}", space=node.space):
        return None
    wide = any(node.name in (n.x0, n.x1) for n in cell.elems)
    return None if wide else node.name


def doublings(values: Floats) -> int:
    """How often the other operand is doubled: the least with which all values fit.

    Example: 1 for values to 4.5, 2 for 12.2; 0 if no number of doublings is enough.
    """
    top = float(np.abs(values).max(initial=0.0)) * 2.0**LANE_FRAC
    return next((k for k in range(MOST_DOUBLED + 1) if top < (NARROW + 0.5) * 2**k), 0)


def widened(layer: Layer) -> Layer:
    """The same layer with smaller constants, if one is beyond 4; the layer itself if none is."""
    cell = layer.cell
    doubled = {k: doublings(v) for k, v in layer.constants.items() if copy_of(cell, k)}
    factors = {str(copy_of(cell, k)): n for k, n in doubled.items() if n}
    if not factors:
        return layer
    nodes: list[Drain | Elem] = []
    made: set[str] = set()

    def twice(operand: str, times: int, space: str) -> str:
        """The operand, doubled so many times."""
        base = operand.replace("state:", "old_").replace("const:", "")
        for n in range(times):
            name = f"{base}_times_{2 << n}"
            if name not in made:
                nodes.append(Elem(name, "one", operand, "one", operand, space=space))
                made.add(name)
            operand = name
        return operand

    for node in cell.nodes:
        if isinstance(node, Elem):
            x0 = twice(node.x0, factors.get(node.m0, 0), node.space)
            x1 = twice(node.x1, factors.get(node.m1, 0), node.space)
            node = dataclasses.replace(node, x0=x0, x1=x1)
        nodes.append(node)
    constants = {k: v / 2 ** doubled.get(k, 0) for k, v in layer.constants.items()}
    wider = dataclasses.replace(cell, nodes=tuple(nodes)).check()
    return dataclasses.replace(layer, cell=wider, constants=constants)


def all_widened(network: Network) -> Network:
    """The network with every layer :func:`widened`."""
    return dataclasses.replace(network, layers=tuple(widened(la) for la in network.layers))
