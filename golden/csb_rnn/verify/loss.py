# SPDX-License-Identifier: Apache-2.0
"""Losses of the machine: its outputs beside the source in float, and the places of saturation.

"All equal" means: the RTL computes the right integers. Here the integers are judged: by the
float model, which the build has found equal to its source within 1e-4 of the largest value, and by
the counts of the fixed model, which equals the RTL in every bit. Example: a model built without
``--calibrate`` holds inputs below 8; with an input of 20 ``simulate`` prints a difference of 0.3,
``saturated: inputs 1``, and on standard error to build with calibration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from csb_rnn.flow.record import Build
from csb_rnn.machine.numerics import Saturations
from csb_rnn.models.integer_network import QNetwork

LIMIT = 2.0**-8  # of the largest output; a larger difference is said on standard error
SHARE = 99.9  # percentile beside the largest difference

#: Place of each named saturation point, in the order of the data path. Weights never do: the
#: quantiser refuses values beyond all formats. ``sums`` are limited to 1,024 before activation,
#: ``overflows`` are sums beyond the accumulator.
PLACES = {
    "inputs": ("input",),
    "weights": (),
    "overflows": ("sum",),
    "sums": ("drain",),
    "products": ("narrow", "element"),
    "states": ("state",),
    "activations": ("neuron",),
}
HARMLESS = ("sums", "weights")  # gates are flat there: said in the report, not on standard error


def by_place(counts: Saturations) -> dict[str, int]:
    """Saturations of the fixed model by place."""
    return {place: sum(counts[p] for p in points) for place, points in PLACES.items()}


def total(reports: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Saturations by place of several parts; inputs of later ones are outputs of earlier ones."""
    found = Counter(dict.fromkeys(PLACES, 0))
    for r in reports:
        found.update(r["saturated"])
    return dict(found)


def reference_of(build: Build) -> str:
    """The source behind the float model."""
    check = build.notes.get("source_check", {})
    if not check.get("tool"):
        return "the float model, which was not compared with its source"
    return f"{check['tool']}, by the float model (equal to {check['difference']:.1g} at build)"


def difference(got: np.ndarray, want: np.ndarray, reference: str) -> dict[str, Any]:
    """The report's entry ``accuracy``.

    Args:
        got: outputs of the RTL in float.
        want: of the source.
        reference: the tool behind these.
    """
    error = np.abs(np.asarray(got, np.float64) - want)
    return {
        "reference": reference,
        "largest": float(error.max()),
        "percentile": float(np.percentile(error, SHARE)),
        "largest_output": float(np.abs(want).max()),
    }


def reloads(words: Sequence[int], cycles: int) -> dict[str, Any] | None:
    """The report's entry ``reloads``: images of several parts share the memories, so each is loaded
    again for every batch of sequences, at one word a cycle.

    Args:
        words: 32-bit words of each image.
        cycles: of all parts together.
    """
    if len(words) < 2:
        return None
    return {
        "images": len(words),
        "cycles": sum(words),
        "share": sum(words) / max(1, sum(words) + cycles),
    }


def describe(r: Mapping[str, Any]) -> list[str]:
    """Lines for people about a report."""
    lines, a = [], r["accuracy"]
    if a is not None:
        lines.append(
            f"against {a['reference']}: difference at most {a['largest']:.2g}, 99.9th percentile "
            f"{a['percentile']:.2g}, of outputs to {a['largest_output']:.3g}"
        )
    there = [f"{place} {n}" for place, n in r["saturated"].items() if n]
    lines.append(f"saturated: {', '.join(there) or 'nothing'}")
    again = r.get("reloads")
    if again is not None:
        lines.append(
            f"{again['images']} images share the machine: each is reloaded for every batch of "
            f"sequences, {again['cycles']} cycles or more, {again['share']:.0%} of all"
        )
    return lines


def warning(r: Mapping[str, Any], networks: Sequence[QNetwork]) -> str | None:
    """One line with a remedy, if numbers were lost without need; None if none were.

    Args:
        r: the report.
        networks: of the parts; the first has the range of inputs.
    """
    lost = [f"{n} {p}" for p, n in r["saturated"].items() if n and p not in HARMLESS]
    a = r["accuracy"]
    far = a is not None and a["largest"] > LIMIT * a["largest_output"]
    if not (lost or far):
        return None
    parts = []
    if lost:
        held = networks[0].x_limits()
        most = f"{held.min():.4g}" if held.min() == held.max() else f"{held.min():.4g} or more"
        parts.append(f"{', '.join(lost)} saturated (inputs hold {most})")
    if far:
        parts.append(
            f"outputs differ from float by {a['largest']:.2g}, more than 2^-8 of "
            f"{a['largest_output']:.3g}"
        )
    wide = all(q.weight_w == 16 for q in networks)
    advice = "build with --calibrate and inputs like these"
    if not (lost or wide):
        advice = "choose a configuration with 16-bit weights"
    return f"warning: {' and '.join(parts)}: {advice}"
