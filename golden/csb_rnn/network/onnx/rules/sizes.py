# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of shapes: integers, some of them unknown extents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from csb_rnn.network.onnx.errors import HostOnly
from csb_rnn.network.onnx.extents import Extent, add, divide, is_known, times
from csb_rnn.network.onnx.rules.registry import Call, axis_of, rule
from csb_rnn.network.onnx.values import Constant, Repeated, Value, sizes


def shape_of(extents: Sequence[Extent], call: Call) -> list[Value]:
    """The value of Shape: its attributes start and end cut a part."""
    at = slice(call.attr.get("start", 0), call.attr.get("end"))
    return [sizes(np.array([*extents], object)[at])]


def _operand(call: Call, i: int) -> np.ndarray:
    a = call.sizes(i)
    if a is None:
        raise HostOnly("joins sizes with other values")
    return a


@rule("Add", "Sub", "Mul", "Div", on="sizes")
def arithmetic(call: Call) -> list[Value]:
    """Sums, products and quotients of extents, element by element."""
    kind = call.node.op_type
    a, b = np.broadcast_arrays(_operand(call, 0), _operand(call, 1))

    def one(x: Any, y: Any) -> Extent:
        if kind in ("Add", "Sub"):
            return add(x, y, 1 if kind == "Add" else -1)
        if kind == "Mul":
            return times(x, y)
        found = divide(x, y)
        if found is None:
            raise HostOnly(f"{x} / {y} is no known extent")
        return found

    out = np.empty(a.shape, object)
    for i in np.ndindex(a.shape):
        out[i] = one(a[i], b[i])
    return [sizes(out)]


@rule("Gather", on="sizes")
def gather(call: Call) -> list[Value]:
    """Takes extents out of a shape."""
    at = call.constant(1, "indices")
    data = _operand(call, 0)
    assert at is not None
    axis_of(call, int(call.attr.get("axis", 0)), data.ndim)
    if data.ndim != 1 or not ((at >= -len(data)) & (at < len(data))).all():
        raise call.refuse(f"indices {at.tolist()} of a shape of {data.size}")
    return [sizes(np.asarray(data[at], object))]


@rule("Slice", on="sizes")
def cut(call: Call) -> list[Value]:
    """Takes a range out of a shape."""
    starts, ends = call.integers(1, "starts"), call.integers(2, "ends")
    steps = call.integers(4, "steps") or [1]
    data = _operand(call, 0)
    if data.ndim != 1 or starts is None or ends is None or len(starts) != 1 or steps[0] == 0:
        raise HostOnly("cuts a shape in several axes")
    end = None if steps[0] < 0 and ends[0] < -len(data) else ends[0]
    return [sizes(data[slice(starts[0], end, steps[0])])]


@rule("Concat", on="sizes")
def concat(call: Call) -> list[Value]:
    """Joins extents to a shape."""
    parts = [_operand(call, i) for i in range(len(call.values))]
    if any(p.ndim != 1 for p in parts):
        raise HostOnly("joins sizes of several axes")
    return [sizes(np.concatenate(parts))]


@rule("Unsqueeze", "Squeeze", on="sizes")
def lift(call: Call) -> list[Value]:
    """One extent as a list of one, and back."""
    data = _operand(call, 0)
    if call.node.op_type == "Unsqueeze":
        if data.ndim:
            raise HostOnly("gives a shape a second axis")
        return [sizes(data.reshape(1))]
    if data.size != 1:
        raise call.refuse(f"an axis of extent {data.size} is not of extent 1")
    return [sizes(data.reshape(()))]


@rule("Cast", "Identity", on="sizes")
def same(call: Call) -> list[Value | None]:
    """Extents stay the same in any integer type."""
    if call.attr.get("to", 7) not in (6, 7):
        raise HostOnly("sizes as other numbers than integers")
    return [call.values[0]]


@rule("Reshape", on="sizes")
def reshape(call: Call) -> list[Value]:
    """A list of extents stays a list."""
    data, shape = _operand(call, 0), call.constant(1, "shape")
    if shape is None or len(shape) > 1 or (len(shape) and shape[0] not in (-1, data.size)):
        raise HostOnly("gives a shape other axes")
    if not len(shape) and data.size != 1:
        raise HostOnly("makes a number of several")
    return [sizes(data.reshape(-1) if len(shape) else data.reshape(()))]


@rule("ReduceProd", on="sizes")
def product(call: Call) -> list[Value]:
    """The product of extents."""
    data = _operand(call, 0)
    out = times(*data.reshape(-1))
    return [sizes(np.array([out] if call.attr.get("keepdims", 1) else out, object))]


@rule("Equal", on="sizes")
def equal(call: Call) -> list[Value]:
    """Whether extents are equal: an unknown one is at least 1, so never 0 or -1."""
    a, b = np.broadcast_arrays(_operand(call, 0), _operand(call, 1))
    out = np.zeros(a.shape, bool)
    for i in np.ndindex(a.shape):
        x, y = a[i], b[i]
        if x == y:
            out[i] = True
        elif not (is_known(x) and is_known(y)) and not any(
            is_known(v) and int(v) < 1 for v in (x, y)
        ):
            raise HostOnly(f"whether {x} is {y} is unknown")
    return [Constant(out)]


@rule("Where", on="sizes")
def where(call: Call) -> list[Value]:
    """Chooses extents by a known condition."""
    c = call.constant(0, "condition")
    assert c is not None
    c, a, b = np.broadcast_arrays(c, _operand(call, 1), _operand(call, 2))
    out = np.empty(c.shape, object)
    for i in np.ndindex(c.shape):
        out[i] = a[i] if c[i] else b[i]
    return [sizes(out)]


def compact(shape: np.ndarray) -> list[int]:
    """A shape with 1 for every unknown extent."""
    return [int(e) if is_known(e) else 1 for e in shape.reshape(-1)]


@rule("ConstantOfShape", on="sizes")
def filled(call: Call) -> list[Value]:
    """One number, repeated to an unknown shape."""
    from onnx import numpy_helper

    shape = _operand(call, 0)
    value = call.attr.get("value")
    fill = np.zeros(1, np.float32) if value is None else numpy_helper.to_array(value)
    if int(np.prod(compact(shape), dtype=object)) > 1 << 28:
        raise call.refuse(f"makes a tensor of shape {[str(e) for e in shape]}")
    return [Repeated(np.full(compact(shape), fill.reshape(-1)[0]), tuple(shape))]


@rule("Expand", on="sizes")
def expand(call: Call) -> list[Value]:
    """A constant, repeated to an unknown shape."""
    data, shape = call.constant(0, "input"), call.sizes(1)
    if data is None or shape is None or shape.ndim != 1:
        raise HostOnly("its shape is no list")
    return [_expanded(call, data, tuple(data.shape), shape)]


def _expanded(
    call: Call, array: np.ndarray, now: tuple[Extent, ...], shape: np.ndarray
) -> Repeated:
    rank = max(len(now), len(shape))
    old = (1,) * (rank - len(now)) + now
    new = (1,) * (rank - len(shape)) + tuple(shape)
    out: list[Extent] = []
    for a, b in zip(old, new, strict=True):
        if a != b and not (is_known(a) and a == 1) and not (is_known(b) and b == 1):
            raise HostOnly(f"extents {a} and {b} may differ")
        out.append(b if is_known(a) and a == 1 else a)
    small = array.reshape((1,) * (rank - array.ndim) + array.shape)
    target = [
        n if is_known(e) and n != 1 else (int(e) if is_known(e) else 1)
        for n, e in zip(small.shape, out, strict=True)
    ]
    return Repeated(np.broadcast_to(small, target), tuple(out))


@rule("Expand", on="repeated")
def expand_more(call: Call) -> list[Value]:
    """A repeated constant, repeated further."""
    v, shape = call.value(0), call.sizes(1)
    if not isinstance(v, Repeated) or shape is None:
        raise HostOnly("its shape is not known")
    return [_expanded(call, v.array, v.shape, shape)]


@rule("Shape", on="repeated")
def shape(call: Call) -> list[Value]:
    """The shape of a repeated constant."""
    v = call.value(0)
    assert isinstance(v, Repeated)
    return shape_of(v.shape, call)
