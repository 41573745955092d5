# SPDX-License-Identifier: Apache-2.0
"""Class-balanced kernels: every kernel keeps as many rows of each class of its units.

On a machine with shared columns (:mod:`csb_rnn.machine.unit_classes`) the PE rows of a share group
multiply the same columns, each by a row of its own. A kernel fills their words if its rows come in
groups, one of each class, and its columns in groups of Q in one engine column. So the
projection ranks such groups: the best row of *every* class, then the second best; not the P best of
a block.

Rows: class ``part * C + class`` of every unit, the same in all gates and matrices of a layer.
Columns: the part of the column's unit; inputs of the network lie in engine column i mod L,
and their blocks are cut among those of one engine column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from csb_rnn.machine import unit_classes
from csb_rnn.machine.config import Config
from csb_rnn.pruning.joint import joint_mask
from csb_rnn.pruning.projection import ProjectionError, csb_mask
from csb_rnn.pruning.segments import Labels

__all__ = ["MatrixCut", "ModelClasses", "class_mask", "machine_needs", "model_classes"]

_NAME = re.compile(
    r"(?P<module>.*\.)?weight_(?P<kind>ih|hh|hr)(?:_l(?P<layer>\d+))?(_reverse)?(_orig)?$"
)


@dataclass(frozen=True)
class MatrixCut:
    """How one matrix is cut into blocks, and the kind of its rows and columns.

    Attributes:
        kinds: [units] class of every row of a gate; rows of the gates follow each other.
        shared: classes of a part, C.
        columns: [W] columns in the order of the blocks.
        breaks: starts of new blocks in this order; each stretch has whole blocks but
            for its last one.
        parts: [W] part of every column.
    """

    kinds: np.ndarray
    shared: int
    columns: np.ndarray
    breaks: tuple[int, ...]
    parts: np.ndarray


def _padded(stretches: list[np.ndarray], block: int) -> np.ndarray:
    """Stretches one after the other, each filled to whole blocks with -1."""
    return np.concatenate(
        [np.pad(s, (0, -len(s) % block), constant_values=-1) for s in stretches if len(s)]
    )


def _labels(at: np.ndarray, kind: np.ndarray, part_of: int, size: int, block: int) -> Labels:
    shown = np.where(at < 0, 0, kind[at])
    kinds = int(kind.max()) // part_of * part_of + part_of
    part = torch.arange(kinds) // part_of
    return Labels(torch.from_numpy(shown.reshape(-1, block)), part, size)


def class_mask(
    w: Tensor, rate: float, cut: MatrixCut, block: int, columns: int, joint: bool = False
) -> Tensor:
    """Mask of the projection onto class-balanced kernels, the nearest pattern to the rate.

    Args:
        w: weights ``[gates * units, W]``.
        rate: weights / non-zeros.
        cut: classes of rows and columns.
        block: side of a block.
        columns: columns are kept in groups of so many, Q.
        joint: rows and columns are chosen together.

    Raises:
        ProjectionError: the matrix is another than ``cut`` describes.
    """
    units = len(cut.kinds)
    if w.ndim != 2 or w.shape[0] % units or w.shape[1] != len(cut.columns):
        raise ProjectionError(
            f"expected rows of {units} units and {len(cut.columns)} columns, got {tuple(w.shape)}"
        )
    gates = [np.arange(units) + at for at in range(0, w.shape[0], units)]
    rows = _padded(gates, block)
    cols = _padded(np.split(cut.columns, cut.breaks), block)
    labels = (
        _labels(rows, np.tile(cut.kinds, len(gates)), cut.shared, 1, block),
        _labels(cols, cut.parts, 1, columns, block),
    )
    seen = torch.from_numpy((rows >= 0)[:, None] & (cols >= 0))
    shown = w.detach()[torch.from_numpy(rows)][:, torch.from_numpy(cols)] * seen
    of = rate * shown.numel() / w.numel()
    align = (1, min(columns, block))
    if joint:
        mask = joint_mask(shown, block, of, align, labels=labels)
    else:
        mask = csb_mask(shown, block, of, align, tolerance=None, labels=labels)
    out = torch.zeros(w.shape, dtype=torch.bool)
    at, there = torch.from_numpy(rows[rows >= 0]), torch.from_numpy(cols[cols >= 0])
    out[at[:, None], there] = mask[torch.from_numpy(rows >= 0)][:, torch.from_numpy(cols >= 0)]
    return out


def machine_needs(c: Config) -> tuple[tuple[int, int], Config | int]:
    """Alignment of kernels for a configuration, and its classes: the configuration itself,
    or 1 if its PE rows share no columns."""
    return (c.P, c.Q), c if c.shared_cols > 1 else 1


@dataclass(frozen=True)
class ModelClasses:
    """Classes of all matrices of a model.

    Attributes:
        shared: C.
        unit_class: class of every unit by unit space and layer: ``hidden_l0``, ``proj_l1``.
        cuts: by matrix name.
    """

    shared: int
    unit_class: dict[str, np.ndarray]
    cuts: dict[str, MatrixCut]

    def metadata(self) -> dict[str, object]:
        """``csb.classes`` and ``csb.unit_class`` of a checkpoint."""
        named = {key: value.tolist() for key, value in self.unit_class.items()}
        return {"classes": self.shared, "unit_class": named}


def _assign(
    matrices: list[np.ndarray], units: int, block: int, quotas: list[np.ndarray]
) -> np.ndarray:
    """Classes of the units of a space, by the energy of their rows in every kernel."""
    out = np.empty(units, np.int64)
    for b, quota in enumerate(quotas):
        at = slice(b * block, min((b + 1) * block, units))
        work = []
        for w in matrices:
            for gate in np.split(w.astype(np.float64), len(w) // units):
                starts = np.arange(0, w.shape[1], block)
                work.append(np.add.reduceat(gate[at] ** 2, starts, axis=1))
        out[at] = unit_classes.assign(np.concatenate(work, axis=1), quota)
    return out


def model_classes(
    tensors: Mapping[str, Tensor | np.ndarray],
    block: int,
    machine: Config | int,
    hidden: Mapping[int, int] | None = None,
) -> ModelClasses:
    """Classes for the matrices of a model, from their energy.

    Args:
        tensors: recurrent matrices by torch's names, of layers or of cells; both directions of a
            layer have the same classes. Of several modules, ``enc.weight_ih_l0`` and
            ``dec.weight_ih_l0``, each has its own, and unit spaces have its prefix.
        block: side of a block.
        machine: its configuration, or the number of classes alone: blocks then have
            one part, and nothing is known of engine columns.
        hidden: hidden units of every layer; from ``weight_hh`` or ``weight_hr`` if None.

    Raises:
        ProjectionError: a name unknown to torch, or fewer than 1 class.
    """
    shared = machine if isinstance(machine, int) else machine.shared_cols
    if shared < 1 or shared > block:
        raise ProjectionError(f"classes must be 1 to block {block}, got {shared}")
    modules: dict[str, dict[int, dict[str, list[tuple[str, np.ndarray]]]]] = {}
    for name, value in tensors.items():
        found = _NAME.match(name)
        if not found:
            raise ProjectionError(f"{name}: not weight_ih, weight_hh or weight_hr of a layer")
        w = value.detach().cpu().float().numpy() if isinstance(value, Tensor) else value
        layers = modules.setdefault(found["module"] or "", {})
        layers.setdefault(int(found["layer"] or 0), {}).setdefault(found["kind"], []).append(
            (name, np.asarray(w))
        )
    unit_class: dict[str, np.ndarray] = {}
    cuts: dict[str, MatrixCut] = {}
    for prefix, layers in modules.items():
        own, of_module = _module_classes(layers, block, machine, hidden)
        start = prefix if len(modules) > 1 else ""
        unit_class |= {start + key: value for key, value in own.items()}
        cuts |= of_module
    return ModelClasses(shared, unit_class, cuts)


def _columns(width: int, classes: np.ndarray | None, machine: Config | int) -> dict[str, Any]:
    """Order, breaks and parts of the columns of a matrix.

    Args:
        width: columns.
        classes: of the columns' units, one direction's; None for inputs of the network.
        machine: as for :func:`model_classes`.
    """
    natural = np.arange(width)
    if classes is not None:
        parts = classes // (machine if isinstance(machine, int) else machine.P)
        parts = np.tile(parts, width // len(classes))  # both directions of the layer below
        ends = range(len(classes), width, len(classes))
        return {"columns": natural, "breaks": tuple(ends), "parts": parts}
    if isinstance(machine, int):
        return {"columns": natural, "breaks": (), "parts": 0 * natural}
    order = np.argsort(natural % machine.L, kind="stable")
    breaks = np.flatnonzero(np.diff(order % machine.L)) + 1
    return {"columns": order, "breaks": tuple(breaks.tolist()), "parts": 0 * natural}


def _module_classes(
    layers: Mapping[int, Mapping[str, list[tuple[str, np.ndarray]]]],
    block: int,
    machine: Config | int,
    hidden: Mapping[int, int] | None,
) -> tuple[dict[str, np.ndarray], dict[str, MatrixCut]]:
    """Classes by unit space, and cuts by matrix, of one module: layer -> kind -> (name, matrix)."""
    shared = machine if isinstance(machine, int) else machine.shared_cols
    unit_class: dict[str, np.ndarray] = {}
    cuts: dict[str, MatrixCut] = {}
    below: np.ndarray | None = None

    def classes_of(key: str, matrices: list[np.ndarray], units: int) -> np.ndarray:
        if isinstance(machine, int):
            sizes = [min(block, units - at) for at in range(0, units, block)]
            quotas = [np.bincount(np.arange(n) % shared, minlength=shared) for n in sizes]
        else:
            quotas = unit_classes.quotas(units, block, machine)
        unit_class[key] = _assign(matrices, units, block, quotas)
        return unit_class[key]

    for n in sorted(layers):
        of = {kind: [w for _, w in found] for kind, found in layers[n].items()}
        if hidden is not None:
            units = hidden[n]
        elif "hr" in of:
            units = of["hr"][0].shape[1]
        elif "hh" in of:
            units = of["hh"][0].shape[1]
        else:
            raise ProjectionError(f"layer {n}: the number of its units is not known")
        own = classes_of(f"hidden_l{n}", [*of.get("ih", []), *of.get("hh", [])], units)
        state = own
        if "hr" in of:
            state = classes_of(f"proj_l{n}", of["hr"], len(of["hr"][0]))
        for kind, rows, cols in (("ih", own, below), ("hh", own, state), ("hr", state, own)):
            for name, w in layers[n].get(kind, []):
                if cols is not None and w.shape[1] % len(cols):
                    raise ProjectionError(f"{name}: expected {len(cols)} columns, got {w.shape[1]}")
                cuts[name] = MatrixCut(rows, shared, **_columns(w.shape[1], cols, machine))
        below = state
    return unit_class, cuts
