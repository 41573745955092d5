# SPDX-License-Identifier: Apache-2.0
"""Where everything of a network is: units in slots and lanes, vectors, accumulators, states."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from csb_rnn.cells.graph import Stage
from csb_rnn.compiler.deal_blocks import deal_blocks
from csb_rnn.compiler.dealing import deal
from csb_rnn.machine import isa, unit_classes
from csb_rnn.machine.config import Config
from csb_rnn.models.integer_layer import QLayer
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import CompileError

TAIL = 44  # cycles from a slot's mark to its neurons, about
REACH = 1  # engine columns with the neurons of a block


@dataclasses.dataclass
class Vector:
    """Neurons: the place of value j of a vector, and the event of its writing."""

    column: np.ndarray
    slot: np.ndarray  # values of one slot are written together
    sub: np.ndarray  # address within the slot
    size: int  # addresses of a slot
    event: int
    pp: bool = True  # double-buffered by frame parity
    early: tuple[int, int] | None = None  # slots before this one have an event of their own
    chosen: np.ndarray | None = None  # values of a product; all if None
    # First address of each slot; empty until all vectors are known.
    place: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    def cuts(self, value: np.ndarray, block: int, c: Config) -> list[np.ndarray]:
        """Ways to cut the columns of a product into blocks, where PE rows share them.

        Args:
            value: of every non-zero, which value of the vector its column is.

        Returns:
            for each way the block of every non-zero: by value; for the network's input also by
            place in its engine column; all in one.
        """
        ways = [value // block]
        if self.event == isa.EVENT_X:
            ways.append(value // c.L // block)
        return [*ways, 0 * value]

    @property
    def address(self) -> np.ndarray:
        """Neuron address of every value."""
        return self.place[self.slot] + self.sub


@dataclasses.dataclass
class Space:
    """Units of a layer with common slots and lanes, and their state memory."""

    memory: tuple[str, ...]  # states and constants, in the order of their addresses
    slots: int
    slot: np.ndarray
    lane: np.ndarray
    rot: np.ndarray  # engine column of lane 0 in every slot
    state_base: int

    def column(self, c: Config) -> np.ndarray:
        """Engine column where the neuron of each unit is stored."""
        return (c.bus_place(self.lane) + self.rot[self.slot]) % c.L

    def state(self, name: str) -> int:
        """State address of ``state:...`` or ``const:...`` in slot 0."""
        return self.state_base + self.memory.index(name)


@dataclasses.dataclass
class PlacedLayer:
    """A placed layer."""

    q: QLayer
    spaces: dict[str, Space]
    vectors: dict[str, Vector]

    @property
    def output(self) -> Vector:
        return self.vectors[str(self.q.output.vector)]


@dataclasses.dataclass
class PlacedStage:
    """A stage of a layer: its common drains."""

    index: int  # of all stages, in program order
    layer: int
    nodes: Stage
    acc_base: int
    drained: int | None  # event; None if nobody waits for it
    count: int  # accumulator rows of a unit


def over(what: str, need: int, have: int, c: Config) -> None:
    if need > have:
        raise CompileError(
            f"{what} needs {need} words, configuration {c.name} has {have}: {need - have} too many"
        )


def _deal(
    q: QLayer,
    space: str,
    above: QLayer | None,
    block: int,
    c: Config,
    named: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slot and lane of every unit of a space, and the rotation of every slot; ``above`` is the
    layer behind the output, ``named`` the classes named by the checkpoint."""
    mine = {n for n in q.cell.vectors if q.cell.spaces[n] == space}
    users = [w for (_, v), w in q.weights.items() if v in mine]
    if above is not None and q.output.vector in mine:
        users += [w for (_, v), w in above.weights.items() if v == "x"]
    by_input: dict[str, list[np.ndarray]] = {}
    for (gate, v), w in q.weights.items():
        if q.cell.spaces[gate] == space:
            work = _row_work(w, block) if c.shared_cols > 1 and v != "x" else (w != 0).sum(axis=1)
            by_input.setdefault(v, []).append(work)
    rows = np.stack([np.sum(ws, axis=0) for ws in by_input.values()], axis=1)
    cols = np.sum([(w != 0).sum(axis=0) for w in users] or [0 * rows[:, 0]], axis=0)
    if c.shared_cols > 1:
        return deal_blocks(rows, cols, _classes(q, space, named, block, c), c, block)
    return deal(rows, cols[:, None], c, block, REACH)


def _row_work(w: np.ndarray, block: int) -> np.ndarray:
    """The cost of each row of a matrix in tiles, [rows]: the columns of all its kernels,
    weights quantised to zero included."""
    high, wide = -(-w.shape[0] // block), -(-w.shape[1] // block)
    full = np.zeros((high * block, wide * block), bool)
    full[: w.shape[0], : w.shape[1]] = w != 0
    full = full.reshape(high, block, wide, block)
    columns = full.any(axis=1).sum(axis=2)  # [block rows, block columns]
    work = (full.any(axis=3) * columns[:, None]).sum(axis=2)
    return np.asarray(work.reshape(-1)[: w.shape[0]])


def _classes(q: QLayer, space: str, named: np.ndarray | None, block: int, c: Config) -> np.ndarray:
    """Class of every unit of a space (:mod:`csb_rnn.machine.unit_classes`): as the checkpoint names
    them, if they are this machine's, or such as even out the rows of kernels, if this is
    better."""
    units = q.size(space)
    mine = [w for (gate, _), w in q.weights.items() if q.cell.spaces[gate] == space]
    if named is not None and not unit_classes.fits(named, units, block, c):
        named = None
    out = np.empty(units, np.int64)
    for b, quota in enumerate(unit_classes.quotas(units, block, c)):
        at = slice(b * block, min((b + 1) * block, units))
        work = []
        for w in mine:
            starts = np.arange(0, w.shape[1], block)
            work.append(np.add.reduceat((w[at] != 0).astype(float), starts, axis=1))
        rows = np.concatenate(work, axis=1)
        ways = [] if named is None else [named[at]]
        ways.append(unit_classes.assign(rows, quota))
        out[at] = min(ways, key=lambda way: unit_classes.longest(rows, way, c.shared_cols))
    return out


def place(
    qnet: QNetwork, c: Config, streams: int, block: int = 32
) -> tuple[Vector, list[PlacedLayer], list[PlacedStage]]:
    """Deal all layers and give addresses and events to their vectors and rows."""
    events = list(range(1, isa.EVENTS))  # drained accumulators can have the last ones only

    def event(drained: bool = False) -> int:
        if not events or (drained and events[-1] < isa.EVENTS - isa.DRAINED_EVENTS):
            raise CompileError(f"more than {isa.EVENTS - 1} events: too many layers")
        return events.pop(-1 if drained else 0)

    classes = unit_classes.named(qnet.csb, c.shared_cols, block)
    j = np.arange(qnet.inputs)
    x = Vector(
        j % c.L,
        0 * j,
        j // c.L,
        -(-qnet.inputs // (c.L * c.bus_neurons)) * c.bus_neurons,
        isa.EVENT_X,
    )
    layers: list[PlacedLayer] = []
    stages: list[PlacedStage] = []
    acc_base = state_base = 0
    for i, q in enumerate(qnet.layers):
        above = qnet.layers[i + 1] if i + 1 < len(qnet.layers) else None
        spaces: dict[str, Space] = {}
        for space in dict.fromkeys(stage.space for stage in q.cell.stages):
            named = classes.get(f"{space}_l{i}")
            slot, lane, rot = _deal(q, space, above, block, c, named)
            slots = -(-len(slot) // c.lanes)
            spaces[space] = Space(q.cell.memory(space), slots, slot, lane, rot, state_base)
            state_base += slots * len(spaces[space].memory)
        read = {v for d in q.cell.drains for v in d.inputs}
        read |= {str(q.output.vector)} if above is not None else set()
        vectors = {}
        for v, state in q.cell.vectors.items():
            if v in read:
                home = spaces[q.cell.spaces[v]]
                vectors[v] = Vector(
                    home.column(c),
                    home.slot,
                    c.bus_place(home.lane) // c.L,
                    c.slot_words,
                    event(),
                    state is not None,
                )
        layers.append(PlacedLayer(q, spaces, vectors))
        for nodes in q.cell.stages:
            # Whole drain words: 3 drains take 4 rows if two are drained in a cycle.
            rows = -(-len(nodes.drains) // c.drain_rows) * c.drain_rows
            stages.append(PlacedStage(len(stages), i, nodes, acc_base, None, rows))
            acc_base += spaces[nodes.space].slots * rows
    # Who has passed a wait for a vector of an iteration knows that all stages up to the one that
    # writes it were drained: only those behind, above all the last one, have to say so.
    known = -1
    for s in stages:
        q = qnet.layers[s.layer]
        for e in s.nodes.elems:
            leaves = q.output.vector == e.vector and s.layer + 1 < len(layers)
            within = q.cell.vectors.get(e.vector or "", "") is None
            if e.vector in layers[s.layer].vectors and (leaves or within):
                known = s.index
    for s in stages[known + 1 :]:
        s.drained = event(drained=True)
    for s in stages:
        layer = layers[s.layer]
        slots = layer.spaces[s.nodes.space].slots
        pace = max(s.count // c.drain_rows, len(s.nodes.elems), c.sub_slots)
        early = slots - -(-TAIL // pace)
        for e in s.nodes.elems:
            within = layer.q.cell.vectors.get(e.vector or "", "") is None
            # Rows are marked in the late part alone: their drain must have fewer slots.
            readers = [
                n for n in layer.q.cell.stages if any(e.vector in d.inputs for d in n.drains)
            ]
            fewer = all(2 * layer.spaces[n.space].slots <= slots for n in readers)
            if within and readers and fewer and 4 * early > slots:
                with contextlib.suppress(CompileError):  # no event is left
                    layer.vectors[str(e.vector)].early = (early, event())

    over("accumulators (one for each row of a ring)", acc_base, c.acc_depth, c)
    over("the bias buffer", acc_base, c.bias_depth, c)
    over(f"the state memory ({streams} streams)", state_base * streams, c.state_depth, c)
    _place_neurons(x, layers, c, streams)
    return x, layers, stages


def _place_neurons(x: Vector, layers: list[PlacedLayer], c: Config, streams: int) -> None:
    """Neuron addresses. Double-buffered vectors lie at the same place of both halves of the buffer
    (the top address bit is the frame's parity), the others anywhere behind them. Streams divide
    each half.

    The input is double-buffered. Vectors read only in the frame of their writing are not:
    their writer waits for marks behind all their readers. Others are if both copies fit;
    if not, those of layers above the first are single-buffered as well, from the last layer
    down: such layers multiply their old state before anything of the new one can be written.
    """
    half = c.neuron_depth // 2
    have = half >> (streams - 1).bit_length()
    vectors = [x, *(v for layer in layers for v in layer.vectors.values())]

    def size(v: Vector) -> int:
        return v.size * (int(v.slot.max()) + 1) * (2 if v.pp else 1)

    for layer in reversed(layers[1:]):
        first = {v for d in layer.q.cell.stages[0].drains for v in d.inputs}
        for v in reversed(layer.vectors.values()):
            if sum(map(size, vectors)) > 2 * have and "x" in first:
                v.pp = False
    used = [0, 0]
    for v in sorted(vectors, key=lambda v: not v.pp):
        v.place = np.empty(v.slot.max() + 1, np.int64)
        for s in range(len(v.place)):
            at = 0 if v.pp or used[0] + v.size <= have else 1
            v.place[s] = at * half + used[at]
            for side in (0, 1) if v.pp else (at,):
                used[side] += v.size
    over(f"half of the neuron buffer ({streams} streams)", max(used), have, c)
