# SPDX-License-Identifier: Apache-2.0
"""A tagger that reads a sentence in both directions, from an ONNX file. Argument: rtl.

The embedding and the head of the graph run on the host, the LSTM of two directions on the machine.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

import csb_rnn

WORDS, TAGS = 50, 4


class Tagger(torch.nn.Module):
    """Word numbers ``[frames, 1]`` to scores of tags ``[frames, 1, TAGS]``."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(WORDS, 12)
        self.lstm = torch.nn.LSTM(12, 16, bidirectional=True)
        self.head = torch.nn.Linear(32, TAGS)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(self.embedding(words))[0])


torch.manual_seed(0)
tagger = Tagger().eval()
sentence = torch.randint(0, WORDS, (9, 1))
with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the exporter's own
    file = Path(folder) / "tagger.onnx"
    torch.onnx.export(tagger, (sentence,), file, input_names=["words"], dynamo=False)
    build = csb_rnn.build(file, config="tiny", calibrate=sentence.numpy())

with torch.no_grad():
    wanted = tagger(sentence).numpy()
found = build.run_fixed(sentence.numpy()).outputs
print(f"tags of torch:       {wanted.argmax(-1).ravel().tolist()}")
print(f"tags of the machine: {found.argmax(-1).ravel().tolist()}")
print(f"largest difference of a score: {np.abs(found - wanted).max():.6f}")
print(f"tiny: {build.predict().cycles:g} cycles a word, both directions")

if "rtl" in sys.argv:
    run = build.simulate(sentence.numpy())
    print(f"RTL: {run.cycles:g} cycles a frame and direction, {run.mismatches} mismatches")
