# SPDX-License-Identifier: Apache-2.0
"""Layers of a network beside calibration data: as they were, and the problems of pruning.

A *part* is one direction of one layer. Its matrices are cut into the rows of its drains
(:mod:`csb_rnn.pruning.activations`) and put together again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csb_rnn.network.checkpoint import Checkpoint, Layer
from csb_rnn.pruning.activations import DataError, Drain, Run, drains_of, run_layer
from csb_rnn.pruning.reconstruct import Moments, Problem, solve_rows

__all__ = ["Part", "dense_parts", "join", "problems_of", "settle", "split", "tensors_of"]

DRAWS = 4  # of random sums of outputs
KINDS = {"x": "ih", "h": "hh", "m": "hr"}  # of a matrix, by its input vector


@dataclass
class Part:
    """One direction of one layer, as it is now and as it was."""

    layer: Layer
    end: str  # of names: _l0, _l0_reverse
    dense: dict[str, Tensor]
    now: dict[str, Tensor]
    drains: list[Drain]
    run: Run
    sense: list[Tensor]

    @property
    def reverse(self) -> bool:
        return self.end.endswith("_reverse")


def tensors_of(checkpoint: Checkpoint, end: str) -> dict[str, Tensor]:
    """Tensors of a layer's direction by kind, float64."""
    found = {}
    for kind in ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"):
        if kind + end in checkpoint.tensors:
            value = torch.from_numpy(checkpoint.tensors[kind + end].astype(np.float64))
            found[kind.removeprefix("weight_")] = value
    return found


def dense_parts(
    checkpoint: Checkpoint, x: Tensor, used: Tensor, seed: int, state: Tensor | None = None
) -> list[list[Part]]:
    """All layers run dense, and how much the last outputs mind an error of each row.

    ``state`` is that of every layer before the first frame, zero if None.
    """
    parts: list[list[Part]] = []
    for layer in checkpoint.layers:
        ways = ("", "_reverse") if layer.bidirectional else ("",)
        if layer.bidirectional and not bool(used.all()):
            raise DataError("data: sequences of a model in both directions must be of one length")
        row = []
        for way in ways:
            w = tensors_of(checkpoint, f"_l{layer.index}{way}")
            drains = drains_of(checkpoint.cell, layer)
            run = run_layer(checkpoint.cell, layer, w, x, probe=True, reverse=bool(way),
                            state=state)  # fmt: skip
            row.append(Part(layer, f"_l{layer.index}{way}", w, dict(w), drains, run, []))
        parts.append(row)
        x = torch.cat([p.run.outputs for p in row], -1)
    probes = [q for row in parts for p in row for q in p.run.probes.values()]
    total = [torch.zeros(q.shape[2], dtype=q.dtype) for q in probes]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(DRAWS):
        v = torch.randn(x.shape, generator=generator, dtype=x.dtype) * used[..., None]
        for at, g in zip(total, torch.autograd.grad((x * v).sum(), probes, retain_graph=True),
                         strict=True):  # fmt: skip
            at += g.transpose(0, 1)[used].square().mean(0) / DRAWS
    for row in parts:
        for p in row:
            p.sense, total = total[: len(p.drains)], total[len(p.drains) :]
            p.run = Run({k: t.detach() for k, t in p.run.vectors.items()},
                        p.run.outputs.detach(), {})  # fmt: skip
    return parts


def problems_of(p: Part, seen: dict[str, Tensor], used: Tensor) -> list[Problem]:
    """Rows of a part with other vectors than before."""
    found = []
    for d, sense in zip(p.drains, p.sense, strict=True):
        matrices = [p.dense[KINDS[v]][d.rows] for v in d.inputs]
        dense, now = ([of[v] for v in d.inputs] for of in (p.run.vectors, seen))
        free = int(d.bias in p.dense)
        if free:
            one = torch.ones(*used.shape, 1, dtype=torch.float64)
            dense, now = [*dense, one], [*now, one]
            biases = [p.dense[f"bias_{KINDS[v]}"][d.rows] for v in d.inputs]
            matrices.append(torch.stack(biases).sum(0)[:, None])
        moments = Moments.of(torch.cat(dense, -1), torch.cat(now, -1), used)
        floor = float(sense.mean()) * 1e-3  # a row of no visible weight still has a little
        found.append(Problem(torch.cat(matrices, 1), moments, sense + floor, free))
    return found


def split(p: Part, rows: list[Tensor]) -> dict[str, Tensor]:
    """Rows of the problems as matrices by name."""
    pieces: dict[str, list[Tensor]] = {}
    for d, block in zip(p.drains, rows, strict=True):
        widths = [p.dense[KINDS[v]].shape[1] for v in d.inputs]
        for v, piece in zip(d.inputs, block[:, : sum(widths)].split(widths, 1), strict=True):
            pieces.setdefault(f"weight_{KINDS[v]}{p.end}", []).append(piece)
    return {name: torch.cat(found) for name, found in pieces.items()}


def join(p: Part, matrices: dict[str, Tensor]) -> list[Tensor]:
    """Matrices by name as rows of the problems, without biases."""
    return [
        torch.cat([matrices[f"weight_{KINDS[v]}{p.end}"][d.rows] for v in d.inputs], 1)
        for d in p.drains
    ]


def settle(p: Part, problems: list[Problem], masks: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a part with the best weights and biases on these masks."""
    rows = [solve_rows(q, m) for q, m in zip(problems, join(p, masks), strict=True)]
    now = dict(p.dense)
    for name, w in split(p, rows).items():
        now[name.removeprefix("weight_").removesuffix(p.end)] = w
    for d, block in zip(p.drains, rows, strict=True):
        if d.bias in now:
            other = sum((now[f"bias_{KINDS[v]}"][d.rows] for v in d.inputs
                         if f"bias_{KINDS[v]}" != d.bias), torch.zeros(()))  # fmt: skip
            now[d.bias] = now[d.bias].clone()
            now[d.bias][d.rows] = block[:, -1] - other
    return now
