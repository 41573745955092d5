# SPDX-License-Identifier: Apache-2.0
"""Networks to judge the number formats by, with the frames of calibration and test.

Two kinds. *Ordinary* ones have normal inputs and weights as torch draws them or as training leaves
them. *Wide* ones are like spectra and counters: heavy-tailed inputs to 128, weights to
64, states to 1,024. Example: ``spectra_gru`` reads 40 columns, of which the loudest reach 128 and
the quietest 0.5, and its largest weight is 64.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from csb_rnn.cells.graph import UNITS
from csb_rnn.experiments import tasks
from csb_rnn.machine.folders import ROOT
from csb_rnn.network import stacking
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.network import Floats, Model

STREAMS, FRAMES = 4, 250
SEQUENCES, MOST = 50, 3000  # of a shipped model's data, one after the other
Rng = np.random.Generator
Matrix = Callable[[Rng, int, int], Floats]


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and its frames.

    Attributes:
        name: of the row.
        wide: compared with float of 16-bit weights *and* inputs.
        model: in float.
        calibrate, test: ``[streams, frames, inputs]``, two draws of one distribution; of a shipped
            model ``[frames, inputs]`` of its validation and its test data.
        state: initial states, of calibration and test.
    """

    name: str
    wide: bool
    model: Model
    calibrate: Floats
    test: Floats
    state: dict[str, Floats] = dataclasses.field(default_factory=dict)


# --- matrices and frames ------------------------------------------------------------------------


def uniform(rng: Rng, rows: int, columns: int) -> Floats:
    """As torch draws them, for as many hidden units as columns."""
    return rng.uniform(-1, 1, (rows, columns)) * columns**-0.5


def laplace(density: float = 1.0) -> Matrix:
    """Of variance 1 / kept columns, as trained and pruned ones are."""

    def draw(rng: Rng, rows: int, columns: int) -> Floats:
        w = rng.laplace(0, (2 * columns * density) ** -0.5, (rows, columns))
        return w * (rng.random(w.shape) < density)

    return draw


def heavy(top: float, usual: float = 0.1) -> Matrix:
    """Heavy-tailed, the largest weight is ``top``."""

    def draw(rng: Rng, rows: int, columns: int) -> Floats:
        w = np.clip(rng.standard_t(2, (rows, columns)) * usual, -top, top)
        w.flat[rng.integers(w.size)] = top
        return w

    return draw


def normal_frames(rng: Rng, inputs: int) -> Floats:
    return rng.normal(size=(STREAMS, FRAMES, inputs))


def heavy_frames(rng: Rng, inputs: int) -> Floats:
    """Heavy-tailed, to 128 in every column."""
    return np.clip(rng.standard_t(2, (STREAMS, FRAMES, inputs)) * 4, -128, 128)


def spectrum(inputs: int) -> Floats:
    """Scale of each column of a spectrum: 32 at one end, 1/8 at the other."""
    return 2.0 ** np.linspace(5, -3, inputs)


def spectrum_frames(rng: Rng, inputs: int) -> Floats:
    """Columns of very different size, heavy-tailed, to 128."""
    x = rng.standard_t(3, (STREAMS, FRAMES, inputs)) * spectrum(inputs)
    return np.clip(x, -4 * spectrum(inputs), 4 * spectrum(inputs))


def spectrum_weights(rng: Rng, rows: int, columns: int) -> Floats:
    """Weights against the scale of the columns, as a trained network's do."""
    w = heavy(1e9, 1.0)(rng, rows, columns) / spectrum(columns) / columns**0.5
    w.flat[w.argmax()] = 64.0
    return np.clip(w, -64, 64)


# --- networks -----------------------------------------------------------------------------------


def tensors(
    rng: Rng,
    cell: str,
    inputs: int,
    hidden: int,
    layers: int = 1,
    w_x: Matrix = uniform,
    w_h: Matrix = uniform,
    outputs: int | None = None,
    ends: tuple[str, ...] = ("",),
) -> dict[str, Floats]:
    """A state dict with torch's names; only the first layer has ``w_x``, others ``w_h``."""
    made = stacking.find_cell(cell)
    gates = sum(made.spaces[g] == UNITS for g in made.gates)
    wide = outputs or hidden
    found = {}
    for n in range(layers):
        columns = inputs if n == 0 else wide * len(ends)
        for end in ends:
            draw = w_x if n == 0 else w_h
            found[f"weight_ih_l{n}{end}"] = draw(rng, gates * hidden, columns)
            found[f"weight_hh_l{n}{end}"] = w_h(rng, gates * hidden, wide)
            for name in ("ih", "hh"):
                found[f"bias_{name}_l{n}{end}"] = rng.uniform(-0.2, 0.2, gates * hidden)
            if outputs:
                found[f"weight_hr_l{n}{end}"] = w_h(rng, outputs, hidden)
    return found


def _model(cell: str, values: dict[str, Floats], ends: tuple[str, ...] = ("",)) -> Model:
    graph = stacking.find_cell(cell)
    layers = sum(k.startswith("weight_ih") and k[-1].isdigit() for k in values)
    return stacking.stack(
        [
            {bool(end): stacking.split_stacked(graph, values, n, end) for end in ends}
            for n in range(layers)
        ]
    )


def _case(
    name: str,
    cell: str,
    inputs: int,
    hidden: int,
    frames: Callable[[Rng, int], Floats] = normal_frames,
    wide: bool = False,
    **shape: object,
) -> Callable[[Rng], Case]:
    def make(rng: Rng) -> Case:
        model = _model(cell, tensors(rng, cell, inputs, hidden, **shape))  # type: ignore[arg-type]
        return Case(name, wide, model, frames(rng, inputs), frames(rng, inputs))

    return make


def _two_ways(rng: Rng) -> Case:
    values = tensors(rng, "lstm", 24, 48, 2, ends=("", "_reverse"))
    model = _model("lstm", values, ("", "_reverse"))
    return Case("lstm_two_ways", False, model, normal_frames(rng, 24), normal_frames(rng, 24))


def _shipped(name: str) -> Callable[[Rng], Case]:
    def make(_: Rng) -> Case:
        found = read_checkpoint(ROOT / "checkpoints" / f"{name}.npz")
        model = stacking.from_checkpoint(found)
        task = tasks.get(str(found.csb["task"]))
        calibrate, test = (
            np.concatenate(task.frames(found, split, SEQUENCES))[:MOST]
            for split in ("valid", "test")
        )
        return Case(name, False, model, calibrate, test)

    return make


def _counters(rng: Rng) -> Case:
    """An LSTM whose c starts at +-1,000 and is forgotten slowly."""
    values = tensors(rng, "lstm", 16, 32)
    values["bias_ih_l0"][32:64] += 6.0
    start = {"c_l0": rng.uniform(-1000, 1000, (STREAMS, 32))}
    frames = (normal_frames(rng, 16), normal_frames(rng, 16))
    return Case("lstm_counters", True, _model("lstm", values), *frames, start)


def _relu(rng: Rng) -> Case:
    """A ReLU RNN whose h reaches about 1,000."""
    values = tensors(rng, "rnn_relu", 16, 48, w_x=heavy(8.0, 0.5))
    x = [np.abs(heavy_frames(rng, 16)) for _ in range(2)]
    return Case("rnn_relu_to_1000", True, _model("rnn_relu", values), x[0], x[1])


CASES: tuple[Callable[[Rng], Case], ...] = (
    _case("lstm_torch", "lstm", 40, 128),
    _case("lstm_laplace", "lstm", 37, 33, layers=2, w_x=laplace(), w_h=laplace()),
    _case("gru_torch", "gru", 64, 256),
    _case("gru_laplace_10%", "gru", 37, 129, layers=2, w_x=laplace(0.1), w_h=laplace(0.1)),
    _case("rnn_tanh", "rnn", 20, 64),
    _case("lstmp", "lstmp", 40, 96, outputs=32),
    _case("ligru", "ligru", 40, 64, w_h=laplace(0.5)),
    _two_ways,
    _shipped("z1_lstm"),
    _shipped("z2_gru"),
    _shipped("z3_ligru"),
    _shipped("z4_lstmp"),
    _shipped("z6_lstm"),
    _case("spectra_lstm", "lstm", 40, 64, spectrum_frames, True, w_x=spectrum_weights),
    _case("spectra_gru", "gru", 40, 64, spectrum_frames, True, w_x=spectrum_weights),
    _case("heavy_lstm", "lstm", 40, 64, heavy_frames, True, w_x=heavy(64.0)),
    _case("heavy_gru", "gru", 40, 64, heavy_frames, True, w_x=heavy(64.0)),
    _counters,
    _relu,
)


def cases(names: tuple[str, ...] = ()) -> list[Case]:
    """All cases, or those of the names; each is drawn from a seed of its own."""
    found = [make(np.random.default_rng(n)) for n, make in enumerate(CASES)]
    return [c for c in found if not names or c.name in names]
