# SPDX-License-Identifier: Apache-2.0
"""Row and column orders: found, used by the pruner, kept through a checkpoint to the image."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from csb_rnn.experiments.tasks.training import orders_for_checkpoint
from csb_rnn.network.checkpoint_files import read_checkpoint, write_checkpoint
from csb_rnn.pruning import (
    AdmmPruner,
    ProjectionError,
    PruningError,
    csb_mask,
    find_order,
    kernel_stats,
    make_scheme,
)
from csb_rnn.pruning.order import kept_energy, ordered_mask
from tests.helpers import build_image

torch.set_num_threads(1)  # tests run side by side


def hidden_blocks(shape=(64, 48), block=16, seed=0):
    """A matrix that is a block pattern with its rows and columns shuffled."""
    g = torch.Generator().manual_seed(seed)
    w = torch.randn(shape, generator=g)
    w = torch.where(csb_mask(w, block, 6, (4, 4), tolerance=None), w, 0.05 * w)
    rows, cols = (torch.randperm(n, generator=g) for n in shape)
    return w[rows][:, cols]


def test_mask_in_an_order_is_the_mask_of_the_ordered_matrix():
    w = hidden_blocks()
    order = (torch.randperm(64), torch.randperm(48))
    mask = ordered_mask(w, order, 16, 5, (2, 2))
    torch.testing.assert_close(
        mask[order[0]][:, order[1]],
        csb_mask(w[order[0]][:, order[1]], 16, 5, (2, 2), tolerance=None),
    )


@pytest.mark.parametrize("shape", [(64, 48), (70, 33), (40, 16)])
def test_order_is_a_permutation_and_never_worse(shape):
    w = hidden_blocks(shape)
    as_is = (torch.arange(shape[0]), torch.arange(shape[1]))
    order = find_order(w, 16, 6, (4, 4))
    for places, size in zip(order, shape, strict=True):
        assert sorted(places.tolist()) == list(range(size))
    before = kept_energy(w, ordered_mask(w, as_is, 16, 6, (4, 4)))
    assert kept_energy(w, ordered_mask(w, order, 16, 6, (4, 4))) >= before
    again = find_order(w, 16, 6, (4, 4))
    assert all(torch.equal(a, b) for a, b in zip(order, again, strict=True))


def test_order_finds_structure():
    w = hidden_blocks()
    as_is = (torch.arange(64), torch.arange(48))
    before = kept_energy(w, ordered_mask(w, as_is, 16, 6, (4, 4)))
    after = kept_energy(w, ordered_mask(w, find_order(w, 16, 6, (4, 4)), 16, 6, (4, 4)))
    assert after > before * 1.1


def test_order_of_no_matrix():
    with pytest.raises(ProjectionError, match="expected one matrix"):
        find_order(torch.zeros(4), 2, 2)


def reordered(seed=0):
    torch.manual_seed(seed)
    model = nn.Module()
    model.rnn = nn.GRU(20, 32)
    pruner = AdmmPruner(model, make_scheme("csb", 8, (2, 2)), 6, rho=0.1)
    return model, pruner


def test_pruner_keeps_to_its_order():
    _, pruner = reordered()
    pruner.reorder(6)
    pruner.update()
    pruner.harden()
    for name, w in pruner.params.items():
        rows, cols = pruner.orders[name]
        shown = w.detach()[rows][:, cols]
        stats = kernel_stats(shown, 8)
        assert stats.stored == stats.nonzeros  # whole kernels in this order, so it is CSB there
        assert abs(stats.rate / 6 - 1) < 0.05
    buffer = io.BytesIO()
    torch.save(pruner.state_dict(), buffer)
    buffer.seek(0)
    other = reordered(1)[1]
    other.load_state_dict(torch.load(buffer, weights_only=True))
    for name, order in pruner.orders.items():
        assert all(torch.equal(a, b) for a, b in zip(order, other.orders[name], strict=True))


def test_only_csb_has_an_order():
    torch.manual_seed(0)
    pruner = AdmmPruner(nn.GRU(8, 8), make_scheme("row"), 2)
    with pytest.raises(PruningError, match="only csb has an order"):
        pruner.reorder(2)


def test_order_travels_in_the_checkpoint(tmp_path):
    """Statistics of the image are those of the ordered matrices."""
    model, pruner = reordered()
    pruner.reorder(6)
    pruner.harden()
    csb = {"block": 8, "align": [2, 2], **orders_for_checkpoint(pruner)}
    from csb_rnn.network.state_dict import from_state_dict

    write_checkpoint(tmp_path / "o.npz", from_state_dict(model.state_dict(), "rnn.", csb))
    checkpoint = read_checkpoint(tmp_path / "o.npz")
    assert set(checkpoint.csb["row_order"]) == {"weight_ih_l0", "weight_hh_l0"}
    pattern = build_image(tmp_path / "o.npz", "small").manifest["pattern"]
    entries = sum(
        kernel_stats(p.detach()[pruner.orders[n][0]][:, pruner.orders[n][1]], 8).index_entries
        for n, p in pruner.params.items()
    )
    assert pattern["nio"] == pytest.approx(entries / checkpoint.kept_weights)
    assert np.isfinite(pattern["index_bits"])
