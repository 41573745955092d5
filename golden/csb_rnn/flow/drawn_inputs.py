# SPDX-License-Identifier: Apache-2.0
"""Inputs of an ONNX file, drawn: to run the file beside our model of it.

Frames and streams are 11 and 3 where the file leaves them open: two primes, so axes that were
mixed up have another shape or other numbers. An input with the lengths of sequences, or a source of
them in the file, gets lengths.
"""

from __future__ import annotations

import numpy as np

from csb_rnn.network.onnx import Plan
from csb_rnn.network.onnx.layout import Layout

FRAMES, STREAMS = 11, 3
SIZES = ((FRAMES, STREAMS), (FRAMES, 1), (509, STREAMS), (509, 1), (4093, 1), (FRAMES, FRAMES))
"""Frames and streams that are tried in turn: some files take only long or single sequences, some
name one extent apart for each of several inputs."""


def draw_inputs(
    plan: Plan, seed: int = 0, frames: int = FRAMES, streams: int = STREAMS, full: bool = False
) -> dict[str, np.ndarray]:
    """Inputs of a file, drawn: numbers around 0, whole numbers of its tables.

    Args:
        frames, streams: where the file leaves them open.
        full: the first sequence has all frames, as torch asks of a padded batch; so it has anyway
            beside others.
    """
    rng = np.random.default_rng(seed)
    from onnx import helper

    tables, given = _tables(plan), _of_lengths(plan)
    roles: dict[tuple[str, int], int] = {}
    name, layout = plan.source
    for i, axis in enumerate(layout.axes):
        if axis == ["streams.0"]:
            roles[name, i] = plan.streams or streams
    # States are of the same streams as frames, also where the file names their extents apart.
    roles |= {(name, i): plan.model.inputs for i, axis in enumerate(layout.axes)
              if axis == ["features.0"]}  # fmt: skip
    roles |= {(s.tensor, s.layout.index("B")): plan.streams or streams for s in plan.states}
    out = {}
    for info in plan.graph.graph.input:
        kind, shape = plan.infos.get(info.name, (1, []))
        sizes = []
        for i, n in enumerate(shape or []):
            symbol = plan.symbols.get((info.name, i))
            default = roles.get((info.name, i)) or _size_of(
                symbol, i, len(shape or []), plan, frames, streams
            )
            sizes.append(n if isinstance(n, int) else default)
        dtype = helper.tensor_dtype_to_np_dtype(kind or 1)
        rows = tables.get(info.name, 2)
        if info.name in given and dtype.kind in "iub":
            out[info.name] = _with_lengths(rng, layout, sizes, rows, frames, full).astype(dtype)
        elif dtype.kind in "iu":
            out[info.name] = rng.integers(0, rows, sizes).astype(dtype)
        elif dtype.kind == "b":
            out[info.name] = rng.integers(0, 2, sizes).astype(bool)
        else:
            out[info.name] = rng.normal(size=sizes).astype(dtype)
    return out


def _size_of(symbol: str | None, at: int, rank: int, plan: Plan, frames: int, streams: int) -> int:
    """An extent for an axis left open by the file: the same for the same name."""
    if symbol:
        names = list(dict.fromkeys(plan.symbols.values()))
        batch = plan.symbols.get(plan.batch) if plan.batch else None
        leads = any(s == symbol and i == 0 for (_, i), s in plan.symbols.items())
        if symbol == batch or (batch is None and leads and names.index(symbol) == 0):
            return plan.streams or streams
        return frames
    # An axis without a name between others: of a state ``[layers, streams, units]``.
    return (plan.streams or streams) if at < rank - 1 else frames


def _of_lengths(plan: Plan) -> set[str]:
    """Inputs behind the lengths of sequences, the lengths among them."""
    makes = {o: n for n in plan.graph.graph.node for o in n.output}
    todo, seen = [plan.lengths] if plan.lengths else [], set[str]()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [i for i in makes[name].input if i] if name in makes else []
    return seen & set(plan.inputs)


def _with_lengths(
    rng: np.random.Generator, layout: Layout, sizes: list[int], rows: int, frames: int, full: bool
) -> np.ndarray:
    """Lengths ``[streams]``, or numbers ``[streams, frames]``, 0 behind each length: a
    mask, or rows of a table with 0 for no frame."""
    streams = sizes[0] if sizes else 1
    longest = sizes[1] if len(sizes) == 2 else (*layout.extents["frames"], None)[0] or frames
    lengths = rng.integers(1, longest + 1, streams)
    lengths[0] = longest if full or streams > 1 else max(1, longest - 2)
    if len(sizes) != 2:
        return np.broadcast_to(lengths.reshape(sizes) if len(sizes) == 1 else lengths[0], sizes)
    inside = np.arange(longest) < lengths[:, None]
    return np.where(inside, rng.integers(1, max(2, rows), sizes), 0)


def _tables(plan: Plan) -> dict[str, int]:
    """Rows of the table behind an input of whole numbers."""
    rows: dict[str, int] = {}
    sizes = {t.name: list(t.dims) for t in plan.graph.graph.initializer}
    same: dict[str, str] = {}
    for n in plan.graph.graph.node:
        if n.op_type in ("Cast", "Identity", "Transpose", "Reshape") and n.input:
            same[n.output[0]] = same.get(n.input[0], n.input[0])
        if n.op_type == "Gather" and n.input[0] in sizes:
            source = same.get(n.input[1], n.input[1])
            rows[source] = min(rows.get(source, 1 << 30), sizes[n.input[0]][0])
    return rows
