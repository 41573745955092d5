# SPDX-License-Identifier: Apache-2.0
"""Pictures of builds, runs and searches: the data of each, drawn by :mod:`csb_rnn.pictures`.

matplotlib is imported when a picture is drawn. Every function gives a figure of it, whose
``savefig`` writes a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csb_rnn import pictures
from csb_rnn.errors import UsageError
from csb_rnn.execution.trace import timeline
from csb_rnn.flow import Build
from csb_rnn.models import directions
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.pictures import kernels, losses, rates, values
from csb_rnn.pictures import timeline as timelines
from csb_rnn.pictures.values import Track

ROWS = 4  # values of each kind: the most different ones
FRAMES = 24  # of a prediction; the picture shows some from its middle on


def matrices(build: Build) -> tuple[dict[str, NDArray[Any]], dict[str, int]]:
    """The matrices of a build in integers, and the side of the blocks of each, by name.

    Example: ``layer 0, r of h`` is the matrix of gate ``r`` and the input ``h``.
    """
    found: dict[str, NDArray[Any]] = {}
    sides = {}
    for part in build.parts:
        for n, layer in enumerate(part.quantised.layers, part.first):
            for (gate, vector), w in layer.weights.items():
                name = f"layer {n}{' reverse' if part.reverse else ''}, {gate} of {vector}"
                found[name], sides[name] = w, part.block or part.dealt_block or max(w.shape)
    return found, sides


def build_kernels(build: Build) -> Any:
    """The kernels of the six largest matrices of a build."""
    return kernels.kernels(*matrices(build))


def build_timeline(build: Build, frames: int = timelines.FRAMES) -> Any:
    """The timeline of frames in steady state, from the program alone.

    Raises:
        UsageError: no frame; a model of several parts.
    """
    t = timeline(build.part.compiled(), max(FRAMES, 2 * frames + 2))
    return timelines.timeline(t, frames)


def build_losses(build: Build) -> Any:
    """The lost cycles of a build, from the program alone.

    Raises:
        UsageError: a model of several parts.
    """
    return losses.losses(timeline(build.part.compiled(), FRAMES))


def plot_kernels(weights: Mapping[str, Any], block: int = 32) -> Any:
    """Blocks, kernels and kept weights of matrices, for example of a module in training:
    ``plot_kernels(dict(lstm.named_parameters()))``. Vectors are left out.

    Args:
        weights: tensors or arrays by name; the six largest matrices are drawn.
        block: side of a block.

    Raises:
        UsageError: no matrix; matplotlib is not installed.
    """
    arrays = {
        name: np.asarray(w.detach().cpu() if hasattr(w, "detach") else w)
        for name, w in weights.items()
    }
    return kernels.kernels({name: a for name, a in arrays.items() if a.ndim == 2}, block)


def plot_rates(
    results: Mapping[str, Mapping[float, float]],
    metric: str,
    *,
    target: float | None = None,
    dense: float | None = None,
    test: Mapping[str, Mapping[float, float]] | None = None,
    higher_is_better: bool = True,
    title: str = "",
) -> Any:
    """Results of a network against its pruning rate, an axis for each way of pruning.

    Example: ``plot_rates({"CSB": {4: 98.6, 8: 98.2, 16: 91.0}}, "accuracy, %", target=98)`` says
    that the target is met up to 8x.

    Args:
        results: rate -> result by the name of a way of pruning.
        metric: of the results.
        target: worst result that is good enough.
        dense: result without pruning.
        test: the same on other data, drawn beside them.
        higher_is_better: false for an error or a perplexity.
        title: over the picture.

    Raises:
        UsageError: no result; matplotlib is not installed.
    """

    def good(value: float) -> bool:
        return target is not None and (value >= target if higher_is_better else value <= target)

    curves = [
        rates.Curve(
            name,
            found,
            (test or {}).get(name, {}),
            max((rate for rate, value in found.items() if good(value)), default=None),
        )
        for name, found in results.items()
    ]
    return rates.rates(curves, metric, target, dense, title)


def check(build: Build, x: Any) -> None:
    """
    Raises:
        UsageError: several parts, streams or sequences, parts on the host; or no matplotlib.
    """
    if not build.single or build.host is not None or build.options.streams > 1 or np.ndim(x) != 2:
        raise UsageError("--plot draws one sequence [frames, inputs] of a model of one image")
    pictures.drawing()


def _chosen(name: str, machine: Any, source: Any | None) -> list[Track]:
    """The values of a kind that differ most, or the first ones without a source."""
    apart = np.zeros(machine.shape[1]) if source is None else np.abs(machine - source).max(axis=0)
    order = np.sort(np.argsort(-apart, kind="stable")[:ROWS])
    return [
        Track(f"{name}[{i}]", machine[:, i], None if source is None else source[:, i])
        for i in order.tolist()
    ]


def tracks(build: Build, x: NDArray[Any], outputs: NDArray[Any], state: Any) -> list[Track]:
    """Outputs of the RTL, and states of the fixed model after each frame, from which the RTL's
    outputs and last states do not differ if the report says so; beside the source in float.

    Args:
        build: of one image.
        x: ``[frames, inputs]``.
        outputs: of the RTL, ``[frames, outputs]``.
        state: initial states by name, or None.
    """
    q, c = build.part.quantised, build.config
    wanted = None if build.model is None else directions.run(build.model, x, state)[0]
    found = _chosen("output", outputs, wanted)
    start = state if state is not None else (build.initial_states() or None)
    integers: Any = None if start is None else q.quantise_state(start)
    fixed: dict[str, list[Any]] = {}
    floats: dict[str, list[Any]] = {}
    model, ints = FixedModel(q, c), q.quantise_inputs(x)
    float_state: Any = start
    for n in range(len(x)):
        _, integers = model.run(ints[n : n + 1], integers)
        for key, value in q.state_float(integers).items():
            fixed.setdefault(key, []).append(np.ravel(value))
        if build.model is not None:
            _, float_state = directions.run(build.model, x[n : n + 1], float_state)
            for key, value in float_state.items():
                floats.setdefault(key, []).append(np.ravel(value))
    for key, rows in fixed.items():
        if not np.array_equal(rows, outputs):  # h of the last layer is the output
            source = np.array(floats[key]) if key in floats else None
            found += _chosen(key, np.array(rows), source)
    return found


def plot(build: Build, x: Any, outputs: NDArray[Any], state: Any, out: Path) -> list[Path]:
    """All pictures of a run into its folder: ``values.png``, ``timeline.png``, ``losses.png``.

    Args:
        build, x, outputs, state: as :func:`tracks`.
        out: an existing folder.
    """
    t = timeline(build.part.compiled(), len(x))
    found = {
        "values": values.values(tracks(build, np.asarray(x), outputs, state)),
        "timeline": timelines.timeline(t),
        "losses": losses.losses(t),
    }
    return _written(found, out)


def plot_prediction(build: Build, out: Path) -> list[Path]:
    """Pictures of a build before it runs: ``kernels.png``, ``timeline.png``, ``losses.png``; of a
    model of several parts the first alone.

    Args:
        build: a compiled one.
        out: a folder, which is made if it is missing.

    Raises:
        UsageError: matplotlib is not installed.
        OSError: the folder cannot be written.
    """
    found = {"kernels": build_kernels(build)}
    if len(build.parts) == 1:
        found |= {"timeline": build_timeline(build), "losses": build_losses(build)}
    out.mkdir(parents=True, exist_ok=True)
    return _written(found, out)


def _written(found: Mapping[str, Any], out: Path) -> list[Path]:
    files = [out / f"{name}.png" for name in found]
    for file, figure in zip(files, found.values(), strict=True):
        pictures.save(figure, file)
    return files
