# SPDX-License-Identifier: Apache-2.0
"""Named configurations: bases, widths that follow each other, what shared columns ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from csb_rnn.machine import config, config_file
from csb_rnn.machine.config_ranges import ConfigError
from csb_rnn.machine.own_config import choose


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


REFUSED = {
    "K = 1": "'K' is outside of a [configuration]",
    "[own]": "[own] K: missing; give it, or a base that has it",
    "[own]\nbase = 'tiny'\nQQ = 2": "[own] QQ: unknown key; known are K, L, P, Q, ",
    "[own]\nbase = 'tiny'\nQ = '2'": "[own] Q: expected a whole number, got '2'",
    "[own]\nbase = 'tiny'\nQ = true": "[own] Q: expected a whole number, got True",
    "[own]\nbase = 'tiny'\nQ = 0": "[own] Q must be 1 to 64, not 0",
    "[own]\nbase = 'tiny'\ndata_w = 10": "[own] data_w must be 8 or 12 or 16, not 10",
    "[own]\nbase = 'tiny'\nneuron_depth = 100": "own: neuron_depth must be a power of two",
    "[own]\nbase = 'tiny'\nP = 64\nQ = 64\nK = 8": "own: K*L*P*Q is 65536, at most 16384",
    "[own]\nbase = 'tiny'\nweight_w = 16\ndata_w = 8": "own: weight_w must be at most data_w 8",
    "[own]\nbase = 'none'": "[own] base: no configuration 'none'; known are tiny, small, ",
    "[own]\nbase = 'default'": "[own] base: no configuration 'default'",
    "[own]\nsim_only = true": "[own] sim_only: unknown key",
    "[tiny]\nK = 1": "[tiny]: that name is taken, in hdl/configs.toml",
    "[Own]\nK = 1": "[Own]: a name has at most 32 of a-z, 0-9 and _",
    "[own]\nK = 1\n[two]\nK = 1": "expected one [configuration], found 2",
    "": "expected one [configuration], found 0",
    "[own": "Expected ']'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_file_of_ones_own_is_checked_field_by_field(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        choose(str(file))
    said = str(error.value)
    assert said.startswith(f"{file}: {REFUSED[text]}")
    assert "\n" not in said


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Its values, the base's, and those of the defaults; by path as text or as a Path."""
    file = tmp_path / "own.toml"
    file.write_text("[own]\nbase = 'tiny'\nK = 1\ndata_w = 8\n")
    c, tiny = choose(str(file)), config.load("tiny")
    assert (c.name, c.K, c.data_w, c.weight_w) == ("own", 1, 8, 8)
    assert (c.L, c.weight_depth, c.state_w) == (tiny.L, tiny.weight_depth, tiny.state_w)
    assert choose(file) == c
    with pytest.raises(ConfigError, match="no such file"):
        choose(str(tmp_path / "other.toml"))
    assert "own" not in config.names(sim_only=True)
