# SPDX-License-Identifier: Apache-2.0
"""Axes of a file's tensor beside ours: ``[streams, frames, features]``.

A :class:`Layout` gives our axis, or the factor of one, for each axis of the
tensor. It converts arrays both ways, and goes into the manifest as JSON.

Example: the last frame of a batch-first model is ``axes = [["streams.0"], ["features.0"]]``,
``pick = -1``; its tensor ``[batch, units]`` is made of ``[batch, frames, units]``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from csb_rnn.network.onnx.errors import OnnxError
from csb_rnn.network.onnx.extents import is_known
from csb_rnn.network.onnx.values import Axis, Root, Stage, View

ROLES = ("streams", "frames", "features")


@dataclass(frozen=True)
class Layout:
    """How a tensor is made of ``[streams, frames, features]``.

    Attributes:
        extents: role -> extents of its factors; None: any.
        axes: for each axis of the tensor the factors in it, ``ROLE.NUMBER``.
        turned: the last frame stands first.
        pick: the only frame in it; None: all.
        part: first and end of the features in it; None: all.
    """

    extents: dict[str, list[int | None]]
    axes: list[list[str]]
    turned: bool = False
    pick: int | None = None
    part: list[int] | None = field(default=None)

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def identical(self) -> bool:
        """Whether the tensor is ours as it is."""
        return self.axes == [[f"{r}.0"] for r in ROLES] and not self.turned and self.part is None

    def _order(self) -> list[str]:
        return [f for ax in self.axes for f in ax]

    def tensor(self, y: np.ndarray) -> np.ndarray:
        """The tensor of ``y [streams, frames, features]``.

        Raises:
            ValueError: ``y`` has not as many streams, frames or features as the file says.
        """
        y = y[:, ::-1] if self.turned else y
        if self.pick is not None:
            y = y[:, self.pick :][:, :1]
        if self.part is not None:
            y = y[..., slice(*self.part)]
        factors, shape = [], []
        for role, n in zip(ROLES, y.shape, strict=True):
            known = math.prod(e for e in self.extents[role] if e is not None)
            if self.pick is not None and role == "frames":
                continue
            free = self.extents[role].count(None)
            if free > 1 or n % known or (not free and n != known):
                raise ValueError(f"{n} {role} where the file has {self.extents[role]}")
            for i, e in enumerate(self.extents[role]):
                factors.append(f"{role}.{i}")
                shape.append(n // known if e is None else e)
        order = self._order()
        z = y.reshape(shape).transpose([factors.index(f) for f in order])
        sizes = dict(zip(factors, shape, strict=True))
        return z.reshape([math.prod(sizes[f] for f in ax) for ax in self.axes])

    def frames(self, x: np.ndarray) -> np.ndarray:
        """``[streams, frames, features]`` of a tensor with all frames and features.

        Raises:
            ValueError: the tensor has other axes.
        """
        x = np.asarray(x)
        if x.ndim != len(self.axes):
            raise ValueError(f"a tensor of {x.ndim} axes where the file has {len(self.axes)}")
        shape: list[int] = []
        for n, ax in zip(x.shape, self.axes, strict=True):
            given = [self.extents[f.split(".")[0]][int(f.split(".")[1])] for f in ax]
            known = math.prod(e for e in given if e is not None)
            free = given.count(None)
            if free > 1 or n % known or (not free and n != known):
                raise ValueError(f"an axis of extent {n} where the file has {given}")
            shape += [n // known if e is None else e for e in given]
        order = self._order()
        wanted = [f"{r}.{i}" for r in ROLES for i in range(len(self.extents[r]))]
        z = x.reshape(shape).transpose([order.index(f) for f in wanted])
        sizes = dict(zip(order, shape, strict=True))
        ours = [math.prod(sizes[f"{r}.{i}"] for i in range(len(self.extents[r]))) for r in ROLES]
        z = z.reshape(ours)
        return z[:, ::-1] if self.turned else z


def _extents(ax: Axis) -> list[int | None]:
    return [int(a.extent) if is_known(a.extent) else None for a in ax]


def of_view(v: View, part: list[int] | None = None) -> Layout:
    """The layout of a view whose root knows the roles of its axes."""
    roles = v.root.roles
    features = v.stage.features if isinstance(v.stage, Stage) else roles["features"]
    atoms = {"streams": roles["streams"], "frames": roles["frames"], "features": features}
    if v.kind != "frames":
        atoms["frames"] = ()
    if v.turned is not None and v.turned != roles["frames"]:
        raise OnnxError("another axis than the frames runs backwards behind a layer")
    name = {a: f"{role}.{i}" for role, ax in atoms.items() for i, a in enumerate(ax)}
    axes = [[name[a] for a in ax] for ax in v.axes]
    extents = {role: _extents(ax) for role, ax in atoms.items()}
    return Layout(extents, axes, v.flipped, v.pick, part)


def of_root(root: Root) -> Layout:
    """The layout of the engine's input."""
    return of_view(View(root, "frames", root.axes))
