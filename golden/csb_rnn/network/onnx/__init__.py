# SPDX-License-Identifier: Apache-2.0
"""ONNX files as models: in a walk every node has a rule, or goes to the host.

:func:`read_plan` gives all parts of a file, :func:`read_onnx` only the model for the engine and
refuses a file with more needs. How it works, in the order of the modules: :mod:`load` makes one
flat graph of the file, :mod:`walk` finds the meaning of every tensor (:mod:`values`) by the rules
of :mod:`rules`, :mod:`plan` divides it between engine and host, :mod:`cut` makes models of the
host's parts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from csb_rnn.network.network import Model, NetworkError
from csb_rnn.network.onnx.errors import OnnxError
from csb_rnn.network.onnx.load import bind, load
from csb_rnn.network.onnx.parts import HostState, Plan, Probe, Tap
from csb_rnn.network.onnx.plan import plan
from csb_rnn.system import untrusted

if TYPE_CHECKING:
    import onnx

__all__ = [
    "HostState",
    "OnnxError",
    "Plan",
    "Probe",
    "Tap",
    "from_onnx",
    "plan_of",
    "read_onnx",
    "read_plan",
]


def plan_of(proto: onnx.ModelProto, left: int = 0) -> Plan:
    """The parts of a graph; ``left`` Linear layers at its end are the host's.

    Raises:
        OnnxError: an unsupported node or attribute.
        NetworkError: layers with contradicting shapes.
    """
    return plan(proto, left)


def from_onnx(proto: onnx.ModelProto) -> Model:
    """The model of a graph for the engine alone; see :func:`plan_of`.

    Raises:
        OnnxError: it does not, or see :func:`plan_of`.
    """
    found = plan_of(proto)
    if not found.plain:
        raise OnnxError(f"needs the host for {found.host_nodes()}; supported here: layers alone")
    return found.model


def read_plan(path: str | os.PathLike, constants: Mapping[str, float] | None = None) -> Plan:
    """The parts of a file; ``constants`` are numbers for some of its inputs, for good.

    Raises:
        OnnxError: no such file, not ONNX, or something in it is not supported.
    """
    proto = load(path)
    try:
        with untrusted.bounded_memory():
            bind(proto, constants or {})
            return plan_of(proto)
    except NetworkError as error:
        raise OnnxError(f"{path}: {error}") from None
    except MemoryError:
        raise OnnxError(f"{path}: takes more than {untrusted.ROOM:,} bytes") from None


def read_onnx(path: str | os.PathLike) -> Model:
    """The model of a file for the engine alone; see :func:`read_plan`."""
    found = read_plan(path)
    if not found.plain:
        raise OnnxError(
            f"{path}: needs the host for {found.host_nodes()}; supported here: layers alone"
        )
    return found.model
