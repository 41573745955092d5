# SPDX-License-Identifier: Apache-2.0
"""A file as one flat graph: checked, functions inlined, sparse tensors dense, dead nodes gone."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from csb_rnn.network.onnx import worker
from csb_rnn.network.onnx.errors import OnnxError
from csb_rnn.system import untrusted

if TYPE_CHECKING:
    import onnx

DEFAULT = ("", "ai.onnx")  # ONNX's own domain
LARGE = 1 << 24  # numbers of a tensor counted in a sum of sizes


def load(path: str | os.PathLike) -> onnx.ModelProto:
    """Read and check a file, and the tensors beside it.

    Raises:
        OnnxError: no such file, not ONNX, too large, or a graph refused by ONNX's checker.
    """
    path = Path(path)
    if not path.is_file():
        raise OnnxError(f"{path}: no such file")
    try:
        with untrusted.bounded_memory():
            proto = _load(path)
            check(proto)
            return proto
    except untrusted.FileError as error:
        raise OnnxError(f"{path}: {error}") from None
    except Exception as error:  # whatever protobuf and the checker raise
        reason = first_line(error)
        if isinstance(error, MemoryError):
            reason = f"takes more than {untrusted.ROOM:,} bytes"
        raise OnnxError(f"{path}: not a valid ONNX file: {reason}") from None


def _load(path: Path) -> onnx.ModelProto:
    """The file and the tensors beside it, if they are of moderate size.

    Raises:
        FileError: too large, or a tensor lies outside of the file's folder.
    """
    import onnx
    from onnx import external_data_helper

    proto = onnx.load_model_from_string(untrusted.read_bytes(path))
    total = path.stat().st_size
    for tensor in external_data_helper._get_all_tensors(proto):
        if not external_data_helper.uses_external_data(tensor):
            size = math.prod(max(0, n) for n in tensor.dims)
            total += 4 * size if size > LARGE else 0
            untrusted.check_size(total)
            continue
        info = {e.key: e.value for e in tensor.external_data}
        name, length = info.get("location", ""), info.get("length", "")
        file = path.parent / name
        if name in ("", ".", "..") or Path(name).name != name or not file.is_file():
            raise untrusted.FileError(f"no file {untrusted.show(name)} of tensors beside it")
        if file.is_symlink() or not re.fullmatch("[0-9]{0,12}", length):
            raise untrusted.FileError(f"{untrusted.show(name)}: a link, or of no length")
        total += int(length or file.stat().st_size)
        untrusted.check_size(total)
    external_data_helper.load_external_data_for_model(proto, str(path.parent))
    return proto


def bind(proto: onnx.ModelProto, constants: Mapping[str, float]) -> None:
    """Give inputs of a file a number for good: they become constants of the graph.

    Example: ``{"sr": 16000}`` chooses the branch of an If for this sampling rate.

    Raises:
        OnnxError: no such input, or one whose extents are open.
    """
    from onnx import helper, numpy_helper

    inputs = {i.name: i for i in proto.graph.input}
    for name, number in constants.items():
        if name not in inputs:
            raise OnnxError(f"no input {untrusted.show(name)}: known are {', '.join(inputs)}")
        t = inputs[name].type.tensor_type
        shape = [d.dim_value for d in t.shape.dim]
        if t.elem_type == 0 or 0 in shape or math.prod(shape) > LARGE:
            raise OnnxError(f"input '{name}' has no fixed extents: no number can stand for it")
        kind = helper.tensor_dtype_to_np_dtype(t.elem_type)
        tensor = numpy_helper.from_array(np.full(shape, number).astype(kind), name)
        proto.graph.initializer.append(tensor)
        proto.graph.input.remove(inputs[name])


def first_line(error: Exception) -> str:
    """An error's first line."""
    lines = str(error).splitlines() or [""]
    return untrusted.clean(lines[0] or type(error).__name__, 200)


def check(proto: onnx.ModelProto) -> None:
    """ONNX's checker, in the child process."""
    worker.ask("check", proto.SerializeToString(), None)


def bodies(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    """Graphs inside a node."""
    return [g for a in node.attribute for g in ([a.g] if a.type == 5 else list(a.graphs))]


def captured(node: onnx.NodeProto) -> list[str]:
    """Outside names read by the graphs of a node."""
    found: dict[str, None] = {}
    for g in bodies(node):
        own = {i.name for i in g.input} | {t.name for t in g.initializer}
        own |= {t.values.name for t in g.sparse_initializer}
        for n in g.node:
            found |= dict.fromkeys(x for x in reads(n) if x not in own)
            own |= set(n.output)
        found |= dict.fromkeys(o.name for o in g.output if o.name not in own)
    return list(found)


def reads(node: onnx.NodeProto) -> list[str]:
    """Every tensor needed by a node."""
    return [n for n in node.input if n] + captured(node)


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Nodes of a graph and of the graphs in it."""
    for n in graph.node:
        yield n
        for g in bodies(n):
            yield from all_nodes(g)


def dense(sparse: onnx.SparseTensorProto) -> np.ndarray:
    """A sparse tensor as an array.

    Raises:
        OnnxError: its indices do not fit.
    """
    from onnx import numpy_helper

    shape, values = tuple(sparse.dims), numpy_helper.to_array(sparse.values)
    at = numpy_helper.to_array(sparse.indices)
    if int(np.prod(shape, dtype=object)) > 1 << 28:
        raise OnnxError(f"sparse tensor '{sparse.values.name}' of shape {list(shape)} is too large")
    out = np.zeros(shape, values.dtype)
    try:
        where = np.unravel_index(at, shape) if at.ndim == 1 else tuple(at.T)
        out[where] = values
    except (IndexError, ValueError) as error:
        raise OnnxError(f"sparse tensor '{sparse.values.name}': {error}") from None
    return out


def flat(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without local functions, sparse tensors and dead nodes.

    Names of value_info are dropped: shapes are inferred, not believed.

    Raises:
        OnnxError: something of it cannot be read.
    """
    import onnx
    from onnx import helper, inliner, numpy_helper

    made = onnx.ModelProto()
    made.CopyFrom(proto)
    if made.functions:
        try:
            made = inliner.inline_local_functions(made)
        except Exception as error:
            raise OnnxError(f"local functions cannot be inlined: {first_line(error)}") from None
    g = made.graph
    for s in g.sparse_initializer:
        g.initializer.append(numpy_helper.from_array(dense(s), s.values.name))
    del g.sparse_initializer[:]
    for n in all_nodes(g):
        for a in n.attribute:
            if n.op_type == "Constant" and a.name == "sparse_value":
                tensor = numpy_helper.from_array(dense(a.sparse_tensor), "")
                a.CopyFrom(helper.make_attribute("value", tensor))
    del g.value_info[:]
    prune(g)
    return made


def prune(g: onnx.GraphProto) -> None:
    """Remove nodes and initialisers behind no output."""
    needed = {o.name for o in g.output}
    kept: list[onnx.NodeProto] = []
    for n in reversed(g.node):
        if needed & set(n.output):
            kept.insert(0, n)
            needed |= set(reads(n))
    del g.node[:]
    g.node.extend(kept)
    tensors = [t for t in g.initializer if t.name in needed]
    del g.initializer[:]
    g.initializer.extend(tensors)
    # The name of an initialiser is no input.
    named = {t.name for t in tensors}
    inputs = [i for i in g.input if i.name not in named]
    del g.input[:]
    g.input.extend(inputs)
