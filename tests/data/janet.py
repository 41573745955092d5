# SPDX-License-Identifier: Apache-2.0
"""Forget gate only: f = sigmoid(W x + U h + b), g = tanh(W x + U h + b), h = f*h + (1 - f)*g"""

from csb_rnn.cells.graph import Cell, Drain, Elem

JANET = Cell(
    name="janet",
    gates=("f", "g"),
    states=("h",),
    vectors={"h": "h"},
    nodes=(
        Drain("f", "f", ("x", "h"), "sigmoid"),
        Drain("g", "g", ("x", "h"), "tanh"),
        Elem("not_f", "one", "one", "one", "f", sub=True),
        Elem("h", "f", "state:h", "not_f", "g", state="h", vector="h", output=True),
    ),
).check()
