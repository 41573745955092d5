# SPDX-License-Identifier: Apache-2.0
"""Pruned models as files: they load back into the module they are of, with metadata beside."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

import csb_rnn
from csb_rnn.network.checkpoint_files import read_checkpoint
from csb_rnn.network.pruned_file import rewrite
from csb_rnn.pruning import AdmmPruner, FeedbackPruner, PruningError, make_scheme
from csb_rnn.pruning.oneshot import prune_checkpoint
from csb_rnn.pruning.schemes import Csb
from tests.pruning.class_masks import check

BLOCK = 8
SCHEME = Csb(BLOCK, (1, 2), machine=4)


def load(path: Path) -> dict[str, torch.Tensor]:
    """The state dict of a file, by the library of its format."""
    if path.suffix == ".pt":
        return torch.load(path, weights_only=True)
    from safetensors.torch import load_file

    return load_file(path)


class Tagger(nn.Module):
    """A recurrent layer between an embedding and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 16)
        self.rnn = nn.GRU(16, 32)
        self.head = nn.Linear(32, 3)


def tagger(seed: int) -> Tagger:
    torch.manual_seed(seed)
    return Tagger()


def prune_file(source: Path, target: Path) -> None:
    """As ``csb-rnn prune`` does."""
    rewrite(source, target, prune_checkpoint(read_checkpoint(source), SCHEME, 4.0)[0])


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64])
def test_wrapper_type_and_other_tensors_stay(seed, tmp_path, kind) -> None:
    """A training checkpoint with two levels around the state dict, in three types of numbers."""
    model = tagger(seed).to(kind)
    steps = torch.tensor(7)
    wrapped = {"epoch": 3, "net": {"state": model.state_dict()}, "optim": [{"step": steps}]}
    torch.save(wrapped, tmp_path / "a.pt")
    prune_file(tmp_path / "a.pt", tmp_path / "b.pt")
    loaded = torch.load(tmp_path / "b.pt", weights_only=True)
    assert loaded["epoch"] == 3
    assert loaded["optim"] == [{"step": steps}]
    state = loaded["net"]["state"]
    assert isinstance(state, OrderedDict)
    other = Tagger().to(kind)
    other.load_state_dict(state, strict=True)
    for name, value in model.state_dict().items():
        assert state[name].dtype == kind
        if "rnn.weight" in name:
            left = state[name] != 0
            assert torch.equal(state[name][left], value[left])
            assert left.float().mean() == pytest.approx(0.25, abs=0.03)
        else:
            assert torch.equal(state[name], value)
    csb = json.loads((tmp_path / "b.pt.csb.json").read_text())
    assert csb["classes"] == 4
    assert read_checkpoint(tmp_path / "b.pt").csb == csb


@pytest.mark.parametrize("ending", ["safetensors", "npz", "pt"])
def test_formats_hold_metadata(seed, tmp_path, ending) -> None:
    from safetensors.torch import save_file

    model = tagger(seed).to(torch.bfloat16)
    save_file(model.state_dict(), tmp_path / "a.safetensors")
    out = tmp_path / f"b.{ending}"
    prune_file(tmp_path / "a.safetensors", out)
    read = read_checkpoint(out)
    assert len(read.csb["unit_class"]["hidden_l0"]) == 32
    assert read.rate == pytest.approx(4, rel=0.01)
    if ending == "npz":
        with np.load(out) as arrays:
            assert arrays["head.weight"].dtype == np.float32
        return
    state = load(out)
    Tagger().to(torch.bfloat16).load_state_dict(state, strict=True)
    assert state["rnn.weight_hh_l0"].dtype == torch.bfloat16


def test_masks_of_torch_stay(seed, tmp_path) -> None:
    """A module under torch.nn.utils.prune loads the file again, masks and all."""
    torch.manual_seed(seed)
    model = nn.LSTM(16, 32)
    torch_prune.l1_unstructured(model, "weight_hh_l0", 0.1)
    torch.save(model.state_dict(), tmp_path / "a.pt")
    prune_file(tmp_path / "a.pt", tmp_path / "b.pt")
    state = torch.load(tmp_path / "b.pt", weights_only=True)
    model.load_state_dict(state, strict=True)
    assert float((state["weight_hh_l0_orig"] != 0).float().mean()) < 0.3


def test_file_of_an_earlier_version_is_read(tmp_path) -> None:
    """Metadata used to be an entry of the dict; pruned again, the file has none."""
    state = nn.GRU(16, 32).state_dict()
    torch.save({**state, "csb": {"block": 4, "task": "T"}}, tmp_path / "a.pt")
    assert read_checkpoint(tmp_path / "a.pt").csb["block"] == 4
    prune_file(tmp_path / "a.pt", tmp_path / "b.pt")
    assert "csb" not in torch.load(tmp_path / "b.pt", weights_only=True)
    assert read_checkpoint(tmp_path / "b.pt").csb["task"] == "T"


def test_damaged_metadata_are_one_line(tmp_path) -> None:
    torch.save(nn.GRU(4, 8).state_dict(), tmp_path / "a.pt")
    (tmp_path / "a.pt.csb.json").write_text("{")
    with pytest.raises(csb_rnn.errors.CsbError, match=r"a\.pt: csb: expected JSON") as caught:
        read_checkpoint(tmp_path / "a.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [AdmmPruner, FeedbackPruner])
def test_pruner_saves_what_loads_back(seed, tmp_path, kind) -> None:
    model = tagger(seed)
    pruner = kind(model, make_scheme("csb", BLOCK, (1, 2)), 4.0, classes=4)
    pruner.update()
    if kind is AdmmPruner:
        with pytest.raises(PruningError, match=r"save\(\) before harden\(\)"):
            pruner.save(tmp_path / "m.pt")
    pruner.harden()
    text = repr(pruner)
    assert "classes 4" in text
    assert "rnn.weight_hh_l0" in text
    assert "hardened" in text
    energy = pruner.pruned().energy
    assert 0.2 < energy < 0.9
    pruner.save(tmp_path / "m.pt")
    other = tagger(seed + 1)
    other.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True), strict=True)
    found = read_checkpoint(tmp_path / "m.pt")
    classes = np.array(found.csb["unit_class"]["hidden_l0"])
    assert found.csb["cell"] == "gru"
    assert check(found.tensors["weight_hh_l0"] != 0, classes, 4, 2, BLOCK) > 4


def test_state_of_a_pruner_keeps_the_energy(seed) -> None:
    model = tagger(seed)
    pruner = FeedbackPruner(model, make_scheme("csb", BLOCK), 4.0)
    pruner.harden()
    other = FeedbackPruner(tagger(seed), make_scheme("csb", BLOCK), 4.0)
    other.load_state_dict(pruner.state_dict())
    assert other.pruned().energy == pruner.pruned().energy < 0.9


def test_parameters_have_no_file(tmp_path) -> None:
    pruner = FeedbackPruner({"w": nn.Parameter(torch.randn(16, 16))}, make_scheme("csb", 8), 2.0)
    with pytest.raises(PruningError, match="not a module"):
        pruner.save(tmp_path / "m.pt")


def test_constrain_before_harden_is_an_error() -> None:
    model = tagger(0)
    pruner = AdmmPruner(model, make_scheme("csb", BLOCK), 4.0)
    with pytest.raises(PruningError, match=r"constrain\(\) before harden\(\)"):
        pruner.constrain()
    pruner.harden()
    pruner.constrain()


class Pair(nn.Module):
    """Two recurrent modules of different widths, and a cell."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.dec, self.cell = nn.GRU(8, 32), nn.LSTM(8, 16), nn.GRUCell(8, 16)


def test_several_modules_have_classes_of_their_own(seed, tmp_path) -> None:
    """Each is balanced by its classes, and a build of one of them finds those."""
    torch.manual_seed(seed)
    pair = Pair()
    pruned = csb_rnn.prune(pair, rate=3, block=BLOCK, align=(1, 2), classes=4)
    spaces = {"enc.hidden_l0": 32, "dec.hidden_l0": 16, "cell.hidden_l0": 16}
    assert {k: len(v) for k, v in pruned.metadata["unit_class"].items()} == spaces
    pruned.save(tmp_path / "m.safetensors")
    Pair().load_state_dict(load(tmp_path / "m.safetensors"), strict=True)
    for prefix in ("enc", "dec", "cell"):
        found = read_checkpoint(tmp_path / "m.safetensors", prefix)
        classes = np.array(found.csb["unit_class"]["hidden_l0"])
        assert classes.tolist() == pruned.metadata["unit_class"][f"{prefix}.hidden_l0"]
        assert check(found.tensors["weight_hh_l0"] != 0, classes, 4, 2, BLOCK) > 2
