# SPDX-License-Identifier: Apache-2.0
"""SRU (Lei et al. 2018, the form without element-wise weights on c), no product of the state:

u = W x       f, r = sigmoid(W x + b)       c = f*c + (1 - f)*u
h = r*tanh(c) + (1 - r)*p                   p = x, or W x where the widths differ

``p`` is a product as well: W is the identity for p = x.
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

SRU = Cell(
    name="sru",
    gates=("u", "f", "r", "p"),
    states=("c",),
    vectors={"h": None},
    nodes=(
        Drain("u", "u", ("x",)),
        Drain("f", "f", ("x",), "sigmoid"),
        Drain("r", "r", ("x",), "sigmoid"),
        Drain("p", "p", ("x",)),
        Elem("not_f", "one", "one", "one", "f", sub=True),
        Elem("not_r", "one", "one", "one", "r", sub=True),
        Elem("tanh_c", "f", "state:c", "not_f", "u", act="tanh", state="c"),
        Elem("h", "r", "tanh_c", "not_r", "p", vector="h", output=True),
    ),
)
