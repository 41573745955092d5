# SPDX-License-Identifier: Apache-2.0
"""Pruning of an ONNX file: every LSTM, GRU and RNN node, each with classes of its own."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from csb_rnn.errors import UsageError
from csb_rnn.network.onnx.rewrite import recurrent_nodes, write_nodes
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.post_training import prune_with_data
from csb_rnn.pruning.report import Pruned
from csb_rnn.pruning.schemes import Csb

__all__ = ["prune_onnx"]


def prune_onnx(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    scheme: Csb,
    rate: float,
    *,
    data: Any = None,
    refine: int = 0,
    log: Callable[[str], None] = lambda line: None,
) -> Pruned:
    """Prune a file and write another, equal but for the weights of its recurrent nodes.

    Args:
        source, target: files.
        scheme: blocks, alignment, classes.
        rate: weights / kept weights of each node.
        data: inputs of the one recurrent node, ``[frames, inputs]`` or more; by size if None.
        refine: with data, steps of gradients at the end.
        log: takes lines about the work with data.

    Raises:
        OnnxError, CheckpointError: a bad file, or none of these nodes in it.
        UsageError: data for a file with several recurrent nodes, or for one with states, lengths
            or activations of its own.
    """
    proto, nodes = recurrent_nodes(source)
    if data is not None and (len(nodes) > 1 or not nodes[0].plain):
        raise UsageError(
            "--data prunes the ONNX file of one recurrent node with the usual activations and the"
            " zero state: leave it out, or prune the module that was exported"
        )
    done, kept = [], []
    for number, found in enumerate(nodes):
        if data is None:
            new, part = prune_checkpoint(found.checkpoint, scheme, rate)
        else:
            new, part = prune_with_data(
                found.checkpoint, scheme, rate, data, refine=refine, log=log
            )
        done.append((found, new))
        name = found.node.name or f"{found.node.op_type} {number}"
        kept += [dataclasses.replace(m, name=f"{name}.{m.name}") for m in part]
    write_nodes(target, proto, done)
    return Pruned(tuple(kept))
