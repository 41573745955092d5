# SPDX-License-Identifier: Apache-2.0
"""From trained numbers to integers: the one quantiser, and the formats it chooses.

Weights and neurons lie on a grid of 16 bits: a value of ``frac`` fraction bits is a multiple of
``2^-frac`` within int16. Only its upper ``weight_w`` or ``data_w`` bits are stored, so the unit
of a stored neuron is ``2^-(frac - 16 + data_w)``, a weight's likewise. The formats are:

* a neuron vector v has ``f_v`` fraction bits, 8 to 15 (``neu_shift = 15 - f_v``), the network's
  input ``x`` any number from 0 to 24, and each of its columns a gain, taken back by its weights;
* all products of a drain share the fraction F of their sum, 15 to 46 (``shift`` =
  F - 15), so the weights that multiply v have ``F - f_v`` fraction bits. F is the largest for
  which weights and bias fit: one power of two for each gate, whatever the widths.

A :class:`QNetwork` depends on widths of a configuration, not on its shape.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.machine.numerics import GRID_W, Ints
from csb_rnn.models import float_model
from csb_rnn.models.bounds import vector_bounds
from csb_rnn.models.calibration import Seen, observe
from csb_rnn.models.choice import MARGIN, SUM_MARGIN, Chooser, Columns, allowed
from csb_rnn.models.directions import QModel, QSpan, turned
from csb_rnn.models.formats import INPUT_FRACS, NEURON_FRACS, frac_for
from csb_rnn.models.integer_layer import QLayer, QuantError
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.models.integers import make_constants, make_drain
from csb_rnn.models.lift import FREE_FRACS, best_lift, largest_lifted, lifted
from csb_rnn.models.wide_constants import all_widened
from csb_rnn.network.network import Floats, GateInput, Layer, Model, Network, part_state

DEFAULT_X_FRAC = 12  # without calibration: |x| < 8
DEFAULT_NEURON_FRAC = 12  # of a vector without a bound in its cell: |v| < 8


def _top_frac(
    layer: Layer,
    n: int,
    seen: Seen | None,
    initial: Mapping[str, float],
) -> dict[str, int]:
    """The most fraction bits of each vector, and of "out".

    Raises:
        QuantError: a value beyond neurons.
    """
    where, found = f"layer {n}", {}
    bounds = vector_bounds(layer.cell, initial)
    free = frozenset() if seen is None else lifted(layer.cell)
    for node in layer.cell.elems:
        if node.vector is None and not node.output:
            continue
        kept_state = layer.cell.vectors.get(node.vector or "")
        start = initial.get(kept_state or "", 0.0)
        bound: float | None = bounds[node.name]
        if np.isinf(bounds[node.name]):
            peak = None if seen is None else seen.largest(f"{node.name}_l{n}")
            fits = FREE_FRACS if node.name in free else NEURON_FRACS
            top = 2.0 ** (GRID_W - 1 - fits[0])
            if max(peak or 0.0, start) >= top:
                what = "initial state" if start >= top else "state" if kept_state else "vector"
                raise QuantError(
                    f"{where}: {node.name} reaches {max(peak or 0.0, start):.4g}, neurons hold "
                    f"less than {top:g}. The {what} is the reason: scale the inputs down"
                )
            bound = None if peak is None else max(peak * MARGIN, start)
            if peak is None and frac_for(start, NEURON_FRACS) < DEFAULT_NEURON_FRAC:
                bound = start
        elif start > bounds[node.name]:  # the vector begins with the initial state
            bound = start
        fits = FREE_FRACS if node.name in free else NEURON_FRACS
        f = DEFAULT_NEURON_FRAC if bound is None else frac_for(bound, fits)
        if start > 2.0 ** (GRID_W - 1 - f):
            raise QuantError(
                f"{where}: initial state {kept_state} reaches {start:.4g}, the vector "
                f"'{node.vector}' holds at most {2.0 ** (GRID_W - 1 - f):g}"
            )
        found[node.vector or "out"] = f
    return found


def _fine(
    layer: Layer,
    n: int,
    seen: Seen | None,
    initial: Mapping[str, float],
    cfg: Config,
    lift: int,
) -> frozenset[str]:
    """States that keep the fraction bits of the data path: those that are vectors too, and those
    that stayed small enough for it in calibration."""
    top, names = 2.0 ** (cfg.state_w - 1 - LANE_FRAC), lifted(layer.cell)
    found = {s for s in layer.cell.states if layer.cell.fine(s)}
    for node in layer.cell.elems:
        if node.state is None or node.state in found or seen is None:
            continue
        peak = seen.largest(f"{node.name}_l{n}")
        scale = 2.0**lift if node.name in names else 1.0
        if max(peak * SUM_MARGIN, initial.get(node.state, 0.0)) * scale < top:
            found.add(node.state)
    return frozenset(found)


def _largest_lifted(layer: Layer, n: int, seen: Seen) -> float | None:
    """See :func:`csb_rnn.models.lift.largest_lifted`; None if the cell has no lift."""
    if not lifted(layer.cell):
        return None
    peaks = {node.name: seen.largest(f"{node.name}_l{n}") for node in layer.cell.nodes}
    return largest_lifted(layer.cell, peaks, SUM_MARGIN)


def _check_kept(layer: Layer, fracs: Mapping[str, int], lift: int, cfg: Config, where: str) -> None:
    """
    Raises:
        QuantError: a state, a vector too, does not fit its memory word.
    """
    for vector, kept in layer.cell.vectors.items():
        if kept and cfg.state_w < GRID_W + LANE_FRAC + lift - fracs[vector]:
            raise QuantError(
                f"{where}: vector '{vector}' with {fracs[vector]} fraction bits does not fit a "
                f"fine state of {cfg.state_w} bits"
            )


def _columns(
    layer: Layer, n: int, seen: Seen, before: str, peaks: Floats | None
) -> dict[str, Columns]:
    """Sizes of the inputs of a layer's sums; ``before`` is the node behind x."""
    x = seen.square.get(f"{before}_l{n - 1}", seen.x_square) if n else seen.x_square
    found = {"x": Columns(x, peaks)}
    for v in layer.cell.vectors:
        found[v] = Columns(seen.square[f"{layer.cell.writer(v).name}_l{n}"])
    return found


def quantise(
    network: Network,
    cfg: Config,
    calibrate: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
    x_frac: int | None = None,
    x_gain: ArrayLike | None = None,
) -> QNetwork:
    """The network in integers.

    Args:
        network: the trained one.
        cfg: widths are used, nothing else.
        calibrate: float inputs ``[frames, inputs]`` or ``[streams, frames, inputs]`` for
            the formats of the input, of its columns, of vectors and of sums. Without it input and
            vectors without a bound by their cell have 12 fraction bits (range -8 to 8).
        state: initial state of the calibration, which bounds vectors as well.
        x_frac: fraction bits of the input on the 16-bit grid, instead of the calibrated ones.
        x_gain: with ``x_frac``, the gain of each column of the input.

    Raises:
        QuantError: no format holds a weight, a bias or the sum of a row.
    """
    state = state or {}
    if any(layer.constants for layer in network.layers):  # else none is too large
        network = all_widened(network)
    seen = None if calibrate is None else observe(network, calibrate, state)
    frac, given = x_frac, x_frac is not None
    if frac is None:
        top = None if seen is None else seen.x_peak
        frac = DEFAULT_X_FRAC if top is None else frac_for(top * MARGIN, INPUT_FRACS)
    if frac not in INPUT_FRACS:
        raise QuantError(f"the input can have 0 to {INPUT_FRACS[-1]} fraction bits, not {frac}")
    gain = None if x_gain is None else np.asarray(x_gain, np.float64)
    layers = []
    for n, layer in enumerate(network.layers):
        where = f"layer {n}"
        initial = {
            s: float(np.abs(state[f"{s}_l{n}"]).max())
            for s in layer.cell.states
            if f"{s}_l{n}" in state
        }
        start = initial | {f"const:{k}": float(np.abs(v).max()) for k, v in layer.constants.items()}
        fracs = _top_frac(layer, n, seen, start)
        if n == 0 and gain is not None:
            layer = _gained(layer, gain)
        out = layer.cell.output.vector
        sums: dict[str, Floats] = {}
        lift, several = 0, False
        if seen is not None:
            free = None if n or given else seen.x_peaks
            before = network.layers[n - 1].cell.output.name if n else ""
            sums = {d.name: seen.peak[f"{d.name}_l{n}"] for d in layer.cell.drains}
            columns = _columns(layer, n, seen, before, free)
            if n == 0 and gain is not None:
                columns["x"] = Columns(columns["x"].square * gain**2)
            largest = _largest_lifted(layer, n, seen)
            chooser = Chooser(layer, cfg, columns, sums, largest)
            fits = NEURON_FRACS if largest is None else FREE_FRACS
            most = {v: allowed(fracs[v], fits) for v in layer.cell.vectors}
            choice = chooser.choose(most, None if free is not None else frac, out)
            fracs |= choice.fracs
            several = choice.several
            if choice.scale is not None:
                gain = np.ldexp(choice.scale, -frac)
                layer = _gained(layer, gain)
            lift = 0 if largest is None else best_lift(fracs[str(out)], largest, cfg)
        _check_kept(layer, fracs, lift, cfg, where)
        fracs = {"x": frac} | fracs
        fracs["out"] = fracs[str(out)]
        weights: dict[GateInput, Ints] = {}
        weight_fracs: dict[GateInput, int] = {}
        drains = {}
        for d in layer.cell.drains:
            drains[d.name], w, wf = make_drain(
                layer,
                d,
                fracs,
                cfg,
                where,
                sums.get(d.name),
                lift if d.name in lifted(layer.cell) else 0,
                None if seen is None else seen.moments.get(f"{d.name}_l{n}"),
                gain if n == 0 else None,
                several,
            )
            weights |= {(d.gate, i): v for i, v in w.items()}
            weight_fracs |= {(d.gate, i): v for i, v in wf.items()}
        layers.append(
            QLayer(
                layer.cell,
                layer.hidden,
                dict(layer.inputs),
                weights,
                weight_fracs,
                drains,
                fracs,
                dict(layer.sizes),
                make_constants(layer, cfg, where),
                _fine(layer, n, seen, initial, cfg, lift),
                lift,
            )
        )
        frac = fracs["out"]
    return QNetwork(
        tuple(layers),
        cfg.data_w,
        cfg.weight_w,
        cfg.state_w,
        cfg.state_frac,
        cfg.acc_guard,
        network.kept_weights,
        network.block,
        network.csb,
        None if gain is None else tuple(float(g) for g in gain),
    )


def _gained(layer: Layer, gain: Floats) -> Layer:
    """The layer whose x is multiplied by a gain for each column."""
    weights = {k: w / gain if k[1] == "x" else w for k, w in layer.weights.items()}
    return dataclasses.replace(layer, weights=weights)


def quantise_model(
    model: Model,
    cfg: Config,
    calibrate: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
) -> QModel:
    """The model in integers, span by span; see :func:`quantise`."""
    start = {**model.initial, **(state or {})}
    v = None if calibrate is None else np.asarray(calibrate, np.float64)
    spans: list[QSpan] = []
    for p in model.spans:
        qs, parts = {}, []
        given: dict[bool, tuple[Any, Any]] = {}
        for reverse, network in p.networks.items():
            own = part_state(start, network.state_shapes(), p.first, reverse)
            x = None if v is None else turned(v, reverse)
            frac = spans[-1].frac + GRID_W - cfg.data_w if spans else None
            qs[reverse], given[reverse] = quantise(network, cfg, x, own, frac), (x, own)
            if x is not None:
                parts.append(turned(float_model.run(network, x, own)[0], reverse))
        gains = [q.x_gain for q in qs.values() if q.x_gain is not None]
        if len(gains) > 1:  # two directions read the same integers
            gain = np.max(gains, axis=0)
            for reverse, network in p.networks.items():
                frac = qs[reverse].layers[0].fracs["x"]
                qs[reverse] = quantise(network, cfg, *given[reverse], frac, gain)
        v = np.concatenate(parts, axis=-1) if parts else None
        spans.append(QSpan(qs, p.first, min(q.out_frac for q in qs.values())))
    return QModel(tuple(spans))
