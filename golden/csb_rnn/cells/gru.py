# SPDX-License-Identifier: Apache-2.0
"""GRU as torch.nn.GRU computes it, the reset gate after the product:

r, z = sigmoid(W x + b + U h + b')          n = tanh(W x + b + r*(U h + b'))
h = (1 - z)*n + z*h
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

GRU = Cell(
    name="gru",
    gates=("r", "z", "n"),
    states=("h",),
    vectors={"h": "h"},
    nodes=(
        Drain("r", "r", ("x", "h"), "sigmoid"),
        Drain("hn", "n", ("h",)),
        Drain("xn", "n", ("x",)),
        Drain("z", "z", ("x", "h"), "sigmoid"),
        Elem("n", "r", "hn", "one", "xn", act="tanh"),
        Elem("not_z", "one", "one", "one", "z", sub=True),
        Elem("h", "not_z", "n", "z", "state:h", state="h", vector="h", output=True),
    ),
)
