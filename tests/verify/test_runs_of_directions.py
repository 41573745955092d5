# SPDX-License-Identifier: Apache-2.0
"""Files of every kind through the commands: both directions, ONNX, descriptions."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch

from csb_rnn import flow, verify
from csb_rnn.errors import UsageError
from csb_rnn.models import directions
from csb_rnn.network import network, stacking
from csb_rnn.network.read import read_model
from csb_rnn.verify import model_run
from tb.lib.exact import tiny
from tests.helpers import build_image, command, refused
from tests.network.descriptions import OWN, own_arrays, write
from tests.network.onnx_models import random_model


def close(got: np.ndarray, want: np.ndarray) -> None:
    assert np.abs(got - want).max() < 2.0**-7 * max(1.0, np.abs(want).max())


@pytest.mark.sims("verilator")
def test_both_directions(sim, tmp_path, monkeypatch):
    """A stacked bidirectional checkpoint: a folder of four images; states go in and come out."""
    torch.manual_seed(1)
    module = torch.nn.LSTM(4, 6, 2, bidirectional=True, batch_first=True)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    folder = tmp_path / "image"
    x = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    with pytest.raises(UsageError, match="4 parts"):
        build_image(tmp_path / "m.pt", tiny(sim))
    manifest = flow.save(flow.build(tmp_path / "m.pt", tiny(sim), calibrate=x), folder)
    names = [part["folder"] for part in manifest["parts"]]
    assert names == ["span0", "span0_reverse", "span1", "span1_reverse"]
    (folder / "span0/image.bin").write_bytes(b"")
    flow.save(
        flow.build(tmp_path / "m.pt", tiny(sim), calibrate=x), folder
    )  # in the place of the damaged one

    m = stacking.from_torch(module)
    rng = np.random.default_rng(2)
    state = {k: rng.uniform(-0.9, 0.9, n).astype(np.float32) for k, n in m.state_shapes().items()}
    report = verify.run(flow.load(folder), x, state, tmp_path / "out", sim=sim).report
    assert verify.is_equal(report)
    parts = report["parts"]
    assert len(parts) == 4
    assert report.keys() == parts[0].keys() | {"parts", "reloads"}
    assert report["cycles_per_frame"] == sum(part["cycles_per_frame"] for part in parts)
    assert report["frame_cycles"][3] == sum(part["frame_cycles"][3] for part in parts)
    useful = sum(part["frame_efficiency"] * part["cycles_per_frame"] for part in parts)
    assert report["frame_efficiency"] == pytest.approx(useful / report["cycles_per_frame"])
    want, final = directions.run(m, x, state)
    close(np.load(tmp_path / "out/outputs.npy"), want)
    with np.load(tmp_path / "out/state.npz") as got:
        assert got.files == list(final)
        for k, v in final.items():
            close(got[k], v)
    with pytest.raises(UsageError, match="unknown state 'h_l2'"):
        verify.run(flow.load(folder), x, {"h_l2": np.zeros(6)}, sim=sim)
    (tmp_path / "file").touch()
    with monkeypatch.context() as patch:
        patch.setattr(model_run, "run_part", None)  # nothing runs for an output at an illegal place
        with pytest.raises(UsageError, match="is a file"):
            verify.run(flow.load(folder), x, state, tmp_path / "file", sim=sim)


@pytest.mark.sims("verilator")
def test_onnx_and_descriptions_by_command(sim, tmp_path, capsys):
    proto, _ = random_model(5)
    onnx.save(proto, tmp_path / "net.onnx")
    for source in (tmp_path / "net.onnx", write(tmp_path, OWN, **own_arrays())):
        m, _ = read_model(source)
        x = np.random.default_rng(0).normal(size=(6, m.inputs)).astype(np.float32)
        np.save(tmp_path / "x.npy", x)
        inputs = ["--calibrate", tmp_path / "x.npy"]
        assert command("gen_image", source, "--config", "tiny", *inputs, "--out",
                       tmp_path / "image") == 0  # fmt: skip
        given = {"initial": {k: v[0] if v.ndim > 1 else v for k, v in m.initial.items()}}
        state = []
        if m.initial:
            np.savez(tmp_path / "s.npz", **given["initial"])
            state = ["--state", tmp_path / "s.npz"]
        out = tmp_path / f"out_{source.suffix[1:]}"
        assert command("simulate", tmp_path / "image", "--inputs", tmp_path / "x.npy", *state,
                       "--out", out) == 0  # fmt: skip
        report = json.loads((out / "report.json").read_text())
        assert verify.is_equal(report)
        close(np.load(out / "outputs.npy"), directions.run(m, x, given["initial"])[0])
    capsys.readouterr()
    (tmp_path / "bad.onnx").write_bytes(b"no")
    text = refused(capsys, tmp_path, "gen_image", tmp_path / "bad.onnx", "--config", "tiny",
                   "--out", tmp_path / "none")  # fmt: skip
    assert "not a valid ONNX file" in text


def test_initial_states_come_with_the_image(sim, tmp_path):
    """An ONNX file's initial state is what a run starts from."""
    seed = next(s for s in range(100) if (m := _single(s)) and m.initial)
    proto, b = random_model(seed)
    onnx.save(proto, tmp_path / "net.onnx")
    m = _single(seed)
    streams = 2 if any(v.ndim > 1 for v in m.initial.values()) else 1
    x = np.random.default_rng(0).normal(size=(streams, 5, b.inputs))
    flow.save(
        flow.build(tmp_path / "net.onnx", tiny(sim), streams=streams, calibrate=x),
        tmp_path / "image",
    )
    fed = x if streams > 1 else x[0]
    assert verify.is_equal(
        verify.run(flow.load(tmp_path / "image"), fed, None, tmp_path / "out", sim=sim).report
    )
    close(np.load(tmp_path / "out/outputs.npy"), directions.run(m, fed)[0])


def _single(seed: int) -> network.Model | None:
    from csb_rnn.network.onnx import from_onnx

    m = from_onnx(random_model(seed)[0])
    return m if m.single is not None else None
