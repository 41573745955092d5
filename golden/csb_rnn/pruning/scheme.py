# SPDX-License-Identifier: Apache-2.0
"""The interface of a pruning scheme, and the common part of schemes with masks.

A scheme projects a matrix ``[H, W]`` onto its set at a *rate*, weights / stored weights. ``rate`` 1
keeps everything, infinity nothing. Ties go to the lower index everywhere, so results do not depend
on the device.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from csb_rnn.pruning.projection import ProjectionError

__all__ = ["Masking", "Scheme", "check_matrix", "largest"]


class Scheme(Protocol):
    """The pruner's needs of a scheme."""

    name: str
    masks: bool  # the set is a fixed pattern of zeros once it has been chosen

    def project(self, w: Tensor, rate: float) -> Tensor:
        """Nearest member of the set (or the scheme's own approximation of it), detached."""
        ...

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of this name."""
        ...

    def for_model(self, tensors: Mapping[str, Tensor]) -> Scheme:
        """The scheme for the matrices of a model, by name."""
        ...

    def metadata(self) -> dict[str, object]:
        """The pattern as metadata of a checkpoint."""
        ...

    def describe(self) -> dict[str, object]:
        """Settings, for records."""
        ...


def check_matrix(w: Tensor, rate: float) -> None:
    if w.ndim != 2:
        raise ProjectionError(f"expected a matrix, got shape {tuple(w.shape)}")
    if math.isnan(rate) or rate < 1:
        raise ProjectionError(f"rate must be at least 1, got {rate}")
    if not bool(torch.isfinite(w).all()):
        raise ProjectionError("matrix holds NaN or infinity")


def largest(score: Tensor, keep: int) -> Tensor:
    """Boolean mask of the ``keep`` largest along the last axis, ties to the lower index."""
    order = torch.sort(score, dim=-1, descending=True, stable=True).indices
    mask = torch.zeros(score.shape, dtype=torch.bool, device=score.device)
    return mask.scatter_(-1, order[..., :keep], True)


class Masking(ABC):
    """A scheme given by ``mask(w, rate)``."""

    masks = True
    name = ""

    @abstractmethod
    def mask(self, w: Tensor, rate: float) -> Tensor:
        """True where a weight stays."""

    def project(self, w: Tensor, rate: float) -> Tensor:
        w = w.detach()
        return torch.where(self.mask(w, rate), w, torch.zeros_like(w))

    def project_named(self, name: str, w: Tensor, rate: float) -> Tensor:
        """As :meth:`project`, for a matrix of this name."""
        return self.project(w, rate)

    def metadata(self) -> dict[str, object]:
        """The pattern as metadata of a checkpoint."""
        return {}

    def for_model(self, tensors: Mapping[str, Tensor]) -> Scheme:
        """The scheme for the matrices of a model: the same for every model."""
        return self

    def describe(self) -> dict[str, object]:
        return {"scheme": self.name}
