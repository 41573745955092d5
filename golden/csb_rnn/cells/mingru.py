# SPDX-License-Identifier: Apache-2.0
"""minGRU (Feng et al. 2024), no product of the state:

n = W x + b       z = sigmoid(W x + b)       h = (1 - z)*h + z*n
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

MINGRU = Cell(
    name="mingru",
    gates=("z", "n"),
    states=("h",),
    vectors={"h": None},
    nodes=(
        Drain("z", "z", ("x",), "sigmoid"),
        Drain("n", "n", ("x",)),
        Elem("not_z", "one", "one", "one", "z", sub=True),
        Elem("h", "not_z", "state:h", "z", "n", state="h", vector="h", output=True),
    ),
)
