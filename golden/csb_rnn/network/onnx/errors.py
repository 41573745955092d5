# SPDX-License-Identifier: Apache-2.0
"""Refusals of the ONNX importer: one line with the node's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csb_rnn.network.network import NetworkError
from csb_rnn.system import untrusted

if TYPE_CHECKING:
    import onnx


class OnnxError(NetworkError):
    """An ONNX file beyond the reader or the machine; one line with the node's name."""


class HostOnly(Exception):  # noqa: N818 - a verdict, no fault
    """A rule's word: the engine has no meaning for this node, the host runs it.

    The text says why, and becomes part of a refusal if the node stands between layers.
    """


def name_of(node: onnx.NodeProto) -> str:
    """Kind and name of a node, ``Gemm '/fc/Gemm'``; the domain too if it is not ONNX's own."""
    kind = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
    name = node.name or (node.output[0] if node.output else "")
    return untrusted.clean(f"{kind} '{name}'", 200)


def refuse(node: onnx.NodeProto, text: str) -> OnnxError:
    """The error with the node's name."""
    return OnnxError(f"{name_of(node)}: {text}")
