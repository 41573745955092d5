# SPDX-License-Identifier: Apache-2.0
"""Pruning schemes by name: CSB and its rivals under one interface.

=================  ======================================================================  =========
name               pattern                                                                  source
=================  ======================================================================  =========
``csb``            compressed structured blocks, see :mod:`csb_rnn.pruning.projection`       CSB-RNN
``unstructured``   the largest weights of the matrix                                        --
``rowcol``         whole rows and whole columns of the matrix: CSB with one block           --
``column``         whole columns of the matrix                                              --
``bank``           every row cut in banks, the same number kept in each bank                BBS
``row``            the same number kept in each row                                         ESE
``circulant``      every k x k block is circulant, k stored values for each; k = rate       C-LSTM
=================  ======================================================================  =========
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from csb_rnn.machine import config
from csb_rnn.machine.config import Config
from csb_rnn.pruning.classes import ModelClasses, class_mask, machine_needs, model_classes
from csb_rnn.pruning.joint import joint_mask
from csb_rnn.pruning.projection import ProjectionError, csb_mask
from csb_rnn.pruning.rivals import (
    BankBalanced,
    BlockCirculant,
    Column,
    RowBalanced,
    RowColumn,
    Unstructured,
)
from csb_rnn.pruning.scheme import Masking, Scheme, check_matrix

__all__ = ["SCHEMES", "Csb", "Scheme", "for_machine", "make_scheme"]


@dataclass
class Csb(Masking):
    """Compressed structured blocks, at the exact rate.

    With ``machine``, a configuration or a number of classes, kernels keep as many rows of each
    class (:mod:`csb_rnn.pruning.classes`); the rows of ``align`` do not matter then. Classes belong
    to a model: :meth:`for_model` gives the scheme with them.
    """

    block: int = 32
    align: tuple[int, int] = (1, 1)
    joint: bool = False  # rows and columns chosen together, see csb_rnn.pruning.joint
    machine: Config | int = 1
    classes: ModelClasses | None = None
    name = "csb"

    @property
    def shared(self) -> int:
        """Classes of a part; 1: kernels are free."""
        return self.machine if isinstance(self.machine, int) else self.machine.shared_cols

    def for_model(self, tensors: Mapping[str, Tensor]) -> Csb:
        """The scheme with classes for these matrices; itself if it needs none or has them."""
        if self.shared == 1 or self.classes is not None:
            return self
        return replace(self, classes=model_classes(tensors, self.block, self.machine))

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of this name or the rows of one of its gates."""
        if self.classes is None:
            return self.project(w, rate)
        if name not in self.classes.cuts:
            raise ProjectionError("no classes for this matrix")
        check_matrix(w, rate)
        cut, columns = self.classes.cuts[name], self.align[1]
        mask = class_mask(w, rate, cut, self.block, columns, self.joint)
        return torch.where(mask, w.detach(), torch.zeros_like(w))

    def metadata(self) -> dict[str, object]:
        """The pattern as metadata of a checkpoint."""
        found = {"block": self.block, "align": list(self.align)}
        return found | (self.classes.metadata() if self.classes else {})

    def mask(self, w: Tensor, rate: float) -> Tensor:
        if self.joint:
            return joint_mask(w.detach(), self.block, rate, self.align)
        # The nearest pattern will do: a small matrix in a stack must not stop the training.
        return csb_mask(w.detach(), self.block, rate, self.align, tolerance=None)

    def describe(self) -> dict[str, object]:
        found = {"scheme": self.name, "block": self.block, "align": list(self.align)}
        found |= {"classes": self.shared} if self.shared > 1 else {}
        return found | ({"projection": "joint"} if self.joint else {})


SCHEMES: dict[str, Callable[..., Scheme]] = {
    "csb": Csb,
    "unstructured": Unstructured,
    "rowcol": RowColumn,
    "column": Column,
    "bank": BankBalanced,
    "row": RowBalanced,
    "circulant": BlockCirculant,
}


def make_scheme(
    name: str,
    block: int = 32,
    align: tuple[int, int] = (1, 1),
    joint: bool = False,
    machine: Config | int = 1,
) -> Scheme:
    """A scheme by name; ``block`` and ``align`` are for ``csb``, ``block`` also is a bank.

    ``joint`` has ``csb`` and ``rowcol`` choose rows and columns together. ``machine``, for ``csb``:
    a configuration, or a number of classes with equally many kept rows each.
    """
    if name not in SCHEMES:
        raise ProjectionError(f"unknown scheme {name!r}; known: {', '.join(SCHEMES)}")
    if joint and name not in ("csb", "rowcol"):
        raise ProjectionError(f"scheme {name!r} has no rows and columns to choose together")
    if name != "csb" and machine != 1:
        raise ProjectionError(f"scheme {name!r} has no classes: only csb has")
    if name == "csb":
        return Csb(block, align, joint, machine)
    if name == "rowcol":
        return RowColumn(joint)
    if name == "bank":
        return BankBalanced(block)
    return SCHEMES[name]()


def for_machine(scheme: Scheme | None = None, classes: int = 1, name: str | None = None) -> Scheme:
    """A scheme for a machine: with so many classes, or for a configuration.

    Args:
        scheme: compressed structured blocks if None.
        classes: kernels keep as many rows of each of so many classes of a block's units.
        name: of a configuration; it sets alignment and classes, and a fitting block.

    Raises:
        ProjectionError: another scheme than csb, or both ``classes`` and ``name``.
        ConfigError: there is no such configuration.
    """
    if scheme is None:
        scheme = Csb()
    if classes == 1 and name is None:
        return scheme
    if not isinstance(scheme, Csb):
        raise ProjectionError(f"scheme {scheme.name!r} has no classes: only csb has")
    if name is None:
        return replace(scheme, machine=classes)
    if classes != 1 or scheme.align != (1, 1) or scheme.machine != 1:
        raise ProjectionError("a configuration sets alignment and classes: leave them out")
    c = config.load(name)
    align, machine = machine_needs(c)
    return replace(scheme, block=min(scheme.block, c.max_block), align=align, machine=machine)
