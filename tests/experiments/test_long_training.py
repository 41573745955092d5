# SPDX-License-Identifier: Apache-2.0
"""Tasks with a longer training: their batches, their place in the report."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from csb_rnn.experiments.bench.models import MODELS
from csb_rnn.experiments.reports.pruning.published import HEAD, published
from csb_rnn.experiments.reports.pruning.targets import ratios
from csb_rnn.experiments.tasks import get, z2_digits, z4_phones
from csb_rnn.experiments.tasks.base import Task
from csb_rnn.experiments.tasks.plans import LONG, PLANS
from csb_rnn.experiments.tasks.records import Records


@pytest.fixture
def recordings(monkeypatch):
    """Made-up recordings of 3 to 12 frames in the place of Z2's."""
    rng = np.random.default_rng(0)
    some = [rng.normal(size=(n, 39)).astype(np.float32) for n in rng.integers(3, 13, 20)]
    splits = dict.fromkeys(("train", "valid", "test"), (some, rng.integers(0, 10, 20)))
    monkeypatch.setattr(z2_digits, "recordings", lambda: splits)
    z2_digits.statistics.cache_clear()
    yield
    z2_digits.statistics.cache_clear()


def test_a_long_task_is_the_same_model_on_the_same_data():
    for name, longer in LONG.items():
        short, task = get(name), get(longer)
        assert isinstance(task, type(short))
        assert (task.source, task.stands_for) == (short.source, short.stands_for)
        assert PLANS[longer].recipe.epochs > PLANS[name].recipe.epochs
        assert task.epochs > short.epochs


def test_strings_without_packing_give_the_same(recordings):
    """Up to the end of each string; behind it only the one without packing computes."""
    batch = next(get("Z4").batches(torch.Generator().manual_seed(0)))
    torch.manual_seed(0)
    packed, other = (z4_phones.PhoneLstm(packed=p).eval() for p in (True, False))
    other.load_state_dict(packed.state_dict())
    wanted, got = (model(batch[0], batch[1]) for model in (packed, other))
    assert len(set(batch[1].tolist())) > 1
    for i, frames in enumerate(batch[1].tolist()):
        torch.testing.assert_close(got[i, :frames], wanted[i, :frames])


def test_strings_of_like_length_come_together(recordings):
    """Of each four batches none has a string longer than another's shortest but one way round."""
    task = get("Z4L")
    task.batch = 8
    found = [batch[1] for batch in task.batches(torch.Generator().manual_seed(0))]
    assert len(found) == z4_phones.EPOCH == task.steps()
    fours = [found[i : i + 4] for i in range(0, len(found), 4)]
    for four in fours:
        ranges = sorted((int(x.min()), int(x.max())) for x in four)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ranges))
    assert any(int(four[0].min()) > int(four[1].max()) for four in fours)  # in any order


def test_frames_of_long_phones_are_distilled():
    """The distance is none from the same outputs, and Z4 has none at all."""
    scores = torch.randn(2, 5, 20, generator=torch.Generator().manual_seed(0))
    task = get("Z4L")
    assert float(task.distillation(scores, scores)) == pytest.approx(0, abs=1e-6)
    other = scores.flip(-1)
    assert float(task.distillation(scores, other)) == float(Task.distillation(task, scores, other))
    assert get("Z4").distillation(scores, other) is None


def result(rate, recipe="+joint+feedback"):
    """As much of a scheme's result as the report's tables read."""
    return SimpleNamespace(
        scheme=f"csb32_4x4{recipe}", seeds=(0,), rate=rate, achieved=rate, capped=False,
        each={0: rate}, each_achieved={0: rate}, knee=rate, curve={rate or 4: (2.0, 2.0, 1)},
    )  # fmt: skip


def test_the_longer_training_takes_the_place_of_the_shorter():
    """Where it has a ratio; each model counts once."""
    of = {"Z1": {"csb32_4x4": result(4), "unstructured": result(8)}, "Z1L": {}}
    assert ratios(of, "csb32_4x4", ("unstructured",)) == {"Z1": 0.5}
    of["Z1L"] = {"csb32_4x4": result(10), "unstructured": result(8)}
    assert ratios(of, "csb32_4x4", ("unstructured",)) == {"Z1L": 1.25}
    of["Z2"] = of["Z1"]
    assert ratios(of, "csb32_4x4", ("unstructured",)) == {"Z1L": 1.25, "Z2": 0.5}


def test_every_published_rate_has_its_row(tmp_path):
    """``yes`` from the published rate on; models without a stand-in say so."""
    records = {name: Records(name, tmp_path) for name in PLANS}
    line = {"kind": "dense", "seed": 0, "metric": "phone error rate", "valid": 2.0}
    for name in ("Z4", "Z4L"):
        records[name].add({**line, "epochs": [5, 3.0]})
    found = {"Z4": {"csb32_4x4": result(13)}, "Z4L": {"csb32_4x4": result(16)}}
    rows = [line.strip("| ").split(" | ") for line in published(found, records).splitlines()[2:]]
    assert {len(row) for row in rows} == {len(HEAD)}
    assert list(dict.fromkeys(row[0] for row in rows)) == list(MODELS)
    of = {row[3].partition(",")[0]: dict(zip(HEAD, row, strict=True)) for row in rows}
    assert (of["Z4"]["rate there"], of["Z4"]["reaches it"]) == ("13.5x", "**no**")
    assert (of["Z4L"]["rate here, CSB32 aligned"], of["Z4L"]["reaches it"]) == ("16x", "yes")
    assert of["Z4L"]["recipe"] == "joint feedback"
    assert of["Z1L"]["valid"] == "not run"
    assert [row[0] for row in rows if row[3] == "none"] == ["MT2", "SR2", "SC1", "QA"]
