# SPDX-License-Identifier: Apache-2.0
"""Parts of a graph as models of their own, cut by onnx_ir."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csb_rnn.network.onnx.errors import OnnxError, name_of
from csb_rnn.network.onnx.load import reads
from csb_rnn.system import untrusted

if TYPE_CHECKING:
    import onnx

    from csb_rnn.network.onnx.walk import Walk


def normalised(walk: Walk) -> onnx.ModelProto:
    """The graph as it was walked, with the inferred types and shapes."""
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(walk.model)
    del made.graph.node[:]
    made.graph.node.extend(walk.nodes)
    return made


def info(walk: Walk, name: str) -> onnx.ValueInfoProto:
    """Type and shape of a tensor, as far as they are known."""
    from onnx import TensorProto, helper

    kind, shape = walk.infos.get(name, (0, None))
    dims = None if shape is None else [d if isinstance(d, int) else None for d in shape]
    return helper.make_tensor_value_info(name, kind or TensorProto.FLOAT, dims)


def part(
    walk: Walk,
    graph: onnx.ModelProto,
    given: list[str],
    wanted: list[str],
    makes: dict[str, onnx.NodeProto],
) -> onnx.ModelProto | None:
    """The model from the given tensors to the wanted ones; None if nothing is wanted.

    Raises:
        OnnxError: it would need a recurrent node.
    """
    import onnx_ir as ir

    if not wanted:
        return None
    inputs, todo, seen = [], list(wanted), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in given:
            inputs.append(name)
            continue
        node = makes.get(name)
        if node is None:
            continue
        if node.op_type in ("LSTM", "GRU", "RNN"):
            raise OnnxError(
                f"{name_of(node)} is needed by the part before or behind the layers (tensor "
                f"'{name}'); supported: layers in one chain"
            )
        todo += reads(node)
    inputs = [n for n in given if n in inputs]
    try:
        model = ir.from_proto(graph)
        found = ir.convenience.extract(model.graph, inputs=inputs, outputs=wanted)
        made = ir.to_proto(ir.Model(found, ir_version=graph.ir_version))
    except Exception as error:  # whatever onnx_ir raises for an illegal graph
        reason = untrusted.clean(str(error), 200)
        raise OnnxError(f"the host's part cannot be cut out of the graph: {reason}") from None
    del made.opset_import[:]
    made.opset_import.extend(graph.opset_import)
    del made.graph.input[:], made.graph.output[:], made.graph.value_info[:]
    made.graph.input.extend(info(walk, n) for n in inputs)
    own = {o.name: o for o in graph.graph.output}
    for n in wanted:
        made.graph.output.append(own.get(n) or info(walk, n))
    made.producer_name = "csb_rnn"
    return made
