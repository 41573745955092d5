# SPDX-License-Identifier: Apache-2.0
"""Compiler: a quantised network to a :class:`csb_rnn.program.program.Program`.

1. place: deal the units of every layer to slots and lanes, give every buffer its addresses
2. products: order them: a product with the newest state comes as late as it can
3. engine: balance each product over the PE rows of a ring, write the PEGroup programs
4. data path: drain and element programs
"""

from __future__ import annotations

import numpy as np

from csb_rnn.compiler import datapath, pegroup_programs, tiles
from csb_rnn.compiler.datapath import StagePlan
from csb_rnn.compiler.placement import PlacedLayer, PlacedStage, over, place
from csb_rnn.compiler.products import products_in_order
from csb_rnn.machine import isa
from csb_rnn.machine.config import Config
from csb_rnn.machine.sharing_modes import PAPER_MODES
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.program.program import CompileError, Program, StateSlot

COMPILERS = ("default", "reference")


def _plan(layers: list[PlacedLayer], s: PlacedStage, c: Config) -> StagePlan:
    """The data path programs' view of a stage."""
    layer = layers[s.layer]
    cell, space = layer.q.cell, layer.spaces[s.nodes.space]
    first = s.nodes == next(n for n in cell.stages if n.space == s.nodes.space)
    return StagePlan(
        name=cell.name,
        stage=s.nodes,
        slots=space.slots,
        acc_base=s.acc_base,
        shifts=tuple(layer.q.drains[d.name].shift for d in s.nodes.drains),
        state={name: space.state(name) for name in space.memory},
        fine=frozenset(n for n in space.memory if n[:6] == "const:" or n[6:] in layer.q.fine),
        restore={
            name: next((v for v, kept in cell.vectors.items() if kept == name[6:]), None)
            for name in space.memory
            if first and name[:6] == "state:"
        },
        neuron_base={n: v.place.tolist() for n, v in layer.vectors.items()},
        neuron_pp={n: v.pp for n, v in layer.vectors.items()},
        neuron_shift={n: layer.q.neu_shift(cell.writer(n)) for n in cell.vectors},
        rot=space.rot.tolist(),
        rows=s.count,
        slot_words=c.slot_words,
        out_base=0 if layer is layers[-1] else None,
        written={n: v.event for n, v in layer.vectors.items()},
        early={n: v.early for n, v in layer.vectors.items() if v.early is not None},
        drained=s.drained,
    )


def fullness(qnet: QNetwork, c: Config, block: int = 32) -> float:
    """Share of used weight slots in all words, where PE rows share neurons.

    Words of a kernel with unequal numbers of rows of the classes have zeros, whatever
    sharing does. Example: at 0.5 products take twice as long as on full words. 1 without weights.

    Raises:
        CompileError: it does not fit the configuration.
    """
    x, layers, stages = place(qnet, c, 1, block)
    return tiles.fullness(products_in_order(x, layers, stages, c, block), c)


def compile_network(
    qnet: QNetwork,
    c: Config,
    streams: int = 1,
    sharing: str | None = None,
    block: int = 32,
    compiler: str = "default",
) -> Program:
    """Compile a quantised network.

    Args:
        qnet: the network; its widths are those of ``c``.
        c: the configuration.
        streams: independent streams, taking turns, 1 to 8.
        sharing: one of :data:`csb_rnn.machine.sharing_modes.SHARING`; None for
            all built into ``c``.
        block: units in a row with similar columns: the block of the pruning.
        compiler: one of :data:`COMPILERS`: ``default`` balances whole products, ``reference`` makes
            the paper's search, block iteration by block iteration. Both give the same numbers.

    Raises:
        CompileError: it does not fit the configuration; the message names the buffer.
    """
    if compiler not in COMPILERS:
        raise CompileError(f"unknown compiler '{compiler}': known are {', '.join(COMPILERS)}")
    if compiler == "reference" and c.shared_cols > 1:
        raise CompileError(
            f"compiler 'reference' balances PE rows, configuration {c.name} has shared_cols "
            f"{c.shared_cols}: use the default compiler"
        )
    mode = c.choose_sharing(sharing)
    if compiler == "reference" and mode not in PAPER_MODES:
        raise CompileError(
            f"compiler 'reference' knows sharing {', '.join(PAPER_MODES)}, not {mode}: use the "
            "default compiler"
        )
    if not 1 <= streams <= 8:
        raise CompileError(f"{streams} streams: 1 to 8 are possible")
    x, layers, stages = place(qnet, c, streams, block)
    slots = [layers[s.layer].spaces[s.nodes.space].slots for s in stages]
    acc_rows = sum(n * s.count for n, s in zip(slots, stages, strict=True))
    acc_pp = acc_rows <= c.acc_half
    products = products_in_order(x, layers, stages, c, block)
    groups, bound = pegroup_programs.build(
        products,
        slots,
        [s.drained for s in stages],
        acc_rows,
        acc_pp,
        c,
        mode,
        max(1, block // c.P) if compiler == "reference" else None,
    )

    plans = [_plan(layers, s, c) for s in stages]
    drain, in_flight = datapath.drain_program(plans, acc_pp, c)
    elem, loop = datapath.element_program(plans, c, streams)
    over("the drain program", len(drain), c.drain_depth, c)
    over("the element program", len(elem), c.elem_depth, c)
    last = layers[-1]
    home = last.spaces[last.q.cell.output.space]
    over("the output buffer", home.slots * c.slot_words, c.out_depth, c)
    over("the output table", -(-last.q.outputs // c.values_per_beat), c.out_depth, c)

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
                    frac = layer.q.state_frac(short, c.state_frac)
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
    events |= {s.drained: f"stage {s.index} drained" for s in stages if s.drained is not None}
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
        out_word=home.slot * c.slot_words + c.bus_place(home.lane) // c.L,
        out_column=home.column(c),
        states=states,
        state_stride=per_stream,
        constants=constants,
        kept_weights=qnet.kept_weights,
        x_frac=qnet.x_frac,
        out_frac=qnet.out_frac,
        x_gain=qnet.x_gain,
        bound_words=bound,
        events=events,
    )
