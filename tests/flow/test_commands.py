# SPDX-License-Identifier: Apache-2.0
"""The commands: exit codes, one clear line for bad input, nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from csb_rnn import flow
from csb_rnn.machine.folders import ROOT
from csb_rnn.verify import image_run
from tests.helpers import SCRIPTS, build_image, command, make_checkpoint, refused


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    build_image(make_checkpoint(folder / "m.npz"), "tiny", folder / "image")
    return folder / "image"


# --- gen_image ----------------------------------------------------------------------------------


def spoil(state: dict, key: str, value) -> dict:
    return {k: v for k, v in {**state, key: value}.items() if v is not None}


BAD_STATES = {
    "missing": ("rnn.weight_hh_l0", None, "weight_hh_l0: missing"),
    "shape": ("rnn.weight_hh_l0", np.zeros((36, 8), np.float32), "expected shape"),
    "nan": ("rnn.weight_ih_l0", np.full((36, 7), np.nan, np.float32), "NaN or infinity"),
    "infinity": ("rnn.bias_hh_l0", np.full(36, np.inf, np.float32), "NaN or infinity"),
    "stray": ("rnn.weight_ih_l2", np.zeros((36, 9), np.float32), "weight_ih_l1: missing"),
    "text": ("rnn.bias_hh_l0", np.array(["a"] * 36), "bias_hh_l0"),
    "huge": ("rnn.weight_ih_l0", np.full((36, 7), 1e6, np.float32), "too large"),
    "reverse": ("rnn.bias_hh_l0_reverse", np.zeros(36, np.float32), "reverse"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_bad_checkpoint(capsys, tmp_path, case):
    key, value, words = BAD_STATES[case]
    good = dict(np.load(make_checkpoint(tmp_path / "good.npz")))
    np.savez(tmp_path / "bad.npz", **spoil(good, key, value))
    out = tmp_path / "new/image"
    line = refused(
        capsys, tmp_path, "gen_image", tmp_path / "bad.npz", "--config", "tiny", "--out", out
    )
    assert words in line


BAD_ARGUMENTS = {
    "configuration": (["--config", "huge"], "unknown configuration 'huge': known are tiny"),
    "block": (["--config", "tiny", "--block", "256"], "max_block 128"),
    "no block": (["--config", "tiny", "--block", "big"], "expected a positive number or auto"),
    "sharing": (["--config", "tiny", "--sharing", "diagonal"], "unknown sharing 'diagonal'"),
    "vertical": (["--config", "tiny", "--sharing", "vertical"], "has horizontal built in"),
    "both": (["--config", "tiny", "--sharing", "both"], "has horizontal built in"),
    "compiler": (["--config", "tiny", "--compiler", "magic"], "unknown compiler 'magic'"),
    "streams": (["--config", "tiny", "--streams", "9"], "9 streams: 1 to 8"),
    "no number": (["--config", "tiny", "--streams", "two"], "--streams"),
    "calibration": (["--config", "tiny", "--calibrate", "none.npy"], "none.npy: no such file"),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_arguments(capsys, tmp_path, case):
    args, words = BAD_ARGUMENTS[case]
    source = make_checkpoint(tmp_path / "m.npz")
    line = refused(capsys, tmp_path, "gen_image", source, *args, "--out", tmp_path / "new")
    assert words in line


@pytest.mark.parametrize("name", ["none.npz", "damaged.npz", "damaged.pt", "model.onnx"])
def test_bad_checkpoint_file(capsys, tmp_path, name):
    if name != "none.npz":
        (tmp_path / name).write_bytes(b"nonsense")
    line = refused(
        capsys, tmp_path, "gen_image", tmp_path / name, "--config", "tiny", "--out", tmp_path / "o"
    )
    assert name in line


@pytest.mark.parametrize(
    ("hidden", "layers", "streams", "words"),
    [
        (600, 1, 1, "the weight buffer of PEGroup"),
        (2400, 1, 1, "accumulators"),
        (300, 2, 4, "the state memory (4 streams)"),
        (200, 1, 8, "half of the neuron buffer (8 streams)"),
    ],
)
def test_too_large_for_a_buffer(capsys, tmp_path, hidden, layers, streams, words):
    density = 0.2 if words.startswith("the weight") else 0.001
    source = make_checkpoint(tmp_path / "m.npz", "gru", 7, hidden, layers=layers, density=density)
    args = ["--config", "tiny", "--streams", streams, "--out", tmp_path / "new"]
    line = refused(capsys, tmp_path, "gen_image", source, *args)
    assert words in line
    assert "too many" in line


def test_calibration_of_the_wrong_kind(capsys, tmp_path):
    source = make_checkpoint(tmp_path / "m.npz")
    args = ["--config", "tiny", "--calibrate", tmp_path / "x.npy", "--out", tmp_path / "new"]
    wrong = (np.zeros((3, 8)), "calibration"), (np.full((3, 7), np.nan), "NaN")
    for x, words in (*wrong, (np.full((3, 7), 1e9), "an input holds at most 32768: scale")):
        np.save(tmp_path / "x.npy", x)
        assert words in refused(capsys, tmp_path, "gen_image", source, *args)


def test_out_is_a_file(capsys, tmp_path):
    source = make_checkpoint(tmp_path / "m.npz")
    args = [source, "--config", "tiny", "--out"]
    assert "is a file" in refused(capsys, tmp_path, "gen_image", *args, source)
    refused(capsys, tmp_path, "gen_image", *args, source / "below")
    assert "out: is empty" in refused(capsys, tmp_path, "gen_image", *args, "")


def test_gen_image_from_a_shell(tmp_path):
    """As people type it: another working folder, relative paths."""
    make_checkpoint(tmp_path / "m.npz")
    done = subprocess.run(
        [sys.executable, SCRIPTS / "gen_image.py", "m.npz", "--config", "tiny", "--out", "image"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cycles a frame predicted" in done.stdout
    flow.load(tmp_path / "image")


def test_build_says_how_units_are_dealt(capsys, tmp_path):
    args = [ROOT / "checkpoints/z6_lstm.npz", "--config", "paper256", "--unchecked-source", "--out"]
    assert command("gen_image", *args, tmp_path / "auto") == 0
    assert "pattern of blocks of 32: 8 units are dealt at a time" in capsys.readouterr().out
    assert command("gen_image", *args, tmp_path / "named", "--block", "32") == 0
    assert "dealt" not in capsys.readouterr().out


# --- simulate -----------------------------------------------------------------------------------

BAD_INPUTS = {
    "width": (np.zeros((3, 8)), "expected [frames, 7]"),
    "one dimension": (np.zeros(7), "expected [frames, 7]"),
    "streams": (np.zeros((2, 3, 7)), "expected [frames, 7]"),
    "no frame": (np.zeros((0, 7)), "expected [frames, 7]"),
    "nan": (np.full((3, 7), np.nan), "NaN or infinity"),
    "infinity": (np.full((3, 7), np.inf), "NaN or infinity"),
    "text": (np.array([["a"] * 7]), "array of numbers"),
    "too long": (np.zeros((60_000, 7), np.float32), "frames: verilator runs"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_bad_inputs(capsys, tmp_path, image, case):
    x, words = BAD_INPUTS[case]
    np.save(tmp_path / "x.npy", x)
    args = [image, "--inputs", tmp_path / "x.npy", "--out", tmp_path / "out"]
    assert words in refused(capsys, tmp_path, "simulate", *args)


BAD_STATE = {
    "name": ({"c_l1": np.zeros(9)}, "unknown state 'c_l1'"),
    "width": ({"c_l0": np.zeros(8)}, "its length is 9"),
    "streams": ({"c_l0": np.zeros((2, 9))}, "2 streams, the image has 1"),
    "nan": ({"h_l0": np.full(9, np.nan)}, "NaN or infinity"),
    "text": ({"h_l0": np.array(["a"] * 9)}, "expected numbers"),
}


@pytest.mark.parametrize("case", BAD_STATE)
def test_bad_state(capsys, tmp_path, image, case):
    state, words = BAD_STATE[case]
    np.save(tmp_path / "x.npy", np.zeros((3, 7)))
    np.savez(tmp_path / "s.npz", **state)
    args = [image, "--inputs", tmp_path / "x.npy", "--state", tmp_path / "s.npz"]
    line = refused(capsys, tmp_path, "simulate", *args, "--out", tmp_path / "out")
    assert words in line


def test_missing_or_damaged_files(capsys, tmp_path, image):
    np.save(tmp_path / "x.npy", np.zeros((3, 7)))
    (tmp_path / "bad.npy").write_bytes(b"nonsense")
    good, out = ["--inputs", tmp_path / "x.npy"], ["--out", tmp_path / "out"]
    for args, words in (
        ([image, "--inputs", tmp_path / "none.npy"], "none.npy: no such file"),
        ([image, "--inputs", tmp_path / "bad.npy"], "not a readable .npy"),
        ([image, *good, "--state", tmp_path / "none.npz"], "none.npz: no such file"),
        ([image, *good, "--state", tmp_path / "bad.npy"], "not a readable .npz"),
        ([tmp_path / "none", *good], "no image folder"),
        ([image, *good, "--sim", "modelsim"], "unknown simulator 'modelsim'"),
        ([image, *good, "--stall", "often"], "unknown stall 'often'"),
        ([image, *good, "--stall", "both", "--trace"], "not with --stall"),
    ):
        assert words in refused(capsys, tmp_path, "simulate", *args, *out), words
    refused(capsys, tmp_path, "simulate", image, *good, "--out", tmp_path / "x.npy")


def edit(path: Path, change) -> None:
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


DAMAGES = {
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "no image folder"),
    "no json": (lambda d: (d / "manifest.json").write_text("{"), "not JSON"),
    "list": (lambda d: (d / "manifest.json").write_text("[]"), "expected an object"),
    "key": (lambda d: edit(d / "manifest.json", lambda m: m.pop("layers")), "layers: missing"),
    "schema": (lambda d: edit(d / "manifest.json", lambda m: m.update(schema=99)), "schema 3"),
    "no program": (lambda d: (d / "program.npz").unlink(), "program.npz: no such file"),
    "cut": (lambda d: (d / "network.npz").write_bytes(b"PK"), "network.npz: is not the file"),
    "image": (lambda d: (d / "image.bin").write_bytes(bytes(64)), "image.bin: is not the file"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_image_folder(capsys, tmp_path, image, case):
    change, words = DAMAGES[case]
    folder = shutil.copytree(image, tmp_path / "image")
    change(folder)
    np.save(tmp_path / "x.npy", np.zeros((3, 7)))
    args = [folder, "--inputs", tmp_path / "x.npy", "--out", tmp_path / "out"]
    assert words in refused(capsys, tmp_path, "simulate", *args)


@pytest.mark.sims("verilator")
def test_exit_codes_of_a_run(sim, capsys, monkeypatch, tmp_path, image):
    """0 when all is equal; 1 when the models say something else; results are written in both."""
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32))
    args = [image, "--inputs", tmp_path / "x.npy", "--sim", sim, "--out"]
    assert command("simulate", *args, tmp_path / "good") == 0
    names = {"outputs.npy", "expected.npy", "state.npz", "report.json"}
    assert {f.name for f in (tmp_path / "good").iterdir()} == names
    assert command("simulate", *args, tmp_path / "traced", "--trace") == 0
    traced = {f.name for f in (tmp_path / "traced").iterdir()}
    assert traced == names | {"trace.json", "losses.json"}
    lost = json.loads((tmp_path / "traced/losses.json").read_text())
    report = json.loads((tmp_path / "traced/report.json").read_text())
    assert lost["frame_efficiency"] == pytest.approx(report["frame_efficiency"])
    assert "padding" in capsys.readouterr().out

    class Other(image_run.FixedModel):
        def run(self, x, state=None):
            y, end = super().run(x, state)
            y[..., 2, 3] += 1
            return y, end

    with monkeypatch.context() as patch:
        patch.setattr(image_run, "FixedModel", Other)
        assert command("simulate", *args, tmp_path / "value") == 1
    assert json.loads((tmp_path / "value/report.json").read_text())["mismatches"] == 1
    predict = image_run.timing.predict
    with monkeypatch.context() as patch:

        def late(p, n):
            times = predict(p, n)
            times.last_out[2:] += 1
            return times

        patch.setattr(image_run.timing, "predict", late)
        assert command("simulate", *args, tmp_path / "cycle") == 1
    report = json.loads((tmp_path / "cycle/report.json").read_text())
    assert report["mismatches"] == 0
    assert report["cycle_mismatches"] == 1  # one distance differs
    assert "error" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--model", "none"], "unknown model 'none'"),
        (["--config", "none"], "unknown configuration 'none'"),
        (["--sim", "none"], "unknown simulator 'none'"),
    ],
)
def test_main_job_refuses(capsys, tmp_path, args, words):
    assert words in refused(capsys, tmp_path, "sim", *args)
