# SPDX-License-Identifier: Apache-2.0
"""LSTM, GRU and RNN: a layer of one direction or both."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from csb_rnn.cells import gru, gru_before, lstm, peephole, rnn
from csb_rnn.cells.graph import Cell
from csb_rnn.network.network import Directions, Floats, GateInput, Layer, NetworkError
from csb_rnn.network.onnx.errors import HostOnly
from csb_rnn.network.onnx.rules.arranging import full_lengths
from csb_rnn.network.onnx.rules.registry import Call, rule
from csb_rnn.network.onnx.values import (
    Axis,
    Host,
    Repeated,
    Root,
    Stage,
    State,
    Value,
    View,
    axis,
    known,
    show,
    size,
    whole,
)

ACTS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu"}
ORDER = {"LSTM": "iofc", "GRU": "zrh", "RNN": "h"}  # of the gates in W, R and B
NAMES = {"LSTM": {"c": "g"}, "GRU": {"h": "n"}, "RNN": {}}  # ours, where they differ
STATES = {"LSTM": "hc", "GRU": "h", "RNN": "h"}
PEEPHOLES = ("p_i", "p_o", "p_f")
DEFAULT_ACTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
WAYS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}


def with_acts(cell: Cell, acts: dict[str, str]) -> Cell:
    """The cell with other activations of the named nodes."""
    changed = {n.name: acts.get(n.name, n.act) for n in cell.nodes}
    if all(changed[n.name] == n.act for n in cell.nodes):
        return cell
    nodes = tuple(dataclasses.replace(n, act=changed[n.name]) for n in cell.nodes)
    used = "_".join(dict.fromkeys(acts.values()))
    return dataclasses.replace(cell, name=f"{cell.name}_{used}", nodes=nodes).check()


def _array(call: Call, i: int, what: str, axes: int) -> Floats | None:
    """A parameter as float64; the checked number of axes."""
    try:
        a = call.constant(i, what)
    except HostOnly as why:
        raise call.refuse(str(why)) from None
    if a is None:
        return None
    if a.ndim != axes or (a.dtype.kind != "f" and a.dtype.name != "bfloat16"):
        raise call.refuse(f"{what} has type {a.dtype} and shape {list(a.shape)}, not {axes} axes")
    return np.asarray(a, np.float64)


@rule("LSTM", "GRU", "RNN", on="recurrent")
def recurrent(call: Call) -> list[Value | None]:
    """A layer: direction, layout, linear_before_reset, biases, peepholes, initial states,
    sequence_lens; the activations Sigmoid, Tanh and Relu; Y, Y_h and Y_c."""
    kind, attr = call.node.op_type, call.attr
    for name, plain in (("clip", None), ("input_forget", 0), ("activation_alpha", None),
                        ("activation_beta", None)):  # fmt: skip
        if attr.get(name, plain) not in (plain, []):
            raise call.refuse(f"attribute {name} = {attr[name]} is not supported")
    direction = attr.get("direction", "forward")
    if direction not in WAYS:
        raise call.refuse(f"direction '{direction}'; supported: {', '.join(WAYS)}")
    ways, layout = WAYS[direction], int(attr.get("layout", 0))
    if layout not in (0, 1):
        raise call.refuse(f"layout {layout}; supported: 0 and 1")
    layer = _layers(call, kind, ways)
    x = _frames(call, layout, next(iter(layer.values())).inputs["x"])
    frames, streams = x.root.roles["frames"], x.root.roles["streams"]
    lengths = _lengths(call, x)
    ways = [way != x.flipped for way in ways]
    layer = {way != x.flipped: made for way, made in layer.items()}
    hidden = next(iter(layer.values())).outputs
    both, units = axis(len(ways), "directions"), axis(hidden, "units")
    initial = {
        (state, way): s
        for at, state in zip((5, 6), STATES[kind], strict=False)
        for i, way in enumerate(ways)
        if (s := _start(call, at, state, i, hidden, streams, layout)) is not None
    }
    name = call.node.name or call.node.output[0]
    # A flipped bidirectional layer has the backward one first: pair() keeps ours in order.
    ordered = {way: layer[way] for way in sorted(layer)}
    if list(layer) != list(ordered):
        raise call.refuse("reads frames in reverse in both directions; supported: one direction")
    made = Stage(x.stage, ordered, (*both, *units), name, call.node.output[0], initial)
    made.lengths = lengths
    if lengths and any(s.values is not None and s.values.ndim == 2 for s in initial.values()):
        raise call.refuse("sequence_lens beside constant states that differ from sequence to "
                          "sequence; supported: one of them")  # fmt: skip
    y = (frames, both, streams, units) if layout == 0 else (streams, frames, both, units)
    end = (both, streams, units) if layout == 0 else (streams, both, units)
    return [
        View(made, "frames", y, x.turned),
        *(View(made, state, end) for state in STATES[kind]),
    ]


def _lengths(call: Call, x: View) -> str:
    """Tensor with the number of frames of each sequence; "" if every one has all frames.

    Raises:
        OnnxError: the engine cannot run them.
    """
    value = call.value(4)
    if full_lengths(value, size(x.root.roles["frames"])):
        return ""
    if x.flipped:
        raise call.refuse("sequence_lens of frames that run the other way round; supported: "
                          "direction reverse")  # fmt: skip
    if isinstance(value, Host) and value.after:
        raise call.refuse("sequence_lens are computed behind a layer")
    makes = {o: n for n in call.walk.nodes for o in n.output}
    name = call.node.input[4]
    while name in makes and makes[name].op_type in ("Cast", "Identity"):
        name = makes[name].input[0]  # exporters cast the same lengths once for each layer
    return name


def _frames(call: Call, layout: int, inputs: int) -> View:
    """Operand 0 as frames of the engine, in the roles of their axes.

    Raises:
        OnnxError: it cannot be.
    """
    name = call.node.input[0]
    reasons = []
    for fresh in (False, True):
        v = call.walk.read(name, 3, fresh)
        if v is None:
            continue
        why = _accept(v, layout, inputs)
        if why is None:
            return v
        reasons.append(why)
    value = call.value(0)
    if not reasons and isinstance(value, Host) and value.why:
        reasons.append(f"'{name}' is computed between layers by {value.why}")
    raise call.refuse(reasons[0] if reasons else f"its input '{name}' comes from the host "
                      "behind another layer; supported: layers in one chain")  # fmt: skip


def _accept(v: View, layout: int, inputs: int) -> str | None:
    """Tell the roles of the axes; a text if they are others."""
    if v.kind != "frames":
        return "its input is a final state; supported: frames"
    if v.pick is not None:
        return "its input is one frame of a layer; supported: all frames"
    if len(v.axes) != 3:
        return f"its input has the axes {show(v.axes)}; supported: three"
    frames, streams, features = v.axes if layout == 0 else (v.axes[1], v.axes[0], v.axes[2])
    # Where the file leaves the extent open the weights say it.
    open_extent = len(features) == 1 and not isinstance(features[0].extent, int)
    if not (isinstance(v.stage, Root) and open_extent):
        if any(not isinstance(a.extent, int) for a in features):
            return f"the extent of its features, {show((features,))}, is not known"
        if whole(tuple(a.extent for a in features)) != inputs:
            return f"W takes {inputs} features, its input has the axes {show(v.axes)}"
    if isinstance(v.stage, Stage) and features != v.stage.features:
        return (
            f"its input has the axes {show(v.axes)} with layout {layout}; supported: the "
            f"features {show((v.stage.features,))} of a layer last"
        )
    roles = {"frames": frames, "streams": streams}
    if isinstance(v.stage, Root):
        roles["features"] = features
    if v.turned not in (None, frames):
        return "another axis of its input than the frames runs backwards"
    why = v.root.tell(**roles)
    return None if why is None else f"its input '{v.root.tensor}' {why}"


def _layers(call: Call, kind: str, ways: Sequence[bool]) -> Directions:
    """The layer of each direction, from the node's weights."""
    attr, gates = call.attr, len(ORDER[kind])
    w, r = _array(call, 1, "W", 3), _array(call, 2, "R", 3)
    if w is None or r is None:
        raise call.refuse("W or R is missing")
    hidden: int = r.shape[2]
    if int(attr.get("hidden_size", hidden)) != hidden:
        raise call.refuse(f"hidden_size {attr['hidden_size']} beside R of shape {list(r.shape)}")
    if w.shape[:2] != (len(ways), gates * hidden) or r.shape[:2] != w.shape[:2]:
        raise call.refuse(
            f"W of shape {list(w.shape)} and R of shape {list(r.shape)} are not of "
            f"{len(ways)} direction(s)"
        )
    b = _array(call, 3, "B", 2)
    if b is not None and b.shape != (len(ways), 2 * gates * hidden):
        raise call.refuse(f"B has shape {list(b.shape)}, not {[len(ways), 2 * gates * hidden]}")
    p = _array(call, 7, "P", 2) if kind == "LSTM" else None
    if p is not None and p.shape != (len(ways), 3 * hidden):
        raise call.refuse(f"P has shape {list(p.shape)}, not {[len(ways), 3 * hidden]}")
    each = len(DEFAULT_ACTS[kind])
    acts = list(attr.get("activations", [])) or [*DEFAULT_ACTS[kind]] * len(ways)
    if kind == "RNN" and len(ways) == 1 and acts[1:] == ["Tanh"]:
        acts = acts[:1]  # ONNX's default is written for two directions; one reads the first
    if len(acts) != each * len(ways):
        raise call.refuse(f"{len(acts)} activations; expected {each * len(ways)}")
    for a in acts:
        if a.lower() not in ACTS:
            raise call.refuse(
                f"activations: '{a}'; supported: {', '.join(a.title() for a in ACTS)}"
            )
    out: Directions = {}
    for i, way in enumerate(ways):
        own = [ACTS[a.lower()] for a in acts[i * each : (i + 1) * each]]
        before = not attr.get("linear_before_reset", 0)
        made = cell(kind, own, before, p is not None and bool(p[i].any()))
        out[way] = _layer(call, kind, made, w[i], r[i], None if b is None else b[i],
                          None if p is None else p[i])  # fmt: skip
    return out


def cell(kind: str, acts: Sequence[str], before: bool, peepholes: bool) -> Cell:
    """The cell of a node with these activations."""
    if kind == "RNN":
        return with_acts(rnn.RNN, {"a": acts[0]})
    if kind == "GRU":
        base = gru_before.GRU_BEFORE if before else gru.GRU
        return with_acts(base, {"r": acts[0], "z": acts[0], "n": acts[1]})
    f, g, h = acts
    base = peephole.PEEPHOLE if peepholes else lstm.LSTM
    return with_acts(base, {"i": f, "f": f, "o": f, "g": g, "tanh_c": h})


def _layer(
    call: Call, kind: str, made: Cell, w: Floats, r: Floats, b: Floats | None, p: Floats | None
) -> Layer:
    """One direction of a node."""
    hidden, order = r.shape[1], ORDER[kind]
    names = [NAMES[kind].get(g, g) for g in order]
    recurs = {
        g: next(v for d in made.drains if d.gate == g for v in d.inputs if v != "x") for g in names
    }
    weights: dict[GateInput, Floats] = {}
    biases: dict[GateInput, Floats] = {}
    for i, g in enumerate(names):
        rows = slice(i * hidden, (i + 1) * hidden)
        weights[g, "x"], weights[g, recurs[g]] = w[rows], r[rows]
        if b is not None:
            wb, rb = np.split(b, 2)
            biases[g, "x"], biases[g, recurs[g]] = wb[rows], rb[rows]
    inputs = {"x": w.shape[1]} | dict.fromkeys(recurs.values(), hidden)
    constants = {}
    if made.constants and p is not None:
        constants = dict(zip(PEEPHOLES, np.split(p, 3), strict=True))
    try:
        return Layer(made, hidden, inputs, weights, biases, {}, constants).check("layer")
    except NetworkError as error:
        raise call.refuse(str(error)) from None


def _start(
    call: Call, at: int, state: str, i: int, hidden: int, streams: Axis, layout: int
) -> State | None:
    """Initial state of direction ``i``; None if it is zero."""
    value = call.value(at)
    what = f"initial_{state}"
    if value is None:
        return None
    directions, batch = (0, 1) if layout == 0 else (1, 0)
    if isinstance(value, Repeated):
        array, shape = value.array, value.shape
    elif (found := known(value)) is not None:
        array, shape = found, found.shape
    else:
        tensor = call.node.input[at]
        if isinstance(value, View) and call.walk.on_engine(value):
            raise call.refuse(f"{what} is the output of another layer; supported: constants, "
                              "inputs, and what the host computes before the layers")  # fmt: skip
        if isinstance(value, Host) and value.after:
            raise call.refuse(f"{what} is computed behind another layer")
        return State(None, tensor, ("DBH", "BDH")[layout], i)
    if len(shape) != 3 or array.dtype.kind != "f":
        raise call.refuse(f"{what} has shape {[str(e) for e in shape]}, not three axes")
    ways, sequences = shape[directions], shape[batch]
    if shape[2] != hidden or not isinstance(ways, int) or ways <= i:
        raise call.refuse(f"{what} has shape {[str(e) for e in shape]} for {hidden} units")
    fixed = sequences if isinstance(sequences, int) else None
    if sequences != size(streams) and (fixed is None or isinstance(size(streams), int)):
        raise call.refuse(f"{what} is for {sequences} sequences, its input has {size(streams)}")
    rows = np.take(np.asarray(array, np.float64), i, axis=0 if layout == 0 else 1)
    if not np.isfinite(rows).all():
        raise call.refuse(f"{what} holds NaN or infinity")
    if not rows.any():
        return None
    return State((rows[0] if (rows == rows[0]).all() else rows).copy(), streams=fixed)
