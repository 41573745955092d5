# SPDX-License-Identifier: Apache-2.0
"""LSTM with peephole connections (Gers and Schmidhuber 2000), ONNX LSTM with its input P:

i, f = sigmoid(W x + b + U h + b' + p*c)    g = tanh(W x + b + U h + b')
c' = f*c + i*g                               o = sigmoid(W x + b + U h + b' + p*c')
h = o * tanh(c')

p are numbers of each unit. They are copied to registers first: only wide operands read memory.
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

PEEPHOLE = Cell(
    name="peephole",
    gates=("i", "f", "g", "o"),
    states=("h", "c"),
    constants=("p_i", "p_f", "p_o"),
    vectors={"h": "h"},
    nodes=(
        Drain("ai", "i", ("x", "h")),
        Drain("af", "f", ("x", "h")),
        Drain("g", "g", ("x", "h"), "tanh"),
        Drain("ao", "o", ("x", "h")),
        Elem("pi", "one", "const:p_i"),
        Elem("pf", "one", "const:p_f"),
        Elem("po", "one", "const:p_o"),
        Elem("i", "one", "ai", "pi", "state:c", act="sigmoid"),
        Elem("f", "one", "af", "pf", "state:c", act="sigmoid"),
        Elem("c", "f", "state:c", "i", "g", state="c"),
        Elem("o", "one", "ao", "po", "c", act="sigmoid"),
        Elem("tanh_c", "one", "c", act="tanh"),
        Elem("h", "o", "tanh_c", state="h", vector="h", output=True),
    ),
)
