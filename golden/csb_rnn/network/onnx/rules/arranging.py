# SPDX-License-Identifier: Apache-2.0
"""Axes of the engine's values: moved, joined, split again, turned, one frame taken.

None of these nodes computes. Each rule moves atoms and refuses a use if an atom would be
torn apart; values then go through the host.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from csb_rnn.network.onnx.errors import HostOnly
from csb_rnn.network.onnx.extents import Extent, add, divide, is_known, times
from csb_rnn.network.onnx.rules.registry import Call, axis_of, only_output, rule
from csb_rnn.network.onnx.rules.sizes import shape_of
from csb_rnn.network.onnx.values import Axis, Stage, Value, View, axis, show, size

FLOATS = (1, 10, 11, 16)  # float, float16, double, bfloat16


def _view(call: Call) -> View:
    v = call.value(0)
    if not isinstance(v, View):
        raise HostOnly("reads values of the engine as its settings")
    return v


@rule("Identity", on="engine")
def identity(call: Call) -> list[Value]:
    """Nothing."""
    return [_view(call)]


@rule("Dropout", on="engine")
def dropout(call: Call) -> list[Value]:
    """Nothing: no unit is dropped when a model runs."""
    only_output(call)
    return [_view(call)]


@rule("Cast", on="engine")
def cast(call: Call) -> list[Value]:
    """Nothing, from float or double to float or double."""
    if call.attr.get("to") not in (1, 11):
        raise HostOnly("supported on the engine: a cast to float or double")
    return [_view(call)]


@rule("Shape", on="engine")
def shape(call: Call) -> list[Value]:
    """The extents of a tensor."""
    return shape_of(_view(call).shape, call)


@rule("Transpose", on="engine")
def transpose(call: Call) -> list[Value]:
    """Axes in another order."""
    v = _view(call)
    perm = call.attr.get("perm", list(range(len(v.axes)))[::-1])
    if sorted(perm) != list(range(len(v.axes))):
        raise call.refuse(f"perm {perm} of a tensor of {len(v.axes)} axes")
    return [replace(v, axes=tuple(v.axes[i] for i in perm))]


@rule("Squeeze", on="engine")
def squeeze(call: Call) -> list[Value]:
    """Axes of extent 1 go."""
    v = _view(call)
    axes = call.integers(1, "axes")
    if axes is None:
        if not all(is_known(e) for e in v.shape):
            raise HostOnly("without axes it depends on extents that are not known")
        axes = [i for i, a in enumerate(v.axes) if not a]
    gone = {axis_of(call, a, len(v.axes)) for a in axes}
    if any(v.axes[a] for a in gone):
        raise call.refuse(f"axes {axes} of {show(v.axes)} are not of extent 1")
    return [replace(v, axes=tuple(a for i, a in enumerate(v.axes) if i not in gone))]


@rule("Unsqueeze", on="engine")
def unsqueeze(call: Call) -> list[Value]:
    """Axes of extent 1 come."""
    v = _view(call)
    new = call.integers(1, "axes") or []
    axes = list(v.axes)
    for a in sorted(axis_of(call, a, len(v.axes) + len(new)) for a in new):
        axes.insert(a, ())
    return [replace(v, axes=tuple(axes))]


def regroup(axes: tuple[Axis, ...], target: list[Extent]) -> tuple[Axis, ...] | None:
    """Atoms of a row-major tensor dealt to axes of other extents; None if one would be split."""
    atoms = [a for ax in axes for a in ax]
    out: list[Axis] = []
    for extent in target:
        taken: Axis = ()
        while size(taken) != extent:
            if not atoms or divide(extent, size((*taken, atoms[0]))) is None:
                return None
            taken = (*taken, atoms.pop(0))
        out.append(taken)
    return tuple(out) if not atoms else None


def _reshaped(call: Call, v: View, target: list[Extent]) -> list[Value]:
    if target.count(-1) > 1:
        raise call.refuse("its shape has two extents of -1")
    if -1 in target:
        rest = divide(times(*v.shape), times(*(e for e in target if e != -1)))
        if rest is None:
            raise HostOnly(f"{show(v.axes)} to {[str(e) for e in target]}: an extent is not known")
        target = [rest if e == -1 else e for e in target]
    axes = regroup(v.axes, target)
    if axes is None:
        raise HostOnly(
            f"{show(v.axes)} to {[str(e) for e in target]}; supported: axes joined, and those "
            "split again that were joined"
        )
    return [replace(v, axes=axes)]


@rule("Reshape", on="engine")
def reshape(call: Call) -> list[Value]:
    """Neighbouring axes are joined, or split again."""
    v, target = _view(call), call.sizes(1)
    if "shape" in call.attr:  # opset 1
        target = np.array(call.attr["shape"], object)
    if target is None or target.ndim != 1:
        raise HostOnly("its shape is computed from values; supported: from extents")
    out: list[Extent] = list(target)
    for i, e in enumerate(out):
        if is_known(e) and e == 0 and not call.attr.get("allowzero", 0):
            if i >= len(v.axes):
                raise call.refuse(f"extent {i} is 0, and the tensor has {len(v.axes)} axes")
            out[i] = v.shape[i]
    return _reshaped(call, v, out)


@rule("Flatten", on="engine")
def flatten(call: Call) -> list[Value]:
    """Axes joined to two."""
    v = _view(call)
    at = int(call.attr.get("axis", 1))
    at = at + len(v.axes) if at < 0 else at
    return _reshaped(call, v, [times(*v.shape[:at]), times(*v.shape[at:])])


# --- one frame, one direction, the other way round ----------------------------------------------


def _is_frames(v: View, ax: Axis) -> bool:
    return v.kind == "frames" and bool(ax) and v.root.roles.get("frames") == ax


def _may_turn(call: Call, v: View, ax: Axis) -> bool:
    """Whether the places of an axis can be frames; of an input not yet read by a layer, any if a
    recurrent layer is there to tell."""
    if call.walk.linear and "frames" not in v.root.roles:
        return False
    if v.kind != "frames" or v.pick is not None or (v.flipped and v.turned != ax) or not ax:
        return False
    return v.root.roles.get("frames", ax) == ax and ax != v.root.roles.get("features")


def _directions(v: View, ax: Axis) -> Stage | None:
    """The stage with both directions in an axis."""
    s = v.stage
    if not isinstance(s, Stage) or not s.recurrent or len(s.layer) != 2 or len(ax) != 1:
        return None
    return s if ax[0].label == "directions" else None


def _of_direction(v: View, stage: Stage, at: int, reverse: bool, keep: bool) -> View:
    """A view of one direction; ``keep`` leaves an axis of extent 1."""
    only = stage.one(reverse)
    swapped = dict.fromkeys(stage.features[1:], only.features)
    axes = [tuple(b for a in ax for b in swapped.get(a, (a,))) for ax in v.axes]
    axes[at] = ()
    if not keep:
        del axes[at]
    return replace(v, stage=only, axes=tuple(axes))


@rule("Gather", on="engine")
def gather(call: Call) -> list[Value]:
    """One frame, the first or the last; one direction."""
    v, index = _view(call), call.sizes(1)
    at = axis_of(call, int(call.attr.get("axis", 0)), len(v.axes))
    if index is None or index.size != 1:
        raise HostOnly("supported on the engine: one index")
    i, keep, ax = index.reshape(-1)[0], index.ndim == 1, v.axes[at]
    return [_take(call, v, at, ax, i, keep)]


def _take(call: Call, v: View, at: int, ax: Axis, i: Extent, keep: bool) -> View:
    extent = size(ax)
    last = i == -1 or _is_last(i, extent)
    if not ax:
        if i not in (0, -1):
            raise call.refuse(f"index {i} of an axis of extent 1")
        axes = list(v.axes)
        if not keep:
            del axes[at]
        return replace(v, axes=tuple(axes))
    stage = _directions(v, ax)
    if stage is not None and is_known(i) and -2 <= int(i) < 2:
        return _of_direction(v, stage, at, bool(int(i) % 2), keep)
    if not _is_frames(v, ax) or v.pick is not None or not (i == 0 or last):
        raise HostOnly(f"takes index {i} of {show((ax,))}; supported on the engine: the first or "
                       "last frame, a direction")  # fmt: skip
    pick = (-1 if last else 0) if not v.flipped else (0 if last else -1)
    axes = list(v.axes)
    axes[at] = ()
    if not keep:
        del axes[at]
    return replace(v, axes=tuple(axes), pick=pick, turned=None)


def _is_last(i: Extent, extent: Extent) -> bool:
    return i == add(extent, 1, -1)


@rule("Slice", on="engine")
def cut(call: Call) -> list[Value]:
    """All of an axis, its last or first frame, a direction, or the frames the other way round."""
    v = _view(call)
    parts = [call.sizes(i) for i in (1, 2, 3, 4)]
    if "starts" in call.attr:  # before opset 10
        names = ("starts", "ends", "axes")
        parts = [np.array(call.attr[n], object) if n in call.attr else None for n in names] + [None]
    if any(p is None and call.given(i + 1) for i, p in enumerate(parts)):
        raise HostOnly("its ranges are computed from values")
    starts, ends, axes, steps = parts
    if starts is None or ends is None:
        raise call.refuse("has no starts or ends")
    axes = np.arange(len(starts)) if axes is None else axes
    steps = np.ones(len(starts), int) if steps is None else steps
    for start, end, a, step in zip(starts, ends, axes, steps, strict=True):
        at = axis_of(call, int(a), len(v.axes))
        v = _range(call, v, at, start, end, int(step))
    return [v]


def _range(call: Call, v: View, at: int, start: Extent, end: Extent, step: int) -> View:
    ax = v.axes[at]
    extent = size(ax)
    far = is_known(end) and int(end) >= (int(extent) if is_known(extent) else 2**31 - 1)
    to_end = far or end == extent
    if step == 1 and start == 0 and to_end:
        return v
    if step == -1:
        from_last = (
            start == -1
            or _is_last(start, extent)
            or start == extent
            or (is_known(start) and int(start) >= 2**31 - 1)
        )
        to_first = is_known(end) and int(end) < (-int(extent) if is_known(extent) else -(2**31) + 2)
        if from_last and to_first and _may_turn(call, v, ax):
            return replace(v, turned=None if v.flipped else ax)
    if step == 1:
        if is_known(extent) and is_known(start) and is_known(end):
            e = int(extent)
            places = range(e)[int(start) : int(end)]
            if len(places) == e:
                return v
            if len(places) == 1:
                index = places[0] if places[0] < e - 1 or e == 1 else -1
                return _take(call, v, at, ax, index if places[0] else 0, True)
        if to_end and start == -1:
            return _take(call, v, at, ax, -1, True)
        if start == 0 and end == 1:
            return _take(call, v, at, ax, 0, True)
    raise HostOnly(f"takes {start}:{end}:{step} of {show((ax,))}; supported on the engine: all, "
                   "the first or last frame, a direction, frames the other way round")  # fmt: skip


@rule("Split", on="engine")
def split(call: Call) -> list[Value]:
    """The two directions apart."""
    v = _view(call)
    at = axis_of(call, int(call.attr.get("axis", 0)), len(v.axes))
    stage = _directions(v, v.axes[at])
    parts = call.integers(1, "split")
    if stage is None or len(call.node.output) != 2 or parts not in (None, [1, 1]):
        raise HostOnly(f"splits {show((v.axes[at],))}; supported on the engine: directions")
    return [_of_direction(v, stage, at, reverse, True) for reverse in (False, True)]


@rule("ReverseSequence", on="engine")
def turned(call: Call) -> list[Value]:
    """Frames the other way round, if every sequence has all frames."""
    v = _view(call)
    lengths = call.value(1)
    at = axis_of(call, int(call.attr.get("time_axis", 0)), len(v.axes))
    ax = v.axes[at]
    if not _may_turn(call, v, ax):
        raise HostOnly("its time_axis is not that of the frames")
    if not full_lengths(lengths, size(ax)):
        raise HostOnly("sequence_lens are not all the number of frames")
    return [replace(v, turned=None if v.flipped else ax)]


def full_lengths(value: Value | None, frames: Extent) -> bool:
    """Whether lengths of sequences are all the number of frames."""
    from csb_rnn.network.onnx.values import Constant, Repeated, as_sizes

    if value is None:
        return True
    if isinstance(value, (Constant, Repeated)):
        found = value.array.reshape(-1)
        return is_known(frames) and all(int(n) == frames for n in found)
    given = as_sizes(value)
    return given is not None and all(n == frames for n in given.reshape(-1))


@rule("Concat", on="engine")
def concat(call: Call) -> list[Value]:
    """Two directions of a layer side by side as features, or along an axis of directions."""
    views = call.values
    if not (len(views) == 2 and all(isinstance(v, View) for v in views)):
        raise HostOnly("supported on the engine: the outputs of two directions")
    a, b = views
    assert isinstance(a, View)
    assert isinstance(b, View)
    sa, sb = a.stage, b.stage
    if not (isinstance(sa, Stage) and isinstance(sb, Stage) and sa.recurrent and sb.recurrent):
        raise HostOnly("supported on the engine: the outputs of two directions")
    alike = (a.kind, a.turned, a.pick, len(a.axes)) == (b.kind, b.turned, b.pick, len(b.axes))
    if list(sa.layer) != [False] or list(sb.layer) != [True] or not alike:
        raise HostOnly("supported on the engine: the forward direction, then the backward one")
    if sa.before is not sb.before or sa.lengths != sb.lengths:
        raise HostOnly("the two directions read different tensors")
    if a.kind != "frames":
        raise HostOnly("joins final states")
    at = axis_of(call, int(call.attr["axis"]), len(a.axes))
    for i, (x, y) in enumerate(zip(a.axes, b.axes, strict=True)):
        if i == at and (x, y) != (sa.features, sb.features):
            raise HostOnly(f"joins along {show((x,))}; supported on the engine: features")
        if i != at and x != y:
            raise HostOnly("the two directions stand in different axes")
    both = pair(sa, sb)
    axes = tuple(both.features if i == at else ax for i, ax in enumerate(a.axes))
    return [replace(a, stage=both, axes=axes)]


def pair(forward: Stage, backward: Stage) -> Stage:
    """Two directions as one stage, the same for the same two."""
    if forward.both is not None and forward.both is backward.both:
        return forward.both
    found = forward.pairs.get(backward)
    if found is None:
        width = forward.width + backward.width
        found = Stage(
            forward.before,
            {**forward.layer, **backward.layer},
            axis(width, "units"),
            f"{forward.name} and {backward.name}",
            "",
            {**forward.initial, **backward.initial},
        )
        found.parts |= {False: forward, True: backward}
        found.lengths = forward.lengths
        forward.pairs[backward] = found
        forward.both = forward.both or found
        backward.both = backward.both or found
    return found
