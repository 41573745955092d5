# SPDX-License-Identifier: Apache-2.0
"""Every module has a bench, and every parameter of the machine is simulated off its default."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from csb_rnn.machine import config, design
from csb_rnn.verify.random_layers import LayerCase
from tb.lib.exact import check

#: Configurations other than the defaults, and all of them together in every parameter.
SHALLOW = {"neuron_depth": 64, "acc_depth": 32, "state_depth": 40, "bias_depth": 40}
SHORTER = {"fast_act": 1, "reg_bypass": 1, "sum_bypass": 1}
ULTRA = {"program_ultra": 1, "program_reg": 1}
SWEEP = {
    "shape": {"K": 1, "L": 3, "P": 3, "Q": 1, "x_per_cycle": 3, "stream_w": 48},
    "sharing": {"share_h": 0, "share_v": 1, "drain_banks": 2, "x_per_cycle": 1},
    "shared": {"P": 4, "shared_cols": 2, "weight_w": 8, "share_v": 1},
    "widths": {"data_w": 12, "state_w": 22, "state_frac": 12, "acc_guard": 9, "max_block": 8},
    "latencies": {"deep": 1, "acc_depth": 40, "parity": 1},
    "rates": {"bus_neurons": 2, "drain_rows": 2, "parity": 1, **SHORTER},
    "depths": {
        "weight_depth": 300,
        "drain_depth": 100,
        "elem_depth": 150,
        "out_depth": 6,  # all in use; the second half is at 8 to 13
        "stream_w": 128,
        "parity": 1,
        **ULTRA,
    },
}
#: The sharing variant in the shape of the other one.
ALL = SWEEP["sharing"] | SWEEP["rates"] | {"stream_w": 64, "shared_cols": 3, "weight_w": 8}
#: Benches whose top is not the module itself.
OTHER_TOP = {"csb_act": "act_sweep"}


def defaults() -> dict[str, int]:
    return tomllib.loads(config.CONFIG_FILE.read_text())["default"]


def run_variant(sim: str, folder: Path, override: dict[str, int]) -> None:
    """Two layers: bits, states and cycles, as everywhere."""
    c = config.load("tiny", **SHALLOW | override)
    case = LayerCase(seed=11, cell="lstm", inputs=5, hidden=9, layers=2, density=0.5)
    check(case, c, sim, folder, frames=4)


@pytest.mark.parametrize("variant", SWEEP)
@pytest.mark.sims("icarus")
def test_variant(sim, tmp_path, variant) -> None:
    run_variant(sim, tmp_path, SWEEP[variant])


@pytest.mark.sims("verilator")
def test_all_at_once(sim, tmp_path) -> None:
    """In one build, as Verilator compiles each for half a minute."""
    run_variant(
        sim, tmp_path, SWEEP["shape"] | SWEEP["widths"] | SWEEP["latencies"] | SWEEP["depths"] | ALL
    )


def test_every_parameter_is_swept() -> None:
    values = [asdict(config.load("tiny", **SHALLOW | v)) for v in SWEEP.values()]
    for key, default in defaults().items():
        assert any(v[key] != default for v in values), f"{key}: always {default}"
    for key in "KLPQ":
        assert len({v[key] for v in values}) > 1, f"{key}: always the same"


def test_every_parameter_of_the_top_is_in_the_configurations() -> None:
    text = (design.HDL / f"{design.TOP}.sv").read_text()
    lines = re.findall(r"parameter int (\w+) = .*", text.split(") (")[0])
    derived = re.findall(r"parameter int (\w+) = .*// derived", text.split(") (")[0])
    known = set(config.rtl_parameters("tiny"))
    assert set(lines) - set(derived) - {"ConfigHash"} == known
    assert set(defaults()) | set("KLPQ") == set(asdict(config.load("tiny"))) - {"name"}


def test_every_module_has_a_bench() -> None:
    files = [
        p for p in Path(__file__).parent.glob("test_*_rtl.py") if p.name != Path(__file__).name
    ]
    launchers = "".join(p.read_text() for p in files)
    for source in design.file_list()[0]:
        if not source.stem.endswith("_pkg"):
            name = OTHER_TOP.get(source.stem, source.stem)
            assert f'"{name}"' in "".join(launchers), f"no bench of {source.stem}"
