# SPDX-License-Identifier: Apache-2.0
"""A module of torch with the machine's bits, in place of nn.LSTM, nn.GRU, nn.RNN."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from csb_rnn.api import arguments
from csb_rnn.api.build import Build, build
from csb_rnn.errors import UsageError
from csb_rnn.machine.config import Config

State = torch.Tensor | tuple[torch.Tensor, torch.Tensor] | None


class Quantised(torch.nn.Module):
    """The fixed model of a build behind the interface of its original module.

    Inputs, outputs and states have the shapes and the order of axes of the original module. No
    gradient flows through it.
    """

    def __init__(self, original: torch.nn.RNNBase, made: Build) -> None:
        super().__init__()
        self.build = made
        self.batch_first = bool(original.batch_first)
        self.names = [
            f"l{n}{end}"
            for n in range(original.num_layers)
            for end in (("", "_reverse") if original.bidirectional else ("",))
        ]
        self.kinds = ("h", "c") if isinstance(original, torch.nn.LSTM) else ("h",)

    def extra_repr(self) -> str:
        return repr(self.build)

    @torch.no_grad()
    def forward(self, x: torch.Tensor, hx: State = None) -> tuple[torch.Tensor, Any]:
        """As the original module: ``(output, h)`` or ``(output, (h, c))``.

        Raises:
            UsageError: states of another module.
            QuantError: NaN or infinity.
        """
        batched = x.ndim == 3
        turned = batched and not self.batch_first
        frames = x.transpose(0, 1) if turned else x
        state = None
        if hx is not None:
            given = hx if isinstance(hx, tuple) else (hx,)
            if len(given) != len(self.kinds) or any(len(v) != len(self.names) for v in given):
                raise UsageError(f"states: expected {len(self.kinds)} of {len(self.names)} layers")
            state = {
                f"{kind}_{name}": value.detach().cpu().numpy()
                for kind, values in zip(self.kinds, given, strict=True)
                for name, value in zip(self.names, values, strict=True)
            }
        done = self.build.run_fixed(frames.detach().cpu().numpy(), state)

        def back(value: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(value)).to(x)

        y = back(done.outputs)
        final = tuple(
            torch.stack([back(done.state[f"{kind}_{name}"]) for name in self.names])
            for kind in self.kinds
        )
        return y.transpose(0, 1) if turned else y, final if len(final) > 1 else final[0]


def quantised(
    module: torch.nn.Module,
    *,
    config: str | os.PathLike[str] | Config,
    calibrate: ArrayLike | None = None,
) -> Quantised:
    """The module as the machine computes it: put it in place of the original and evaluate.

    Args:
        module: a ``torch.nn.LSTM``, ``GRU`` or ``RNN``.
        config: name of a configuration, path of a TOML file, or one.
        calibrate: inputs that set the number formats, ``[frames, inputs]`` or
            ``[batch, frames, inputs]``.

    Raises:
        CsbError: the module cannot be represented.
    """
    if not isinstance(module, (torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN)):
        raise UsageError(
            f"module: expected a torch.nn.LSTM, GRU or RNN, got {arguments.kind_of(module)}"
        )
    made = build(module, config=config, calibrate=calibrate)
    return Quantised(module, made)
