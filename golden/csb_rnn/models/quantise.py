# SPDX-License-Identifier: Apache-2.0
"""From trained numbers to integers: the one quantiser, and the formats it chooses.

Weights and neurons lie on a grid of 16 bits: a value of ``frac`` fraction bits is a multiple of
``2^-frac`` that fits int16. Only its upper ``weight_w`` or ``data_w`` bits are stored, so the unit
of a stored neuron is ``2^-(frac - 16 + data_w)``, that of a weight likewise. The formats are:

* a neuron vector v has ``f_v`` fraction bits, 8 to 15 (``neu_shift = 15 - f_v``), the network's
  input ``x`` any number from 0 to 24;
* all products that meet in a drain share the fraction F of their sum, 23 to 30 (``shift`` =
  F - 23), so the weights that multiply v have ``F - f_v`` fraction bits. F is the largest with
  which weights and bias fit: one power of two for each gate, whatever the widths.

A :class:`QNetwork` depends on widths of a configuration, not on its shape.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from csb_rnn.cells.graph import Drain
from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.machine.isa import MUL_W
from csb_rnn.machine.numerics import GRID_W, Ints, limits
from csb_rnn.models import float_model
from csb_rnn.models.bounds import vector_bounds
from csb_rnn.models.directions import QModel, QSpan, turned
from csb_rnn.models.formats import INPUT_FRACS, NEURON_FRACS, SUM_FRACS, frac_for, to_int
from csb_rnn.models.integer_layer import QDrain, QLayer, QuantError
from csb_rnn.models.integer_network import QNetwork
from csb_rnn.network.network import GateInput, Layer, Model, Network, part_state

DEFAULT_X_FRAC = 12  # without calibration: |x| < 8
DEFAULT_NEURON_FRAC = 12  # of a vector that the cell does not bound: |v| < 8
MARGIN = 1.25  # room above the largest value seen in calibration


def _drain(
    layer: Layer, d: Drain, fracs: Mapping[str, int], cfg: Config, where: str
) -> tuple[QDrain, dict[str, Ints], dict[str, int]]:
    """Integers of one drain: (QDrain, weights by input, weight fractions by input)."""
    dropped = GRID_W - cfg.weight_w
    top = limits(cfg.weight_w)[1]
    bias = sum(
        (layer.biases.get((d.gate, i), 0.0) for i in d.bias_of), np.zeros(layer.units(d.gate))
    )
    reason = ""
    for total in reversed(SUM_FRACS):
        weights = {}
        for i in d.inputs:
            w = to_int(layer.weights[d.gate, i], total - fracs[i] - dropped)
            if np.abs(w).max() > top:
                largest = np.abs(layer.weights[d.gate, i]).max()
                reason = (
                    f"weight {largest:.4g} of W[{d.gate}, {i}] with {fracs[i]} bit {i} is too large"
                )
                break
            weights[i] = w
        if len(weights) < len(d.inputs):
            continue
        b = to_int(bias, total - dropped - (GRID_W - cfg.data_w))
        load = sum(np.abs(w).sum(axis=1) for w in weights.values()) << (cfg.data_w - 1)
        over = np.flatnonzero(load + np.abs(b) >= 1 << (cfg.acc_w - 1))
        if len(over):
            reason = f"row {over[0]} overflows the {cfg.acc_w}-bit accumulator"
            continue
        return (
            QDrain(b, total - SUM_FRACS[0], total),
            weights,
            {i: total - fracs[i] for i in weights},
        )
    raise QuantError(f"{where}, drain {d.name}: {reason}")


def _constants(layer: Layer, cfg: Config, where: str) -> dict[str, Ints]:
    """Constants as fine state words.

    Raises:
        QuantError: one does not fit the state memory, or the narrow operand that takes its copy.
    """
    out = {}
    for k, v in layer.constants.items():
        copies = [n.name for n in layer.cell.elems if n.memory == (f"const:{k}",)]
        narrow = {op for n in layer.cell.elems for op in (n.m0, n.m1)}
        top = limits(MUL_W if narrow & set(copies) else cfg.state_w)[1]
        out[k] = to_int(v, LANE_FRAC)
        if np.abs(out[k]).max(initial=0) > top:
            raise QuantError(
                f"{where}: constant {k} reaches {np.abs(v).max():.4g}, it holds less than "
                f"{(top + 1) / 2**LANE_FRAC:g}"
            )
    return out


def quantise(
    network: Network,
    cfg: Config,
    calibrate: ArrayLike | None = None,
    state: Mapping[str, ArrayLike] | None = None,
    x_frac: int | None = None,
) -> QNetwork:
    """The network in integers.

    Args:
        network: what was trained.
        cfg: widths are used, nothing else.
        calibrate: float inputs ``[frames, inputs]`` or ``[streams, frames, inputs]`` that set
            the formats of the input and of vectors that their cell does not bound. Without it
            both have 12 fraction bits (range -8 to 8).
        state: initial state of the calibration, which bounds vectors as well.
        x_frac: fraction bits of the input on the 16-bit grid, instead of the calibrated ones.

    Raises:
        QuantError: no format holds a weight, a bias or the sum of a row.
    """
    state = state or {}
    peaks: dict[str, float] = {}
    if calibrate is not None:
        x = np.asarray(calibrate, np.float64)
        if x.ndim not in (2, 3) or x.shape[-1] != network.inputs or 0 in x.shape:
            raise QuantError(f"calibration has shape {x.shape}, not [frames, {network.inputs}]")
        if not np.isfinite(x).all():
            raise QuantError("calibration inputs hold NaN or infinity")
        peaks["x"] = float(np.abs(x).max())
        if peaks["x"] > 2.0 ** (GRID_W - 1):
            raise QuantError(
                f"calibration inputs reach {peaks['x']:.3g}, an input holds at most "
                f"{2 ** (GRID_W - 1)}: scale the inputs"
            )
    frac = x_frac
    if frac is None:
        known = "x" in peaks
        frac = frac_for(peaks["x"] * MARGIN, INPUT_FRACS) if known else DEFAULT_X_FRAC
    if frac not in INPUT_FRACS:
        raise QuantError(f"the input can have 0 to {INPUT_FRACS[-1]} fraction bits, not {frac}")
    layers = []
    for n, layer in enumerate(network.layers):
        where = f"layer {n}"
        initial = {
            s: float(np.abs(state[f"{s}_l{n}"]).max())
            for s in layer.cell.states
            if f"{s}_l{n}" in state
        }
        initial |= {f"const:{k}": float(np.abs(v).max()) for k, v in layer.constants.items()}
        bounds = vector_bounds(layer.cell, initial)
        fracs = {"x": frac}
        for node in layer.cell.elems:
            if node.vector is None and not node.output:
                continue
            kept_state = layer.cell.vectors.get(node.vector or "")
            start = initial.get(kept_state or "", 0.0)
            bound: float | None = bounds[node.name]
            if np.isinf(bounds[node.name]):
                if calibrate is not None and not peaks.keys() - {"x"}:
                    peaks |= float_model.peaks(network, calibrate, state)
                seen = peaks.get(f"{node.name}_l{n}")
                top = 2.0 ** (GRID_W - 1 - NEURON_FRACS[0])
                if max(seen or 0.0, start) >= top:
                    raise QuantError(
                        f"{where}: {node.name} reaches {max(seen or 0.0, start):.4g}, "
                        f"neurons hold less than {top:g}"
                    )
                bound = None if seen is None else max(seen * MARGIN, start)
                if seen is None and frac_for(start, NEURON_FRACS) < DEFAULT_NEURON_FRAC:
                    bound = start
            elif start > bounds[node.name]:  # the vector begins with the initial state
                bound = start
            f = DEFAULT_NEURON_FRAC if bound is None else frac_for(bound, NEURON_FRACS)
            if start > 2.0 ** (GRID_W - 1 - f):
                raise QuantError(
                    f"{where}: initial state {kept_state} reaches {start:.4g}, the vector "
                    f"'{node.vector}' holds at most {2.0 ** (GRID_W - 1 - f):g}"
                )
            if node.vector is not None:
                fracs[node.vector] = f
                kept = layer.cell.vectors[node.vector] is not None
                if kept and cfg.state_w < GRID_W + LANE_FRAC - f:
                    raise QuantError(
                        f"{where}: vector '{node.vector}' with {f} fraction bits does not fit a "
                        f"fine state of {cfg.state_w} bits"
                    )
            if node.output:
                fracs["out"] = f
        weights: dict[GateInput, Ints] = {}
        weight_fracs: dict[GateInput, int] = {}
        drains = {}
        for d in layer.cell.drains:
            drains[d.name], w, wf = _drain(layer, d, fracs, cfg, where)
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
                _constants(layer, cfg, where),
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
    )


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
        for reverse, network in p.networks.items():
            own = part_state(start, network.state_shapes(), p.first, reverse)
            x = None if v is None else turned(v, reverse)
            frac = spans[-1].frac + GRID_W - cfg.data_w if spans else None
            qs[reverse] = quantise(network, cfg, x, own, frac)
            if x is not None:
                parts.append(turned(float_model.run(network, x, own)[0], reverse))
        v = np.concatenate(parts, axis=-1) if parts else None
        spans.append(QSpan(qs, p.first, min(q.out_frac for q in qs.values())))
    return QModel(tuple(spans))
