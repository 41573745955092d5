# SPDX-License-Identifier: Apache-2.0
"""The table of ``make sim`` fits a terminal of 100 columns, and a log."""

from __future__ import annotations

from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.trained import table


def test_table_of_sim_is_narrow_and_whole(capsys) -> None:
    rows = measured.read("sim").rows
    wide = rows[0] | {
        "config": "paper512_cols",
        "frames": 123456,
        "task_metric": "perplexity",
        "task_value": 123.456,
    }
    table.show([*rows, wide])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= table.WIDTH
    last = next(line.split() for line in lines if "paper512_cols" in line)
    assert [last[2], last[9], last[10]] == ["123456", "perplexity", "123.46"]
