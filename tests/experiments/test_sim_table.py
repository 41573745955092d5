# SPDX-License-Identifier: Apache-2.0
"""The table of ``make sim`` fits a terminal of 100 columns, and a log."""

from __future__ import annotations

from csb_rnn.experiments.reports import measured
from csb_rnn.experiments.trained import table


def test_table_of_sim_is_narrow_and_whole(capsys) -> None:
    # As a run gives them: a kept row, with the figures printed beside the table.
    accuracy = {"reference": "torch 2.13.0, by the float model (equal to 1e-07 at build)",
                "largest": 4.1e-4, "percentile": 1.6e-4, "largest_output": 1.0}  # fmt: skip
    more = {"accuracy": accuracy, "saturated": {"element": 3}, "warning": None}
    rows = [r | more for r in measured.read("sim").rows]
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
    said = " ".join(" ".join(lines).split())
    assert said.count("difference at most 0.00041, 99.9th percentile 0.00016") == len(rows) + 1
