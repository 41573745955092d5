# SPDX-License-Identifier: Apache-2.0
"""GRU with the reset gate before the product, as it was first published and as the paper has it:

r, z = sigmoid(W x + b + U h + b')          n = tanh(W x + b + U (r*h) + b')
h = (1 - z)*n + z*h
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

GRU_BEFORE = Cell(
    name="gru_before",
    gates=("r", "z", "n"),
    states=("h",),
    vectors={"h": "h", "rh": None},
    nodes=(
        Drain("r", "r", ("x", "h"), "sigmoid"),
        Elem("rh", "r", "state:h", vector="rh"),
        Drain("z", "z", ("x", "h"), "sigmoid"),
        Elem("not_z", "one", "one", "one", "z", sub=True),
        Drain("n", "n", ("x", "rh"), "tanh"),
        Elem("h", "not_z", "n", "z", "state:h", state="h", vector="h", output=True),
    ),
)
