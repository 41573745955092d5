# SPDX-License-Identifier: Apache-2.0
"""Kernels and balance; the table of the shipped checkpoints."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.reports.pruning.words import CHECKPOINTS, KINDS, value_of
from csb_rnn.experiments.tasks import TaskError
from csb_rnn.experiments.tasks.summary import (
    efficiency,
    matrices_in_order,
    synthetic,
)
from csb_rnn.network.checkpoint import Layer
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.kernels import kernel_sizes
from csb_rnn.pictures import areas as areas_of
from csb_rnn.pictures import kernels


def balance() -> tuple[str, str]:
    """Trained patterns in checkpoints/ beside the generator's."""
    rows, pairs = [], []
    for path in sorted(CHECKPOINTS.glob("*.npz")):
        checkpoint = read_checkpoint(path)
        block = int(checkpoint.csb.get("block", 32))
        align = tuple(checkpoint.csb.get("align", (1, 1)))
        matrices = list(matrices_in_order(checkpoint).values())
        made = [
            synthetic(w.shape, block, w.size / max(1, int(np.count_nonzero(w))), align)
            for w in matrices
        ]
        a, b = efficiency(matrices, block), efficiency(made, block)
        pairs.append((a, b))
        rows.append([path.stem, f"{checkpoint.rate:.1f}x",
                     *(f"{of[key]:.2f}" for key in KINDS for of in (a, b))])  # fmt: skip
    head = ["checkpoint", "rate"]
    for kind in KINDS:
        head += [f"{kind}, trained", "generator"]
    mean = [np.mean([p[i][key] for p in pairs]) for key in ("barrier", "cv") for i in (0, 1)]
    note = (
        f"Means: barrier {mean[0]:.2f} trained, {mean[1]:.2f} generator; cv {mean[2]:.2f} and"
        f" {mean[3]:.2f}. "
        + (
            "The generator is easier than really trained patterns: benchmarks that use it flatter"
            " the machine, and trained patterns are to be used where they exist."
            if mean[0] < 0.95 * mean[1]
            else "The generator is no easier than really trained patterns."
        )
    )
    return table(head, rows), note


def largest_matrices() -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The largest matrix of each shipped checkpoint, and the side of its blocks."""
    found, sides = {}, {}
    for path in sorted(CHECKPOINTS.glob("*.npz")):
        checkpoint = read_checkpoint(path)
        name, w = max(matrices_in_order(checkpoint).items(), key=lambda item: item[1].size)
        found[f"{path.stem}, {name}"] = w
        sides[f"{path.stem}, {name}"] = int(checkpoint.csb.get("block", 32))
    return found, sides


def kernel_figures() -> dict[str, Any]:
    """Kept weights of real matrices; kernel areas beside those of the generator."""
    found, sides = largest_matrices()
    areas = {}
    for name, w in found.items():
        made = synthetic(w.shape, sides[name], w.size / max(1, int(np.count_nonzero(w))), (4, 4))
        areas[name.split(",")[0]] = {
            kind: np.multiply(*kernel_sizes(v, sides[name])).ravel()
            for kind, v in (("trained", w), ("generator", made))
        }
    return {
        "pruning_kernels.png": kernels.kernels(found, sides),
        "pruning_sizes.png": areas_of.areas(areas),
    }


def width(layer: Layer) -> str:
    """Units of a layer, the projected ones in brackets."""
    return f"{layer.hidden}({layer.proj})" if layer.proj else str(layer.hidden)


def shipped() -> str:
    """The table of checkpoints/README.md, from the checkpoints and the records beside them."""
    rows = []
    for path in sorted(CHECKPOINTS.glob("*.npz")):
        checkpoint = read_checkpoint(path)
        record = json.loads(path.with_suffix(".json").read_text())
        metric, csb = record["metric"], checkpoint.csb
        chosen = [t for t in record["tries"] if t["rate"] == record["rate"]][-1]
        values = (record["dense_valid"], record["target_valid"], chosen["valid"])
        layers = checkpoint.layers
        first = f"{checkpoint.cell.upper()} {layers[0].inputs}->"
        rows.append([
            f"`{path.name}`",
            first + "->".join(width(la) for la in layers),
            f"{checkpoint.kept_weights:,}",
            f"{checkpoint.rate:.2f}x",
            "yes" if record.get("lossless", True) else "**no**",
            f"{csb['result']['metric']}, {csb['result']['count']}",
            value_of(metric, record["dense_test"]),
            value_of(metric, csb["result"]["value"]),
            " / ".join(value_of(metric, v) for v in values),
            f"{path.stat().st_size / 1000:.0f} kB",
        ])  # fmt: skip
    head = ("file", "model", "kept weights", "rate", "lossless", "result, test items",
            "dense, test", "as stored, test", "dense / limit / pruned, valid", "size")  # fmt: skip
    return table(head, rows)


def with_shipped(text: str) -> str:
    """checkpoints/README.md with its table made anew."""
    begin, end = "<!-- checkpoints -->", "<!-- /checkpoints -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise TaskError(f"checkpoints/README.md: the marks {begin} and {end} are missing")
    return f"{before}{begin}\n{shipped()}\n{end}{after}"
