# SPDX-License-Identifier: Apache-2.0
"""Named configurations: bases, widths that follow each other, what shared columns ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.machine import config, config_file
from csb_rnn.machine.config_ranges import ConfigError


def test_base_of_a_base() -> None:
    c, base = config.load("paper512_w8"), config.load("paper512_cols")
    assert (c.weight_w, base.weight_w) == (8, 16)
    assert (c.shared_cols, c.weight_depth, c.L) == (4, base.weight_depth, 8)
    assert config.load("paper512_w8_sim").weight_depth == config.load("paper512_sim").weight_depth


def test_own_base_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "configs.toml"
    text = config.CONFIG_FILE.read_text()
    for loop in ('[one]\nbase = "one"\n', '[one]\nbase = "two"\n[two]\nbase = "one"\n'):
        file.write_text(text + loop)
        with pytest.raises(ConfigError, match=r"\[one\] base"):
            config_file.read_table(file)


def test_weights_have_no_more_bits_than_neurons() -> None:
    assert config.load("tiny", data_w=12).weight_w == 12
    assert config.load("tiny", weight_w=8).acc_w == 16 + 8 + 4
    assert config.load("tiny", weight_w=8, data_w=12).weight_w == 8


@pytest.mark.parametrize(("override"), [{"shared_cols": 4}, {"P": 3, "shared_cols": 2}])
def test_shared_columns_divide_the_rows(override: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="shared_cols must be 1, 2 or P and divide P"):
        config.load("tiny", **override)


def test_memory_targets_of_shared_columns() -> None:
    """Bits of a PEGroup word for each multiplier: 30.4 without, at most 23 and 15 with."""
    from csb_rnn.machine import isa

    def bits(name: str) -> float:
        c = config.load(name)
        return isa.pegroup_width(c) / (c.P * c.Q)

    assert bits("paper512") == 30.375
    assert bits("paper512_cols") <= 23
    assert bits("paper512_w8") <= 15
