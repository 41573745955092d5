# SPDX-License-Identifier: Apache-2.0
"""Layers without a state: products with a constant matrix, a bias, one activation.

They are built up node by node: MatMul makes a layer, Add gives it a bias, Relu an activation. Each
node makes a new layer and leaves the one it read as it was, because another node may read it too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from csb_rnn.cells import CELLS
from csb_rnn.network.network import Layer, NetworkError
from csb_rnn.network.onnx.errors import HostOnly
from csb_rnn.network.onnx.rules.registry import Call, rule
from csb_rnn.network.onnx.values import Axis, Root, Stage, Value, View, axis, show, whole

ACTS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}


def stage(
    before: Stage | Root, w: np.ndarray, b: np.ndarray | None, act: str, name: str, features: Axis
) -> Stage:
    """The layer ``act(w x + b)``."""
    cell = CELLS[f"linear_{act}" if act else "linear"]
    bias = {} if b is None else {("y", "x"): b}
    layer = Layer(cell, len(w), {"x": w.shape[1]}, {("y", "x"): w}, bias)
    return Stage(before, {False: layer}, features, name, linear=(w, b, act))


def _checked(call: Call, made: Stage) -> Stage:
    try:
        made.layer[False].check("layer")
    except NetworkError as error:
        raise call.refuse(str(error)) from None
    return made


def _read(call: Call, inputs: int) -> View:
    """Operand 0 as frames whose last axis is the features of a layer, or of the input."""
    v = call.value(0)
    v = v if isinstance(v, View) else call.walk.read(call.node.input[0])
    if v is None or v.kind != "frames" or not v.axes:
        raise HostOnly("its first operand is not made of frames of the engine")
    last = v.axes[-1]
    if isinstance(v.stage, Root):
        why = v.stage.tell(features=last)
        if why is not None:
            raise HostOnly(f"'{v.stage.tensor}' {why}")
    elif last != v.stage.features:
        raise HostOnly(f"its last axis is {show((last,))}; supported: the features of a layer")
    if v.turned == last and last:
        raise HostOnly("its features run backwards")
    if any(a in last for ax in v.axes[:-1] for a in ax):
        raise HostOnly("its features stand in two axes")
    if whole(tuple(a.extent for a in last)) != inputs:
        raise HostOnly(f"{inputs} rows for {show((last,))}")
    return v


@rule("MatMul", on="engine")
def matmul(call: Call) -> list[Value]:
    """A layer ``y = W x`` of every frame, with a constant matrix as second operand."""
    w = call.constant(1, "the second operand")
    if w is None or w.ndim != 2:
        raise HostOnly("supported: a constant matrix as second operand")
    v = _read(call, len(w))
    out = axis(w.shape[1], "units")
    made = stage(v.stage, np.asarray(w.T, np.float64), None, "", call.node.name, out)
    return [replace(v, stage=_checked(call, made), axes=(*v.axes[:-1], out))]


@rule("Gemm", on="engine")
def gemm(call: Call) -> list[View]:
    """A layer ``y = W x + b``: transA = 0, a constant B, C with one number for each unit."""
    w, c = call.constant(1, "B"), call.constant(2, "C")
    if w is None or w.ndim != 2 or call.attr.get("transA", 0):
        raise HostOnly("supported: transA = 0, a constant matrix B")
    w = np.asarray(w if call.attr.get("transB", 0) else w.T, np.float64)
    w = w * float(call.attr.get("alpha", 1.0))
    v = _read(call, w.shape[1])
    out = axis(len(w), "units")
    b = None
    if c is not None:
        b = along_units(c, (*v.axes[:-1], out), out, len(w)) * float(call.attr.get("beta", 1.0))
    made = stage(v.stage, w, b, "", call.node.name, out)
    return [replace(v, stage=_checked(call, made), axes=(*v.axes[:-1], out))]


def along_units(c: np.ndarray, axes: tuple[Axis, ...], units: Axis, n: int) -> np.ndarray:
    """A constant as one number for each unit, if ONNX's broadcasting makes one of it.

    Raises:
        HostOnly: it differs along another axis, or enlarges the tensor.
    """
    if c.ndim > len(axes):
        raise HostOnly(f"a constant of shape {list(c.shape)} makes more axes")
    at = [i for i, a in enumerate(axes) if a == units and (units or i == len(axes) - 1)]
    for i, n_i in enumerate(c.shape, len(axes) - c.ndim):
        if n_i != 1 and (i not in at or n_i != n or not units):
            raise HostOnly(
                f"a constant of shape {list(c.shape)} beside {show(axes)}; supported: one number "
                "for each unit"
            )
    return np.broadcast_to(np.asarray(c, np.float64).reshape(-1), (n,)).copy()


@rule("Add", "Sub", "Mul", "Div", on="engine")
def bias(call: Call) -> list[Value]:
    """A bias, or a factor, of a MatMul or Gemm: a constant with one number for each unit."""
    kind = call.node.op_type
    a, b = call.values[0], call.values[1]
    first = isinstance(a, View)
    v, other = (a, 1) if first else (b, 0)
    c = call.constant(other, "the other operand")
    if not isinstance(v, View) or c is None or c.dtype.kind != "f":
        raise HostOnly("supported on the engine: a constant beside a MatMul or Gemm")
    s = v.stage
    if not isinstance(s, Stage) or s.linear is None or s.linear[2] or v.kind != "frames":
        raise HostOnly("supported on the engine: right behind a MatMul or Gemm")
    w, old, _ = s.linear
    n = along_units(c, v.axes, s.features, len(w))
    old = np.zeros(len(w)) if old is None else old
    if kind == "Add":
        old = old + n
    elif kind == "Sub":
        w, old = (w, old - n) if first else (-w, n - old)
    elif kind == "Mul" or first:
        n = n if kind == "Mul" else 1.0 / np.where(n == 0, np.nan, n)
        w, old = w * n[:, None], old * n
    else:
        raise HostOnly("divides by values of the engine")
    made = stage(s.before, w, old, "", s.name, s.features)
    return [replace(v, stage=_checked(call, made))]


ALONE = "supported on the engine: one activation, right behind a MatMul or Gemm"


@rule(*ACTS, on="engine")
def activation(call: Call) -> list[Value]:
    """The activation of a MatMul or Gemm, one for each."""
    v = call.value(0)
    if not isinstance(v, View):
        raise HostOnly(ALONE)
    s = v.stage
    if not isinstance(s, Stage) or s.linear is None or s.linear[2]:
        raise HostOnly(ALONE)
    w, b, _ = s.linear
    made = stage(s.before, w, b, ACTS[call.node.op_type], s.name, s.features)
    return [replace(v, stage=made)]


@rule("FusedGemm", on="engine", domain="com.microsoft")
def fused_gemm(call: Call) -> list[Value]:
    """Gemm and its activation in one, as ONNX Runtime saves them."""
    (v,) = gemm(call)
    act = str(call.attr.get("activation", ""))
    if not act:
        return [v]
    s = v.stage
    if act not in ACTS or not isinstance(s, Stage) or s.linear is None:
        raise HostOnly(f"activation '{act}'; supported: {', '.join(ACTS)}")
    w, b, _ = s.linear
    return [replace(v, stage=stage(s.before, w, b, ACTS[act], s.name, s.features))]


@rule("FusedMatMul", on="engine", domain="com.microsoft")
def fused_matmul(call: Call) -> list[Value]:
    """MatMul with ``alpha`` and ``transB``, as ONNX Runtime saves it."""
    if any(call.attr.get(k, 0) for k in ("transA", "transBatchA", "transBatchB")):
        raise HostOnly("supported: transA, transBatchA and transBatchB = 0")
    w = call.constant(1, "the second operand")
    if w is None or w.ndim != 2:
        raise HostOnly("supported: a constant matrix as second operand")
    w = np.asarray(w if call.attr.get("transB", 0) else w.T, np.float64)
    w = w * float(call.attr.get("alpha", 1.0))
    v = _read(call, w.shape[1])
    out = axis(len(w), "units")
    made = stage(v.stage, w, None, "", call.node.name, out)
    return [replace(v, stage=_checked(call, made), axes=(*v.axes[:-1], out))]
