# SPDX-License-Identifier: Apache-2.0
"""A language model of letters: trained, pruned, and asked for one letter after the other.

Each call is one step of the machine; states go from one call to the next. Argument: rtl.
"""

import sys

import numpy as np
import torch

import csb_rnn

TEXT = "the cat sat on the mat and the rat sat on the cat. " * 8
LETTERS = sorted(set(TEXT))
torch.manual_seed(0)
codes = torch.tensor([LETTERS.index(c) for c in TEXT])
hot = torch.nn.functional.one_hot(codes, len(LETTERS)).float()

lstm = torch.nn.LSTM(len(LETTERS), 48, batch_first=True)
head = torch.nn.Linear(48, len(LETTERS))
masks: dict[str, torch.Tensor] = {}
optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.02)


def train(steps: int) -> float:
    """Steps of gradients; weights that are pruned stay zero."""
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(head(lstm(hot[None, :-1])[0][0]), codes[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for name, mask in masks.items():
                lstm.get_parameter(name).mul_(mask)
    return loss.item()


print(f"dense: loss {train(60):.3f}")
csb_rnn.prune(lstm, rate=4, block=16, config="tiny")
masks = {n: (p != 0).float() for n, p in lstm.named_parameters() if n.startswith("weight")}
print(f"1 of 4 weights: loss {train(60):.3f}")

build = csb_rnn.build(lstm, config="tiny", calibrate=hot.numpy())
weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
state, letter, said = None, "t", "t"
for _ in range(40):
    step = build.run_fixed(np.eye(len(LETTERS), dtype="f4")[[LETTERS.index(letter)]], state)
    state = step.state
    letter = LETTERS[int((weight @ step.outputs[0] + bias).argmax())]
    said += letter
print(f"says: {said}")
print(f"tiny: {build.predict().latency} cycles from a letter to the next")

if "rtl" in sys.argv:
    run = build.simulate(hot[:20].numpy())
    print(f"RTL: {run.cycles:g} cycles a frame, {run.mismatches} mismatches")
