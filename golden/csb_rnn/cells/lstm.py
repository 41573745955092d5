# SPDX-License-Identifier: Apache-2.0
"""LSTM as torch.nn.LSTM computes it:

i, f, o = sigmoid(W x + b + U h + b')      g = tanh(W x + b + U h + b')
c = f*c + i*g                               h = o * tanh(c)
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

LSTM = Cell(
    name="lstm",
    gates=("i", "f", "g", "o"),
    states=("h", "c"),
    vectors={"h": "h"},
    nodes=(
        Drain("i", "i", ("x", "h"), "sigmoid"),
        Drain("f", "f", ("x", "h"), "sigmoid"),
        Drain("g", "g", ("x", "h"), "tanh"),
        Drain("o", "o", ("x", "h"), "sigmoid"),
        Elem("tanh_c", "f", "state:c", "i", "g", act="tanh", state="c"),
        Elem("h", "o", "tanh_c", state="h", vector="h", output=True),
    ),
)
