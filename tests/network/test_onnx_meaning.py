# SPDX-License-Identifier: Apache-2.0
"""Meaning of arithmetic and arrangement around layers: ONNX Runtime's, or a refusal that names the
node. Each case came out wrong, crashed or was refused in an importer that looked at less."""

from __future__ import annotations

import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import OnnxError, worker
from tests.network.onnx_graphs import F, Graph, difference, equal, ours, reference

T, B, N, H = 5, 2, 3, 4
X = np.random.default_rng(1).normal(size=(T, B, N)).astype(F)  # frames first
XB = np.ascontiguousarray(X.swapaxes(0, 1))  # streams first


# --- initial states ------------------------------------------------------------------------------


def zeros(g: Graph, *dims: int | str) -> str:
    """Zeros of a shape in which ``b`` is the number of streams of x."""
    b = g.n("Gather", g.n("Shape", "x"), g.c(np.array([1])))
    parts = [b if d == "b" else g.c(np.array([d])) for d in dims]
    return g.n("ConstantOfShape", g.n("Concat", *parts, axis=0))


def learned(g: Graph) -> str:
    return g.c(np.linspace(-0.7, 0.9, H, dtype=F).reshape(1, 1, H))


STARTS = {
    "plus": lambda g: g.n("Add", zeros(g, 1, "b", H), learned(g)),
    "minus": lambda g: g.n("Sub", zeros(g, 1, "b", H), learned(g)),
    "parameter first": lambda g: g.n("Add", learned(g), zeros(g, 1, "b", H)),
    "exp": lambda g: g.n("Exp", zeros(g, 1, "b", H)),
    "sigmoid": lambda g: g.n("Sigmoid", zeros(g, 1, "b", H)),
    "pad": lambda g: g.n("Pad", zeros(g, 1, "b", H - 1), g.c(np.array([0, 0, 0, 0, 0, 1])),
                         g.c(np.array(1.0, F))),
    "linear": lambda g: g.n("Unsqueeze", g.n("Gemm", zeros(g, "b", 2), g.r(2, H), g.r(H)),
                            g.c(np.array([0]))),
    "expand": lambda g: g.n("Expand", learned(g), g.n(
        "Concat", g.c(np.array([1])), g.n("Gather", g.n("Shape", "x"), g.c(np.array([1]))),
        g.c(np.array([H])), axis=0)),
    "slice": lambda g: g.n("Slice", g.n("Add", zeros(g, 3, "b", H), g.r(3, 1, H)),
                           g.c(np.array([1])), g.c(np.array([2])), g.c(np.array([0]))),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
@pytest.mark.parametrize("make", STARTS.values(), ids=STARTS)
def test_a_state_computed_from_zeros_of_the_batch_counts(make, kind):
    g = Graph(None, None, N)
    g.out(g.squeezed(kind, "x", N, H, h0=make(g)))
    plan = equal(g, x=X)
    assert plan.plain
    assert plan.model.initial["h_l0"].shape == (H,)


def test_torch_adds_a_parameter_to_new_zeros(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(N, H, batch_first=True)
            self.h0 = torch.nn.Parameter(torch.randn(1, 1, H))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.rnn(x, x.new_zeros(1, x.shape[0], H) + self.h0)[0]

    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.onnx.export(Net().eval(), (torch.from_numpy(XB),), buffer, input_names=["x"],
                      dynamic_axes={"x": {0: "b", 1: "t"}}, dynamo=False)  # fmt: skip
    plan = equal(onnx.load_from_string(buffer.getvalue()), x=XB)
    assert np.abs(plan.model.initial["h_l0"]).max() > 0.1


def test_a_state_for_another_number_of_streams_is_refused():
    g = Graph(T, B, N)
    g.out(g.squeezed("GRU", "x", N, H, h0=g.r(1, 3, H)))
    with pytest.raises(OnnxError, match="GRU_0': initial_h is for 3 sequences, its input has 2"):
        importer.plan_of(g.proto())
    g = Graph(None, None, N)
    t = g.n("Gather", g.n("Shape", "x"), g.c(np.array([0])))  # frames, not streams
    shape = g.n("Concat", g.c(np.array([1])), t, g.c(np.array([H])), axis=0)
    g.out(g.squeezed("GRU", "x", N, H, h0=g.n("Add", g.n("ConstantOfShape", shape), learned(g))))
    with pytest.raises(OnnxError, match=r"initial_h is for x\.0 sequences, its input has x\.1"):
        importer.plan_of(g.proto())


def test_states_as_inputs_come_in_every_run():
    """A one-step model: frame and states go in, the output and the next states come out."""
    g = Graph(1, None, N)
    h0, c0 = g.given("h0", 1, None, H), g.given("c0", 1, None, H)
    y = g.rnn("LSTM", "x", N, H, h0=h0, c0=c0, outs=["y", "h", "c"])
    g.out(g.axes("Squeeze", y, 1)).out("h").out("c")
    rng = np.random.default_rng(3)
    h, c = (rng.normal(size=(1, B, H)).astype(F) for _ in range(2))
    plan = equal(g, x=X[:1], h0=h, c0=c)
    assert [s.key for s in plan.states] == ["h_l0", "c_l0"]
    assert {tuple(t.states) for t in plan.taps} == {(), ("c_l0",), ("h_l0",)}


# --- constants -----------------------------------------------------------------------------------


def with_weight(opset: int, make) -> Graph:
    g = Graph(T, B, N, opset=opset)
    y = g.n("GRU", "x", make(g), g.r(1, 3 * H, H), hidden_size=H)
    return g.out(g.axes("Squeeze", y, 1))


def foreign(g: Graph, domain: str, kind: str, *constants, **attributes) -> str:
    g.extra = [helper.make_opsetid(domain, 1)]
    return g.n(kind, *[g.c(a) for a in constants], domain=domain, **attributes)


def sparse(g: Graph) -> str:
    w = g.rng.normal(size=(1, 3 * H, N)).astype(F)
    w[abs(w) < 0.8] = 0
    at = np.flatnonzero(w)
    values, indices = numpy_helper.from_array(w.reshape(-1)[at], "v"), numpy_helper.from_array(at)
    return g.n("Constant", sparse_value=helper.make_sparse_tensor(values, indices, w.shape))


INT8 = np.random.default_rng(0).integers(-100, 100, (1, 3 * H, N)).astype(np.int8)
WEIGHTS = {
    "Unsqueeze of opset 11": (11, lambda g: g.n("Unsqueeze", g.r(3 * H, N), axes=[0])),
    "ReduceSum of opset 12": (
        12, lambda g: g.n("ReduceSum", g.r(2, 3 * H, N), axes=[0], keepdims=1)),
    "Softmax of opset 11": (11, lambda g: g.n("Softmax", g.r(1, 3 * H, N))),
    "Softmax of opset 13": (13, lambda g: g.n("Softmax", g.r(1, 3 * H, N))),
    "DequantizeLinear of com.microsoft": (17, lambda g: foreign(
        g, "com.microsoft", "DequantizeLinear", INT8, np.array(0.01, F), np.array(0, np.int8))),
    "sparse value": (17, sparse),
}  # fmt: skip


@pytest.mark.parametrize(("opset", "make"), WEIGHTS.values(), ids=WEIGHTS)
def test_constants_are_computed_as_their_operator_set_says(opset, make):
    assert equal(with_weight(opset, make), x=X).plain


def test_sparse_initialisers():
    g = Graph(T, B, N)
    w = np.zeros((1, 3 * H, N), F)
    w[0, ::2, 1] = 0.5
    at = np.flatnonzero(w)
    values, indices = numpy_helper.from_array(w.reshape(-1)[at], "w"), numpy_helper.from_array(at)
    y = g.n("GRU", "x", "w", g.r(1, 3 * H, H), hidden_size=H)
    proto = g.out(g.axes("Squeeze", y, 1)).proto()
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, w.shape))
    layer = importer.plan_of(proto).model.single.layers[0]
    assert sum(np.count_nonzero(layer.weights[gate, "x"]) for gate in "rzn") == len(at)


def test_a_foreign_domain_is_refused():
    g = with_weight(17, lambda g: foreign(
        g, "qonnx.custom_op.general", "Quant", INT8.astype(F), np.array(0.1, F),
        np.array(0, F), np.array(8, F), signed=1, narrow=0, rounding_mode="ROUND"))  # fmt: skip
    with pytest.raises(OnnxError, match=r"Quant_0': its domain 'qonnx.custom_op.general' is not"):
        importer.plan_of(g.proto())


@pytest.mark.parametrize("kind", ["RandomNormal", "RandomNormalLike", "Bernoulli", "Dropout"])
def test_random_nodes_are_refused(kind):
    g = Graph(None, None, N)
    if kind == "RandomNormal":
        h0 = g.n(kind, shape=[1, B, H], seed=3.0)
    elif kind == "Dropout":
        h0 = g.n(kind, zeros(g, 1, "b", H), g.c(np.array(0.5, F)), g.c(np.array(True)))
    else:
        h0 = g.n(kind, zeros(g, 1, "b", H))
    g.out(g.squeezed("GRU", "x", N, H, h0=h0))
    with pytest.raises(OnnxError, match=f"{kind}.*random numbers"):
        importer.plan_of(g.proto())


def test_an_if_with_a_constant_condition_is_its_branch():
    g = Graph(T, B, N)
    y, axes = g.rnn("LSTM", "x", N, H), g.c(np.array([1]))
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in "ab"]
    node = helper.make_node
    then = helper.make_graph([node("Squeeze", [y, axes], ["a"])], "t", [], info[:1])
    other = helper.make_graph([node("Identity", [y], ["b"])], "e", [], info[1:])
    g.n("If", g.c(np.array(True)), outs=["z"], then_branch=then, else_branch=other)
    assert equal(g.out("z"), x=X).plain


def test_a_loop_over_frames_is_refused():
    g = Graph(T, B, N)
    w, r, h0 = g.r(N, H), g.r(H, H), g.c(np.zeros((B, H), F))
    info, node = helper.make_tensor_value_info, helper.make_node
    state = [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, [])]
    nodes = [
        node("Gather", ["x", "i"], ["xt"], axis=0), node("MatMul", ["xt", w], ["a"]),
        node("MatMul", ["h", r], ["b"]), node("Add", ["a", "b"], ["s"]),
        node("Tanh", ["s"], ["h2"]), node("Identity", ["h2"], ["ys"]),
        node("Identity", ["c"], ["cont"]),
    ]  # fmt: skip
    rows = [info(n, TensorProto.FLOAT, [B, H]) for n in ("h", "h2", "ys")]
    done = info("cont", TensorProto.BOOL, [])
    body = helper.make_graph(nodes, "body", [*state, rows[0]], [done, *rows[1:]])
    g.n("Loop", g.c(np.array(T)), g.c(np.array(True)), h0, outs=["last", "y"], body=body)
    with pytest.raises(OnnxError, match=r"no LSTM, GRU, RNN, .*Loop_0' \(holds graphs"):
        importer.plan_of(g.out("y").proto())


@pytest.mark.parametrize("opset", [11, 12, 13])
@pytest.mark.filterwarnings("ignore")
def test_torch_without_constant_folding(opset):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r = torch.nn.LSTM(N, H, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.r(x)[0]

    buffer = io.BytesIO()
    torch.onnx.export(Net().eval(), (torch.from_numpy(XB),), buffer, input_names=["x"],
                      opset_version=opset, do_constant_folding=False, dynamo=False,
                      dynamic_axes={"x": {0: "b", 1: "t"}})  # fmt: skip
    assert equal(onnx.load_from_string(buffer.getvalue()), x=XB).plain


def test_work_without_end_and_bombs_are_refused_in_a_line():
    with pytest.raises(worker.WorkerError, match="longer than allowed"):
        worker.ask("crash", 30.0, seconds=0.2)
    with pytest.raises(worker.WorkerError, match="ends the process"):
        worker.ask("crash", 0.0)
    shape = np.array([1 << 14, 1 << 14, 1 << 10])
    g = with_weight(17, lambda g: g.n("ConstantOfShape", g.c(shape)))
    with pytest.raises(OnnxError, match=r"ConstantOfShape_0': cannot.*more than 4 GB"):
        importer.plan_of(g.proto())


# --- a bias not along the units -------------------------------------------------------------------


SQUARE = np.random.default_rng(0).normal(size=(H, H, N)).astype(F)


@pytest.mark.parametrize("shape", [(H, 1), (H, H)])
def test_gemm_with_a_bias_that_is_no_bias(shape):
    g = Graph(H, N)
    g.out(g.n("Gemm", "x", g.r(N, H), g.r(*shape)), 2)
    with pytest.raises(OnnxError, match=r"Gemm_0' \(a constant of shape"):
        importer.plan_of(g.proto())


@pytest.mark.parametrize(("shape", "on_host"), [
    ((H,), False), ((1, H), False), ((1, 1, H), False), ((1,), False), ((), False),
    ((H, 1), True), ((H, 1, 1), True), ((H, H), True), ((1, H, 1), True), ((1, 1, 1, H), True),
])  # fmt: skip
def test_add_behind_a_matmul_is_broadcast_as_onnx_does(shape, on_host):
    """All axes have H places, so that counting elements says nothing."""
    g = Graph(H, H, N)
    y = g.n("Add", g.n("MatMul", "x", g.r(N, H)), g.r(*shape))
    plan = equal(
        g.out(y, max(3, len(shape))), x=np.random.default_rng(0).normal(size=(H, H, N)).astype(F)
    )
    assert (plan.after is not None) == on_host


# --- axes -----------------------------------------------------------------------------------------


def test_axes_of_equal_extent_are_not_mixed():
    """Frames, streams and units all 4: a wrong order of axes has the right shape everywhere."""
    n = 4
    x = np.random.default_rng(0).normal(size=(n, n, n)).astype(F)
    for perm in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1)):
        g = Graph(n, n, n)
        y = g.squeezed("GRU", g.n("Transpose", "x", perm=perm), n, n)
        equal(g.out(g.n("Transpose", y, perm=perm)), x=x)
        g = Graph(n, n, n)
        first = g.squeezed("GRU", "x", n, n)
        second = g.squeezed("LSTM", g.n("Transpose", first, perm=perm), n, n)
        if perm == (0, 1, 2):
            assert equal(g.out(second), x=x).plain
        else:
            with pytest.raises(OnnxError, match=r"LSTM 'LSTM_.*': its input"):
                importer.plan_of(g.out(second).proto())


def test_directions_joined_without_a_transpose_are_not_features():
    """Reshape from [T, D, B, H] to [T, B, D*H] has the right shape and mixes streams."""
    x = np.random.default_rng(0).normal(size=(T, 3, N)).astype(F)
    g = Graph(T, 3, N)
    y = g.n("Reshape", g.rnn("LSTM", "x", N, H, d=2), g.c(np.array([T, 3, 2 * H])))
    assert equal(g.out(y), x=x).after is not None
    g = Graph(T, 3, N)
    y = g.n("Reshape", g.rnn("LSTM", "x", N, H, d=2), g.c(np.array([T, 3, 2 * H])))
    g.out(g.squeezed("GRU", y, 2 * H, H))
    with pytest.raises(OnnxError, match="computed between layers by Reshape 'Reshape_1'"):
        importer.plan_of(g.proto())


def test_two_nodes_as_two_directions():
    for way in ("reverse", "slice", "sequence"):
        g = Graph(T if way == "sequence" else None, None, N)
        ahead = g.squeezed("LSTM", "x", N, H)
        far, one = g.c(np.array([-(2**62)])), g.c(np.array([-1]))

        def turn(x: str, g=g, far=far, one=one, way=way) -> str:
            if way == "slice":
                return g.n("Slice", x, one, far, g.c(np.array([0])), one)
            return g.n("ReverseSequence", x, g.c(np.full(B, T)), time_axis=0, batch_axis=1)

        if way == "reverse":
            back = g.squeezed("LSTM", "x", N, H, direction="reverse")
        else:
            back = turn(g.squeezed("LSTM", turn("x"), N, H))
        g.out(g.n("Concat", ahead, back, axis=2))
        plan = equal(g, x=X)
        assert plan.plain
        assert list(plan.model.spans[0].networks) == [False, True]


@pytest.mark.parametrize("make", [
    lambda g, y: g.n("Gather", y, g.c(np.array(0)), axis=1),
    lambda g, y: g.n("Gather", y, g.c(np.array(-1)), axis=1),
    lambda g, y: g.axes("Squeeze", g.n("Slice", y, g.c(np.array([1])), g.c(np.array([2])),
                                       g.c(np.array([1]))), 1),
    lambda g, y: g.axes("Squeeze", g.n("Split", y, outs=["a", "b"], axis=1), 1),
])  # fmt: skip
def test_one_direction_of_both(make):
    g = Graph(T, B, N)
    plan = equal(g.out(make(g, g.rnn("GRU", "x", N, H, d=2))), x=X)
    assert plan.plain
    assert len(plan.model.spans[0].networks) == 1


# --- legal arrangements ---------------------------------------------------------------------------


def legal_unbatched(g: Graph) -> str:
    y = g.rnn("LSTM", g.axes("Unsqueeze", "x", 1), N, H)
    return g.axes("Squeeze", g.axes("Squeeze", y, 1), 1)


def test_unbatched_input():
    g = Graph(T, N)
    assert equal(g.out(legal_unbatched(g), 2), x=XB[0]).plain


def test_a_linear_layer_before_a_batch_first_layer():
    g = Graph(B, T, N)
    y = g.n("Add", g.n("MatMul", "x", g.r(N, 5)), g.r(5))
    y = g.squeezed("LSTM", g.n("Transpose", y, perm=[1, 0, 2]), 5, H)
    plan = equal(g.out(g.n("Transpose", y, perm=[1, 0, 2])), x=XB)
    assert [la.cell.name for la in plan.model.single.layers] == ["linear", "lstm"]


def test_only_the_final_state():
    g = Graph(T, B, N)
    g.rnn("LSTM", "x", N, H, outs=["", "yh"])
    assert [t.states for t in equal(g.out("yh"), x=X).taps] == [["h_l0"]]


@pytest.mark.parametrize("index", [-1, T - 1, 0])
def test_a_head_on_one_frame_runs_on_the_engine(index):
    g = Graph(T, B, N)
    y = g.n("Gather", g.squeezed("LSTM", "x", N, H), g.c(np.array(index)), axis=0)
    plan = equal(g.out(g.n("Gemm", y, g.r(2, H), g.r(2), transB=1), 2), x=X)
    assert [la.cell.name for la in plan.model.single.layers] == ["lstm", "linear"]
    assert plan.taps[0].layout.pick == (0 if index == 0 else -1)


@pytest.mark.parametrize("direction", [0, 1])
def test_frames_of_one_direction_beside_both(direction):
    """The forward direction is the first half of a frame, the reverse one the second."""
    g = Graph(T, B, N)
    y = g.rnn("LSTM", "x", N, H, d=2)
    one = g.n("Gather", y, g.c(np.array(direction)), axis=1)
    both = g.n("Reshape", g.n("Transpose", y, perm=[0, 2, 1, 3]), g.c(np.array([0, 0, 2 * H])))
    plan = equal(g.out(one).out(both), x=X)
    parts = [t.layout.part for t in plan.taps]
    assert [direction * H, (direction + 1) * H] in parts


def test_sequence_lengths_that_are_full():
    g = Graph(T, B, N)
    g.out(g.squeezed("GRU", "x", N, H, lens=g.c(np.full(B, T, np.int32))))
    assert equal(g, x=X).plain
    g = Graph(T, B, N)
    y = g.squeezed("GRU", "x", N, H, lens=g.c(np.array([T, T - 1], np.int32)))
    g.out(g.n("MatMul", y, g.r(H, 2)))
    plan = equal(g, x=X)  # the MatMul is the host's: behind a sequence it makes zeros of zeros
    assert not plan.plain
    assert [n.op_type for n in plan.after.graph.node] == ["MatMul"]


def test_sequence_lengths_that_come_with_a_run():
    """Two layers with one cast each of the same lengths, both directions, states; any length."""
    g = Graph(None, None, N)
    n = g.given("n", None, kind=TensorProto.INT64)
    first = g.rnn("LSTM", "x", N, H, d=2, lens=g.n("Cast", n, to=6))
    first = g.n("Reshape", g.n("Transpose", first, perm=[0, 2, 1, 3]), g.c(np.array([0, 0, 2 * H])))
    y = g.rnn("GRU", first, 2 * H, H, d=2, lens=g.n("Cast", n, to=6), outs=["y", "h"])
    g.out(y, 4).out("h")
    plan = equal(g, x=X, n=np.array([T - 2, T]))
    assert plan.lengths == "n"
    assert difference(plan, g.proto(), {"x": X, "n": np.array([1, 1])}) < 1e-5
    with pytest.raises(OnnxError, match=r"sequence 1 has 0 frames; expected 1 to \d"):
        difference(plan, g.proto(), {"x": X, "n": np.array([1, 0])})
    g = Graph(None, None, N)
    m = g.given("m", None, kind=TensorProto.INT64)
    first = g.squeezed("LSTM", "x", N, H, lens=g.n("Cast", m, to=6))
    g.out(g.squeezed("GRU", first, H, H))
    with pytest.raises(OnnxError, match=r"'GRU_.*' has other sequence_lens than 'LSTM_"):
        importer.plan_of(g.proto())


def test_frames_of_an_inner_layer_are_refused():
    g = Graph(T, B, N)
    first = g.squeezed("LSTM", "x", N, H)
    g.out(first).out(g.squeezed("LSTM", first, H, H))
    with pytest.raises(OnnxError, match="frames of 'LSTM_0' are used beside"):
        importer.plan_of(g.proto())
    g = Graph(T, B, N)
    first = g.squeezed("LSTM", "x", N, H)
    g.out(g.n("Add", first, g.squeezed("LSTM", first, H, H)))
    with pytest.raises(OnnxError, match="frames of 'LSTM_0' are used beside"):
        importer.plan_of(g.proto())


def test_layers_side_by_side_are_refused():
    g = Graph(T, B, N)
    g.out(g.n("Add", g.squeezed("LSTM", "x", N, H), g.squeezed("GRU", "x", N, H)))
    with pytest.raises(OnnxError, match="do not stand in one chain"):
        importer.plan_of(g.proto())


# --- the host's parts -----------------------------------------------------------------------------


def test_the_host_embeds_and_classifies():
    g = Graph(B, T)
    g.ins[0] = helper.make_tensor_value_info("x", TensorProto.INT64, [None, None])
    x = g.n("Gather", g.r(11, N), "x", axis=0)
    y = g.squeezed("LSTM", g.n("Transpose", x, perm=[1, 0, 2]), N, H)
    y = g.n("MatMul", g.n("ReduceMax", y, axes=[0], keepdims=0), g.r(H, 3))
    proto = g.out(g.n("Softmax", y, axis=-1), 2).proto()
    ids = np.random.default_rng(0).integers(0, 11, (B, T))
    plan = equal(proto, x=ids)
    assert [n.op_type for n in plan.before.graph.node] == ["Gather", "Transpose"]
    assert [n.op_type for n in plan.after.graph.node] == ["ReduceMax", "MatMul", "Softmax"]


def test_a_state_from_the_host():
    g = Graph(T, B, N)
    h0 = g.n("Tanh", g.given("z", 1, B, H))
    g.out(g.squeezed("GRU", "x", N, H, h0=h0))
    plan = equal(g, x=X, z=np.random.default_rng(2).normal(size=(1, B, H)).astype(F))
    assert [s.key for s in plan.states] == ["h_l0"]
    assert [n.op_type for n in plan.before.graph.node] == ["Tanh"]


def test_saved_by_onnxruntime(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r, self.f = torch.nn.LSTM(N, H, batch_first=True), torch.nn.Linear(H, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.f(self.r(x)[0][:, -1]))

    buffer = io.BytesIO()
    torch.onnx.export(
        Net().eval(), (torch.from_numpy(XB),), buffer, input_names=["x"], dynamo=False
    )
    levels = onnxruntime.GraphOptimizationLevel
    for level in (levels.ORT_ENABLE_BASIC, levels.ORT_ENABLE_EXTENDED):
        o = onnxruntime.SessionOptions()
        o.graph_optimization_level, o.log_severity_level = level, 4
        o.optimized_model_filepath = str(tmp_path / "o.onnx")
        onnxruntime.InferenceSession(buffer.getvalue(), o, providers=["CPUExecutionProvider"])
        plan = equal(onnx.load(tmp_path / "o.onnx"), x=XB)
        assert [la.cell.name for la in plan.model.single.layers] == ["lstm", "linear_relu"]


def test_layouts_convert_both_ways():
    g = Graph(B, T, N)
    plan = importer.plan_of(g.out(g.n("Gemm", g.n("Reshape", "x", g.c(np.array([B * T, N]))),
                                      g.r(N, H)), 2).proto())  # fmt: skip
    ours(plan, {"x": XB})
    _, layout = plan.source
    frames = layout.frames(XB)
    np.testing.assert_array_equal(layout.tensor(frames), XB)
    with pytest.raises(ValueError, match="2 axes where the file has 3"):
        layout.frames(XB[0])


def test_without_a_recurrent_layer_no_axis_is_known_to_be_frames():
    """What turns an axis of a product is the host's: the axis may be the streams."""
    for axis in (0, 1):
        g = Graph(T, B, N)
        y = g.n("MatMul", "x", g.r(N, H))
        ins = [g.c(np.array([v])) for v in (-1, -(2**62), axis, -1)]
        assert equal(g.out(g.n("Slice", y, *ins)), x=X).after is not None


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.filterwarnings("ignore")
def test_the_cases_of_onnx_itself(op):
    """Nodes whose right outputs ONNX ships with its definition, layout 1 among them."""
    from onnx.backend.test.case.node import collect_testcases

    ran = []
    for case in collect_testcases(None):
        nodes = case.model.graph.node
        if [n.op_type for n in nodes] != [op]:
            continue
        proto = onnx.ModelProto()
        proto.CopyFrom(case.model)
        given, wanted = case.data_sets[0]
        arrays = dict(zip([i.name for i in proto.graph.input], given, strict=True))
        del proto.graph.input[1:]
        for name, a in arrays.items():
            if name != "X":
                proto.graph.initializer.append(numpy_helper.from_array(np.asarray(a), name))
        got = ours(importer.plan_of(proto), {"X": arrays["X"]})
        for mine, right in zip(got.values(), wanted, strict=True):
            np.testing.assert_allclose(mine, right, atol=1e-5)
        ran.append(case.name)
    assert len(ran) >= 4, ran
    assert any("batchwise" in name for name in ran)


def test_an_input_chooses_a_branch_for_good(tmp_path):
    """Layers in both branches of an If: refused with a way out; a number for the input decides."""
    g = Graph(None, None, N)
    rate = g.given("rate", kind=TensorProto.INT64)
    branches = {}
    for name, seed in (("then_branch", 1), ("else_branch", 2)):
        b = Graph(None, None, N, seed=seed)
        y = b.squeezed("GRU", "x", N, H)
        for node in b.nodes:
            node.input[:] = [i if i in ("x", "") else name + i for i in node.input]
            node.output[:] = [o and name + o for o in node.output]
        for tensor in b.init:
            tensor.name = name + tensor.name
        out = helper.make_tensor_value_info(name + y, TensorProto.FLOAT, None)
        branches[name] = helper.make_graph(b.nodes, name, [], [out], b.init)
    g.out(g.n("If", g.n("Equal", rate, g.c(np.array(16, np.int64))), **branches))
    proto = g.proto()
    with pytest.raises(OnnxError, match="choose one for good: --constant rate=NUMBER"):
        importer.plan_of(proto)
    onnx.save(proto, tmp_path / "m.onnx")
    for number in (16, 8):
        plan = importer.read_plan(tmp_path / "m.onnx", {"rate": number})
        (want,) = reference(proto, {"x": X, "rate": np.array(number)}).values()
        assert np.abs(next(iter(ours(plan, {"x": X}).values())) - want).max() < 1e-5
    with pytest.raises(OnnxError, match="no input 'other': known are x, rate"):
        importer.read_plan(tmp_path / "m.onnx", {"other": 1})


def test_a_cell_of_quantised_inputs_is_named():
    g = Graph(None, None, N)
    g.extra = [helper.make_opsetid("com.microsoft", 1)]
    w = g.c(np.zeros((1, N, 4 * H), np.int8))
    r = g.c(np.zeros((1, H, 4 * H), np.int8))
    scale, zero = g.c(np.ones((1, 4 * H), F)), g.c(np.zeros((1, 4 * H), np.int8))
    g.out(g.n("DynamicQuantizeLSTM", "x", w, r, "", "", "", "", "", scale, zero, scale, zero,
              domain="com.microsoft", hidden_size=H))  # fmt: skip
    with pytest.raises(OnnxError, match=r"DynamicQuantizeLSTM .*a cell that the engine does not"):
        importer.plan_of(g.proto())
