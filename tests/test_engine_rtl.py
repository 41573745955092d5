# SPDX-License-Identifier: Apache-2.0
"""The CSB-Engine on random layers, both simulators; see tb/test_engine.py."""

import json

import numpy as np
import pytest

from golden.cases import LayerCase
from golden.config import load, rtl_parameters
from tb.runner import run

# configuration, what differs from it, cases, largest size, simulators
SETS = [
    ("tiny", {}, 40, 60, "both"),
    ("small", {}, 60, 300, "verilator"),
    ("small", {"share_h": 0}, 12, 100, "verilator"),
    ("small", {"data_w": 8, "drain_banks": 2}, 12, 100, "both"),
    ("tiny", {"data_w": 12, "share_h": 0}, 12, 60, "both"),
    ("odd", {}, 40, 300, "verilator"),
    ("paper256", {}, 30, 300, "verilator"),
]


def engine_parameters(config: str, override: dict[str, int]) -> dict[str, int]:
    """Parameters of csb_engine in a configuration."""
    names = "K L P Q DataW MaxFanIn WeightDepth NeuronDepth AccDepth DrainBanks ShareH ShareV"
    every = rtl_parameters(load(config, **override))
    return {n: every[n] for n in names.split()}


@pytest.mark.parametrize(
    ("config", "override"),
    [
        ("tiny", {}),
        ("odd", {"data_w": 12, "share_h": 0}),
        ("small", {"data_w": 8, "drain_banks": 2, "share_v": 1}),
        ("paper512", {"P": 1, "max_fan_in": 4096}),
    ],
    ids=str,
)
def test_pegroup(sim, config, override) -> None:
    """A PEGroup alone; shallow, as the bench zeroes every memory again and again."""
    override = {"weight_depth": 64, "neuron_depth": 64, "acc_depth": 16} | override
    c = load(config, **override)
    names = "P Q DataW WeightDepth NeuronDepth AccDepth DrainBanks ShareH ShareV"
    every = rtl_parameters(c)
    run(
        "csb_pegroup",
        "tb.test_csb_pegroup",
        sim=sim,
        parameters={"AccW": c.acc_w, **{n: every[n] for n in names.split()}},
        extra_env={"CSB_CONFIG": config, "CSB_OVERRIDE": json.dumps(override)},
    )


@pytest.mark.parametrize(("config", "override", "cases", "largest", "sims"), SETS, ids=str)
def test_engine(sim, seed, tmp_path, config, override, cases, largest, sims) -> None:
    if sims not in ("both", sim):
        pytest.skip("runs on the other simulator")
    rng = np.random.default_rng([seed, len(config), cases, largest])
    c = load(config, **override)
    drawn = [LayerCase.draw(rng, c, largest).__dict__ for _ in range(cases)]
    run(
        "csb_engine",
        "tb.test_engine",
        sim=sim,
        parameters=engine_parameters(config, override),
        extra_env={
            "CSB_CONFIG": config,
            "CSB_OVERRIDE": json.dumps(override),
            "CSB_CASES": json.dumps(drawn),
            "CSB_DIGEST": str(tmp_path / "digest"),
        },
    )
