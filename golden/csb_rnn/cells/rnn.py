# SPDX-License-Identifier: Apache-2.0
"""Plain recurrent layers as torch.nn.RNN computes them, nonlinearity tanh and relu:

h = tanh(W x + b + U h + b')                h = relu(W x + b + U h + b')
"""

from csb_rnn.cells.graph import Cell, Drain, Elem


def _rnn(name: str, act: str) -> Cell:
    return Cell(
        name=name,
        gates=("h",),
        states=("h",),
        vectors={"h": "h"},
        nodes=(
            Drain("a", "h", ("x", "h"), act),
            Elem("h", "one", "a", state="h", vector="h", output=True),
        ),
    )


RNN = _rnn("rnn", "tanh")
RNN_RELU = _rnn("rnn_relu", "relu")
