# SPDX-License-Identifier: Apache-2.0
"""One rank of a data-parallel training with a pruner: run by test_pruning_scale.py.

Arguments: rank, number of ranks, file of the meeting, folder of the results, method.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from csb_rnn.pruning import AdmmPruner, FeedbackPruner, make_scheme

METHODS = {"admm": AdmmPruner, "feedback": FeedbackPruner}


def train(rank: int, ranks: int, meeting: str, folder: Path, method: str) -> None:
    """Each rank has data of its own; only gradients are shared, by gloo."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=ranks
    )
    torch.manual_seed(0)
    model = DistributedDataParallel(nn.GRU(6, 32))
    pruner = METHODS[method](model.module, make_scheme("csb", 8, (2, 2)), 3.0)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    generator = torch.Generator().manual_seed(100 + rank)
    for step in range(12):
        optimizer.zero_grad()
        x = torch.randn(5, 4, 6, generator=generator)
        model(x)[0].sub(0.3).square().mean().backward()
        pruner.observe()
        pruner.add_gradients()
        optimizer.step()
        if pruner.hardened or pruner.every_step:
            pruner.constrain()
        if step == 8:
            pruner.harden()
        elif not pruner.hardened and step % 2:
            pruner.update()
    torch.save(
        {"masks": pruner.masks, "weights": model.module.state_dict(), "last": x},
        folder / f"{method}{rank}.pt",
    )
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    where = Path(sys.argv[4])
    for name in METHODS:
        train(int(sys.argv[1]), int(sys.argv[2]), f"{sys.argv[3]}_{name}", where, name)
