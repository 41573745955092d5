# SPDX-License-Identifier: Apache-2.0
"""Pictures show the data of the models: bars, pixels and titles, not only that a file is there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import csb_rnn
from csb_rnn import pictures
from csb_rnn.api import plots
from csb_rnn.errors import UsageError
from csb_rnn.experiments.tasks.pictures import tries_picture
from csb_rnn.machine.folders import ROOT
from csb_rnn.pictures import areas, timeline
from tests.helpers import call, make_checkpoint


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("pictures") / "m.npz", hidden=13)


@pytest.fixture(scope="module")
def build(source: Path) -> csb_rnn.Build:
    return csb_rnn.build(source, config="tiny", unchecked=True)


def texts(figure) -> list[str]:
    """Every text of a figure: titles, labels, ticks."""
    figure.canvas.draw()
    return [t.get_text() for t in figure.findobj(lambda part: hasattr(part, "get_text"))]


def bars(axis) -> list[tuple[float, float, float]]:
    """Row, begin and length of each bar."""
    return [(round(b.get_y() + b.get_height() / 2), b.get_x(), b.get_width()) for b in axis.patches]


def test_kernels_of_a_build(build) -> None:
    """Weights of the image, in their blocks; dark pixels are the kept ones."""
    found, sides = plots.matrices(build.record)
    layer = build.record.part.quantised.layers[0]
    assert {name.split(", ")[1] for name in found} == {f"{g} of {v}" for g, v in layer.weights}
    axes = build.plot_kernels().axes
    shown = {axis.get_title(loc="left").split(":")[0]: axis for axis in axes if axis.images}
    assert len(shown) == 6
    assert set(shown) <= set(found)
    for name, axis in shown.items():
        pixels = np.asarray(axis.images[0].get_array())
        assert ((pixels == 2) == (found[name] != 0)).all()
        assert f"{np.count_nonzero(found[name])} kept" in axis.get_title(loc="left")
        assert f"blocks of {sides[name]} x" in axis.get_xlabel()


def test_the_timeline_of_a_build(build) -> None:
    """A bar is a slice of the timing model's record; all frames of the window are named."""
    figure = build.plot_timeline(2)
    t = plots.timeline(build.record.part.compiled(), plots.FRAMES)
    slices = timeline.slices(t, 2)
    rows = list(dict.fromkeys(s.row for s in slices))
    assert bars(figure.axes[0]) == [(rows.index(s.row), s.begin, s.end - s.begin) for s in slices]
    begin, end = timeline.window(t, 2)
    assert end - begin == 2 * build.predict().cycles
    hatched = [bool(b.get_hatch()) for b in figure.axes[0].patches]
    assert hatched == [s.name.startswith("wait") for s in slices]
    said = texts(figure)
    assert {"PEGroup 0,0", "drain", "element", "output"} <= set(said)
    with pytest.raises(UsageError, match="at least 1 frame"):
        build.plot_timeline(0)


def test_lost_cycles_of_a_build(build) -> None:
    """All shares are 1 together; the useful one is the efficiency of the prediction."""
    figure = build.plot_losses()
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    shares = dict(zip(labels, (width for _, _, width in bars(figure.axes[0])), strict=True))
    p = build.predict()
    assert shares["useful"] == pytest.approx(p.frame_efficiency, abs=1e-4)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-4 * len(labels))
    assert f"{p.cycles:g} cycles a frame" in figure.axes[0].get_title(loc="left")


def test_kernels_of_weights() -> None:
    torch = pytest.importorskip("torch")
    w = torch.zeros(4, 4)
    w[0, 1] = w[0, 3] = w[2, 1] = 1.0  # rows 0 and 2, columns 1 and 3: one place is a zero
    figure = csb_rnn.plot_kernels({"w": w, "bias": torch.ones(4)}, block=4)
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    assert pixels.tolist() == [[0, 2, 0, 2], [0, 0, 0, 0], [0, 2, 0, 1], [0, 0, 0, 0]]
    title = figure.axes[0].get_title(loc="left")
    assert title == "w: 4 x 4\n3 kept, 1 of 5.33\nfill 75% of the kernels"
    with pytest.raises(UsageError, match="at least one"):
        csb_rnn.plot_kernels({"bias": torch.ones(4)})


def test_rates_have_an_axis_each() -> None:
    """Each axis has the others' lines behind its own; titles say how far the target is met."""
    results = {"CSB": {4: 98.6, 8: 98.2, 16: 91.0}, "rows": {2: 98.5, 4: 97.0}, "none": {2: 90.0}}
    figure = csb_rnn.plot_rates(
        results, "accuracy, %", target=98, dense=99, test={"CSB": {4: 98.0, 8: 97.5}}
    )
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert titles == [
        "CSB\ntarget met up to 8x",
        "rows\ntarget met up to 2x",
        "none\ntarget not met",
    ]
    own = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [(tuple(line.get_xdata()), tuple(line.get_ydata())) for line in own] == [
        ((4, 8, 16), (98.6, 98.2, 91.0))
    ]
    assert {"target", "dense", "test", "valid", "accuracy, %"} <= set(texts(figure))
    error = csb_rnn.plot_rates({"CSB": {4: 9.0, 8: 11.0}}, "error, %", target=10,
                               higher_is_better=False)  # fmt: skip
    assert error.axes[0].get_title(loc="left") == "CSB\ntarget met up to 4x"
    with pytest.raises(UsageError, match="at least one point"):
        csb_rnn.plot_rates({"CSB": {}}, "accuracy, %")


def test_the_same_figure_is_the_same_file(build, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        pictures.save(build.plot_losses(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
        pictures.save(build.plot_losses(), tmp_path / "a.gif")


def test_the_tries_of_a_search() -> None:
    """The record of a shipped checkpoint: its rates, results, and the chosen rate."""
    record = json.loads((ROOT / "checkpoints/z6_lstm.json").read_text())
    figure = tries_picture(record)
    valid = next(line for line in figure.axes[0].lines if line.get_marker() == "o")
    tries = sorted((t["achieved"], t["valid"]) for t in record["tries"])
    assert list(zip(valid.get_xdata(), valid.get_ydata(), strict=True)) == tries
    assert f"target met up to {record['rate']:g}x" in figure.axes[0].get_title(loc="left")


def test_shares_of_areas() -> None:
    edges = np.array([0, 10, 50])
    assert areas.shares(np.array([0, 0, 16, 40]), edges).tolist() == [0.5, 0.5]
    figure = areas.areas({"m": {"trained": np.array([4, 8]), "generator": np.array([2, 2])}})
    said = texts(figure)
    assert {"trained (solid): mean 6", "generator (dashed): mean 2", "m"} <= set(said)


def test_pictures_are_options_of_commands(source: Path, tmp_path: Path, capsys) -> None:
    options = ("--config", "tiny", "--unchecked-source", "--plot", tmp_path / "pictures")
    assert call("estimate", source, *options) == 0
    names = ["kernels.png", "timeline.png", "losses.png"]
    assert capsys.readouterr().out.splitlines()[-3:] == [
        str(tmp_path / "pictures" / name) for name in names
    ]
    assert sorted(p.name for p in (tmp_path / "pictures").iterdir()) == sorted(names)
    assert call("prune", source, "--block", 8, "--rate", 4, "--out", tmp_path / "p.npz",
                "--plot", tmp_path / "p.svg") == 0  # fmt: skip
    assert "<svg" in (tmp_path / "p.svg").read_text()
    assert call("prune", source, "--rate", 4, "--out", tmp_path / "q.npz",
                "--plot", tmp_path / "q.gif") == 2  # fmt: skip
    assert not (tmp_path / "q.npz").exists()
