# SPDX-License-Identifier: Apache-2.0
"""Kernels and balance; the table of the shipped checkpoints."""

from __future__ import annotations

import json

import matplotlib as mpl
import numpy as np

from csb_rnn.experiments.documents.tables import table
from csb_rnn.experiments.tasks import TaskError
from csb_rnn.experiments.tasks.summary import (
    efficiency,
    matrices_in_order,
    synthetic,
)
from csb_rnn.network.checkpoint import Layer
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.kernels import kernel_sizes

mpl.use("Agg")
import matplotlib.pyplot as plt

from csb_rnn.experiments.reports.pruning.words import CHECKPOINTS, KINDS, save, value_of


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


def kernel_figures() -> None:
    """Kept weights of real matrices; histogram of kernel areas."""
    shown = []
    for path in sorted(CHECKPOINTS.glob("*.npz")):
        checkpoint = read_checkpoint(path)
        name, w = max(matrices_in_order(checkpoint).items(), key=lambda item: item[1].size)
        shown.append((path.stem, name, w, int(checkpoint.csb.get("block", 32))))
    figure, axes = plt.subplots(1, len(shown), figsize=(3.1 * len(shown), 4.6), squeeze=False)
    for axis, (stem, name, w, block) in zip(axes[0], shown, strict=True):
        w = w[: 12 * block]
        axis.imshow(w != 0, cmap="Greys", interpolation="nearest", aspect="equal")
        axis.set_xticks(np.arange(0, w.shape[1], block) - 0.5, [])
        axis.set_yticks(np.arange(0, w.shape[0], block) - 0.5, [])
        axis.grid(color="C0", lw=0.4)
        axis.set_title(f"{stem}\n{name}, first {len(w)} rows", fontsize=7)
    save(figure, "pruning_kernels.png")
    figure, axes = plt.subplots(1, len(shown), figsize=(3.1 * len(shown), 2.4), squeeze=False)
    for axis, (stem, _, w, block) in zip(axes[0], shown, strict=True):
        m, n = kernel_sizes(w, block)
        rate = w.size / max(1, int(np.count_nonzero(w)))
        ms, ns = kernel_sizes(synthetic(w.shape, block, rate, (4, 4)), block)
        top = max((m * n).max(), (ms * ns).max())
        bins = np.linspace(0, top, 25)
        axis.hist([(m * n).ravel(), (ms * ns).ravel()], bins, label=["trained", "generator"])
        axis.set_title(stem, fontsize=7)
        axis.set_xlabel("m * n of a block", fontsize=7)
        axis.tick_params(labelsize=6)
    axes[0][0].legend(fontsize=6)
    save(figure, "pruning_sizes.png")


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
