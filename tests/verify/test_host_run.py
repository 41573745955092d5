# SPDX-License-Identifier: Apache-2.0
"""Whole files by the commands: host parts around the machine, initial states, options."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from csb_rnn import flow, verify
from csb_rnn.flow.source_check import SourceError, check_source
from csb_rnn.models import directions
from csb_rnn.models.integer_layer import QuantError
from csb_rnn.network.read import read_source
from tb.lib.exact import tiny
from tests.helpers import command, refused
from tests.network.onnx_graphs import F, Graph, reference

CFG = tiny("icarus")
T, B, N, H = 6, 2, 3, 4


def close(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() < 2.0**-7 * max(1.0, np.abs(want).max())


def classifier() -> onnx.ModelProto:
    """Ids -> embedding -> LSTM, batch first -> mean over frames -> softmax; and h_n."""
    g = Graph(None, None)
    g.ins[0] = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", "time"])
    x = g.n("Gather", g.r(11, N), "x", axis=0)
    y = g.rnn("LSTM", g.n("Transpose", x, perm=[1, 0, 2]), N, H, outs=["y", "h_n"])
    mean = g.n("ReduceMean", g.axes("Squeeze", y, 1), axes=[0], keepdims=0)
    g.out(g.n("Softmax", g.n("MatMul", mean, g.r(H, 3)), axis=-1), 2)
    return g.out("h_n").proto()


def test_host_parts_run_around_the_machine(sim, tmp_path, capsys):
    proto = classifier()
    onnx.save(proto, tmp_path / "m.onnx")
    ids = np.random.default_rng(0).integers(0, 11, (1, T))
    np.save(tmp_path / "x.npy", ids)
    image = tmp_path / "image"
    assert command("gen_image", tmp_path / "m.onnx", "--config", "tiny", "--calibrate",
                   tmp_path / "x.npy", "--out", image) == 0  # fmt: skip
    text = capsys.readouterr().out
    assert "on the host, before the engine: Gather, Transpose" in text
    assert "on the engine: lstm 3 -> 4" in text
    assert "on the host, after the engine: ReduceMean, MatMul, Softmax" in text
    assert "equals onnxruntime" in text
    manifest = json.loads((image / "manifest.json").read_text())
    assert manifest["source_check"]["difference"] < 1e-5
    assert command("simulate", image, "--inputs", tmp_path / "x.npy", "--sim", sim, "--out",
                   tmp_path / "out") == 0  # fmt: skip
    want = reference(proto, {"x": ids})
    with np.load(tmp_path / "out/graph_outputs.npz") as got:
        assert got.files == list(want)
        for name, value in want.items():
            close(got[name], value)
    capsys.readouterr()
    text = refused(capsys, tmp_path, "simulate", image, "--inputs", tmp_path / "m.onnx",
                   "--out", tmp_path / "none")  # fmt: skip
    assert "m.onnx" in text
    (image / "host_after.onnx").write_bytes(b"other")
    text = refused(capsys, tmp_path, "simulate", image, "--inputs", tmp_path / "x.npy",
                   "--out", tmp_path / "none")  # fmt: skip
    assert "host_after.onnx: is not the file that manifest.json describes" in text


@pytest.mark.sims("verilator")
def test_states_as_inputs_and_outputs_of_one_step(sim, tmp_path):
    """A model of one frame, run twice: the states that came out go in."""
    g = Graph(1, None, N)
    h0, c0 = g.given("h0", 2, None, H), g.given("c0", 2, None, H)
    y = g.rnn("LSTM", "x", N, H, d=2, h0=h0, c0=c0, outs=["y", "h", "c"])
    g.out(y, 4).out("h").out("c")
    onnx.save(g.proto(), tmp_path / "step.onnx")
    rng = np.random.default_rng(0)
    feeds = {"x": rng.normal(size=(1, B, N)), "h0": rng.normal(size=(2, B, H)) * 0.3,
             "c0": rng.normal(size=(2, B, H))}  # fmt: skip
    feeds = {k: v.astype(F) for k, v in feeds.items()}
    image = tmp_path / "image"
    flow.save(flow.build(tmp_path / "step.onnx", tiny(sim), streams=B, calibrate=feeds), image)
    for _ in range(2):
        verify.run_whole(flow.load(image), feeds, None, tmp_path / "out", sim=sim)
        want = reference(g.proto(), feeds)
        with np.load(tmp_path / "out/graph_outputs.npz") as got:
            for name, value in want.items():
                close(got[name], value)
            feeds |= {"h0": got["h"], "c0": got["c"]}


@pytest.mark.parametrize(("kind", "value"), [("LSTM", 1.5), ("RNN", 3.0), ("GRU", 1.1)])
def test_initial_h_beyond_one_is_loaded_as_it_is(sim, kind, value, tmp_path):
    g = Graph(T, 1, N, seed=3)
    h0 = g.c(np.linspace(-value, value, H, dtype=F).reshape(1, 1, H))
    g.out(g.squeezed(kind, "x", N, H, h0=h0))
    onnx.save(g.proto(), tmp_path / "m.onnx")
    x = np.random.default_rng(1).normal(size=(T, N)).astype(F)
    flow.save(flow.build(tmp_path / "m.onnx", tiny(sim), calibrate=x), tmp_path / "image")
    report = verify.run(flow.load(tmp_path / "image"), x, None, tmp_path / "out", sim=sim).report
    assert (report["mismatches"], report["saturations"]) == (0, 0)
    (want,) = reference(g.proto(), {"x": x[:, None]}).values()
    close(np.load(tmp_path / "out/outputs.npy"), want[:, 0])


def test_a_state_beyond_the_format_is_refused(tmp_path, capsys):
    torch.manual_seed(0)
    module = torch.nn.GRU(N, H)
    torch.save(module.state_dict(), tmp_path / "g.pt")
    np.savez(tmp_path / "s.npz", h_l0=np.full(H, 1.2, F))
    np.save(tmp_path / "x.npy", np.zeros((T, N), F))
    image = tmp_path / "image"
    assert command("gen_image", tmp_path / "g.pt", "--config", "tiny", "--out", image) == 0
    capsys.readouterr()
    run = ("simulate", image, "--inputs", tmp_path / "x.npy", "--state", tmp_path / "s.npz",
           "--out", tmp_path / "none")  # fmt: skip
    assert "state 'h_l0' reaches 1.2, the format holds at most 1:" in refused(
        capsys, tmp_path, *run
    )
    built = flow.build(tmp_path / "g.pt", CFG, initial={"h_l0": np.full(H, 1.2, F)})
    assert built.part.quantised.layers[0].fracs["h"] == 14
    with pytest.raises(QuantError, match=r"initial state h reaches 200.*at most 128"):
        flow.build(tmp_path / "g.pt", CFG, initial={"h_l0": np.full(H, 200.0, F)})


def test_a_rnn_asks_for_its_activation(tmp_path, capsys):
    torch.manual_seed(0)
    module = torch.nn.RNN(N, H, nonlinearity="relu", batch_first=True)
    file = tmp_path / "r.ckpt"
    torch.save({"epoch": 3, "net": {"model": module.state_dict()}}, file)
    build = ("gen_image", file, "--config", "tiny", "--out", tmp_path / "none")
    assert "say --activation tanh or relu" in refused(capsys, tmp_path, *build)
    assert "activation 'elu': known are" in refused(capsys, tmp_path, *build, "--activation", "elu")
    found = read_source(file, activation="relu")
    x = np.random.default_rng(0).normal(size=(B, T, N)).astype(F)
    with torch.no_grad():
        want = module(torch.from_numpy(x))[0].numpy()
    assert np.abs(directions.run(found.model, x)[0] - want).max() < 1e-5


def test_several_modules_and_cells_follow_each_other(tmp_path):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc = torch.nn.GRU(N, 5, bidirectional=True, batch_first=True)
            self.mid = torch.nn.Linear(10, 6)
            self.cell = torch.nn.LSTMCell(6, H)
            self.norm = torch.nn.LayerNorm(H)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            v, state, out = self.mid(self.enc(x)[0]), None, []
            for t in range(v.shape[1]):
                state = self.cell(v[:, t], state)
                out.append(state[0])
            return torch.stack(out, 1)

    torch.manual_seed(0)
    net = Net().eval()
    torch.save(net.state_dict(), tmp_path / "n.bin")
    found = read_source(tmp_path / "n.bin", prefix="enc,mid,cell")
    assert found.unused == ("norm.weight", "norm.bias")
    assert check_source(found)["difference"] < 1e-5
    x = np.random.default_rng(0).normal(size=(B, T, N)).astype(F)
    with torch.no_grad():
        want = net(torch.from_numpy(x)).numpy()
    assert np.abs(directions.run(found.model, x)[0] - want).max() < 1e-5


def test_a_model_that_is_not_its_file_is_refused(tmp_path):
    """The check names layer, frame and unit, whatever reader went wrong."""
    g = Graph(None, None, N)
    first = g.squeezed("LSTM", "x", N, H)
    g.out(g.squeezed("GRU", first, H, H))
    onnx.save(g.proto(), tmp_path / "m.onnx")
    found = read_source(tmp_path / "m.onnx")
    assert check_source(found)["difference"] < 1e-5
    layer = found.model.spans[0].networks[False].layers[1]
    layer.weights["z", "h"][2, 1] += 0.1
    with pytest.raises(SourceError, match=r"layer 1 \('GRU_2'\), stream \d, frame \d+, unit 2: "):
        check_source(found)
    module = torch.nn.LSTM(N, H, 2)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    found = read_source(tmp_path / "m.pt")
    found.model.spans[0].networks[False].layers[0].weights["o", "x"][1, 1] += 0.1
    with pytest.raises(SourceError, match=r"outputs \[stream, frame, unit\], index"):
        check_source(found)


def test_without_the_tool_only_unchecked(tmp_path, monkeypatch):
    from csb_rnn.flow import source_check

    torch.save(torch.nn.GRU(N, H).state_dict(), tmp_path / "g.pt")
    monkeypatch.setattr(source_check, "_version", lambda _: None)
    with pytest.raises(SourceError, match=r"torch is not installed.*--unchecked-source"):
        flow.build(tmp_path / "g.pt", CFG)
    built = flow.build(tmp_path / "g.pt", CFG, unchecked=True)
    assert built.notes["source_check"]["reason"] == "--unchecked-source"
