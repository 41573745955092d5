# SPDX-License-Identifier: Apache-2.0
"""Error of the fixed model and of float with 16-bit tensors, both against float.

Float with 16-bit tensors: each tensor of a layer (all gates of one input) is rounded to
``max |W| / 32,767``; of wide networks the inputs too. The limit is 1.5 times the 99.9th percentile
of its error, + 2^-14. Example: 3.0e-5 for a GRU gives 1.06e-4.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from csb_rnn.experiments.accuracy import causes, two_words
from csb_rnn.experiments.accuracy.networks import Case
from csb_rnn.machine.config import Config
from csb_rnn.machine.numerics import Saturations
from csb_rnn.models import directions
from csb_rnn.models.directions import QModel
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.models.quantise import quantise_model
from csb_rnn.network.network import Floats, Model, Network, Span

FACTOR, FLOOR, SHARE = 1.5, 2.0**-14, 99.9


def round16(a: Floats) -> Floats:
    """A tensor rounded to 65,535 even steps, from its largest to its smallest number."""
    step = float(np.abs(a).max(initial=0.0)) / 32767
    return np.round(a / step) * step if step else a


def of_16_bits(model: Model) -> Model:
    """The model with every weight tensor rounded on its own."""

    def rounded(network: Network) -> Network:
        layers = []
        for la in network.layers:
            weights: dict[tuple[str, str], np.ndarray] = {}
            for v in la.inputs:
                mine = {k: w for k, w in la.weights.items() if k[1] == v}
                stacked = round16(np.concatenate(list(mine.values())))
                ends = np.cumsum([len(w) for w in mine.values()])[:-1]
                weights |= dict(zip(mine, np.split(stacked, ends), strict=True))
            ordered = {k: weights[k] for k in la.weights}
            layers.append(dataclasses.replace(la, weights=ordered))
        return dataclasses.replace(network, layers=tuple(layers))

    spans = [Span({way: rounded(n) for way, n in s.networks.items()}, s.first) for s in model.spans]
    return dataclasses.replace(model, spans=tuple(spans))


def percentile(error: Floats) -> float:
    """The 99.9th percentile of |error|."""
    return float(np.percentile(np.abs(error), SHARE))


def measure(case: Case, cfg: Config) -> dict[str, Any]:
    """The row of a case; ``fixed`` is None and ``reason`` says why if no format holds it.

    Beyond the limit it has the error of each kind of rounding alone, see
    :mod:`csb_rnn.experiments.accuracy.causes`, and that with inputs of two words.
    """
    want, _ = directions.run(case.model, case.test, case.state)
    inputs = round16(case.test) if case.wide else case.test
    ideal, _ = directions.run(of_16_bits(case.model), inputs, case.state)
    tensors = percentile(ideal - want)
    row: dict[str, Any] = {
        "network": case.name,
        "wide": case.wide,
        "largest": float(np.abs(want).max()),
        "tensors": tensors,
        "limit": FACTOR * tensors + FLOOR,
        "fixed": None,
        "ratio": None,
        "saturations": None,
        "reason": "",
    }
    try:
        q = quantise_model(case.model, cfg, case.calibrate, case.state)
    except QuantError as error:
        return row | {"reason": str(error)}
    counts = Saturations()
    fixed = _fixed(case, q, cfg, want, counts)
    row |= {"fixed": fixed, "ratio": fixed / row["limit"], "saturations": counts.total()}
    if fixed > row["limit"]:
        for kind in causes.KINDS:
            alone = causes.run(case.model, q, case.test, case.state, (kind,))
            row[kind] = percentile(alone - want)
        both = two_words.split(case)
        q = quantise_model(both.model, cfg, both.calibrate, both.state)
        row["two_words"] = _fixed(both, q, cfg, want, Saturations())
    return row


def _fixed(case: Case, q: QModel, cfg: Config, want: Floats, counts: Saturations) -> float:
    """Error of the quantised model."""
    x, state = q.quantise_inputs(case.test, counts), q.quantise_state(case.state)
    y, _ = directions.run_fixed(q, cfg, x, state, counts)
    return percentile(q.output_float(y) - want)
