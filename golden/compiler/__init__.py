"""Compiler: a quantised network to a :class:`golden.program.Program`.

1. place: deal the units of every layer to slots and lanes, give every buffer its addresses
2. products: order them so that what needs the newest state comes as late as it can
3. engine: balance each product over the lanes, write the PEGroup programs
4. data path: drain and element programs
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools

import numpy as np

from golden import isa
from golden.compiler import datapath, engine
from golden.compiler.datapath import LayerPlan
from golden.compiler.deal import deal
from golden.compiler.engine import Product
from golden.config import Config
from golden.graph import Stage
from golden.program import CompileError, Program, StateSlot
from golden.quantise import QLayer, QNetwork

TAIL = 44  # cycles from a slot's mark to its neurons, about


REACH = 1  # engine columns that the neurons of a block are spread over


@dataclasses.dataclass
class _Vector:
    """Neurons: where value j of a vector is, and who counts that it is written."""

    column: np.ndarray
    slot: np.ndarray  # values of one slot are written together
    sub: np.ndarray  # address within the slot
    size: int  # addresses of a slot
    event: int
    pp: bool = True  # double-buffered by frame parity
    early: tuple[int, int] | None = None  # slots before this one have an event of their own
    chosen: np.ndarray | None = None  # values that a product takes; all if None
    place: np.ndarray | None = None  # first address of each slot

    @property
    def address(self) -> np.ndarray:
        """Neuron address of every value."""
        return self.place[self.slot] + self.sub


@dataclasses.dataclass
class _Space:
    """Units of a layer that share slots and lanes, and their state memory."""

    memory: tuple[str, ...]  # states and constants, in the order of their addresses
    slots: int
    slot: np.ndarray
    lane: np.ndarray
    rot: np.ndarray  # engine column of lane 0 in every slot
    state_base: int

    def column(self, c: Config) -> np.ndarray:
        """Engine column where the neuron of each unit is stored."""
        return (self.lane + self.rot[self.slot]) % c.L

    def state(self, name: str) -> int:
        """State address of ``state:...`` or ``const:...`` in slot 0."""
        return self.state_base + self.memory.index(name)


@dataclasses.dataclass
class _Layer:
    """A placed layer."""

    q: QLayer
    spaces: dict[str, _Space]
    vectors: dict[str, _Vector]

    @property
    def output(self) -> _Vector:
        return self.vectors[str(self.q.output.vector)]


@dataclasses.dataclass
class _Stage:
    """A stage of a layer: what is drained together."""

    index: int  # of all stages, in program order
    layer: int
    nodes: Stage
    acc_base: int
    drained: int | None  # event; None if nobody waits for it

    @property
    def count(self) -> int:
        """Accumulator rows of a unit."""
        return len(self.nodes.drains)


def _over(what: str, need: int, have: int, c: Config) -> None:
    if need > have:
        raise CompileError(
            f"{what} needs {need} words, configuration {c.name} has {have}: {need - have} too many"
        )


def _deal(
    q: QLayer, space: str, above: QLayer | None, block: int, c: Config
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slot and lane of every unit of a space, and the rotation of every slot; ``above`` is the
    layer that reads the output."""
    mine = {n for n in q.cell.vectors if q.cell.spaces[n] == space}
    users = [w for (_, v), w in q.weights.items() if v in mine]
    if above is not None and q.output.vector in mine:
        users += [w for (_, v), w in above.weights.items() if v == "x"]
    by_input: dict[str, list[np.ndarray]] = {}
    for (gate, v), w in q.weights.items():
        if q.cell.spaces[gate] == space:
            by_input.setdefault(v, []).append((w != 0).sum(axis=1))
    rows = np.stack([np.sum(ws, axis=0) for ws in by_input.values()], axis=1)
    cols = np.sum([(w != 0).sum(axis=0) for w in users] or [0 * rows[:, 0]], axis=0)[:, None]
    return deal(rows, cols, c, block, REACH)


def place(
    qnet: QNetwork, c: Config, streams: int, block: int = 32
) -> tuple[_Vector, list[_Layer], list[_Stage]]:
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
    stages: list[_Stage] = []
    acc_base = state_base = 0
    for i, q in enumerate(qnet.layers):
        above = qnet.layers[i + 1] if i + 1 < len(qnet.layers) else None
        spaces: dict[str, _Space] = {}
        for space in dict.fromkeys(stage.space for stage in q.cell.stages):
            slot, lane, rot = _deal(q, space, above, block, c)
            slots = -(-len(slot) // c.lanes)
            spaces[space] = _Space(q.cell.memory(space), slots, slot, lane, rot, state_base)
            state_base += slots * len(spaces[space].memory)
        read = {v for d in q.cell.drains for v in d.inputs}
        read |= {q.output.vector} if above is not None else set()
        vectors = {}
        for v, state in q.cell.vectors.items():
            if v in read:
                s = spaces[q.cell.spaces[v]]
                vectors[v] = _Vector(
                    s.column(c), s.slot, s.lane // c.L, c.sub_slots, event(), state is not None
                )
        layers.append(_Layer(q, spaces, vectors))
        for nodes in q.cell.stages:
            stages.append(_Stage(len(stages), i, nodes, acc_base, None))
            acc_base += spaces[nodes.space].slots * len(nodes.drains)
    # Who has passed a wait for a vector of an iteration knows that all stages up to the one that
    # writes it were drained: only those behind, above all the last one, have to say so.
    known = -1
    for s in stages:
        q = qnet.layers[s.layer]
        for e in s.nodes.elems:
            above = q.output.vector == e.vector and s.layer + 1 < len(layers)
            within = q.cell.vectors.get(e.vector or "", "") is None
            if e.vector in layers[s.layer].vectors and (above or within):
                known = s.index
    for s in stages[known + 1 :]:
        s.drained = event()
    for s in stages:
        layer = layers[s.layer]
        slots = layer.spaces[s.nodes.space].slots
        pace = max(len(s.nodes.drains), len(s.nodes.elems), c.sub_slots)
        early = slots - -(-TAIL // pace)
        for e in s.nodes.elems:
            within = layer.q.cell.vectors.get(e.vector or "", "") is None
            # Rows are marked in the late part alone: what drains them must have fewer slots.
            readers = [
                n for n in layer.q.cell.stages if any(e.vector in d.inputs for d in n.drains)
            ]
            fewer = all(2 * layer.spaces[n.space].slots <= slots for n in readers)
            if within and readers and fewer and 4 * early > slots:
                with contextlib.suppress(CompileError):  # no event is left
                    layer.vectors[str(e.vector)].early = (early, event())

    _over("accumulators (one for each row of a ring)", acc_base, c.acc_depth, c)
    _over("the bias buffer", acc_base, c.bias_depth, c)
    _over(f"the state memory ({streams} streams)", state_base * streams, c.state_depth, c)
    _place_neurons(x, layers, c, streams)
    return x, layers, stages


def _place_neurons(x: _Vector, layers: list[_Layer], c: Config, streams: int) -> None:
    """Neuron addresses. Double-buffered vectors lie at the same place of both halves of the buffer
    (the top address bit is the frame's parity), the others anywhere behind them. Streams divide
    each half.

    The input is double-buffered. Vectors that are read only in the frame that writes them are not:
    what writes them waits for marks that come behind all their readers. Others are if that fits;
    if not, those of layers above the first are single-buffered as well, from the last layer
    down: such layers multiply their old state before anything of the new one can be written.
    """
    half = c.neuron_depth // 2
    have = half >> (streams - 1).bit_length()
    vectors = [x, *(v for layer in layers for v in layer.vectors.values())]

    def size(v: _Vector) -> int:
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
    _over(f"half of the neuron buffer ({streams} streams)", max(used), have, c)


def _product(
    layers: list[_Layer], stage: _Stage, name: str, source: _Vector, needs: int | None, c: Config
) -> Product:
    """Product of a stage with its input ``name``, rows in slot order; ``needs``: the stage of this
    iteration that writes the vector."""
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

    row, col, weight = [], [], []
    for g in gates:
        w = q.weights[drains[g].gate, name]
        r, k = np.nonzero(w if source.chosen is None else w * source.chosen)
        row.append(index[g, r])
        col.append(k)
        weight.append(w[r, k])
    k = np.concatenate(col)
    step = space.slot[unit] * count + gate
    recurrent = q.cell.vectors.get(name) is not None
    return Product(
        layer=stage.index,
        name=name,
        row=np.concatenate(row),
        column=source.column[k],
        addr=source.address[k],
        weight=np.concatenate(weight),
        ring=space.lane[unit] // c.drain_banks,
        bank=space.lane[unit] % c.drain_banks,
        acc=stage.acc_base + step,
        slot=space.slot[unit],
        step=step,
        event=source.event,
        lag="stream" if recurrent else "this",
        pp=source.pp,
        prev=recurrent and source.pp,
        needs_layer=needs,
    )


def _parts(v: _Vector) -> list[_Vector]:
    """The neurons that are written early, and the others, which come out of the data path while
    those are multiplied; one part if the vector has one event."""
    if v.early is None:
        return [v]
    slots, event = v.early
    early = v.slot < slots
    return [
        dataclasses.replace(v, event=event, chosen=early),
        dataclasses.replace(v, chosen=~early),
    ]


def _products(x: _Vector, layers: list[_Layer], stages: list[_Stage], c: Config) -> list[Product]:
    """All products of an iteration, in program order.

    The first layer multiplies the new input, then its state, which needs the longest to come
    round; every other layer multiplies its states first, while the layer below completes. What a
    later stage multiplies besides the vector of this frame comes before that one. The states of
    the layer above fill the two gaps of such a stage: before its vector and before its result.
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
                group.append(_product(layers, s, v, part, needs[kind], c))
                within[id(group[-1])] = kind == "within"
        for s in mine:
            own = [p for p in group if p.layer == s.index]
            own[0].first_of_layer = own[-1].last_of_layer = True
        groups.append(group)
    out: list[Product] = []
    for group, above in itertools.zip_longest(groups, groups[1:], fillvalue=()):
        left = [p for p in group if all(p is not q for q in out)]
        inner = next((n for n, p in enumerate(left) if within[id(p)]), len(left))
        out += left[:inner]
        if inner < len(left):
            # Two gaps to fill: until the vector of this frame is there, and until the output is.
            ready = len({p.event for p in left[inner:] if within[id(p)]}) > 1  # its early part
            last = max(n for n, p in enumerate(out) if p.layer == left[inner].needs_layer)
            between = sum(len(p.row) for p in out[last + 1 :]) / c.pes
            old = [p for p in above if p.lag == "stream"]
            while old and not ready and between < TAIL:
                between += len(old[0].row) / c.pes
                out.append(old.pop(0))
            out += left[inner:] + old
    for before, p in itertools.pairwise(out):
        p.barrier = before.lag == "stream" and not before.pp
    return out


def _plan(layers: list[_Layer], s: _Stage, c: Config) -> LayerPlan:
    """What the data path programs have to know of a stage."""
    layer = layers[s.layer]
    cell, space = layer.q.cell, layer.spaces[s.nodes.space]
    first = s.nodes == next(n for n in cell.stages if n.space == s.nodes.space)
    return LayerPlan(
        name=cell.name,
        stage=s.nodes,
        slots=space.slots,
        acc_base=s.acc_base,
        shifts=tuple(layer.q.drains[d.name].shift for d in s.nodes.drains),
        state={name: space.state(name) for name in space.memory},
        fine=frozenset(n for n in space.memory if n[:6] == "const:" or cell.fine(n[6:])),
        restore={
            name: next((v for v, kept in cell.vectors.items() if kept == name[6:]), None)
            for name in space.memory
            if first and name[:6] == "state:"
        },
        neuron_base={n: v.place.tolist() for n, v in layer.vectors.items()},
        neuron_pp={n: v.pp for n, v in layer.vectors.items()},
        neuron_shift={n: layer.q.neu_shift(cell.writer(n)) for n in cell.vectors},
        rot=space.rot.tolist(),
        sub_slots=c.sub_slots,
        out_base=0 if layer is layers[-1] else None,
        written={n: v.event for n, v in layer.vectors.items()},
        early={n: v.early for n, v in layer.vectors.items() if v.early is not None},
        drained=s.drained,
    )


def compile_network(
    qnet: QNetwork,
    c: Config,
    streams: int = 1,
    sharing: str | None = None,
    block: int = 32,
) -> Program:
    """Compile a quantised network.

    Args:
        qnet: the network; its widths are those of ``c``.
        c: the configuration.
        streams: independent streams that take turns, 1 to 8.
        sharing: one of :data:`golden.config.SHARING`; None for all that ``c`` has built in.
        block: units in a row that use similar columns: the block of the pruning.

    Raises:
        CompileError: it does not fit the configuration; the message names the buffer.
    """
    if not 1 <= streams <= 8:
        raise CompileError(f"{streams} streams: 1 to 8 are possible")
    x, layers, stages = place(qnet, c, streams, block)
    slots = [layers[s.layer].spaces[s.nodes.space].slots for s in stages]
    acc_rows = sum(n * s.count for n, s in zip(slots, stages, strict=True))
    acc_pp = acc_rows <= c.acc_depth // 2
    products = _products(x, layers, stages, c)
    groups, bound = engine.build(
        products,
        slots,
        [s.drained for s in stages],
        acc_rows,
        acc_pp,
        c,
        c.choose_sharing(sharing),
    )

    plans = [_plan(layers, s, c) for s in stages]
    drain, in_flight = datapath.drain_program(plans, acc_pp)
    elem, loop = datapath.element_program(plans, c)
    _over("the drain program", len(drain), c.drain_depth, c)
    _over("the element program", len(elem), c.elem_depth, c)
    last = layers[-1]
    home = last.spaces[last.q.cell.output.space]
    _over("the output buffer", home.slots * c.sub_slots, c.out_depth, c)
    _over("the output table", -(-last.q.outputs // c.out_lanes), c.out_depth, c)

    bias = np.zeros((acc_rows, c.lanes), np.int64)
    for s in stages:
        layer = layers[s.layer]
        space = layer.spaces[s.nodes.space]
        for g, d in enumerate(s.nodes.drains):
            at = s.acc_base + space.slot * s.count + g
            bias[at, space.lane] = layer.q.drains[d.name].bias
    per_stream = sum(s.slots * len(s.memory) for layer in layers for s in layer.spaces.values())
    constants = np.zeros((per_stream * streams, c.lanes), np.int64)
    states, events = [], {isa.EVENT_X: "x loaded"}
    for i, layer in enumerate(layers):
        for space in layer.spaces.values():
            for name in space.memory:
                base, stride = space.state(name), len(space.memory)
                kind, short = name.split(":")
                if kind == "state":
                    fine = layer.q.cell.fine(short)
                    frac = isa.LANE_FRAC if fine else c.state_frac
                    key = f"{short}_l{i}"
                    states.append(StateSlot(key, base, stride, space.slot, space.lane, frac))
                else:
                    for n in range(streams):
                        at = base + n * per_stream + space.slot * stride
                        constants[at, space.lane] = layer.q.constants[short]
        events |= {v.event: f"{n}_l{i} written" for n, v in layer.vectors.items()}
        early = {n: v.early for n, v in layer.vectors.items() if v.early is not None}
        events |= {e: f"{n}_l{i} written to slot {slots - 1}" for n, (slots, e) in early.items()}
    order = {key: n for n, key in enumerate(qnet.state_keys())}
    states.sort(key=lambda s: order[s.key])
    events |= {s.drained: f"layer {s.layer} drained" for s in stages if s.drained is not None}
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
        out_word=home.slot * c.sub_slots + home.lane // c.L,
        out_column=home.column(c),
        states=states,
        state_stride=per_stream,
        constants=constants,
        kept_weights=qnet.kept_weights,
        x_frac=qnet.x_frac,
        out_frac=qnet.out_frac,
        bound_words=bound,
        events=events,
    )
