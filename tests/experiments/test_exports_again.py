# SPDX-License-Identifier: Apache-2.0
"""A sample of the exports confirms kept rows, and rows that lack cases are run whole."""

from __future__ import annotations

import pytest

from csb_rnn.experiments.importing import exports
from csb_rnn.experiments.reports.measured import MeasuredError


def row(exporter: str, cell: str, **ends: int) -> dict:
    ends = dict.fromkeys(exports.ENDS, 0) | ends
    legal = sum(ends.values()) - ends["not exported"]
    return {"exporter": exporter, "cell": cell, "exported": legal, **ends}


def test_complete_rows_are_sampled_and_others_run():
    kept = [row("script", "LSTM", layers=864), row("dynamo", "RNN", host=83)]
    names = [n for n in exports.names() if (" LSTM " in n and n[0] == "s") or "dynamo" in n]
    chosen = exports.again(names, kept, 17)
    assert sum(n.startswith("script") for n in chosen) == 51
    assert sum(" RNN " in n for n in chosen) == 144
    new = [row("script", "LSTM", layers=51), row("dynamo", "RNN", host=144)]
    rows, line = exports.joined(new, kept)
    assert [r["exported"] for r in rows] == [864, 144]
    assert line == "51 cases run again, all as before, and 144 others"
    with pytest.raises(MeasuredError, match="script LSTM: 1 end refused now"):
        exports.joined([row("script", "LSTM", layers=50, refused=1)], kept)
