# SPDX-License-Identifier: Apache-2.0
"""torch's GRU for training on a CPU: the same function as ``nn.GRU`` on packed sequences, faster.

``nn.GRU`` adds the weights' gradient up step by step and clears a buffer for each slice it takes.
Here the steps are written out and the weights' gradients are one product each at the end.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

__all__ = ["gru"]


class _Gru(torch.autograd.Function):
    """One layer on packed data ``[sum of sizes, inputs]``; step t has ``sizes[t]`` rows."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Tensor:
        x, h0, w_ih, w_hh, b_ih, b_hh, sizes = args
        hidden = w_hh.shape[1]
        gates = torch.addmm(b_ih, x, w_ih.T)  # becomes r, z, n
        before = torch.empty(len(x), hidden, dtype=x.dtype)  # state before each step
        product = torch.empty_like(before)  # Un h + bun, which r multiplies
        out = torch.empty_like(before)
        w, h, at = w_hh.T.contiguous(), h0, 0
        for size in sizes:
            rows = slice(at, at + size)
            at += size
            torch.narrow_copy(h, 0, 0, size, out=before[rows])
            g, i = torch.addmm(b_hh, before[rows], w), gates[rows]
            i[:, : 2 * hidden].add_(g[:, : 2 * hidden]).sigmoid_()
            i[:, 2 * hidden :].addcmul_(i[:, :hidden], g[:, 2 * hidden :]).tanh_()
            product[rows] = g[:, 2 * hidden :]
            h = out[rows]
            torch.lerp(i[:, 2 * hidden :], before[rows], i[:, hidden : 2 * hidden], out=h)
        ctx.save_for_backward(x, w_ih, w_hh, before, gates, product)
        ctx.sizes = sizes
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, w_ih, w_hh, before, gates, product = ctx.saved_tensors
        hidden, at = w_hh.shape[1], len(x)
        r, z, n = gates.split(hidden, 1)
        # Everything independent of the gradient of the state, for all steps at once.
        to_n = (1 - z) * (1 - n * n)
        to_z = (before - n) * z * (1 - z)
        to_r = product * r * (1 - r)
        d_in = torch.empty_like(gates)
        d_state = torch.empty_like(gates)
        dh = x.new_zeros(ctx.sizes[0], hidden)
        for size in reversed(ctx.sizes):
            rows = slice(at - size, at)
            at -= size
            d = dh[:size]
            d += grads[0][rows]
            into, state = d_in[rows], d_state[rows]
            torch.mul(d, to_n[rows], out=into[:, 2 * hidden :])
            torch.mul(d, to_z[rows], out=into[:, hidden : 2 * hidden])
            torch.mul(into[:, 2 * hidden :], to_r[rows], out=into[:, :hidden])
            state[:, : 2 * hidden] = into[:, : 2 * hidden]
            torch.mul(into[:, 2 * hidden :], r[rows], out=state[:, 2 * hidden :])
            d.mul_(z[rows]).addmm_(state, w_hh)
        d_x = d_in @ w_ih if ctx.needs_input_grad[0] else None
        return d_x, dh, d_in.T @ x, d_state.T @ before, d_in.sum(0), d_state.sum(0), None


def gru(rnn: nn.GRU, x: PackedSequence, h0: Tensor | None = None) -> tuple[PackedSequence, Tensor]:
    """Run a one-layer ``nn.GRU`` with its own weights.

    Args:
        rnn: the module.
        x: packed inputs.
        h0: initial state ``[N, hidden]``, in the order of the batch; zero by default.

    Returns:
        Packed outputs, and each sequence's last state ``[N, hidden]`` in the order of the batch.
    """
    sizes = x.batch_sizes.tolist()
    if h0 is None:
        h0 = x.data.new_zeros(sizes[0], rnn.hidden_size)
    elif x.sorted_indices is not None:
        h0 = h0[x.sorted_indices]
    weights = (rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0, rnn.bias_hh_l0)
    out = _Gru.apply(x.data, h0, *weights, sizes)
    starts = torch.tensor([0, *accumulate(sizes)])
    lengths = (x.batch_sizes[None, :] > torch.arange(sizes[0])[:, None]).sum(1)
    last = out[starts[lengths - 1] + torch.arange(sizes[0])]
    if x.unsorted_indices is not None:
        last = last[x.unsorted_indices]
    return x._replace(data=out), last
