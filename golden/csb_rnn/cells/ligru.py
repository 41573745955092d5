# SPDX-License-Identifier: Apache-2.0
"""Li-GRU (Ravanelli et al. 2018), batch norm of the input product folded into W and b:

a = relu(W x + b + U h)      z = sigmoid(W x + b + U h)      h = z*h + (1 - z)*a
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

LIGRU = Cell(
    name="ligru",
    gates=("a", "z"),
    states=("h",),
    vectors={"h": "h"},
    nodes=(
        Drain("a", "a", ("x", "h"), "relu"),
        Drain("z", "z", ("x", "h"), "sigmoid"),
        Elem("not_z", "one", "one", "one", "z", sub=True),
        Elem("h", "z", "state:h", "not_z", "a", state="h", vector="h", output=True),
    ),
)
