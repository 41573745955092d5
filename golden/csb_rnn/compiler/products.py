# SPDX-License-Identifier: Apache-2.0
"""The products of an iteration, in the order of the PEGroups' programs."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from csb_rnn.compiler.placement import TAIL, PlacedLayer, PlacedStage, Vector
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Ints, limits
from csb_rnn.program.program import CompileError


@dataclasses.dataclass
class Product:
    """One matrix times one vector, added to the accumulators of a stage.

    Rows are in program order (unit slot by unit slot). Non-zero i is ``weight[i]`` in row
    ``row[i]`` and at neuron address ``addr[i]`` of engine column ``column[i]``; row r belongs to
    ring ``ring[r]``, bank ``bank[r]``, accumulator address ``acc[r]``, unit slot ``slot[r]``.
    """

    stage: int
    name: str
    row: np.ndarray
    column: np.ndarray
    addr: np.ndarray
    weight: np.ndarray
    ring: np.ndarray
    bank: np.ndarray
    acc: np.ndarray
    slot: np.ndarray
    step: np.ndarray  # rows of one step (same slot and gate) lie in different rings or banks
    part: np.ndarray  # rows of one part belong to one gate and one block of units
    cuts: list[np.ndarray]  # of non-zeros: ways to divide columns into blocks, a number each
    event: int
    lag: str
    pp: bool  # the vector is double-buffered
    needs_stage: int | None = None  # stage whose result of this iteration it reads
    first_of_stage: bool = False
    last_of_stage: bool = False
    barrier: bool = False  # every PE row has finished the product before: its vector may change


def _product(
    layers: list[PlacedLayer],
    stage: PlacedStage,
    name: str,
    source: Vector,
    needs: int | None,
    c: Config,
    block: int,
) -> Product:
    """Product of a stage with its input ``name``, rows in slot order; ``needs``: the stage of this
    iteration of the vector's writing."""
    q = layers[stage.layer].q
    space = layers[stage.layer].spaces[stage.nodes.space]
    drains, count, units = stage.nodes.drains, stage.count, len(space.slot)
    gates = [g for g, d in enumerate(drains) if name in d.inputs]
    unit = np.tile(np.arange(units), len(gates))
    gate = np.repeat(gates, units)
    order = np.lexsort((space.lane[unit], gate, space.slot[unit]))
    unit, gate = unit[order], gate[order]
    index = np.empty((count, units), np.int64)
    index[gate, unit] = np.arange(len(unit))

    block = max(1, block)
    part = gate * (-(-units // block)) + unit // block
    row, col, weight = [], [], []
    for g in gates:
        w = q.weights[drains[g].gate, name]
        r, k = np.nonzero(w if source.chosen is None else w * source.chosen)
        place, words = in_words(w[r, k], limits(c.weight_w)[1])
        if c.shared_cols > 1 and len(place) > len(r):
            raise CompileError(f"{c.name} shares columns: a weight is one word there")
        row.append(index[g, r[place]])
        col.append(k[place])
        weight.append(words)
    k = np.concatenate(col)
    step = space.slot[unit] * count + gate
    recurrent = q.cell.vectors.get(name) is not None
    return Product(
        stage=stage.index,
        name=name,
        row=np.concatenate(row),
        column=source.column[k],
        # A frame's results are in the half not written by the next frame.
        addr=source.address[k] + (c.neuron_depth // 2 if recurrent and source.pp else 0),
        weight=np.concatenate(weight),
        ring=space.lane[unit] // c.drain_banks,
        bank=space.lane[unit] % c.drain_banks,
        acc=stage.acc_base + step,
        slot=space.slot[unit],
        step=step,
        part=part,
        cuts=source.cuts(k, block, c),
        event=source.event,
        lag="stream" if recurrent else "this",
        pp=source.pp,
        needs_stage=needs,
    )


def _parts(v: Vector) -> list[Vector]:
    """The neurons written early, and the others: they come out of the data path while
    those are multiplied; one part if the vector has one event."""
    if v.early is None:
        return [v]
    slots, event = v.early
    early = v.slot < slots
    return [
        dataclasses.replace(v, event=event, chosen=early),
        dataclasses.replace(v, chosen=~early),
    ]


def products_in_order(
    x: Vector, layers: list[PlacedLayer], stages: list[PlacedStage], c: Config, block: int = 32
) -> list[Product]:
    """All products of an iteration, in program order.

    The first layer multiplies the new input, then its state, which needs the longest to come
    round; every other layer multiplies its states first, while the layer below completes. The
    products of a later stage with other vectors come before the one with the vector of this frame.
    The states of the layer above fill the two gaps of such a stage: before its vector and before
    its result.
    """
    groups: list[list[Product]] = []
    within: dict[int, bool] = {}
    for i, layer in enumerate(layers):
        cell = layer.q.cell
        below = x if i == 0 else layers[i - 1].output
        mine = [s for s in stages if s.layer == i]
        writer = {e.vector: s.index for s in mine for e in s.nodes.elems if e.vector}
        jobs = []
        for s in mine:
            for v in sorted({v for d in s.nodes.drains for v in d.inputs}):
                kind = "x" if v == "x" else "within" if cell.vectors[v] is None else "old"
                if kind == "within":
                    rank = (s.index, 2)
                elif i == 0:
                    rank = (s.index, 0 if kind == "x" else 1)
                else:
                    rank = (mine[0].index, -1) if kind == "old" else (s.index, 0)
                jobs.append((rank, s.index, v, kind, s))
        group = []
        for _, _, v, kind, s in sorted(jobs, key=lambda job: job[:3]):
            needs = {"old": None, "within": writer.get(v), "x": mine[0].index - 1 if i else None}
            source = below if v == "x" else layer.vectors[v]
            for part in _parts(source) if kind == "within" else [source]:
                group.append(_product(layers, s, v, part, needs[kind], c, block))
                within[id(group[-1])] = kind == "within"
        for s in mine:
            own = [p for p in group if p.stage == s.index]
            own[0].first_of_stage = own[-1].last_of_stage = True
        groups.append(group)
    out: list[Product] = []
    for group, above in itertools.pairwise([*groups, []]):
        left = [p for p in group if all(p is not q for q in out)]
        inner = next((n for n, p in enumerate(left) if within[id(p)]), len(left))
        out += left[:inner]
        if inner < len(left):
            # Two gaps to fill: until the vector of this frame is there, and until the output is.
            ready = len({p.event for p in left[inner:] if within[id(p)]}) > 1  # its early part
            last = max(n for n, p in enumerate(out) if p.stage == left[inner].needs_stage)
            between = sum(len(p.row) for p in out[last + 1 :]) / c.pes
            old = [p for p in above if p.lag == "stream"]
            while old and not ready and between < TAIL:
                between += len(old[0].row) / c.pes
                out.append(old.pop(0))
            out += left[inner:] + old
    for before, p in itertools.pairwise(out):
        p.barrier = before.lag == "stream" and not before.pp
    return out


def in_words(w: Ints, top: int) -> tuple[Ints, Ints]:
    """Weights as words of at most ``top``: the place in ``w`` of each word, and its number.

    Example: 5 with a top of 2 is 1, 2 and 2.
    """
    words = np.maximum(1, -(-np.abs(w) // top))
    place = np.repeat(np.arange(len(w)), words)
    part = np.arange(len(place)) - np.repeat(np.cumsum(words) - words, words)
    whole, count = w[place], words[place]
    return place, whole * (part + 1) // count - whole * part // count
