# SPDX-License-Identifier: Apache-2.0
"""Constants repeated along axes of unknown extent, such as initial states.

A rule works on the small array, in which those axes have the extent 1, with the node itself run by
ONNX Runtime. This is right only for nodes with the same effect on all places along such an axis, so
each rule names the axes allowed to be unknown. Example: zeros of ``[1, batch, 8]`` plus a parameter
of ``[1, 1, 8]`` is the parameter, repeated for every stream.
"""

from __future__ import annotations

import numpy as np

from csb_rnn.network.onnx.errors import HostOnly
from csb_rnn.network.onnx.extents import Extent, is_known
from csb_rnn.network.onnx.rules.registry import Call, axis_of, only_output, rule
from csb_rnn.network.onnx.values import Repeated, Value, known

ELEMENTWISE = (
    "Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Mean", "Sum", "Neg", "Abs", "Exp", "Log",
    "Sqrt", "Reciprocal", "Sigmoid", "Tanh", "Relu", "LeakyRelu", "Elu", "Selu", "Softplus",
    "Softsign", "HardSigmoid", "Erf", "Sin", "Cos", "Floor", "Ceil", "Round", "Sign", "Clip",
    "Cast", "Identity", "Where", "PRelu", "Gelu",
)  # fmt: skip


def _operands(call: Call) -> list[tuple[np.ndarray, tuple[Extent, ...]]]:
    """(small array, shape) of each operand."""
    out = []
    for v in call.values:
        if isinstance(v, Repeated):
            out.append((v.array, v.shape))
        elif (array := known(v)) is not None:
            out.append((array, array.shape))
        elif v is not None:
            raise HostOnly("joins a repeated constant with other values")
    return out


def _run(call: Call, arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The node on the small arrays."""
    names = [n for n in call.node.input if n]
    feeds = dict(zip(names, arrays, strict=True))
    return call.walk.run(call.node, feeds)


def _result(array: np.ndarray, shape: tuple[Extent, ...]) -> Repeated:
    small = tuple(int(e) if is_known(e) else 1 for e in shape)
    if array.shape != small:
        raise HostOnly(f"gives {array.shape} where {small} was expected")
    return Repeated(array, shape)


def is_free(extent: Extent) -> bool:
    """Whether values repeat along the axis."""
    return not is_known(extent)


@rule(*ELEMENTWISE, on="repeated")
def elementwise(call: Call) -> list[Value]:
    """Element by element, with ONNX's broadcasting."""
    operands = _operands(call)
    rank = max(len(s) for _, s in operands)
    out: list[Extent] = [1] * rank
    for _, shape in operands:
        for i, e in enumerate(shape, rank - len(shape)):
            if is_known(e) and e == 1:
                continue
            if out[i] not in (1, e):
                raise HostOnly(f"extents {out[i]} and {e} may differ")
            out[i] = e
    return [_result(_run(call, [a for a, _ in operands])[0], tuple(out))]


@rule("Transpose", on="repeated")
def transpose(call: Call) -> list[Value]:
    """Axes in another order."""
    ((a, shape),) = _operands(call)
    perm = call.attr.get("perm", list(range(len(shape)))[::-1])
    return [_result(_run(call, [a])[0], tuple(shape[i] for i in perm))]


@rule("Unsqueeze", "Squeeze", on="repeated")
def lift(call: Call) -> list[Value]:
    """Axes of extent 1 come or go."""
    v = call.value(0)
    assert isinstance(v, Repeated)
    axes = call.integers(1, "axes")
    out = list(v.shape)
    if call.node.op_type == "Unsqueeze":
        rank = len(out) + len(axes or [])
        for i in sorted(axis_of(call, a, rank) for a in axes or []):
            out.insert(i, 1)
    else:
        if axes is None:
            raise HostOnly("without axes it depends on extents that are not known")
        gone = {axis_of(call, a, len(out)) for a in axes}
        if any(out[i] != 1 for i in gone):
            raise HostOnly("an axis of it may have another extent than 1")
        out = [e for i, e in enumerate(out) if i not in gone]
    small = v.array.reshape(tuple(int(e) if is_known(e) else 1 for e in out))
    return [Repeated(small, tuple(out))]


def _along(call: Call, axes: list[int], shape: tuple[Extent, ...]) -> list[int]:
    """Axes counted from the front, all of known extent."""
    found = [axis_of(call, a, len(shape)) for a in axes]
    if any(is_free(shape[a]) for a in found):
        raise HostOnly("works along an axis whose extent is not known")
    return found


@rule("Slice", on="repeated")
def cut(call: Call) -> list[Value]:
    """A part along axes of known extent."""
    v = call.value(0)
    assert isinstance(v, Repeated)
    starts = call.integers(1, "starts") or []
    axes = call.integers(3, "axes") or list(range(len(starts)))
    call.integers(2, "ends"), call.integers(4, "steps")
    found = _along(call, axes, v.shape)
    arrays = [v.array, *(a for a, _ in _operands(call)[1:])]
    got = _run(call, arrays)[0]
    return [_result(got, tuple(n if i in found else e for i, (n, e) in
                               enumerate(zip(got.shape, v.shape, strict=True))))]  # fmt: skip


@rule("Gather", on="repeated")
def gather(call: Call) -> list[Value]:
    """Places of an axis of known extent."""
    v, at = call.value(0), call.constant(1, "indices")
    if not isinstance(v, Repeated) or at is None:
        raise HostOnly("its indices are repeated")
    (axis,) = _along(call, [int(call.attr.get("axis", 0))], v.shape)
    shape = (*v.shape[:axis], *at.shape, *v.shape[axis + 1 :])
    return [_result(_run(call, [v.array, at])[0], shape)]


@rule("Split", on="repeated")
def split(call: Call) -> list[Value | None]:
    """Parts along an axis of known extent."""
    v = call.value(0)
    assert isinstance(v, Repeated)
    (axis,) = _along(call, [int(call.attr.get("axis", 0))], v.shape)
    got = _run(call, [a for a, _ in _operands(call)])
    return [
        _result(g, (*v.shape[:axis], g.shape[axis], *v.shape[axis + 1 :])) if len(g) else None
        for g in got
    ]


@rule("Concat", on="repeated")
def concat(call: Call) -> list[Value]:
    """Joined along an axis of known extent; the others must be the same."""
    operands = _operands(call)
    rank = len(operands[0][1])
    axis = axis_of(call, int(call.attr["axis"]), rank)
    for _, shape in operands:
        _along(call, [axis], shape)
        for i in range(rank):
            if i != axis and shape[i] != operands[0][1][i]:
                raise HostOnly(f"extents {shape[i]} and {operands[0][1][i]} may differ")
    total = sum(e for _, shape in operands if is_known(e := shape[axis]))
    first = operands[0][1]
    got = _run(call, [a for a, _ in operands])[0]
    return [_result(got, (*first[:axis], total, *first[axis + 1 :]))]


@rule("Pad", on="repeated")
def pad(call: Call) -> list[Value]:
    """More places along axes of known extent."""
    v = call.value(0)
    assert isinstance(v, Repeated)
    pads, rank = call.integers(1, "pads") or [], len(v.shape)
    axes = call.integers(3, "axes") or list(range(rank))
    if len(pads) != 2 * len(axes):
        raise call.refuse(f"pads has {len(pads)} numbers for {len(axes)} axes")
    used = [a for i, a in enumerate(axes) if pads[i] or pads[i + len(axes)]]
    found = _along(call, used, v.shape)
    got = _run(call, [v.array, *(a for a, _ in _operands(call)[1:])])[0]
    return [_result(got, tuple(n if i in found else e for i, (n, e) in
                               enumerate(zip(got.shape, v.shape, strict=True))))]  # fmt: skip


@rule("MatMul", "Gemm", on="repeated")
def product(call: Call) -> list[Value]:
    """The same product for every repetition: only the rows may repeat."""
    operands = _operands(call)
    rows, columns = operands[0][1], operands[1][1]
    if len(columns) != 2 or any(map(is_free, columns)) or len(rows) < 2 or is_free(rows[-1]):
        raise HostOnly("sums along an axis whose extent is not known")
    if call.attr.get("transA", 0):
        raise HostOnly("transA = 1")
    width = columns[0] if call.attr.get("transB", 0) else columns[1]
    if len(operands) > 2:
        shape = operands[2][1]
        if len(shape) > 2 or (len(shape) == 2 and shape[0] not in (1, rows[0])):
            raise HostOnly("C is of another shape")
    return [_result(_run(call, [x for x, _ in operands])[0], (*rows[:-1], width))]


@rule("Dropout", on="repeated")
def dropout(call: Call) -> list[Value | None]:
    """Nothing: no unit is dropped when a model runs."""
    only_output(call)
    return [call.value(0)]
