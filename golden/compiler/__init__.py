"""Compiler: a quantised network to a :class:`golden.program.Program`.

1. place: deal the units of every layer to slots and lanes, give every buffer its addresses
2. products: order them so that what needs the newest state comes as late as it can
3. engine: balance each product over the lanes, write the PEGroup programs
4. data path: drain and element programs
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from golden import isa
from golden.compiler import datapath, engine
from golden.compiler.datapath import LayerPlan
from golden.compiler.deal import deal
from golden.compiler.engine import Product
from golden.config import Config
from golden.program import CompileError, Program, StateSlot
from golden.quantise import QLayer, QNetwork


@dataclasses.dataclass
class _Vector:
    """Neurons: where value j of a vector is, and who counts that it is written."""

    column: np.ndarray
    slot: np.ndarray  # values of one slot are written together
    sub: np.ndarray  # address within the slot
    size: int  # addresses of a slot
    event: int
    pp: bool = True  # double-buffered by frame parity
    place: np.ndarray | None = None  # first address of each slot

    @property
    def address(self) -> np.ndarray:
        """Neuron address of every value."""
        return self.place[self.slot] + self.sub


@dataclasses.dataclass
class _Layer:
    """A placed layer."""

    q: QLayer
    slots: int
    slot: np.ndarray
    lane: np.ndarray
    acc_base: int
    state_base: int
    vectors: dict[str, _Vector]
    drained: int


def _over(what: str, need: int, have: int, c: Config) -> None:
    if need > have:
        raise CompileError(
            f"{what} needs {need} words, configuration {c.name} has {have}: {need - have} too many"
        )


def place(qnet: QNetwork, c: Config, streams: int) -> tuple[_Vector, list[_Layer]]:
    """Deal all layers and give addresses and events to what they own."""
    events = iter(range(1, isa.EVENTS))

    def event() -> int:
        try:
            return next(events)
        except StopIteration:
            raise CompileError(f"more than {isa.EVENTS - 1} events: too many layers") from None

    j = np.arange(qnet.inputs)
    x = _Vector(j % c.L, 0 * j, j // c.L, -(-qnet.inputs // c.L), isa.EVENT_X)
    layers: list[_Layer] = []
    acc_base = state_base = 0
    for i, q in enumerate(qnet.layers):
        users = [w for (_, v), w in q.weights.items() if v in q.cell.vectors]
        if i + 1 < len(qnet.layers):
            users += [w for (_, v), w in qnet.layers[i + 1].weights.items() if v == "x"]
        by_input: dict[str, list[np.ndarray]] = {}
        for (_, v), w in q.weights.items():
            by_input.setdefault(v, []).append((w != 0).sum(axis=1))
        rows = np.stack([np.sum(ws, axis=0) for ws in by_input.values()], axis=1)
        cols = np.sum([(w != 0).sum(axis=0) for w in users], axis=0)[:, None]
        slot, lane = deal(rows, cols, c)
        slots = -(-q.hidden // c.lanes)
        vectors = {
            v: _Vector(lane % c.L, slot, lane // c.L, c.sub_slots, event()) for v in q.cell.vectors
        }
        layers.append(_Layer(q, slots, slot, lane, acc_base, state_base, vectors, event()))
        acc_base += slots * len(q.cell.drains)
        state_base += slots * len(q.cell.states)

    _over("accumulators (one for each row of a ring)", acc_base, c.acc_depth, c)
    _over("the bias buffer", acc_base, c.bias_depth, c)
    _over(f"the state memory ({streams} streams)", state_base * streams, c.state_depth, c)
    _place_neurons([x, *(v for layer in layers for v in layer.vectors.values())], c, streams)
    return x, layers


def _place_neurons(vectors: list[_Vector], c: Config, streams: int) -> None:
    """Neuron addresses. Double-buffered vectors lie at the same place of both halves of the buffer
    (the top address bit is the frame's parity), the others anywhere behind them. Streams divide
    each half.

    Everything is double-buffered if that fits. If not, the vectors of layers above the first are
    not: those layers multiply their old state before anything of the new one can be written.
    """
    half = c.neuron_depth // 2
    have = half >> (streams - 1).bit_length()
    for single in range(len(vectors) - 1):
        both = sum(v.size * (v.slot.max() + 1) for v in vectors[: len(vectors) - single])
        rest = sum(v.size * (v.slot.max() + 1) for v in vectors[len(vectors) - single :])
        if both * 2 + rest <= 2 * have:
            break
    for v in vectors[len(vectors) - single :]:
        v.pp = False
    used = [0, 0]
    for v in vectors:
        v.place = np.empty(v.slot.max() + 1, np.int64)
        for s in range(len(v.place)):
            at = 0 if v.pp or used[0] + v.size <= have else 1
            v.place[s] = at * half + used[at]
            for side in (0, 1) if v.pp else (at,):
                used[side] += v.size
    _over(f"half of the neuron buffer ({streams} streams)", max(used), have, c)


def _product(layers: list[_Layer], i: int, name: str, source: _Vector, c: Config) -> Product:
    """Product of layer ``i`` with its input ``name``, rows in slot order."""
    layer = layers[i]
    cell = layer.q.cell
    gates = [g for g, d in enumerate(cell.drains) if name in d.inputs]
    hidden, count = layer.q.hidden, len(cell.drains)
    unit = np.tile(np.arange(hidden), len(gates))
    gate = np.repeat(gates, hidden)
    order = np.lexsort((layer.lane[unit], gate, layer.slot[unit]))
    unit, gate = unit[order], gate[order]
    index = np.empty((count, hidden), np.int64)
    index[gate, unit] = np.arange(len(unit))

    row, col, weight = [], [], []
    for g in gates:
        w = layer.q.weights[cell.drains[g].gate, name]
        r, k = np.nonzero(w)
        row.append(index[g, r])
        col.append(k)
        weight.append(w[r, k])
    k = np.concatenate(col)
    step = layer.slot[unit] * count + gate
    recurrent = name in cell.vectors
    return Product(
        layer=i,
        name=name,
        row=np.concatenate(row),
        column=source.column[k],
        addr=source.address[k],
        weight=np.concatenate(weight),
        ring=layer.lane[unit] // c.drain_banks,
        bank=layer.lane[unit] % c.drain_banks,
        acc=layer.acc_base + step,
        slot=layer.slot[unit],
        step=step,
        event=source.event,
        lag="stream" if recurrent else "this",
        pp=source.pp,
        prev=recurrent and source.pp,
        needs_layer=None if recurrent or i == 0 else i - 1,
    )


def _products(x: _Vector, layers: list[_Layer], c: Config) -> list[Product]:
    """All products of an iteration, in program order.

    The first layer multiplies the new input, then its state, which needs the longest to come
    round; every other layer multiplies its state first, while the layer below completes.
    """
    out = []
    for i, layer in enumerate(layers):
        below = x if i == 0 else layers[i - 1].vectors["h"]
        names = sorted({v for d in layer.q.cell.drains for v in d.inputs}, key=lambda v: v != "x")
        if i:
            names.reverse()
        group = [_product(layers, i, v, below if v == "x" else layer.vectors[v], c) for v in names]
        group[0].first_of_layer = True
        group[-1].last_of_layer = True
        for before, p in itertools.pairwise(group):
            p.barrier = before.name in layer.vectors and not layer.vectors[before.name].pp
        out += group
    return out


def compile_network(
    qnet: QNetwork, c: Config, streams: int = 1, horizontal: bool = True
) -> Program:
    """Compile a quantised network.

    Args:
        qnet: the network; its widths are those of ``c``.
        c: the configuration.
        streams: independent streams that take turns, 1 to 8.
        horizontal: use horizontal sharing if the configuration has it.

    Raises:
        CompileError: it does not fit the configuration; the message names the buffer.
    """
    if not 1 <= streams <= 8:
        raise CompileError(f"{streams} streams: 1 to 8 are possible")
    x, layers = place(qnet, c, streams)
    acc_rows = sum(layer.slots * len(layer.q.cell.drains) for layer in layers)
    acc_pp = acc_rows <= c.acc_depth // 2
    products = _products(x, layers, c)
    groups, bound = engine.build(
        products,
        [layer.slots for layer in layers],
        [layer.drained for layer in layers],
        acc_rows,
        acc_pp,
        c,
        horizontal,
    )

    plans = [
        LayerPlan(
            cell=layer.q.cell,
            slots=layer.slots,
            acc_base=layer.acc_base,
            shifts=tuple(layer.q.drains[d.name].shift for d in layer.q.cell.drains),
            state_base=layer.state_base,
            neuron_base={n: v.place.tolist() for n, v in layer.vectors.items()},
            neuron_pp={n: v.pp for n, v in layer.vectors.items()},
            neuron_shift=layer.q.neu_shift(layer.q.output),
            sub_slots=c.sub_slots,
            out_base=0 if layer is layers[-1] else None,
            written={n: v.event for n, v in layer.vectors.items()},
            drained=layer.drained,
        )
        for layer in layers
    ]
    drain, in_flight = datapath.drain_program(plans, acc_pp)
    elem, loop = datapath.element_program(plans, c)
    _over("the drain program", len(drain), c.drain_depth, c)
    _over("the element program", len(elem), c.elem_depth, c)
    last = layers[-1]
    _over("the output buffer", last.slots * c.sub_slots, c.out_depth, c)
    _over("the output table", -(-last.q.hidden // c.out_lanes), c.out_depth, c)

    bias = np.zeros((acc_rows, c.lanes), np.int64)
    states = []
    for i, layer in enumerate(layers):
        count = len(layer.q.cell.drains)
        for g, d in enumerate(layer.q.cell.drains):
            bias[layer.acc_base + layer.slot * count + g, layer.lane] = layer.q.drains[d.name].bias
        for n, name in enumerate(layer.q.cell.states):
            frac = isa.LANE_FRAC if layer.q.cell.fine(name) else c.state_frac
            stride = len(layer.q.cell.states)
            states.append(
                StateSlot(
                    f"{name}_l{i}", layer.state_base + n, stride, layer.slot, layer.lane, frac
                )
            )
    stride = sum(layer.slots * len(layer.q.cell.states) for layer in layers)
    return Program(
        config=c,
        streams=streams,
        groups=groups,
        drain=drain,
        elem=elem,
        elem_loop=loop,
        reg_credits=in_flight,
        bias=bias,
        inputs=qnet.inputs,
        x_base=int(x.place[0]),
        out_word=last.slot * c.sub_slots + last.lane // c.L,
        out_column=last.lane % c.L,
        states=states,
        state_stride=stride,
        constants=np.zeros((stride * streams, c.lanes), np.int64),
        kept_weights=qnet.kept_weights,
        x_frac=qnet.x_frac,
        out_frac=qnet.out_frac,
        bound_words=bound,
    )
