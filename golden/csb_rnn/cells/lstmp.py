# SPDX-License-Identifier: Apache-2.0
"""LSTM with a projection, torch.nn.LSTM(proj_size=...): R projected units recur.

i, f, o = sigmoid(W x + b + U h + b')      g = tanh(W x + b + U h + b')
c = f*c + i*g                               h = W_hr (o * tanh(c))
"""

from csb_rnn.cells.graph import Cell, Drain, Elem

LSTMP = Cell(
    name="lstmp",
    gates=("i", "f", "g", "o", "proj"),
    states=("h", "c"),
    vectors={"h": "h", "m": None},
    nodes=(
        Drain("i", "i", ("x", "h"), "sigmoid"),
        Drain("f", "f", ("x", "h"), "sigmoid"),
        Drain("g", "g", ("x", "h"), "tanh"),
        Drain("o", "o", ("x", "h"), "sigmoid"),
        Elem("tanh_c", "f", "state:c", "i", "g", act="tanh", state="c"),
        Elem("m", "o", "tanh_c", vector="m"),
        Drain("p", "proj", ("m",), space="proj"),
        Elem("h", "one", "p", state="h", vector="h", output=True, space="proj"),
    ),
)
