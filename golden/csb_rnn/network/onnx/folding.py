# SPDX-License-Identifier: Apache-2.0
"""Constants: a node whose inputs never change is run once, in ONNX Runtime, as the file says.

A node is run alone with the file's own operator sets, so Softmax of opset 11 means Softmax of
opset 11 and DequantizeLinear of ``com.microsoft`` means just this. A node with random numbers
is refused: its value is another one every time. So is a node of a domain that ONNX Runtime does
not implement. Runs happen in the child process of :mod:`csb_rnn.network.onnx.worker`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.onnx import worker
from csb_rnn.network.onnx.errors import refuse
from csb_rnn.network.onnx.load import DEFAULT, bodies, reads

if TYPE_CHECKING:
    import onnx

DOMAINS = (*DEFAULT, "ai.onnx.ml", "com.microsoft")  # implemented by ONNX Runtime
RANDOM = re.compile(r"^(Random\w+|Multinomial|Bernoulli|Sampling|\w*Dropout\w*)$")


def random_node(node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The node with random numbers, or one in its graphs."""
    if RANDOM.match(node.op_type) and node.op_type != "Dropout":
        return node
    for g in bodies(node):
        for n in g.node:
            found = random_node(n)
            if found is not None or n.op_type == "Dropout":
                return found or n
    return None


def fold(
    model: onnx.ModelProto, node: onnx.NodeProto, constants: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Outputs of a node whose inputs are constants; an output without a name is empty.

    Raises:
        OnnxError: it cannot run, or needs too much time or memory.
    """
    if node.domain not in DOMAINS:
        raise refuse(
            node,
            f"its domain '{node.domain}' is not supported; supported: "
            + ", ".join(d or "ai.onnx" for d in DOMAINS if d != "ai.onnx"),
        )
    names = list(dict.fromkeys(reads(node)))
    return run_node(model, node, {n: constants[n] for n in names})


def run_node(
    model: onnx.ModelProto, node: onnx.NodeProto, feeds: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """One node on given inputs, by ONNX Runtime; see :func:`fold`."""
    import onnx
    from onnx import helper

    wanted = [o for o in node.output if o]
    inputs = []
    for name, a in feeds.items():
        try:
            kind = helper.np_dtype_to_tensor_dtype(np.asarray(a).dtype)
        except KeyError:
            raise refuse(node, f"an input of type {np.asarray(a).dtype} is not supported") from None
        inputs.append(helper.make_tensor_value_info(name, kind, np.shape(a)))
    outputs = [onnx.ValueInfoProto(name=o) for o in wanted]
    graph = helper.make_graph([node], "one", inputs, outputs)
    one = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    try:
        got = worker.ask("run", one.SerializeToString(), dict(feeds), wanted)
    except worker.WorkerError as error:
        raise refuse(node, f"cannot be computed from its constants: {error}") from None
    found = dict(zip(wanted, got, strict=True))
    if not all(isinstance(a, np.ndarray) for a in got):
        raise refuse(node, "gives a sequence or map; supported: tensors")
    return [found.get(o, np.zeros(0)) for o in node.output]


def literal(node: onnx.NodeProto) -> np.ndarray:
    """The tensor of a Constant node.

    Raises:
        OnnxError: it holds none.
    """
    from onnx import helper, numpy_helper

    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64,
             "value_ints": np.int64, "value_string": object, "value_strings": object}  # fmt: skip
    for a in node.attribute:
        if a.name == "value":
            return numpy_helper.to_array(a.t)
        if a.name in kinds:
            return np.asarray(helper.get_attribute_value(a), kinds[a.name])
    raise refuse(node, "holds no tensor")


def attributes(node: onnx.NodeProto) -> dict:
    """Attributes by name; texts as str."""
    from onnx import helper

    def plain(v: object) -> object:
        if isinstance(v, bytes):
            return v.decode(errors="replace")
        if isinstance(v, Sequence) and not isinstance(v, str):
            return [plain(x) for x in v]
        return v

    return {a.name: plain(helper.get_attribute_value(a)) for a in node.attribute}
