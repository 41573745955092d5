# SPDX-License-Identifier: Apache-2.0
"""A layer in integers from a file: a number out of its range is refused, its neighbour not."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.models.formats import NEURON_FRACS
from csb_rnn.models.integer_layer import QLayer, QuantError
from csb_rnn.models.outliers import MOST_WORDS
from csb_rnn.verify.random_layers import LayerCase

CFG = config.load("tiny")


def layer_of(cell: str, hidden: int = 5) -> QLayer:
    return quantise.quantise(LayerCase(3, cell, 4, hidden).network(), CFG).layers[0]


def other(layer: QLayer, field: str, key: Any, value: Any) -> QLayer:
    """The layer with one entry of one of its tables changed, added, or removed by None."""
    table = dict(getattr(layer, field))
    table[key] = value
    if value is None:
        del table[key]
    return dataclasses.replace(layer, **{field: table})


@pytest.mark.parametrize("cell", ["lstm", "gru", "lstmp", "peephole"])
def test_what_the_quantiser_makes_is_taken(cell: str) -> None:
    layer_of(cell).check(CFG, "layer")


def filled(a: np.ndarray, value: int) -> np.ndarray:
    out = a.copy()
    out.reshape(-1)[0] = value
    return out


def test_each_table_has_its_keys_and_nothing_else() -> None:
    layer = layer_of("lstmp")
    for field in ("sizes", "inputs", "fracs", "drains", "weights", "weight_fracs"):
        key, value = next(iter(getattr(layer, field).items()))
        for bad in (other(layer, field, "more", value), other(layer, field, key, None),
                    dataclasses.replace(layer, **{field: [1]})):  # fmt: skip
            with pytest.raises(QuantError, match=f"{field} are of other keys"):
                bad.check(CFG, "layer")


def test_integers_at_both_ends_of_their_ranges() -> None:
    layer = layer_of("lstm")
    key = ("i", "x")
    top = MOST_WORDS * ((1 << (CFG.weight_w - 1)) - 1)
    acc = (1 << (CFG.acc_w - 1)) - 1
    w, drain = layer.weights[key], layer.drains["i"]
    for sign in (-1, 1):
        other(layer, "weights", key, filled(w, sign * top)).check(CFG, "layer")
        bias = dataclasses.replace(drain, bias=filled(drain.bias, sign * acc))
        other(layer, "drains", "i", bias).check(CFG, "layer")
        with pytest.raises(QuantError, match="holds numbers beyond"):
            other(layer, "weights", key, filled(w, sign * (top + 1))).check(CFG, "layer")
        bias = dataclasses.replace(drain, bias=filled(drain.bias, sign * (acc + 1)))
        with pytest.raises(QuantError, match="bias holds numbers beyond"):
            other(layer, "drains", "i", bias).check(CFG, "layer")
    with pytest.raises(QuantError, match="has shape"):
        other(layer, "weights", key, w[:, :-1]).check(CFG, "layer")


@pytest.mark.parametrize("frac", [-65, -64, 64, 65])
def test_fractions_of_a_weight(frac: int) -> None:
    """Within -64 to 64 the message is about the drain, beyond about the range."""
    bad = other(layer_of("lstm"), "weight_fracs", ("i", "x"), frac)
    says = "fraction bits" if abs(frac) <= 64 else r"not -64 to 64"
    with pytest.raises(QuantError, match=says):
        bad.check(CFG, "layer")


def test_a_sum_has_the_shift_of_its_fractions() -> None:
    layer = layer_of("lstm")
    drain = layer.drains["i"]
    for change in ({"shift": drain.shift + 1}, {"frac": drain.frac + 1}, {"frac": 14},
                   {"shift": True}):  # fmt: skip
        with pytest.raises(QuantError, match="drain i"):
            other(layer, "drains", "i", dataclasses.replace(drain, **change)).check(CFG, "layer")


def test_sizes_fracs_and_states() -> None:
    layer = layer_of("lstm")
    for bad, says in (
        (dataclasses.replace(layer, hidden=0), "hidden size is 0"),
        (dataclasses.replace(layer, hidden=5.0), "hidden size"),
        (other(layer, "inputs", "h", 4), "input 'h' has length 4"),
        (other(layer, "inputs", "x", 0), "inputs"),
        (other(layer, "fracs", "h", NEURON_FRACS[0] - 1), "fracs"),
        (other(layer, "fracs", "out", layer.fracs["out"] - 1), "fracs"),
        (dataclasses.replace(layer, fine=frozenset()), "fine is not of its states"),
        (dataclasses.replace(layer, fine=layer.fine | {"z"}), "fine is not of its states"),
        (dataclasses.replace(layer, lift=99), "lift is 99"),
    ):
        with pytest.raises(QuantError, match=says):
            bad.check(CFG, "layer")


def test_a_kept_vector_fits_its_state() -> None:
    """A vector of fraction f needs 31 - f bits of its state; one in the frame alone needs none."""
    narrow = config.load("tiny", state_w=20, state_frac=12)
    layer = layer_of("lstmp")
    for name in ("h", "m"):
        f = NEURON_FRACS[0]
        lower = other(other(layer, "fracs", name, f), "fracs", "out", f if name == "h"
                      else layer.fracs["out"])  # fmt: skip
        if name == "h":
            with pytest.raises(QuantError, match="vector 'h' does not fit its state"):
                lower.check(narrow, "layer")
            with pytest.raises(QuantError, match="fraction bits"):  # the state is wide enough
                lower.check(CFG, "layer")
        else:
            with pytest.raises(QuantError, match="fraction bits"):
                lower.check(narrow, "layer")


def test_constants_are_as_wide_as_their_operand() -> None:
    """A peephole weight is a narrow operand of a multiplier: 18 bits, not the state's."""
    layer = layer_of("peephole")
    (name, value), *_ = layer.constants.items()
    for sign in (-1, 1):
        top = sign * ((1 << 17) - 1)
        other(layer, "constants", name, filled(value, top)).check(CFG, "layer")
        with pytest.raises(QuantError, match=f"constant {name} holds numbers beyond 131071"):
            other(layer, "constants", name, filled(value, top + sign)).check(CFG, "layer")
