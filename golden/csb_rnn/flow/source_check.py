# SPDX-License-Identifier: Apache-2.0
"""The model beside its file: run by the file's own tool, compared in float.

"All equal" of a simulation compares the machine with our model of the network. Here the model is
compared with the network: an ONNX file runs in ONNX Runtime, a state dict in ``torch.nn`` after a
strict load, a module in torch. Frames and streams are 11 and 3 where the file leaves them open: two
primes, so mixed-up axes have another shape or other numbers. A difference of more
than 1e-4 of the largest value is an error with the layer, the frame and the unit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.errors import UsageError
from csb_rnn.flow.drawn_inputs import FRAMES, SIZES, STREAMS, draw_inputs
from csb_rnn.models import directions
from csb_rnn.network.checkpoint import Checkpoint
from csb_rnn.network.network import Model
from csb_rnn.network.onnx import OnnxError, Plan, hosting, worker
from csb_rnn.network.read import Source

MOST_FRAMES = 32
LIMIT = 1e-4  # of the largest value
TORCH_CELLS = ("lstm", "lstmp", "gru", "rnn", "rnn_relu")

UNCHECKED = {"tool": None, "inputs": "", "difference": 0.0, "reason": "--unchecked-source"}

Arrays = Mapping[str, np.ndarray]


class SourceError(UsageError):
    """The model differs from the file, or the difference cannot be found out."""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_source(source: Source, calibrate: ArrayLike | None = None) -> dict[str, Any]:
    """Compare the model of a file with the file.

    Args:
        source: of :func:`csb_rnn.network.read.read_source`.
        calibrate: frames ``[frames, inputs]`` or ``[streams, frames, inputs]`` of the engine, used
            if the file takes them as they are; else frames are drawn.

    Returns:
        The record for the manifest: ``tool``, ``inputs``, ``difference`` (largest, of the largest
        value), ``reason`` if nothing was run.

    Raises:
        SourceError: they differ, or the tool is missing.
    """
    if source.plan is not None:
        return _onnx(source, source.plan, calibrate)
    if not source.parts:
        return _record(None, "", 0.0, "a description is the only source of its model")
    odd = [c.cell for c in source.parts if isinstance(c, Checkpoint) and c.cell not in TORCH_CELLS]
    if odd:
        return _record(None, "", 0.0, f"torch has no module for the cell {odd[0]}")
    return _state_dict(source, calibrate)


def _record(tool: str | None, inputs: str, difference: float, reason: str = "") -> dict[str, Any]:
    return {"tool": tool, "inputs": inputs, "difference": difference, "reason": reason}


def _needs(package: str) -> str:
    found = _version(package)
    if found is None:
        raise SourceError(
            f"{package} is not installed, so the model cannot be compared with its file: install "
            "it, or say --unchecked-source"
        )
    return f"{package} {found}"


def compare(where: str, got: np.ndarray, want: np.ndarray) -> tuple[float, str]:
    """Largest difference of the largest value, and where it is.

    Raises:
        SourceError: shapes differ, or the file's numbers are not finite.
    """
    if got.shape != want.shape:
        raise SourceError(
            f"{where}: the file gives {list(want.shape)}, our model {list(got.shape)}"
        )
    if not want.size:
        return 0.0, where
    if not np.isfinite(want).all():
        raise SourceError(f"{where}: the file itself gives NaN or infinity")
    error = np.abs(np.asarray(got, np.float64) - want)
    at = np.unravel_index(int(np.argmax(error)), error.shape)
    scale = max(float(np.abs(want).max()), 1e-6)
    place = f"{where}, index {[int(i) for i in at]}: {got[at]:.6g}, the file has {want[at]:.6g}"
    return float(error[at]) / scale, place


def _refuse(place: str) -> SourceError:
    return SourceError(f"the model is not what the file computes: {place}; convert the file if it "
                       "computes in 16 bits, else please report it")  # fmt: skip


# --- state dicts ----------------------------------------------------------------------------------


def torch_module(c: Checkpoint) -> Any:
    """``torch.nn``'s module of a checkpoint, loaded strictly."""
    import torch

    first = c.layers[0]
    options: dict[str, Any] = {"bias": first.bias, "bidirectional": first.bidirectional}
    if first.proj:
        options["proj_size"] = first.proj
    if c.cell.startswith("rnn"):
        options["nonlinearity"] = "relu" if c.cell == "rnn_relu" else "tanh"
    kind = {"lstm": torch.nn.LSTM, "lstmp": torch.nn.LSTM, "gru": torch.nn.GRU}
    module = kind.get(c.cell, torch.nn.RNN)(
        first.inputs, first.hidden, len(c.layers), batch_first=True, **options
    )
    module.load_state_dict({k: torch.from_numpy(v) for k, v in c.tensors.items()}, strict=True)
    return module.eval()


def _states(c: Checkpoint, first: int, given: Arrays | None, rows: int) -> Any:
    """Initial states as a module takes them: ``[layers * directions, streams, units]``."""
    import torch

    if given is None:
        return None
    ends = ["", "_reverse"] if c.layers[0].bidirectional else [""]
    out = []
    for name in "hc" if c.cell.startswith("lstm") else "h":
        keys = [f"{name}_l{first + la.index}{e}" for la in c.layers for e in ends]
        stacked = np.stack(
            [np.broadcast_to(given[k], (rows, np.shape(given[k])[-1])) for k in keys]
        )
        out.append(torch.from_numpy(np.ascontiguousarray(stacked, np.float32)))
    return tuple(out) if len(out) > 1 else out[0]


def _run_torch(source: Source, x: np.ndarray, given: Arrays | None) -> np.ndarray:
    import torch

    v, first = torch.from_numpy(np.asarray(x, np.float32)), 0
    with torch.no_grad():
        for part in source.parts:
            if isinstance(part, Checkpoint):
                v = torch_module(part)(v, _states(part, first, given, len(x)))[0]
                first += len(part.layers)
            else:
                w = torch.from_numpy(part[0]).float()
                b = None if part[1] is None else torch.from_numpy(part[1]).float()
                v, first = torch.nn.functional.linear(v, w, b), first + 1
    return v.numpy()


def _frames(model: Model, calibrate: ArrayLike | None) -> tuple[np.ndarray, str]:
    """``[streams, frames, inputs]`` to compare with, and their name."""
    if calibrate is not None:
        x = np.asarray(calibrate, np.float64)
        x = (x[None] if x.ndim == 2 else x)[:8, :MOST_FRAMES]
        if x.ndim == 3 and x.shape[-1] == model.inputs and x.size:
            return x, f"{len(x)} x {x.shape[1]} frames of the calibration"
    rng = np.random.default_rng(0)
    return rng.normal(size=(STREAMS, FRAMES, model.inputs)), f"{STREAMS} x {FRAMES} frames, seed 0"


def _drawn(model: Model, streams: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {k: rng.uniform(-0.9, 0.9, (streams, n)) for k, n in model.state_shapes().items()}


def _state_dict(source: Source, calibrate: ArrayLike | None) -> dict[str, Any]:
    tool = _needs("torch")
    x, inputs = _frames(source.model, calibrate)
    worst = 0.0
    for given in (None, _drawn(source.model, len(x))):
        want = _run_torch(source, x, given)
        zero = {k: np.zeros(n) for k, n in source.model.state_shapes().items()}
        got, _ = directions.run(source.model, np.float32(x), given or zero)
        error, place = compare("outputs [stream, frame, unit]", got, want)
        if not error <= LIMIT:
            raise _refuse(place)
        worst = max(worst, error)
    return _record(tool, f"{inputs}, with and without initial states", worst)


# --- ONNX files -----------------------------------------------------------------------------------


def run_plan(
    plan: Plan, feeds: Arrays, engine: Callable[..., Any] | None = None
) -> dict[str, np.ndarray]:
    """The file's outputs by its parts, with the float model as engine unless told otherwise."""

    def float_engine(x: np.ndarray, state: dict[str, np.ndarray]) -> Any:
        return directions.run(plan.model, x, state)

    return hosting.of_plan(plan).run(feeds, engine or float_engine)[0]


def run_file(plan: Plan, feeds: Arrays, extra: list[str] | None = None) -> dict[str, np.ndarray]:
    """The file's outputs, and other tensors of it, by ONNX Runtime.

    Raises:
        SourceError: it cannot run.
    """
    from onnx import ValueInfoProto

    proto, wanted = plan.original, [*plan.outputs, *(extra or [])]
    if extra:
        proto = type(proto)()
        proto.CopyFrom(plan.original)
        proto.graph.output.extend(ValueInfoProto(name=n) for n in extra)
    try:
        got = worker.ask("run", proto.SerializeToString(), dict(feeds), wanted)
    except worker.WorkerError as error:
        raise SourceError(f"the file itself cannot run in ONNX Runtime: {error}") from None
    return dict(zip(wanted, got, strict=True))


def _inputs(
    plan: Plan, calibrate: ArrayLike | None, full: bool
) -> tuple[dict[str, np.ndarray], str]:
    feeds = draw_inputs(plan, full=full)
    name, layout = plan.source
    if calibrate is not None and name in feeds:
        x = np.asarray(calibrate, np.float32)
        x = (x[None] if x.ndim == 2 else x)[:8, :MOST_FRAMES]
        try:
            made = layout.tensor(x)
        except ValueError:
            return feeds, f"{_shapes(feeds)}, seed 0 (the calibration has another shape)"
        alone = len(feeds) == 1 and (plan.streams in (None, len(x)))
        if alone:
            return {name: made}, f"{list(made.shape)} of the calibration"
    return feeds, f"{_shapes(feeds)}, seed 0"


def _runnable(
    plan: Plan, feeds: dict[str, np.ndarray], inputs: str, full: bool
) -> tuple[dict[str, np.ndarray], str]:
    """Inputs of the file itself: those given, else drawn ones of other sizes."""
    for frames, streams in ((0, 0), *SIZES):
        drawn = draw_inputs(plan, 0, frames, streams, full) if frames else feeds
        with contextlib.suppress(SourceError):
            run_file(plan, drawn)
            return drawn, f"{_shapes(drawn)}, seed 0" if frames else inputs
    return feeds, inputs


def _shapes(feeds: Arrays) -> str:
    return ", ".join(f"{n} {list(a.shape)}" for n, a in feeds.items())


def _onnx(source: Source, plan: Plan, calibrate: ArrayLike | None) -> dict[str, Any]:
    tool = _needs("onnxruntime")
    full = source.module is not None
    feeds, inputs = _inputs(plan, calibrate, full)
    model = plan.model  # the file's own states, not those of --initial
    feeds, inputs = _runnable(plan, feeds, inputs, full)
    try:
        want, got = run_file(plan, feeds), run_plan(plan, feeds)
    except OnnxError as error:
        raise SourceError(str(error)) from None
    worst = 0.0
    for name, value in want.items():
        if value.dtype.kind not in "fiub":
            raise SourceError(f"output '{name}' is of type {value.dtype}; supported: numbers")
        difference, place = compare(f"output '{name}'", got[name], value)
        if not difference <= LIMIT:
            raise _refuse(_first_layer(plan, model, feeds) or place)
        worst = max(worst, difference)
    if source.module is not None:
        for name, value in _run_module(source.module, plan, feeds).items():
            difference, place = compare(f"output '{name}' of the module", got[name], value)
            if not difference <= LIMIT:
                raise _refuse(place)
            worst = max(worst, difference)
        tool = f"{_needs('torch')}, {tool}"
    return _record(tool, inputs, worst)


def _run_module(module: Any, plan: Plan, feeds: Arrays) -> dict[str, np.ndarray]:
    """Outputs of a module of torch, in the order and with the names of its export."""
    import torch

    training = module.training
    module.eval()
    with torch.no_grad():
        got = module(*[torch.from_numpy(feeds[n]) for n in plan.inputs])
    module.train(training)
    flat: list[np.ndarray] = []

    def add(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            flat.append(value.numpy())
        elif isinstance(value, (tuple, list)):
            for v in value:
                add(v)
        elif isinstance(value, dict):
            add(list(value.values()))

    add(got)
    if len(flat) != len(plan.outputs):
        raise SourceError(f"the module has {len(flat)} outputs, its export {len(plan.outputs)}")
    return dict(zip(plan.outputs, flat, strict=True))


def _first_layer(plan: Plan, model: Model, feeds: Arrays) -> str | None:
    """The first layer whose frames differ, with the frame and the unit."""
    known = {o for n in plan.original.graph.node for o in n.output}
    probes = [p for p in plan.probes if p.tensor in known]
    tensors: dict[str, np.ndarray] = dict(feeds)
    if not probes:
        return None
    if plan.before is not None:
        tensors |= hosting.run_part(plan.before.SerializeToString(), tensors)
    x, state = hosting.engine_inputs(plan.source, plan.states, tensors)
    want = run_file(plan, feeds, [p.tensor for p in probes if p.tensor not in plan.outputs])
    for p in probes:
        y = directions.run_layers(model, x, p.layer + 1, state)
        mine = p.layout.tensor(y)
        if mine.shape != want[p.tensor].shape:
            return None
        scale = max(float(np.abs(want[p.tensor]).max()), 1e-6)
        theirs = p.layout.frames(want[p.tensor])
        error = np.abs(y - theirs)
        if error.max() > LIMIT * scale:
            s, t, u = (int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
            return (
                f"layer {p.layer} ('{p.name}'), stream {s}, frame {t}, unit {u}: "
                f"{y[s, t, u]:.6g}, the file has {theirs[s, t, u]:.6g}"
            )
    return None
