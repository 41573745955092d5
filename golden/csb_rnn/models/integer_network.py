# SPDX-License-Identifier: Apache-2.0
"""A network in integers: the input of the fixed model, the compiler and the image."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn.machine.config import Config
from csb_rnn.machine.config_ranges import RANGES
from csb_rnn.machine.numerics import GRID_W, Ints, Saturations, saturate
from csb_rnn.models.formats import to_float
from csb_rnn.models.integer_layer import QLayer, QuantError, is_int
from csb_rnn.models.integers import to_int
from csb_rnn.system.untrusted import show

MOST_LAYERS = 256


@dataclasses.dataclass(frozen=True)
class QNetwork:
    """A network in integers: what *fixed*, compiler and image are made from.

    Attributes:
        data_w, weight_w, state_w, state_frac, acc_guard: of the configuration it was made for.
        block, csb: as in :class:`~csb_rnn.network.network.Network`.
        kept_weights: non-zero weights before quantisation.
        x_gain: factor of each column of the input before it is rounded, which its weights take
            back; None if there is none. Example: a column up to 0.4 beside one up to
            90 has a gain of 64 and weights of a 64th.
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
    x_gain: tuple[float, ...] | None = None

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
        """Bits of the 16-bit grid without storage."""
        return GRID_W - self.data_w

    @property
    def x_frac(self) -> int:
        """Fraction bits of a stored input, whose unit is ``2^-x_frac / gain`` of its column."""
        return self.layers[0].fracs["x"] - self.dropped

    @property
    def out_frac(self) -> int:
        """Fraction bits of a stored output."""
        return self.layers[-1].fracs["out"] - self.dropped

    def check(self) -> QNetwork:
        """The network itself, if :func:`quantise` could have made it.

        Raises:
            QuantError: it could not; one line with the first odd number.
        """
        for name in ("data_w", "weight_w", "state_w", "state_frac", "acc_guard"):
            if not is_int(getattr(self, name), RANGES[name]):
                raise QuantError(f"{name} is {show(getattr(self, name))}")
        if not (self.block is None or is_int(self.block, RANGES["max_block"])):
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
        good = self.x_gain is None or (
            len(self.x_gain) == self.inputs
            and all(type(g) is float and 2.0**-64 <= g <= 2.0**64 for g in self.x_gain)
        )
        if not good:
            raise QuantError(f"x_gain is not {self.inputs} factors")
        stored = sum(w.size for la in self.layers for w in la.weights.values())
        if not is_int(self.kept_weights, range(stored + 1)):
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
        scaled = x  # the driver in C multiplies in single precision
        if self.x_gain is not None:
            scaled = np.float32(x) * np.asarray(self.x_gain, np.float32)
        return saturate(to_int(scaled, self.x_frac), self.data_w, counts, "input")

    def x_limits(self) -> NDArray[np.float64]:
        """Largest |x| of each column, ``[inputs]``."""
        gain = np.ones(self.inputs) if self.x_gain is None else np.asarray(self.x_gain)
        return 2.0 ** (self.data_w - 1 - self.x_frac) / gain

    def output_float(self, y: ArrayLike) -> NDArray[np.float32]:
        """Integer outputs as float32, exact."""
        return to_float(y, self.out_frac).astype(np.float32)

    def state_keys(self) -> dict[str, tuple[int, int]]:
        """Length and fraction bits of every state by its torch-like name: ``h_l0``, ``c_l0``, ...

        All have ``state_w`` bits; see :attr:`QLayer.fine` for those with more fraction bits.
        """
        return {
            f"{s}_l{n}": (la.units(f"state:{s}"), la.state_frac(s, self.state_frac))
            for n, la in enumerate(self.layers)
            for s in la.cell.states
        }

    def state_limits(self) -> dict[str, float]:
        """Largest |value| at the start of a run, by state: of its memory word, and of the
        neuron vectors with a copy. A GRU's h with 15 fraction bits: 1."""
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
            QuantError: an unknown name, a wrong shape, NaN or infinity, or a value beyond the
                format of the state or of a vector beginning with it.
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
        """A state as float32 under torch's names; exact, so a run can be resumed from it."""
        return {
            k: to_float(state[k], frac).astype(np.float32)
            for k, (_, frac) in self.state_keys().items()
        }
