# SPDX-License-Identifier: Apache-2.0
"""The public API: modules, state dicts and files in; cycles, exact outputs and states out."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import csb_rnn
from csb_rnn.errors import CsbError, UsageError

X = np.random.default_rng(0).normal(size=(2, 6, 5)).astype(np.float32)


def lstm(**options):
    torch.manual_seed(0)
    return torch.nn.LSTM(5, 9, batch_first=True, **options).eval()


def test_import_needs_no_torch():
    """Names of the API are there before their homes are imported."""
    code = "import csb_rnn, sys; assert 'build' in dir(csb_rnn); print('torch' in sys.modules)"
    code += "; csb_rnn.build; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
    with pytest.raises(AttributeError, match="no attribute 'bild'"):
        csb_rnn.bild  # noqa: B018


def test_three_lines():
    """From nn.LSTM to predicted cycles and exact outputs, no file."""
    build = csb_rnn.build(lstm(), config="tiny")
    cycles = build.predict().cycles
    fixed = build.run_fixed(X[0])
    assert cycles > 0
    want = lstm()(torch.from_numpy(X[0]))[0].detach().numpy()
    assert np.abs(fixed.outputs - want).max() < 2e-3
    assert np.abs(build.run_float(X[0]).outputs - want).max() < 1e-6


@pytest.mark.sims("verilator")
@pytest.mark.parametrize("both", [False, True])
def test_simulation_equals_the_models(sim, both, tmp_path):
    """A batch of sequences, with initial states, in one and in both directions."""
    build = csb_rnn.build(lstm(bidirectional=both), config="tiny", calibrate=X)
    start = {k: np.full((2, 9), 0.25) for k in build.run_fixed(X).state}
    run = build.simulate(X, start, sim=sim, out=tmp_path / "out")
    assert run.mismatches == 0
    assert run.cycles == pytest.approx(build.predict().cycles, rel=0.3)  # six frames
    fixed = build.run_fixed(X, start)
    assert np.array_equal(run.outputs, fixed.outputs)
    assert run.outputs.shape == (2, 6, 18 if both else 9)
    assert all(np.array_equal(run.state[k], v) for k, v in fixed.state.items())
    assert (tmp_path / "out/run1/report.json").is_file()


@pytest.mark.sims("verilator")
def test_streams_take_turns(sim):
    """Two streams on the machine give the outputs of two sequences."""
    build = csb_rnn.build(lstm(), config="tiny", streams=2)
    run = build.simulate(X, sim=sim)
    assert run.mismatches == 0
    assert np.array_equal(run.outputs, build.run_fixed(X).outputs)
    with pytest.raises(UsageError, match="3 sequences: the build takes 2 at a time"):
        build.simulate(np.concatenate([X, X[:1]]), sim=sim)


def test_folder_gives_the_same_build(tmp_path):
    build = csb_rnn.build(lstm(), config="tiny", initial={"h_l0": np.full(9, 0.5)})
    build.save(tmp_path / "image")
    loaded = csb_rnn.load(tmp_path / "image")
    assert loaded.predict() == build.predict()
    assert np.array_equal(loaded.run_fixed(X).outputs, build.run_fixed(X).outputs)
    assert np.array_equal(loaded.run_float(X).outputs, build.run_float(X).outputs)


def test_prediction_of_the_compiled_program():
    """Memory is that of the sections; a model in both directions takes the sum of its parts."""
    one, two = (csb_rnn.build(lstm(bidirectional=b), config="tiny") for b in (False, True))
    memory = one.predict().memory
    part = one.record.part
    assert memory["pegroup"].used == max(len(g) for g in part.compiled().groups)
    assert memory["pegroup"].depth == one.record.config.weight_depth
    assert memory["state"].used == part.compiled().state_stride > 0
    assert all(m.used <= m.depth for m in memory.values())
    assert one.predict().bound == "dependences"
    assert two.predict().cycles > 1.5 * one.predict().cycles


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_quantised_module_has_the_interface_of_the_original(kind, batch_first):
    torch.manual_seed(1)
    module = getattr(torch.nn, kind)(5, 9, 2, batch_first=batch_first, bidirectional=True).eval()
    machine = csb_rnn.quantised(module, config="tiny", calibrate=X)
    x = torch.from_numpy(X if batch_first else X.swapaxes(0, 1).copy())
    hx = 0.5 * torch.ones(4, 2, 9)
    start = (hx, hx) if kind == "LSTM" else hx
    for given in (None, start):
        want, end = module(x, given)
        got, last = machine(x, given)
        assert got.shape == want.shape
        assert (got - want).abs().max() < 2e-3
        for a, b in zip(last, end, strict=True):
            assert a.shape == b.shape
            assert (a - b).abs().max() < 2e-3
    assert machine(x[:, 0] if not batch_first else x[0])[0].ndim == 2
    with pytest.raises(UsageError, match="states: expected"):
        machine(x, (hx, hx, hx))


def test_prune_in_place():
    module = torch.nn.Sequential(lstm())
    before = {k: v.clone() for k, v in module.state_dict().items()}
    pruned = csb_rnn.prune(module, rate=3, block=4)
    assert pruned.rate == pytest.approx(3, rel=0.15)
    assert [m.name for m in pruned] == ["0.weight_ih_l0", "0.weight_hh_l0"]
    for name, value in module.state_dict().items():
        kept = value != 0
        assert torch.equal(value[kept], before[name][kept]), name
    assert "energy" in str(pruned)
    build = csb_rnn.build(module.state_dict(), config="tiny", prefix="0.", block=4)
    assert build.record.kept_weights == sum(m.kept for m in pruned)


TAKES = {
    "run_fixed": lambda made, v: made.run_fixed(v),
    "run_float": lambda made, v: made.run_float(v),
    "a state of run_fixed": lambda made, v: made.run_fixed(X, {"h_l0": v}),
    "a state of run_float": lambda made, v: made.run_float(X, {"h_l0": v}),
    "states": lambda made, v: made.run_float(X, v),
    "sim": lambda made, v: made.simulate(X, sim=v),
    "save": lambda made, v: made.save(v),
    "load": lambda made, v: csb_rnn.load(v),
    "read": lambda made, v: csb_rnn.read(v),
    "a tensor": lambda made, v: csb_rnn.read({**lstm().state_dict(), "weight_ih_l0": v}),
    "config": lambda made, v: csb_rnn.build(lstm(), config=v),
    "calibrate": lambda made, v: csb_rnn.build(lstm(), config="tiny", calibrate=v),
    "initial": lambda made, v: csb_rnn.build(lstm(), config="tiny", initial=v),
    "streams": lambda made, v: csb_rnn.build(lstm(), config="tiny", streams=v),
    "block": lambda made, v: csb_rnn.build(lstm(), config="tiny", block=v),
    "sharing": lambda made, v: csb_rnn.build(lstm(), config="tiny", sharing=v),
    "prefix": lambda made, v: csb_rnn.read(lstm().state_dict(), prefix=v),
    "cell": lambda made, v: csb_rnn.read(lstm().state_dict(), cell=v),
    "prune": lambda made, v: csb_rnn.prune(v, rate=2),
    "rate": lambda made, v: csb_rnn.prune(lstm(), rate=v),
    "align": lambda made, v: csb_rnn.prune(lstm(), rate=2, block=4, align=(v, 1)),
    "classes": lambda made, v: csb_rnn.prune(lstm(), rate=2, block=4, classes=v),
    "data": lambda made, v: csb_rnn.prune(lstm(), rate=2, block=4, data=v),
    "refine": lambda made, v: csb_rnn.prune(lstm(), rate=2, block=4, data=X, refine=v),
    "Pruner": lambda made, v: csb_rnn.Pruner(v, rate=2),
    "scheme": lambda made, v: csb_rnn.Pruner(lstm(), v, rate=2),
    "a rate": lambda made, v: csb_rnn.Pruner(lstm(), rate={"weight_ih_l0": v, "weight_hh_l0": 2}),
    "gates": lambda made, v: csb_rnn.Pruner(lstm(), rate=2, gates=v),
    "quantised": lambda made, v: csb_rnn.quantised(v, config="tiny"),
    "configs": lambda made, v: csb_rnn.explore(lstm(), configs=[v]),
    "rates": lambda made, v: csb_rnn.explore(lstm(), configs=["tiny"], rates=[v]),
    "clock": lambda made, v: csb_rnn.explore(lstm(), configs=["tiny"], clock=v),
}
ODD = {
    "text": "a\0b",
    "an object": object(),
    "rows of two lengths": [[1, 2], [3]],
    "an array of text": np.full((6, 5), "a"),
    "a set": {1},
}


@pytest.fixture(scope="module")
def made():
    return csb_rnn.build(lstm(), config="tiny")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("argument", TAKES)
def test_an_argument_of_another_kind_is_one_line(made, argument, odd):
    with pytest.raises(CsbError) as caught:
        TAKES[argument](made, ODD[odd])
    assert re.fullmatch(r".{8,300}", str(caught.value))


def test_arrays_may_be_tensors(made):
    """Of numpy or torch, with a gradient or of 16 bits: the numbers count. An example may be an
    array of numpy, of 64 bits as numpy makes them."""
    want = made.run_fixed(X, {"h_l0": np.full(9, 0.25)}).outputs
    x = torch.from_numpy(X).requires_grad_()
    got = made.run_fixed(x, {"h_l0": torch.full((9,), 0.25, dtype=torch.bfloat16)})
    assert np.array_equal(got.outputs, want)
    module = torch.nn.Sequential(torch.nn.Linear(5, 5), torch.nn.Tanh()).eval()
    sizes = csb_rnn.api.sources._as_tensor(module, X.astype(np.float64))
    assert sizes.dtype == torch.float32
    assert torch.equal(sizes, x)


@pytest.mark.parametrize(
    ("package", "code", "line"),
    [
        ("torch", "csb_rnn.prune", "torch: not installed; pip install 'csb-rnn[prune]'"),
        ("torch", "csb_rnn.read('m.pt')", "torch: not installed; pip install 'csb-rnn[prune]'"),
        ("onnx", "csb_rnn.read('m.onnx')", "onnx: not installed; pip install 'csb-rnn[onnx]'"),
    ],
)
def test_a_missing_package_is_named(tmp_path, monkeypatch, package, code, line):
    """As if it were not installed: ``None`` in ``sys.modules`` stops its import."""
    monkeypatch.chdir(tmp_path)
    for name in ("m.pt", "m.onnx"):
        (tmp_path / name).write_bytes(b"")
    text = f"import sys; sys.modules['{package}'] = None; import csb_rnn\ntry: {code}\n"
    text += "except csb_rnn.errors.CsbError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == line


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: csb_rnn.build(torch.nn.Linear(2, 2), config="tiny"), "expected a torch.nn.LSTM"),
        (lambda: csb_rnn.build(lstm(), config="none"), "unknown configuration"),
        (lambda: csb_rnn.build(lstm(), config="tiny", prefix="a"), "a module says them itself"),
        (lambda: csb_rnn.build({}, config="tiny"), "weight"),
        (lambda: csb_rnn.build("none.pt", config="tiny"), "no such file"),
        (lambda: csb_rnn.build(lstm(), config="tiny").run_fixed(X[0, 0]), "inputs have shape"),
        (lambda: csb_rnn.build(lstm(), config="tiny").run_fixed(X * np.nan), "NaN or infinity"),
        (lambda: csb_rnn.build(lstm(), config="tiny").run_fixed(X, {"h": 0}), "state 'h'"),
        (lambda: csb_rnn.build(lstm(), config="tiny", streams=9), "9 streams"),
        (lambda: csb_rnn.build(lstm(), config="tiny", initial={"x": [0]}), "unknown state 'x'"),
        (lambda: csb_rnn.prune(torch.nn.Linear(2, 2), rate=2), "no recurrent weight"),
        (lambda: csb_rnn.prune(lstm(), rate=0.5), "rate"),
    ],
)
def test_bad_input_is_one_line(call, words):
    with pytest.raises(CsbError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_programs_are_named(monkeypatch):
    build = csb_rnn.build(lstm(), config="tiny")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UsageError, match="iverilog: not installed; on Debian: apt-get install"):
        build.simulate(X, sim="icarus")


class Tagger(torch.nn.Module):
    """Embedding, convolution and norm before the engine, softmax behind it, states as outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(20, 4)
        self.conv = torch.nn.Conv1d(4, 4, 3, padding=1)
        self.norm = torch.nn.LayerNorm(4)
        self.rnn = torch.nn.LSTM(4, 6, batch_first=True)
        self.head = torch.nn.Linear(6, 3)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        v = self.norm(self.conv(self.table(ids).transpose(1, 2)).transpose(1, 2))
        frames, (h, c) = self.rnn(v)
        return torch.softmax(self.head(frames[:, -1]), -1), h, c


@pytest.mark.sims("verilator")
def test_host_parts_run_around_every_model(sim, tmp_path):
    """The outputs of the user's module come out of the float model, the fixed one and the RTL."""
    torch.manual_seed(0)
    module = Tagger().eval()
    ids = torch.randint(0, 20, (2, 5))
    build = csb_rnn.build(module, example=ids, config="tiny", calibrate=ids.numpy())
    with torch.no_grad():
        want = [w.numpy() for w in module(ids)]
    got = build.run_float(ids.numpy())
    assert got.outputs is next(iter(got.named.values()))
    for one, other in zip(got.named.values(), want, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-5
    fixed = build.run_fixed(ids.numpy())
    for one, other in zip(fixed.named.values(), want, strict=True):
        assert 0 < np.abs(one - other).max() < 2**-8
    build.save(tmp_path / "image")
    loaded = csb_rnn.load(tmp_path / "image")
    again = loaded.run_float(ids.numpy())
    assert all(np.array_equal(again.named[name], value) for name, value in got.named.items())
    run = loaded.simulate({"x": ids.numpy()}, sim=sim)
    assert (run.mismatches, len(run.reports)) == (0, 2)
    for name, value in fixed.named.items():
        assert np.array_equal(run.named[name], value)
    assert run.state["h_l0"].shape == (2, 6)
    with pytest.raises(csb_rnn.errors.CsbError, match="inputs are y; the file takes x"):
        loaded.run_fixed({"y": ids.numpy()})


@pytest.mark.sims("verilator")
def test_sequences_of_their_own_length(sim, tmp_path):
    """A packed batch: every sequence ends at its own frame, in both directions."""
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    class Packed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(3, 4, 2, batch_first=True, bidirectional=True)
            self.head = torch.nn.Linear(8, 2)

        def forward(self, x: torch.Tensor, n: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            packed = pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False)
            y, h = self.rnn(packed)
            return self.head(pad_packed_sequence(y, batch_first=True)[0]), h

    torch.manual_seed(0)
    module = Packed().eval()
    x, n = torch.randn(3, 6, 3), torch.tensor([4, 6, 2])
    path = tmp_path / "m.onnx"
    axes = {"x": {0: "batch", 1: "time"}, "n": {0: "batch"}}
    torch.onnx.export(module, (x, n), path, input_names=["x", "n"], dynamic_axes=axes, dynamo=False)
    feeds = {"x": x.numpy(), "n": n.numpy()}
    build = csb_rnn.build(path, config="tiny", calibrate=feeds, streams=2)
    with torch.no_grad():
        want = [w.numpy() for w in module(x, n)]
    for one, other in zip(build.run_float((x, n)).named.values(), want, strict=True):
        assert np.abs(one - other).max() < 1e-5
    fixed = build.run_fixed(feeds)
    run = build.simulate(feeds, sim=sim)
    assert (run.mismatches, len(run.reports)) == (0, 3)
    for name, value in fixed.named.items():
        assert np.array_equal(run.named[name], value)
    with pytest.raises(csb_rnn.errors.CsbError, match="sequence 0 has 7 frames; expected 1 to 6"):
        build.run_fixed({**feeds, "n": np.array([7, 6, 2])})


@pytest.mark.parametrize("kind", ["prune", "Pruner"])
def test_pruning_for_a_configuration(kind, tmp_path, caplog):
    """A name of a configuration gives alignment and classes; its machine takes the file without a
    word. Without them one line says the cost."""
    for name in ("small", "paper256_cols"):
        torch.manual_seed(0)
        module = torch.nn.LSTM(24, 128)
        if kind == "prune":
            done = csb_rnn.prune(module, rate=4, config=name)
        else:
            pruner = csb_rnn.Pruner(module, rate=4, config=name)
            pruner.harden()
            done = pruner.pruned()
        done.save(tmp_path / "m.pt")
        caplog.clear()
        csb_rnn.build(tmp_path / "m.pt", config="paper256_cols")
        said = [r.getMessage() for r in caplog.records if "shares columns" in r.getMessage()]
        assert len(said) == (name == "small")
        assert done.metadata["align"] == [4, 4]
        assert ("classes" in done.metadata) == (name != "small")


def test_little_energy_is_a_warning():
    assert csb_rnn.prune(lstm(), rate=1.2, block=4).warning is None
    warning = csb_rnn.prune(lstm(), rate=8, block=4).warning
    assert "without training" in warning
    assert "\n" not in warning
