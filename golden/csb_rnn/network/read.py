# SPDX-License-Identifier: Apache-2.0
"""Any file that holds a trained model: state dicts, ONNX, description files."""

from __future__ import annotations

import os
from pathlib import Path

from csb_rnn.network import bidirectional, description, onnx
from csb_rnn.network.bidirectional import Model
from csb_rnn.network.checkpoint import Checkpoint, CheckpointError, read_checkpoint

OTHERS = {".onnx": onnx.read_onnx, ".toml": description.read_description}


def read_model(
    path: str | os.PathLike, prefix: str | None = None
) -> tuple[Model, Checkpoint | None]:
    """The model of a file, by the ending of its name, and the checkpoint if it is one.

    Raises:
        CheckpointError, NetworkError: a file that is missing or damaged, or what it holds cannot
            be represented.
    """
    suffix = Path(path).suffix
    if suffix in OTHERS:
        if prefix is not None:
            raise CheckpointError(f"{path}: a prefix is of keys in a state dict")
        return OTHERS[suffix](path), None
    checkpoint = read_checkpoint(path, prefix)
    return bidirectional.from_checkpoint(checkpoint), checkpoint
