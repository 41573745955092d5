# SPDX-License-Identifier: Apache-2.0
"""Compiled programs, interpreted word by word in random order, equal the fixed model: every cell,
and random graphs. The fixed model in turn is near the equations in float."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from csb_rnn import compiler
from csb_rnn.cells import CELLS
from csb_rnn.cells.graph import Cell, Drain, Elem, GraphError
from csb_rnn.execution import timing
from csb_rnn.execution.interpreter import Interpreter, StuckError
from csb_rnn.machine import config
from csb_rnn.models import fixed_model, float_model, quantise
from csb_rnn.program.program import CompileError
from csb_rnn.verify import random_layers
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import SHALLOW

MIXED = ("lstm+gru_before", "sru+ligru+rnn", "linear_relu+lstmp+linear", "lstmp+peephole")


def check(
    case: LayerCase,
    c: config.Config,
    streams: int,
    seed: int,
    frames: int = 4,
    by: str = "default",
    block: int = 32,
) -> None:
    q = quantise.quantise(case.network(), c)
    p = compiler.compile_network(q, c, streams, block=block, compiler=by)
    x = q.quantise_inputs(case.frames(frames, streams))
    want, state = fixed_model.FixedModel(q, c).run(x)
    machine = Interpreter(p, np.swapaxes(x, 0, 1).reshape(-1, q.inputs), None, seed)
    got = machine.run()
    assert np.array_equal(got, np.swapaxes(want, 0, 1).reshape(got.shape)), case
    assert all(np.array_equal(v, machine.final()[k]) for k, v in state.items())
    timing.predict(p, 3)  # it ends


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("cell", [*CELLS, *MIXED])
def test_every_cell(cell, streams, seed):
    layers = cell.count("+") + 1 + ("+" not in cell)
    case = LayerCase(seed=12, cell=cell, inputs=5, hidden=9, layers=layers, density=0.5)
    check(case, config.load("tiny"), streams, seed)


@pytest.mark.parametrize("sharing", [(0, 0), (1, 0), (0, 1), (1, 1)], ids=str)
@pytest.mark.parametrize("cell", ["lstm", "gru_before", "lstmp"])
def test_reference_compiler(cell, sharing, seed):
    """Its programs give the same numbers, in every sharing mode and with sets of every size."""
    share_h, share_v = sharing
    c = config.load("odd", share_h=share_h, share_v=share_v, drain_banks=1 + share_v)
    for block in (4, 16, 64):
        case = LayerCase(seed + block, cell, 11, 40, layers=2, density=0.3, block=block)
        check(case, c, 2, seed, by="reference", block=block)


@pytest.mark.parametrize("cell", ["lstm", "gru_before", "lstmp", "lstmp+gru_before", "ligru"])
def test_single_buffered_vectors(cell, seed):
    """Neuron buffers too small for two of everything: layers above the first have one."""
    found = 0
    for depth, hidden in itertools.product((64, 128), range(8, 60, 6)):
        case = LayerCase(seed=13, cell=cell, inputs=5, hidden=hidden, layers=3, density=0.3)
        c = config.load("tiny", neuron_depth=depth)
        try:
            p = compiler.compile_network(quantise.quantise(case.network(), c), c)
        except CompileError:
            continue
        if not all(w["neu_pp"] for w in p.elem[: p.elem_loop] if w.get("neu_we")):
            found += 1
            check(case, c, 1, seed + hidden)
    assert found


@pytest.mark.parametrize("layers", [1, 3])
def test_a_vector_in_two_parts(layers, seed):
    """A projection begins with the hidden units that are written early."""
    case = LayerCase(seed=14, cell="lstmp", inputs=5, hidden=64, layers=layers, density=0.3)
    c = config.load("tiny")
    p = compiler.compile_network(quantise.quantise(case.network(), c), c)
    assert sum("written to slot" in name for name in p.events.values()) == layers
    check(case, c, 1, seed)


def test_what_nobody_waits_for_is_seen(seed):
    """Without its waits a program is wrong; with a wait that never comes it stops."""
    c = config.load("tiny", **SHALLOW)
    case = LayerCase(seed=12, cell="gru_before", inputs=5, hidden=9, density=0.9)
    q = quantise.quantise(case.network(), c)
    x = q.quantise_inputs(case.frames(8))
    want, _ = fixed_model.FixedModel(q, c).run(x)

    def program(change):
        p = compiler.compile_network(q, c)
        for g in p.groups:
            change(g.ctl)
        return p

    def free(ctl):
        ctl["w0_en"][1:] = 0

    def never(ctl):
        ctl["w0_evt"][0] = 15

    wrong = [Interpreter(program(free), x, None, seed + n).run() for n in range(5)]
    assert any(not np.array_equal(y, want) for y in wrong)
    with pytest.raises(StuckError):
        Interpreter(program(never), x, None, seed).run()


@st.composite
def cells(draw) -> Cell:
    """A random cell: two states, up to four drains, a vector of the frame in half of them."""
    acts = st.sampled_from(["identity", "sigmoid", "tanh", "relu"])
    bounded = st.sampled_from(["sigmoid", "tanh"])
    nodes: list = []
    narrow: list[str] = ["one"]  # legal names of m0 and m1
    wide = ["one", "state:h", "state:c", "const:k"]

    def drain(i: int, inputs: list[str]) -> None:
        names = draw(st.lists(st.sampled_from(inputs), min_size=1, unique=True))
        nodes.append(Drain(f"d{i}", f"g{i}", tuple(names), draw(bounded)))
        narrow.append(f"d{i}")
        wide.append(f"d{i}")

    def elem(name: str, **fields) -> None:
        ops = [
            draw(st.sampled_from(options)) for options in (narrow, wide, [*narrow, "zero"], wide)
        ]
        if len({op for op in (ops[1], ops[3]) if ":" in op}) > 1:
            ops[3] = "one"
        nodes.append(Elem(name, *ops, draw(st.booleans()), draw(acts), **fields))
        narrow.append(name)
        wide.append(name)

    first = draw(st.integers(1, 3))
    for i in range(first):
        drain(i, ["x", "h"])
    for i in range(draw(st.integers(0, 2))):
        elem(f"e{i}")
    inner = draw(st.booleans())
    if inner:
        elem("v", vector="v")
        old = {"d0"} if draw(st.booleans()) else set()  # else values must be carried
        drain(first, ["x", "h", "v"])
        drain(first + 1, ["v"])
        keep = {*old, f"d{first}", f"d{first + 1}"}
        narrow[:] = ["one", *(n for n in narrow if n in keep)]
        wide[:] = [w for w in wide if ":" in w or w in ("one", *keep)]
    for i in range(draw(st.integers(0, 2))):
        elem(f"f{i}")
    elem("c", state="c")
    elem("h", state="h", vector="h", output=True)
    # Unused nodes go.
    while True:
        named = {op for n in nodes if isinstance(n, Elem) for op in n.operands}
        left = [n for n in nodes if n.name in named
                or (isinstance(n, Elem) and (n.state or n.vector))]  # fmt: skip
        if len(left) == len(nodes):
            break
        nodes = left
    read = {i for n in nodes if isinstance(n, Drain) for i in n.inputs}
    if inner and "v" not in read:
        assume(False)
    used = {op for n in nodes if isinstance(n, Elem) for op in n.operands}
    vectors = {"h": "h"} | ({"v": None} if inner else {})
    gates = tuple(n.gate for n in nodes if isinstance(n, Drain))
    constants = ("k",) if "const:k" in used else ()
    return Cell("random", gates, ("h", "c"), vectors, tuple(nodes), constants)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cell=cells(), layers=st.integers(1, 2), streams=st.sampled_from([1, 2]),
       hidden=st.integers(1, 9), seed=st.integers(0, 2**20))  # fmt: skip
def test_random_graphs(cell, layers, streams, hidden, seed):
    try:
        cell.check()
    except GraphError:
        assume(False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(random_layers.CELLS, "random", cell)
        case = LayerCase(seed, "random", 3, hidden, layers, density=0.6, pattern="scattered")
        check(case, config.load("tiny"), streams, seed)
        # The fixed model is near the equations, as long as nothing saturates or runs away.
        c = config.load("tiny")
        net, x = case.network(), case.frames(3)
        if max(float_model.peaks(net, x).values()) < 2:
            q = quantise.quantise(net, c, x)
            y, _ = fixed_model.FixedModel(q, c).run(q.quantise_inputs(x))
            assert np.abs(q.output_float(y) - float_model.run(net, x)[0]).max() < 2.0**-6


def test_the_strategy_makes_all_kinds():
    """Some random graphs have two stages; most are cells that can run."""
    found: list[int] = []

    @settings(max_examples=100, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(cells())
    def collect(cell: Cell) -> None:
        try:
            found.append(len(dataclasses.replace(cell).check().stages))
        except GraphError:
            found.append(0)

    collect()
    assert found.count(1) > 20
    assert found.count(2) > 10
