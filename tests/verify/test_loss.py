# SPDX-License-Identifier: Apache-2.0
"""Lost numbers as a simulation tells them: in its report, on standard output and error."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from csb_rnn import flow, verify
from csb_rnn.errors import UsageError
from csb_rnn.flow import float_file
from csb_rnn.machine import config
from csb_rnn.models.quantise import quantise
from csb_rnn.network.network import Network
from csb_rnn.network.stacking import network_from_torch
from csb_rnn.verify import loss
from tb.lib.exact import tiny


def report(largest: float = 1e-3, **saturated: int) -> dict:
    places = {place: saturated.get(place, 0) for place in loss.PLACES}
    accuracy = {"reference": "r", "largest": largest, "percentile": largest, "largest_output": 1.0}
    return {"saturated": places, "accuracy": accuracy}


@pytest.fixture(scope="module")
def q():
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4)
    return quantise(network_from_torch(module), config.load("tiny"))


def test_warnings_say_what_to_do(q):
    assert loss.warning(report(), [q]) is None
    assert loss.warning(report(sums=5), [q]) is None  # gates are flat there
    line = loss.warning(report(inputs=3, states=2), [q])
    assert line is not None
    assert "3 inputs, 2 states saturated (inputs hold 8): build with --calibrate" in line
    far = loss.warning(report(largest=0.004), [q])
    assert far is not None
    assert "outputs differ from float by 0.004, more than 2^-8 of 1" in far


def test_reloads_of_several_images():
    assert loss.reloads([100], 900) is None
    assert loss.reloads([40, 60], 900) == {"images": 2, "cycles": 100, "share": 0.1}


@pytest.mark.sims("icarus")
def test_saturated_inputs_are_said(sim, tmp_path):
    """Inputs to 60 where the format holds 8: "all equal", and a line that says what was lost."""
    torch.manual_seed(0)
    module = torch.nn.LSTM(3, 4)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    x = np.float32(np.random.default_rng(0).normal(size=(6, 3)) * 20)
    np.save(tmp_path / "x.npy", x)
    flow.save(flow.build(tmp_path / "m.pt", tiny(sim)), tmp_path / "image")
    loaded = flow.load(tmp_path / "image")
    want = module(torch.from_numpy(x))[0].detach().numpy()
    run = verify.run(loaded, x, None, tmp_path / "out", sim=sim)
    found = json.loads((tmp_path / "out/report.json").read_text())
    assert found == run.report
    assert verify.is_equal(found)
    assert found["saturated"]["inputs"] == (np.abs(x) >= 8).sum()
    assert found["accuracy"]["largest"] == pytest.approx(np.abs(run.outputs - want).max(), abs=1e-6)
    assert found["accuracy"]["reference"].startswith("torch")
    assert "build with --calibrate" in found["warning"]
    assert "saturated: inputs" in "\n".join(verify.describe(found))


def test_float_file_is_checked(tmp_path):
    torch.manual_seed(0)
    torch.save(torch.nn.GRU(3, 4, 2).state_dict(), tmp_path / "m.pt")
    build = flow.build(tmp_path / "m.pt", "tiny")
    part = build.part
    assert part.network is not None
    data = float_file.pack(part.network)
    assert data == float_file.pack(part.network)
    back = float_file.unpack(tmp_path / "f", data, part.quantised)
    for mine, other in zip(back.layers, part.network.layers, strict=True):
        assert all(np.array_equal(w, other.weights[k]) for k, w in mine.weights.items())
    first = part.network.layers[:1]
    with pytest.raises(UsageError, match="is missing"):
        float_file.unpack(tmp_path / "f", float_file.pack(Network(first)), part.quantised)
