# SPDX-License-Identifier: Apache-2.0
"""A difference between RTL and models is told with its place: planted ones, one of each kind."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from csb_rnn import compiler, flow, verify
from csb_rnn.cells import CELLS
from csb_rnn.execution import timing
from csb_rnn.machine import config
from csb_rnn.models import quantise
from csb_rnn.models.fixed_model import FixedModel
from csb_rnn.network.checkpoint_files import write_checkpoint
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.simulation.run_result import RunResult
from csb_rnn.verify.explanation import complain, explain, suspects
from csb_rnn.verify.ran import Ran, show
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import SHALLOW

C = config.load("tiny")
STREAMS, FRAMES = 2, 6
CASE = LayerCase(seed=3, cell="lstm", inputs=5, hidden=9, layers=2)


@pytest.fixture
def ran() -> tuple[Ran, RunResult]:
    """Two streams of an LSTM, and the result of an RTL that makes no mistake."""
    q = quantise.quantise(CASE.network(), C)
    p = compiler.compile_network(q, C, STREAMS)
    x = q.quantise_inputs(CASE.frames(FRAMES, STREAMS))
    y, state = FixedModel(q, C).run(x)
    want, times = verify.interleave(y), timing.predict(p, STREAMS * FRAMES).last_out
    run = Ran(p, q, verify.interleave(x), [len(want)], want, state, times)
    got = RunResult(
        outputs=want.copy(),
        in_cycles=np.arange(len(want)) + 100,
        out_cycles=times + 100,
        state={k: v.copy() for k, v in state.items()},
        counters={},
        busy=np.zeros(C.groups),
        cycles=9999,
        seconds=1.0,
        error=0,
        stuck=False,
    )
    return run, got


class Planted:
    """The RTL with a bug: from a frame on, a unit's state of one stream is off by one."""

    def __init__(self, run: Ran, key: str, unit: int, stream: int, frame: int) -> None:
        self.run, self.place, self.key, self.frame = run, (stream, unit), key, frame

    def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
        state = dict(self.run.model(x))
        if len(x) // STREAMS > self.frame:
            state[self.key] = state[self.key].copy()
            state[self.key][self.place] += 1
        return state


def test_nothing_to_say(ran) -> None:
    run, got = ran
    assert explain(run, got, run.model) == []


def test_a_wrong_output(ran) -> None:
    """Frame, stream, unit, layer, cycle, both values; its state is right, so its output."""
    run, got = ran
    got.outputs[7, 4] += 1
    lines = explain(run, got, run.model)
    bits, frac = C.data_w, run.network.out_frac
    want = int(run.want[7, 4])
    assert lines[0] == (
        f"first wrong output: frame 3 of stream 1, unit 4 of layer 1 (lstm), cycle "
        f"{got.out_cycles[7]}: got {show(want + 1, bits, frac)}, expected "
        f"{show(want, bits, frac)}; 1 of 108 outputs differ"
    )
    assert lines[1] == "every state after frame 3 of stream 1 is right"
    assert lines[2] == "suspects: state h_l1 of unit 4 is right, so what outputs it"


@pytest.mark.parametrize(
    ("key", "gates"), [("c_l1", "i, f, g of layer 1"), ("h_l1", "o of layer 1")]
)
def test_a_wrong_state_of_the_last_layer(ran, key: str, gates: str) -> None:
    run, got = ran
    got.outputs[9, 2] -= 1  # visible in frame 4, wrong from frame 2 on
    lines = explain(run, got, Planted(run, key, 2, 1, 2))
    assert f"first wrong state: {key}, unit 2 of stream 1, after frame 2: got 0x" in lines[1]
    assert lines[2] == f"suspects: {gates} (lstm), unit 2"
    assert re.match(r"  expected there, before the activation: [io] 0x[0-9a-f]+ \(", lines[3])


def test_the_first_layer_is_told(ran) -> None:
    run, got = ran
    got.outputs[9, 2] -= 1
    lines = explain(run, got, Planted(run, "c_l0", 5, 0, 4))
    assert "first wrong state: c_l0, unit 5 of stream 0, after frame 4" in lines[1]
    assert "i, f, g of layer 0" in lines[2]


def test_a_wrong_final_state_alone(ran) -> None:
    """Without a second run, what is known is the state after the last frame."""
    run, got = ran
    got.state["h_l0"][1, 3] += 2
    (line, gates, _) = explain(run, got)
    assert line.startswith("first wrong state: h_l0, unit 3 of stream 1, after frame 5: got 0x")
    assert line.endswith("1 of 18 units differ")
    assert gates == "suspects: o of layer 0 (lstm), unit 3"


def test_a_wrong_cycle(ran) -> None:
    run, got = ran
    got.out_cycles[5:] += 3
    (line,) = explain(run, got, run.model)
    assert line.startswith("first frame in a wrong cycle: frame 2 of stream 1: last beat ")
    assert line.endswith("(+3); 7 frames differ")
    assert explain(dataclasses.replace(run, predicted=None), got) == []  # stalled


def test_a_machine_that_is_stuck(ran) -> None:
    run, got = ran
    got.outputs, got.out_cycles, got.stuck, got.error = got.outputs[:3], got.out_cycles[:3], True, 4
    first, second = explain(run, got)
    assert first.startswith("the machine reports error 4 (")
    assert second.startswith("stuck: m_axis_frame_tvalid stayed low; 3 of 12 frames came out")


def test_frames_that_are_cut(ran, tmp_path) -> None:
    run, got = ran
    got.outputs = got.outputs[:, :-1]
    lines = complain(run, got, tmp_path, None, "again")
    size = run.want.shape[1]
    assert lines[0] == f"frames of {size - 1} values came, expected {size}: TLAST is early"
    assert lines[-1] == "repeat: again"
    assert not np.load(tmp_path / "outputs.npy").any()


@pytest.mark.parametrize("name", list(CELLS))
def test_every_cell_has_suspects(name: str) -> None:
    """For every wrong state, alone or with all others, some node is named."""
    cell = CELLS[name]
    writers = {n.name for n in cell.elems if n.state} | {cell.output.name}
    for wrong in ({w} for w in writers):
        assert suspects(cell, wrong, writers - wrong)
    assert suspects(cell, writers, set())


def test_an_image_run_tells(tmp_path, monkeypatch) -> None:
    """The files beside the outputs, with a model that is wrong in one unit of one frame."""
    from csb_rnn.verify import image_run

    rng = np.random.default_rng(1)
    shapes = {"weight_ih_l0": (16, 3), "weight_hh_l0": (16, 4)}
    weights = {f"rnn.{name}": rng.normal(size=shape) for name, shape in shapes.items()}
    write_checkpoint(tmp_path / "model.npz", from_state_dict(weights))
    build = flow.build(tmp_path / "model.npz", config.load("tiny", **SHALLOW))
    x = rng.normal(size=(5, 3))

    def wrong(self, x, state=None):
        y, end = right(self, x, state)
        y[..., 2, 1] ^= 1
        return y, end

    right = FixedModel.run
    good = verify.run(build, x, out=tmp_path / "out", sim="icarus").report
    assert verify.is_equal(good)
    assert not (tmp_path / "out" / verify.DIFFERENCES).exists()
    expected = np.load(tmp_path / "out/expected.npy")
    assert np.array_equal(expected, np.load(tmp_path / "out/outputs.npy"))

    class Wrong(FixedModel):
        run = wrong

    monkeypatch.setattr(image_run, "FixedModel", Wrong)
    report = verify.run(build, x, out=tmp_path / "out", sim="icarus").report
    assert report["mismatches"] == 1
    text = (tmp_path / "out" / verify.DIFFERENCES).read_text()
    assert "first wrong output: frame 2, unit 1 of layer 0 (lstm), cycle " in text
    assert "every state after frame 2 is right" in text
    assert "repeat: CSB_SEED=" in text
    differ = np.load(tmp_path / "out/expected.npy") != np.load(tmp_path / "out/outputs.npy")
    assert np.argwhere(differ).tolist() == [[2, 1]]
