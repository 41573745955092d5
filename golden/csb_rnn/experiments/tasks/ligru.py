# SPDX-License-Identifier: Apache-2.0
"""Li-GRU layer for training: no reset gate, ReLU candidate, batch norm on the input product.

``z = sigmoid(BN(Wz x) + Uz h + bz)``, ``n = relu(BN(Wn x) + Un h + bn)``, ``h = z h + (1-z) n``
(Ravanelli et al., 2018). In a checkpoint the batch norm is folded into weights and bias, rows are
in the order n, z, and the cell's name is ``ligru``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from csb_rnn.network.checkpoint import Checkpoint

__all__ = ["LiGru"]


class LiGru(nn.Module):
    """One Li-GRU layer, ``[N, T, inputs]`` to ``[N, T, hidden]``, from the zero state."""

    def __init__(self, inputs: int, hidden: int, normalise: bool = True) -> None:
        super().__init__()
        self.inputs, self.hidden = inputs, hidden
        self.weight_ih_l0 = nn.Parameter(torch.empty(2 * hidden, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(2 * hidden, hidden))
        self.bias_ih_l0 = nn.Parameter(torch.zeros(2 * hidden))
        self.bias_hh_l0 = nn.Parameter(torch.zeros(2 * hidden))
        nn.init.xavier_uniform_(self.weight_ih_l0)
        for gate in range(2):
            nn.init.orthogonal_(self.weight_hh_l0.data[gate * hidden : (gate + 1) * hidden])
        self.bn = nn.BatchNorm1d(2 * hidden, affine=True) if normalise else None

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs of all frames, and the last; ``lengths`` keeps padding out of the batch norm."""
        product = x @ self.weight_ih_l0.T
        if self.bn is not None:
            if lengths is None:
                valid = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
            else:
                valid = torch.arange(x.shape[1], device=x.device)[None, :] < lengths[:, None]
            normal = torch.zeros_like(product)
            normal[valid] = self.bn(product[valid])
            product = normal
        product = product + self.bias_ih_l0 + self.bias_hh_l0
        h = x.new_zeros(x.shape[0], self.hidden)
        outputs = []
        for step in product.unbind(1):
            n, z = (step + h @ self.weight_hh_l0.T).chunk(2, dim=1)
            z = torch.sigmoid(z)
            h = z * h + (1 - z) * torch.relu(n)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    @torch.no_grad()
    def folded_state(self) -> dict[str, Tensor]:
        """State dict in torch's names with the batch norm folded in."""
        weight, bias = self.weight_ih_l0.clone(), self.bias_ih_l0.clone()
        if self.bn is not None:
            assert self.bn.running_mean is not None
            assert self.bn.running_var is not None
            scale = self.bn.weight / torch.sqrt(self.bn.running_var + self.bn.eps)
            weight *= scale[:, None]
            bias += self.bn.bias - self.bn.running_mean * scale
        return {
            "weight_ih_l0": weight,
            "weight_hh_l0": self.weight_hh_l0.clone(),
            "bias_ih_l0": bias,
            "bias_hh_l0": self.bias_hh_l0.clone(),
        }

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> LiGru:
        """The layer of a checkpoint, folded, ready to evaluate."""
        layer = checkpoint.layers[0]
        module = cls(layer.inputs, layer.hidden, normalise=False)
        for name, value in checkpoint.tensors.items():
            getattr(module, name).data = torch.from_numpy(np.array(value))
        return module.eval()
