# SPDX-License-Identifier: Apache-2.0
"""Rates of the ports and their waves: pictures are of the values, rates are the kept ones."""

from __future__ import annotations

import re

import pytest

from csb_rnn.experiments.ports import drawing, measure, page
from csb_rnn.experiments.reports import measured
from csb_rnn.machine import config


def test_equal_columns_are_drawn_once() -> None:
    waves = {"a_tvalid": list("0111111"), "a_tready": list("0000001")}
    found = drawing.columns(waves)
    assert found == [(("0", "0"), 1), (("1", "0"), 1), (("1", "0"), 4), (("1", "1"), 1)]
    text = drawing.wave("a", "A beat waits", waves)
    assert ">4 x<" in text
    assert text.count('class="m"') == 1  # one beat moves


def test_values_that_do_not_fit_keep_their_low_digits() -> None:
    text = drawing.wave("a", "Two beats", {"tdata": ["00001234", "0000abcd"]})
    assert re.findall(r">(~\w+)<", text) == ["~234", "~bcd"]
    assert drawing.wave("a", "One", {"tdata": ["1234abcd"] * 2}).count(">1234abcd<") == 1


def test_beats_of_the_pictures_are_those_of_the_frames() -> None:
    """TLAST ends each frame of 4 beats, TKEEP the output frame of 3, zeros the stopped one."""
    rows = [r for r in measured.read("ports").rows if r["table"] == "wave"]

    def moved(name: str, port: str) -> list[dict[str, str]]:
        waves = {r["signal"].removeprefix(f"{port}_"): r["values"].split()
                 for r in rows if r["name"] == name and r["signal"].startswith(port)}  # fmt: skip
        columns = [dict(zip(waves, v, strict=True)) for v in zip(*waves.values(), strict=True)]
        return [c for c in columns if c["tvalid"] == c["tready"] == "1"]

    assert {r["name"] for r in rows} == set(page.WAVES)
    assert [b["tlast"] for b in moved("input", "s_axis_frame")[:8]] == list("00010001")
    output = moved("output", "m_axis_frame")
    assert [(b["tlast"], b["tkeep"]) for b in output] == [("0", "f"), ("0", "f"), ("1", "3")]
    stopped = moved("stop", "m_axis_frame")
    assert [b["tlast"] for b in stopped] == ["0"] * 30 + ["1"]
    assert {b["tdata"] for b in stopped[-20:]} == {"00000000"}


def test_inputs_are_as_fast_as_their_configuration_says() -> None:
    rows = [r for r in measured.read("ports").rows if r["name"] == "input frames"]
    assert {r["config"] for r in rows} == set(measure.CONFIGS)
    for r in rows:
        c = config.load(r["config"])
        limit = min(1, c.x_per_cycle * 16 / c.stream_w)
        assert (r["beats"] - 2) / limit <= r["cycles"] <= r["beats"] / limit  # two wait in front


@pytest.mark.nightly
@pytest.mark.parametrize("name", measure.CONFIGS)
def test_rates_are_the_kept_ones(name: str) -> None:
    """Those of Verilator."""
    rates = [r for r in measure.rows(name) if r["table"] == "rate"]
    assert measured.compare("ports", rates).equal == len(rates)
