# SPDX-License-Identifier: Apache-2.0
"""Every named rounding and saturation point, and the activations over their whole input range."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csb_rnn.machine import config, numerics
from csb_rnn.machine.numerics import Saturations

TINY = {w: config.load("tiny", data_w=w) for w in (8, 12, 16)}
LANE = 26


def exact_round(x: int, n: int) -> int:
    return floor(Fraction(x, 2**n) + Fraction(1, 2))


def clip(x: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, x))


@given(st.integers(-(2**60), 2**60), st.integers(0, 40))
def test_round_shift(x, n):
    assert numerics.round_shift(x, n) == exact_round(x, n)


def test_ties_round_towards_plus_infinity():
    assert numerics.round_shift([-3, -2, -1, 0, 1, 2, 3], 1).tolist() == [-1, -1, 0, 0, 1, 1, 2]


@given(st.integers(-(2**60), 2**60), st.integers(2, 50))
def test_saturate(x, bits):
    counts = Saturations()
    assert numerics.saturate(x, bits, counts, "p") == clip(x, bits)
    assert counts["p"] == (clip(x, bits) != x)


lane = st.integers(-(2 ** (LANE - 1)), 2 ** (LANE - 1) - 1)


@given(st.data(), st.sampled_from([8, 12, 16]), st.integers(0, 31))
def test_drain_value(data, width, shift):
    cfg = TINY[width]
    half = 1 << (cfg.acc_w - 1)
    total = data.draw(st.integers(-half, half - 1))
    bias = data.draw(st.integers(max(-half, total - half + 1), min(half - 1, total + half)))
    want = clip(exact_round(total << (2 * (16 - width)), shift), LANE)
    assert numerics.drain_value(total - bias, bias, shift, cfg) == want


@given(lane, lane, lane, lane, st.booleans())
def test_element(m0, x0, m1, x1, sub):
    counts = Saturations()
    a, b = clip(m0, 18) * x0, clip(m1, 18) * x1
    want = clip(exact_round(a - b if sub else a + b, 15), LANE)
    assert numerics.element(m0, x0, m1, x1, sub, TINY[16], counts) == want
    assert counts["narrow"] == (clip(m0, 18) != m0) + (clip(m1, 18) != m1)


@given(lane, st.integers(0, 7), st.sampled_from([8, 12, 16]))
def test_state_and_neuron(v, shift, width):
    cfg = TINY[width]
    assert numerics.to_state(v, cfg) == clip(exact_round(v, 2), 24)
    assert numerics.from_state(numerics.to_state(v, cfg), cfg) == clip(exact_round(v, 2), 24) * 4
    assert numerics.to_neuron(v, shift, cfg) == clip(exact_round(v, shift + 16 - width), width)


def test_a_neuron_one_beyond_its_limit_is_counted_or_not():
    """2^15 becomes 2^15 - 1; only the hardware's count has it. Other numbers count in both."""
    v = np.array([32767, 32768, 32769, -32768, -32769])
    for one, want in ((True, 3), (False, 2)):
        counts = Saturations()
        numerics.to_neuron(v, 0, TINY[16], counts, one=one)
        assert counts == {"neuron": want}


def test_table_fits_its_words():
    base, slope = numerics.activation_table()
    assert len(base) == 1 << numerics.TABLE_AW
    assert base.min() >= 0
    assert base.max() < 1 << numerics.BASE_W
    assert slope.min() >= 0
    assert slope.max() < 1 << numerics.SLOPE_W
    assert (base + slope <= numerics.TABLE_ONE).all()


def sigmoid(v):
    return 0.5 * (1 + np.tanh(0.5 * v))


@pytest.mark.parametrize(("act", "exact"), [("sigmoid", sigmoid), ("tanh", np.tanh)])
def test_activation_over_all_inputs(act, exact, capsys):
    """All 2^26 inputs, in pieces: error at most 2^-14, monotonic, ends exact."""
    worst, at, before = 0.0, 0, -numerics.ONE
    for start in range(-(1 << (LANE - 1)), 1 << (LANE - 1), 1 << 21):
        x = np.arange(start, start + (1 << 21))
        y = numerics.activation(x, act)
        error = np.abs(y / numerics.ONE - exact(x / numerics.ONE))
        if error.max() > worst:
            worst, at = error.max(), x[error.argmax()]
        assert y[0] >= before
        assert (np.diff(y) >= 0).all()
        before = y[-1]
    with capsys.disabled():
        print(f"\n{act}: largest error {worst * 2**14:.3f} * 2^-14 at {at / numerics.ONE:.4f}")
    assert worst <= 2.0**-14
    ends = numerics.activation([-(1 << (LANE - 1)), (1 << (LANE - 1)) - 1], act).tolist()
    assert ends == [0 if act == "sigmoid" else -numerics.ONE, numerics.ONE]


@given(st.integers(-(1 << 20), 1 << 20))
def test_a_chord_is_followed_by_its_last_bit(x):
    """The sigmoid of |x| below 16, in Python's integers: 1024 steps a chord."""
    base, slope = numerics.activation_table()
    chord, step = divmod(min(abs(x), (1 << 19) - 1), 1024)
    s = int(base[chord]) + int(slope[chord]) * step // 1024 if abs(x) < 1 << 19 else 1 << 17
    up = (s + 2) // 4
    assert numerics.activation(x, "sigmoid") == (up if x >= 0 else (1 << 15) - up)


def test_activation_symmetry_and_zero():
    x = np.arange(0, 1 << 20)
    assert (numerics.activation(-x, "tanh") == -numerics.activation(x, "tanh")).all()
    mirrored = numerics.ONE - numerics.activation(x, "sigmoid")
    assert (numerics.activation(-x, "sigmoid") == mirrored).all()
    assert numerics.activation(0, "tanh") == 0
    assert numerics.activation(0, "sigmoid") == numerics.ONE // 2


def test_other_activations():
    x = np.array([-5, 0, 7])
    assert numerics.activation(x, "identity").tolist() == [-5, 0, 7]
    assert numerics.activation(x, "relu").tolist() == [0, 0, 7]
    with pytest.raises(ValueError, match="gelu"):
        numerics.activation(x, "gelu")


def test_rom_is_current():
    assert numerics.ROM_FILE.read_text() == numerics.rom_text(), (
        "run python -m csb_rnn.machine.numerics"
    )
