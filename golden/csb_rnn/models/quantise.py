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

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn.cells.graph import UNITS, Cell, Drain, Elem
from csb_rnn.errors import CsbError
from csb_rnn.machine.config import LANE_FRAC, RANGES, Config
from csb_rnn.machine.isa import MUL_W, SHIFT_BASE
from csb_rnn.machine.numerics import GRID_W, Ints, Saturations, limits, saturate
from csb_rnn.models import float_model
from csb_rnn.network.network import Floats, GateInput, Layer, Network
from csb_rnn.system.untrusted import show

NEURON_FRACS = range(LANE_FRAC - 7, LANE_FRAC + 1)  # neu_shift has 3 bits
INPUT_FRACS = range(25)
SUM_FRACS = range(LANE_FRAC + SHIFT_BASE, LANE_FRAC + SHIFT_BASE + 8)  # shift has 3 bits

DEFAULT_X_FRAC = 12  # without calibration: |x| < 8
DEFAULT_NEURON_FRAC = 12  # of a vector that the cell does not bound: |v| < 8
MARGIN = 1.25  # room above the largest value seen in calibration


SIZES = range(1, (1 << 16) + 1)  # of a vector: an input frame has no more
MOST_LAYERS = 256


class QuantError(CsbError, ValueError):
    """Numbers that no format holds; the message is one line that names them."""


def _is_int(value: Any, allowed: range | tuple[int, ...]) -> bool:
    return type(value) is int and value in allowed


def _span(allowed: range) -> str:
    return f"{allowed[0]} to {allowed[-1]}"


# --- formats ----------------------------------------------------------------------------------


def to_int(x: ArrayLike, frac: int) -> Ints:
    """``x * 2^frac`` as int64, to nearest with ties towards plus infinity.

    Not saturated, except that what is beyond all formats becomes +-2^62.
    """
    scaled = np.floor(np.ldexp(np.asarray(x, np.float64), frac) + 0.5)
    return np.clip(scaled, -(2.0**62), 2.0**62).astype(np.int64)


def to_float(x: ArrayLike, frac: int) -> Floats:
    """``x / 2^frac``, exact."""
    return np.ldexp(np.asarray(x, np.int64).astype(np.float64), -frac)


def frac_for(bound: float, fracs: range) -> int:
    """Most fraction bits with which a 16-bit value reaches ``bound``; of the range's, the least
    if none does (the value then saturates). A bound of exactly 2^n may lose its last unit."""
    for f in reversed(fracs):
        if bound <= 2.0 ** (GRID_W - 1 - f):
            return f
    return fracs[0]


def vector_bounds(cell: Cell, initial: Mapping[str, float] | None = None) -> dict[str, float]:
    """Largest |v| that each elem node can reach, by interval arithmetic over the frames.

    ``a*n + (1-a)*s`` with ``a`` a sigmoid is known as a mixture of ``n`` and ``s``. What grows
    from frame to frame is infinite.

    Args:
        cell: the cell.
        initial: largest |initial value| of each state, 0 where absent, and of each constant
            (``const:NAME``), infinite where absent.
    """
    initial = initial or {}
    state = {s: float(initial.get(s, 0.0)) for s in cell.states}
    constants = {f"const:{k}": float(initial.get(f"const:{k}", np.inf)) for k in cell.constants}
    nodes = {n.name: n for n in cell.nodes}

    def complement(a: str, b: str) -> bool:
        n, gate = nodes.get(a), nodes.get(b)  # either may be a constant or a state: no node
        return (
            isinstance(n, Elem)
            and gate is not None
            and (n.m0, n.x0, n.m1, n.sub, n.act) == ("one", "one", "one", True, "identity")
            and n.x1 == b
            and gate.act == "sigmoid"
        )

    value: dict[str, float] = {}
    for frame in range(4):
        reg = {"one": 1.0, "zero": 0.0} | constants
        value = {}
        for n in cell.nodes:
            if isinstance(n, Drain):
                v = np.inf
            else:
                x0, x1 = (state[x[6:]] if x[:6] == "state:" else reg[x] for x in (n.x0, n.x1))
                if not n.sub and (complement(n.m0, n.m1) or complement(n.m1, n.m0)):
                    v = max(x0, x1)
                elif complement(n.name, n.x1):
                    v = 1.0
                else:
                    terms = [m * x for m, x in ((reg[n.m0], x0), (reg[n.m1], x1)) if m and x]
                    v = sum(terms, 0.0)
                value[n.name] = v
            reg[n.name] = {"sigmoid": 1.0, "tanh": min(v, 1.0)}.get(n.act, v)
        after = {n.state: value[n.name] for n in cell.elems if n.state}
        grown = {s: max(state[s], after.get(s, 0.0)) for s in state}
        if grown == state:
            break
        state = {s: np.inf if frame == 2 and grown[s] > state[s] else grown[s] for s in state}
    return value


# --- result -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class QDrain:
    """Integers of a drain node.

    Attributes:
        bias: int64 ``[H]`` in accumulator units, ``2^-(frac - 32 + data_w + weight_w)``.
        shift: shift field of the drain word.
        frac: fraction bits F of the sum on the 16-bit grid, ``shift + 23``.
    """

    bias: Ints
    shift: int
    frac: int


@dataclasses.dataclass(frozen=True)
class QLayer:
    """A layer in integers, before it is dealt to rings.

    Attributes:
        weights: int64 ``[H, n]`` of each (gate, input), ``weight_w`` bits.
        weight_fracs: their fraction bits on the 16-bit grid.
        drains: bias and shift of each drain node.
        fracs: fraction bits on the 16-bit grid of "x", of every vector and of "out".
        sizes: units of each unit space other than the hidden one.
        constants: int64 ``[H]``, fine state words.
    """

    cell: Cell
    hidden: int
    inputs: dict[str, int]
    weights: dict[GateInput, Ints]
    weight_fracs: dict[GateInput, int]
    drains: dict[str, QDrain]
    fracs: dict[str, int]
    sizes: dict[str, int] = dataclasses.field(default_factory=dict)
    constants: dict[str, Ints] = dataclasses.field(default_factory=dict)

    def units(self, name: str) -> int:
        """Units of the space of a gate, vector, state (``state:h``) or constant."""
        return self.size(self.cell.spaces[name])

    def size(self, space: str) -> int:
        """Units of a space."""
        return self.hidden if space == UNITS else self.sizes[space]

    @property
    def output(self) -> Elem:
        """The node that the layer returns."""
        return self.cell.output

    @property
    def outputs(self) -> int:
        """Values that the layer returns."""
        return self.units(str(self.output.vector))

    def neu_shift(self, node: Elem) -> int:
        """``neu_shift`` field of a node that writes neurons or the output."""
        return LANE_FRAC - self.fracs[node.vector or "out"]

    def check(self, q: QNetwork, where: str) -> None:
        """Refuse integers that :func:`quantise` never makes, of a file for example.

        Args:
            q: the network, for its widths.
            where: for messages.

        Raises:
            QuantError: a size, shape, fraction or number out of its range; one line that names it.
        """
        cell = self.cell

        def need(good: Any, text: str) -> None:
            if not good:
                raise QuantError(f"{where}: {text}")

        def table(value: Any, keys: set[Any], name: str, allowed: range | None) -> None:
            need(isinstance(value, dict) and value.keys() == keys, f"{name} are of other keys")
            if allowed is None:
                return
            for k, v in value.items():
                need(_is_int(v, allowed), f"{name}[{k}] is {show(v)}, not {_span(allowed)}")

        def array(a: Any, shape: tuple[int, ...], top: int, name: str) -> None:
            need(a.shape == shape, f"{name} has shape {a.shape}, not {shape}")
            need(np.abs(a).max(initial=0) <= top, f"{name} holds numbers beyond {top}")

        need(_is_int(self.hidden, SIZES), f"hidden size is {show(self.hidden)}")
        table(self.sizes, {s for s in cell.spaces.values() if s != UNITS}, "sizes", SIZES)
        needed = {(d.gate, i): d for d in cell.drains for i in d.inputs}
        need(len(needed) == sum(len(d.inputs) for d in cell.drains), "a matrix is drained twice")
        table(self.inputs, {"x"} | {i for _, i in needed}, "inputs", SIZES)
        for i, n in self.inputs.items():
            need(i == "x" or n == self.units(i), f"input '{i}' has length {n}")
        outs = {n.vector for n in cell.elems if n.vector}
        table(self.fracs, {"x", "out"} | outs, "fracs", INPUT_FRACS)
        for name in ("out", *outs):
            need(self.fracs[name] in NEURON_FRACS, f"fracs[{name}] is not {_span(NEURON_FRACS)}")
            kept = name != "out" and cell.vectors[name] is not None
            bits = GRID_W + LANE_FRAC - self.fracs[name]
            need(not kept or bits <= q.state_w, f"vector '{name}' does not fit its state")
        need(self.fracs["out"] == self.fracs[str(cell.output.vector)], "fracs[out] is another one")
        acc_w = q.data_w + q.weight_w + q.acc_guard
        table(self.drains, {d.name for d in cell.drains}, "drains", None)
        table(self.weights, set(needed), "weights", None)
        table(self.weight_fracs, set(needed), "weight_fracs", range(-64, 65))
        for d in cell.drains:
            mine, units = self.drains[d.name], self.units(d.gate)
            name = f"drain {d.name}"
            need(_is_int(mine.frac, SUM_FRACS), f"{name}: {show(mine.frac)} fraction bits")
            need(mine.shift == mine.frac - SUM_FRACS[0], f"{name}: shift {show(mine.shift)}")
            array(mine.bias, (units,), 1 << 62, f"{name}: bias")
            load = np.zeros(units, np.int64)
            for i in d.inputs:
                w, label = self.weights[d.gate, i], f"W[{d.gate}, {i}]"
                array(w, (units, self.inputs[i]), limits(q.weight_w)[1], label)
                frac = mine.frac - self.fracs[i]
                need(self.weight_fracs[d.gate, i] == frac, f"{label} has {frac} fraction bits")
                load += np.abs(w).sum(axis=1)
            load <<= q.data_w - 1
            over = load + np.abs(mine.bias) >= 1 << (acc_w - 1)
            need(not over.any(), f"{name}: a row overflows the {acc_w}-bit accumulator")
        table(self.constants, set(cell.constants), "constants", None)
        for k, v in self.constants.items():
            copies = {n.name for n in cell.elems if n.memory == (f"const:{k}",)}
            narrow = {op for n in cell.elems for op in (n.m0, n.m1)}
            top = limits(MUL_W if narrow & copies else q.state_w)[1]
            array(v, (self.units(f"const:{k}"),), top, f"constant {k}")


@dataclasses.dataclass(frozen=True)
class QNetwork:
    """A network in integers: what *fixed*, compiler and image are made from.

    Attributes:
        data_w, weight_w, state_w, state_frac, acc_guard: of the configuration it was made for.
        block, csb: as in :class:`~csb_rnn.network.network.Network`.
        kept_weights: non-zero weights before quantisation.
    """

    layers: tuple[QLayer, ...]
    data_w: int
    weight_w: int
    state_w: int
    state_frac: int
    acc_guard: int
    kept_weights: int
    block: int | None = None
    csb: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def inputs(self) -> int:
        """Values of one input frame."""
        return self.layers[0].inputs["x"]

    @property
    def outputs(self) -> int:
        """Values of one output frame."""
        return self.layers[-1].outputs

    @property
    def dropped(self) -> int:
        """Bits of the 16-bit grid that are not stored."""
        return GRID_W - self.data_w

    @property
    def x_frac(self) -> int:
        """Fraction bits of a stored input: its unit is ``2^-x_frac``."""
        return self.layers[0].fracs["x"] - self.dropped

    @property
    def out_frac(self) -> int:
        """Fraction bits of a stored output."""
        return self.layers[-1].fracs["out"] - self.dropped

    def check(self) -> QNetwork:
        """The network itself, if :func:`quantise` could have made it.

        Raises:
            QuantError: it could not; one line that names the first odd number.
        """
        for name in ("data_w", "weight_w", "state_w", "state_frac", "acc_guard"):
            if not _is_int(getattr(self, name), RANGES[name]):
                raise QuantError(f"{name} is {show(getattr(self, name))}")
        if not (self.block is None or _is_int(self.block, RANGES["max_block"])):
            raise QuantError(f"block is {show(self.block)}")
        if not isinstance(self.csb, dict):
            raise QuantError(f"csb is {show(self.csb)}")
        if not 1 <= len(self.layers) <= MOST_LAYERS:
            raise QuantError(f"{len(self.layers)} layers, 1 to {MOST_LAYERS} are possible")
        before: QLayer | None = None
        for n, layer in enumerate(self.layers):
            layer.check(self, f"layer {n}")
            if before is not None and (layer.inputs["x"], layer.fracs["x"]) != (
                before.outputs,
                before.fracs["out"],
            ):
                raise QuantError(f"layer {n}: its input is not the output of layer {n - 1}")
            before = layer
        stored = sum(w.size for la in self.layers for w in la.weights.values())
        if not _is_int(self.kept_weights, range(stored + 1)):
            raise QuantError(f"kept_weights is {show(self.kept_weights)} of {stored}")
        return self

    def check_config(self, cfg: Config) -> None:
        """Refuse a configuration with other widths than these numbers were made for.

        Raises:
            QuantError: it has.
        """
        for name in ("data_w", "weight_w", "state_w", "state_frac", "acc_guard"):
            mine, its = getattr(self, name), getattr(cfg, name)
            if mine != its:
                raise QuantError(f"numbers are for {name} {mine}, {cfg.name} has {its}")

    def quantise_inputs(self, x: ArrayLike, counts: Saturations | None = None) -> Ints:
        """Inputs ``[..., inputs]`` as integers of ``data_w`` bits; saturates, counted as "input".

        Raises:
            QuantError: wrong width, NaN or infinity.
        """
        x = np.asarray(x, np.float64)
        if not x.ndim or x.shape[-1] != self.inputs:
            raise QuantError(f"inputs have shape {x.shape}: the network takes {self.inputs} wide")
        if not np.isfinite(x).all():
            frame = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
            raise QuantError(f"inputs hold NaN or infinity, first at index {frame}")
        return saturate(to_int(x, self.x_frac), self.data_w, counts, "input")

    def output_float(self, y: ArrayLike) -> NDArray[np.float32]:
        """Integer outputs as float32, exact."""
        return to_float(y, self.out_frac).astype(np.float32)

    def state_keys(self) -> dict[str, tuple[int, int]]:
        """Length and fraction bits of every state by its torch-like name: ``h_l0``, ``c_l0``, ...

        All have ``state_w`` bits. States that are neuron vectors too are fine (``Cell.fine``).
        """
        return {
            f"{s}_l{n}": (la.units(f"state:{s}"), LANE_FRAC if la.cell.fine(s) else self.state_frac)
            for n, la in enumerate(self.layers)
            for s in la.cell.states
        }

    def state_limits(self) -> dict[str, float]:
        """Largest |value| that a run can start from, by state: that of its memory word, and of the
        neuron vectors that hold it. A GRU's h with 15 fraction bits: 1."""
        found = {}
        for key, (_, frac) in self.state_keys().items():
            state, n = key.rsplit("_l", 1)
            la = self.layers[int(n)]
            vectors = [v for v, s in la.cell.vectors.items() if s == state]
            own = 2.0 ** (self.state_w - 1 - frac)
            found[key] = min([own, *(2.0 ** (GRID_W - 1 - la.fracs[v]) for v in vectors)])
        return found

    def zero_state(self, streams: int | None = None) -> dict[str, Ints]:
        """The state a run starts from unless told otherwise; arrays ``[H]`` or ``[streams, H]``."""
        lead = () if streams is None else (streams,)
        return {k: np.zeros((*lead, n), np.int64) for k, (n, _) in self.state_keys().items()}

    def quantise_state(
        self, state: Mapping[str, ArrayLike], counts: Saturations | None = None
    ) -> dict[str, Ints]:
        """Initial state from floats ``[H]`` or ``[streams, H]``; absent states are zero.

        The inverse of :meth:`state_float`. Nothing is clipped: exactly the limit of a format, a
        power of two, becomes its largest number, one unit below.

        Raises:
            QuantError: an unknown name, a wrong shape, NaN or infinity, or a value beyond what the
                state or a vector that begins with it holds.
        """
        keys = self.state_keys()
        limits_of = self.state_limits()
        lead: tuple[int, ...] = ()
        for key, value in state.items():
            if key not in keys:
                raise QuantError(f"unknown state '{key}': known are {', '.join(keys)}")
            shape, n = np.shape(value), keys[key][0]
            if len(shape) not in (1, 2) or shape[-1] != n:
                raise QuantError(f"state '{key}' has shape {shape}: its length is {n}")
            if lead and shape[:-1] and shape[:-1] != lead:
                raise QuantError(f"state '{key}' has {shape[0]} streams, others {lead[0]}")
            if not np.isfinite(np.asarray(value, np.float64)).all():
                raise QuantError(f"state '{key}' holds NaN or infinity")
            largest = float(np.abs(np.asarray(value, np.float64)).max(initial=0.0))
            if largest > limits_of[key]:
                raise QuantError(
                    f"state '{key}' reaches {largest:.4g}, the format holds at most "
                    f"{limits_of[key]:g}: build with this state (--initial), which chooses a "
                    "format for it, or scale it"
                )
            lead = shape[:-1] or lead
        return {
            k: np.broadcast_to(
                saturate(to_int(state.get(k, 0.0), frac), self.state_w, counts, "state"),
                (*lead, n),
            ).copy()
            for k, (n, frac) in keys.items()
        }

    def state_float(self, state: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float32]]:
        """A state as float32 under torch's names; exact, so that a run can be resumed from it."""
        return {
            k: to_float(state[k], frac).astype(np.float32)
            for k, (_, frac) in self.state_keys().items()
        }


# --- choosing formats --------------------------------------------------------------------------


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
