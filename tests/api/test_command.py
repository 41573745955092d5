# SPDX-License-Identifier: Apache-2.0
"""``csb-rnn``: its subcommands, and those that have no script of their own."""

import json

import numpy as np
import pytest
import torch

import csb_rnn
from tests.helpers import call


@pytest.fixture
def source(tmp_path):
    torch.manual_seed(0)
    torch.save(torch.nn.GRU(5, 9, bidirectional=True).state_dict(), tmp_path / "m.pt")
    return tmp_path / "m.pt"


def test_estimate_says_cycles_of_the_api(source, capsys):
    assert call("estimate", source, "--config", "tiny", "--clock", "100e6") == 0
    text = capsys.readouterr().out
    cycles = csb_rnn.build(source, config="tiny").predict().cycles
    assert f"cycles a frame    {cycles:g}, bound by" in text
    assert f"{cycles / 100:g} us a frame" in text
    assert "memory pegroup" in text


def test_check_of_a_file_and_of_a_folder(source, tmp_path, capsys):
    assert call("check", source) == 0
    text = capsys.readouterr().out
    assert "layer 0: gru 5 -> 9" in text
    assert "layer 0 backwards: gru 5 -> 9" in text
    assert "h_l0_reverse [9]" in text
    folder = tmp_path / "image"
    assert call("build", source, "--config", "tiny", "--out", folder) == 0
    capsys.readouterr()
    assert call("check", folder) == 0
    assert "parts: span0, span0_reverse" in capsys.readouterr().out
    (folder / "span0/image.bin").write_bytes(b"")
    assert call("check", folder) == 2
    assert "image.bin: is not the file" in capsys.readouterr().err


@pytest.mark.sims("verilator")
def test_from_pruning_to_the_rtl(sim, source, tmp_path, capsys):
    pruned, folder = tmp_path / "p.pt", tmp_path / "image"
    assert call("prune", source, "--rate", 2, "--block", 4, "--out", pruned) == 0
    assert call("build", pruned, "--config", "tiny", "--out", folder) == 0
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(4, 5)))
    out = tmp_path / "out"
    assert call("simulate", folder, "--inputs", tmp_path / "x.npy", "--out", out, "--sim", sim) == 0
    assert "0 outputs, 0 states, 0 cycles differ" in capsys.readouterr().out


def test_pruning_shows_matrices_and_warns(source, tmp_path, capsys):
    out = tmp_path / "p.pt"
    assert call("prune", source, "--rate", 6, "--block", 4, "--classes", 2, "--out", out) == 0
    said = capsys.readouterr()
    assert "weight_hh_l0_reverse" in said.out
    assert "2 classes" in said.out
    assert said.err.startswith("warning: rate 6")
    assert said.err.count("\n") == 1
    torch.nn.GRU(5, 9, bidirectional=True).load_state_dict(torch.load(out), strict=True)
    assert call("prune", source, "--rate", 1.2, "--block", 4, "--out", out) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "SUBCOMMAND"),
        (("none",), "invalid choice: 'none'"),
        (("check", "none.pt"), "no such file"),
        (("estimate", "none.pt", "--config", "tiny"), "no such file"),
    ],
)
def test_refuses_in_one_line(args, words, capsys):
    assert call(*args) == 2
    text = capsys.readouterr().err
    assert words in text
    assert text.count("\n") == 1


def test_version(capsys):
    assert call("--version") == 0
    assert capsys.readouterr().out == f"csb-rnn {csb_rnn.__version__}\n"


@pytest.fixture
def labelled(tmp_path):
    """A GRU with its own largest unit as the label of every frame."""
    torch.manual_seed(0)
    module = torch.nn.GRU(3, 4, batch_first=True)
    torch.save(module.state_dict(), tmp_path / "g.pt")
    x = torch.randn(6, 7, 3)
    with torch.no_grad():
        y = module(x)[0].numpy()
    np.save(tmp_path / "x.npy", x.numpy())
    np.save(tmp_path / "y.npy", y)
    np.save(tmp_path / "every.npy", y.argmax(-1))
    np.save(tmp_path / "last.npy", y[:, -1].argmax(-1))
    wrong = y.argmax(-1)
    wrong[:3] = (wrong[:3] + 1) % 4
    np.save(tmp_path / "half.npy", wrong)
    np.save(tmp_path / "n.npy", np.array([7, 6, 5, 3, 2, 1]))
    return tmp_path


def test_evaluate_puts_models_side_by_side(labelled, capsys):
    base = ("evaluate", labelled / "g.pt", "--config", "tiny", "--inputs", labelled / "x.npy",
            "--rtl", 0, "--reference", labelled / "y.npy",
            "--json", labelled / "e.json")  # fmt: skip
    for name, kind, share in (("every", "every frame", 1), ("last", "last frame", 1),
                              ("half", "every frame", 0.5)):  # fmt: skip
        assert call(*base, "--labels", labelled / f"{name}.npy") == 0
        assert f"labels: {kind}\n" in capsys.readouterr().out
        found = json.loads((labelled / "e.json").read_text())
        floats, fixed = found["columns"]
        assert (floats["engine"], fixed["engine"]) == ("float", "fixed")
        assert floats["accuracy"] == share
        assert abs(fixed["accuracy"] - share) < 0.1
        assert floats["reference"] < 1e-6 < fixed["reference"] < 2**-9
        assert 0 < fixed["percentile"] <= fixed["largest"] < 2**-9
    # Frames behind the end of a sequence do not count, and its last frame is its own.
    assert call(*base, "--lengths", labelled / "n.npy") == 0
    assert json.loads((labelled / "e.json").read_text())["columns"][0]["reference"] < 1e-6
    assert call(*base, "--lengths", labelled / "n.npy", "--labels", labelled / "last.npy") == 0
    assert json.loads((labelled / "e.json").read_text())["columns"][0]["accuracy"] < 1


def test_evaluate_refuses_data_that_do_not_fit(labelled, capsys):
    base = ("evaluate", labelled / "g.pt", "--config", "tiny", "--rtl", 0, "--inputs")
    for more, words in (
        ((labelled / "x.npy", "--labels", labelled / "n.npy", "--reference", labelled / "n.npy"),
         "reference has shape [6], the output [6, 7, 4]"),
        ((labelled / "x.npy", "--labels", labelled / "y.npy"), "expected whole numbers, found"),
        ((labelled / "x.npy", "--labels", labelled / "x.npy"), "expected whole numbers, found"),
        ((labelled / "y.npy",), "calibration has shape (6, 7, 4), not [frames, 3]"),
        ((labelled / "x.npy", "--output", "none"), "no output 'none': known are outputs"),
    ):  # fmt: skip
        assert call(*base, *more) == 2
        text = capsys.readouterr().err
        assert text.startswith("error: ")
        assert text.count("\n") == 1
        assert words in text


@pytest.mark.sims("verilator")
def test_evaluate_runs_sequences_on_the_rtl(sim, labelled):
    build = csb_rnn.build(labelled / "g.pt", config="tiny", calibrate=np.load(labelled / "x.npy"))
    labels, n = np.load(labelled / "every.npy"), np.load(labelled / "n.npy")
    found = build.evaluate(np.load(labelled / "x.npy"), labels, lengths=n, rtl=2, sim=sim)
    assert found.mismatches == 0
    assert [(c.engine, c.sequences) for c in found.columns] == [
        ("float", 6), ("fixed", 6), ("float", 2), ("fixed", 2), ("rtl", 2)
    ]  # fmt: skip
    assert found.columns[3].largest == found.columns[4].largest > 0
