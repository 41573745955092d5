# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of the hardware, bit for bit: every named rounding and saturation point.

All functions take and return numpy int64 arrays (or values that broadcast to one) and are exact;
the formats are in ``docs/reference/numerics.md``. There is one rounding mode, to nearest with ties
towards plus infinity, and rounding happens in :func:`round_shift` only.

``python -m csb_rnn.machine.numerics`` writes ``hdl/datapath/csb_act_rom.sv`` from
:func:`activation_table`.
"""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from csb_rnn.machine.config import LANE_FRAC, Config
from csb_rnn.machine.folders import HDL
from csb_rnn.machine.isa import MUL_W, SHIFT_BASE

Ints = NDArray[np.int64]
#: How often each named point saturated: "input", "sum", "drain", "narrow", "element",
#: "state", "neuron".
Saturations = Counter[str]

GRID_W = 16  # weights and neurons lie on a grid of 16 bits, with weight_w, data_w of them stored
ONE = 1 << LANE_FRAC  # the operand `one`

# --- primitives -------------------------------------------------------------------------------


def round_shift(x: ArrayLike, n: int) -> Ints:
    """``floor(x / 2^n + 1/2)``: shift right by ``n >= 0`` bits, ties towards plus infinity."""
    x = np.asarray(x, np.int64)
    return (x + (1 << (n - 1))) >> n if n else x


def limits(bits: int) -> tuple[int, int]:
    """Smallest and largest value of a signed word of ``bits`` bits."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def _counted(x: Ints, changed: Ints, counts: Saturations | None, point: str) -> Ints:
    """``changed``; how many of its values differ from ``x`` is added to ``counts``."""
    if counts is not None:
        n = np.count_nonzero(changed != x)
        if n:
            counts[point] += int(n)
    return changed


def saturate(x: ArrayLike, bits: int, counts: Saturations | None = None, point: str = "") -> Ints:
    """``x`` limited to ``bits`` bits, signed; changed values are added to ``counts``."""
    x = np.asarray(x, np.int64)
    low, high = limits(bits)
    return _counted(x, np.minimum(np.maximum(x, low), high), counts, point)


def wrap(x: ArrayLike, bits: int, counts: Saturations | None = None, point: str = "") -> Ints:
    """``x`` modulo ``2^bits``, signed; changed values are added to ``counts``."""
    x = np.asarray(x, np.int64)
    low, _ = limits(bits)
    return _counted(x, ((x - low) & ((1 << bits) - 1)) + low, counts, point)


# --- named points, in the order of the data path -----------------------------------------------


def drain_value(
    acc: ArrayLike, bias: ArrayLike, shift: int, cfg: Config, counts: Saturations | None = None
) -> Ints:
    """A drained sum as a data path value (``lane_w`` bits, ``LANE_FRAC`` of them fraction).

    Args:
        acc: sum of all partial sums of a row, in units of weight x neuron. Accumulators have
            ``acc_w`` bits and wrap: a sum beyond them comes out wrong, counted as "sum".
        bias: bias in the same units, ``acc_w`` bits; the sum with it has a bit more.
        shift: the shift field of the drain word, 0 to 31.
    """
    total = wrap(acc, cfg.acc_w, counts, "sum") + np.asarray(bias, np.int64)
    total = total << (2 * GRID_W - cfg.data_w - cfg.weight_w)
    return saturate(round_shift(total, SHIFT_BASE + shift), cfg.lane_w, counts, "drain")


def element(
    m0: ArrayLike,
    x0: ArrayLike,
    m1: ArrayLike,
    x1: ArrayLike,
    sub: bool,
    cfg: Config,
    counts: Saturations | None = None,
) -> Ints:
    """``m0*x0 + m1*x1`` (minus with ``sub``), rounded once; all values are data path values.

    The narrow operands ``m0`` and ``m1`` saturate to ``MUL_W`` bits on the way in.
    """
    a = saturate(m0, MUL_W, counts, "narrow") * np.asarray(x0, np.int64)
    b = saturate(m1, MUL_W, counts, "narrow") * np.asarray(x1, np.int64)
    return saturate(round_shift(a - b if sub else a + b, LANE_FRAC), cfg.lane_w, counts, "element")


def state_frac(cfg: Config, fine: bool) -> int:
    """Fraction bits of a state: fine ones (``Cell.fine``) keep those of the data path."""
    return LANE_FRAC if fine else cfg.state_frac


def to_state(
    v: ArrayLike, cfg: Config, counts: Saturations | None = None, fine: bool = False
) -> Ints:
    """A data path value as the state memory holds it: ``state_w`` bits, see `state_frac`."""
    rounded = round_shift(v, LANE_FRAC - state_frac(cfg, fine))
    return saturate(rounded, cfg.state_w, counts, "state")


def from_state(s: ArrayLike, cfg: Config, fine: bool = False) -> Ints:
    """A state memory word as a data path value; exact."""
    return np.asarray(s, np.int64) << (LANE_FRAC - state_frac(cfg, fine))


def to_neuron(
    v: ArrayLike,
    neu_shift: int,
    cfg: Config,
    counts: Saturations | None = None,
    *,
    one: bool = True,
) -> Ints:
    """A data path value as neuron buffers and outputs hold it: ``data_w`` bits.

    One unit is ``2^(neu_shift + 16 - data_w - LANE_FRAC)``. The limit itself, 1 with 15 fraction
    bits, becomes the largest number, a unit less. The hardware counts it as saturated; without
    ``one`` it is not counted, as a report on losses needs it.
    """
    rounded = round_shift(v, neu_shift + GRID_W - cfg.data_w)
    neurons = saturate(rounded, cfg.data_w)
    just_one = limits(cfg.data_w)[1] + 1
    was = rounded if one or counts is None else np.where(rounded == just_one, neurons, rounded)
    return _counted(was, neurons, counts, "neuron")


# --- activations --------------------------------------------------------------------------------
TABLE_AW = 9  # address bits of the table
TABLE_FRAC = 17  # fraction bits of its values
BASE_W = 18  # bits of a chord's start, unsigned: 1.0 is one of them
SLOPE_W = 11  # bits of its rise, unsigned
STEP_W = 10  # bits of the position within a chord; a chord is 2^(STEP_W - LANE_FRAC) wide
TABLE_END = 1 << (TABLE_AW + STEP_W)  # |input| (of the sigmoid), beyond it 1: 16.0
TABLE_ONE = 1 << TABLE_FRAC


@functools.cache
def activation_table() -> tuple[Ints, Ints]:
    """Starts and slopes of the chords of the sigmoid on [0, 16): two arrays ``[512]``.

    Each chord has the slope and the start of least squares over its 1,024 inputs, with its
    truncated product. It runs half a unit below the sigmoid, as truncation to 17 bits would leave
    it: rounded from there to 15 bits, halves are up and down equally often. Chord 0 starts at
    exactly 1/2, so tanh(0) = 0, and the last one is 1.
    """
    width, chords = 1 << STEP_W, 1 << TABLE_AW
    place = np.arange(width)
    x = np.ldexp(np.arange(chords)[:, None] * width + place, -LANE_FRAC)
    wanted = TABLE_ONE / (1.0 + np.exp(-x)) - 0.5
    centred = place - place.mean()
    rise = np.maximum((wanted @ centred) / (centred @ centred) * width, 0.0)
    found = []
    for slope in (np.floor(rise).astype(np.int64), np.floor(rise).astype(np.int64) + 1):
        product = (slope[:, None] * place) >> STEP_W
        base = np.floor((wanted - product).mean(axis=1) + 0.5).astype(np.int64)
        base[0] = TABLE_ONE // 2
        error = ((base[:, None] + product - wanted) ** 2).mean(axis=1)
        found.append((base, slope, error))
    (low, flat, small), (high, steep, large) = found
    base, slope = np.where(small <= large, (low, flat), (high, steep))
    base[-1], slope[-1] = TABLE_ONE, 0
    return base, slope


def activation(x: ArrayLike, act: str) -> Ints:
    """``act`` of data path values: the algorithm of ``hdl/datapath/csb_act.sv``.

    Results need no saturation: sigmoid is in [0, 1], tanh in [-1, 1], both ends included.

    Raises:
        ValueError: the hardware has no such activation.
    """
    x = np.asarray(x, np.int64)
    if act == "identity":
        return x
    if act == "relu":
        return np.maximum(x, 0)
    if act not in ("sigmoid", "tanh"):
        raise ValueError(f"unknown activation '{act}'")
    base, slope = activation_table()
    u = np.abs(x) << 1 if act == "tanh" else np.abs(x)
    inside = np.minimum(u, TABLE_END - 1)
    i, rem = inside >> STEP_W, inside & ((1 << STEP_W) - 1)
    s = np.where(u < TABLE_END, base[i] + ((slope[i] * rem) >> STEP_W), TABLE_ONE)
    drop = TABLE_FRAC - LANE_FRAC
    if act == "sigmoid":
        magnitude = round_shift(s, drop)
        return np.where(x < 0, ONE - magnitude, magnitude)
    magnitude = round_shift(2 * s - TABLE_ONE, drop)
    return np.where(x < 0, -magnitude, magnitude)


ROM_FILE = HDL / "datapath" / "csb_act_rom.sv"


def rom_text() -> str:
    """The text of ``hdl/datapath/csb_act_rom.sv``."""
    base, slope = activation_table()
    word, top = BASE_W + SLOPE_W, TABLE_AW - 1
    rows = [
        f"    {{{SLOPE_W}'d{slope[i]}, {BASE_W}'d{base[i]}}}{',' if i else ''}"
        for i in reversed(range(len(base)))
    ]
    return "\n".join(
        [
            "// SPDX-License-Identifier: Apache-2.0",
            "// Generated by `python -m csb_rnn.machine.numerics`: do not edit.",
            "// Chords of the sigmoid on [0, 16): entry i starts at i/32. `base_o` is its value",
            f"// there, UQ1.{TABLE_FRAC}, `slope_o` its rise over 1/32, UQ0.{TABLE_FRAC}.",
            "// Latency: one cycle after `addr_i`. No reset.",
            "`default_nettype none",
            "module csb_act_rom (",
            "    input  logic        clk_i,",
            f"    input  logic [ {top}:0] addr_i,",
            f"    output logic [{BASE_W - 1}:0] base_o,",
            f"    output logic [{SLOPE_W - 1}:0] slope_o",
            ");",
            f"  localparam int Entries = {len(base)};",
            f"  localparam logic [Entries*{word}-1:0] Chords = {{  // the last entry first",
            *rows,
            "  };",
            "",
            f"  logic [{word - 1}:0] rom[Entries];",
            f"  initial for (int i = 0; i < Entries; i++) rom[i] = Chords[i*{word}+:{word}];",
            "",
            f"  logic [{word - 1}:0] chord_q;",
            "  always_ff @(posedge clk_i) chord_q <= rom[addr_i];",
            f"  assign base_o  = chord_q[{BASE_W - 1}:0];",
            f"  assign slope_o = chord_q[{word - 1}:{BASE_W}];",
            "endmodule",
            "`default_nettype wire",
            "",
        ]
    )


if __name__ == "__main__":
    ROM_FILE.parent.mkdir(parents=True, exist_ok=True)
    ROM_FILE.write_text(rom_text())
