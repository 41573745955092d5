# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: three formats, three key styles, every option of torch's modules, and bad input."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from csb_rnn.network import stacking, state_dict
from csb_rnn.network.checkpoint import CELL_GATES, CheckpointError
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.network.state_dict import from_state_dict

FORMATS = (".pt", ".npz", ".safetensors")


def plain(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("cell", "module"),
    [
        ("lstm", lambda bias: nn.LSTM(5, 7, 2, bias=bias)),
        ("lstm", lambda bias: nn.LSTM(5, 7, 2, bias=bias, proj_size=3, bidirectional=True)),
        ("gru", lambda bias: nn.GRU(1, 7, 3, bias=bias, bidirectional=True)),
        ("rnn", lambda bias: nn.RNN(5, 1, bias=bias)),
    ],
)
def test_round_trip(tmp_path, suffix, bias, cell, module):
    module = module(bias)
    csb = {"cell": cell} if cell == "rnn" else {}
    original = from_state_dict({f"enc.{k}": v for k, v in module.state_dict().items()}, csb=csb)
    path = tmp_path / f"model{suffix}"
    write_checkpoint(path, original.with_tensors({}, block=4, align=[2, 2], task="Z2", rate=1.0))
    read = read_checkpoint(path)
    assert (read.cell, read.prefix) == (cell, "enc.")
    assert read.csb == {
        "version": 1,
        "cell": cell,
        "block": 4,
        "align": [2, 2],
        "task": "Z2",
        "rate": 1.0,
    }
    expected = plain(module)
    assert set(read.tensors) == set(expected)
    for name, value in expected.items():
        assert read.tensors[name].dtype == np.float32
        np.testing.assert_array_equal(read.tensors[name], value)
    layer = read.layers[-1]
    assert len(read.layers) == module.num_layers
    assert (layer.hidden, layer.bias, layer.proj) == (module.hidden_size, bias, module.proj_size)
    assert layer.bidirectional == module.bidirectional
    assert read.layers[0].inputs == module.input_size


def test_same_content_gives_same_bytes(tmp_path):
    checkpoint = from_state_dict(nn.GRU(3, 4).state_dict())
    write_checkpoint(tmp_path / "a.npz", checkpoint)
    write_checkpoint(tmp_path / "b.npz", checkpoint)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


class MaskTimes(nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.register_buffer("mask", mask)

    def forward(self, w):
        return w * self.mask


def test_prune_and_parametrize_keys():
    torch.manual_seed(1)
    module = nn.LSTM(6, 5)
    wanted = plain(module)
    mask = (torch.rand(20, 5) > 0.5).float()
    prune.custom_from_mask(module, "weight_hh_l0", mask)
    wanted["weight_hh_l0"] = wanted["weight_hh_l0"] * mask.numpy()
    got = from_state_dict(module.state_dict()).tensors
    for name, value in wanted.items():
        np.testing.assert_array_equal(got[name], value)

    module = nn.GRU(6, 5)
    wanted = plain(module)
    mask = (torch.rand(15, 6) > 0.5).float()
    parametrize.register_parametrization(module, "weight_ih_l0", MaskTimes(mask))
    wanted["weight_ih_l0"] = wanted["weight_ih_l0"] * mask.numpy()
    got = from_state_dict({f"rnn.{k}": v for k, v in module.state_dict().items()})
    assert got.prefix == "rnn."
    for name, value in wanted.items():
        np.testing.assert_array_equal(got.tensors[name], value)


def test_no_negative_zeros():
    tensors = from_state_dict(gru(weight_ih_l0=torch.full((12, 3), -0.0))).tensors
    assert not np.signbit(tensors["weight_ih_l0"]).any()


def test_nested_pt_and_csb_as_string(tmp_path):
    state = nn.GRU(3, 4).state_dict()
    torch.save(
        {"state_dict": state, "epoch": 3, "csb": json.dumps({"block": 4})}, tmp_path / "a.pt"
    )
    assert read_checkpoint(tmp_path / "a.pt").csb["block"] == 4


def test_cell_named_by_metadata():
    tensors = {"weight_ih_l0": np.ones((8, 3)), "weight_hh_l0": np.ones((8, 4))}
    assert from_state_dict(tensors, csb={"cell": "ligru"}).cell == "ligru"
    with pytest.raises(CheckpointError, match="weight_hh_l0: expected 4, 3 or 1 times 4 rows"):
        from_state_dict(tensors)


def test_eight_bit_tables_are_stable(tmp_path):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(30, 8)).astype(np.float32)
    table[3] = 0
    state = {
        **nn.GRU(3, 4).state_dict(),
        "embed.weight": table,
        "head.bias": table[0],
        "n": np.int64(3),
    }
    write_checkpoint(tmp_path / "a.npz", from_state_dict(state), tables_8bit=True)
    first = read_checkpoint(tmp_path / "a.npz")
    step = np.abs(table).max(1, keepdims=True) / 127
    assert (np.abs(first.extras["embed.weight"] - table) <= step * 0.501).all()
    np.testing.assert_array_equal(first.extras["head.bias"], table[0])
    assert set(first.extras) == {"embed.weight", "head.bias", "n"}
    write_checkpoint(tmp_path / "b.npz", first, tables_8bit=True)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def gru(**changes):
    state = {k: v.clone() for k, v in nn.GRU(3, 4).state_dict().items()}
    for key, value in changes.items():
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


BAD = [
    ({}, "weight_ih_l0: missing"),
    (gru(weight_hh_l0=None), "weight_hh_l0: missing"),
    (gru(bias_hh_l0=None), r"bias_hh_l0: missing; expected shape \(12,\)"),
    (
        gru(weight_ih_l0=torch.zeros(11, 3)),
        r"weight_ih_l0: expected shape \(12, 3\), got \(11, 3\)",
    ),
    (gru(weight_hh_l0=torch.zeros(13, 4)), "weight_hh_l0: expected 4, 3 or 1 times 4 rows"),
    (gru(weight_hh_l0=torch.zeros(12)), "weight_hh_l0: expected a matrix"),
    (gru(weight_ih_l0=torch.zeros(12, 0)), "weight_ih_l0: expected a matrix"),
    (gru(bias_ih_l0=torch.full((12,), float("nan"))), "bias_ih_l0: expected finite numbers"),
    (gru(bias_ih_l0=torch.full((12,), float("inf"))), "bias_ih_l0: expected finite numbers"),
    (
        gru(weight_ih_l0=torch.zeros(12, 3, dtype=torch.int64)),
        "weight_ih_l0: expected floating point",
    ),
    (gru(weight_ih_l2=torch.zeros(12, 4)), "weight_ih_l1: missing"),
    (gru(weight_hr_l0=torch.zeros(4, 4)), "weight_hr_l0: only an lstm"),
    (gru(weight_ih_l0_orig=torch.zeros(12, 3)), "weight_ih_l0: is stored twice"),
    (gru(weight_ih_l0=None, weight_ih_l0_orig=torch.zeros(12, 3)), "weight_ih_l0_mask: missing"),
    (
        gru(
            weight_ih_l0=None,
            weight_ih_l0_orig=torch.zeros(12, 3),
            weight_ih_l0_mask=torch.ones(3, 12),
        ),
        r"weight_ih_l0_mask: expected shape \(12, 3\)",
    ),
    ({**gru(), **{f"b.{k}": v for k, v in gru().items()}}, "several recurrent modules"),
    (
        {
            **gru(weight_ih_l0=None),
            "parametrizations.weight_ih_l0.original0": torch.zeros(12, 1),
            "parametrizations.weight_ih_l0.original1": torch.zeros(12, 3),
        },
        "expected a mask",
    ),
]


@pytest.mark.parametrize(("state", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_state_is_one_clear_line(state, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        from_state_dict(state)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("csb", "message"),
    [
        ({"version": 2}, "csb.version: expected 1"),
        ({"cell": "alien"}, "csb.cell: expected one of"),
        ({"block": 0}, "csb.block"),
        ({"align": [4]}, "csb.align"),
        ({"rate": 0.5}, "csb.rate"),
        (
            {"row_order": {"weight_ih_l0": [0, 0]}},
            r"csb.row_order.weight_ih_l0: expected a permutation of 0..11",
        ),
        ({"col_order": {"weight_xx": []}}, "csb.col_order.weight_xx: no such matrix"),
        ([1], "csb: expected a JSON object"),
    ],
)
def test_bad_metadata(csb, message):
    with pytest.raises(CheckpointError, match=message):
        from_state_dict(gru(), csb=csb)


def test_bad_files(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        read_checkpoint(tmp_path / "none.pt")
    for suffix in FORMATS:
        path = tmp_path / f"broken{suffix}"
        path.write_bytes(b"this is no checkpoint")
        with pytest.raises(CheckpointError, match="not a readable") as caught:
            read_checkpoint(path)
        assert "\n" not in str(caught.value)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(CheckpointError, match="ending in"):
        read_checkpoint(tmp_path / "a.txt")
    np.savez(
        tmp_path / "c.npz", **{k: v.numpy() for k, v in gru().items()}, csb=np.array("{no json")
    )
    with pytest.raises(CheckpointError, match="csb: expected JSON"):
        read_checkpoint(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", weight_ih_l0=np.array([object()], dtype=object))
    with pytest.raises(CheckpointError, match="not a readable"):
        read_checkpoint(tmp_path / "d.npz")


def test_nothing_half_written(tmp_path):
    checkpoint = from_state_dict(gru()).with_tensors({}, block=0)
    with pytest.raises(CheckpointError):
        write_checkpoint(tmp_path / "a.npz", checkpoint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "cell", ["sru", "mingru", "gru_before", "ligru", "rnn_relu", "lstmp", "peephole"]
)
def test_cells_of_the_metadata(cell, tmp_path):
    """Tensors of a cell that torch does not have: stacked by its gates, through a file."""
    rng = np.random.default_rng(1)
    gates, hidden, recurs = CELL_GATES[cell], 6, cell not in ("sru", "mingru")
    state, width = {}, 5
    for n in range(2):
        out = 3 if cell == "lstmp" else hidden
        state[f"weight_ih_l{n}"] = rng.normal(size=(gates * hidden, width))
        state[f"bias_ih_l{n}"] = rng.normal(size=gates * hidden)
        if recurs:
            state[f"weight_hh_l{n}"] = rng.normal(size=(gates * hidden, out))
            state[f"bias_hh_l{n}"] = rng.normal(size=gates * hidden)
        if cell == "lstmp":
            state[f"weight_hr_l{n}"] = rng.normal(size=(out, hidden))
        if cell == "peephole":
            state[f"weight_p_l{n}"] = rng.normal(size=3 * hidden)
        width = out
    write_checkpoint(tmp_path / "m.npz", from_state_dict(state, csb={"cell": cell}))
    net = stacking.network_from_checkpoint(read_checkpoint(tmp_path / "m.npz"))
    assert [la.cell.name for la in net.layers] == [cell] * 2
    assert net.outputs == width
    del state["weight_ih_l1"]
    with pytest.raises(CheckpointError, match="weight_ih_l1: missing"):
        from_state_dict(state, csb={"cell": cell})


@pytest.mark.parametrize("prefix", ["fc", "fc.", ""])
def test_a_linear_layer_is_found_by_its_prefix(prefix: str) -> None:
    head = f"{prefix.removesuffix('.')}." if prefix else ""
    w, b = np.arange(6.0).reshape(2, 3), np.arange(2.0)
    state = {f"{head}weight": w, f"{head}bias": b}
    found = state_dict.linear(state, prefix)
    assert found is not None
    assert np.array_equal(found[0], w)
    assert found[1] is not None
    assert np.array_equal(found[1], b)
    assert state_dict.linear(state, "other") is None
    assert state_dict.linear({f"{head}weight": w, f"{head}bias": w}, prefix)[1] is None
    for none in (np.zeros(3), np.zeros((2, 0)), np.zeros((2, 3, 1)), "text"):
        assert state_dict.linear({f"{head}weight": none}, prefix) is None
