# SPDX-License-Identifier: Apache-2.0
"""Layers without a state, such as torch.nn.Linear, and the same with an activation:

y = W x + b      y = relu(W x + b)      y = sigmoid(W x + b)      y = tanh(W x + b)
"""

from csb_rnn.cells.graph import Cell, Drain, Elem


def _linear(act: str) -> Cell:
    return Cell(
        name="linear" if act == "identity" else f"linear_{act}",
        gates=("y",),
        states=(),
        vectors={"y": None},
        nodes=(Drain("a", "y", ("x",), act), Elem("y", "one", "a", vector="y", output=True)),
    )


LINEAR, LINEAR_RELU, LINEAR_SIGMOID, LINEAR_TANH = map(
    _linear, ("identity", "relu", "sigmoid", "tanh")
)
