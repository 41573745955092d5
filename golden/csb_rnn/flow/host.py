# SPDX-License-Identifier: Apache-2.0
"""The host's parts of an ONNX file in an image folder: graphs before and after the engine.

``host_before.onnx`` makes the engine's input frames, and initial states, of the file's inputs;
``host_after.onnx`` makes the file's outputs of the engine's results. The manifest's entry ``host``
says how the tensors between them lie in ``[streams, frames, features]``
(:class:`csb_rnn.network.onnx.layout.Layout`). Nothing of a folder is trusted: names, layouts and
SHA-256 are checked, and ONNX Runtime runs in a child process with limits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow import schema
from csb_rnn.flow.files import sha256
from csb_rnn.network.onnx import HostState, Plan, Tap
from csb_rnn.network.onnx.hosting import HostParts, of_plan
from csb_rnn.network.onnx.layout import Layout
from csb_rnn.network.read import Source
from csb_rnn.system import untrusted

BEFORE, AFTER = "host_before.onnx", "host_after.onnx"
FACTOR = re.compile(r"(streams|frames|features)\.([0-9])")


def files(parts: HostParts) -> dict[str, bytes]:
    """Files of the folder by name."""
    both = {BEFORE: parts.before, AFTER: parts.after}
    return {name: data for name, data in both.items() if data is not None}


def record(parts: HostParts) -> dict[str, Any]:
    """The manifest's entry ``host``."""
    name, layout = parts.source
    return {
        "inputs": parts.inputs,
        "outputs": parts.outputs,
        "source": {"tensor": name, "layout": layout.json()},
        "states": [dataclasses.asdict(s) for s in parts.states],
        "lengths": parts.lengths,
        "taps": [{"tensor": t.tensor, "states": t.states, "layout": t.layout.json()}
                 for t in parts.taps],
        "files": {n: sha256(data) for n, data in files(parts).items()},
    }  # fmt: skip


_LAYOUT = {"extents": dict, "axes": [[str]], "turned": bool, "pick": schema.OptionalInt,
           "part": (list, type(None))}  # fmt: skip
SCHEMA: dict[str, Any] = {
    "inputs": [str],
    "outputs": [str],
    "source": {"tensor": str, "layout": _LAYOUT},
    "states": [{"key": schema.Word, "tensor": str, "layout": str, "direction": int}],
    "lengths": str,
    "taps": [{"tensor": str, "states": [str], "layout": _LAYOUT}],
    "files": dict,
}


def _layout(value: Mapping[str, Any]) -> Layout:
    """A layout of a manifest.

    Raises:
        SchemaError: it is none.
    """
    extents = value["extents"]
    good = set(extents) == {"streams", "frames", "features"} and all(
        isinstance(e, list)
        and len(e) < 10
        and all(n is None or (type(n) is int and 0 < n < 1 << 24) for n in e)
        for e in extents.values()
    )
    named = [f for ax in value["axes"] for f in ax]
    matches = [FACTOR.fullmatch(f) for f in named]
    good = good and len(set(named)) == len(named) and all(matches)
    good = good and all(int(m[2]) < len(extents[m[1]]) for m in matches if m)
    part = value["part"]
    if part is not None:
        ends = len(part) == 2 and all(type(n) is int for n in part)
        good = good and ends and 0 <= part[0] < part[1]
    if not good or value["pick"] not in (None, 0, -1):
        raise schema.SchemaError("host: a layout is none")
    return Layout(dict(extents), value["axes"], value["turned"], value["pick"], part)


def load(folder: Path, manifest: Mapping[str, Any]) -> HostParts | None:
    """The host's parts of a folder; None if its manifest has none.

    Raises:
        UsageError: the entry or a file has been changed.
    """
    value = manifest.get("host")
    if value is None:
        return None
    where = f"{folder}/manifest.json"
    try:
        schema.check(value, SCHEMA, "host")
        source = (value["source"]["tensor"], _layout(value["source"]["layout"]))
        taps = [Tap(t["tensor"], t["states"], _layout(t["layout"])) for t in value["taps"]]
        states = [HostState(**{k: s[k] for k in ("key", "tensor", "layout", "direction")})
                  for s in value["states"]]  # fmt: skip
    except schema.SchemaError as error:
        raise UsageError(f"{where}: {error}") from None
    if any(s.layout not in ("DBH", "BDH") or s.direction not in (0, 1) for s in states):
        raise UsageError(f"{where}: host: a state's layout is none")
    found: dict[str, bytes] = {}
    for name, digest in value["files"].items():
        if name not in (BEFORE, AFTER):
            raise UsageError(f"{where}: host: {untrusted.show(name)} is no file of it")
        try:
            found[name] = untrusted.read_bytes(folder / name)
        except untrusted.FileError as error:
            raise UsageError(f"{folder / name}: {error}") from None
        if sha256(found[name]) != digest:
            raise UsageError(f"{folder / name}: is not the file that manifest.json describes")
    return HostParts(value["inputs"], value["outputs"], source, states, value["lengths"], taps,
                     found.get(BEFORE), found.get(AFTER))  # fmt: skip


def describe(plan: Plan) -> list[str]:
    """The place of each part, one line each, and the engine's share of weights."""
    layers = [
        f"{la.cell.name} {la.inputs['x']} -> {la.outputs}{' backwards' if way else ''}"
        for _, way, network in plan.model.networks()
        for la in network.layers
    ]
    lines = [f"on the engine: {', '.join(layers)}"]
    host = 0
    for text, part in (("before", plan.before), ("after", plan.after)):
        if part is None:
            continue
        kinds = [n.op_type for n in part.graph.node if n.op_type != "Constant"]
        lines.append(f"on the host, {text} the engine: {', '.join(kinds)}")
        sizes = {t.name: int(np.prod(t.dims)) for t in part.graph.initializer}
        products = [n for n in part.graph.node if n.op_type in ("MatMul", "Gemm", "Conv")]
        host += sum(sizes.get(name, 0) for n in products for name in n.input[1:2])
    if len(lines) > 1:
        own = sum(w.size for _, _, n in plan.model.networks()
                  for la in n.layers for w in la.weights.values())  # fmt: skip
        lines.append(f"the engine holds {own / max(1, own + host):.1%} of the weights of products")
    if not any(la.cell.states for _, _, n in plan.model.networks() for la in n.layers) and host:
        lines.append(
            "the file has no LSTM, GRU or RNN node: if an exporter unrolled one (torch.nn.RNN by "
            "dynamo=True), export it with dynamo=False to run it on the engine"
        )
    return lines


def report(source: Source) -> list[str]:
    """Lines about a file: the place of each part, and unused tensors."""
    lines = [] if source.plan is None else describe(source.plan)
    if source.unused:
        more = f" and {len(source.unused) - 20} more" if len(source.unused) > 20 else ""
        lines.append(f"not in the image: {', '.join(source.unused[:20])}{more}")
    return [untrusted.clean(line) for line in lines]


def calibration(
    plan: Plan | None, given: ArrayLike | Mapping[str, np.ndarray] | None
) -> np.ndarray | None:
    """Frames of the engine of a calibration.

    Args:
        plan: of an ONNX file; None for others, which take frames as they are.
        given: frames of the engine, or inputs of a file whose first nodes are the host's.

    Raises:
        UsageError: names other than the file's inputs, or frames that are no finite numbers.
    """
    if given is None:
        return None
    if plan is None and isinstance(given, Mapping):
        raise UsageError("inputs by name are for an ONNX file; expected one array")
    by_name = isinstance(given, Mapping) or (isinstance(given, tuple) and plan is not None)
    if plan is None or (not by_name and (plan.plain or len(plan.inputs) > 1)):
        x = np.asarray(given)
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            raise UsageError("calibration inputs hold NaN or infinity")
        return x
    caught: list[np.ndarray] = []

    class Caught(Exception):  # noqa: N818
        pass

    def engine(x: np.ndarray, _: dict[str, np.ndarray]) -> Any:
        caught.append(x)
        raise Caught

    parts = dataclasses.replace(of_plan(plan), lengths="", after=None)
    with contextlib.suppress(Caught):
        parts.run(given, engine)
    return caught[0]
