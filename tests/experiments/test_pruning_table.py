# SPDX-License-Identifier: Apache-2.0
"""The table of schemes: costs of storing, choice of the next try, records."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from csb_rnn.experiments.tasks import TASKS, float_outputs, get, trained_bits
from csb_rnn.experiments.tasks.base import Recipe, Score, TaskError
from csb_rnn.experiments.tasks.measure import fixed_outputs
from csb_rnn.experiments.tasks.plans import PLANS, Plan
from csb_rnn.experiments.tasks.records import FOLDER, Records
from csb_rnn.experiments.tasks.scheme_names import scheme_named
from csb_rnn.experiments.tasks.summary import efficiency, pruned_index
from csb_rnn.experiments.tasks.table import lossless, next_try, tries_to_make
from csb_rnn.experiments.tasks.weight_bits import near
from csb_rnn.machine import config
from csb_rnn.models.quantise import quantise
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.network.stacking import network_from_checkpoint
from csb_rnn.network.state_dict import from_state_dict
from csb_rnn.pruning import make_scheme
from csb_rnn.pruning.costs import stored_bits
from csb_rnn.pruning.tools import TOOLS

torch.set_num_threads(1)  # tests run side by side
ROOT = Path(__file__).parents[2]


def pruned(name, rate, shape=(96, 64)):
    w = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    scheme = make_scheme(name, 32)
    return scheme, {"w": scheme.project(w, rate)}, {"w": rate}


@pytest.mark.parametrize(
    ("name", "index_bits"),
    [
        ("bank", lambda kept: kept * 5),
        ("row", lambda kept: kept * 6),
        ("unstructured", lambda kept: kept * 6 + 97 * 13),
        ("circulant", lambda kept: 0),
    ],
)
def test_bits_of_the_rivals(name, index_bits):
    cost = stored_bits(*pruned(name, 8))
    assert cost["kept"] == cost["stored"] == 96 * 64 // 8
    assert cost["value_bits"] == 16 * cost["kept"]
    assert cost["index_bits"] == index_bits(cost["kept"])
    assert cost["size_bits"] == 0


def test_circulant_values_at_the_edge_are_counted_one_by_one():
    """In a matrix of one column every wrapped diagonal of a block is a value of its own."""
    cost = stored_bits(*pruned("circulant", 8, (40, 1)))
    assert cost["kept"] == 40
    cost = stored_bits(*pruned("circulant", 8, (8, 12)))  # 8x8, and half a block: 8 diagonals
    assert cost["kept"] == 16


def test_bits_of_csb_and_row_column():
    scheme, matrices, rates = pruned("csb", 8)
    cost = stored_bits(scheme, matrices, rates)
    blocks = matrices["w"].reshape(3, 32, 2, 32)
    m = (blocks != 0).any(3).sum(1)
    n = (blocks != 0).any(1).sum(2)
    assert cost["stored"] == int((m * n).sum())
    assert cost["index_bits"] == 5 * int((m + n).sum())
    assert cost["size_bits"] == 6 * 2 * 6
    assert cost["nio"] == pytest.approx(int((m + n).sum()) / cost["kept"], abs=1e-4)
    assert 0 < cost["kernel"]["cv"] < 2
    scheme, matrices, rates = pruned("rowcol", 9)
    cost = stored_bits(scheme, matrices, rates)
    rows = int((matrices["w"] != 0).any(1).sum())
    cols = int((matrices["w"] != 0).any(0).sum())
    assert cost["stored"] == cost["kept"] == rows * cols
    assert cost["index_bits"] == (rows + cols) * 7


def test_names_of_schemes():
    assert scheme_named("csb32_4x4").describe() == {"scheme": "csb", "block": 32, "align": [4, 4]}
    assert scheme_named("csb16").align == (1, 1)
    assert scheme_named("bank32").bank == 32
    with pytest.raises(TaskError, match="'csb' needs a block, for example csb32"):
        scheme_named("csb")
    for plan in PLANS.values():
        for name in plan.schemes:
            scheme_named(name)
            assert plan.first_rate(name) in plan.ladder
            assert plan.first_rate(plan.named(name)) == plan.first_rate(name)
            method = "gradual" if name in TOOLS else plan.kept or "admm"
            assert plan.recipe_of(plan.named(name)).method == method
            assert plan.recipe_of(name).method == "admm"
    assert set(PLANS) == set(TASKS)
    with pytest.raises(TaskError, match="unknown variant 'magic'"):
        PLANS["Z2"].recipe_of("csb32+magic")


PLAN = Plan(Recipe(), schemes=("row",), ladder=(2, 3, 4, 5, 6, 8, 10), start=(("", 4),))


def play(tmp_path, result, seeds=(0, 1, 2)):
    """Let the driver choose its tries; ``result(rate, seed)`` says their results."""
    task, records = get("Z2"), Records("Z2", tmp_path)
    for seed in seeds:
        records.add({"kind": "dense", "seed": seed, "metric": "accuracy", "valid": 99.0,
                     "valid_count": 1000})  # fmt: skip
    made = []
    for scheme, rate, seed in tries_to_make(task, records, PLAN, ("row",), seeds):
        assert (rate, seed) not in made
        made.append((rate, seed))
        records.add({"kind": "try", "scheme": scheme, "rate": rate, "seed": seed,
                     "valid": result(rate, seed)})  # fmt: skip
        assert len(made) < 30
    again = Records("Z2", tmp_path)
    assert again.lines == records.lines
    assert not list(tries_to_make(task, again, PLAN, ("row",), seeds))
    return made, lossless(task, again, "row", seeds, PLAN.ladder)


@pytest.mark.parametrize("knee", [1, 2, 3, 4, 5, 6, 8, 10])
def test_the_knee_is_found(tmp_path, knee):
    made, found = play(tmp_path, lambda rate, seed: 99.0 if rate <= knee else 98.0)
    assert found == (knee if knee > 1 else None)
    assert len(made) <= 12


def test_the_mean_decides(tmp_path):
    """Seed 0 alone goes to 6; the others drag the mean down to 4."""
    made, found = play(
        tmp_path,
        lambda rate, seed: 99.0 if rate <= 4 else (98.6 if seed == 0 and rate <= 6 else 98),
    )
    assert found == 4
    assert (6, 1) in made
    _, found = play(
        tmp_path / "b", lambda rate, seed: 99.0 if rate <= (4 if seed == 0 else 8) else 98.4
    )
    assert found == 8  # two good seeds carry the mean


def test_one_seed(tmp_path):
    made, found = play(tmp_path, lambda rate, seed: 99.0 if rate <= 5 else 98.0, seeds=(0,))
    assert found == 5
    assert {seed for _, seed in made} == {0}


def test_first_try_of_a_task(tmp_path):
    records = Records("Z2", tmp_path)
    assert next_try(get("Z2"), records, "row", PLAN, (0,)) == (4, 0)


def test_damaged_records(tmp_path):
    (tmp_path / "z2.jsonl").write_text('{"kind": "dense"}\n{"kind": \n')
    with pytest.raises(TaskError, match="line 2 is damaged; delete it to repeat"):
        Records("Z2", tmp_path)


def test_committed_records_are_sound():
    """Every line has all keys of the report, and no try is there twice."""
    files = sorted(FOLDER.glob("*.jsonl"))
    assert files
    for path in files:
        records = Records(path.stem.upper())
        assert path.stem.upper() in TASKS
        seen = set()
        for line in records.of("try"):
            key = (line["scheme"], line["rate"], line["seed"])
            assert key not in seen
            seen.add(key)
            assert line["kept"] <= line["stored"]
            assert np.isfinite([line["valid"], line["test"], line["nio"] or 0]).all()
            # Circulant blocks store more at the edges of a matrix not divided by them.
            loose = 0.3 if line["scheme"].startswith("circulant") else 0.1
            assert line["achieved"] == pytest.approx(line["rate"], rel=loose)
            json.dumps(line)


def test_script_refuses_an_unknown_task():
    done = subprocess.run(
        [sys.executable, "scripts/prune_table.py", "--tasks", "Z99"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: unknown task 'Z99'; known: Z2")
    assert len(done.stderr.strip().splitlines()) == 1


def test_report_is_current():
    done = subprocess.run(
        [sys.executable, "scripts/prune_report.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ratios_are_of_rates_achieved_and_over_the_same_seeds():
    """Where one scheme has run with one seed only, the first seed alone counts for both."""
    from csb_rnn.experiments.reports.pruning.targets import ratios
    from csb_rnn.experiments.reports.pruning.words import label

    ours = {
        "csb32_4x4": stub(30.0, 32.0),
        "rowcol": stub(15.0, 8.0),
        "bank32": stub(20.0, 20.0, (0,)),
    }
    both = {"Z2": ours, "Z4": {"rowcol": ours["rowcol"]}}
    assert ratios(both, "csb32_4x4", ("rowcol",)) == {"Z2": 2.0}
    assert ratios(both, "csb32_4x4", ("rowcol", "bank32")) == {"Z2": 1.6}
    assert ratios(both, "csb32_4x4", ("rowcol", "bank32"), "knee") == {}
    assert ratios(both, "csb32_4x4", ("circulant",)) == {}
    ours["rowcol"].capped = True  # its search has not ended
    assert ratios(both, "csb32_4x4", ("rowcol",)) == {}
    assert label("csb32_4x4+feedback") == "CSB32, aligned 4x4"
    assert label("csb32_4x4+order+feedback+distil") == "CSB32, aligned 4x4, ordered + distil"


def stub(rate, first, seeds=(0, 1, 2), knee=None):
    """What the report's ratios look at of a scheme's result."""
    return SimpleNamespace(
        seeds=seeds, achieved=rate, each_achieved={0: first}, knee=knee or rate, capped=False
    )


def test_every_scheme_is_told_by_its_best_recipe():
    """Seeds first, then the rate, then the knee; ratios of one recipe are averaged."""
    from csb_rnn.experiments.reports.pruning.targets import paired
    from csb_rnn.experiments.reports.pruning.words import best_of, split_recipe

    few, low, high = stub(50.0, 50.0, (0,)), stub(20.0, 20.0), stub(25.0, 25.0, knee=26.0)
    found = best_of({"": {"csb32": few}, "feedback": {"csb32": low, "row": low}})
    assert found == {"csb32": low, "row": low}
    assert best_of({"a": {"csb32": low}, "b": {"csb32": high}})["csb32"] is high
    later = stub(25.0, 25.0, knee=30.0)
    assert best_of({"a": {"csb32": later}, "b": {"csb32": high}})["csb32"] is later
    of = {
        "a": {"Z2": {"csb32_4x4": stub(20.0, 20.0), "csb32": stub(10.0, 10.0)}},
        "b": {"Z2": {"csb32_4x4": stub(10.0, 10.0), "csb32": stub(80.0, 80.0)}, "Z6": {}},
    }
    assert paired(of, "csb32_4x4", "csb32", "achieved") == {"Z2": pytest.approx(0.5)}
    assert split_recipe("csb32_4x4+order+feedback") == ("csb32_4x4+order", "feedback")
    assert split_recipe("rowcol+joint+feedback") == ("rowcol", "joint feedback")
    assert split_recipe("rowcol+order") == ("rowcol+order", "ADMM")


def test_index_of_what_is_pruned():
    """A matrix of one column that keeps everything does not count, others as they are."""
    records = SimpleNamespace(task="Z5")
    line = {"scheme": "csb32+feedback", "rate": 16, "weights": 512 + 3 * 512 * 128}
    line |= {"kept": 512 + 12000}
    entries = 2500 + 512 + 16  # 16 blocks of 32 x 1
    line["nio"] = entries / line["kept"]
    wanted = 2500 / 12000 / (np.sqrt(3 * 512 * 128 / 12000) / 16)
    assert pruned_index(records, PLANS["Z5"], line, 32) == pytest.approx(wanted)


def test_weights_are_rounded_on_a_power_of_two():
    from csb_rnn.experiments.tasks.kept_models import rounded

    w = np.array([[0.75, -0.3, 1e-5]], np.float32)
    assert (rounded(w, 2) == [[0.75, -0.25, 0]]).all()
    assert np.abs(rounded(w) - w).max() <= 2.0**-15


def test_balance_of_a_pattern_that_is_known():
    """Four blocks, one of them full: a set waits for it."""
    w = np.zeros((16, 16), np.float32)
    w[:8, :8] = 1  # 2 x 2 tiles
    w[:4, 8:12] = 1  # one tile
    found = efficiency([w], 8, (4, 4), (2, 2))
    assert found["barrier"] == found["decoupled"] == pytest.approx(5 / (4 * 4))
    assert found["mean"] == (64 + 16) / 4
    found = efficiency([w], 8, (4, 4), (1, 2))  # two sets: 4 and 1 together, then nothing
    assert found["barrier"] == pytest.approx(5 / (2 * 4))


def test_fixed_outputs_of_a_batch_are_those_of_each_sequence():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    checkpoint = from_state_dict(torch.nn.GRU(3, 8).state_dict())
    c = config.load("paper256")
    network = quantise(network_from_checkpoint(checkpoint), c)
    frames = [rng.normal(size=(t, 3)).astype(np.float32) for t in (4, 9, 1)]
    together = fixed_outputs(network, frames, c)
    for x, y in zip(frames, together, strict=True):
        np.testing.assert_array_equal(y, fixed_outputs(network, [x], c)[0])
        np.testing.assert_allclose(y, float_outputs(checkpoint, [x])[0], atol=2e-3)


@pytest.mark.parametrize(
    ("metric", "items", "values", "within"),
    [
        ("accuracy", 300, (99.0, 98.6667), True),  # an item
        ("accuracy", 300, (99.0, 98.6), False),
        ("accuracy", 1000, (76.5, 76.3), True),  # 0.2 points
        ("accuracy", 1000, (76.5, 76.2), False),
        ("phone error rate", 967, (4.3, 4.51), False),
        ("phone error rate", 967, (4.3, 4.0), True),  # fewer errors
        ("perplexity", 100, (45.0, 45.08), True),
        ("perplexity", 100, (45.0, 45.1), False),
    ],
)
def test_bound_of_narrow_weights(metric, items, values, within):
    task = get("Z4" if "error" in metric else "Z1" if metric == "perplexity" else "Z2")
    wide, narrow = (Score(metric, value, items) for value in values)
    assert near(task, wide, narrow) == within


@pytest.mark.parametrize(("trained", "within"), [((97, 98), True), ((97, 97), False)])
def test_trained_bits_are_judged_by_the_mean(trained, within):
    rows = [
        {"task": "Z2", "scheme": "csb32_4x4+feedback", "rate": 8, "seed": seed, "items": 100,
         "metric": "accuracy", "w16": 98.5, "w8": 90.0, "trained": float(value)}
        for seed, value in enumerate(trained)
    ]  # fmt: skip
    (row,) = trained_bits.means(rows)
    assert (row["seeds"], row["trained"]) == (2, sum(trained) / 2)
    assert (row["within"], row["w8_within"]) == (within, False)
    assert trained_bits.together(rows) == within


def test_a_missing_model_of_trained_bits_is_one_line(tmp_path):
    with pytest.raises(TaskError, match=r"csb32_4x4\+joint\+feedback_r80_s0.npz: no such model"):
        trained_bits.row(trained_bits.CASES[0], 0, tmp_path)


def test_export_of_a_try(tmp_path):
    """What is exported is read back with its result, its order and its record."""
    from csb_rnn.experiments.tasks.kept_models import export

    class Nothing:
        """Judges nothing, always the same."""

        id = "Z2"
        higher_is_better = True

        def evaluate(self, checkpoint, split="test"):
            return Score("accuracy", 99.0, 300)

    records = Records("Z2", tmp_path)
    records.add({"kind": "dense", "seed": 0, "metric": "accuracy", "valid": 99.0, "test": 99.0,
                 "valid_count": 300})  # fmt: skip
    records.add({"kind": "try", "scheme": "csb8_2x2", "rate": 4, "seed": 0, "achieved": 4.0,
                 "valid": 99.0, "test": 98.0, "cpu_seconds": 1.0})  # fmt: skip
    model = torch.nn.GRU(8, 8).state_dict()
    order = {"weight_hh_l0": list(range(24))[::-1]}
    checkpoint = from_state_dict(model, "", {"block": 8, "align": [2, 2], "row_order": order})
    write_checkpoint(tmp_path / "csb8_2x2_r4_s0.npz", checkpoint)
    out = tmp_path / "z2_gru.npz"
    export(Nothing(), records, PLANS["Z2"], "csb8_2x2", 4, tmp_path, out)
    stored = read_checkpoint(out)
    assert stored.csb["result"] == {"metric": "accuracy", "value": 99.0, "count": 300,
                                    "split": "test"}  # fmt: skip
    assert stored.csb["row_order"] == order
    record = json.loads(out.with_suffix(".json").read_text())
    assert (record["rate"], record["target_valid"]) == (4, pytest.approx(99 - 2 / 3))
    with pytest.raises(TaskError, match=r"csb8_2x2_r5_s0\.npz: no such model"):
        export(Nothing(), records, PLANS["Z2"], "csb8_2x2", 5, tmp_path, out)
