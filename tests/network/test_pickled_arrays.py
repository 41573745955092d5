# SPDX-License-Identifier: Apache-2.0
"""Dicts of numpy arrays that pickle wrote: read, and nothing that they name is run."""

from __future__ import annotations

import collections
import io
import pickle
import random

import numpy as np
import pytest
import torch

from csb_rnn.network import pickled_arrays
from csb_rnn.network.checkpoint import CheckpointError
from csb_rnn.network.checkpoint_files import read_checkpoint

STATE = {k: v.numpy() for k, v in torch.nn.GRU(3, 4).state_dict().items()}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "<i8", "|u1"])
def test_arrays_come_back(protocol, dtype):
    made = collections.OrderedDict(
        a=np.arange(12).reshape(3, 4).astype(dtype), b=np.asfortranarray(np.ones((2, 3), dtype))
    )
    found = pickled_arrays.read(pickle.dumps(made, protocol))
    assert list(found) == ["a", "b"]
    assert all((found[k] == v).all() and found[k].shape == v.shape for k, v in made.items())


def test_a_checkpoint_of_arrays_is_a_state_dict(tmp_path):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({f"rnn.{k}": v for k, v in STATE.items()}))
    assert read_checkpoint(tmp_path / "m.pkl").cell == "gru"


class Ran(Exception):  # noqa: N818
    """Code of the file was run."""


class Bad:
    """An object whose pickle runs a function of the file's choice."""

    def __reduce__(self):
        return _raise, ()


def _raise():
    raise Ran


@pytest.mark.parametrize(
    "value",
    [
        {"a": Bad()}, Bad(), {"a": np.array([Bad()], object)}, {"a": 1}, {1: np.zeros(2)},
        [np.zeros(2)], {"a": np.zeros(2, "U3")}, {"a": np.zeros(2, [("x", "f4")])},
        {"a": np.zeros(2, complex)}, {"a": np.dtype("f4")}, {"a": np.datetime64("2020")},
    ],
    ids=range(11),
)  # fmt: skip
def test_anything_else_is_refused(value, tmp_path):
    data = pickle.dumps(value)
    with pytest.raises(pickled_arrays.PickleError):
        pickled_arrays.read(data)
    (tmp_path / "m.pkl").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"not a readable \.pkl file"):
        read_checkpoint(tmp_path / "m.pkl")


def test_lies_about_sizes_are_refused():
    """A shape that is not that of the bytes, an argument that is no tuple."""
    for state in ((1, (1 << 40,), np.dtype("f4"), False, b"1234"), (1, 2), None, "x"):
        data = io.BytesIO()
        writer = pickle.Pickler(data)
        writer.dispatch_table = {Bad: lambda _, s=state: (_array(), (), s)}
        writer.dump({"a": Bad()})
        with pytest.raises(pickled_arrays.PickleError):
            pickled_arrays.read(data.getvalue())


def _array():
    return np.ndarray


def test_changed_bytes_are_arrays_or_refused():
    """2,000 pickles with one to three bytes changed."""
    rng, good = random.Random(0), pickle.dumps(STATE, 2)
    refused = 0
    for _ in range(2000):
        data = bytearray(good[: rng.choice((len(good), rng.randrange(len(good))))] or b"\x80")
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            found = pickled_arrays.read(bytes(data))
        except pickled_arrays.PickleError:
            refused += 1
            continue
        assert all(isinstance(v, np.ndarray) for v in found.values())
    assert refused > 500
