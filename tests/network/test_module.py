# SPDX-License-Identifier: Apache-2.0
"""Modules of torch with anything around their recurrent layers, given with an example."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from csb_rnn.api.sources import read, read_source
from csb_rnn.flow.source_check import SourceError, check_source
from csb_rnn.network.module import ModuleError, read_module


class Tagger(torch.nn.Module):
    """Embedding -> recurrent layer -> norm -> Linear, and the final state."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(20, 5)
        self.rnn = kind(5, 6, 2, batch_first=True, bidirectional=True)
        self.norm, self.head = torch.nn.LayerNorm(12), torch.nn.Linear(12, 3)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, end = self.rnn(self.table(ids))
        return self.head(self.norm(y)), end[0] if isinstance(end, tuple) else end


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU, torch.nn.RNN])
def test_a_module_is_read_with_an_example(kind):
    torch.manual_seed(0)
    module = Tagger(kind).train()
    found = read_module(module, torch.randint(0, 20, (2, 7)))
    assert module.training
    assert "Gather" in [n.op_type for n in found.plan.before.graph.node]
    assert [la.hidden for _, _, n in found.model.networks() for la in n.layers] == [6] * 4
    check = check_source(found)
    assert check["difference"] < 1e-5
    assert check["tool"].startswith("torch")
    with torch.no_grad():
        module.rnn.weight_hh_l1[0, 0] += 0.5
    with pytest.raises(SourceError, match="of the module"):
        check_source(found)


def test_in_the_api():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    x = torch.randn(5, 3)
    model = read(net, example=x)
    assert [la.cell.name for la in model.single.layers] == ["linear_relu", "linear"]
    found = read_source(net, example=(x,))
    assert len(found.sha256) == 64
    assert np.isclose(check_source(found)["difference"], 0, atol=1e-6)


def test_what_cannot_be_exported_is_refused_in_a_line():
    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("two\nlines")

    with pytest.raises(ModuleError, match=r"Odd: torch\.onnx\.export fails") as caught:
        read_module(Odd(), torch.zeros(2, 3))
    assert "\n" not in str(caught.value)
