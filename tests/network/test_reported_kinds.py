# SPDX-License-Identifier: Apache-2.0
"""Kinds of fault that users of such tools report: each has a test that computes the right value.

``KINDS`` names them and the test of each; those without one elsewhere are in this file.
"""

from __future__ import annotations

import io
import logging

import numpy as np
import onnx
import pytest
import torch

from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.models import directions, quantise
from csb_rnn.network import onnx as importer
from csb_rnn.network.onnx import OnnxError
from tests.network.onnx_graphs import F, Graph, equal, reference

T, B, N, H = 10, 2, 3, 4
X = np.random.default_rng(1).normal(size=(T, B, N)).astype(F)
MEANING, FUZZ = "tests/network/test_onnx_meaning.py", "tests/network/test_onnx_fuzz.py"
HOST, HERE = "tests/verify/test_host_run.py", "tests/network/test_reported_kinds.py"
REGS, LOADER = "tb/interface/test_regs.py", "tb/interface/test_image_loader.py"
OUTPUT = "tb/interface/test_output.py"

#: Kind -> (file, test).
KINDS = {
    "state = zeros + a parameter, and other arithmetic on zeros of the batch": (
        MEANING, "test_a_state_computed_from_zeros_of_the_batch_counts"),
    "the same from torch's exporter": (MEANING, "test_torch_adds_a_parameter_to_new_zeros"),
    "random state": (MEANING, "test_random_nodes_are_refused"),
    "initial h beyond 1, fixed": (HERE, "test_initial_h_beyond_one"),
    "initial h beyond 1, RTL": (HOST, "test_initial_h_beyond_one_is_loaded_as_it_is"),
    "Gemm's C along other axes": (MEANING, "test_gemm_with_a_bias_that_is_no_bias"),
    "Gemm's C of another row each": (HERE, "test_gemm_with_a_bias_for_each_row"),
    "added behind a MatMul": (MEANING, "test_add_behind_a_matmul_is_broadcast_as_onnx_does"),
    "old opsets, com.microsoft, sparse values of weights": (
        MEANING, "test_constants_are_computed_as_their_operator_set_says"),
    "foreign domain": (MEANING, "test_a_foreign_domain_is_refused"),
    "If": (MEANING, "test_an_if_with_a_constant_condition_is_its_branch"),
    "Loop": (MEANING, "test_a_loop_over_frames_is_refused"),
    "torch without folding, opset 11 to 13": (MEANING, "test_torch_without_constant_folding"),
    "state dict of a ReLU RNN": (HOST, "test_a_rnn_asks_for_its_activation"),
    "inputs beyond the format": ("tests/verify/test_loss.py", "test_saturated_inputs_are_said"),
    "state beyond the format": (HOST, "test_a_state_beyond_the_format_is_refused"),
    "no batch": (MEANING, "test_unbatched_input"),
    "Linear before batch first": (MEANING, "test_a_linear_layer_before_a_batch_first_layer"),
    "only Y_h": (MEANING, "test_only_the_final_state"),
    "head on the last frame": (MEANING, "test_a_head_on_one_frame_runs_on_the_engine"),
    "full sequence_lens": (MEANING, "test_sequence_lengths_that_are_full"),
    "saved by ONNX Runtime": (MEANING, "test_saved_by_onnxruntime"),
    "torch's newer exporter, open extents": (HERE, "test_the_newer_exporter_with_open_extents"),
    "a write without strobes": (REGS, "state_window_obeys_strobes"),
    "strobes of other registers": (REGS, "commands_and_registers"),
    "addresses and data in any order": (REGS, "many_at_once_in_any_order"),
    "a stop in an output frame": (OUTPUT, "stop_completes_the_open_frame"),
    "a bad image without TLAST": (LOADER, "an_error_is_told_at_once"),
}  # fmt: skip


def test_each_kind_has_its_test():
    missing = [
        f"{kind}: {file} has no {name}"
        for kind, (file, name) in KINDS.items()
        if f"def {name}(" not in (ROOT / file).read_text()
    ]
    assert not missing


@pytest.mark.parametrize("kind", ["LSTM", "RNN", "GRU"])
def test_initial_h_beyond_one(kind):
    """Nothing is clipped: within 2^-10 of ONNX Runtime, for h to 3 and c of 1/2."""
    c, x = config.load("tiny"), X[:, :1]
    for value in (0.9, 1.1, 1.5, 3.0):
        g = Graph(T, 1, N, seed=3)
        more = {"c0": g.c(np.full((1, 1, H), 0.5, F))} if kind == "LSTM" else {}
        h0 = g.c(np.full((1, 1, H), value, F))
        g.out(g.squeezed(kind, "x", N, H, h0=h0, **more))
        model = equal(g, x=x).model
        (want,) = reference(g.proto(), {"x": x}).values()
        q = quantise.quantise_model(model, c, x[:, 0])
        y, _ = directions.run_fixed(
            q, c, q.quantise_inputs(x[:, 0]), q.quantise_state(model.initial)
        )
        assert np.abs(q.output_float(y) - want[:, 0]).max() < 2.0**-10, value


@pytest.mark.parametrize("shape", [(T, H), (T, 1)])
def test_gemm_with_a_bias_for_each_row(shape):
    g = Graph(T, N)
    g.out(g.n("Gemm", "x", g.r(N, H), g.r(*shape)), 2)
    with pytest.raises(OnnxError, match=r"Gemm_0' \(a constant of shape"):
        importer.plan_of(g.proto())


@pytest.mark.filterwarnings("ignore")
def test_the_newer_exporter_with_open_extents():
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.r = torch.nn.LSTM(N, H, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.r(x)[0]

    torch.manual_seed(0)
    x, out = np.ascontiguousarray(X.swapaxes(0, 1)), io.BytesIO()
    open_ones = {"x": {0: torch.export.Dim("b"), 1: torch.export.Dim("t")}}
    logging.disable(logging.CRITICAL)
    try:
        program = torch.onnx.export(
            Net().eval(),
            (torch.from_numpy(x),),
            None,
            dynamo=True,
            input_names=["x"],
            dynamic_shapes=open_ones,
            verbose=False,
        )
    finally:
        logging.disable(logging.NOTSET)
    program.save(out)
    assert equal(onnx.load_from_string(out.getvalue()), x=x).plain
