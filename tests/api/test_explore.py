# SPDX-License-Identifier: Apache-2.0
"""A network on every configuration: figures are those of builds, reasons are true."""

import dataclasses
import json

import pytest
import torch

import csb_rnn
from csb_rnn.api import known, rates, sizes
from csb_rnn.api.explore import explore
from csb_rnn.errors import UsageError
from csb_rnn.machine import config
from csb_rnn.machine.folders import ROOT
from csb_rnn.program.program import CompileError
from tests.helpers import call

GRU = ROOT / "checkpoints/z2_gru.npz"


@pytest.fixture
def little():
    torch.manual_seed(0)
    return torch.nn.GRU(4, 6)


def shallow(name: str, **depths: int) -> config.Config:
    """A configuration with memories of other depths, under a name of its own."""
    return dataclasses.replace(config.load(name), name=f"{name}_own", **depths)


def test_figures_are_those_of_a_build(little):
    found = explore(little, configs=["small", "tiny"], clock=50e6, frame_rate=1000)
    assert [p.config.name for p in found.points] == ["tiny", "small"]  # by size
    for p in found.points:
        own = csb_rnn.build(little, config=p.config.name).predict()
        assert p.prediction == own
        assert p.microseconds == pytest.approx(own.cycles / 50)
        assert p.latency_us == pytest.approx(own.latency / 50)
        assert p.realtime == pytest.approx(50e6 / own.cycles / 1000)
    assert found.smallest.config.name == "tiny"


def test_a_larger_machine_that_is_slower_has_its_reason(little):
    found = explore(little, configs=["tiny", "small", "odd"])
    cycles = [p.prediction.cycles for p in found.points]
    assert cycles[1] > cycles[0] > cycles[2]
    (note,) = found.notes
    assert note.startswith(f"small (64 PEs) takes {cycles[1]:g} cycles, tiny (16) {cycles[0]:g}: ")
    assert "registers in its long paths (deep)" in note


def test_too_small_says_by_how_much_and_which_rate_fits():
    torch.manual_seed(0)
    dense = torch.nn.GRU(16, 32)
    c = shallow("small", weight_depth=32)
    (p,) = explore(dense, configs=[c]).points
    words = rates.SHORT.match(p.short)
    assert not p.fits
    assert int(words["need"]) > int(words["have"]) == 32
    assert p.remedy.startswith("rate ")
    rate = float(p.remedy.split()[1])
    # the rate named does fit, pruned as it would be; half of it does not
    assert explore(dense, configs=[c], rates=[rate]).points[0].fits
    again = explore(dense, configs=[c], rates=[rate / 2]).points[0]
    assert not again.fits
    assert again.remedy.startswith("rate ")


def test_no_rate_helps_if_units_are_too_many(little):
    (p,) = explore(little, configs=[shallow("tiny", state_depth=1)]).points
    assert "the state memory" in p.short
    assert p.remedy.startswith("no rate helps")


def test_rates_and_blocks_are_pruned_for_each_machine():
    torch.manual_seed(0)
    found = explore(torch.nn.GRU(16, 32), configs=["tiny"], rates=[2, 4], blocks=[8, 16])
    assert [(p.rate, p.block) for p in found.points] == [(2, 8), (2, 16), (4, 8), (4, 16)]
    total = 3 * 32 * (16 + 32)
    assert all(p.kept == pytest.approx(total / p.rate, rel=0.02) for p in found.points)


def test_area_and_energy_are_measured_or_missing():
    found = explore(GRU, configs=["paper256", "tiny"])
    tiny, paper = found.points
    assert (tiny.area, tiny.energy) == (None, {})
    value = json.loads((ROOT / "docs/results/data/area_paper256_horizontal.json").read_text())
    row = dict(zip(value["columns"], value["rows"][-1], strict=True))
    assert (paper.area.lut, paper.area.commit) == (row["lut"], value["commit"])
    # of the same network: kept weights and cycles have to be equal
    rows = known._rows("energy", known.RESULTS)
    row = next(r for r in rows if (r["model"], r["config"]) == ("z2_gru", "paper256"))
    c, kept, cycles = paper.config, row["kept"], row["interval"]
    assert known.energy("z2_gru", c, kept, cycles)["22 nm"] == sum(row["nm22"].values())
    assert known.energy("z2_gru", c, kept + 1, cycles) == {}
    # an own machine under the name of a measured one has no figure
    own = dataclasses.replace(c, weight_depth=1024)
    assert known.area(own) is None
    assert known.energy("z2_gru", own, kept, cycles) == {}


def test_build_takes_the_smallest_that_fits(little, tmp_path, capsys):
    assert csb_rnn.build(little).record.config.name == "tiny"
    found = csb_rnn.api.build.read_source(little)
    c, larger = shallow("tiny", weight_depth=2), config.load("odd")
    assert sizes.smallest(found, configs=[larger, c]) == larger
    with pytest.raises(CompileError, match="too many"):
        sizes.smallest(found, configs=[c])
    torch.save(little.state_dict(), tmp_path / "m.pt")
    assert call("build", tmp_path / "m.pt", "--out", tmp_path / "image") == 0
    assert capsys.readouterr().out.startswith("the smallest configuration that fits is tiny: 16")
    assert json.loads((tmp_path / "image/manifest.json").read_text())["config"]["name"] == "tiny"


def test_the_command_prints_a_table_and_a_picture(tmp_path, capsys, little):
    torch.save(little.state_dict(), tmp_path / "m.pt")
    assert call("explore", tmp_path / "m.pt", "--configs", "tiny,small", "--frame-rate", 100,
                "--json", tmp_path / "e.json", "--plot", tmp_path / "e.svg") == 0  # fmt: skip
    text = capsys.readouterr().out
    assert max(map(len, text.replace(str(tmp_path), "").splitlines())) <= 100
    points = json.loads((tmp_path / "e.json").read_text())["points"]
    for point in points:
        row = next(s for s in text.splitlines() if s.startswith(point["config"]))
        assert row.split()[:5] == [
            point["config"], str(point["pes"]), f"{point['memory_kibit']:.0f}",
            f"{point['prediction']['cycles']:g}", str(point["prediction"]["latency"]),
        ]  # fmt: skip
    assert "slower though larger: small" in text
    assert "energy (nJ a frame in 22 nm): not measured" in text
    assert text.splitlines()[-2] == "smallest that fits: tiny"
    assert (tmp_path / "e.svg").stat().st_size > 1000


def test_refusals(tmp_path, capsys, little):
    with pytest.raises(UsageError, match="is pruned to rate 40"):
        explore(GRU, rates=[4])
    with pytest.raises(UsageError, match="clock: expected a positive number"):
        explore(little, clock=0)
    torch.save(little.state_dict(), tmp_path / "m.pt")
    for arguments, words in (
        (("--configs", "none"), "unknown configuration 'none'"),
        (("--rates", "0.5"), "expected a rate of at least 1"),
        (("--plot", "e.gif"), "expected a name that ends in .png, .svg or .pdf"),
    ):
        assert call("explore", tmp_path / "m.pt", *arguments) == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
