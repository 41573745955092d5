# SPDX-License-Identifier: Apache-2.0
"""Tasks on small stand-in data, the data cache, the scripts, the shipped checkpoints."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from csb_rnn.experiments.tasks import (
    TASKS,
    DataError,
    Score,
    TaskError,
    float_outputs,
    get,
    resume,
    z1_words,
    z2_digits,
    z3_digits_ligru,
    z4_phones,
    z5_price_range,
    z6_sentiment,
    z7_pronunciation,
)
from csb_rnn.experiments.tasks.autoprune import autoprune
from csb_rnn.experiments.tasks.base import Recipe
from csb_rnn.experiments.tasks.gru import gru
from csb_rnn.experiments.tasks.lossless import limit, meets
from csb_rnn.experiments.tasks.training import (
    fit,
    prune_model,
    spread_rate,
    to_checkpoint,
    train_dense,
)
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.pruning import AdmmPruner, make_scheme
from tests.experiments.farm_jobs import made_up_recordings

torch.set_num_threads(1)  # tests run side by side

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "checkpoints").glob("*.npz"))


@pytest.fixture
def digits(monkeypatch):
    """Z2 on made-up recordings."""
    splits = made_up_recordings()
    monkeypatch.setattr(z2_digits, "recordings", lambda: splits)
    z2_digits.statistics.cache_clear()
    task = get("z2")
    monkeypatch.setattr(task, "model", lambda: z2_digits.DigitGru(hidden=32))
    monkeypatch.setattr(task, "epochs", 2)
    yield task
    z2_digits.statistics.cache_clear()


@pytest.fixture
def lines(monkeypatch):
    """Z6 on made-up sentences."""
    rng = np.random.default_rng(0)
    splits = {}
    for name, count in {"train": 40, "valid": 12, "test": 12}.items():
        labels = rng.integers(0, 2, count)
        words = [rng.integers(1, 15, rng.integers(1, 9)) + 15 * label for label in labels]
        splits[name] = (words, labels.astype(np.int64))
    monkeypatch.setattr(z6_sentiment, "sentences", lambda: (splits, 30))
    monkeypatch.setattr(z6_sentiment, "HIDDEN", 32)
    return get("Z6")


@pytest.mark.parametrize("name", ["digits", "lines"])
def test_interface(name, request):
    task = request.getfixturevalue(name)
    model = train_dense(task, seed=1, epochs=2)
    checkpoint = to_checkpoint(task, model)
    assert checkpoint.csb["task"] == task.id
    assert checkpoint.prefix == "rnn."
    frames = task.frames(checkpoint, "test")
    assert len(frames) == task.sizes()["test"]
    assert all(f.dtype == np.float32 and f.shape[1] == checkpoint.layers[0].inputs for f in frames)
    outputs = float_outputs(checkpoint, frames)
    score = task.score(checkpoint, outputs)
    assert isinstance(score, Score)
    assert score.items == 12
    assert score == task.evaluate(checkpoint)
    assert task.score(checkpoint, outputs[:5]).items == 5  # the first items are enough
    # The interface and the model give the same.
    model.eval()
    features, labels = (
        z2_digits.recordings() if name == "digits" else z6_sentiment.sentences()[0]
    )["test"]
    with torch.no_grad():
        hits = sum(
            int(model(torch.from_numpy(x)[None], torch.tensor([len(x)])).argmax()) == label
            for x, label in zip(features, labels, strict=True)
        )
    assert score.value == pytest.approx(100 * hits / 12)


def test_bad_outputs(digits):
    checkpoint = to_checkpoint(digits, digits.model())
    outputs = float_outputs(checkpoint, digits.frames(checkpoint))
    with pytest.raises(TaskError, match="expected 1 to 12 output sequences, got 0"):
        digits.score(checkpoint, [])
    with pytest.raises(TaskError, match="sequence 1: expected outputs of shape"):
        digits.score(checkpoint, [outputs[0], outputs[1][:-1]])
    with pytest.raises(TaskError, match="unknown split 'all'"):
        digits.frames(checkpoint, "all")
    bare = type(checkpoint)(checkpoint.tensors, checkpoint.cell, checkpoint.layers)
    with pytest.raises(CheckpointError, match=r"norm\.mean: missing"):
        digits.frames(bare)


def test_training_is_deterministic(digits):
    first, second = (train_dense(digits, seed=3, epochs=1) for _ in range(2))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sensitive": True},
        {"method": "feedback", "by_gate": True, "sensitive": True},
        {"method": "feedback", "weight_bits": 8},
    ],
    ids=["admm", "sensitive", "feedback, by gate", "8-bit weights"],
)
def test_prune_model_meets_the_rate(digits, change):
    model = train_dense(digits, epochs=1)
    recipe = Recipe(admm_epochs=2, retrain_epochs=1, **change)
    seen = []
    pruner = prune_model(
        digits, model, make_scheme("csb", 16, (2, 2)), 8, recipe, on_hard=seen.append
    )
    checkpoint = to_checkpoint(digits, model, block=16, align=[2, 2])
    assert abs(checkpoint.rate / 8 - 1) < 0.02
    assert pruner.hardened
    assert seen == [pruner]
    assert bool(pruner.worth) == recipe.sensitive


class StopError(Exception):
    """The machine stops."""


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("reorder", [False, True])
def test_a_stopped_try_goes_on_bit_for_bit(digits, tmp_path, monkeypatch, reorder, epoch):
    recipe = Recipe(2, 2, method="feedback", sensitive=True, reorder=reorder)

    def prune(keep):
        model = train_dense(digits, epochs=1)
        scheme = make_scheme("csb", 16, (2, 2))
        pruner = prune_model(digits, model, scheme, 8, recipe, teacher=digits.model(), keep=keep)
        return {**model.state_dict(), **{f"z {n}": z for n, z in pruner.z.items()}}

    torch.manual_seed(0)
    whole = prune(None)
    steps, calls, logits = digits.steps(), 0, digits.logits

    def stopping(model, some):
        nonlocal calls
        calls += 1
        if calls > stop:
            raise StopError
        return logits(model, some)

    stop = steps + 2 * epoch * steps  # in the second epoch of pruning, or of retraining
    monkeypatch.setattr(digits, "logits", stopping)
    with pytest.raises(StopError):
        prune(tmp_path / "try")
    monkeypatch.setattr(digits, "logits", logits)
    monkeypatch.setattr(resume, "_RUN", "another process")
    kept = sorted(p.name for p in (tmp_path / "try").iterdir())
    assert kept == (["prune.pt"] if epoch == 1 else ["prune.pt", "retrain.pt"])
    torch.manual_seed(0)
    again = prune(tmp_path / "try")
    for name, value in whole.items():
        assert torch.equal(value, again[name]), name
    assert resume.forget(tmp_path / "try") > 0  # seconds of the process that stopped
    assert not (tmp_path / "try").exists()


def test_unknown_method_is_one_clear_line(digits):
    from csb_rnn.pruning import PruningError

    with pytest.raises(PruningError, match="unknown method 'magic'; known: admm, feedback"):
        prune_model(digits, digits.model(), make_scheme("row"), 8, Recipe(method="magic"))


def test_diverging_training_is_one_clear_line(digits):
    from csb_rnn.pruning import PruningError

    model = digits.model()
    with torch.no_grad():
        model.head.weight.fill_(float("nan"))
    with pytest.raises(PruningError, match="the loss is nan"):
        fit(digits, model, 1, 1e-3, 0)


def test_autoprune_records_and_resumes(digits, tmp_path):
    recipe = Recipe(admm_epochs=1, retrain_epochs=1)
    arguments = {"init_rate": 2.0, "step": 2.0, "cap": 2, "recipe": recipe, "folder": tmp_path}
    scheme = make_scheme("csb", 16)
    _, record, _ = autoprune(digits, scheme, log=lambda line: None, **arguments)
    said = []
    _, again, _ = autoprune(digits, scheme, log=said.append, **arguments)
    assert again == record
    assert all("(recorded)" in line for line in said[1:])
    json.dumps(record)
    assert len(record["tries"]) == 2


@pytest.mark.parametrize("start", [False, True])
def test_gru_is_torchs(start):
    """Outputs, last states and all gradients, sequences of several lengths."""
    torch.manual_seed(0)
    rnn = torch.nn.GRU(5, 12, batch_first=True).double()
    x = torch.randn(4, 7, 5, dtype=torch.double, requires_grad=True)
    h0 = torch.randn(4, 12, dtype=torch.double, requires_grad=True) if start else None
    lengths = torch.tensor([3, 7, 1, 6])
    found = []
    for ours in (False, True):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        if ours:
            outputs, last = gru(rnn, packed, h0)
        else:
            outputs, last = rnn(packed, None if h0 is None else h0[None])
            last = last[0]
        values = [outputs.data, last]
        leaves = [x, *rnn.parameters(), *([h0] if start else [])]
        loss = (outputs.data.sin().sum() + last.square().sum()) / 3
        found.append([*values, *torch.autograd.grad(loss, leaves)])
    for want, got in zip(*found, strict=True):
        torch.testing.assert_close(got, want)


def test_ligru_folds_its_batch_norm(digits):
    task = get("Z3")
    torch.manual_seed(0)
    model = z3_digits_ligru.DigitLiGru(hidden=24)
    fit(task, model, 1, 1e-2, 0)  # running statistics away from their start
    checkpoint = to_checkpoint(task, model)
    assert (checkpoint.cell, checkpoint.layers[0].hidden) == ("ligru", 24)
    frames = task.frames(checkpoint)
    outputs = float_outputs(checkpoint, frames)
    with torch.no_grad():
        for x, output in zip(z2_digits.recordings()["test"][0], outputs, strict=True):
            wanted = model.rnn(model.norm(torch.from_numpy(x))[None])[0][0]
            np.testing.assert_allclose(output, wanted.numpy(), atol=1e-5)
    assert task.score(checkpoint, outputs).items == 12


def test_phone_strings(digits):
    assert len(z4_phones.PHONES) == 19
    for a, b, distance in (("", "abc", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)):
        assert z4_phones.edit_distance(a, b) == distance
    z4_phones.strings.cache_clear()
    task = get("Z4")
    checkpoint = to_checkpoint(task, task.model())
    assert checkpoint.layers[0].proj == z4_phones.PROJECTION
    score = task.evaluate(checkpoint, limit=2)
    assert score.metric == "phone error rate"
    assert sum(len(x) for x, _ in z4_phones.strings("test")) == sum(
        len(x) for x in z2_digits.recordings()["test"][0]
    )
    batch = next(task.batches(torch.Generator().manual_seed(0)))
    assert torch.isfinite(task.loss(task.logits(task.model(), batch), batch))
    z4_phones.strings.cache_clear()


def test_price_range(monkeypatch):
    rng = np.random.default_rng(0)
    part = (rng.normal(size=(20, 30, 1)).astype(np.float32), rng.normal(size=20).astype(np.float32))
    monkeypatch.setattr(
        z5_price_range, "windows", lambda: dict.fromkeys(("train", "valid", "test"), part)
    )
    task = get("Z5")
    model = train_dense(task, epochs=1)
    checkpoint = to_checkpoint(task, model)
    with torch.no_grad():
        guess = model(torch.from_numpy(part[0]))[:, 0].numpy()
    wanted = 1 - ((guess - part[1]) ** 2).sum() / ((part[1] - part[1].mean()) ** 2).sum()
    assert task.evaluate(checkpoint).value == pytest.approx(float(wanted), abs=1e-4)


def test_language_model(monkeypatch):
    rng = np.random.default_rng(0)
    text = {
        k: [rng.integers(0, z1_words.VOCABULARY, n) for n in (400, 30)]
        for k in ("train", "valid", "test")
    }
    monkeypatch.setattr(z1_words, "chapters", lambda: text)
    z1_words.pieces.cache_clear()
    task = get("Z1")
    monkeypatch.setattr(task, "batch", 4)
    model = train_dense(task, epochs=1)
    checkpoint = to_checkpoint(task, model)
    assert [len(x) for x in task.frames(checkpoint)] == [320, 79, 29]
    score = task.evaluate(checkpoint, limit=1)
    words = torch.from_numpy(z1_words.pieces("test")[0])[None]
    with torch.no_grad():
        loss = torch.nn.functional.cross_entropy(model(words[:, :-1], True)[0], words[0, 1:])
    assert score.items == 320
    assert score.value == pytest.approx(float(loss.exp()), rel=1e-4)
    z1_words.pieces.cache_clear()


def test_letters_to_phonemes(monkeypatch):
    rng = np.random.default_rng(0)
    shapes = {"enc_emb": (29, 256), "dec_emb": (74, 256), "fc_w": (74, 256), "fc_b": (74,)}
    for stem in ("enc", "dec"):
        shapes |= {f"{stem}_w_ih": (768, 256), f"{stem}_w_hh": (768, 256)}
        shapes |= {f"{stem}_b_ih": (768,), f"{stem}_b_hh": (768,)}
    arrays = {k: rng.normal(size=s, scale=0.2).astype(np.float32) for k, s in shapes.items()}
    items = [(rng.integers(3, 29, 5), [int(p) for p in rng.integers(4, 74, 4)]) for _ in range(6)]
    monkeypatch.setattr(z7_pronunciation, "shipped", lambda: arrays)
    monkeypatch.setattr(
        z7_pronunciation, "words", lambda: dict.fromkeys(("train", "valid", "test"), items)
    )
    task = get("Z7")
    model = task.model()
    checkpoint = to_checkpoint(task, model)
    score = task.evaluate(checkpoint)
    assert (score.metric, score.items) == ("phoneme error rate", 24)
    assert task.judge([want for _, want in items]).value == 0
    decoder = z7_pronunciation.decoder_checkpoint(checkpoint)
    np.testing.assert_array_equal(decoder.tensors["weight_hh_l0"], arrays["dec_w_hh"])
    # The first phoneme is the model's own likeliest.
    outputs = float_outputs(checkpoint, task.frames(checkpoint))
    spoken = task.decode(checkpoint, np.stack([o[-1] for o in outputs]))
    with torch.no_grad():
        for (letters, _), got in zip(items, spoken, strict=True):
            start = torch.tensor([[z7_pronunciation.START]])
            scores = model(torch.from_numpy(letters)[None], torch.tensor([len(letters)]), start)
            first = int(scores[0, 0].argmax())
            assert (got[:1] or [z7_pronunciation.STOP]) == [first]


def test_rates_by_matrix_keep_the_budget(digits):
    pruner = AdmmPruner(digits.model(), make_scheme("csb", 16), 1)
    pruner.params = {"rnn.weight_ih_l0": torch.ones(96, 10), "rnn.weight_hh_l0": torch.ones(96, 32)}
    sizes = {name: p.numel() for name, p in pruner.params.items()}
    for factor, first in ((1, 10), (2, 5), (4, 960 / (96 * 4.2 / 2))):
        rates = spread_rate({n: p.numel() for n, p in pruner.params.items()}, 10, factor)
        assert rates["rnn.weight_ih_l0"] == pytest.approx(first)
        kept = sum(size / rates[name] for name, size in sizes.items())
        assert kept == pytest.approx(sum(sizes.values()) / 10)


def test_lossless_limits():
    task = get("Z2")
    assert limit(task, Score("accuracy", 99.0, 300)) == pytest.approx(99 - 200 / 300)
    assert limit(task, Score("accuracy", 80.0, 1000)) == 79.5
    assert limit(task, Score("perplexity", 50.0, 1000)) == pytest.approx(50.75)


@pytest.mark.parametrize("higher", [True, False])
def test_rounding_does_not_decide_what_is_lossless(higher: bool) -> None:
    task = SimpleNamespace(higher_is_better=higher)
    worse = -1 if higher else 1
    assert meets(task, 90.0 + worse * 1e-12, 90.0)
    assert not meets(task, 90.0 + worse * 1e-6, 90.0)
    assert meets(task, 90.0 - worse * 1e-6, 90.0)


def test_registry():
    with pytest.raises(TaskError, match="unknown task 'Z99'; known: "):
        get("Z99")
    for name in TASKS:
        task = get(name)
        assert task.id == name
        assert task.source
        assert task.licence


def script(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_prune_script(tmp_path):
    torch.manual_seed(0)
    torch.save(torch.nn.LSTM(40, 48).state_dict(), tmp_path / "dense.pt")
    out = tmp_path / "pruned.npz"
    done = script(
        "scripts/prune.py",
        tmp_path / "dense.pt",
        "--block",
        16,
        "--rate",
        6,
        "--align",
        "2x2",
        "--out",
        out,
    )
    assert done.returncode == 0, done.stderr
    checkpoint = read_checkpoint(out)
    assert abs(checkpoint.rate / 6 - 1) <= 0.01
    assert checkpoint.csb["block"] == 16
    assert checkpoint.csb["align"] == [2, 2]
    for arguments, message in [
        ((tmp_path / "none.pt", "--rate", 6), "no such file"),
        ((tmp_path / "dense.pt", "--rate", 0.5), "expected a rate of at least 1"),
        ((tmp_path / "dense.pt", "--rate", 6, "--block", 500), "weight_ih_l0: block 500 is larger"),
        ((tmp_path / "dense.pt", "--rate", 6, "--align", "4"), "expected PxQ"),
    ]:
        done = script("scripts/prune.py", *arguments, "--out", tmp_path / "bad.npz")
        assert done.returncode == 2
        assert message in done.stderr.splitlines()[-1]
        assert not (tmp_path / "bad.npz").exists()


def test_scripts_refuse_an_unknown_task():
    for name in ("train", "autoprune"):
        done = script(f"scripts/{name}.py", "--task", "Z99")
        assert done.returncode == 2
        assert done.stderr.strip().splitlines() == [
            f"error: unknown task 'Z99'; known: {', '.join(TASKS)}"
        ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_checkpoints(path, tmp_path):
    checkpoint = read_checkpoint(path)
    csb = checkpoint.csb
    assert csb["rate"] == pytest.approx(checkpoint.rate, rel=1e-3)
    assert checkpoint.rate >= (8 if csb["task"] in ("Z2", "Z6") else 2)
    record = json.loads(path.with_suffix(".json").read_text())
    chosen = [t for t in record["tries"] if t["rate"] == record["rate"]]
    # Lossless, or said not to be.
    good = meets(get(csb["task"]), chosen[-1]["valid"], record["target_valid"])
    assert good == record.get("lossless", True)
    assert csb["align"] == [4, 4]
    assert csb["block"] == 32
    assert {"metric", "value", "count"} <= set(csb["result"])
    bare = type(checkpoint)(checkpoint.tensors, checkpoint.cell, checkpoint.layers)
    write_checkpoint(tmp_path / "bare.npz", bare)
    assert (tmp_path / "bare.npz").stat().st_size <= 300_000


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_results(path):
    """The result recorded in a checkpoint is what its task gives, on real data."""
    checkpoint = read_checkpoint(path)
    task = get(checkpoint.csb["task"])
    try:
        score = task.evaluate(checkpoint)
    except DataError as error:
        pytest.skip(str(error))
    recorded = checkpoint.csb["result"]
    assert (score.metric, score.items) == (recorded["metric"], recorded["count"])
    assert score.value == pytest.approx(recorded["value"], abs=100 / score.items + 1e-3)
