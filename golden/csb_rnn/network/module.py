# SPDX-License-Identifier: Apache-2.0
"""Modules of torch with anything around their recurrent layers, through torch's ONNX exporter.

``torch.onnx.export`` traces the module on an example; the importer of ONNX files then finds the
parts for the engine and for the host. The exporter on ``torch.export`` (``dynamo=True``) is taken
first. It unrolls ``torch.nn.RNN`` frame by frame, so a module with one goes through the older
exporter, as does a module refused by the first one.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csb_rnn.network import onnx
from csb_rnn.network.network import NetworkError
from csb_rnn.network.read import Source

if TYPE_CHECKING:
    import torch
    from onnx import ModelProto


class ModuleError(NetworkError):
    """A module without an export by torch; one line for the user."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Exporters print and warn about themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def export(module: torch.nn.Module, example: tuple[Any, ...]) -> ModelProto:
    """The module as an ONNX graph, traced on the example.

    Raises:
        ModuleError: no exporter can.
    """
    import torch
    from onnx import load_model_from_string

    names = [f"x{i}" if i else "x" for i in range(len(example))]
    unrolled = any(isinstance(m, torch.nn.RNN) for m in module.modules())
    training, reason = module.training, ""
    module.eval()
    try:
        for dynamo in (False, True) if unrolled else (True, False):
            buffer: Any = io.BytesIO()  # torch takes streams, its annotations do not say so
            try:
                with _quiet(), torch.no_grad():
                    if dynamo:
                        made = torch.onnx.export(
                            module, example, None, input_names=names, dynamo=True
                        )
                        assert made is not None
                        made.save(buffer)
                    else:
                        torch.onnx.export(
                            module,
                            example,
                            buffer,
                            input_names=names,
                            dynamo=False,
                        )
            except Exception as error:  # whatever tracing raises
                reason = reason or " ".join(str(error).split())[:200]
                continue
            return load_model_from_string(buffer.getvalue())
    finally:
        module.train(training)
    raise ModuleError(f"{type(module).__name__}: torch.onnx.export fails: {reason}")


def read_module(module: torch.nn.Module, example: Any) -> Source:
    """The source of a module.

    Args:
        module: of torch, in any state of training; it runs as in ``eval()``.
        example: its input, or a tuple of its inputs: the shape says how many frames and sequences
            the exporter sees, and does not limit others where the module does not.

    Raises:
        ModuleError, OnnxError: it cannot be exported or represented.
    """
    inputs = example if isinstance(example, tuple) else (example,)
    name = type(module).__name__
    try:
        plan = onnx.plan_of(export(module, inputs))
    except onnx.OnnxError as error:
        raise onnx.OnnxError(f"{name}: {error}") from None
    return Source(Path(name), plan.model, plan=plan, module=module)
